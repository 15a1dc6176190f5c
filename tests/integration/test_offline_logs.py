"""A log of a station comes to the same sessions as its messages would have, whenever it comes."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from solarrally.storage.connections import connect
from solarrally.tabular import FileFormat
from tests.support.offline_logs import (
    epfl_messages,
    exported_readings,
    import_now,
    ingest,
    logs_of,
    prepare,
    upload,
)
from tests.support.replayed import fingerprint

SESSIONS = 40
Messages = list[tuple[str, bytes, datetime]]


@pytest.fixture(scope="module")
def recorded() -> Messages:
    return epfl_messages(SESSIONS)


async def live(dsn: str, messages: Messages) -> list[tuple[Any, ...]]:
    """The sessions of these messages, taken in as they were sent."""
    await prepare(dsn, logs_of(messages))
    await ingest(dsn, messages)
    return await fingerprint(dsn)


async def counted(dsn: str, question: str, *values: Any) -> int:
    connection = await connect(dsn)
    try:
        number: int = await connection.fetchval(question, *values)
        return number
    finally:
        await connection.close()


async def test_memory_cards_give_the_sessions_of_the_recording(
    database_url: str, empty_database_url: str, recorded: Messages
) -> None:
    expected = await live(database_url, recorded)
    logs = logs_of(recorded)
    await prepare(empty_database_url, logs)

    imports = [await upload(empty_database_url, evse_uid, log) for evse_uid, log in logs.items()]
    await ingest(empty_database_url)

    assert len(expected) == SESSIONS
    assert await fingerprint(empty_database_url) == expected
    for row in imports:
        now = await import_now(empty_database_url, row)
        assert (now.status, now.stored_count, now.waiting_count) == ("completed", now.line_count, 0)
        assert now.completed_at is not None
    assert await counted(empty_database_url, "SELECT count(*) FROM parked_message") == 0
    # A card that was read does not say that its station is online.
    assert await counted(empty_database_url, "SELECT count(*) FROM evse WHERE is_online") == 0


async def test_a_log_of_what_came_live_stores_nothing_twice(database_url: str, recorded: Messages) -> None:
    expected = await live(database_url, recorded)
    before = await counted(database_url, "SELECT count(*) FROM reading")
    rows = [await upload(database_url, evse_uid, log) for evse_uid, log in logs_of(recorded).items()]
    await ingest(database_url)

    assert await counted(database_url, "SELECT count(*) FROM reading") == before
    assert await fingerprint(database_url) == expected
    for row in rows:
        now = await import_now(database_url, row)
        assert (now.status, now.duplicate_count, now.stored_count) == ("completed", now.line_count, 0)


async def test_a_log_fills_the_gap_of_an_outage(
    database_url: str, empty_database_url: str, recorded: Messages
) -> None:
    expected = await live(database_url, recorded)
    heard = [message for n, message in enumerate(recorded) if not 300 <= n < 800]
    logs = logs_of(recorded)
    await prepare(empty_database_url, logs)
    await ingest(empty_database_url, heard)
    assert await fingerprint(empty_database_url) != expected

    rows = [await upload(empty_database_url, evse_uid, log) for evse_uid, log in logs.items()]
    await ingest(empty_database_url)

    def as_charged(session: tuple[Any, ...]) -> tuple[Any, ...]:
        return session[1:-1]  # it keeps the id it began with; a changed one has a credit and a new bill

    assert list(map(as_charged, await fingerprint(empty_database_url))) == [*map(as_charged, expected)]
    done = [await import_now(empty_database_url, row) for row in rows]
    assert sum(row.stored_count for row in done) == 500
    assert sum(row.duplicate_count for row in done) == len(recorded) - 500


@pytest.mark.parametrize("file_format", [FileFormat.NDJSON, FileFormat.CSV])
async def test_exported_readings_give_the_same_sessions_elsewhere(
    database_url: str, empty_database_url: str, recorded: Messages, file_format: FileFormat
) -> None:
    event = recorded[0][2].isoformat()
    events = [
        (
            "evse/events/session/started",
            json.dumps({"timestamp": event, "session_id": -1, "id_token": "=tag", "meter_wh": 1e6}).encode(),
            recorded[0][2],
        ),
        (
            "evse/events/session/ended",
            json.dumps(
                {"timestamp": recorded[-1][2].isoformat(), "session_id": -1, "reason": "Local"}
            ).encode(),
            recorded[-1][2],
        ),
    ]
    messages = [*recorded, *events]
    expected = await live(database_url, messages)
    await prepare(empty_database_url, logs_of(messages))

    for evse_uid in logs_of(messages):
        file = await exported_readings(database_url, evse_uid, file_format)
        row = await upload(empty_database_url, evse_uid, file)
        assert row.rejected_count == 0
    await ingest(empty_database_url)

    assert len(expected) == SESSIONS + 1
    assert await fingerprint(empty_database_url) == expected
    # All this recording's values fit their columns, so the readings are the very same ones.
    for evse_uid in logs_of(messages):
        again = await exported_readings(database_url, evse_uid, file_format)
        row = await upload(database_url, evse_uid, again)
        await ingest(database_url)
        now = await import_now(database_url, row)
        assert (now.stored_count, now.duplicate_count) == (0, now.line_count)


async def test_a_station_disabled_meanwhile_has_its_lines_rejected_and_counted(database_url: str) -> None:
    messages = epfl_messages(3)
    logs = logs_of(messages)
    await prepare(database_url, logs)
    rows = [await upload(database_url, evse_uid, log) for evse_uid, log in logs.items()]
    connection = await connect(database_url)
    try:
        await connection.execute("UPDATE evse SET is_enabled = false")
    finally:
        await connection.close()
    await ingest(database_url)

    for row in rows:
        now = await import_now(database_url, row)
        assert (now.status, now.rejected_count) == ("completed", now.line_count)
    whole = "SELECT count(*) FROM rejected_message WHERE payload_size_bytes > length(payload)"
    assert await counted(database_url, whole) == 0  # they can be taken up again


async def test_a_long_log_is_taken_in_a_piece_at_a_time(database_url: str) -> None:
    messages = epfl_messages(6, interval_s=2.0)
    logs = logs_of(messages)
    await prepare(database_url, logs)
    for evse_uid, log in logs.items():
        await upload(database_url, evse_uid, log)
    counts = await ingest(database_url)

    assert counts.readings_stored == len(messages)
    assert counts.batches > len(b"".join(logs.values())) / 600_000
