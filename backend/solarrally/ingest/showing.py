"""When a connector is written and announced: at once, but not more often than every so many seconds.

A reading is in the database with its batch, always. The rows derived from it (the connector's newest and its
running session) and the live update follow at most `interval_s` later: a station that reports twenty times a
second would otherwise cost two row updates for each message. What begins, ends or corrects a session is
written with its batch. After a crash the readings since the last written state are folded again.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count

from solarrally.domain.fleet import Station


class Showing:
    """Which connectors are behind, and when their turn comes."""

    def __init__(self, interval_s: float) -> None:
        self._interval = timedelta(seconds=interval_s)
        self._behind: list[tuple[datetime, int, Station, int]] = []
        self._number = count()

    def is_due(self, station: Station, connector_id: int, now: datetime) -> bool:
        """Whether the connector may be written with this batch; otherwise its turn is noted."""
        connector = station.connectors[connector_id]
        shown_at = connector.shown_at
        if shown_at is None or now - shown_at >= self._interval:
            return True
        if not connector.is_behind:
            connector.is_behind = True
            entry = (shown_at + self._interval, next(self._number), station, connector_id)
            heapq.heappush(self._behind, entry)
        return False

    def take_due(self, now: datetime | None) -> Iterator[tuple[Station, int]]:
        """Those whose turn has come, or all of them where `now` is None."""
        while self._behind and (now is None or self._behind[0][0] <= now):
            _, _, station, connector_id = heapq.heappop(self._behind)
            if station.connectors[connector_id].is_behind:
                yield station, connector_id

    @property
    def next_due_at(self) -> datetime | None:
        return self._behind[0][0] if self._behind else None

    def forget(self) -> None:
        """Nobody is behind: the stations were dropped from memory."""
        self._behind.clear()
