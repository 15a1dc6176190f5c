"""The simulator's stations with a spool: whoever dies, every reading is stored, once."""

from __future__ import annotations

import asyncio
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.fault_harness import QUIET_S, FaultRun
from tests.support.replayed import compare, start_replay

INTERVAL_S = 60.0
RATE = 1000.0
SESSIONS = 250


@pytest.fixture
def repetitions() -> int:
    return 2


def test_a_spooling_fleet_loses_nothing_when_broker_and_ingestor_are_killed(
    run: FaultRun, repetitions: int, tmp_path: Path
) -> None:
    """Together, so that what the broker had acknowledged is gone with its queue."""
    ingestor = run.ingestor()
    simulator = start(run, tmp_path)
    try:
        for _ in range(repetitions):
            time.sleep(2)
            ingestor.kill()
            time.sleep(0.5)
            run.broker.kill()
            run.broker.restart()
            ingestor.start()
            ingestor.wait_connected()
        _, errors = simulator.communicate(timeout=120)
    finally:
        simulator.kill()
    assert simulator.returncode == 0, errors.decode()[-2000:]

    prove(run, tmp_path)


def test_a_spooling_fleet_killed_itself_goes_on_where_it_was(
    run: FaultRun, repetitions: int, tmp_path: Path
) -> None:
    run.ingestor()
    for _ in range(repetitions):
        simulator = start(run, tmp_path)
        time.sleep(4)
        simulator.kill()
        simulator.communicate()
        assert simulator.returncode == -9, "it had ended"
    simulator = start(run, tmp_path)
    try:
        _, errors = simulator.communicate(timeout=120)
    finally:
        simulator.kill()
    assert simulator.returncode == 0, errors.decode()[-2000:]

    prove(run, tmp_path)


def start(run: FaultRun, folder: Path) -> subprocess.Popen[bytes]:
    return start_replay(
        run.broker.url_for("fleet"),
        folder / "truth.json",
        limit=SESSIONS,
        interval_s=INTERVAL_S,
        rate=RATE,
        options=["--spool", str(folder / "spool"), "--ack-timeout-s", "2", "--drain-s", "60"],
    )


def prove(run: FaultRun, folder: Path) -> None:
    """The simulator has ended, so everything was acknowledged as stored: what is missing now is lost."""
    time.sleep(QUIET_S)  # an ack is of the reading; its session's row may follow a moment later
    result = asyncio.run(compare(run.database_url, folder / "truth.json", interval_s=INTERVAL_S))
    assert result.wrong == ()
    assert result.sessions_found == result.sessions_expected == SESSIONS
    assert result.readings_stored == result.readings_published
    assert result.readings_double == 0
