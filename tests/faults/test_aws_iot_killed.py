"""kill -9 of an ingestor that hears its stations through AWS's SDK, at any instant."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from solarrally.embedded.postgres import EmbeddedPostgres
from tests.support.charging_fleet import fleet, in_turn
from tests.support.fault_fixtures import shared_server
from tests.support.fault_harness import FaultRun, fresh_database
from tests.support.ingestor import IngestorProcess
from tests.support.tls_mosquitto import TlsMosquitto, running_tls_mosquitto

__all__ = ["shared_server"]

RATE = 300.0
"""Messages/s: three times what AWS delivers on one connection."""


@pytest.fixture
def aws_kill_count() -> int:
    return 30


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[TlsMosquitto]:
    """With client certificates, and with a plain listener for the fleet."""
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    with running_tls_mosquitto(folder) as server:
        yield server


@pytest.fixture
def aws_run(shared_server: EmbeddedPostgres, mosquitto: TlsMosquitto, tmp_path: Path) -> Iterator[FaultRun]:
    with (
        fresh_database(shared_server) as database_url,
        FaultRun(database_url, mosquitto, tmp_path, shared_server) as started,  # type: ignore[arg-type]
    ):
        yield started


def test_an_ingestor_on_aws_iot_killed_at_random_instants_loses_and_doubles_nothing(
    aws_run: FaultRun, mosquitto: TlsMosquitto, aws_kill_count: int
) -> None:
    chance = random.Random(2026)
    identity = mosquitto.authority.identity("ingestor")
    ingestor = IngestorProcess(
        database_url=aws_run.database_url,
        mqtt_url=None,
        log_file=aws_run.folder / "ingestor.log",
        broker="aws_iot",
        aws_iot_endpoint=f"localhost:{mosquitto.port}",
        mqtt_cert_file=str(identity.cert_file),
        mqtt_key_file=str(identity.key_file),
        mqtt_ca_file=str(identity.ca_file),
    )
    with ingestor:
        ingestor.wait_connected()
        publisher = aws_run.publisher(in_turn(fleet()), rate=RATE)
        for number in range(aws_kill_count):
            if number % 3 == 2:
                time.sleep(chance.uniform(0.0, 1.5))
            else:
                aws_run.wait_until(
                    "it works", lambda: ingestor.counters().get("solarrally_batches_total", 0) > 0
                )
                time.sleep(chance.uniform(0.1, 0.6))
            ingestor.kill()
            ingestor.start()
        ingestor.wait_connected()

        aws_run.prove(publisher.finish(), ingestor)
