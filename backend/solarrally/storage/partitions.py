"""The daily partitions of `reading`: one table per UTC day, made ahead of time.

A day without its partition stops nothing: its readings land in `reading_default`, and move over when the
partition is made.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, TypeAlias

import structlog
from asyncpg.exceptions import LockNotAvailableError

if TYPE_CHECKING:
    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]

log: structlog.stdlib.BoundLogger = structlog.get_logger()

MOVE_LIMIT_ROWS = 100_000
"""More rows of one day than this stay in the default partition: moving them would hold up ingestion."""

LOCK_TIMEOUT_S = 2.0
"""Whoever queues behind our wait for a lock waits with us, so it is short; the next round tries again."""

_ADVISORY_LOCK = 0x50415254  # "PART": one maker of partitions at a time in a database
_NAME = re.compile(r"reading_y(\d{4})m(\d{2})d(\d{2})")


def ahead(today: date, days_ahead: int) -> list[date]:
    """Today and the `days_ahead` days after it: what should exist now."""
    return [today + timedelta(days=offset) for offset in range(days_ahead + 1)]


def partition_name(day: date) -> str:
    """The table that holds the readings of that UTC day, such as `reading_y2026m03d09`."""
    return f"reading_y{day:%Y}m{day:%m}d{day:%d}"


def is_partition(table_name: str) -> bool:
    """Whether that table is a part of `reading`, the default one included."""
    return table_name == "reading_default" or _NAME.fullmatch(table_name) is not None


def day_of_partition(table_name: str) -> date | None:
    """The UTC day whose readings that table holds; None for any other table."""
    match = _NAME.fullmatch(table_name)
    return None if match is None else date(*map(int, match.groups()))


async def existing_days(conn: Connection) -> set[date]:
    """The days that have their partition."""
    names = await conn.fetch(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = 'reading'::regclass"
    )
    days = (day_of_partition(row["relname"]) for row in names)
    return {day for day in days if day is not None}


async def days_in_default(conn: Connection, since: date = date.min) -> dict[date, int]:
    """The days from `since` on whose readings lie in the default partition, with how many.

    `ensure_partitions(conn, await days_in_default(conn))` clears it, except for days with too many rows.
    """
    rows = await conn.fetch(
        "SELECT (ts AT TIME ZONE 'UTC')::date AS day, count(*) AS row_count FROM reading_default"
        " WHERE ts >= $1::date GROUP BY 1 ORDER BY 1",
        since,
    )
    return {row["day"]: row["row_count"] for row in rows}


async def ensure_partitions(
    conn: Connection, days: Iterable[date], *, move_limit_rows: int = MOVE_LIMIT_ROWS
) -> list[date]:
    """Make the partitions that are missing among `days`; returns the days made by this call, in order.

    Each day is a short transaction of its own, and callers in several processes do not disturb each other.
    A day that is not made now stays in the default partition, where nothing is lost: one with more than
    `move_limit_rows` readings there is logged as `partition_left_in_default`, one whose lock is taken for
    longer than `LOCK_TIMEOUT_S` as `partition_postponed`.
    """
    if conn.is_in_transaction():
        raise RuntimeError(
            "ensure_partitions commits day by day: it needs a connection without a transaction"
        )
    existing = await existing_days(conn)
    made = []
    for day in sorted(set(days) - existing):
        try:
            if await _make(conn, day, move_limit_rows):
                made.append(day)
        except LockNotAvailableError:
            log.warning("partition_postponed", day=day.isoformat(), lock_timeout_s=LOCK_TIMEOUT_S)
    return made


async def _make(conn: Connection, day: date, move_limit_rows: int) -> bool:
    """Make one partition, filled from the default one; False when it exists or too many rows lie there.

    It is made apart and then attached, because CREATE TABLE ... PARTITION OF would shut out readers as well.
    Writers wait for these few milliseconds (longer while rows move): one that had already chosen the default
    partition would otherwise be refused by it, since by then the day belongs elsewhere.
    """
    name = partition_name(day)
    start, end = (datetime.combine(day + timedelta(days=n), time(), UTC) for n in (0, 1))
    async with conn.transaction():
        await conn.execute(f"SET LOCAL lock_timeout = {round(LOCK_TIMEOUT_S * 1000)}")
        await conn.execute("SELECT pg_advisory_xact_lock($1)", _ADVISORY_LOCK)
        if await conn.fetchval("SELECT to_regclass($1) IS NOT NULL", name):
            return False
        await conn.execute("LOCK TABLE ONLY reading IN SHARE ROW EXCLUSIVE MODE")
        await conn.execute("LOCK TABLE reading_default IN ACCESS EXCLUSIVE MODE")
        row_count = await conn.fetchval(
            "SELECT count(*) FROM (SELECT FROM reading_default WHERE ts >= $1 AND ts < $2 LIMIT $3) AS found",
            start,
            end,
            move_limit_rows + 1,
        )
        if row_count > move_limit_rows:
            log.warning("partition_left_in_default", day=day.isoformat(), move_limit_rows=move_limit_rows)
            return False
        await conn.execute(f"CREATE TABLE {name} (LIKE reading INCLUDING ALL)")
        if row_count:
            await conn.execute(
                "WITH moved AS (DELETE FROM reading_default WHERE ts >= $1 AND ts < $2 RETURNING *)"
                f" INSERT INTO {name} SELECT * FROM moved",
                start,
                end,
            )
        await conn.execute(
            f"ALTER TABLE reading ATTACH PARTITION {name}"
            f" FOR VALUES FROM ('{start.isoformat()}') TO ('{end.isoformat()}')"
        )
    log.info("partition_made", day=day.isoformat(), moved_rows=row_count)
    return True
