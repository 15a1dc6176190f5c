"""What the fault tests share: a broker, a database with a site, and a server that may be killed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from solarrally.database_wiring import migrate_and_seed
from solarrally.embedded.broker_process import BrokerProcess
from solarrally.embedded.ports import any_free_port
from solarrally.embedded.postgres import EmbeddedPostgres
from solarrally.embedded.temporary import FAST_AND_FORGETFUL, temporary_dir
from tests.builders import make_settings
from tests.support.brokers import running_broker
from tests.support.fault_fixtures import run, shared_server  # noqa: F401  fixtures of every test here


@pytest.fixture
def broker() -> Iterator[BrokerProcess]:
    """A Mosquitto of this test's own."""
    with running_broker("mosquitto") as running:
        yield running


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of this test's own, migrated and with its site, that may be stopped and killed."""
    with seeded_server() as running:
        yield running


@contextmanager
def seeded_server() -> Iterator[EmbeddedPostgres]:
    """On a port of its own, so that it comes back where it was."""
    with temporary_dir() as folder:
        running = EmbeddedPostgres(folder / "database", port=any_free_port(), settings=FAST_AND_FORGETFUL)
        running.start()
        try:
            settings = make_settings(database_url=running.dsn)
            asyncio.run(migrate_and_seed(settings))
            yield running
        finally:
            running.stop()
