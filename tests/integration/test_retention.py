"""Retention drops whole days, only what is rolled up, and remembers it; what was derived before stays."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from solarrally.domain.bucket import bucket_start
from solarrally.storage.compaction import compact, loose_keys
from solarrally.storage.connections import connect
from solarrally.storage.partitions import ensure_partitions, existing_days, partition_name
from solarrally.storage.retention import Drop, apply, horizon_of, plan, raw_horizon, raw_is_complete
from solarrally.storage.rollups import RollupRules, mark_due, roll_up

NOW = datetime(2026, 6, 30, 15, 0, tzinfo=UTC)
KEEP_DAYS = 90
HORIZON = datetime(2026, 4, 1, tzinfo=UTC)
OLD, KEPT = date(2026, 3, 31), date(2026, 4, 1)
RULES = RollupRules(
    silence_timeout_s=1800.0, gap_cap_s=300.0, charging_threshold_w=100.0, default_max_power_w=50_000.0
)


@pytest.fixture
async def db(connection: asyncpg.Connection) -> asyncpg.Connection:
    """A station, and partitions for the last day that is to go and the first that stays."""
    await connection.execute(
        "INSERT INTO site (name, timezone, currency) VALUES ('Depot', 'UTC', 'JMD');"
        "INSERT INTO evse (evse_uid, site_id) VALUES ('CP-1', 1)"
    )
    await ensure_partitions(connection, [OLD, KEPT])
    return connection


async def store(db: asyncpg.Connection, ts: datetime, **values: Any) -> None:
    """A reading, with the mark of its bucket."""
    row = {"ts": ts, "received_at": ts, "evse_id": 1, "connector_id": 1, "quality": 0, "digest": 1} | values
    places = ", ".join(f"${n}" for n in range(1, len(row) + 1))
    await db.execute(f"INSERT INTO reading ({', '.join(row)}) VALUES ({places})", *row.values())
    await mark_due(db, [1], [1], [bucket_start(ts)])


async def rolled_up(db: asyncpg.Connection) -> int:
    """Compute all that is due; how many buckets had to be left as they were."""
    left_count = 0
    while True:
        done = await roll_up(db, due_before=NOW, limit=100, rules=RULES)
        if not done.marks:
            return left_count
        left_count += done.left_count


async def dropped(db: asyncpg.Connection, now: datetime = NOW) -> list[Drop]:
    return await apply(db, now=now, raw_keep_days=KEEP_DAYS)


async def stored(db: asyncpg.Connection) -> list[datetime]:
    return [row["ts"] for row in await db.fetch("SELECT ts FROM reading ORDER BY ts")]


def test_the_horizon_is_the_start_of_the_oldest_day_kept() -> None:
    assert horizon_of(NOW, KEEP_DAYS) == HORIZON
    assert horizon_of(NOW, 0) is None


async def test_days_older_than_the_horizon_go_and_the_others_stay(db: asyncpg.Connection) -> None:
    await store(db, HORIZON - timedelta(microseconds=1))
    await store(db, HORIZON)
    await rolled_up(db)

    assert [drop.day for drop in await dropped(db)] == [OLD]

    assert await stored(db) == [HORIZON]
    assert await existing_days(db) == {KEPT}
    assert await dropped(db) == []


async def test_what_is_dropped_is_what_was_said_before(db: asyncpg.Connection) -> None:
    await store(db, HORIZON - timedelta(hours=3))
    await rolled_up(db)
    await db.execute("ANALYZE")

    planned = await plan(db, now=NOW, raw_keep_days=KEEP_DAYS)

    assert [(drop.partition, drop.row_count, drop.pending_count) for drop in planned] == [
        ("reading_y2026m03d31", 1, 0)
    ]
    assert planned[0].size_bytes >= 2 * 8192
    assert await stored(db) != []
    assert await dropped(db) == planned


async def test_with_0_days_everything_is_kept_for_ever(db: asyncpg.Connection) -> None:
    await store(db, HORIZON - timedelta(days=1))
    await rolled_up(db)

    assert await apply(db, now=NOW, raw_keep_days=0) == []
    assert len(await stored(db)) == 1


@pytest.mark.parametrize("due_at", [HORIZON - timedelta(hours=1), HORIZON + timedelta(minutes=5)])
async def test_what_a_rollup_still_needs_stays(db: asyncpg.Connection, due_at: datetime) -> None:
    """A bucket of the day itself, and one of the next day that looks back into it."""
    await store(db, HORIZON - timedelta(minutes=20))
    await rolled_up(db)
    await mark_due(db, [1], [1], [bucket_start(due_at)])

    with capture_logs() as logs:
        assert await dropped(db) == []

    assert [entry["event"] for entry in logs] == ["retention_waits_for_rollups"]
    await rolled_up(db)
    assert [drop.day for drop in await dropped(db)] == [OLD]


async def test_in_the_default_partition_a_reading_counts_from_its_receipt(db: asyncpg.Connection) -> None:
    recorded = datetime(2022, 8, 11, 23, 33, tzinfo=UTC)
    await store(db, recorded, received_at=NOW - timedelta(days=1))
    await store(db, recorded + timedelta(hours=1), received_at=HORIZON - timedelta(seconds=1))
    await rolled_up(db)

    drops = await dropped(db)

    assert [(drop.day, drop.row_count) for drop in drops if drop.partition == "reading_default"] == [
        (None, 1)
    ]
    assert await stored(db) == [recorded]


async def test_the_default_partition_is_cleared_in_portions(
    db: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("solarrally.storage.retention.DELETE_LIMIT_ROWS", 2)
    for day in range(5):
        await store(db, datetime(2022, 8, 1 + day, tzinfo=UTC))
    await rolled_up(db)

    await dropped(db)

    assert await stored(db) == []
    assert await db.fetchval("SELECT count(*) FROM raw_dropped_day WHERE day < '2023-01-01'") == 5


async def test_the_rollups_of_what_was_dropped_stay(db: asyncpg.Connection) -> None:
    await store(db, HORIZON - timedelta(hours=1), power_w=7200.0)
    await rolled_up(db)
    tables = ("reading_15min", "reading_daily")
    before = [await db.fetch(f"SELECT * FROM {table}") for table in tables]

    await dropped(db)

    assert [await db.fetch(f"SELECT * FROM {table}") for table in tables] == before
    assert len(before[0]) == len(before[1]) == 1


async def test_a_late_reading_never_makes_a_rollup_smaller(db: asyncpg.Connection) -> None:
    """Neither that of its own bucket, nor that of the next one, which began with a dropped reading."""
    for ago_s in (1200, 600, 60):
        await store(db, HORIZON - timedelta(seconds=ago_s), power_w=7200.0)
    await store(db, HORIZON + timedelta(seconds=60), power_w=7200.0)
    await rolled_up(db)
    before = await db.fetch("SELECT * FROM reading_15min ORDER BY bucket_start")
    await dropped(db)

    await store(db, HORIZON - timedelta(seconds=500), received_at=NOW, power_w=7200.0)
    await store(db, HORIZON + timedelta(seconds=70), received_at=NOW, power_w=7200.0)

    assert await rolled_up(db) == 2
    assert await db.fetch("SELECT * FROM reading_15min ORDER BY bucket_start") == before
    assert await db.fetch("SELECT * FROM rollup_due") == []


async def test_a_late_reading_of_a_bucket_without_a_rollup_gets_one(db: asyncpg.Connection) -> None:
    """A station that brings its backlog of that time: nothing was dropped of it."""
    await store(db, HORIZON - timedelta(hours=1), power_w=7200.0)
    await rolled_up(db)
    await dropped(db)

    for minute in range(3):
        await store(
            db, HORIZON - timedelta(hours=9) + timedelta(minutes=minute), received_at=NOW, power_w=600.0
        )
        assert await rolled_up(db) == 0

    counts = await db.fetch("SELECT reading_count FROM reading_15min ORDER BY bucket_start")
    assert [row["reading_count"] for row in counts] == [3, 1]
    assert await db.fetchval("SELECT reading_count FROM reading_daily") == 4


async def test_the_horizon_is_remembered(db: asyncpg.Connection) -> None:
    assert await raw_horizon(db) is None
    await store(db, HORIZON - timedelta(hours=1))
    await rolled_up(db)
    await dropped(db)

    assert await raw_horizon(db) == HORIZON
    assert not await raw_is_complete(db, HORIZON - timedelta(hours=1), HORIZON + timedelta(hours=1))
    assert await raw_is_complete(db, HORIZON, NOW)
    assert await raw_is_complete(db, datetime(2022, 8, 1, tzinfo=UTC), datetime(2022, 8, 2, tzinfo=UTC))


async def test_a_day_in_use_is_postponed_and_holds_up_nobody_for_long(
    db: asyncpg.Connection, database_url: str
) -> None:
    await store(db, HORIZON - timedelta(hours=1))
    await rolled_up(db)
    reader = await connect(database_url, application_name="reader")
    try:
        async with reader.transaction():
            await reader.fetch("SELECT FROM reading")
            started_s = time.monotonic()
            with capture_logs() as logs:
                assert await dropped(db) == []
            assert time.monotonic() - started_s < 1.0
    finally:
        await reader.close()

    assert [entry["event"] for entry in logs] == ["retention_postponed"]
    assert await raw_horizon(db) is None
    assert [drop.day for drop in await dropped(db)] == [OLD]


async def test_an_open_transaction_is_refused(db: asyncpg.Connection) -> None:
    async with db.transaction():
        with pytest.raises(RuntimeError, match="transaction"):
            await dropped(db)


# -- compaction -----------------------------------------------------------------------------------------

FILL = """
INSERT INTO reading (ts, received_at, evse_id, connector_id, digest, quality)
SELECT $1::timestamptz + n / 200 * interval '10 s', now(), n % 200, 1, n, 0
FROM generate_series(0, 59999) AS n ORDER BY n
"""


async def test_the_key_of_a_day_that_is_over_is_built_again(db: asyncpg.Connection) -> None:
    for day in (OLD, KEPT):
        await db.execute(FILL, datetime(day.year, day.month, day.day, tzinfo=UTC))
    await db.execute("ANALYZE")
    readings = await db.fetchval("SELECT count(*) FROM reading")
    today = OLD + timedelta(days=2)

    done = await compact(db, today)

    assert [key.index for key in done] == [f"{partition_name(OLD)}_pkey"]  # KEPT ended only now
    assert done[0].after_bytes < 0.7 * done[0].before_bytes
    assert done[0].after_bytes < 40 * 60_000
    assert await db.fetchval("SELECT count(*) FROM reading") == readings
    assert await loose_keys(db, today) == []


async def test_what_an_interrupted_compaction_left_is_removed(db: asyncpg.Connection) -> None:
    table = partition_name(OLD)
    await db.execute(f"CREATE INDEX {table}_pkey_ccnew ON {table} (evse_id)")
    await db.execute(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = $1::text::regclass", f"{table}_pkey_ccnew"
    )

    await compact(db, KEPT)

    assert await db.fetchval("SELECT to_regclass($1)", f"{table}_pkey_ccnew") is None
