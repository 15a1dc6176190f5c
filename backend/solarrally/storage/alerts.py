"""The review of alerts: what is wrong now is compared with the alerts there are, by the database.

`_DIFFERENCES` lists only where the two differ, so that a review of a calm fleet reads and writes nothing.
An alert lasts (`ended_at` is null) as long as what it is about, also after somebody has resolved it: that is
how it is known not to open again before its cause was gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntFlag
from typing import Any, Final, TypeAlias

import asyncpg

from solarrally.domain.alert import (
    CLOCK_DISTRUSTED,
    DOUBTED_FOR,
    DOUBTFUL_ENERGY,
    IMPLAUSIBLE_READING,
    REOPENED_WITHIN,
    TEMPERATURE_HYSTERESIS_C,
    AlertKind,
    AlertReview,
    AlertRules,
    status_of,
)
from solarrally.domain.energy import SessionQuality
from solarrally.domain.reading import ConnectorStatus, Quality
from solarrally.domain.update import AlertUpdate
from solarrally.storage.notice import CHANNEL, encode_notices

_NO_SESSION: Final = "'00000000-0000-0000-0000-000000000000'::uuid"
HIGHEST_NAMED_C: Final = 1_000
"""A sensor that says more is broken; the text does not repeat its number."""
RISEN_WH: Final = 1.0
"""A session that took less than this in a quarter of an hour took nothing."""


def _words(column: str, flags: IntFlag) -> str:
    """SQL: the names of these flags that are set in the column, comma-separated."""
    cases = [
        f"CASE WHEN {column} & {flag.value} <> 0 THEN '{flag.name.lower()}' END"
        for flag in flags
        if flag.name is not None
    ]
    return f"concat_ws(', ', {', '.join(cases)})"


# $1 now, $2 hot from °C, $3 offline since before, $4 idle since before, $5 started before
# `opens`: it is an alert; where false, it only keeps one from being over.
_STANDING: Final = f"""
    SELECT c.evse_id, c.connector_id, NULL::uuid AS session_id, found.kind, found.severity, found.detail,
           found.opens, NULL::timestamptz AS since
    FROM connector c
    JOIN evse e ON e.id = c.evse_id
    CROSS JOIN LATERAL (VALUES
        ('faulted', 'critical', c.error_code, c.reported_status = '{ConnectorStatus.FAULTED}', true),
        ('over_temperature', 'critical',
         (5 * floor(least(c.temperature_c, {HIGHEST_NAMED_C}) / 5))::int || ' °C or more',
         c.temperature_c >= $2::float8 - {TEMPERATURE_HYSTERESIS_C}, c.temperature_c >= $2::float8),
        ('clock_wrong', 'warning', NULL, c.quality & {CLOCK_DISTRUSTED} <> 0, true),
        ('energy_implausible', 'warning', {_words("c.quality", Quality(IMPLAUSIBLE_READING))},
         c.session_id IS NULL AND c.quality & {IMPLAUSIBLE_READING} <> 0, true)
    ) AS found (kind, severity, detail, stands, opens)
    WHERE (c.reported_status = '{ConnectorStatus.FAULTED}'
           OR c.temperature_c >= $2::float8 - {TEMPERATURE_HYSTERESIS_C}
           OR c.quality & {CLOCK_DISTRUSTED | IMPLAUSIBLE_READING} <> 0)
      AND e.is_enabled AND found.stands
    UNION ALL
    SELECT e.id, NULL, NULL, 'offline', 'warning', NULL, true, e.online_changed_at
    FROM evse e
    WHERE e.is_enabled AND NOT e.is_online AND e.online_changed_at <= $3::timestamptz
    UNION ALL
    SELECT s.evse_id, s.connector_id, s.id, 'energy_implausible', 'warning',
           {_words("s.quality", SessionQuality(DOUBTFUL_ENERGY))}, true, NULL
    FROM charging_session s
    JOIN evse e ON e.id = s.evse_id AND e.is_enabled
    WHERE (s.quality & {DOUBTFUL_ENERGY}) <> 0
      AND (s.ended_at IS NULL OR s.ended_at > $1::timestamptz - interval '{DOUBTED_FOR.total_seconds()} s')
    UNION ALL
    SELECT s.evse_id, s.connector_id, s.id, 'session_stuck',
           CASE WHEN s.started_at <= $5::timestamptz THEN 'warning' ELSE 'info' END,
           CASE WHEN s.started_at <= $5::timestamptz THEN 'lasts too long' ELSE 'takes no energy' END,
           true, NULL
    FROM charging_session s
    JOIN evse e ON e.id = s.evse_id AND e.is_enabled
    WHERE s.status = 'ACTIVE' AND s.started_at <= greatest($4::timestamptz, $5::timestamptz)
      AND (s.started_at <= $5::timestamptz OR NOT EXISTS (
            SELECT FROM connector c
            WHERE c.evse_id = s.evse_id AND c.connector_id = s.connector_id
              AND c.status = '{ConnectorStatus.CHARGING}'
          ) AND NOT EXISTS (
            SELECT FROM reading_15min r
            WHERE r.evse_id = s.evse_id AND r.connector_id = s.connector_id
              AND r.bucket_start >= $4::timestamptz AND r.energy_wh >= {RISEN_WH}
          ))
"""
_KEY: Final = f"evse_id, coalesce(connector_id, -1), kind, coalesce(session_id, {_NO_SESSION})"
_DIFFERENCES: Final = f"""
    WITH standing AS MATERIALIZED ({_STANDING}),
    lasting AS MATERIALIZED (
        SELECT id, evse_id, connector_id, session_id, kind, severity, detail, resolved_at
        FROM alert WHERE ended_at IS NULL
    )
    SELECT l.id, s.evse_id, s.connector_id, s.session_id, s.kind, s.severity, s.detail, s.since
    FROM standing s
    FULL JOIN lasting l ON l.evse_id = s.evse_id AND l.kind = s.kind
        AND coalesce(l.connector_id, -1) = coalesce(s.connector_id, -1)
        AND coalesce(l.session_id, {_NO_SESSION}) = coalesce(s.session_id, {_NO_SESSION})
    WHERE (l.id IS NULL AND s.opens)
       OR s.evse_id IS NULL
       OR (l.id IS NOT NULL AND l.resolved_at IS NULL
           AND (l.severity <> s.severity OR l.detail IS DISTINCT FROM s.detail))
"""
_UNRESOLVED: Final = """
    SELECT kind, count(*) FROM alert WHERE ended_at IS NULL AND resolved_at IS NULL GROUP BY kind
"""
_WAIT_FOR_WRITERS: Final = "SET LOCAL lock_timeout = '2s'; LOCK TABLE station_event IN SHARE MODE"
_NEW_EVENTS: Final = """
    SELECT last_event_id, (SELECT max(id) FROM station_event) AS newest_event_id FROM alert_review
"""
_FAULT_EVENTS: Final = """
    SELECT evse_id, connector_id, ts, kind, detail FROM station_event
    WHERE id > $1 AND id <= $2 AND kind IN ('faulted', 'recovered') AND connector_id IS NOT NULL ORDER BY id
"""
_SEARCHED: Final = "UPDATE alert_review SET last_event_id = $1"
_TOLD: Final = """
    alert.id, e.evse_uid, e.site_id, alert.connector_id, alert.session_id, alert.kind, alert.severity,
    alert.detail, alert.opened_at, alert.last_seen_at, alert.acknowledged_at, alert.resolved_at
"""
_END: Final = f"""
    UPDATE alert SET ended_at = greatest($2, opened_at), last_seen_at = greatest($2, last_seen_at),
        resolved_at = coalesce(resolved_at, greatest($2, opened_at))
    FROM evse e
    WHERE alert.id = ANY($1::int8[]) AND alert.ended_at IS NULL AND e.id = alert.evse_id
    RETURNING {_TOLD}, alert.resolved_by
"""
_CHANGE: Final = f"""
    UPDATE alert SET severity = new.severity, detail = new.detail, last_seen_at = $4
    FROM unnest($1::int8[], $2::text[], $3::text[]) AS new (id, severity, detail), evse e
    WHERE alert.id = new.id AND alert.ended_at IS NULL AND alert.resolved_at IS NULL
      AND e.id = alert.evse_id
    RETURNING {_TOLD}
"""
# Resolved by somebody, over, and there again between two reviews: the old one is over, a new one opens.
_COME_ANEW: Final = f"""
    UPDATE alert SET ended_at = greatest($3, opened_at), last_seen_at = greatest($3, last_seen_at)
    FROM unnest($1::int4[], $2::int2[]) AS n (evse_id, connector_id)
    WHERE alert.evse_id = n.evse_id AND alert.connector_id = n.connector_id
      AND alert.kind = '{AlertKind.FAULTED}' AND alert.ended_at IS NULL AND alert.resolved_at IS NOT NULL
"""
_OPENED: Final = """
    unnest($1::int4[], $2::int2[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::timestamptz[],
           $8::int4[])
    WITH ORDINALITY AS n (evse_id, connector_id, session_id, kind, severity, detail, opened_at, occurrences,
                          place)
"""
# The newest alert of each key that was over by itself a short while ago goes on.
_REOPEN: Final = f"""
    UPDATE alert SET ended_at = NULL, resolved_at = NULL, severity = new.severity, detail = new.detail,
        last_seen_at = $9, occurrence_count = alert.occurrence_count + new.occurrences
    FROM (
        SELECT DISTINCT ON (n.place) n.*, a.id
        FROM {_OPENED}
        JOIN alert a ON a.evse_id = n.evse_id AND a.kind = n.kind
            AND a.connector_id IS NOT DISTINCT FROM n.connector_id
            AND a.session_id IS NOT DISTINCT FROM n.session_id
        WHERE a.ended_at >= n.opened_at - interval '{REOPENED_WITHIN.total_seconds()} s'
          AND a.resolved_by IS NULL
        ORDER BY n.place, a.ended_at DESC
    ) AS new, evse e
    WHERE alert.id = new.id AND e.id = alert.evse_id
    RETURNING {_TOLD}, new.place
"""
_OPEN: Final = f"""
    WITH alert AS (
        INSERT INTO alert (evse_id, connector_id, session_id, kind, severity, detail, opened_at,
                           last_seen_at, occurrence_count)
        SELECT evse_id, connector_id, session_id, kind, severity, detail, opened_at, $9, occurrences
        FROM {_OPENED}
        RETURNING *
    )
    SELECT {_TOLD} FROM alert JOIN evse e ON e.id = alert.evse_id ORDER BY alert.id
"""
# Faults that an alert there is stands for: it lasts, or was over by itself a short while ago.
_COUNT: Final = f"""
    UPDATE alert SET occurrence_count = alert.occurrence_count + n.occurrences,
        last_seen_at = greatest(alert.last_seen_at, n.ended_at),
        ended_at = CASE WHEN alert.ended_at IS NOT NULL THEN greatest(alert.ended_at, n.ended_at) END,
        resolved_at = CASE WHEN alert.ended_at IS NOT NULL THEN greatest(alert.resolved_at, n.ended_at) END
    FROM (
        SELECT DISTINCT ON (n.place) n.*, a.id
        FROM unnest($1::int4[], $2::int2[], $3::timestamptz[], $4::timestamptz[], $5::int4[])
             WITH ORDINALITY AS n (evse_id, connector_id, opened_at, ended_at, occurrences, place)
        JOIN alert a ON a.evse_id = n.evse_id AND a.connector_id = n.connector_id
            AND a.kind = '{AlertKind.FAULTED}'
        WHERE (a.ended_at IS NULL AND a.resolved_at IS NULL)
           OR (a.ended_at >= n.opened_at - interval '{REOPENED_WITHIN.total_seconds()} s'
               AND a.resolved_by IS NULL)
        ORDER BY n.place, a.ended_at DESC NULLS FIRST
    ) AS n
    WHERE alert.id = n.id
    RETURNING n.place
"""
_ADD_PAST: Final = f"""
    WITH alert AS (
        INSERT INTO alert (evse_id, connector_id, kind, severity, detail, opened_at, last_seen_at,
                           ended_at, resolved_at, occurrence_count)
        SELECT n.evse_id, n.connector_id, '{AlertKind.FAULTED}', 'critical', n.detail, n.opened_at,
               n.ended_at, n.ended_at, n.ended_at, n.occurrences
        FROM unnest($1::int4[], $2::int2[], $3::timestamptz[], $4::timestamptz[], $5::int4[], $6::text[])
             AS n (evse_id, connector_id, opened_at, ended_at, occurrences, detail)
        RETURNING *
    )
    SELECT {_TOLD} FROM alert JOIN evse e ON e.id = alert.evse_id ORDER BY alert.id
"""

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@dataclass(slots=True, kw_only=True)
class _Faults:
    """The faults of one connector that began since the last review."""

    evse_id: int
    connector_id: int
    began_at: datetime
    """The first one."""
    recovered_at: datetime | None = None
    """From the last one; None while it lasts."""
    occurrences: int = 0
    detail: str | None = None


async def review(
    connection: Connection, now: datetime, rules: AlertRules, *, has_other_writers: bool = False
) -> AlertReview:
    """Open, change and end alerts so that they say what is wrong now, and tell watchers: one transaction.

    Only the leading ingestor may call it: it takes events in the order of their ids. Where others write
    events too (`has_other_writers`), theirs are kept out meanwhile: an event may be committed after one with
    a higher id, and would never be searched.
    """
    async with connection.transaction():
        if has_other_writers:
            await connection.execute(_WAIT_FOR_WRITERS)
        # A plan for any instants reads all sessions there ever were: 140 ms instead of 8.
        await connection.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        faults = await _new_faults(connection, now)
        if faults:
            await connection.execute(
                _COME_ANEW,
                [f.evse_id for f in faults.values()],
                [f.connector_id for f in faults.values()],
                now,
            )
        differences = await connection.fetch(
            _DIFFERENCES,
            now,
            rules.temperature_c,
            now - timedelta(seconds=rules.offline_after_s),
            now - timedelta(hours=rules.session_idle_h),
            now - timedelta(hours=rules.session_long_h),
        )
        gone = [row["id"] for row in differences if row["evse_id"] is None]
        differing = [row for row in differences if row["id"] is not None and row["evse_id"] is not None]
        new = [row for row in differences if row["id"] is None]
        ended = await _end(connection, gone, now)
        changed = await _change(connection, differing, now)
        opened = await _open(connection, new, faults, now)
        past = await _add_past(connection, faults.values(), now)
        told = [*ended, *changed, *opened, *past]
        if told:
            await connection.executemany(
                "SELECT pg_notify($1, $2)", [(CHANNEL, text) for text in encode_notices(alerts=told)]
            )
        unresolved = await connection.fetch(_UNRESOLVED)
    return AlertReview(
        opened=len(opened) + len(past),
        resolved=len(ended) + len(past),
        unresolved={AlertKind(row["kind"]): row["count"] for row in unresolved},
    )


async def _new_faults(connection: Connection, now: datetime) -> dict[tuple[int, int], _Faults]:
    """The faults that began since the last review, by connector; those events are searched after it."""
    place = await connection.fetchrow(_NEW_EVENTS)
    if place is None or place["newest_event_id"] is None:
        return {}
    last, newest = place["last_event_id"], place["newest_event_id"]
    if newest <= last:
        return {}
    faults: dict[tuple[int, int], _Faults] = {}
    for event in await connection.fetch(_FAULT_EVENTS, last, newest):
        key = (event["evse_id"], event["connector_id"])
        ts = min(event["ts"], now)  # a device's clock may be minutes ahead
        known = faults.get(key)
        if event["kind"] == "faulted":
            if known is None:
                known = faults[key] = _Faults(evse_id=key[0], connector_id=key[1], began_at=ts)
            known.occurrences += 1
            known.recovered_at = None
            known.detail = event["detail"]
        elif known is not None:
            known.recovered_at = max(ts, known.began_at)
    await connection.execute(_SEARCHED, newest)
    return faults


async def _end(connection: Connection, ids: Sequence[int], now: datetime) -> list[AlertUpdate]:
    """These are over. What somebody had resolved before is no news."""
    if not ids:
        return []
    rows = await connection.fetch(_END, ids, now)
    return [_update(row) for row in rows if row["resolved_by"] is None]


async def _change(connection: Connection, rows: Sequence[Any], now: datetime) -> list[AlertUpdate]:
    if not rows:
        return []
    columns = [[row[name] for row in rows] for name in ("id", "severity", "detail")]
    return [_update(row) for row in await connection.fetch(_CHANGE, *columns, now)]


async def _open(
    connection: Connection, rows: Sequence[Any], faults: dict[tuple[int, int], _Faults], now: datetime
) -> list[AlertUpdate]:
    """New alerts, or those that go on. Takes from `faults` what they stand for."""
    if not rows:
        return []
    opened = []
    for row in rows:
        begun = None
        if row["kind"] == AlertKind.FAULTED:
            begun = faults.pop((row["evse_id"], row["connector_id"]), None)
        since = row["since"] if begun is None else begun.began_at
        opened.append(
            (
                *(row[name] for name in ("evse_id", "connector_id", "session_id")),
                *(row[name] for name in ("kind", "severity", "detail")),
                now if since is None else min(since, now),
                1 if begun is None else begun.occurrences,
            )
        )
    reopened = await connection.fetch(_REOPEN, *_columns(opened), now)
    places = {row["place"] for row in reopened}
    fresh = [row for place, row in enumerate(opened, 1) if place not in places]
    made = await connection.fetch(_OPEN, *_columns(fresh), now) if fresh else []
    return [_update(row) for row in (*reopened, *made)]


async def _add_past(connection: Connection, faults: Iterable[_Faults], now: datetime) -> list[AlertUpdate]:
    """Faults that no connector has now: each is an alert that is over already, or counts in one there is."""
    faults = list(faults)
    if not faults:
        return []
    counted = await connection.fetch(
        _COUNT,
        *_columns(
            [(f.evse_id, f.connector_id, f.began_at, f.recovered_at or now, f.occurrences) for f in faults]
        ),
    )
    places = {row["place"] for row in counted}
    over = [
        (f.evse_id, f.connector_id, f.began_at, f.recovered_at, f.occurrences, f.detail)
        for place, f in enumerate(faults, 1)
        if place not in places and f.recovered_at is not None
    ]
    return [_update(row) for row in await connection.fetch(_ADD_PAST, *_columns(over))] if over else []


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _update(row: Any) -> AlertUpdate:
    return AlertUpdate(
        id=row["id"],
        evse_uid=row["evse_uid"],
        site_id=row["site_id"],
        connector_id=row["connector_id"],
        session_id=row["session_id"],
        kind=row["kind"],
        severity=row["severity"],
        status=status_of(row["acknowledged_at"], row["resolved_at"]),
        detail=row["detail"],
        opened_at=row["opened_at"],
        last_seen_at=row["last_seen_at"],
        acknowledged_at=row["acknowledged_at"],
        resolved_at=row["resolved_at"],
    )
