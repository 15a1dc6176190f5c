"""Rollups of the readings: a quarter of an hour and a UTC day of one connector, always what its readings say.

A bucket is a pure function of its own readings and of the last `LOOK_BACK_READINGS` before it, within the
silence timeout: they begin its first interval. Whoever stores a reading marks its bucket as due in the same
transaction; `roll_up` computes what is due, the following buckets that look back on it, and the days. So a
bucket is up to date where neither it nor one that it looks back on is marked, whenever a process died and
however late its readings came.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from solarrally.domain.bucket import BUCKET as BUCKET  # `solarrally maintain` takes it from here
from solarrally.domain.bucket import BUCKET_S, bucket_start
from solarrally.storage.rollup_statements import COMPUTE_BUCKETS, COMPUTE_DAYS
from solarrally.storage.scope import Scope

if TYPE_CHECKING:
    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]

_HALF_A_MICROSECOND_S: Final = 5e-7
"""Differences of instants are exact to a microsecond; as floating-point seconds they are not quite."""

MarkedBucket: TypeAlias = tuple[int, int, datetime]
"""`(evse_id, connector_id, bucket_start)`."""


@dataclass(slots=True, frozen=True, kw_only=True)
class RollupRules:
    """The numbers in the rules: those by which the sessions of the same readings are folded."""

    silence_timeout_s: float
    """What was said longer ago begins no interval."""
    gap_cap_s: float
    """Power is integrated over at most so much of a gap."""
    charging_threshold_w: float
    default_max_power_w: float
    """Of a station that has not said its own."""


@dataclass(slots=True, frozen=True, kw_only=True)
class RolledUp:
    """What one call of `roll_up` did."""

    marks: list[MarkedBucket]
    """Taken out of `rollup_due`: a new reading in one of these buckets must mark it again."""
    bucket_count: int
    """Buckets computed: those marked, and those that look back on them."""
    left_count: int
    """Marked buckets left as they were, because readings that went into them have been dropped since."""
    took_s: float


async def mark_due(
    connection: Connection,
    evse_ids: Sequence[int],
    connector_ids: Sequence[int],
    bucket_starts: Sequence[datetime],
) -> None:
    """Say that these buckets have new readings; one that is marked already stays so."""
    await connection.execute(_MARK_DUE, evse_ids, connector_ids, bucket_starts)


async def mark_all_due(connection: Connection, since: datetime) -> int:
    """Mark every bucket from `since` on that has readings; how many were not marked yet."""
    status = await connection.execute(
        "INSERT INTO rollup_due (bucket_start, evse_id, connector_id)"
        " SELECT DISTINCT date_bin($2, ts, 'epoch'), evse_id, connector_id FROM reading WHERE ts >= $1"
        " ON CONFLICT DO NOTHING",
        bucket_start(since),
        BUCKET,
    )
    return int(status.rpartition(" ")[2])


async def roll_up(
    connection: Connection,
    *,
    due_before: datetime,
    limit: int,
    rules: RollupRules,
    scope: Scope | None = None,
) -> RolledUp:
    """Compute up to `limit` marked buckets that ended by `due_before`, oldest first, and their days: of all
    stations, or of those in `scope`.

    One transaction: a mark is gone exactly when its bucket is stored. Only the one who marks may call it:
    a mark inserted by a transaction that commits later is neither seen nor lost, but whoever remembers which
    marks are in the database must hear of those taken out.
    """
    started_s = time.monotonic()
    scope = scope or Scope()
    take_marks = _TAKE_MARKS.format(here=scope.holds_number("rollup_due.evse_id", 3))
    async with connection.transaction():
        marks = [
            (record["evse_id"], record["connector_id"], record["bucket_start"])
            for record in await connection.fetch(take_marks, due_before - BUCKET, limit, *scope.values)
        ]
        if not marks:
            return RolledUp(marks=[], bucket_count=0, left_count=0, took_s=time.monotonic() - started_s)
        found = await connection.fetch(
            _TO_COMPUTE,
            *_columns(marks),
            math.ceil(rules.silence_timeout_s / BUCKET_S),
            BUCKET,
            timedelta(seconds=rules.silence_timeout_s),
        )
        computed = [
            (record["evse_id"], record["connector_id"], record["bucket_start"])
            for record in found
            if not record["is_final"]
        ]
        if computed:
            await connection.execute(
                COMPUTE_BUCKETS,
                *_columns(computed),
                timedelta(seconds=rules.silence_timeout_s),
                rules.gap_cap_s,
                rules.charging_threshold_w,
                rules.default_max_power_w,
                # Two plain values beside those in the arrays: they rule out the partitions of other days.
                min(start for _, _, start in computed) - timedelta(seconds=rules.silence_timeout_s),
                max(start for _, _, start in computed) + BUCKET,
                rules.silence_timeout_s + _HALF_A_MICROSECOND_S,
            )
        days = {(evse_id, connector_id, start.date()) for evse_id, connector_id, start in computed}
        await connection.execute(COMPUTE_DAYS, *_columns(sorted(days)))
    return RolledUp(
        marks=marks,
        bucket_count=len(computed),
        left_count=sum(record["is_final"] and record["is_marked"] for record in found),
        took_s=time.monotonic() - started_s,
    )


def next_limit(limit: int, took_s: float, *, target_s: float, longest: int = 1000) -> int:
    """How many marks to take next, so that a call takes about `target_s` whatever a bucket holds."""
    if took_s <= 0:
        return longest
    return max(1, min(longest, 2 * limit, int(limit * target_s / took_s)))


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """The three arrays that `unnest` turns into these rows again."""
    return [[row[place] for row in rows] for place in range(3)]


_MARK_DUE = """
INSERT INTO rollup_due (evse_id, connector_id, bucket_start)
SELECT * FROM unnest($1::int4[], $2::int2[], $3::timestamptz[])
ON CONFLICT DO NOTHING
"""

_TAKE_MARKS = """
DELETE FROM rollup_due WHERE (bucket_start, evse_id, connector_id) IN (
    SELECT bucket_start, evse_id, connector_id FROM rollup_due
    WHERE bucket_start <= $1 AND {here} ORDER BY bucket_start, evse_id, connector_id LIMIT $2
) RETURNING evse_id, connector_id, bucket_start
"""

# A following bucket without a row has either no readings, or a mark of its own that is not taken yet.
_TO_COMPUTE = """
WITH marked AS (
    SELECT * FROM unnest($1::int4[], $2::int2[], $3::timestamptz[]) AS m (evse_id, connector_id, bucket_start)
), touched AS (
    SELECT evse_id, connector_id, bucket_start + later * $5::interval AS bucket_start,
           bool_or(later = 0) AS is_marked
    FROM marked CROSS JOIN generate_series(0, $4::int4) AS later
    GROUP BY 1, 2, 3
)
SELECT t.*, b.computed_at IS NOT NULL AND EXISTS (
    SELECT FROM raw_dropped_day d
    WHERE d.dropped_at > b.computed_at
      AND d.day BETWEEN ((t.bucket_start - $6::interval) AT TIME ZONE 'UTC')::date
                    AND (t.bucket_start AT TIME ZONE 'UTC')::date
) AS is_final
FROM touched t LEFT JOIN reading_15min b USING (evse_id, connector_id, bucket_start)
WHERE t.is_marked OR b.evse_id IS NOT NULL
"""
