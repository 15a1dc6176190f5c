"""A source that is read from a position: its checkpoint is committed with the messages, never before one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from solarrally.brokers.backoff import Backoff
from solarrally.brokers.shard_source import ShardSource
from solarrally.domain.alert import AlertReview, AlertRules
from solarrally.domain.stream import HIGHEST_HASH, HashRange, Shard
from solarrally.ingest.fates import Fate
from solarrally.ingest.pipeline import Pipeline
from solarrally.ingest.rules import IngestRules
from tests.builders import at, payload
from tests.fakes.memory_store import MemoryStore
from tests.fakes.scripted_stream import ScriptedStream, records

SHARD = Shard("s", HashRange(0, HIGHEST_HASH))
PLACE = ("scripted", "s")
RULES = IngestRules(retry_first_s=0.0, retry_longest_s=0.0, tick_s=0.001, poll_s=0.01)


def ticking() -> Callable[[], datetime]:
    """A clock that goes on by a millisecond whenever somebody looks."""
    looks = count()
    return lambda: at(1000 + next(looks) / 1000)


def charging(number: int) -> tuple[str, bytes]:
    body = payload(10 * number, status="charging", power_w=7200, session_id="s1")
    return f"evse/cp{number % 2}/telemetry", body


def clockless(number: int) -> tuple[str, bytes]:
    return f"evse/cp{number % 2}/telemetry", b'{"power_w": %d}' % (100 + number % 3)


def stream_of(messages: Iterable[tuple[str, bytes]]) -> ScriptedStream:
    stream = ScriptedStream({"s": records((*message, at(n)) for n, message in enumerate(messages))})
    stream.ended.add("s")
    return stream


async def ingest(stream: ScriptedStream, store: MemoryStore, rules: IngestRules = RULES) -> Pipeline:
    """Until the end of the shard is taken in."""
    source = ShardSource(
        stream, SHARD, now=lambda: at(100), read_interval_s=0.0, backoff=Backoff(first_s=0.0, longest_s=0.0)
    )
    pipeline = Pipeline(source, store, rules, ticking(), progress=source)
    running = asyncio.create_task(pipeline.run())
    async with asyncio.timeout(20):
        await source.ended.wait()
    pipeline.stop()
    await running
    return pipeline


async def test_the_checkpoint_is_that_of_the_last_record() -> None:
    store = MemoryStore()
    pipeline = await ingest(stream_of(map(charging, range(20))), store)

    assert store.tables.checkpoints[PLACE].sequence_number == "20"
    assert len(store.tables.readings) == 20
    assert pipeline.counts.checkpoints == pipeline.counts.batches


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.sampled_from(["none", "lost_before_commit", "lost_after_commit"]), max_size=12),
    st.integers(1, 7),
    st.booleans(),
)
def test_whatever_commits_fail_everything_is_stored_once(
    faults: list[str], batch_size: int, is_undated: bool
) -> None:
    said = clockless if is_undated else charging
    store = MemoryStore(faults)
    asyncio.run(ingest(stream_of(map(said, range(15))), store, replace(RULES, max_batch=batch_size)))

    assert len(store.tables.readings) == 15
    assert store.tables.checkpoints[PLACE].sequence_number == "15"


@settings(deadline=None, max_examples=30)
@given(st.sets(st.integers(0, 14), max_size=4), st.integers(1, 15))
def test_poison_is_passed_by_a_checkpoint_only_with_all_around_it_settled(
    poison: set[int], batch_size: int
) -> None:
    """At every commit: what the checkpoint has passed is stored or rejected."""

    class Watched(MemoryStore):
        def check(self) -> None:
            checkpoint = self.tables.checkpoints.get(PLACE)
            passed = 0 if checkpoint is None else int(checkpoint.sequence_number or 0)
            stored = {(uid, ts) for uid, _, ts, _ in self.tables.readings}
            for number in range(passed):
                uid = f"cp{number % 2}"
                assert number in poison or (uid, at(10 * number)) in stored
            # What is settled is passed: read again, its events and rejected parts would be kept twice.
            assert len(self.tables.readings) + len(self.tables.rejected) == passed

        async def load_stations(self, evse_uids):  # type: ignore[no-untyped-def]
            self.check()
            return await super().load_stations(evse_uids)

    store = Watched()
    store.poison_status = "faulted"
    messages = [
        (topic, payload(10 * number, status="faulted")) if number in poison else (topic, body)
        for number, (topic, body) in enumerate(map(charging, range(15)))
    ]
    pipeline = asyncio.run(ingest(stream_of(messages), store, replace(RULES, max_batch=batch_size)))

    store.check()
    assert pipeline.counts.fates[Fate.REJECTED] == len(poison) == len(store.tables.rejected)
    assert len(store.tables.readings) == 15 - len(poison)


async def test_what_is_parked_is_passed_in_the_transaction_that_parks_it() -> None:
    seen: list[tuple[int, int]] = []

    class Watched(MemoryStore):
        def transaction(self):  # type: ignore[no-untyped-def]
            checkpoint = self.tables.checkpoints.get(PLACE)
            passed = 0 if checkpoint is None else int(checkpoint.sequence_number or 0)
            seen.append((passed, len(self.tables.readings) + len(self.tables.parked)))
            return super().transaction()

    store = Watched()
    rules = replace(RULES, station_rate_limit_hz=3.0, max_batch=5)
    pipeline = await ingest(stream_of(map(charging, range(30))), store, rules)

    assert pipeline.counts.parked > 0
    assert all(kept >= passed for passed, kept in seen)
    assert len(store.tables.readings) + len(store.tables.parked) == 30


async def test_records_that_are_no_messages_are_counted_and_kept_once() -> None:
    stream = stream_of(map(charging, range(3)))
    stream.shards["s"] += [b"?", b"{}"]
    store = MemoryStore()
    pipeline = await ingest(stream, store)

    assert [part.payload for part in store.tables.rejected] == [b"?", b"{}"]
    assert pipeline.counts.reasons == {"bad_record": 2}
    assert pipeline.counts.delivered == pipeline.counts.settled == 5
    assert store.tables.checkpoints[PLACE].sequence_number == "5"


async def test_one_of_several_leaves_the_fleet_to_others_and_says_when_it_is_up_to_date() -> None:
    class Refusing(MemoryStore):
        async def review_alerts(self, now: datetime, rules: AlertRules) -> AlertReview:
            raise AssertionError("not ours")

        async def make_partitions(self, days_ahead: int) -> None:
            raise AssertionError("not ours")

        async def drop_raw(self, now: datetime, keep_days: int) -> list[str]:
            raise AssertionError("not ours")

        async def prune_rejected(self, *, keep_count: int, keep_bytes: int) -> int:
            raise AssertionError("not ours")

    store = Refusing()
    rules = replace(RULES, alert_interval_s=0.001, upkeep_s=0.001)
    stream = stream_of(map(charging, range(5)))
    stream.ended.clear()
    source = ShardSource(stream, SHARD, now=lambda: at(100), read_interval_s=0.0)
    pipeline = Pipeline(source, store, rules, ticking(), progress=source)
    running = asyncio.create_task(pipeline.run())
    async with asyncio.timeout(20):
        while True not in store.said_current or len(store.tables.readings) < 5:  # noqa: ASYNC110
            await asyncio.sleep(0)
    pipeline.stop()
    await running

    assert pipeline.unresolved_alerts == {}
