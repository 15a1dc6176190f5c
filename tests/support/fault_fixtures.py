"""Fixtures of the fault tests, for every folder that has some: import them by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from solarrally.embedded.postgres import EmbeddedPostgres
from tests.support.brokers import running_broker
from tests.support.fault_harness import FaultRun, fault_server, fresh_database


@pytest.fixture(scope="module")
def shared_server() -> Iterator[EmbeddedPostgres]:
    """One PostgreSQL for the tests of a module; they may stop and kill it."""
    with fault_server() as server:
        yield server


@pytest.fixture
def run(shared_server: EmbeddedPostgres, tmp_path: Path) -> Iterator[FaultRun]:
    """A run with a fresh database and a Mosquitto of its own."""
    with (
        fresh_database(shared_server) as database_url,
        running_broker("mosquitto") as broker,
        FaultRun(database_url, broker, tmp_path, shared_server) as started,
    ):
        yield started
