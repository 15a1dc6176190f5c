"""Folding again: late readings change history, so the sessions they touch are derived anew from stored readings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from solarrally.domain.reading import Reading
from solarrally.domain.session import Session
from solarrally.domain.station import ConnectorState, SessionRules, observe


def fold_again(
    state: ConnectorState,
    readings: Iterable[Reading],
    rules: SessionRules,
    max_power_w: float,
    *,
    settled_after: datetime | None = None,
    known_starts: frozenset[datetime] = frozenset(),
) -> tuple[list[Session], bool]:
    """Fold `readings`, in order, into `state`; the sessions that were opened or changed, and whether history converged.

    It has converged when, later than anything the late readings can influence (`settled_after` plus the silence
    timeout), a session opens exactly where a stored one does (`known_starts`): from there on nothing differs, and
    that session is not among the result.
    """
    horizon = None if settled_after is None else settled_after + timedelta(seconds=rules.silence_timeout_s)
    touched: dict[int, Session] = {}
    before = state.session
    for reading in readings:
        for session in observe(state, reading, rules, max_power_w):
            touched[id(session)] = session
        opened = state.session
        if opened is not before:
            before = opened
            if opened is not None and horizon is not None and opened.started_at > horizon and opened.started_at in known_starts:
                touched.pop(id(opened), None)
                return list(touched.values()), True
    return list(touched.values()), False


def keep_identities(stored: Sequence[Session], derived: Sequence[Session]) -> list[Session]:
    """Give each derived session the id of the stored one it continues; the stored ones that are no more.

    The same device session id and an overlap win over a mere overlap, so that a corrected session keeps its address
    and its bills.
    """
    unmatched = {session.id: session for session in stored}
    for session in derived:
        best = max(unmatched.values(), key=lambda old: _likeness(old, session), default=None)
        if best is not None and _likeness(best, session)[0] > 0:
            del unmatched[best.id]
            session.id = best.id
    return list(unmatched.values())


def _likeness(old: Session, new: Session) -> tuple[int, float, float]:
    old_end, new_end = old.ended_at or old.last_reading_at, new.ended_at or new.last_reading_at
    overlap_s = (min(old_end, new_end) - max(old.started_at, new.started_at)).total_seconds()
    same_name = old.device_session_id is not None and old.device_session_id == new.device_session_id
    distance_s = abs((old.started_at - new.started_at).total_seconds())
    if same_name and overlap_s >= 0:
        return 3, overlap_s, -distance_s
    if overlap_s >= 0:
        return 2, overlap_s, -distance_s
    if same_name:
        return 1, overlap_s, -distance_s
    return 0, overlap_s, -distance_s
