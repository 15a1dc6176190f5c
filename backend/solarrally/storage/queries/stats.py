"""Statistics by local time: energy, money, sessions and use, each day in the time zone of its own site.

Energy and power come from the quarters of an hour in `reading_15min`: energy counts when it flowed, at the
site where the EVSE stood then. Sessions and money count when a session began, at its site. A quarter divides
the days of every zone: a day of 23 or 25 hours has 92 or 100 of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from solarrally.domain.bucket import bucket_start
from solarrally.storage.queries.connecting import connected
from solarrally.storage.queries.reports import begin_report

Period = Literal["day", "week", "month"]
GroupBy = Literal["site", "evse"]

OCCUPYING_DAYS: Final = 31
"""A session that began longer than this before the first day no longer counts as occupying its connector."""


@dataclass(slots=True, frozen=True, kw_only=True)
class StatsFilter:
    """Which connectors, and which local days."""

    date_from: date
    """The first local day."""
    date_to: date
    """The day after the last one."""
    site_id: int | None = None
    evse_uid: str | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class EnergySums:
    """Energy in Wh by where it came from."""

    energy_solar_wh: float = 0.0
    energy_grid_wh: float = 0.0
    energy_unattributed_wh: float = 0.0


@dataclass(slots=True, frozen=True, kw_only=True)
class Money:
    """What sessions cost in one currency, without VAT."""

    currency: str
    cost: Decimal


@dataclass(slots=True, frozen=True, kw_only=True)
class StatsRow:
    """One period of all connectors, of one site, or of one EVSE at one site."""

    site_id: int | None
    evse_uid: str | None
    period_start: date
    """Its first day; a Monday, or the first of a month, also where the asked range begins later."""
    date_from: date
    """The first day that counts."""
    date_to: date
    """The day after the last one that counts."""
    energy: EnergySums
    charging_s: float
    peak_quarter_power_w: float | None
    """The highest of its quarters: average powers of the connectors in it, added up."""
    peak_power_w: float | None
    """The highest power of one connector."""
    session_count: int
    session_energy_wh: int
    """Of the sessions that began in it, to their end."""
    money: Sequence[Money]
    occupied_s: float
    """How long connectors were in a session."""
    connector_s: float
    """Connectors times the length of the period, as far as it is over and they stood there."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Stats:
    """The rows, by group and then by period, and until when they are complete."""

    complete_until: datetime
    """The end of the last quarter that is rolled up; later energy is not in them yet."""
    rows: Sequence[StatsRow]


@dataclass(slots=True, frozen=True, kw_only=True)
class HourOfWeek:
    """One hour of the local week, over all weeks of the range."""

    weekday: int
    """ISO: 1 is Monday."""
    hour: int
    energy_wh: float
    charging_s: float
    connector_s: float


@dataclass(slots=True, frozen=True, kw_only=True)
class Utilisation:
    """The 168 hours of the local week, and until when they are complete."""

    complete_until: datetime
    hours: Sequence[HourOfWeek]


@dataclass(slots=True, frozen=True, kw_only=True)
class NowFigures:
    """What an overview shows: this moment, and the local day so far."""

    power_w: float
    """Of the connectors of stations that are online."""
    active_session_count: int
    energy_today: EnergySums
    session_count_today: int
    money_today: Sequence[Money]
    evse_count_by_state: Mapping[str, int]
    connector_count_by_status: Mapping[str, int]
    complete_until: datetime


async def complete_until(connection: AsyncConnection, now: datetime) -> datetime:
    """Until when rollups have everything that is stored."""
    quarter = bucket_start(now)
    due: datetime | None = (
        await connection.execute(text("SELECT min(bucket_start) FROM rollup_due"))
    ).scalar_one()
    return quarter if due is None else min(due, quarter)


async def stats_by_period(
    engine: AsyncEngine, where: StatsFilter, period: Period, group_by: GroupBy | None, now: datetime
) -> Stats:
    """A row for each group and period, also for those in which nothing happened.

    Two sites in different zones may share a row of all: each brings its own local days.
    """
    values = _values(where, now) | {"period": period, "step": f"1 {period}", "group_by": group_by or "all"}
    async with connected(engine) as connection:
        await begin_report(connection)
        statements = await _statements_since(connection, values["earliest"])
        rows: dict[_Key, _Sums] = defaultdict(_Sums)
        for row in await connection.execute(statements.periods, values):
            rows[_key(row)].connector_s = float(row.connector_s or 0)
        for row in await connection.execute(statements.energy, values):
            sums = rows[_key(row)]
            sums.energy = _energy(row)
            sums.charging_s = row.charging_s
            sums.peak_quarter_power_w, sums.peak_power_w = row.peak_quarter_power_w, row.peak_power_w
        for row in await connection.execute(_SESSIONS, values):
            sums = rows[_key(row)]
            sums.session_count += row.session_count
            sums.session_energy_wh += int(row.energy_wh)
            sums.money.append(Money(currency=row.currency, cost=row.cost))
        for row in await connection.execute(statements.occupied, values):
            rows[_key(row)].occupied_s = float(row.occupied_s)
        until = await complete_until(connection, now)
    groups = sorted({key[:2] for key in rows}, key=lambda group: (group[0] or 0, group[1] or ""))
    return Stats(
        complete_until=until,
        rows=[
            _stats_row(group, days, rows[*group, days.period_start])
            for group in groups
            for days in _periods(where, period)
        ],
    )


async def count_groups(
    engine: AsyncEngine, where: StatsFilter, group_by: GroupBy | None, now: datetime
) -> int:
    """How many groups `stats_by_period` would make rows of."""
    values = _values(where, now) | {"group_by": group_by or "all"}
    async with connected(engine) as connection:
        statements = await _statements_since(connection, values["earliest"])
        return int((await connection.execute(statements.group_count, values)).scalar_one())


async def utilisation_by_hour_of_week(engine: AsyncEngine, where: StatsFilter, now: datetime) -> Utilisation:
    """All 168 hours, Monday 00:00 first."""
    values = _values(where, now)
    async with connected(engine) as connection:
        await begin_report(connection)
        statements = await _statements_since(connection, values["earliest"])
        hours = [
            HourOfWeek(
                weekday=row.weekday,
                hour=row.hour,
                energy_wh=row.energy_wh,
                charging_s=row.charging_s,
                connector_s=float(row.connector_s),
            )
            for row in await connection.execute(statements.hours_of_week, values)
        ]
        until = await complete_until(connection, now)
    return Utilisation(complete_until=until, hours=hours)


async def figures_now(engine: AsyncEngine, site_id: int | None, now: datetime) -> NowFigures:
    """The overview of all sites, or of one."""
    values = {"site_id": site_id, "now": now}
    yesterday = now - timedelta(hours=26)
    async with connected(engine) as connection:
        await begin_report(connection)
        statements = await _statements_since(connection, yesterday)
        live = (await connection.execute(_POWER_NOW, values)).one()
        today = (await connection.execute(statements.energy_today, values)).one()
        money = (await connection.execute(_MONEY_TODAY, values)).all()
        states = (await connection.execute(_EVSE_STATES, values)).all()
        statuses = (await connection.execute(_CONNECTOR_STATUSES, values)).all()
        until = await complete_until(connection, now)
    return NowFigures(
        power_w=live.power_w,
        active_session_count=live.active_session_count,
        energy_today=_energy(today),
        session_count_today=sum(row.session_count for row in money),
        money_today=[Money(currency=row.currency, cost=row.cost) for row in money],
        evse_count_by_state={row.state: row.number for row in states},
        connector_count_by_status={row.status: row.number for row in statuses},
        complete_until=until,
    )


_LONGEST_DAYS: Final[Mapping[Period, int]] = {"day": 1, "week": 7, "month": 31}

_Key = tuple[int | None, str | None, date]
"""`(site_id, evse_uid, period_start)`."""


@dataclass(slots=True, frozen=True)
class _Days:
    """One period, and what of it is in the asked range."""

    period_start: date
    date_from: date
    date_to: date


@dataclass(slots=True)
class _Sums:
    energy: EnergySums = field(default_factory=EnergySums)
    charging_s: float = 0.0
    peak_quarter_power_w: float | None = None
    peak_power_w: float | None = None
    session_count: int = 0
    session_energy_wh: int = 0
    money: list[Money] = field(default_factory=list)
    occupied_s: float = 0.0
    connector_s: float = 0.0


async def _statements_since(connection: AsyncConnection, earliest: datetime) -> _Statements:
    has_moved: bool = (await connection.execute(_HAS_MOVED, {"earliest": earliest})).scalar_one()
    return _BY_HAS_MOVED[has_moved]


def _values(where: StatsFilter, now: datetime) -> dict[str, Any]:
    """No zone is further than a day from UTC: the plain instants let PostgreSQL use its indexes."""
    midnight = datetime.min.time()
    earliest = datetime.combine(where.date_from, midnight, UTC) - timedelta(days=1)
    return {
        "date_from": where.date_from,
        "date_to": where.date_to,
        "earliest": earliest,
        "latest": datetime.combine(where.date_to, midnight, UTC) + timedelta(days=1),
        "earliest_session": earliest - timedelta(days=OCCUPYING_DAYS),
        "site_id": where.site_id,
        "evse_uid": where.evse_uid,
        "now": now,
    }


def _key(row: Any) -> _Key:
    return row.site_id, row.evse_uid, row.period_start


def _periods(where: StatsFilter, period: Period) -> Iterator[_Days]:
    start = where.date_from
    if period == "week":
        start -= timedelta(days=start.weekday())
    elif period == "month":
        start = start.replace(day=1)
    while start < where.date_to:
        following = start + timedelta(days=_LONGEST_DAYS[period])
        if period == "month":
            following = following.replace(day=1)
        yield _Days(start, max(start, where.date_from), min(following, where.date_to))
        start = following


def _energy(row: Any) -> EnergySums:
    return EnergySums(
        energy_solar_wh=row.energy_solar_wh,
        energy_grid_wh=row.energy_grid_wh,
        energy_unattributed_wh=row.energy_unattributed_wh,
    )


def _stats_row(group: tuple[int | None, str | None], days: _Days, sums: _Sums) -> StatsRow:
    site_id, evse_uid = group
    return StatsRow(
        site_id=site_id,
        evse_uid=evse_uid,
        period_start=days.period_start,
        date_from=days.date_from,
        date_to=days.date_to,
        energy=sums.energy,
        charging_s=sums.charging_s,
        peak_quarter_power_w=sums.peak_quarter_power_w,
        peak_power_w=sums.peak_power_w,
        session_count=sums.session_count,
        session_energy_wh=sums.session_energy_wh,
        money=sorted(sums.money, key=lambda money: money.currency),
        occupied_s=sums.occupied_s,
        connector_s=sums.connector_s,
    )


_ENERGY_SUMS = """
    coalesce(sum(energy_solar_wh), 0)::float8 AS energy_solar_wh,
    coalesce(sum(energy_grid_wh), 0)::float8 AS energy_grid_wh,
    coalesce(sum(energy_unattributed_wh), 0)::float8 AS energy_unattributed_wh
"""
# Which EVSE stood where from when until when. A quarter of an hour is not divided: the one in which an EVSE
# moved counts where it stood before.
_STAYS = """
    SELECT evse_id, evse_uid, site_id,
           coalesce(date_bin('15 min', since + interval '899.999999 s', timestamptz 'epoch'), '-infinity')
           AS since,
           coalesce(date_bin('15 min', until + interval '899.999999 s', timestamptz 'epoch'), 'infinity')
           AS until
    FROM (
        SELECT e.id AS evse_id, e.evse_uid, e.site_id,
               (SELECT max(moved_at) FROM evse_move m WHERE m.evse_id = e.id) AS since,
               CAST(NULL AS timestamptz) AS until
        FROM evse e
        UNION ALL
        SELECT e.id, e.evse_uid, m.from_site_id,
               (SELECT max(moved_at) FROM evse_move b WHERE b.evse_id = e.id AND b.moved_at < m.moved_at),
               m.moved_at
        FROM evse_move m JOIN evse e ON e.id = m.evse_id
    ) AS exact
"""
# The same where none moved since the range began: PostgreSQL then knows how many rows to expect, and is up to
# three times as fast with all the quarters of a fleet.
_STANDS = """
    SELECT id AS evse_id, evse_uid, site_id, timestamptz '-infinity' AS since,
           timestamptz 'infinity' AS until
    FROM evse
"""
_GROUP = """
    CASE WHEN :group_by <> 'all' THEN {site_id} END AS site_id,
    CASE WHEN :group_by = 'evse' THEN {evse_uid} END AS evse_uid
"""
_CHOSEN = """
    (CAST(:site_id AS int) IS NULL OR {site_id} = :site_id)
    AND (CAST(:evse_uid AS text) IS NULL OR {evse_uid} = :evse_uid)
"""
_OF_STAY = {"site_id": "stay.site_id", "evse_uid": "stay.evse_uid"}
_OF_SESSION = {"site_id": "cs.site_id", "evse_uid": "e.evse_uid"}
# The periods of each zone, with the instants at which they begin and end there.
_PERIODS_OF_ZONES = """
    SELECT zone, period_start, first_day::timestamp AT TIME ZONE zone AS starts_at,
           last_day::timestamp AT TIME ZONE zone AS ends_at
    FROM (SELECT DISTINCT zone FROM chosen) AS zones CROSS JOIN (
        SELECT start::date AS period_start, greatest(start::date, CAST(:date_from AS date)) AS first_day,
               least((start + CAST(CAST(:step AS text) AS interval))::date,
                     CAST(:date_to AS date)) AS last_day
        FROM generate_series(
            date_trunc(:period, CAST(:date_from AS date)::timestamp),
            CAST(:date_to AS date)::timestamp - interval '1 day',
            CAST(CAST(:step AS text) AS interval)
        ) AS start
    ) AS periods
"""
_IN_RANGE = "local_day >= CAST(:date_from AS date) AND local_day < CAST(:date_to AS date)"

_HAS_MOVED = text("SELECT EXISTS (SELECT FROM evse_move WHERE moved_at > :earliest)")


@dataclass(slots=True, frozen=True)
class _Statements:
    """The questions that depend on where EVSEs stood."""

    group_count: TextClause
    periods: TextClause
    energy: TextClause
    occupied: TextClause
    hours_of_week: TextClause
    energy_today: TextClause


def _statements(*, has_moved: bool) -> _Statements:
    """Where none has moved since the range began, nothing is asked about when an EVSE stood where."""
    stays = _STAYS if has_moved else _STANDS
    is_in_range = (
        "since < until AND since < range_ends_at AND until > range_starts_at" if has_moved else "true"
    )
    while_there = "bucket_start >= since AND bucket_start < until" if has_moved else "true"
    chosen_evses = f"""
    SELECT * FROM (
        SELECT stay.evse_id, s.timezone AS zone, {_GROUP.format(**_OF_STAY)}, since, until,
               CAST(:date_from AS date)::timestamp AT TIME ZONE s.timezone AS range_starts_at,
               CAST(:date_to AS date)::timestamp AT TIME ZONE s.timezone AS range_ends_at
        FROM ({stays}) AS stay JOIN site s ON s.id = stay.site_id WHERE {_CHOSEN.format(**_OF_STAY)}
    ) AS stays WHERE {is_in_range}
    """
    chosen_connectors = f"""
    SELECT chosen.*, c.connector_id FROM ({chosen_evses}) AS chosen JOIN connector c USING (evse_id)
    """
    group_count = f"SELECT count(*) FROM (SELECT DISTINCT site_id, evse_uid FROM ({chosen_evses}) c) g"
    periods = f"""
    WITH chosen AS ({chosen_evses}), zoned AS ({_PERIODS_OF_ZONES})
    SELECT site_id, evse_uid, period_start, sum(connector_count * greatest(
               0, extract(epoch FROM least(ends_at, until, :now) - greatest(starts_at, since))
           )) AS connector_s
    FROM (
        SELECT site_id, evse_uid, zone, since, until, count(c.connector_id) AS connector_count
        FROM chosen LEFT JOIN connector c USING (evse_id) GROUP BY 1, 2, 3, 4, 5
    ) AS counted JOIN zoned USING (zone)
    GROUP BY 1, 2, 3
    """
    # Each quarter is put into its period once and not for each of its rows, of which there may be millions.
    energy = f"""
    WITH chosen AS ({chosen_connectors}), grouped AS (
        SELECT *, dense_rank() OVER (
                   ORDER BY site_id, CASE WHEN :group_by = 'evse' THEN evse_id END
               ) AS group_id
        FROM chosen
    ), periods AS MATERIALIZED (
        SELECT zone, bucket_start, date_trunc(:period, local_day::timestamp)::date AS period_start
        FROM (
            SELECT zone, bucket_start, (bucket_start AT TIME ZONE zone)::date AS local_day
            FROM (SELECT DISTINCT zone FROM chosen) AS zones CROSS JOIN generate_series(
                CAST(:earliest AS timestamptz), CAST(:latest AS timestamptz), interval '15 min'
            ) AS bucket_start
        ) AS quarters WHERE {_IN_RANGE}
    ), of_zones AS MATERIALIZED (
        SELECT group_id, zone, bucket_start, sum(energy_solar_wh) AS energy_solar_wh,
               sum(energy_grid_wh) AS energy_grid_wh, sum(energy_unattributed_wh) AS energy_unattributed_wh,
               sum(charging_s) AS charging_s, sum(power_avg_w) AS power_w, max(power_max_w) AS power_max_w
        FROM grouped JOIN reading_15min USING (evse_id, connector_id)
        WHERE bucket_start >= :earliest AND bucket_start < :latest
          AND {while_there} GROUP BY 1, 2, 3
    ), quarters AS (
        SELECT group_id, period_start, bucket_start, sum(energy_solar_wh) AS energy_solar_wh,
               sum(energy_grid_wh) AS energy_grid_wh, sum(energy_unattributed_wh) AS energy_unattributed_wh,
               sum(charging_s) AS charging_s, sum(power_w) AS power_w, max(power_max_w) AS power_max_w
        FROM of_zones JOIN periods USING (zone, bucket_start) GROUP BY 1, 2, 3
    ), summed AS (
        SELECT group_id, period_start, {_ENERGY_SUMS}, sum(charging_s) AS charging_s,
               max(power_w) AS peak_quarter_power_w, max(power_max_w) AS peak_power_w
        FROM quarters GROUP BY 1, 2
    )
    SELECT site_id, evse_uid, summed.*
    FROM summed JOIN (SELECT DISTINCT site_id, evse_uid, group_id FROM grouped) AS named USING (group_id)
    """
    occupied = f"""
    WITH chosen AS ({chosen_evses}), zoned AS ({_PERIODS_OF_ZONES})
    SELECT site_id, evse_uid, period_start,
           sum(extract(epoch FROM least(left_at, ends_at) - greatest(began_at, starts_at))) AS occupied_s
    FROM (
        SELECT chosen.site_id, evse_uid, zone, greatest(started_at, since) AS began_at,
               least(coalesce(ended_at, last_reading_at), until) AS left_at
        FROM chosen JOIN charging_session USING (evse_id)
        WHERE started_at >= :earliest_session AND started_at < :latest
          AND coalesce(ended_at, last_reading_at) > :earliest
    ) AS stays JOIN zoned USING (zone)
    WHERE began_at < ends_at AND left_at > starts_at AND began_at < left_at
    GROUP BY 1, 2, 3
    """
    hours_of_week = f"""
    WITH chosen AS ({chosen_connectors.replace(":group_by", "'all'")}), zones AS (
        SELECT zone, count(*) AS connector_count,
               greatest(CAST(:date_from AS date)::timestamp AT TIME ZONE zone, since) AS starts_at,
               least(CAST(:date_to AS date)::timestamp AT TIME ZONE zone, until, :now) AS ends_at
        FROM chosen GROUP BY zone, since, until
    ), available AS (
        SELECT extract(isodow FROM local)::int AS weekday, extract(hour FROM local)::int AS hour,
               sum(connector_count * 900) AS connector_s
        FROM zones CROSS JOIN LATERAL (
            SELECT quarter AT TIME ZONE zone AS local
            FROM generate_series(starts_at, ends_at - interval '15 min', interval '15 min') AS quarter
        ) AS quarters GROUP BY 1, 2
    ), quarters AS (
        SELECT zone, bucket_start, sum(energy_wh) AS energy_wh, sum(charging_s) AS charging_s
        FROM chosen JOIN reading_15min USING (evse_id, connector_id)
        WHERE bucket_start >= :earliest AND bucket_start < :latest
          AND {while_there} GROUP BY 1, 2
    ), used AS (
        SELECT extract(isodow FROM local)::int AS weekday, extract(hour FROM local)::int AS hour,
               sum(energy_wh) AS energy_wh, sum(charging_s) AS charging_s
        FROM (
            SELECT bucket_start AT TIME ZONE zone AS local,
                   (bucket_start AT TIME ZONE zone)::date AS local_day, energy_wh, charging_s
            FROM quarters
        ) AS b WHERE {_IN_RANGE} GROUP BY 1, 2
    )
    SELECT weekday, hour, coalesce(energy_wh, 0) AS energy_wh, coalesce(charging_s, 0) AS charging_s,
           coalesce(connector_s, 0) AS connector_s
    FROM generate_series(1, 7) AS weekday CROSS JOIN generate_series(0, 23) AS hour
    LEFT JOIN available USING (weekday, hour) LEFT JOIN used USING (weekday, hour)
    ORDER BY weekday, hour
    """
    energy_today = f"""
    SELECT {_ENERGY_SUMS}
    FROM ({stays}) AS e JOIN site s ON s.id = e.site_id JOIN connector c USING (evse_id)
    JOIN reading_15min b USING (evse_id, connector_id)
    WHERE {_OF_SITE} AND b.bucket_start >= {_TODAY} AND {while_there}
    """
    return _Statements(
        group_count=text(group_count),
        periods=text(periods),
        energy=text(energy),
        occupied=text(occupied),
        hours_of_week=text(hours_of_week),
        energy_today=text(energy_today),
    )


_SESSIONS = text(f"""
SELECT site_id, evse_uid, date_trunc(:period, local_day::timestamp)::date AS period_start, currency,
       count(*) AS session_count, sum(energy_wh) AS energy_wh, sum(cost) AS cost
FROM (
    SELECT {_GROUP.format(**_OF_SESSION)}, cs.currency, cs.energy_wh, cs.cost,
           (cs.started_at AT TIME ZONE s.timezone)::date AS local_day
    FROM charging_session cs JOIN evse e ON e.id = cs.evse_id JOIN site s ON s.id = cs.site_id
    WHERE cs.started_at >= :earliest AND cs.started_at < :latest AND {_CHOSEN.format(**_OF_SESSION)}
) AS begun WHERE {_IN_RANGE} GROUP BY 1, 2, 3, 4
""")

_OF_SITE = "(CAST(:site_id AS int) IS NULL OR e.site_id = :site_id)"
_BEGAN_AT_SITE = "(CAST(:site_id AS int) IS NULL OR cs.site_id = :site_id)"
_TODAY = "date_trunc('day', CAST(:now AS timestamptz) AT TIME ZONE s.timezone) AT TIME ZONE s.timezone"

_POWER_NOW = text(f"""
SELECT (SELECT coalesce(sum(c.power_w), 0) FROM connector c JOIN evse e ON e.id = c.evse_id
        WHERE e.is_online AND {_OF_SITE}) AS power_w,
       (SELECT count(*) FROM charging_session cs
        WHERE cs.status = 'ACTIVE' AND {_BEGAN_AT_SITE}) AS active_session_count
""")

_MONEY_TODAY = text(f"""
SELECT cs.currency, count(*) AS session_count, sum(cs.cost) AS cost
FROM charging_session cs JOIN site s ON s.id = cs.site_id
WHERE cs.started_at >= CAST(:now AS timestamptz) - interval '26 hours' AND cs.started_at >= {_TODAY}
  AND {_BEGAN_AT_SITE}
GROUP BY cs.currency ORDER BY cs.currency
""")

_EVSE_STATES = text(f"""
SELECT state, count(*) AS number FROM (
    SELECT CASE WHEN NOT e.is_enabled THEN 'disabled'
                WHEN NOT e.is_online THEN 'offline'
                WHEN bool_or(c.status = 'faulted') THEN 'faulted'
                WHEN bool_or(c.status = 'charging') THEN 'charging'
                WHEN bool_or(c.status IN ('preparing', 'suspendedev', 'suspendedevse', 'finishing'))
                    THEN 'occupied'
                WHEN bool_or(c.status = 'available') THEN 'available'
                ELSE 'unavailable' END AS state
    FROM evse e LEFT JOIN connector c ON c.evse_id = e.id WHERE {_OF_SITE} GROUP BY e.id
) AS states GROUP BY state ORDER BY state
""")

_CONNECTOR_STATUSES = text(f"""
SELECT coalesce(c.status, 'unknown') AS status, count(*) AS number
FROM connector c JOIN evse e ON e.id = c.evse_id
WHERE {_OF_SITE} GROUP BY 1 ORDER BY 1
""")

_BY_HAS_MOVED: Final = {has_moved: _statements(has_moved=has_moved) for has_moved in (False, True)}
