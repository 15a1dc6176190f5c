"""A PostgreSQL whose data lives on a tmpfs of a few megabytes, which can be filled and emptied.

The server runs in a child process with a mount namespace of its own (`unshare`), so that no rights are needed
where the kernel lets ordinary users have one. The child is this module: it obeys one word a line.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from solarrally.database_wiring import migrate_and_seed
from solarrally.embedded.postgres import EmbeddedPostgres
from solarrally.embedded.temporary import FAST_AND_FORGETFUL
from tests.builders import make_settings

DISK_SIZE_MB = 160
"""Room for a cluster (40 MB), a few segments of write-ahead log (16 MB each), and some readings."""
LITTLE_LOG = {"max_wal_size": "48MB", "min_wal_size": "32MB", "restart_after_crash": "on"}
_ROOT = Path(__file__).parents[2]


class SmallDiskPostgres:
    """The server, seen from outside its namespace. `fill` leaves not a byte, `empty` gives it all back."""

    def __init__(self, child: subprocess.Popen[str], dsn: str) -> None:
        self.dsn = dsn
        self._child = child

    def fill(self) -> None:
        self._tell("fill")

    def empty(self) -> None:
        """Also starts the server again if it could not live without room, as a supervisor would."""
        self._tell("empty")

    @property
    def is_running(self) -> bool:
        return self._tell("state") == "running"

    def _tell(self, word: str) -> str:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(f"{word}\n")
        self._child.stdin.flush()
        answer = self._child.stdout.readline().strip()
        assert answer, "the small disk's process has ended"
        return answer


class NoSmallDisk(Exception):
    """This machine does not let us mount one."""


@contextmanager
def small_disk_postgres(folder: Path) -> Iterator[SmallDiskPostgres]:
    """Running, migrated and with its site. Raises `NoSmallDisk` with the reason."""
    mount_point = folder / "disk"
    mount_point.mkdir()
    script = (
        f'mount -t tmpfs -o size={DISK_SIZE_MB}m tmpfs "$0" && exec "$1" -m tests.support.small_disk "$0"'
    )
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script]
    try:
        with (folder / "small-disk.log").open("w") as log:
            child = subprocess.Popen(
                [*command, str(mount_point), sys.executable],
                cwd=_ROOT,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
    except FileNotFoundError as error:
        raise NoSmallDisk("there is no program `unshare` (package util-linux)") from error
    with child:
        try:
            assert child.stdout is not None
            line = child.stdout.readline()
            if not line:
                child.wait()
                raise NoSmallDisk((folder / "small-disk.log").read_text().strip()[-500:])
            yield SmallDiskPostgres(child, json.loads(line)["dsn"])
        finally:
            assert child.stdin is not None
            child.stdin.close()  # it stops its server and ends
            child.wait(timeout=30)


def main(mount_point: Path) -> None:
    """The child: starts the server, says where it is, then does as it is told until its input ends."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    ballast = mount_point / "ballast"
    server = EmbeddedPostgres(mount_point / "database", settings={**FAST_AND_FORGETFUL, **LITTLE_LOG})
    server.start()
    try:
        asyncio.run(migrate_and_seed(make_settings(database_url=server.dsn)))
        say(json.dumps({"dsn": server.dsn}))
        for line in sys.stdin:
            match line.strip():
                case "fill":
                    fill(ballast)
                    say("full")
                case "empty":
                    ballast.unlink()
                    if not server.is_running:
                        server.restart()
                    say("empty")
                case "state":
                    say("running" if server.is_running else "ended")
    finally:
        server.stop()


def fill(ballast: Path) -> None:
    """Write until the disk takes no more."""
    with ballast.open("wb", buffering=0) as file:
        for size_bytes in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(bytes(size_bytes))
            except OSError:
                continue


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
