"""Which rollups have to be computed again: a mark for every quarter of an hour that gets a reading.

A mark is written in the transaction of the reading, once: afterwards it is known to be there until the rollup
is computed. Whatever is forgotten here is only marked twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from solarrally.domain.bucket import BUCKET, bucket_start
from solarrally.domain.fleet import Station
from solarrally.ingest.ports import RollupMark


class Marks:
    """The marks known to be in the database."""

    def __init__(self) -> None:
        self._known: set[RollupMark] = set()
        self._current: dict[tuple[int, int], tuple[datetime, datetime]] = {}
        """By connector, the quarter it is in: the usual question, answered without making a mark."""

    def missing(self, station: Station, connector_id: int, instants: Sequence[datetime]) -> set[RollupMark]:
        """Marks to be written for readings at `instants`, which are in order."""
        current = self._current.get((station.evse_id, connector_id))
        if current is not None and current[0] <= instants[0] and instants[-1] < current[1]:
            return set()
        marks = {RollupMark(station.evse_id, connector_id, bucket_start(ts)) for ts in instants}
        return marks - self._known

    def written(self, marks: Iterable[RollupMark]) -> None:
        """These are in the database now."""
        for mark in marks:
            self._known.add(mark)
            place = (mark.evse_id, mark.connector_id)
            current = self._current.get(place)
            if current is None or current[0] < mark.bucket_start:
                self._current[place] = (mark.bucket_start, mark.bucket_start + BUCKET)

    def computed(self, marks: Iterable[RollupMark]) -> None:
        """These are gone: the next reading there makes a new one."""
        for mark in marks:
            self._known.discard(mark)
            place = (mark.evse_id, mark.connector_id)
            current = self._current.get(place)
            if current is not None and current[0] == mark.bucket_start:
                del self._current[place]

    def forget(self) -> None:
        self._known.clear()
        self._current.clear()
