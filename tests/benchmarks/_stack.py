"""What a benchmark runs on: PostgreSQL with fsync, Mosquitto, and the processes that join in."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from solarrally.embedded.broker_process import BrokerProcess
from solarrally.embedded.errors import BinariesMissing
from solarrally.embedded.mosquitto_program import find_mosquitto
from solarrally.embedded.postgres import EmbeddedPostgres
from solarrally.embedded.temporary import temporary_broker, temporary_dir
from solarrally.logs import configure_logs
from tests.support.ingestor import IngestorProcess

ANSWER_TIMEOUT_S = 30.0
_T = TypeVar("_T")


class Failed(Exception):
    """The run does not count; the text says why."""


class Companion:
    """A Python process of ours that speaks lines of JSON; it ends when its standard input is closed."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._name = module
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"tests.benchmarks.{module}", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.greeting: dict[str, Any] = {}

    @property
    def pid(self) -> int:
        return self._process.pid

    def tell(self, order: str) -> None:
        """One line to it."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(order.encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise Failed(f"{self._name} has ended with code {self._process.wait()}") from None

    def heard(self, timeout_s: float) -> dict[str, Any] | None:
        """The next line from it, if one comes within that time. Raises `Failed` when it has ended."""
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], timeout_s)[0]:
            return None
        line = self._process.stdout.readline()
        if not line:
            raise Failed(f"{self._name} ended with code {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def answer(self, timeout_s: float = ANSWER_TIMEOUT_S) -> dict[str, Any]:
        """The next line from it. Raises `Failed` when there is none in time."""
        line = self.heard(timeout_s)
        if line is None:
            raise Failed(f"{self._name} said nothing for {timeout_s:g} s")
        return line

    def close(self) -> None:
        """Close its standard input, so that it says its last line and ends."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def __enter__(self) -> Companion:
        try:
            self.greeting = self.answer()
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                progress(f"{self._name} did not end by itself")
        self._kill()

    def _kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):  # an order that nobody will read any more
                pipe.close()


@dataclass(slots=True, frozen=True)
class Stack:
    """A migrated, empty database and a broker that nobody has used."""

    postgres: EmbeddedPostgres
    broker: BrokerProcess
    folder: Path

    @property
    def pids(self) -> dict[str, int]:
        return {"postgres": self.postgres.pid, "mosquitto": self.broker.pid}

    def ingestor(self, **settings: str) -> IngestorProcess:
        """Not started yet."""
        return IngestorProcess(
            database_url=self.postgres.dsn,
            mqtt_url=self.broker.url_for("ingestor"),
            log_file=self.folder / "ingestor.log",
            **settings,
        )

    def publisher(
        self,
        stations: int,
        *,
        name: str = "bench",
        is_charging: bool = True,
        window: int = 4000,
        cadence_s: float = 1.0,
        first_at_us: int | None = None,
        step_us: int | None = None,
    ) -> Companion:
        """Connected when the block is entered; see `_publisher` for its orders.

        Timestamps are the wall clock's, or begin at `first_at_us` and go on by `step_us` a message.
        """
        options = {
            "url": self.broker.url_for("fleet"),
            "name": name,
            "stations": stations,
            "is_charging": is_charging,
            "window": window,
            "cadence_s": cadence_s,
            "first_at_us": first_at_us,
            "step_us": step_us,
        }
        return Companion("_publisher", json.dumps(options))

    def listener(self) -> Companion:
        """Listens to the live channel when the block is entered."""
        return Companion("_listener", self.postgres.dsn)


@contextlib.contextmanager
def running_stack() -> Iterator[Stack]:
    """Everything under it is stopped and removed at the end of the block, also after an exception."""
    try:
        find_mosquitto()
    except BinariesMissing as error:
        raise SystemExit(f"these benchmarks need Mosquitto: {error}") from None
    with temporary_dir() as folder, temporary_broker() as broker:
        postgres = EmbeddedPostgres(
            folder / "database", settings={"track_commit_timestamp": "on", "min_wal_size": "1GB"}
        )
        postgres.start()
        try:
            _fill_log(postgres.superuser_dsn)
            migrate(postgres.dsn)
            yield Stack(postgres, broker, folder)
        finally:
            postgres.stop()


def _fill_log(dsn: str) -> None:
    """Leave the write-ahead log as on a server that has run for a while: its files are used again.

    A new cluster makes a file of 16 MB, and waits for the disk, whenever the last one is full: 50 to 100 ms,
    every few seconds at 10,000 messages/s.
    """
    query(
        dsn, "CREATE TABLE filling AS SELECT repeat('x', 1000) AS x, n FROM generate_series(1, 700000) AS n"
    )
    query(dsn, "DROP TABLE filling")
    query(dsn, "CHECKPOINT")


def migrate(dsn: str) -> None:
    """`solarrally migrate`, as an operator runs it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SOLARRALLY_")}
    done = subprocess.run(
        [sys.executable, "-m", "solarrally", "migrate"],
        env={**environment, "SOLARRALLY_DATABASE_URL": dsn},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode != 0:
        raise Failed(f"solarrally migrate: {done.stderr}")


def prepare() -> None:
    """Logs to standard error; SIGTERM unwinds as Ctrl-C does, so that every block stops what it started."""
    configure_logs("warning", "console")

    def leave(_number: int, _frame: object) -> None:
        raise SystemExit(143)

    signal.signal(signal.SIGTERM, leave)


def progress(text: str) -> None:
    """A line for who waits; the result goes to standard output."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')}  {text}\n")
    sys.stderr.flush()


def query(dsn: str, sql: str, *arguments: object) -> list[Any]:
    """The rows of one statement, without the product's statement timeout."""

    async def run() -> list[Any]:
        import asyncpg

        connection = await asyncpg.connect(dsn)
        try:
            return list(await connection.fetch(sql, *arguments))
        finally:
            await connection.close()

    return asyncio.run(run())
