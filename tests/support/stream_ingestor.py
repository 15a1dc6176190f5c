"""An ingestor that shares a stream, in the test's own process, quicker to notice things than in real life."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from solarrally.brokers.backoff import Backoff
from solarrally.brokers.shard_source import ShardSource
from solarrally.domain.stream import Shard
from solarrally.ingest.fates import FateCount
from solarrally.ingest.fleet_care import FleetCare
from solarrally.ingest.pipeline import Pipeline
from solarrally.ingest.rules import IngestRules
from solarrally.ingest.stream_ingest import ShardWork, StreamIngest
from solarrally.storage.streams import OwnedShard, StreamMembership
from solarrally.wiring import build_store, ingest_rules
from tests.builders import make_settings
from tests.support.aws_stream import AwsStream

PATIENCE_S = 60.0


class StreamIngestor:
    """Its parts, for tests to look at and to break."""

    def __init__(
        self,
        dsn: str,
        stream: AwsStream,
        *,
        rules: Callable[[IngestRules], IngestRules] = lambda rules: rules,
        publish: Any = None,
        read_interval_s: float = 0.03,
        **settings: Any,
    ) -> None:
        self.executor = ThreadPoolExecutor(8)
        self.stream = stream.reader(self.executor)
        self.counts = FateCount()
        made = make_settings(database_url=dsn, **settings)
        store = partial(build_store, made)
        own_rules = rules(
            replace(
                ingest_rules(made),
                station_rate_limit_hz=float("inf"),
                tick_s=0.05,
                poll_s=0.1,
                standby_poll_s=0.05,
                show_interval_s=0.1,
            )
        )
        now = partial(datetime.now, UTC)

        def open_shard(shard: Shard) -> ShardWork:
            source = ShardSource(
                self.stream,
                shard,
                now=now,
                publish=publish,
                read_interval_s=read_interval_s,
                backoff=Backoff(first_s=0.02, longest_s=0.2),
            )
            own = store(shard=OwnedShard(stream=stream.name, shard=shard))
            pipeline = Pipeline(source, own, own_rules, now, progress=source, counts=self.counts)
            return ShardWork(shard=shard, store=own, source=source, pipeline=pipeline)

        self.fleet_store = store(must_lead=True, has_other_writers=True)
        self.ingest = StreamIngest(
            self.stream,
            StreamMembership(dsn, stream.name),
            open_shard,
            FleetCare(self.fleet_store, own_rules, now),
            self.counts,
            turn_s=0.1,
            list_every_s=0.2,
        )

    @property
    def shards(self) -> set[str]:
        """Those it reads."""
        return {work.shard.shard_id for work in self.ingest.work if work.pipeline.is_leading}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[StreamIngestor]:
        """Leaves in good order at the end of the block."""
        task = asyncio.create_task(self.ingest.run(), name="stream-ingest")
        try:
            yield self
            if task.done():
                task.result()
        finally:
            self.ingest.stop()
            await asyncio.wait([task], timeout=PATIENCE_S)
            task.cancel()
            await self.fleet_store.close()
            self.executor.shutdown(wait=False)
        task.result()


async def eventually(is_so: Callable[[], Any], what: str, *, timeout_s: float = PATIENCE_S) -> None:
    """Wait until it is so; `is_so` may be a coroutine function."""
    async with asyncio.timeout(timeout_s):
        while True:
            found = is_so()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return
            await asyncio.sleep(0.03)
    raise AssertionError(what)
