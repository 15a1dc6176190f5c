"""Our share of a stream: takes shards, gives them back, and runs a pipeline for each that is ours.

Nobody decides for others. Each ingestor sees who else is there, computes from that how many shards it should
have, and takes free ones or gives some back. A shard belongs to who holds its lock, so a wrong idea of the
others costs a second and never a reading.

A shard that ends is marked finished by the pipeline that read it, after its last batch and before its lock is
free: its children, with the same stations, are begun only then.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog

from solarrally.domain.alert import AlertKind
from solarrally.domain.stream import Shard, StreamView, in_turn, readable, share
from solarrally.errors import NotLeading, StoreUnavailable, StreamError
from solarrally.ingest.fates import FateCount
from solarrally.ingest.fleet_care import FleetCare
from solarrally.ingest.pipeline import Pipeline
from solarrally.ingest.ports import Broker, Checkpoint, Progress, Store

log = structlog.get_logger()

TURN_S = 1.0
"""How often we look whether our share has changed."""
LIST_EVERY_S = 10.0
"""How often shards are listed; at once when one of ours has ended."""


COUNTED = ("received_messages", "received_bytes", "reads", "throttled_reads", "failed_reads")


class ShardList(Protocol):
    """The stream, as far as its shards go. Raises `StreamError`."""

    async def list_shards(self) -> list[Shard]: ...


class Membership(Protocol):
    """Our part among the ingestors of the stream. Raises `StoreUnavailable`."""

    async def look(self, shards: Iterable[Shard]) -> StreamView:
        """How things are, as a member."""

    async def leave(self) -> None:
        """Be a member no more."""


class ShardStore(Store, Protocol):
    """A store that writes what one shard brings."""

    async def close(self) -> None: ...


class Source(Broker, Progress, Protocol):
    """One shard."""

    ended: asyncio.Event
    received_messages: int
    received_bytes: int
    reads: int
    throttled_reads: int
    failed_reads: int
    behind_s: float

    @property
    def waiting(self) -> int: ...

    def end(self) -> Checkpoint:
        """That all of it is taken in."""


@dataclass(slots=True, kw_only=True)
class ShardWork:
    """What works on one shard."""

    shard: Shard
    store: ShardStore
    source: Source
    pipeline: Pipeline
    task: asyncio.Task[None] | None = None
    has_led: bool = False
    is_given_back: bool = False

    def give_back(self) -> None:
        """After the batch in hand."""
        self.is_given_back = True
        self.pipeline.stop()


class StreamIngest:
    """Run it until `stop`."""

    def __init__(
        self,
        stream: ShardList,
        membership: Membership,
        open_shard: Callable[[Shard], ShardWork],
        care: FleetCare,
        counts: FateCount,
        *,
        turn_s: float = TURN_S,
        list_every_s: float = LIST_EVERY_S,
    ) -> None:
        self.counts = counts
        """Of all pipelines together."""
        self.view: StreamView | None = None
        """How things were at the last look; None while nobody can be asked."""
        self.ready: list[Shard] = []
        """The shards whose turn it is, ours and others'."""
        self.is_stream_ok = False
        """Whether the stream answered when it was last asked for its shards."""
        self._current_since_s: float | None = None
        self._stream = stream
        self._membership = membership
        self._open_shard = open_shard
        self._care = care
        self._turn_s = turn_s
        self._list_every_s = list_every_s
        self._work: dict[str, ShardWork] = {}
        self._past: Counter[str] = Counter()
        """What the sources of shards counted that are no longer ours."""
        self._shards: list[Shard] = []
        self._listed_at_s = float("-inf")
        self._awake = asyncio.Event()
        self._stopping = asyncio.Event()

    @property
    def work(self) -> list[ShardWork]:
        """What works on the shards that are ours, in the order in which they were taken."""
        return list(self._work.values())

    def has_been_current_for(self, length_s: float) -> bool:
        """Whether all shards, whoever reads them, have been taken in up to now for so long."""
        since_s = self._current_since_s
        return since_s is not None and asyncio.get_running_loop().time() - since_s >= length_s

    def counted(self, what: str) -> int:
        """The sum over all sources since the start of the process: `received_messages`, `reads`, ..."""
        return self._past[what] + sum(int(getattr(work.source, what)) for work in self.work)

    @property
    def is_leading(self) -> bool:
        """Whether we care for the whole fleet."""
        return self._care.is_leading

    @property
    def stations_to_renew(self) -> int:
        return self._care.stations_to_renew

    @property
    def unresolved_alerts(self) -> Mapping[AlertKind, int]:
        return self._care.unresolved_alerts

    @property
    def oldest_received_at(self) -> datetime | None:
        """When the oldest message in hand was received."""
        return min(
            (at for work in self.work if (at := work.pipeline.oldest_received_at) is not None), default=None
        )

    def stop(self) -> None:
        """Settle what is in hand, give everything back, and return from `run`."""
        self._stopping.set()
        self._awake.set()

    async def run(self) -> None:
        """Survives the loss of the stream, of the database, and of any shard."""
        caring = asyncio.create_task(self._care.run(), name="fleet-care")
        pause_s = self._turn_s
        try:
            while not self._stopping.is_set():
                self._awake.clear()
                try:
                    await self._turn()
                    pause_s = self._turn_s
                except (StoreUnavailable, StreamError) as error:
                    self.view = None
                    self._current_since_s = None
                    pause_s = min(2 * pause_s, 8 * self._turn_s)
                    log.warning("shares_unknown", error=str(error), retry_in_s=round(pause_s, 1))
                if caring.done():
                    caring.result()  # never returns: raises what ended it
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause_s * random.uniform(0.8, 1.0)):
                        await self._awake.wait()
        finally:
            await self._give_all_back()
            caring.cancel()
            await asyncio.wait([caring])

    async def _turn(self) -> None:
        self._forget_ended()
        await self._list_shards()
        view = await self._membership.look(self._shards)
        ready = readable(self._shards, view.finished)
        self.view, self.ready = view, ready
        self._note_currency()
        ready_ids = {shard.shard_id for shard in ready}
        for work in self.work:
            work.has_led |= work.pipeline.is_leading
            is_lost = work.has_led and not work.pipeline.is_leading
            if not work.is_given_back and (is_lost or work.shard.shard_id not in ready_ids):
                log.info("shard_left", shard=work.shard.shard_id, is_lost=is_lost)
                work.give_back()
        kept = [work for work in self.work if not work.is_given_back]
        due = share(len(ready), view.members, view.rank)
        for work in kept[due:]:
            log.info("shard_given_back", shard=work.shard.shard_id, share=due, members=view.members)
            work.give_back()
        missing = due - len(kept)
        for shard in in_turn(ready, view.rank):
            if missing <= 0 or self._stopping.is_set():
                return
            if shard.shard_id not in self._work and shard.shard_id not in view.held:
                missing -= await self._take(shard)

    def _forget_ended(self) -> None:
        for shard_id, work in list(self._work.items()):
            if work.task is not None and work.task.done():
                del self._work[shard_id]
                for what in COUNTED:
                    self._past[what] += getattr(work.source, what)
                self._listed_at_s = float("-inf")  # it may have children by now
                work.task.result()  # what nobody expected ends the process, and its keeper starts another

    async def _list_shards(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s - self._listed_at_s < self._list_every_s:
            return
        try:
            self._shards = await self._stream.list_shards()
        except StreamError:
            self.is_stream_ok = False
            raise
        self.is_stream_ok = True
        self._listed_at_s = now_s

    def _note_currency(self) -> None:
        assert self.view is not None
        is_current = bool(self.ready) and all(shard.shard_id in self.view.current for shard in self.ready)
        if not is_current:
            self._current_since_s = None
        elif self._current_since_s is None:
            self._current_since_s = asyncio.get_running_loop().time()

    async def _take(self, shard: Shard) -> bool:
        """Whether it is ours now."""
        work = self._open_shard(shard)
        try:
            await work.store.lead()
            is_finished = (await work.store.load_checkpoint(*work.source.place)).is_finished
        except NotLeading:
            is_finished = True  # or soon will be, as far as we are concerned
        except BaseException:
            await work.store.close()
            raise
        if is_finished:
            await work.store.close()
            return False
        log.info("shard_taken", shard=shard.shard_id)
        work.task = asyncio.create_task(self._run(work), name=shard.shard_id)
        self._work[shard.shard_id] = work
        return True

    async def _run(self, work: ShardWork) -> None:
        """Until it is given back, or has ended."""
        ingesting = asyncio.create_task(work.pipeline.run(), name=f"ingest-{work.shard.shard_id}")
        ending = asyncio.create_task(work.source.ended.wait(), name=f"end-of-{work.shard.shard_id}")
        try:
            await asyncio.wait({ingesting, ending}, return_when=asyncio.FIRST_COMPLETED)
            work.pipeline.stop()
            await ingesting
            if work.source.ended.is_set():
                await self._finish(work)
        finally:
            ending.cancel()
            ingesting.cancel()
            await asyncio.wait([ending, ingesting])
            await work.store.close()
            self._awake.set()

    async def _finish(self, work: ShardWork) -> None:
        """Its stations are its children's from now on. The lock is still ours, so nobody has begun them."""
        try:
            async with work.store.transaction() as tx:
                await tx.save_checkpoint(work.source.end())
        except StoreUnavailable as error:  # whoever takes it next finds nothing but its end
            log.warning("shard_not_marked_finished", shard=work.shard.shard_id, error=str(error))
        else:
            log.info("shard_finished", shard=work.shard.shard_id)

    async def _give_all_back(self) -> None:
        await self._membership.leave()  # the others may take what we leave at once
        for work in self.work:
            work.give_back()
        tasks = [work.task for work in self.work if work.task is not None]
        if tasks:
            await asyncio.wait(tasks)
        self._work.clear()
        for task in tasks:
            task.result()
