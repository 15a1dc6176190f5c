"""Hot standby: a second ingestor waits on a database lock and takes over within 5 s of the first's death."""

from __future__ import annotations

import time

import pytest

from tests.support.charging_fleet import fleet, in_turn
from tests.support.fault_harness import FaultRun
from tests.support.ingestor import IngestorProcess
from tests.support.tcp_proxy import TcpProxy

TAKES_OVER_IN_S = 5.0
RATE = 1000.0


@pytest.fixture
def repetitions() -> int:
    return 3


def works(ingestor: IngestorProcess) -> bool:
    return ingestor.counters().get("solarrally_batches_total", 0) > 0


def wait_for_work(run: FaultRun, ingestor: IngestorProcess) -> None:
    """Within the time in which a standby takes over."""
    run.wait_until("it works", lambda: works(ingestor), timeout_s=TAKES_OVER_IN_S)


def wait_until_up(run: FaultRun, ingestor: IngestorProcess) -> None:
    run.wait_until("it is up", lambda: bool(ingestor.counters()))


def start_standby(run: FaultRun) -> IngestorProcess:
    standby = run.ingestor(wait=False)
    wait_until_up(run, standby)
    return standby


def test_a_standby_takes_over_in_time_and_nothing_is_lost_or_doubled(run: FaultRun, repetitions: int) -> None:
    """The dead one comes back as the standby of the other, again and again."""
    active = run.ingestor()
    publisher = run.publisher(in_turn(fleet()), rate=RATE)
    standby = start_standby(run)
    for _ in range(repetitions):
        wait_for_work(run, active)
        time.sleep(1)
        assert not works(standby), "both ingest"
        active.kill()
        wait_for_work(run, standby)
        active.start()
        active, standby = standby, active
        wait_until_up(run, standby)

    run.prove(publisher.finish(), active)
    assert not works(standby)


def test_a_standby_takes_over_from_one_that_leaves(run: FaultRun) -> None:
    active = run.ingestor()
    publisher = run.publisher(in_turn(fleet()), rate=RATE)
    standby = start_standby(run)
    wait_for_work(run, active)
    assert active.stop() == 0
    wait_for_work(run, standby)

    run.prove(publisher.finish(), standby)


def test_one_that_loses_the_database_does_not_write_beside_its_successor(run: FaultRun) -> None:
    """Cut from the database it has lost the lock; back again it waits like any other."""
    with TcpProxy(run.server.port) as proxy:
        active = run.ingestor(database_url=proxy.in_front_of(run.database_url))
        publisher = run.publisher(in_turn(fleet()), rate=RATE)
        standby = start_standby(run)
        wait_for_work(run, active)
        proxy.cut()
        wait_for_work(run, standby)
        proxy.heal()
        time.sleep(5)

        run.prove(publisher.finish(), standby)
        assert standby.starts == 1
