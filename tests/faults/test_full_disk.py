"""The database's disk is full: it refuses, or dies of it; when there is room again everything is stored."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.brokers import running_broker
from tests.support.charging_fleet import fleet, in_turn
from tests.support.fault_harness import FaultRun
from tests.support.small_disk import NoSmallDisk, small_disk_postgres

RATE = 1000.0
FULL_S = 5.0


def test_a_full_disk_costs_nothing_once_there_is_room_again(tmp_path: Path) -> None:
    """Twice: what waited through the first time must not be what breaks the second."""
    try:
        with (
            small_disk_postgres(tmp_path) as disk,
            running_broker("mosquitto") as broker,
            FaultRun(disk.dsn, broker, tmp_path) as run,
        ):
            ingestor = run.ingestor()
            publisher = run.publisher(in_turn(fleet()), rate=RATE)
            for _ in range(2):
                time.sleep(2)
                disk.fill()
                time.sleep(FULL_S)
                was_refused = ingestor.counters()["solarrally_batch_retries_total"] > 0
                assert was_refused, "the disk was not full"
                assert ingestor.is_running
                disk.empty()
            run.prove(publisher.finish(), ingestor)
    except NoSmallDisk as reason:
        pytest.skip(f"needs a mount namespace (unshare --user --mount): {reason}")
