"""One run under a fault: database, broker, ingestors and publishers of its own, and the proof at the end."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from solarrally.database_wiring import migrate_and_seed
from solarrally.embedded.broker_process import BrokerProcess
from solarrally.embedded.ports import any_free_port
from solarrally.embedded.postgres import ROLE, EmbeddedPostgres
from solarrally.embedded.temporary import FAST_AND_FORGETFUL, temporary_dir
from solarrally.storage.connections import connect
from tests.builders import make_settings
from tests.support.charging_fleet import Message
from tests.support.ingestor import IngestorProcess
from tests.support.judge import WAITING_PARKED, Verdict, judge, open_messages, wrong_counters
from tests.support.numbered_publisher import NumberedPublisher

QUIET_S = 1.0
"""State rows may follow their readings a little later: nothing may move for so long before we compare."""
PATIENCE_S = 30.0
"""So long nothing may come at all before the run counts as ended, whatever is missing then."""
WATCHED = ("solarrally_messages", "solarrally_parked", "solarrally_readings", "solarrally_batches")
_numbers = count(1)


class FaultRun:
    """The parts of one run. A context manager: at its end every process of the run is gone."""

    def __init__(
        self, database_url: str, broker: BrokerProcess, folder: Path, server: EmbeddedPostgres | None = None
    ) -> None:
        """`server` is the one of the database, for those who stop and kill it."""
        self._server = server
        self.database_url = database_url
        self.broker = broker
        self.folder = folder
        self.began_at = datetime.now(UTC)
        self._exits = ExitStack()

    def __enter__(self) -> FaultRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exits.close()

    # -- who takes part --------------------------------------------------------------------------

    @property
    def server(self) -> EmbeddedPostgres:
        assert self._server is not None
        return self._server

    def ingestor(
        self,
        *,
        database_url: str | None = None,
        mqtt_url: str | None = None,
        wait: bool = True,
        **settings: str,
    ) -> IngestorProcess:
        """A started ingestor; by way of a proxy where its addresses say so."""
        process = IngestorProcess(
            database_url=database_url or self.database_url,
            mqtt_url=mqtt_url or self.broker.url_for("ingestor"),
            log_file=self.folder / f"ingestor-{next(_numbers)}.log",
            **settings,
        )
        self._exits.enter_context(process)
        if wait:
            process.wait_connected()
        return process

    def publisher(
        self, messages: Iterable[Message], *, rate: float, client_id: str = "numbered"
    ) -> NumberedPublisher:
        """A publisher at work, which may speak for every station."""
        return self.publish_by(
            NumberedPublisher(self.broker.url_for("fleet"), messages, rate=rate, client_id=client_id)
        )

    def publish_by(self, publisher: NumberedPublisher) -> NumberedPublisher:
        self._exits.enter_context(publisher)
        return publisher

    # -- the database ----------------------------------------------------------------------------

    def execute(self, statement: str) -> None:
        execute(self.database_url, statement)

    def fetch(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        return asyncio.run(_fetch(self.database_url, query, arguments))

    def stored_count(self) -> int:
        """Readings in the database; -1 while it cannot be asked."""
        try:
            return int(self.fetch("SELECT count(*) FROM reading")[0][0])
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return -1

    # -- the proof -------------------------------------------------------------------------------

    def wait_until(self, what: str, is_so: Callable[[], bool], timeout_s: float = PATIENCE_S) -> float:
        """Wait for something; how long it took."""
        began_s = time.monotonic()
        while not is_so():
            took_s = time.monotonic() - began_s
            assert took_s < timeout_s, f"not within {timeout_s:.0f} s: {what}"
            time.sleep(0.02)
        return time.monotonic() - began_s

    def settle(self, ingestor: IngestorProcess, expected: int, *, patience_s: float = PATIENCE_S) -> None:
        """Wait until `expected` readings are stored, or nothing has come for `patience_s`; then until every
        counter has stood still for a while and every delivery has its fate.
        """
        last, moved_at_s = -2, time.monotonic()
        while (stored := self.stored_count()) < expected:
            if stored != last:
                last, moved_at_s = stored, time.monotonic()
            if time.monotonic() - moved_at_s > patience_s:
                break
            time.sleep(0.1)
        before: dict[str, float] = {}
        quiet_since_s = deadline_s = time.monotonic()
        deadline_s += PATIENCE_S
        while time.monotonic() - quiet_since_s < QUIET_S and time.monotonic() < deadline_s:
            now = {name: value for name, value in ingestor.counters().items() if name.startswith(WATCHED)}
            is_settled = bool(now) and not (
                now["solarrally_messages_waiting"] or now[WAITING_PARKED] or open_messages(now)
            )
            if not is_settled or now != before:
                before, quiet_since_s = now, time.monotonic()
            time.sleep(0.05)

    def wait_until_rolled_up(self) -> None:
        """Every quarter of an hour that is over has its rollup."""
        self.wait_until(
            "no rollup is due",
            lambda: not self.fetch("SELECT FROM rollup_due WHERE bucket_start < now() - interval '1 h'"),
            timeout_s=2 * PATIENCE_S,
        )

    def prove(
        self,
        sent: Iterable[Message],
        ingestor: IngestorProcess,
        *,
        is_sole_writer: bool = False,
        patience_s: float = PATIENCE_S,
    ) -> Verdict:
        """Assert that everything is right, by count and by content. `is_sole_writer`: this process stored all
        of it and never had to ask itself whether a commit had succeeded.
        """
        messages = list({(message.evse_uid, message.device_ts): message for message in sent}.values())
        self.settle(ingestor, len(messages), patience_s=patience_s)
        counters = ingestor.counters()
        verdict = judge(self.database_url, messages, since=self.began_at)
        verdict.add(
            "counters that do not add up",
            wrong_counters(counters, stored=verdict.stored if is_sole_writer else None),
        )
        sys.stderr.write(f"{verdict}\n")
        assert not verdict.faults, f"{verdict}\n--- {ingestor.log_file.name}\n{log_tail(ingestor)}"
        return verdict


def log_tail(ingestor: IngestorProcess, lines: int = 15) -> str:
    return "\n".join(ingestor.log_file.read_text(errors="replace").splitlines()[-lines:])


@contextmanager
def fault_server() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL that comes back where it was; its own database is the template of all runs."""
    with temporary_dir() as folder:
        server = EmbeddedPostgres(folder / "database", port=any_free_port(), settings=FAST_AND_FORGETFUL)
        server.start()
        try:
            asyncio.run(migrate_and_seed(make_settings(database_url=server.dsn)))
            yield server
        finally:
            server.stop()


@contextmanager
def fresh_database(server: EmbeddedPostgres, template_url: str | None = None) -> Iterator[str]:
    """A copy of that database, which nobody may be using; by default a migrated one with its site."""
    name = f"run_{next(_numbers)}"
    template = urlsplit(template_url or server.dsn).path.removeprefix("/")
    maintenance = urlsplit(server.superuser_dsn)._replace(path="/postgres").geturl()
    asyncio.run(_fetch(maintenance, f"CREATE DATABASE {name} TEMPLATE {template} OWNER {ROLE}", ()))
    try:
        yield urlsplit(server.dsn)._replace(path=f"/{name}").geturl()
    finally:
        if not server.is_running:  # a test that failed while it was down
            server.restart()
        asyncio.run(_fetch(maintenance, f"DROP DATABASE {name} WITH (FORCE)", ()))


def execute(database_url: str, statement: str) -> None:
    """As the owner of the tables."""
    asyncio.run(_fetch(database_url, statement, ()))


async def _fetch(database_url: str, query: str, arguments: Iterable[Any]) -> list[asyncpg.Record]:
    connection = await connect(database_url, application_name="fault-harness")
    try:
        return await connection.fetch(query, *arguments)
    finally:
        await connection.close()
