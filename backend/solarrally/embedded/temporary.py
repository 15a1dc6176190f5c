"""Throw-away databases and brokers for tests: made in a folder of their own, removed with everything at the
end.
"""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from solarrally.embedded.broker_process import BrokerProcess
from solarrally.embedded.broker_users import BrokerUser, devices_user, fleet_user, ingestor_user
from solarrally.embedded.errors import BinariesMissing
from solarrally.embedded.mosquitto import Mosquitto
from solarrally.embedded.mosquitto_program import find_mosquitto
from solarrally.embedded.postgres import EmbeddedPostgres
from solarrally.embedded.postgres_home import relocated_directories
from solarrally.embedded.python_broker_process import PythonBrokerProcess

FAST_AND_FORGETFUL = {"fsync": "off", "full_page_writes": "off"}  # survives kill -9, not a power cut


@dataclass(frozen=True, slots=True)
class TemporaryStack:
    """A running database and a running broker with the users `ingestor` and `fleet`."""

    postgres: EmbeddedPostgres
    broker: BrokerProcess


@contextmanager
def temporary_dir() -> Iterator[Path]:
    """A folder, removed at the end together with what PostgreSQL had to put elsewhere."""
    directory = Path(tempfile.mkdtemp(prefix="solarrally-test-"))
    try:
        yield directory
    finally:
        for elsewhere in (*relocated_directories(directory / "database"), directory):
            shutil.rmtree(elsewhere)


@contextmanager
def temporary_postgres(settings: Mapping[str, str] | None = None) -> Iterator[EmbeddedPostgres]:
    """A running server for as long as the block; blocks the caller, needs no event loop."""
    with temporary_dir() as directory:
        server = EmbeddedPostgres(directory / "database", settings=settings or FAST_AND_FORGETFUL)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def temporary_broker(
    users: tuple[BrokerUser, ...] | None = None, *, python: bool = False
) -> Iterator[BrokerProcess]:
    """A running Mosquitto (the Python broker if asked for, or if there is no Mosquitto); blocks, needs no
    loop.
    """
    with temporary_dir() as directory:
        broker = broker_in(directory / "broker", users or default_users(), python=python)
        broker.start()
        try:
            yield broker
        finally:
            broker.stop()


@asynccontextmanager
async def temporary_stack(*, python_broker: bool = False) -> AsyncIterator[TemporaryStack]:
    """A running database and a running broker for as long as the block."""
    with temporary_dir() as directory:
        broker = broker_in(directory / "broker", default_users(), python=python_broker)
        async with EmbeddedPostgres(directory / "database", settings=FAST_AND_FORGETFUL) as postgres, broker:
            yield TemporaryStack(postgres, broker)


def default_users() -> tuple[BrokerUser, ...]:
    """Backend and fleet, with passwords for tests."""
    return (
        ingestor_user("ingestor-password"),
        fleet_user("fleet-password"),
        devices_user("devices-password"),
    )


def broker_in(directory: Path, users: tuple[BrokerUser, ...], *, python: bool) -> BrokerProcess:
    """Mosquitto where there is one, unless the Python broker is asked for."""
    if not python:
        try:
            return Mosquitto(directory, find_mosquitto(), users)
        except BinariesMissing:
            pass  # said by `shortcomings` and `title` of what is returned
    return PythonBrokerProcess(directory, users)
