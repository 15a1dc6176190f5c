"""The review of alerts on tables in memory, told connector by connector what the real one asks at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from math import floor
from typing import NamedTuple, Protocol
from uuid import UUID

from solarrally.domain.alert import (
    DOUBTED_FOR,
    DOUBTFUL_ENERGY,
    IMPLAUSIBLE_READING,
    REOPENED_WITHIN,
    TEMPERATURE_HYSTERESIS_C,
    AlertKind,
    AlertReview,
    AlertRules,
    AlertSeverity,
)
from solarrally.domain.bill import Account
from solarrally.domain.energy import SessionQuality
from solarrally.domain.fleet import Station
from solarrally.domain.reading import CLOCK_DISTRUSTED, Quality, Reading
from solarrally.domain.station import ConnectorState
from solarrally.domain.update import ConnectorUpdate


class Key(NamedTuple):
    """What an alert is about."""

    evse_uid: str
    connector_id: int | None
    session_id: UUID | None
    kind: AlertKind


class Happened(NamedTuple):
    """A row of `station_event`."""

    evse_uid: str
    connector_id: int | None
    ts: datetime
    kind: str
    detail: str | None


@dataclass
class MemoryAlert:
    """A row of `alert`."""

    key: Key
    severity: str
    detail: str | None
    opened_at: datetime
    ended_at: datetime | None = None
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    occurrence_count: int = 1


@dataclass
class _Standing:
    severity: AlertSeverity
    detail: str | None
    opens: bool = True
    since: datetime | None = None


class ReviewedTables(Protocol):
    """What a review looks at."""

    stations: dict[str, Station]
    connectors: dict[tuple[str, int], tuple[ConnectorState, ConnectorUpdate]]
    sessions: dict[UUID, Account]
    readings: dict[tuple[str, int, datetime, int], Reading]
    online_changed_at: dict[str, datetime]
    unsearched_events: list[Happened]
    alerts: list[MemoryAlert]


def review(tables: ReviewedTables, now: datetime, rules: AlertRules) -> AlertReview:
    """`Store.review_alerts`."""
    faults = dict(_faults(tables.unsearched_events, now))
    tables.unsearched_events.clear()
    opened = resolved = 0
    for alert in tables.alerts:
        if alert.key in faults and alert.ended_at is None and alert.resolved_at is not None:
            alert.ended_at = now
    standing = dict(_standing(tables, now, rules))
    lasting = {alert.key: alert for alert in tables.alerts if alert.ended_at is None}
    for key, alert in lasting.items():
        found = standing.get(key)
        if found is None:
            resolved += alert.resolved_by is None
            alert.ended_at = max(now, alert.opened_at)
            alert.resolved_at = alert.resolved_at or alert.ended_at
        elif alert.resolved_at is None:
            alert.severity, alert.detail = found.severity, found.detail
    for key, found in standing.items():
        if key in lasting or not found.opens:
            continue
        begun = faults.pop(key, None)
        since = found.since if begun is None else begun.opened_at
        opened_at = now if since is None else min(since, now)
        occurrences = 1 if begun is None else begun.occurrence_count
        opened += 1
        before = _recent(tables.alerts, key, opened_at)
        if before is None:
            tables.alerts.append(
                MemoryAlert(key, found.severity, found.detail, opened_at, occurrence_count=occurrences)
            )
        else:
            before.ended_at = before.resolved_at = None
            before.severity, before.detail = found.severity, found.detail
            before.occurrence_count += occurrences
    for key, fault in faults.items():
        last = next((a for a in tables.alerts if a.key == key and a.resolved_at is None), None)
        last = last or _recent(tables.alerts, key, fault.opened_at)
        if last is not None:
            last.occurrence_count += fault.occurrence_count
        elif fault.ended_at is not None:
            tables.alerts.append(fault)
            opened, resolved = opened + 1, resolved + 1
    unresolved = Counter(alert.key.kind for alert in tables.alerts if alert.resolved_at is None)
    return AlertReview(opened=opened, resolved=resolved, unresolved=unresolved)


def _recent(alerts: Sequence[MemoryAlert], key: Key, opened_at: datetime) -> MemoryAlert | None:
    over = [
        alert
        for alert in alerts
        if alert.key == key
        and alert.resolved_by is None
        and alert.ended_at is not None
        and alert.ended_at >= opened_at - REOPENED_WITHIN
    ]
    return over[-1] if over else None


def _faults(events: Sequence[Happened], now: datetime) -> Iterator[tuple[Key, MemoryAlert]]:
    def place(event: Happened) -> tuple[str, int]:
        return event.evse_uid, event.connector_id or 0

    of_faults = [event for event in events if event.kind in ("faulted", "recovered")]
    for (uid, number), group in groupby(sorted(of_faults, key=place), key=place):
        key, fault = Key(uid, number, None, AlertKind.FAULTED), None
        for event in group:
            ts = min(event.ts, now)
            if event.kind == "faulted":
                fault = fault or MemoryAlert(
                    key, AlertSeverity.CRITICAL, event.detail, ts, occurrence_count=0
                )
                fault.occurrence_count += 1
                fault.detail, fault.ended_at = event.detail, None
            elif fault is not None:
                fault.ended_at = max(ts, fault.opened_at)
            if fault is not None:
                fault.resolved_at = fault.ended_at
        if fault is not None:
            yield key, fault


def _standing(tables: ReviewedTables, now: datetime, rules: AlertRules) -> Iterator[tuple[Key, _Standing]]:
    enabled = {uid for uid, station in tables.stations.items() if station.is_enabled}
    critical, warning, info = AlertSeverity.CRITICAL, AlertSeverity.WARNING, AlertSeverity.INFO
    for (uid, number), (state, latest) in tables.connectors.items():
        if uid not in enabled:
            continue
        if latest.reported_status == "faulted":
            yield Key(uid, number, None, AlertKind.FAULTED), _Standing(critical, latest.error_code)
        hot_c, at_c = rules.temperature_c, latest.temperature_c
        if at_c is not None and at_c >= hot_c - TEMPERATURE_HYSTERESIS_C:
            yield (
                Key(uid, number, None, AlertKind.OVER_TEMPERATURE),
                _Standing(critical, f"{5 * floor(min(at_c, 1_000) / 5)} °C or more", opens=at_c >= hot_c),
            )
        if latest.quality & CLOCK_DISTRUSTED:
            yield Key(uid, number, None, AlertKind.CLOCK_WRONG), _Standing(warning, None)
        if latest.quality & IMPLAUSIBLE_READING and state.active_session is None:
            words = _words(Quality(latest.quality & IMPLAUSIBLE_READING))
            yield Key(uid, number, None, AlertKind.ENERGY_IMPLAUSIBLE), _Standing(warning, words)
    for uid in enabled:
        since = tables.online_changed_at.get(uid)
        limit = now - timedelta(seconds=rules.offline_after_s)
        if since is not None and since <= limit and not tables.stations[uid].is_online:
            yield Key(uid, None, None, AlertKind.OFFLINE), _Standing(warning, None, since=since)
    for account in tables.sessions.values():
        session, uid, number = account.session, account.evse_uid, account.connector_id
        if uid not in enabled:
            continue
        doubts = account.figures.quality & DOUBTFUL_ENERGY
        if doubts and (session.ended_at is None or session.ended_at > now - DOUBTED_FOR):
            yield (
                Key(uid, number, session.id, AlertKind.ENERGY_IMPLAUSIBLE),
                _Standing(warning, _words(SessionQuality(doubts))),
            )
        if not session.is_active:
            continue
        key = Key(uid, number, session.id, AlertKind.SESSION_STUCK)
        if session.started_at <= now - timedelta(hours=rules.session_long_h):
            yield key, _Standing(warning, "lasts too long")
        elif _is_idle(tables, uid, number, session.started_at, now - timedelta(hours=rules.session_idle_h)):
            yield key, _Standing(info, "takes no energy")


def _is_idle(tables: ReviewedTables, uid: str, number: int, started_at: datetime, since: datetime) -> bool:
    if started_at > since or tables.connectors[uid, number][1].status == "charging":
        return False
    counted = [
        reading.session_energy_wh or 0.0
        for (of_uid, of_number, ts, _), reading in tables.readings.items()
        if (of_uid, of_number) == (uid, number) and ts >= since
    ]
    return not counted or max(counted) - min(counted) < 1


def _words(flags: Quality | SessionQuality) -> str:
    return ", ".join(flag.name.lower() for flag in flags if flag.name is not None)
