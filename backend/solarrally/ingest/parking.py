"""Floods wait their turn: what one station sends beyond its rate is kept in a table and taken in later.

A device that comes back after an outage may send its backlog as fast as the network carries it, and a broken
one may never stop. Behind one MQTT session every other station would wait for it. So the messages above a
station's rate are only copied into `parked_message`, which costs a tenth of folding them, acknowledged, and
taken in between the batches of the others. While anything of a station waits there, all it sends goes
there, so that its messages keep their order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from solarrally.dialects.routes import route
from solarrally.errors import RejectedMessage
from solarrally.ingest.ports import Delivery

WINDOW_S = 1.0


class ParkingPlaces:
    """Who is over the rate, and how much of whom waits."""

    def __init__(self, *, topic_root: str, station_rate_limit_hz: float) -> None:
        self._topic_root = topic_root
        self._limit = station_rate_limit_hz * WINDOW_S
        self._window_ends_s = 0.0
        self._heard: dict[str, int] = {}
        self._waiting: Counter[str] = Counter()
        self.in_table = 0
        """How many deliveries wait in the table."""

    @property
    def waiting(self) -> int:
        """How many deliveries wait in the table, or are about to."""
        return self._waiting.total()

    @property
    def stations(self) -> int:
        """Of how many stations."""
        return len(self._waiting)

    def start(self, in_table: Mapping[str, int], on_their_way: Iterable[str] = ()) -> None:
        """Begin with what the table holds, and with the stations of those that will be put into it."""
        self._waiting = Counter(in_table)
        self.in_table = self._waiting.total()
        self._waiting.update(on_their_way)

    def sort_out(
        self, deliveries: Iterable[Delivery], now_s: float
    ) -> tuple[list[Delivery], list[tuple[str, Delivery]]]:
        """Which to take in now, and which to park, by station."""
        if now_s >= self._window_ends_s:
            self._window_ends_s = now_s + WINDOW_S
            self._heard.clear()
        heard, waiting, limit, root = self._heard, self._waiting, self._limit, self._topic_root
        now, later = [], []
        for delivery in deliveries:
            try:
                evse_uid = route(delivery.topic, root)[0]
            except RejectedMessage:
                now.append(delivery)  # its fate is to be rejected, which costs little
                continue
            count = heard.get(evse_uid, 0) + 1
            heard[evse_uid] = count
            if count > limit or evse_uid in waiting:
                waiting[evse_uid] += 1
                later.append((evse_uid, delivery))
            else:
                now.append(delivery)
        return now, later

    def stored(self, count: int) -> None:
        """So many of those that `sort_out` parked are in the table now."""
        self.in_table += count

    def taken(self, evse_uids: Iterable[str]) -> None:
        """These were taken from the table, one entry a delivery."""
        for evse_uid, count in Counter(evse_uids).items():
            self.in_table = max(0, self.in_table - count)  # others put messages there too
            self._waiting[evse_uid] -= count
            if self._waiting[evse_uid] <= 0:
                del self._waiting[evse_uid]
