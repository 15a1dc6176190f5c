"""The history of a connector in buckets: minutes from readings, longer ones from rollups.

Where the rollup of a quarter of an hour is not computed yet (its mark is in `rollup_due`), it is computed
here, by the same statement; so an answer is never behind the readings that are stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from solarrally.domain.bucket import BUCKET, BUCKET_S
from solarrally.storage.queries.connecting import connected
from solarrally.storage.queries.evses import StationKey
from solarrally.storage.queries.window import Order, Window
from solarrally.storage.rollup_statements import SUMMED, buckets_sql
from solarrally.storage.rollups import RollupRules
from solarrally.storage.tables import raw_dropped_day, reading_15min

BucketSize = Literal["1min", "15min", "1h", "1d"]

_MINUTE: Final = timedelta(minutes=1)
_MAX_COMPUTED: Final = 96
"""Quarters computed for one answer, the newest ones; rollups behind them may be older than their readings."""
_HALF_A_MICROSECOND_S: Final = 5e-7


@dataclass(slots=True, frozen=True, kw_only=True)
class BucketRow:
    """What the readings of one bucket say; powers, voltages and currents of billable ones only.

    A longer bucket's `energy_method` may be several, joined by `+`.
    """

    starts_at: datetime
    ends_at: datetime
    is_complete: bool
    reading_count: int
    billable_count: int
    energy_method: str | None
    energy_solar_wh: float
    energy_grid_wh: float
    energy_unattributed_wh: float
    charging_s: float
    power_avg_w: float | None
    power_min_w: float | None
    power_max_w: float | None
    voltage_avg_v: float | None
    current_avg_a: float | None
    current_max_a: float | None
    temperature_avg_c: float | None
    temperature_max_c: float | None


_VALUES: Final = [
    name for name in BucketRow.__dataclass_fields__ if name not in {"starts_at", "ends_at", "is_complete"}
]

BUCKET_ORDERS: Final[dict[str, Order[BucketRow]]] = {
    "ts": Order(
        columns=(reading_15min.c.bucket_start,), kinds=(datetime,), position=lambda row: (row.starts_at,)
    )
}


async def buckets_between(
    engine: AsyncEngine,
    station: StationKey,
    connector_id: int,
    size: BucketSize,
    date_from: datetime,
    date_to: datetime,
    window: Window[BucketRow],
    *,
    rules: RollupRules,
    now: datetime,
) -> list[BucketRow]:
    """The buckets with readings that begin in the range and in the window.

    Hours and days are those of the site's zone.
    """
    if window.after is not None:
        if window.is_descending:
            date_to = min(date_to, window.after[0])
        else:
            date_from = max(date_from, window.after[0] + timedelta(microseconds=1))
    if date_from >= date_to:
        return []
    question = _Question(station, connector_id, date_from, date_to, window.limit, window.is_descending, rules)
    async with connected(engine) as connection:
        if size == "1min":
            rows = await question.minutes(connection)
        else:
            rows = await question.longer(connection, size)
    return [
        BucketRow(
            starts_at=row["starts_at"],
            ends_at=row["ends_at"],
            is_complete=row["ends_at"] <= now and not row["is_due"],
            **{name: row[name] for name in _VALUES},
        )
        for row in rows
    ]


async def raw_since(engine: AsyncEngine) -> datetime | None:
    """From when readings are kept; None when none were ever dropped."""
    async with connected(engine) as connection:
        day = await connection.scalar(select(func.max(raw_dropped_day.c.day)))
    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)


@dataclass(slots=True, frozen=True)
class _Question:
    """Which buckets of which connector."""

    station: StationKey
    connector_id: int
    date_from: datetime
    date_to: datetime
    limit: int
    is_descending: bool
    rules: RollupRules

    async def minutes(self, connection: AsyncConnection) -> list[Any]:
        first = _rounded_up(self.date_from, _MINUTE)
        last = _rounded_up(self.date_to, _MINUTE) - _MINUTE
        if first > last:
            return []
        series = (last, first, -_MINUTE) if self.is_descending else (first, last, _MINUTE)
        found = await connection.exec_driver_sql(
            _MINUTES_WITH_READINGS,
            (*series, self.station.evse_id, self.connector_id, self.limit, first, last),
        )
        starts = [row[0] for row in found]
        if not starts:
            return []
        arguments = self._computing(starts, _MINUTE)
        rows = (await connection.exec_driver_sql(_MINUTE_BUCKETS, arguments)).mappings().all()
        return sorted(rows, key=lambda row: row["starts_at"], reverse=self.is_descending)

    async def longer(self, connection: AsyncConnection, size: BucketSize) -> list[Any]:
        until = self.date_to + (timedelta(hours=26) if size == "1d" else timedelta(hours=1))
        place = (self.station.evse_id, self.connector_id)
        silence = timedelta(seconds=self.rules.silence_timeout_s)
        due = [
            row[0] for row in await connection.exec_driver_sql(_DUE, (*place, self.date_from, until, silence))
        ]
        statement = _LONGER[size, bool(due)]
        arguments = self._computing(due[:_MAX_COMPUTED], BUCKET) if due else ()
        more = (*place, self.date_from, until, self.station.timezone, due, self.date_to, self.limit)
        rows = await connection.exec_driver_sql(
            statement.format(direction="DESC" if self.is_descending else "ASC"), (*arguments, *more)
        )
        return list(rows.mappings().all())

    def _computing(self, starts: list[datetime], length: timedelta) -> tuple[Any, ...]:
        """The arguments of `buckets_sql`."""
        rules = self.rules
        silence = timedelta(seconds=rules.silence_timeout_s)
        return (
            [self.station.evse_id] * len(starts),
            [self.connector_id] * len(starts),
            starts,
            silence,
            rules.gap_cap_s,
            rules.charging_threshold_w,
            rules.default_max_power_w,
            min(starts, default=self.date_from) - silence,
            max(starts, default=self.date_from) + length,
            rules.silence_timeout_s + _HALF_A_MICROSECOND_S,
        )


def _rounded_up(ts: datetime, step: timedelta) -> datetime:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return ts + (epoch - ts) % step


# A probe of the key for each minute: cheaper than to read a second's readings of days for their minutes.
_MINUTES_WITH_READINGS: Final = """
SELECT m FROM generate_series($1::timestamptz, $2::timestamptz, $3::interval) AS m
WHERE EXISTS (
    SELECT FROM reading
    WHERE evse_id = $4 AND connector_id = $5 AND ts >= m AND ts < m + interval '1 min'
      AND ts >= $7 AND ts < $8::timestamptz + interval '1 min'
) LIMIT $6
"""
_MINUTE_BUCKETS: Final = f"""
SELECT *, bucket_start AS starts_at, bucket_start + interval '1 min' AS ends_at, false AS is_due
FROM ({buckets_sql(60)}) AS computed
"""
# Newest first. What went into a bucket of a day whose readings were dropped cannot be computed again.
_DUE: Final = """
SELECT bucket_start FROM rollup_due
WHERE evse_id = $1 AND connector_id = $2 AND bucket_start >= $3 AND bucket_start < $4
  AND NOT EXISTS (
    SELECT FROM raw_dropped_day d
    WHERE d.day BETWEEN ((bucket_start - $5::interval) AT TIME ZONE 'UTC')::date
                    AND (bucket_start AT TIME ZONE 'UTC')::date
  )
ORDER BY bucket_start DESC
"""
_COLUMNS: Final = ", ".join(SUMMED)
_COMPUTED: Final = f"""
    UNION ALL
    SELECT bucket_start, {_COLUMNS} FROM ({buckets_sql(BUCKET_S)}) AS computed
"""


def _longer(size: BucketSize, *, is_computing: bool) -> str:
    """Buckets from those that are known, and where something `is_computing` from what is computed now.

    To plan that part takes longer than the rest altogether, since it may touch every partition.
    """
    first = 11 if is_computing else 1
    names = ("evse", "connector", "since", "before", "zone", "due", "until", "limit")
    at = {name: f"${number}" for number, name in enumerate(names, first)}
    starts_at, ends_at = {
        "15min": (
            "bucket_start",
            # A parameter has to be used somewhere to have a type.
            f"starts_at + interval '{BUCKET_S} s' + length({at['zone']}::text) * interval '0 s'",
        ),
        "1h": (f"date_trunc('hour', bucket_start, {at['zone']}::text)", "starts_at + interval '1 hour'"),
        "1d": (
            f"date_trunc('day', bucket_start, {at['zone']}::text)",
            f"(starts_at AT TIME ZONE {at['zone']}::text + interval '1 day') AT TIME ZONE {at['zone']}::text",
        ),
    }[size]
    return f"""
WITH known AS (
    SELECT bucket_start, {_COLUMNS} FROM reading_15min
    WHERE evse_id = {at["evse"]} AND connector_id = {at["connector"]}
      AND bucket_start >= {at["since"]} AND bucket_start < {at["before"]}
      {"AND bucket_start <> ALL ($3::timestamptz[])" if is_computing else ""}
    {_COMPUTED if is_computing else ""}
), grouped AS (
    SELECT {starts_at} AS starts_at, {", ".join(f"{sql} AS {name}" for name, sql in SUMMED.items())},
           bool_or(bucket_start = ANY ({at["due"]}::timestamptz[])) AS is_due
    FROM known GROUP BY 1
)
SELECT *, {ends_at} AS ends_at FROM grouped WHERE starts_at >= {at["since"]} AND starts_at < {at["until"]}
ORDER BY starts_at {{direction}} LIMIT {at["limit"]}
"""


_LONGER: Final[dict[tuple[BucketSize, bool], str]] = {
    (size, is_computing): _longer(size, is_computing=is_computing)
    for size in ("15min", "1h", "1d")
    for is_computing in (False, True)
}
