"""When a connector is written and announced: at once, but not more often than every so many seconds.

A reading is in the database with its batch, always. The rows derived from it (the connector's newest and its
running session) and the live update follow at most `interval_s` later: a station that reports twenty times a
second would otherwise cost two row updates for each message. What begins, ends or corrects a session is
written with its batch. After a crash the readings since the last written state are folded again.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count

from solarrally.domain.fleet import Station

_SHIFTS = 16
"""Stations are written in so many groups, one after the other: a group costs less than its members alone, and
holds up a batch for less than all would.
"""


class Showing:
    """Which connectors are behind, and when their turn comes.

    Time is cut into slots of `interval_s`, a little shifted for each station: otherwise stations that began
    together would come up together for ever, and every message would wait for all of them twice a second.
    """

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._behind: list[tuple[float, int, int, Station, int]] = []
        """When it is due, a number that makes the order total, the slot that is then, and who."""
        self._number = count()

    def is_due(self, station: Station, connector_id: int, now: datetime) -> bool:
        """Whether the connector may be written with this batch; otherwise its turn is noted."""
        connector = station.connectors[connector_id]
        if connector.is_behind:
            return False
        slot = int(now.timestamp() / self._interval_s + _shift(station))
        if connector.shown_slot is None or connector.shown_slot < slot:
            connector.shown_slot = slot
            return True
        connector.is_behind = True
        next_slot = connector.shown_slot + 1
        due_s = (next_slot - _shift(station)) * self._interval_s
        heapq.heappush(self._behind, (due_s, next(self._number), next_slot, station, connector_id))
        return False

    def take_due(self, now: datetime | None) -> Iterator[tuple[Station, int]]:
        """Those whose turn has come, or all of them where `now` is None."""
        while self._behind and (now is None or self._behind[0][0] <= now.timestamp()):
            _, _, slot, station, connector_id = heapq.heappop(self._behind)
            connector = station.connectors[connector_id]
            if connector.is_behind:
                connector.shown_slot = slot
                yield station, connector_id

    @property
    def next_due_at(self) -> datetime | None:
        return datetime.fromtimestamp(self._behind[0][0], UTC) if self._behind else None

    def forget(self) -> None:
        """Nobody is behind: the stations were dropped from memory."""
        self._behind.clear()


def _shift(station: Station) -> float:
    return station.evse_id % _SHIFTS / _SHIFTS
