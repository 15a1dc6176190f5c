"""All 1,878 recorded sessions through broker, ingestor and database.

Undisturbed, killed ten times, and with the database stopped for 10 s: the result must be the file's, and the
same to the last figure each time.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from solarrally.embedded.broker_process import BrokerProcess
from solarrally.embedded.postgres import EmbeddedPostgres
from tests.support.ingestor import IngestorProcess
from tests.support.replayed import Comparison, compare, fingerprint, start_replay

INTERVAL_S = 60.0
RATE = 2500.0
"""Messages/s: the whole file takes about half a minute, so that faults fall into it."""
Disturbance = Callable[[IngestorProcess, EmbeddedPostgres], None]


def undisturbed(ingestor: IngestorProcess, server: EmbeddedPostgres) -> None:
    return


def killed_ten_times(ingestor: IngestorProcess, server: EmbeddedPostgres) -> None:
    """kill -9 at random instants, each time after it has worked for a while."""
    chance = random.Random(2026)
    for _ in range(10):
        time.sleep(chance.uniform(0.3, 2.0))
        ingestor.kill()
        ingestor.start()
        ingestor.wait_connected()


def database_stopped(ingestor: IngestorProcess, server: EmbeddedPostgres) -> None:
    time.sleep(5)
    server.stop()
    time.sleep(10)
    server.start()


def replay(
    broker: BrokerProcess, server: EmbeddedPostgres, folder: Path, disturbance: Disturbance
) -> tuple[Comparison, list[tuple[Any, ...]], dict[str, float]]:
    report = folder / "truth.json"
    with IngestorProcess(
        database_url=server.dsn, mqtt_url=broker.url_for("ingestor"), log_file=folder / "ingestor.log"
    ) as ingestor:
        ingestor.wait_connected()
        publisher = start_replay(
            broker.url_for("fleet"), report, limit=None, interval_s=INTERVAL_S, rate=RATE
        )
        try:
            disturbance(ingestor, server)
            _, errors = publisher.communicate(timeout=300)
        finally:
            publisher.kill()
        assert publisher.returncode == 0, errors.decode()[-2000:]
        drain(ingestor)
        counters = ingestor.counters()
        assert ingestor.stop() == 0
    return (
        asyncio.run(compare(server.dsn, report, interval_s=INTERVAL_S)),
        asyncio.run(fingerprint(server.dsn)),
        counters,
    )


def drain(ingestor: IngestorProcess) -> None:
    """Wait until nothing has come for a while."""
    last, quiet_since = -1.0, time.monotonic()
    while time.monotonic() - quiet_since < 3:
        now = ingestor.counters().get("solarrally_messages_delivered_total", last)
        if now != last:
            last, quiet_since = now, time.monotonic()
        time.sleep(0.1)


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    """The fingerprint of the undisturbed run, for the others to equal."""
    return {}


@pytest.mark.parametrize("disturbance", [undisturbed, killed_ten_times, database_stopped])
def test_the_recorded_sessions_come_out_as_they_are_in_the_file(
    broker: BrokerProcess,
    server: EmbeddedPostgres,
    tmp_path: Path,
    disturbance: Disturbance,
    reference: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    result, sessions, counters = replay(broker, server, tmp_path, disturbance)

    with capsys.disabled():
        fates = {
            name: value for name, value in counters.items() if name.startswith("solarrally_messages_total")
        }
        print(f"\n{disturbance.__name__}: {replace(result, wrong=())}\n  last process: {fates}")  # noqa: T201
    assert result.wrong == ()
    assert result.sessions_found == result.sessions_expected == 1878
    assert result.total_energy_error < 0.001
    assert result.readings_stored == result.readings_published
    assert result.readings_double == 0
    settled = sum(value for name, value in counters.items() if name.startswith("solarrally_messages_total"))
    assert settled == counters["solarrally_messages_delivered_total"]
    assert counters["solarrally_reading_conflicts_unexplained_total"] == 0
    reference.setdefault("sessions", sessions)
    different = [pair for pair in zip(sessions, reference["sessions"], strict=True) if pair[0] != pair[1]]
    assert not different, "\n".join(f"{one}\n{other}" for one, other in different)
