"""SIGTERM: the ingestor finishes the batch in hand, acknowledges it, and is gone in 5 s."""

from __future__ import annotations

import asyncio
import random
import threading
import time

import pytest

from tests.faults.test_database_faults import hold
from tests.support.charging_fleet import fleet, in_turn
from tests.support.fault_harness import FaultRun
from tests.support.ingestor import IngestorProcess

LEAVES_IN_S = 5.0
RATE = 2000.0


@pytest.fixture
def repetitions() -> int:
    return 5


def leave(ingestor: IngestorProcess) -> None:
    began_s = time.monotonic()
    assert ingestor.stop() == 0
    took_s = time.monotonic() - began_s
    assert took_s < LEAVES_IN_S


def test_sigterm_under_load_leaves_in_time_and_nothing_comes_twice(run: FaultRun, repetitions: int) -> None:
    """What was stored was acknowledged before the end: the next process sees no message again."""
    chance = random.Random(19)
    ingestor = run.ingestor()
    publisher = run.publisher(in_turn(fleet()), rate=RATE)
    for _ in range(repetitions):
        run.wait_until("it works", lambda: ingestor.counters().get("solarrally_batches_total", 0) > 0)
        time.sleep(chance.uniform(0.2, 1.2))
        leave(ingestor)
        ingestor.start()
        ingestor.wait_connected()
        time.sleep(0.5)  # what the broker delivers again comes first
        assert ingestor.counters()["solarrally_readings_duplicate_total"] == 0

    run.prove(publisher.finish(), ingestor)
    assert ingestor.counters()["solarrally_readings_duplicate_total"] == 0


def test_sigterm_while_the_database_is_away_leaves_in_time(run: FaultRun) -> None:
    """What is not stored stays with the broker."""
    ingestor = run.ingestor()
    publisher = run.publisher(in_turn(fleet()), rate=RATE)
    run.wait_until("it works", lambda: run.stored_count() > 0)
    run.server.stop()
    time.sleep(1)
    leave(ingestor)
    run.server.start()
    ingestor.start()
    ingestor.wait_connected()

    run.prove(publisher.finish(), ingestor)


def test_sigterm_while_a_statement_waits_for_a_lock_leaves_in_time(run: FaultRun) -> None:
    ingestor = run.ingestor()
    publisher = run.publisher(in_turn(fleet()), rate=RATE)
    run.wait_until("it works", lambda: run.stored_count() > 0)
    locked = threading.Thread(
        target=asyncio.run,
        args=(hold(run.database_url, "LOCK TABLE reading IN ACCESS EXCLUSIVE MODE", 2 * LEAVES_IN_S),),
    )
    locked.start()
    try:
        time.sleep(1)
        leave(ingestor)
    finally:
        locked.join()
    ingestor.start()
    ingestor.wait_connected()

    run.prove(publisher.finish(), ingestor)
