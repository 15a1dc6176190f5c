"""kill -9 of the ingestor, at any instant."""

from __future__ import annotations

import random
import time

import pytest

from tests.support.charging_fleet import fleet, in_turn
from tests.support.fault_harness import FaultRun

RATE = 700.0


@pytest.fixture
def kill_count() -> int:
    return 100


def test_an_ingestor_killed_at_random_instants_loses_and_doubles_nothing(
    run: FaultRun, kill_count: int
) -> None:
    """Most kills come after it has begun to work, every third at a random instant of its start."""
    chance = random.Random(2026)
    ingestor = run.ingestor()
    publisher = run.publisher(in_turn(fleet()), rate=RATE)
    for number in range(kill_count):
        if number % 3 == 2:
            time.sleep(chance.uniform(0.0, 1.5))
        else:
            run.wait_until("it works", lambda: ingestor.counters().get("solarrally_batches_total", 0) > 0)
            time.sleep(chance.uniform(0.1, 0.6))
        ingestor.kill()
        ingestor.start()
    ingestor.wait_connected()

    sent = publisher.finish()
    run.prove(sent, ingestor)
    run.wait_until_rolled_up()
    run.prove(sent, ingestor)
