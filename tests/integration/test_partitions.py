"""Daily partitions of `reading`, made ahead, late, or by several at once: no reading is ever refused."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest
from structlog.testing import capture_logs

from solarrally.storage import partitions
from solarrally.storage.connections import connect
from solarrally.storage.partitions import (
    ahead,
    days_in_default,
    ensure_partitions,
    existing_days,
    is_partition,
    partition_name,
)

DAY = date(2026, 3, 9)
NEXT_DAY = DAY + timedelta(days=1)
NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 10, tzinfo=UTC)
LAST_INSTANT = MIDNIGHT - timedelta(microseconds=1)


async def store(connection: asyncpg.Connection, ts: datetime, count: int = 1) -> None:
    """`count` readings of different stations at that instant."""
    await connection.executemany(
        "INSERT INTO reading (ts, received_at, evse_id, connector_id, digest, quality, power_w)"
        " VALUES ($1, $1, $2, 1, 7, 0, 7200)",
        [(ts, evse_id) for evse_id in range(1, count + 1)],
    )


async def where(connection: asyncpg.Connection) -> Counter[str]:
    """How many readings lie in which table."""
    rows = await connection.fetch("SELECT tableoid::regclass::text FROM reading")
    return Counter(row[0] for row in rows)


@asynccontextmanager
async def another(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(dsn, application_name="another")
    try:
        yield connection
    finally:
        await connection.close()


def test_ahead_is_today_and_the_days_after_it() -> None:
    assert ahead(date(2026, 12, 30), 2) == [date(2026, 12, 30), date(2026, 12, 31), date(2027, 1, 1)]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("reading_y2026m03d09", True),
        ("reading_default", True),
        ("reading", False),
        ("reading_15min", False),
        ("reading_y2026m03d09_old", False),
    ],
)
def test_partitions_are_known_by_their_names(table: str, expected: bool) -> None:
    assert is_partition(table) is expected


async def test_a_reading_lands_in_the_partition_of_its_utc_day(connection: asyncpg.Connection) -> None:
    await ensure_partitions(connection, [DAY, NEXT_DAY])

    for ts in (datetime(2026, 3, 9, tzinfo=UTC), LAST_INSTANT, MIDNIGHT):
        await store(connection, ts)

    assert await where(connection) == {"reading_y2026m03d09": 2, "reading_y2026m03d10": 1}


async def test_the_days_are_utc_days_whatever_the_session_says(connection: asyncpg.Connection) -> None:
    await connection.execute("SET timezone = 'America/Jamaica'")
    await store(connection, LAST_INSTANT)

    assert await days_in_default(connection) == {DAY: 1}
    await ensure_partitions(connection, [DAY])
    assert await where(connection) == {partition_name(DAY): 1}


async def test_a_partition_has_what_reading_has(connection: asyncpg.Connection) -> None:
    """A second copy of a reading is refused in it by the same key, and its columns have the same types."""
    await ensure_partitions(connection, [DAY])
    await store(connection, NOON)

    with pytest.raises(asyncpg.UniqueViolationError):
        await store(connection, NOON)

    columns = (
        "SELECT attname, atttypid, attnotnull FROM pg_attribute"
        " WHERE attrelid = $1::text::regclass AND attnum > 0"
    )
    assert await connection.fetch(columns, partition_name(DAY)) == await connection.fetch(columns, "reading")


async def test_making_them_again_makes_none(connection: asyncpg.Connection) -> None:
    days = ahead(DAY, 3)

    assert await ensure_partitions(connection, reversed(days)) == days
    assert await ensure_partitions(connection, days) == []
    assert await existing_days(connection) == set(days)


async def test_several_at_once_make_each_once(connection: asyncpg.Connection, database_url: str) -> None:
    days = ahead(DAY, 9)

    async def make() -> list[date]:
        async with another(database_url) as own:
            return await ensure_partitions(own, days)

    made = await asyncio.gather(*(make() for _ in range(4)))

    assert sorted(day for part in made for day in part) == days
    assert await existing_days(connection) == set(days)


async def test_without_a_partition_a_reading_is_stored_all_the_same(connection: asyncpg.Connection) -> None:
    await store(connection, NOON)

    assert await where(connection) == {"reading_default": 1}
    assert await days_in_default(connection) == {DAY: 1}


async def test_readings_in_the_default_partition_move_over(connection: asyncpg.Connection) -> None:
    await store(connection, LAST_INSTANT, count=5)
    await store(connection, MIDNIGHT, count=3)
    stored = await connection.fetch("SELECT * FROM reading ORDER BY ts, evse_id")

    assert await ensure_partitions(connection, [DAY]) == [DAY]

    assert await where(connection) == {partition_name(DAY): 5, "reading_default": 3}
    assert await connection.fetch("SELECT * FROM reading ORDER BY ts, evse_id") == stored


async def test_the_default_partition_can_be_cleared(connection: asyncpg.Connection) -> None:
    await store(connection, NOON)
    await store(connection, MIDNIGHT)

    await ensure_partitions(connection, await days_in_default(connection))

    assert await days_in_default(connection) == {}


async def test_too_many_to_move_stay_and_it_is_said(connection: asyncpg.Connection) -> None:
    await store(connection, NOON, count=4)

    with capture_logs() as logs:
        made = await ensure_partitions(connection, [DAY, NEXT_DAY], move_limit_rows=3)

    assert made == [NEXT_DAY]
    assert await where(connection) == {"reading_default": 4}
    left = [entry for entry in logs if entry["event"] == "partition_left_in_default"]
    assert [(entry["day"], entry["move_limit_rows"]) for entry in left] == [("2026-03-09", 3)]
    assert await ensure_partitions(connection, [DAY], move_limit_rows=4) == [DAY]


async def test_a_lock_that_is_not_to_be_had_postpones_the_day(
    connection: asyncpg.Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "LOCK_TIMEOUT_S", 0.1)
    async with another(database_url) as reader, reader.transaction():
        await reader.execute("SELECT FROM reading")
        with capture_logs() as logs:
            assert await ensure_partitions(connection, [DAY]) == []
    assert [entry["event"] for entry in logs] == ["partition_postponed"]

    assert await ensure_partitions(connection, [DAY]) == [DAY]


async def test_a_writer_that_waits_for_the_maker_lands_in_the_new_partition(
    connection: asyncpg.Connection, database_url: str
) -> None:
    """It had planned for the default partition, which no longer takes that day when the writer gets on."""
    async with (
        another(database_url) as writer,
        another(database_url) as slow,
        another(database_url) as watcher,
    ):
        await store(writer, NOON)  # prepares the statement and fills the caches
        blocking = slow.transaction()
        await blocking.start()
        await store(slow, MIDNIGHT)
        maker = asyncio.create_task(ensure_partitions(connection, [DAY]))
        await waiting(watcher, 1)
        late = asyncio.create_task(store(writer, LAST_INSTANT))
        await waiting(watcher, 2)
        await blocking.commit()

        assert await maker == [DAY]
        await late
        assert await where(writer) == {partition_name(DAY): 2, "reading_default": 1}


async def waiting(connection: asyncpg.Connection, count: int) -> None:
    """Return when so many sessions wait for a lock."""
    query = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    async with asyncio.timeout(5):
        while await connection.fetchval(query) < count:  # noqa: ASYNC110 - PostgreSQL has no event for it
            await asyncio.sleep(0.01)


async def test_readers_of_other_days_are_not_shut_out(
    connection: asyncpg.Connection, database_url: str
) -> None:
    await ensure_partitions(connection, [DAY])
    await store(connection, NOON)
    async with another(database_url) as reader, reader.transaction():
        query = "SELECT count(*) FROM reading WHERE ts = $1"
        assert await reader.fetchval(query, NOON) == 1

        assert await ensure_partitions(connection, [NEXT_DAY]) == [NEXT_DAY]

        assert await reader.fetchval(query, NOON) == 1


async def test_an_open_transaction_is_refused(connection: asyncpg.Connection) -> None:
    async with connection.transaction():
        with pytest.raises(RuntimeError, match="transaction"):
            await ensure_partitions(connection, [DAY])
