"""A simulated device of another vendor, heard by the pipeline in the device's own time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from solarrally.dialects.families import FAMILIES
from solarrally.dialects.routes import Routes
from solarrally.domain.bill import Account
from solarrally.domain.fleet import StationRoute
from solarrally.domain.station import SessionRules
from solarrally.embedded.mqtt_topics import matches
from solarrally.ingest.pipeline import Pipeline
from solarrally.ingest.ports import Delivery
from solarrally.ingest.rules import IngestRules
from solarrally_sim.vendors import make_device
from tests.fakes.memory_store import MemoryStore

BEGAN_AT = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
LONGEST = timedelta(hours=6)
AT_ONCE = 1000


class TimedBroker:
    """`ingest.ports.Broker` that hands out what a device said, and is the clock while it does."""

    def __init__(self, deliveries: Iterable[Delivery]) -> None:
        self.listening_since: datetime | None = BEGAN_AT
        self.heard: list[str] = []
        self.is_over = asyncio.Event()
        self.now = BEGAN_AT
        self._deliveries = iter(deliveries)
        self._next: Delivery | None = next(self._deliveries, None)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[TimedBroker]:
        yield self

    async def hear(self, topic_filters: Collection[str]) -> None:
        self.heard = list(topic_filters)

    async def next_batch(self, limit: int, timeout_s: float) -> list[Delivery]:
        """What was said within the next 20 s: moments end by receipt, however it is cut."""
        batch: list[Delivery] = []
        end = None if self._next is None else self._next.received_at + timedelta(seconds=20)
        while self._next is not None and end is not None and self._next.received_at < end:
            if len(batch) == min(limit, AT_ONCE):
                break
            if any(matches(one, self._next.topic) for one in self.heard):
                batch.append(self._next)
            self._next = next(self._deliveries, None)
        if batch:
            self.now = batch[-1].received_at
        elif end is not None:
            self.now = end  # nothing of it was listened to
        else:
            self.now += timedelta(seconds=2)  # the last moment ends
            self.is_over.set()
        return batch

    async def acknowledge(self, deliveries: Iterable[Delivery]) -> None: ...

    async def publish(self, messages: Sequence[tuple[str, bytes]]) -> None: ...


@dataclass
class Replayed:
    """What became of a device's messages, and what really happened."""

    pipeline: Pipeline
    store: MemoryStore
    truth: dict[str, Any]

    @property
    def accounts(self) -> list[Account]:
        return sorted(self.store.tables.sessions.values(), key=lambda account: account.session.started_at)


def at_once(said_at: datetime) -> datetime:
    """The receipt of a message that nothing holds up."""
    return said_at


def replay(
    family: str,
    device_id: str,
    stations: Iterable[StationRoute] = (),
    *,
    receipt: Callable[[datetime], datetime] = at_once,
    **options: Any,
) -> Replayed:
    """Let a simulated device live its life, and the pipeline listen. `options` are the simulator's."""
    device = make_device(family, device_id, **options)
    broker = TimedBroker(_deliveries(device, receipt))
    store = MemoryStore()
    store.tables.routes = list(stations)
    pipeline = Pipeline(
        broker,
        store,
        IngestRules(session=SessionRules(), default_max_power_w=25_000.0),
        lambda: broker.now,
        routes=Routes(families=list(FAMILIES.values())),
    )

    async def run() -> None:
        running = asyncio.create_task(pipeline.run())
        await asyncio.wait(
            [running, asyncio.create_task(broker.is_over.wait())], return_when="FIRST_COMPLETED"
        )
        pipeline.stop()
        await running

    asyncio.run(run())
    return Replayed(pipeline, store, device.truth())


def _deliveries(device: Any, receipt: Callable[[datetime], datetime]) -> Iterator[Delivery]:
    """All it says until it is finished; the receipts follow its own times, each later than the last."""
    now, last = BEGAN_AT, BEGAN_AT
    numbers = count(1)
    while not device.is_finished and now < BEGAN_AT + LONGEST:
        for said in device.tick(now):
            last = max(receipt(said.at), last + timedelta(microseconds=1))
            yield Delivery(said.topic, said.payload, said.qos, False, False, last, next(numbers), 1)
        now += timedelta(seconds=1)
