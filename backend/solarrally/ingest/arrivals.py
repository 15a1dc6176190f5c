"""What a batch brought for each connector: new readings, perhaps late ones, and repetitions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from solarrally.domain.fleet import Connector, Station
from solarrally.domain.reading import Reading
from solarrally.ingest.batch import Message


class Arrivals:
    """Readings of one connector, each with the message it came in."""

    __slots__ = ("connector", "connector_id", "fresh", "in_order", "late", "newest_ts", "pairs", "station")

    def __init__(self, station: Station, connector_id: int) -> None:
        self.station = station
        self.connector_id = connector_id
        self.connector: Connector = station.connector(connector_id)
        self.pairs: list[tuple[Reading, Message]] = []
        self.in_order = True
        """Every reading so far is of a later instant than the one before it."""
        self.newest_ts: datetime | None = None
        self.fresh: list[Reading] = []
        """Newer than everything stored, in order."""
        self.late: list[tuple[Reading, Message]] = []
        """Perhaps stored already, in order."""

    def add(self, reading: Reading, message: Message) -> None:
        self.pairs.append((reading, message))
        ts = reading.ts
        if self.newest_ts is None or ts > self.newest_ts:
            self.newest_ts = ts
        else:
            self.in_order = False

    def sort_out(self, known: Collection[int]) -> None:
        """Tell fresh, late and repeated apart. `known` are ids of reading objects found in the database."""
        newest = self.connector.state.newest
        if self.in_order and not known and (newest is None or self.pairs[0][0].ts > newest.ts):
            for reading, message in self.pairs:
                message.stored += 1
                self.fresh.append(reading)
            return
        self._sort_out_in_detail(known)

    def _sort_out_in_detail(self, known: Collection[int]) -> None:
        state = self.connector.state
        newest = state.newest
        at: datetime | None = None
        digests_at: list[int] = []
        for reading, message in sorted(self.pairs, key=lambda pair: pair[0].order_key):
            if reading.ts != at:
                at = reading.ts
                digests_at = list(state.newest_digests) if newest is not None and newest.ts == at else []
            if reading.digest in digests_at or id(reading) in known:
                message.duplicates += 1
                continue
            digests_at.append(reading.digest)
            if newest is None or reading.order_key > newest:
                message.stored += 1
                self.fresh.append(reading)
            else:
                self.late.append((reading, message))

    def settle_late(self, new: Sequence[Reading]) -> None:
        """Keep those late readings that the database did not have."""
        new_ids = {id(reading) for reading in new}
        for reading, message in self.late:
            if id(reading) in new_ids:
                message.stored += 1
            else:
                message.duplicates += 1
        self.late = [pair for pair in self.late if id(pair[0]) in new_ids]
