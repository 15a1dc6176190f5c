"""A broker in memory: a persistent queue that delivers again what was not acknowledged."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from solarrally.ingest.ports import Delivery


class QueueBroker:
    """`ingest.ports.Broker`, cut into batches of `batch_size`."""

    def __init__(self, messages: Iterable[tuple[str, bytes, datetime]], *, batch_size: int = 1000) -> None:
        self.batch_size = batch_size
        self.listening_since: datetime | None = datetime(2020, 1, 1, tzinfo=UTC)
        self.acknowledged: list[int] = []
        self.heard: list[str] = []
        """What it was asked to listen to further."""
        self.published: list[tuple[str, bytes]] = []
        """What was sent to devices, in order."""
        self.on_empty: Callable[[], object] = lambda: None
        self._pending = [
            Delivery(
                topic=topic,
                payload=payload,
                qos=1,
                retained=False,
                redelivered=False,
                received_at=received_at,
                packet_id=number,
                connection=1,
            )
            for number, (topic, payload, received_at) in enumerate(messages)
        ]
        self._taken = 0
        self._redelivered_after = timedelta(0)

    @property
    def unacknowledged(self) -> int:
        return len(self._pending)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[QueueBroker]:
        yield self

    async def hear(self, topic_filters: Collection[str]) -> None:
        self.heard = list(topic_filters)

    async def next_batch(self, limit: int, timeout_s: float) -> list[Delivery]:
        batch = self._pending[self._taken : self._taken + min(limit, self.batch_size)]
        batch = [each._replace(received_at=each.received_at + self._redelivered_after) for each in batch]
        self._taken += len(batch)
        if not self._pending:
            self.on_empty()
        return batch

    async def acknowledge(self, deliveries: Iterable[Delivery]) -> None:
        done = {delivery.packet_id for delivery in deliveries}
        self.acknowledged += sorted(done)
        self._taken -= sum(delivery.packet_id in done for delivery in self._pending[: self._taken])
        self._pending = [delivery for delivery in self._pending if delivery.packet_id not in done]

    async def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        self.published += messages

    def reconnect(self) -> None:
        """As after a crash of the ingestor."""
        self._pending = [
            delivery._replace(redelivered=True) if index < self._taken else delivery
            for index, delivery in enumerate(self._pending)
        ]
        self._taken = 0
        self._redelivered_after += timedelta(seconds=1)
