"""Takes deliveries from the broker and decodes them while the batch before them is being committed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from solarrally.dialects.routes import Routes
from solarrally.ingest.batch import Message, open_batch
from solarrally.ingest.fates import Fate, FateCount
from solarrally.ingest.moments import Moments, Sorted
from solarrally.ingest.parking import ParkingPlaces
from solarrally.ingest.ports import Broker, Delivery
from solarrally.ingest.rules import IngestRules

CHUNK = 250
"""Messages decoded in one go, so that nothing else waits for more than a few milliseconds."""


@dataclass(slots=True)
class Gathered:
    """What was gathered: every delivery to be acknowledged, in the order in which it came, and what is to be
    done with it.
    """

    deliveries: list[Delivery] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    """To be taken in."""
    parked: list[tuple[str, Delivery]] = field(default_factory=list)
    """To be parked, by station."""
    merged: int = 0
    """How many messages became readings together with others."""


class Gathering:
    """The next batch, growing until it is taken; at most `max_batch` messages, then the broker waits."""

    def __init__(
        self,
        broker: Broker,
        rules: IngestRules,
        parking: ParkingPlaces,
        counts: FateCount,
        now: Callable[[], datetime],
        *,
        routes: Routes,
        moments: Moments,
    ) -> None:
        self._routes = routes
        self._moments = moments
        self._broker = broker
        self._rules = rules
        self._parking = parking
        self._counts = counts
        self._now = now
        self._gathered = Gathered()
        self._has_some = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()

    def __len__(self) -> int:
        return len(self._gathered.deliveries)

    @property
    def parked_stations(self) -> list[str]:
        """The station of each delivery that will be parked."""
        return [evse_uid for evse_uid, _ in self._gathered.parked]

    @property
    def oldest_received_at(self) -> datetime | None:
        """When the first of what waits here was received."""
        deliveries = self._gathered.deliveries
        return deliveries[0].received_at if deliveries else None

    async def run(self) -> None:
        """Gather until cancelled."""
        rules = self._rules
        while True:
            await self._has_room.wait()
            room = min(CHUNK, rules.max_batch - len(self))
            deliveries = await self._broker.next_batch(room, timeout_s=self._patience_s())
            self._counts.delivered += len(deliveries)
            self._take_in(self._moments.take(deliveries, self._now()))
            self._has_some.set()  # also when nothing came: whoever waits may look at the clock
            if len(self) >= rules.max_batch:
                self._has_room.clear()
            await asyncio.sleep(0)

    def end_moments(self) -> None:
        """Take in what devices have said so far, as nothing more will be heard."""
        self._take_in(self._moments.end_all())

    def _take_in(self, came: Sorted) -> None:
        self._counts.moments += came.formed
        if came.ignored:
            self._counts.fates[Fate.IGNORED] += came.ignored
        if not came.whole and not came.parts:
            return
        now, later = self._parking.sort_out(came.whole, self._now().timestamp())
        gathered = self._gathered
        gathered.deliveries += came.whole
        gathered.deliveries += came.parts
        gathered.merged += came.merged
        gathered.parked += later
        gathered.messages += open_batch(
            now, routes=self._routes, max_payload_bytes=self._rules.max_payload_bytes
        )

    def _patience_s(self) -> float:
        """How long to wait for messages: until a moment ends, where one is open."""
        end = self._moments.next_end()
        if end is None:
            return self._rules.tick_s
        return min(self._rules.tick_s, max(0.001, (end - self._now()).total_seconds()))

    async def wait(self, timeout_s: float) -> None:
        """Return when there is something, or nothing within `timeout_s`."""
        if len(self):
            return
        self._has_some.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self._has_some.wait()
        except TimeoutError:
            return

    def wake(self) -> None:
        """End a `wait`."""
        self._has_some.set()

    def take(self) -> Gathered:
        """Everything gathered."""
        gathered, self._gathered = self._gathered, Gathered()
        self._has_room.set()
        return gathered
