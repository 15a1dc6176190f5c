"""A shard is read ahead, in order, within bounds, and however reading fails."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from solarrally.brokers.aws_kinesis import IteratorExpired, ShardGone, StreamUnavailable
from solarrally.brokers.backoff import Backoff
from solarrally.brokers.shard_source import ShardSource
from solarrally.domain.stream import HIGHEST_HASH, HashRange, Shard
from solarrally.ingest.ports import Checkpoint, Delivery
from tests.builders import at
from tests.fakes.scripted_stream import ScriptedStream, records

SHARD = Shard("s", HashRange(0, HIGHEST_HASH))
TEN = records((f"evse/cp{n % 3}/telemetry", b"%d" % n, at(n)) for n in range(10))


class Clock:
    def __init__(self) -> None:
        self.now = at(1000)

    def __call__(self) -> datetime:
        return self.now


def source_of(stream: ScriptedStream, clock: Clock | None = None, *, max_waiting: int = 100) -> ShardSource:
    return ShardSource(
        stream,
        SHARD,
        now=clock or Clock(),
        read_interval_s=0.0,
        max_waiting=max_waiting,
        backoff=Backoff(first_s=0.0, longest_s=0.0),
    )


def unread(sequence_number: str | None = None) -> Checkpoint:
    return Checkpoint(stream="scripted", shard_id="s", sequence_number=sequence_number)


async def take(source: ShardSource, count: int) -> list[Delivery]:
    taken: list[Delivery] = []
    async with asyncio.timeout(5):
        while len(taken) < count:
            taken += await source.next_batch(count - len(taken), timeout_s=1.0)
    return taken


def said(deliveries: Sequence[Delivery]) -> list[int]:
    return [int(delivery.payload) for delivery in deliveries]


async def test_everything_comes_in_order_with_the_receipt_that_the_record_says() -> None:
    source = source_of(ScriptedStream({"s": TEN}))
    source.start_after(unread())
    async with source.connection():
        taken = await take(source, 10)

    assert said(taken) == list(range(10))
    assert [one.received_at for one in taken] == [at(n) for n in range(10)]
    assert {one.redelivered for one in taken} == {False}


async def test_reading_begins_after_the_checkpoint() -> None:
    stream = ScriptedStream({"s": TEN})
    source = source_of(stream)
    source.start_after(unread("7"))
    async with source.connection():
        assert said(await take(source, 3)) == [7, 8, 9]
    assert stream.iterators == [("s", "7")]


async def test_no_more_is_read_ahead_than_there_is_room_for() -> None:
    stream = ScriptedStream({"s": TEN * 100}, per_read=10)
    source = source_of(stream, max_waiting=40)
    source.start_after(unread())

    async def full() -> None:
        """Wait until it is, and for what a reader that does not care would read then."""
        async with asyncio.timeout(5):
            while source.waiting < 40:  # noqa: ASYNC110  being full is no event
                await asyncio.sleep(0)
        for _ in range(200):
            await asyncio.sleep(0)

    async with source.connection():
        await full()
        assert (source.waiting, stream.reads) == (40, 4)
        await take(source, 20)
        await full()
        assert source.waiting == 40
        assert said(await take(source, 980)) == (list(range(10)) * 100)[20:]


async def test_whatever_goes_wrong_while_reading_nothing_is_skipped_or_repeated() -> None:
    faults = [
        None,
        StreamUnavailable("too fast", is_throttled=True),
        IteratorExpired("five minutes"),
        None,
        StreamUnavailable("no network"),
        ShardGone("away"),
        IteratorExpired("again"),
    ]
    stream = ScriptedStream({"s": TEN}, faults=faults)
    source = source_of(stream)
    source.start_after(unread())
    async with source.connection():
        assert said(await take(source, 10)) == list(range(10))

    assert (source.throttled_reads, source.failed_reads) == (1, 2)
    assert [after for _, after in stream.iterators] == [None, "3", "6"]


async def test_a_reader_that_fails_unexpectedly_is_no_silent_fleet() -> None:
    source = source_of(ScriptedStream({}))  # the shard is not there: a KeyError
    source.start_after(unread())
    with pytest.raises(KeyError):
        async with source.connection():
            await take(source, 1)


async def test_the_end_of_a_shard_is_told_when_all_of_it_is_taken_in() -> None:
    stream = ScriptedStream({"s": TEN})
    stream.ended.add("s")
    source = source_of(stream)
    source.start_after(unread())
    async with source.connection():
        taken = await take(source, 10)
        assert not source.ended.is_set()
        source.saved(taken[:9], source.checkpoint_after(taken[:9]))
        assert not source.ended.is_set()
        source.saved(taken[9:], source.checkpoint_after(taken[9:]))
        assert source.ended.is_set()

    assert source.end() == Checkpoint(stream="scripted", shard_id="s", sequence_number="10", is_finished=True)


async def test_a_shard_that_ended_before_anything_came_is_told_too() -> None:
    stream = ScriptedStream({"s": []})
    stream.ended.add("s")
    source = source_of(stream)
    source.start_after(unread())
    async with source.connection(), asyncio.timeout(5):
        await source.ended.wait()

    assert source.end().sequence_number is None


async def test_deliveries_of_an_earlier_connection_move_no_checkpoint() -> None:
    """The lead was lost and is ours again: everything after the checkpoint is read once more."""
    source = source_of(ScriptedStream({"s": TEN}))
    source.start_after(unread())
    async with source.connection():
        before = await take(source, 5)
    source.start_after(unread("2"))
    async with source.connection():
        again = await take(source, 3)
        assert said(again) == [2, 3, 4]
        assert source.checkpoint_after(before) is None
        source.saved(before, None)
        reached = source.checkpoint_after(again[:2])
        assert reached is not None
        assert reached.sequence_number == "4"


async def test_silence_counts_only_while_the_end_of_the_shard_is_read() -> None:
    """What waits in the stream is no silence of the stations."""
    clock = Clock()
    stream = ScriptedStream({"s": []})
    stream.behind_ms = 3_600_000
    source = source_of(stream, clock)
    source.start_after(unread())

    async def read_again() -> None:
        reads = stream.reads
        async with asyncio.timeout(5):
            while stream.reads < reads + 2:  # noqa: ASYNC110  reads are no event
                await asyncio.sleep(0)

    def since() -> datetime | None:
        return source.listening_since

    async with source.connection():
        await read_again()
        assert (since(), source.behind_s) == (None, 3600.0)
        currencies = [source.is_current]
        stream.behind_ms = 0
        await read_again()
        assert since() == clock.now == at(1000)
        currencies.append(source.is_current)
        assert currencies == [False, True]
        clock.now += timedelta(seconds=5)
        await read_again()
        assert since() == at(1000)
        stream.behind_ms = 60_000
        clock.now += timedelta(seconds=11)
        await read_again()
        assert since() is None
        stream.behind_ms = 0
        await read_again()
        assert since() == clock.now == at(1016)
    assert since() is None


async def test_what_devices_are_told_leaves_by_the_publisher() -> None:
    told: list[tuple[str, bytes]] = []

    async def publish(messages: Sequence[tuple[str, bytes]]) -> None:
        told.extend(messages)

    stream = ScriptedStream({"s": []})
    await ShardSource(stream, SHARD, now=Clock(), publish=publish).publish([("evse/cp/acks", b"{}")])
    await ShardSource(stream, SHARD, now=Clock()).publish([("evse/cp/acks", b"{}")])

    assert told == [("evse/cp/acks", b"{}")]
