"""Retention: raw readings older than so many days are dropped by whole days; their rollups stay.

A day's partition goes as a table. In the default partition lie readings older than any partition, such as a
recording replayed today: they count from their receipt. What is not rolled up yet is never dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final, TypeAlias

import structlog
from asyncpg.exceptions import LockNotAvailableError

from solarrally.storage.partitions import day_of_partition, partition_name

if TYPE_CHECKING:
    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]

log: structlog.stdlib.BoundLogger = structlog.get_logger()

DEFAULT_PARTITION: Final = "reading_default"

LOCK_TIMEOUT_S: Final = 0.2
"""Whoever reads or writes `reading` queues behind our wait for its lock: a day in use waits for its turn."""

DELETE_LIMIT_ROWS: Final = 10_000
"""So many rows of the default partition go in one transaction."""

LOOK_BACK: Final = timedelta(days=1)
"""How far behind a day its readings may still be looked back on; no silence timeout is that long."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Drop:
    """Readings that are to go, or went."""

    partition: str
    day: date | None
    """None: of the default partition, whatever their day."""
    row_count: int | None
    """Of a day an estimate, None where PostgreSQL has none yet; of the default partition the exact number."""
    size_bytes: int
    """On disk, with the key. 0 for the default partition: its space is used again, not given back."""
    pending_count: int = 0
    """Rollups that may still need these readings, which stay until there are none."""


def horizon_of(now: datetime, raw_keep_days: int) -> datetime | None:
    """The start of the oldest day that is kept; None: everything is kept."""
    if raw_keep_days == 0:
        return None
    return datetime.combine(now.astimezone(UTC).date() - timedelta(days=raw_keep_days), time(), UTC)


async def raw_horizon(connection: Connection) -> datetime | None:
    """The end of the newest day of which readings were dropped; None: none ever were."""
    day: date | None = await connection.fetchval("SELECT max(day) FROM raw_dropped_day")
    return None if day is None else datetime.combine(day + timedelta(days=1), time(), UTC)


async def raw_is_complete(connection: Connection, since: datetime, until: datetime) -> bool:
    """Whether no reading of the days from `since` to `until` was ever dropped.

    Stricter than to compare with the horizon, and kinder: the days of a recording replayed today lie long
    before it and are complete.
    """
    is_dropped: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM raw_dropped_day WHERE day BETWEEN $1 AND $2)",
        since.astimezone(UTC).date(),
        until.astimezone(UTC).date(),
    )
    return not is_dropped


async def plan(connection: Connection, *, now: datetime, raw_keep_days: int) -> list[Drop]:
    """What `apply` would drop at this instant, oldest day first; with 0 days nothing is ever dropped."""
    horizon = horizon_of(now, raw_keep_days)
    if horizon is None:
        return []
    drops = []
    for record in await connection.fetch(
        "SELECT c.relname, c.reltuples::int8 AS row_count, pg_total_relation_size(c.oid) AS size_bytes"
        " FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = 'reading'::regclass ORDER BY c.relname"
    ):
        day = day_of_partition(record["relname"])
        if day is None or day >= horizon.date():
            continue
        start = datetime.combine(day, time(), UTC)
        drops.append(
            Drop(
                partition=record["relname"],
                day=day,
                row_count=None if record["row_count"] < 0 else record["row_count"],
                size_bytes=record["size_bytes"],
                pending_count=await _pending(connection, start, start + timedelta(days=1) + LOOK_BACK),
            )
        )
    row_count = await connection.fetchval(
        "SELECT count(*) FROM reading_default WHERE ts < $1 AND received_at < $1", horizon
    )
    if row_count:
        pending_count = await _pending(connection, datetime.min.replace(tzinfo=UTC), horizon + LOOK_BACK)
        drops.append(
            Drop(
                partition=DEFAULT_PARTITION,
                day=None,
                row_count=row_count,
                size_bytes=0,
                pending_count=pending_count,
            )
        )
    return drops


async def apply(connection: Connection, *, now: datetime, raw_keep_days: int) -> list[Drop]:
    """Drop what is planned and not pending; returns what went.

    Each day, and each portion of the default partition, is a short transaction. A day whose lock is not to be
    had at once is logged as `retention_postponed` and left for the next time, as are the days after it.
    Nobody may roll up meanwhile: what was not pending a moment ago must still not be.
    """
    if connection.is_in_transaction():
        raise RuntimeError("retention commits day by day: it needs a connection without a transaction")
    dropped = []
    for drop in await plan(connection, now=now, raw_keep_days=raw_keep_days):
        if drop.pending_count:
            log.warning("retention_waits_for_rollups", partition=drop.partition, pending=drop.pending_count)
            continue
        if drop.day is None:
            horizon = horizon_of(now, raw_keep_days)
            while await connection.fetchval(_DELETE_SOME, horizon, DELETE_LIMIT_ROWS) == DELETE_LIMIT_ROWS:
                pass
        else:
            try:
                await _drop_day(connection, drop.day)
            except LockNotAvailableError:
                log.warning("retention_postponed", day=drop.day.isoformat(), lock_timeout_s=LOCK_TIMEOUT_S)
                break
        log.info(
            "raw_readings_dropped",
            partition=drop.partition,
            row_count=drop.row_count,
            size_bytes=drop.size_bytes,
        )
        dropped.append(drop)
    return dropped


async def _drop_day(connection: Connection, day: date) -> None:
    """Drop a partition and remember it, as one.

    It takes `reading` for itself for as long as the catalog takes: the files go after the commit. DETACH
    CONCURRENTLY would not wait for it, but is not to be had beside a default partition.
    """
    async with connection.transaction():
        await connection.execute(f"SET LOCAL lock_timeout = {round(LOCK_TIMEOUT_S * 1000)}")
        await connection.execute(f"DROP TABLE {partition_name(day)}")
        await connection.execute(
            "INSERT INTO raw_dropped_day (day, dropped_at) VALUES ($1, now())"
            " ON CONFLICT (day) DO UPDATE SET dropped_at = excluded.dropped_at",
            day,
        )


async def _pending(connection: Connection, since: datetime, until: datetime) -> int:
    count: int = await connection.fetchval(
        "SELECT count(*) FROM rollup_due WHERE bucket_start >= $1 AND bucket_start < $2", since, until
    )
    return count


_DELETE_SOME = """
WITH gone AS (
    DELETE FROM reading_default WHERE ctid = ANY (ARRAY (
        SELECT ctid FROM reading_default WHERE ts < $1 AND received_at < $1 ORDER BY ts LIMIT $2
    )) RETURNING ts
), noted AS (
    INSERT INTO raw_dropped_day (day, dropped_at)
    SELECT DISTINCT (ts AT TIME ZONE 'UTC')::date, now() FROM gone
    ON CONFLICT (day) DO UPDATE SET dropped_at = excluded.dropped_at
)
SELECT count(*) FROM gone
"""
