"""One shard of a stream as a source of deliveries, read ahead while batches are committed.

Nothing is acknowledged: how far the shard is taken in is saved with the readings (`ingest.ports.Progress`),
and whoever reads it next begins after that.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Final, Protocol, TypeAlias

import structlog

from solarrally.brokers.arrivals import Arrivals
from solarrally.brokers.aws_kinesis import (
    READ_AT_ONCE,
    IteratorExpired,
    Read,
    ShardGone,
    StreamUnavailable,
)
from solarrally.brokers.backoff import Backoff
from solarrally.brokers.positions import Positions
from solarrally.brokers.stream_records import StreamReceipts, message_of
from solarrally.domain.stream import Shard
from solarrally.ingest.ports import Checkpoint, Delivery, RejectedPart

log = structlog.get_logger()

Publish: TypeAlias = Callable[[Sequence[tuple[str, bytes]]], Awaitable[None]]

READ_INTERVAL_S: Final = 0.25
"""Four reads a second of the five that a shard allows: one is left for who takes it over, or looks into it.
"""
READ_RATE_BYTES_PER_S: Final = 2_000_000
MAX_WAITING: Final = 20_000
MAX_WAITING_BYTES: Final = 32 * 2**20
"""Read ahead, of a shard: with one more read above it."""
HEARD_WITHIN: Final = timedelta(seconds=10)
"""We hear everything while we are no further behind: less than any silence that matters."""
CURRENT_WITHIN_S: Final = 2.0


class ReadableStream(Protocol):
    """What `brokers.aws_kinesis.KinesisStream` does for a reader, with the errors it raises."""

    name: str

    async def iterator(self, shard_id: str, after: str | None) -> str: ...

    async def read(self, iterator: str, limit: int) -> Read: ...


class ShardSource:
    """`ingest.ports.Broker` and `ingest.ports.Progress`. Read it inside `connection()`."""

    def __init__(
        self,
        stream: ReadableStream,
        shard: Shard,
        *,
        now: Callable[[], datetime],
        publish: Publish | None = None,
        read_interval_s: float = READ_INTERVAL_S,
        max_waiting: int = MAX_WAITING,
        backoff: Backoff | None = None,
    ) -> None:
        """`publish` sends to stations what concerns their messages; without it nobody is told."""
        self.shard = shard
        self.received_messages = 0
        self.received_bytes = 0
        """Of records, as they lie in the stream."""
        self.reads = 0
        self.throttled_reads = 0
        self.failed_reads = 0
        self.behind_s = 0.0
        """How far the end of the shard is from what was read last."""
        self.ended = asyncio.Event()
        """All of a shard that ended has been read, and is taken in."""
        self._stream = stream
        self._now = now
        self._publish = publish
        self._read_interval_s = read_interval_s
        self._backoff = backoff or Backoff()
        self._arrivals = Arrivals(max_count=max_waiting, max_bytes=MAX_WAITING_BYTES)
        self._something_arrived = asyncio.Event()
        self._has_room = asyncio.Event()
        self._positions = Positions()
        self._receipts = StreamReceipts()
        self._connection = 0
        self._read_up_to: str | None = None
        self._is_at_end = False
        self._heard_at: datetime | None = None
        self._heard_since: datetime | None = None
        self._failure: BaseException | None = None

    # -- Broker ----------------------------------------------------------------------------------

    @property
    def listening_since(self) -> datetime | None:
        """Since when we read the end of the shard: what waits in it is no silence of the stations."""
        if self._heard_at is None or self._now() - self._heard_at > HEARD_WITHIN:
            return None
        return self._heard_since

    @property
    def waiting(self) -> int:
        """Deliveries read and not yet taken."""
        return self._arrivals.count

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[ShardSource]:
        """Read for the length of the block."""
        self._connection += 1
        self._receipts = StreamReceipts()
        self._failure = None
        reader = asyncio.create_task(self._read(), name=f"read-{self.shard.shard_id}")
        reader.add_done_callback(self._note_failure)
        try:
            yield self
        finally:
            reader.cancel()
            with suppress(asyncio.CancelledError):
                await reader
            self._arrivals.clear()  # left to the stream: whoever goes on reads it again
            self._positions.forget()
            self._something_arrived.clear()
            self._heard_at = None

    async def hear(self, topic_filters: Collection[str]) -> None:
        """The rule that fills the stream decides what is heard."""

    async def next_batch(self, limit: int, timeout_s: float) -> list[Delivery]:
        if not self._arrivals.count:
            self._something_arrived.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._something_arrived.wait()
        if self._failure is not None:
            raise self._failure
        taken = self._arrivals.take(limit)
        if self._arrivals.has_room:
            self._has_room.set()
        return taken

    async def acknowledge(self, deliveries: Iterable[Delivery]) -> None:
        """The checkpoint has said it."""

    async def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        if self._publish is not None:
            await self._publish(messages)

    # -- Progress --------------------------------------------------------------------------------

    @property
    def place(self) -> tuple[str, str]:
        return self._stream.name, self.shard.shard_id

    @property
    def is_current(self) -> bool:
        if self.listening_since is None or self.behind_s > CURRENT_WITHIN_S:
            return False
        oldest_read_at_s = self._positions.oldest_read_at_s
        return oldest_read_at_s is None or _clock_s() - oldest_read_at_s <= CURRENT_WITHIN_S

    def start_after(self, checkpoint: Checkpoint) -> None:
        self._read_up_to = checkpoint.sequence_number
        self._is_at_end = checkpoint.is_finished
        self.ended.clear()
        self._positions.forget()
        self._note_end()

    def checkpoint_after(self, deliveries: Iterable[Delivery]) -> Checkpoint | None:
        reached = self._positions.reached_with(self._numbers(deliveries))
        if reached is None:
            return None
        return Checkpoint(
            stream=self._stream.name,
            shard_id=self.shard.shard_id,
            sequence_number=reached.sequence_number,
            rejected=reached.rejected,
        )

    def saved(self, deliveries: Iterable[Delivery], checkpoint: Checkpoint | None) -> None:
        self._positions.settle(self._numbers(deliveries))
        if checkpoint is not None and checkpoint.sequence_number is not None:
            self._positions.pass_by(checkpoint.sequence_number)
        self._note_end()

    def end(self) -> Checkpoint:
        """To be saved when `ended` is set, and nobody works on the shard's stations any more."""
        return Checkpoint(
            stream=self._stream.name,
            shard_id=self.shard.shard_id,
            sequence_number=self._read_up_to,
            is_finished=True,
        )

    def _numbers(self, deliveries: Iterable[Delivery]) -> set[int]:
        """Those of this connection; the others are of no record, or of one that is read again."""
        connection = self._connection
        return {delivery.packet_id for delivery in deliveries if delivery.connection == connection}

    # -- reading ---------------------------------------------------------------------------------

    async def _read(self) -> None:
        iterator: str | None = None
        shard_id = self.shard.shard_id
        while not self._is_at_end:
            if self._arrivals.is_full:
                self._has_room.clear()
                await self._has_room.wait()
            pause_s = self._read_interval_s * random.uniform(1.0, 1.1)
            began_at_s = _clock_s()
            try:
                if iterator is None:
                    iterator = await self._stream.iterator(shard_id, self._read_up_to)
                self.reads += 1
                read = await self._stream.read(iterator, READ_AT_ONCE)
            except IteratorExpired:
                iterator = None
            except ShardGone as error:
                # Older than the stream keeps, or the stream itself is gone; the list of shards tells.
                self.failed_reads += 1
                pause_s = self._backoff.pause_s()
                log.error("shard_gone", shard=shard_id, error=str(error), retry_in_s=round(pause_s, 2))
            except StreamUnavailable as error:
                self.throttled_reads += error.is_throttled
                self.failed_reads += not error.is_throttled
                pause_s = self._backoff.pause_s()
                log.warning(
                    "stream_unavailable", shard=shard_id, error=str(error), retry_in_s=round(pause_s, 2)
                )
            else:
                self._backoff.succeeded()
                size_bytes = self._take(read)
                iterator = read.next_iterator
                self._is_at_end = iterator is None
                pause_s = max(pause_s, size_bytes / READ_RATE_BYTES_PER_S)
            if not self._is_at_end:
                await asyncio.sleep(max(0.0, pause_s - (_clock_s() - began_at_s)))
        log.info("shard_read_to_its_end", shard=shard_id)
        self._note_end()

    def _take(self, read: Read) -> int:
        """File what was read; how many bytes."""
        read_at_s = _clock_s()
        deliveries = []
        size_bytes = 0
        for record in read.records:
            size_bytes += len(record.data)
            message = message_of(
                record.data, partition_key=record.partition_key, arrived_at=record.arrived_at
            )
            if isinstance(message, RejectedPart):
                self._positions.add(record.sequence_number, read_at_s, message)
                continue
            deliveries.append(
                Delivery(
                    topic=message.topic,
                    payload=message.payload,
                    qos=1,
                    retained=False,
                    redelivered=False,
                    received_at=self._receipts.next(message),
                    packet_id=self._positions.add(record.sequence_number, read_at_s),
                    connection=self._connection,
                )
            )
        if read.records:
            self._read_up_to = read.records[-1].sequence_number
        self.received_messages += len(deliveries)
        self.received_bytes += size_bytes
        if deliveries:
            self._arrivals.put(deliveries, size_bytes)
            self._something_arrived.set()
        self.behind_s = read.behind_ms / 1000
        if self.behind_s <= HEARD_WITHIN.total_seconds():
            now = self._now()
            if self.listening_since is None:
                self._heard_since = now
            self._heard_at = now
        return size_bytes

    def _note_end(self) -> None:
        if self._is_at_end and not len(self._positions):
            self.ended.set()

    def _note_failure(self, reader: asyncio.Task[None]) -> None:
        """A reader that failed must not look like a silent fleet: whoever asks for messages hears of it."""
        if not reader.cancelled() and reader.exception() is not None:
            self._failure = reader.exception()
            self._something_arrived.set()


def _clock_s() -> float:
    return asyncio.get_running_loop().time()
