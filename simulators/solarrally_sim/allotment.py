"""Which station each recorded session takes place at: never two cars at one connector.

Sessions that overlap at the same plug go to further stations (`epfl-ccs1`, `epfl-ccs1-b`, ...), in order of
arrival. The result for the first n sessions does not depend on those that follow.

Back to back: the files have whole minutes, so a departure and the next arrival often have the same time.
Two readings of one station must not, and the `available` reading between the two cars needs a time of its
own. The arrival is then put 2 s later, which is within the file's resolution, and the session says so.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from solarrally_sim.dataset import RecordedSession

IDLE_AFTER_DEPARTURE = timedelta(seconds=1)
TURNAROUND = timedelta(seconds=2)
SHORTEST_SESSION = timedelta(seconds=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class AllottedSession:
    """A session with the station that replays it."""

    evse_uid: str
    session: RecordedSession


def allot(sessions: Iterable[RecordedSession]) -> list[AllottedSession]:
    """Give every session a station; `sessions` must be in order of arrival, and so is the result."""
    free_since: dict[str, list[datetime]] = {}
    allotted = []
    for session in sessions:
        lanes = free_since.setdefault(session.plug, [])
        candidates = ((lane, _after(departed_at, session)) for lane, departed_at in enumerate(lanes))
        lane, moved = next(
            ((lane, moved) for lane, moved in candidates if moved is not None), (len(lanes), session)
        )
        lanes[lane : lane + 1] = [moved.departure]
        allotted.append(AllottedSession(evse_uid=_station_name(session.plug, lane), session=moved))
    # a shifted arrival may now be later than that of the next session in the list
    allotted.sort(key=lambda each: (each.session.arrival, each.session.departure, each.session.number))
    return allotted


def _after(departed_at: datetime, session: RecordedSession) -> RecordedSession | None:
    """The session as it can follow a departure at the same station, or None when it cannot."""
    if session.arrival < departed_at:
        return None
    arrival = max(session.arrival, departed_at + TURNAROUND)
    if session.departure - arrival < SHORTEST_SESSION:
        return None
    if arrival == session.arrival:
        return session
    shift_s = (arrival - session.arrival).total_seconds()
    note = f"arrival {shift_s:g} s later than in the file: the previous car left in the same minute"
    return replace(session, arrival=arrival, notes=(*session.notes, note))


def _station_name(plug: str, lane: int) -> str:
    if lane == 0:
        return plug
    return f"{plug}-{chr(ord('a') + lane)}" if lane < 26 else f"{plug}-{lane + 1}"
