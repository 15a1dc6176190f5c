"""Derived rows follow their readings: at once, but not more often than the interval."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from solarrally.ingest.pipeline import Pipeline
from tests.builders import at
from tests.fakes.memory_store import MemoryStore
from tests.fakes.queue_broker import QueueBroker
from tests.unit.ingest.test_pipeline import RULES, Clock, charging, idle, message, only_session


def ingest_one_by_one(store: MemoryStore, bodies: list[bytes], *, is_killed: bool = False) -> Pipeline:
    """Each message is a batch of its own, and all of them come at the same instant."""
    broker = QueueBroker([message(body) for body in bodies], batch_size=1)
    pipeline = Pipeline(broker, store, replace(RULES, max_batch=1), Clock(at(100)))
    if not is_killed:
        broker.on_empty = pipeline.stop
        asyncio.run(pipeline.run())
        return pipeline

    async def run_and_kill() -> None:
        all_acknowledged = asyncio.Event()
        broker.on_empty = all_acknowledged.set
        task = asyncio.create_task(pipeline.run())
        await all_acknowledged.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run_and_kill())
    return pipeline


def test_a_connector_is_announced_once_in_an_interval_and_at_the_end() -> None:
    store = MemoryStore()

    ingest_one_by_one(store, [charging(n, 2.0 * n) for n in range(10)])

    shown = [[connector.ts for connector in connectors] for connectors, _ in store.notices]
    assert shown == [[at(0)], [at(9)]]
    assert only_session(store).reading_count == 10


def test_what_begins_or_ends_a_session_is_written_with_its_batch() -> None:
    store = MemoryStore()

    ingest_one_by_one(store, [charging(0, 0), charging(1, 2), idle(2)], is_killed=True)

    assert only_session(store).ended_at == at(2)
    assert len(store.tables.bills) == 1


def test_after_a_crash_the_readings_since_the_written_state_are_folded_again() -> None:
    store = MemoryStore()
    ingest_one_by_one(store, [charging(n, 2.0 * n) for n in range(10)], is_killed=True)
    assert only_session(store).reading_count == 1

    ingest_one_by_one(store, [])

    assert only_session(store).reading_count == 10
    assert store.tables.connectors["cp1", 1][1].ts == at(9)
    [connector] = store.notices[-1][0]
    assert connector.session is not None
    assert connector.session.energy_wh == 18


async def test_what_a_crash_left_unwritten_is_written_though_nobody_says_anything_more() -> None:
    store = MemoryStore()
    await asyncio.to_thread(
        ingest_one_by_one, store, [charging(n, 2.0 * n) for n in range(10)], is_killed=True
    )
    pipeline = Pipeline(QueueBroker([]), store, RULES, Clock(at(100)))

    task = asyncio.create_task(pipeline.run())
    async with asyncio.timeout(10):
        while store.tables.connectors["cp1", 1][1].ts != at(9):  # noqa: ASYNC110
            await asyncio.sleep(0)

    pipeline.stop()
    await task


def test_a_message_after_the_crash_continues_where_the_readings_ended() -> None:
    store = MemoryStore()
    ingest_one_by_one(store, [charging(n, 2.0 * n) for n in range(10)], is_killed=True)

    pipeline = ingest_one_by_one(store, [charging(9, 18.0), charging(10, 20.0)])

    assert only_session(store).reading_count == 11
    assert pipeline.counts.readings_duplicate == 1
    assert pipeline.counts.conflicts_unexplained == 0
