"""Logs of stations, into a database and out of it, with the real pipeline and without a broker."""

from __future__ import annotations

import hashlib
import io
from collections import defaultdict
from collections.abc import Iterable
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

from solarrally.database_wiring import migrate_and_seed
from solarrally.dialects.offline_log import LineLog
from solarrally.domain.offline_log import LogFormat
from solarrally.ingest.fates import FateCount
from solarrally.ingest.pipeline import Pipeline
from solarrally.storage.audit import Actor
from solarrally.storage.edits.imports import LogFile, import_log
from solarrally.storage.engine import create_engine
from solarrally.storage.queries import (
    READINGS,
    ExportFilter,
    ImportRow,
    export_rows,
    import_of,
    import_target,
)
from solarrally.tabular import FileFormat, file_pieces, make_writer
from solarrally.wiring import build_store, ingest_rules
from solarrally_sim.dataset import read_recording
from solarrally_sim.message import station_of
from solarrally_sim.replay import plan_replay, replay_messages
from solarrally_sim.sunlight import Sky
from tests.builders import make_settings
from tests.fakes.queue_broker import QueueBroker

EPFL = Path(__file__).parents[1] / "payloads" / "epfl_l3_sessions.csv"
TESTER = Actor(user_id=None, name="test")


def epfl_messages(count: int, interval_s: float = 60.0) -> list[tuple[str, bytes, datetime]]:
    """What the stations of the first recorded sessions say, as topic, payload and time."""
    recording = read_recording(EPFL.read_text())
    sessions = plan_replay(recording, interval_s=interval_s, limit=count)
    messages = []
    for message in replay_messages(sessions, Sky(recording.zone, seed=1)):
        assert message.ts is not None
        messages.append((message.topic, message.payload, message.ts))
    return messages


def logs_of(messages: Iterable[tuple[str, bytes, datetime]]) -> dict[str, bytes]:
    """The same as NDJSON, a log a station."""
    lines: dict[str, list[bytes]] = defaultdict(list)
    for topic, payload, _ in messages:
        lines[station_of(topic)].append(payload)
    return {evse_uid: b"\n".join(payloads) + b"\n" for evse_uid, payloads in lines.items()}


async def prepare(dsn: str, evse_uids: Iterable[str]) -> None:
    """A site, a tariff, and these stations."""
    await migrate_and_seed(make_settings(database_url=dsn))
    store = build_store(make_settings(database_url=dsn))
    try:
        await store.register_stations(list(evse_uids))
    finally:
        await store.close()


async def ingest(dsn: str, messages: Iterable[tuple[str, bytes, datetime]] = ()) -> FateCount:
    """Take in these messages and all that waits in the parking table."""
    settings = make_settings(database_url=dsn)
    store = build_store(settings, must_lead=True)
    broker = QueueBroker(messages)
    pipeline = Pipeline(broker, store, ingest_rules(settings), lambda: datetime.now(UTC))

    def stop() -> None:
        if not pipeline.parking.in_table:
            pipeline.stop()

    broker.on_empty = stop
    broker.listening_since = datetime.now(UTC)
    try:
        await pipeline.run()
    finally:
        await store.close()
    return pipeline.counts


async def upload(
    dsn: str,
    evse_uid: str,
    content: bytes,
    *,
    connector_id: int | None = None,
    log_format: LogFormat = "auto",
) -> ImportRow:
    """Park a log, as the API and the command line do."""
    received_at = datetime.now(UTC)
    log = LineLog(
        evse_uid=evse_uid, connector_id=connector_id, log_format=log_format, received_at=received_at
    )
    source = LogFile(
        file=io.BytesIO(content), size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest()
    )
    engine = create_engine(dsn, pool_size=1)
    try:
        target = await import_target(engine, evse_uid)
        assert target is not None
        row, _ = await import_log(
            engine,
            TESTER,
            target,
            source,
            log,
            connector_id=connector_id,
            topic_root="evse",
            received_at=received_at,
        )
    finally:
        await engine.dispose()
    return row


async def import_now(dsn: str, row: ImportRow) -> ImportRow:
    """The import as it is by now."""
    engine = create_engine(dsn, pool_size=1)
    try:
        found = await import_of(engine, row.id)
    finally:
        await engine.dispose()
    assert found is not None
    return found


async def exported_readings(dsn: str, evse_uid: str, file_format: FileFormat) -> bytes:
    """Everything a station said, as a file."""
    engine = create_engine(dsn, pool_size=1)
    where = ExportFilter(evse_uid=evse_uid)
    try:
        async with aclosing(export_rows(engine, READINGS, where)) as batches:
            pieces = file_pieces(batches, make_writer(file_format, READINGS.columns))
            return b"".join([piece async for piece in pieces])
    finally:
        await engine.dispose()
