"""Many at once, or one that says too much: nobody else is hurt, and nothing is lost."""

from __future__ import annotations

import random
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.charging_fleet import fleet, in_turn, rounds
from tests.support.fault_harness import FaultRun
from tests.support.reconnecting_stations import all_at_once

KEEPS_UP_S = 0.5
"""A machine that is so little behind takes the flood in as it comes: there is nothing to overtake."""


@pytest.fixture
def station_count() -> int:
    return 5000


@pytest.fixture
def flood_count() -> int:
    return 40_000


def test_stations_that_all_reconnect_at_once_are_all_online_and_lose_nothing(
    run: FaultRun, station_count: int
) -> None:
    """Cut off together, back together: their wills and their new messages arrive in one crowd."""
    ingestor = run.ingestor()
    stations = fleet(station_count, prefix="s")
    waves = [[station.next_message() for station in stations] for _ in range(2)]
    all_at_once(run.broker.url_for("fleet"), waves, timeout_s=120)

    # Counters are of messages: a status is one without a reading.
    run.prove([message for wave in waves for message in wave], ingestor, is_sole_writer=True)
    [count] = run.fetch("SELECT count(*) AS all, count(*) FILTER (WHERE is_online) AS online FROM evse")
    assert (count["all"], count["online"]) == (station_count, station_count)
    said = ingestor.counters()['solarrally_messages_total{fate="status"}']
    assert said == 3 * station_count  # online, the will, online again


def test_a_flood_from_one_station_does_not_hold_up_the_others(run: FaultRun, flood_count: int) -> None:
    """They overtake it, though it came first. It is stored too, all of it, when there is time."""
    ingestor = run.ingestor()
    others = run.publisher(in_turn(fleet(20)), rate=100, client_id="others")
    run.wait_until("it works", lambda: run.stored_count() > 0)
    long_ago = datetime.now(UTC) - timedelta(days=4)
    flooding = rounds(fleet(1, prefix="flood", kinds=[3], begin=long_ago), flood_count)
    flood = run.publisher(flooding, rate=1e9, client_id="flood")
    flooded = flood.finish(now=False)
    count = len(others.acknowledged())
    took_s = run.wait_until("the others are stored", lambda: stored_of(run, "f0%") >= count)
    flood_stored = stored_of(run, "flood%")
    sys.stderr.write(
        f"others current {took_s:.2f} s after the flood, {flood_stored} of {flood_count} of it stored then\n"
    )
    # In the order of arrival all of the flood would have come first, and taken its time.
    assert took_s < KEEPS_UP_S or flood_stored < 0.9 * flood_count

    run.prove(others.finish() + flooded, ingestor)


def stored_of(run: FaultRun, pattern: str) -> int:
    """Stored readings of the stations with such a name."""
    query = "SELECT count(*) FROM reading r JOIN evse e ON e.id = r.evse_id WHERE e.evse_uid LIKE $1"
    return int(run.fetch(query, pattern)[0][0])


def test_what_is_put_aside_of_a_flood_survives_kill_9(run: FaultRun, flood_count: int) -> None:
    """At random instants: while it is put aside, and while it is taken in again."""
    chance = random.Random(18)
    ingestor = run.ingestor()
    long_ago = datetime.now(UTC) - timedelta(days=4)
    flooding = rounds(fleet(2, prefix="flood", begin=long_ago), flood_count // 4)
    publisher = run.publisher(flooding, rate=1e9)
    for _ in range(5):
        run.wait_until("it works", lambda: ingestor.counters().get("solarrally_batches_total", 0) > 0)
        time.sleep(chance.uniform(0.1, 0.4))
        ingestor.kill()
        ingestor.start()
    ingestor.wait_connected()

    run.prove(publisher.finish(now=False), ingestor)
