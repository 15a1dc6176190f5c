"""Stations by the instant at which their silence would matter: asked then, and not before.

A look at every station every few seconds would cost a large fleet more than its messages do. Each station has
one entry; when it comes up and the station has spoken since, it goes back with a later instant.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from itertools import count

from solarrally.domain.fleet import Station


class SilenceWatch:
    """`timeouts_s` are the lengths of silence that matter, each looked for on its own."""

    def __init__(self, *timeouts_s: float) -> None:
        self._timeouts = sorted(timedelta(seconds=timeout_s) for timeout_s in timeouts_s)
        self._entries: list[tuple[datetime, int, Station]] = []
        self._number = count()

    def add(self, stations: Iterable[Station], heard_since: datetime) -> None:
        """Watch these too; silence counts from their last word or from `heard_since`."""
        for station in stations:
            self._push(self._next_check(station, heard_since, heard_since), station)

    def due(
        self, now: datetime, heard_since: datetime, is_current: Callable[[Station], bool]
    ) -> list[tuple[Station, timedelta]]:
        """Stations to be looked at now, with how long they have been silent. One that is no longer current
        is dropped.
        """
        silent, again = [], []
        while self._entries and self._entries[0][0] < now:
            _, _, station = heapq.heappop(self._entries)
            if not is_current(station):
                continue
            silence = now - _heard_at(station, heard_since)
            if silence > self._timeouts[0]:
                silent.append((station, silence))
            again.append(station)
        for station in again:
            self._push(self._next_check(station, heard_since, now), station)
        return silent

    def forget(self) -> None:
        self._entries.clear()

    def _push(self, check_at: datetime, station: Station) -> None:
        heapq.heappush(self._entries, (check_at, next(self._number), station))

    def _next_check(self, station: Station, heard_since: datetime, now: datetime) -> datetime:
        """The first instant later than `now` at which one of the silences is complete."""
        heard_at = _heard_at(station, heard_since)
        for timeout in self._timeouts:
            if heard_at + timeout >= now:
                return heard_at + timeout
        return now + self._timeouts[0]


def _heard_at(station: Station, heard_since: datetime) -> datetime:
    """Silence counts from when we began to listen: what we could not hear is no silence."""
    return max(station.last_received_at or heard_since, heard_since)
