"""Where the cluster's files live, so that the identity which runs PostgreSQL can reach and own them."""

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import structlog

from solarrally.embedded.errors import EmbeddedError, StartFailed
from solarrally.embedded.identity import Identity
from solarrally.embedded.postgres_binaries import PostgresBinaries

log: structlog.stdlib.BoundLogger = structlog.get_logger()

# For root without user namespaces. /var/lib first: systemd empties /var/tmp of what was not touched for 30
# days.
SHARED_BASES = (Path("/var/lib"), Path("/var/tmp"))


@dataclass(frozen=True, slots=True)
class PostgresHome:
    """The directory of the cluster's files and the programs to run on it."""

    directory: Path
    binaries: PostgresBinaries

    @property
    def cluster_dir(self) -> Path:
        """PGDATA."""
        return self.directory / "cluster"


def settle(data_dir: Path, binaries: PostgresBinaries, identity: Identity) -> PostgresHome:
    """Make (once) the directories for this identity; returns where they are.

    They are inside data_dir whenever the identity can reach it. Only a real change of user (root where user
    namespaces are forbidden) below a closed directory such as /root makes them move; that is logged.
    """
    signpost = data_dir / "postgres-directory"  # once the files have moved they stay where they are
    home = Path(signpost.read_text()) if signpost.exists() else data_dir / "postgres"
    home.mkdir(mode=0o700, exist_ok=True)
    own(home, identity)
    if identity.kind != "setuid":
        return PostgresHome(home, binaries)
    if not can_enter(home, identity):
        home = private_directory(signpost, identity)
        log.warning("postgres_data_elsewhere", directory=str(home), reason=f"{data_dir} is closed to others")
    try:
        binaries.version(identity)
    except StartFailed:
        binaries = binaries.copied_to(private_directory(data_dir / "postgres-programs", identity))
        log.warning("postgres_programs_copied", directory=str(binaries.bin_dir), reason="closed to others")
        binaries.version(identity)
    return PostgresHome(home, binaries)


def can_enter(directory: Path, identity: Identity) -> bool:
    """Whether the identity can work in the directory, tried rather than computed (ACLs, mounts, parents)."""
    trial = subprocess.run(
        identity.argv_for(["/bin/sh", "-c", 'cd "$1" && test -w .', "sh", str(directory)]),
        capture_output=True,
        check=False,
        timeout=10,
    )
    return trial.returncode == 0


def private_directory(signpost: Path, identity: Identity) -> Path:
    """A directory of the identity's own, closed to everyone else; the signpost remembers which, for next
    time.
    """
    if not signpost.exists():
        bases = [base for base in SHARED_BASES if base.is_dir() and os.access(base, os.W_OK | os.X_OK)]
        if not bases:
            raise EmbeddedError(
                "PostgreSQL refuses to run as root, and /var/lib and /var/tmp are closed to us"
            )
        made = tempfile.mkdtemp(prefix="solarrally-", dir=bases[0])  # mode 0700, and nobody else's
        signpost.write_text(made)
    directory = Path(signpost.read_text())
    own(directory, identity)
    return directory


def relocated_directories(data_dir: Path) -> list[Path]:
    """What settle() put outside data_dir; whoever removes data_dir removes these too."""
    signposts = (data_dir / "postgres-directory", data_dir / "postgres-programs")
    return [Path(signpost.read_text()) for signpost in signposts if signpost.exists()]


def own(tree: Path, identity: Identity) -> None:
    """Give the tree to the identity if it belongs to another (after a start under other conditions)."""
    if tree.lstat().st_uid == identity.file_uid:
        return
    for parent, directories, files in os.walk(tree):
        for name in (*directories, *files):
            os.lchown(os.path.join(parent, name), identity.file_uid, identity.file_gid)
    os.lchown(tree, identity.file_uid, identity.file_gid)
