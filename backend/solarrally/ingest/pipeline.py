"""The write path: deliveries in, one transaction a batch, acknowledgement after the commit.

There is no timer: while one batch is being committed the next one gathers in the broker's adapter, so the
load sets the batch size. A batch that fails is processed again from its deliveries, with the state of its
stations reloaded, so every step may be repeated at any point, also by another process.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from solarrally.errors import RejectedMessage, StoreRefused, StoreUnavailable
from solarrally.ingest.batch import Message, open_batch
from solarrally.ingest.fates import Fate, FateCount
from solarrally.ingest.ports import Broker, Delivery, Store
from solarrally.ingest.registry import Registry
from solarrally.ingest.rules import IngestRules
from solarrally.ingest.upkeep import Upkeep
from solarrally.ingest.writer import BatchOutcome, Writer

log = structlog.get_logger()
_T = TypeVar("_T")


class Stopped(Exception):
    """`stop` was called while waiting for the store."""


class Pipeline:
    """Folds what a broker delivers into what a store keeps. `now` is the clock, handed in."""

    def __init__(self, broker: Broker, store: Store, rules: IngestRules, now: Callable[[], datetime]) -> None:
        self.counts = FateCount()
        self._broker = broker
        self._rules = rules
        self._now = now
        self._registry = Registry(store, register_unknown=rules.register_unknown_stations)
        self._writer = Writer(store, self._registry, rules)
        self._upkeep = Upkeep(store, self._registry, rules)
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Finish the batch in hand and return from `run`."""
        self._stopping.set()

    async def run(self) -> None:
        """Ingest until `stop`. Survives the loss of the broker and of the database."""
        try:
            await self._persist(self._upkeep.keep_house)
            await self._persist(self._registry.start)
            log.info("ingest_started", stations=len(self._registry))
            await self._loop()
        except Stopped:
            log.warning("stopped_without_database", hint="unacknowledged messages stay with the broker")

    async def _loop(self) -> None:
        next_tick = self._now()
        next_upkeep = self._now() + timedelta(seconds=self._rules.upkeep_s)
        while not self._stopping.is_set():
            batch = await self._broker.next_batch(self._rules.max_batch, timeout_s=self._rules.tick_s)
            if batch:
                self.counts.delivered += len(batch)
                await self._settle(batch)
            now = self._now()
            if now >= next_tick:
                next_tick = now + timedelta(seconds=self._rules.tick_s)
                await self._persist(
                    lambda: self._upkeep.look_for_silence(self._now(), self._broker.listening_since)
                )
            if now >= next_upkeep:
                next_upkeep = now + timedelta(seconds=self._rules.upkeep_s)
                await self._persist(self._upkeep.keep_house)

    async def _settle(self, batch: Sequence[Delivery]) -> None:
        """Bring every delivery to its fate: stored or rejected, committed, acknowledged, counted."""
        try:
            messages, outcome = await self._persist(lambda: self._write(batch))
        except StoreRefused as error:
            if len(batch) > 1:
                middle = len(batch) // 2
                await self._settle(batch[:middle])
                await self._settle(batch[middle:])
                return
            log.warning("message_refused_by_database", topic=batch[0].topic, detail=str(error))
            poison = RejectedMessage("refused_by_database", str(error))
            messages, outcome = await self._persist(lambda: self._write(batch, poison))
        await self._broker.acknowledge(batch)
        self._count(messages, outcome)

    async def _write(
        self, batch: Sequence[Delivery], poison: RejectedMessage | None = None
    ) -> tuple[list[Message], BatchOutcome]:
        rules = self._rules
        messages = open_batch(batch, topic_root=rules.topic_root, max_payload_bytes=rules.max_payload_bytes)
        if poison is not None:
            for message in messages:
                message.reject_all(poison)
        return messages, await self._writer.write(messages)

    async def _persist(self, work: Callable[[], Awaitable[_T]]) -> _T:
        """Do it until the database takes it, with jittered back-off, or until `stop`."""
        pause_s = self._rules.retry_first_s
        while True:
            try:
                return await work()
            except StoreUnavailable as error:
                self.counts.batch_retries += 1
                wait_s = pause_s * random.uniform(0.5, 1.0)
                log.warning("database_unavailable", error=str(error), retry_in_s=round(wait_s, 2))
                pause_s = min(pause_s * 2, self._rules.retry_longest_s)
                await self._pause(wait_s)

    async def _pause(self, wait_s: float) -> None:
        try:
            async with asyncio.timeout(wait_s):
                await self._stopping.wait()
        except TimeoutError:
            return
        raise Stopped

    def _count(self, messages: Sequence[Message], outcome: BatchOutcome) -> None:
        counts = self.counts
        counts.batches += 1
        counts.readings_late += outcome.late
        counts.readings_distrusted_clock += outcome.distrusted_clock
        counts.readings_implausible += outcome.implausible
        counts.sessions_refolded += outcome.refolded_sessions
        if outcome.conflicts_unexplained:
            counts.conflicts_unexplained += outcome.conflicts_unexplained
            log.error(
                "readings_conflict", count=outcome.conflicts_unexplained, hint="is a second ingestor running?"
            )
        for message in messages:
            counts.fates[_fate(message)] += 1
            counts.readings_stored += message.stored
            counts.readings_duplicate += message.duplicates
            if message.decoded is not None:
                counts.unknown_fields += message.decoded.unknown_fields
            for part in message.rejected:
                counts.reasons[part.reason] += 1
                log.info(
                    "message_rejected",
                    topic=part.topic,
                    reason=part.reason,
                    field=part.field,
                    detail=part.detail,
                )


def _fate(message: Message) -> Fate:
    if message.rejected:
        return Fate.PARTLY_REJECTED if message.stored or message.duplicates else Fate.REJECTED
    if message.stored:
        return Fate.STORED
    if message.duplicates:
        return Fate.DUPLICATE
    if message.decoded is not None and message.decoded.facts is not None:
        return Fate.STATUS
    return Fate.IGNORED
