"""A PostgreSQL server for the whole run, and a fresh, migrated database for each test that asks for one."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from pwdlib.hashers.argon2 import Argon2Hasher

from solarrally.embedded.postgres import EmbeddedPostgres
from solarrally.storage.connections import connect
from solarrally.storage.migrate import migrate
from tests.support.administration import administration_of, execute

# Bytecode is kept, whatever the shell says: else every worker compiles all tests, and every program that they
# start compiles all of ours.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

THROW_AWAY = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"}
"""Nobody needs the data of a test after a crash, and without them a database is made in 30 ms."""

SHARED_MEMORY = Path("/dev/shm")
ROOM_BYTES = 2 * 2**30
"""More than all the databases of a run take at a time."""

_numbers = count(1)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep thousands of tests and modules, which live as long as the process, from the garbage collector.

    It would look at half a million objects again and again: a tenth of the time of collecting alone.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a server, as a role that may create databases.

    SOLARRALLY_TEST_DATABASE_URL names one to use; without it an embedded one runs for as long as the tests.
    """
    given = os.environ.get("SOLARRALLY_TEST_DATABASE_URL")
    if given:
        with administration_of(given):
            yield given
        return
    with tempfile.TemporaryDirectory(prefix="solarrally-tests-", dir=_folder_in_memory()) as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres", settings=THROW_AWAY)
        server.start()
        try:
            with administration_of(server.superuser_dsn):
                yield server.superuser_dsn
        finally:
            server.stop()


@pytest.fixture(scope="session")
def migrated_template(postgres: str) -> Iterator[str]:
    """The name of a migrated database, to be copied: that is faster than to migrate again."""
    with new_database(postgres, template="template0") as dsn:
        asyncio.run(migrate(dsn))
        yield _name_of(dsn)


@pytest.fixture
def database_url(postgres: str, migrated_template: str) -> Iterator[str]:
    """A database of this test's own, at the newest revision and without rows; dropped after it."""
    with new_database(postgres, migrated_template) as dsn:
        yield dsn


@pytest.fixture
def empty_database_url(postgres: str) -> Iterator[str]:
    """A database of this test's own without any schema; dropped after it."""
    with new_database(postgres, template="template0") as dsn:
        yield dsn


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """One connection to `database_url`."""
    opened = await connect(database_url, application_name="test")
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2 with next to no work; what it costs elsewhere is held by tests/unit/test_passwords.py."""
    cheap = partial(Argon2Hasher, time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr("solarrally.storage.passwords.Argon2Hasher", cheap)


@contextmanager
def new_database(server_dsn: str, template: str) -> Iterator[str]:
    name = f"solarrally_test_{os.getpid()}_{next(_numbers)}"
    execute(server_dsn, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    try:
        yield urlsplit(server_dsn)._replace(path=f"/{name}").geturl()
    finally:
        execute(server_dsn, f"DROP DATABASE {name} WITH (FORCE)")


def _folder_in_memory() -> Path | None:
    """Where a database is made four times as fast as on a disk; None where there is no such place."""
    has_room = SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).free > ROOM_BYTES
    return SHARED_MEMORY if has_room and os.access(SHARED_MEMORY, os.W_OK) else None


def _name_of(dsn: str) -> str:
    return urlsplit(dsn).path.removeprefix("/")
