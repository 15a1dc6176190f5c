"""Folding again: late readings change history, so the sessions they touch are derived anew from stored
readings.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid5

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
    known_starts: frozenset[tuple[datetime, int]] = frozenset(),
) -> tuple[list[Session], bool]:
    """Fold `readings`, in order, into `state`; the sessions that were opened or changed, and whether history
    converged.

    It has converged when, later than anything the late readings can influence (`settled_after` plus the
    silence timeout), a session opens with the very reading that opened a stored one (`known_starts`: instant
    and digest): from there on nothing differs, and that session is not among the result.
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
            if (
                opened is not None
                and horizon is not None
                and opened.started_at > horizon
                and (opened.started_at, opened.opening_digest) in known_starts
            ):
                touched.pop(id(opened), None)
                return list(touched.values()), True
    return list(touched.values()), False


def natural_ids(derived: Sequence[Session]) -> list[UUID]:
    """Every id that `keep_identities` may give anew: ask the store which of them are held already."""
    return [candidate for session in derived for candidate in _candidates(session.id)]


def keep_identities(
    stored: Sequence[Session], derived: Sequence[Session], held_ids: Collection[UUID]
) -> list[Session]:
    """Give each derived session the id of the stored one it continues; the stored ones that are no more.

    A corrected session so keeps its address and its bills, also when late readings move its start. A session
    that continues none gets an id that nobody holds (`held_ids` are those of `natural_ids` in the store).
    """
    pairs = sorted(
        ((_likeness(old, new), old, new) for old in stored for new in derived),
        key=lambda pair: pair[0],
        reverse=True,
    )
    unmatched = {session.id: session for session in stored}
    new_ones = {id(session): session for session in derived}
    used: set[UUID] = set()
    for likeness, old, new in pairs:
        if likeness[0] > 0 and old.id in unmatched and id(new) in new_ones:
            del unmatched[old.id], new_ones[id(new)]
            new.id = old.id
            used.add(old.id)
    for session in new_ones.values():
        taken = used | set(held_ids)
        session.id = next(free for free in _candidates(session.id) if free not in taken)
        used.add(session.id)
    return list(unmatched.values())


def _candidates(natural_id: UUID) -> list[UUID]:
    return [natural_id, *(uuid5(natural_id, str(number)) for number in range(1, 5))]


def _likeness(old: Session, new: Session) -> tuple[int, float, float]:
    old_end, new_end = old.ended_at or old.last_reading_at, new.ended_at or new.last_reading_at
    overlap_s = (min(old_end, new_end) - max(old.started_at, new.started_at)).total_seconds()
    same_name = old.device_session_id is not None and old.device_session_id == new.device_session_id
    distance_s = abs((old.started_at - new.started_at).total_seconds())
    if same_name and overlap_s >= 0:
        rank = 3
    elif overlap_s >= 0:
        rank = 2
    else:
        rank = 1 if same_name else 0
    return rank, overlap_s, -distance_s
