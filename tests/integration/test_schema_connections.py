"""What every connection to PostgreSQL is set up to do, however it was made."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import asyncpg
import pytest
from asyncpg.pool import PoolConnectionProxy
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from solarrally.storage.connections import (
    KEEPALIVE_COUNT,
    KEEPALIVE_IDLE_S,
    KEEPALIVE_INTERVAL_S,
    connect,
    create_pool,
)
from solarrally.storage.engine import create_engine, sqlalchemy_url

SETTINGS = (
    "application_name",
    "TimeZone",
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    opened = await create_pool(
        database_url, max_size=2, application_name="test-pool", statement_timeout_s=1.5
    )
    yield opened
    await opened.close()


async def settings_of(connection: asyncpg.Connection | PoolConnectionProxy) -> list[str]:
    return [await connection.fetchval("SELECT current_setting($1)", name) for name in SETTINGS]


async def test_a_lone_connection_has_its_settings(database_url: str) -> None:
    connection = await connect(
        database_url, application_name="alone", statement_timeout_s=None, lock_timeout_s=0.2
    )
    try:
        assert await settings_of(connection) == ["alone", "UTC", "0", "200ms", "1min"]
    finally:
        await connection.close()


async def test_the_connections_of_a_pool_have_them(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as first, pool.acquire() as second:
        for connection in (first, second):
            assert await settings_of(connection) == ["test-pool", "UTC", "1500ms", "0", "1min"]


async def test_the_connections_of_an_engine_have_them(database_url: str) -> None:
    engine = create_engine(database_url, application_name="test-engine", statement_timeout_s=20)
    try:
        async with engine.connect() as connection:
            answers = [await connection.scalar(text(f"SHOW {name}")) for name in SETTINGS]
    finally:
        await engine.dispose()

    assert answers == ["test-engine", "UTC", "20s", "0", "1min"]


async def test_a_timeout_too_short_for_a_millisecond_is_still_a_timeout(database_url: str) -> None:
    """0 would mean no limit at all."""
    connection = await connect(database_url, lock_timeout_s=0.0001)
    try:
        assert await connection.fetchval("SHOW lock_timeout") == "1ms"
    finally:
        await connection.close()


async def test_a_statement_that_takes_too_long_is_given_up(database_url: str) -> None:
    connection = await connect(database_url, statement_timeout_s=0.1)
    try:
        with pytest.raises(asyncpg.QueryCanceledError):
            await connection.execute("SELECT pg_sleep(5)")
    finally:
        await connection.close()


async def test_a_silent_server_is_noticed(connection: asyncpg.Connection) -> None:
    """The socket itself is asked: `connect` sets it through an attribute that asyncpg could rename."""
    tcp = connection._transport.get_extra_info("socket")  # type: ignore[attr-defined]

    assert tcp.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    if hasattr(socket, "TCP_KEEPIDLE"):
        assert tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == KEEPALIVE_IDLE_S
        assert tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == KEEPALIVE_INTERVAL_S
        assert tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == KEEPALIVE_COUNT


async def test_an_engine_obeys_the_options_of_the_dsn(database_url: str) -> None:
    """SQLAlchemy does not know `sslmode`; a complaint about its value shows that it was handed on."""
    engine = create_engine(f"{database_url}?sslmode=perhaps")
    try:
        with pytest.raises(DBAPIError, match="sslmode` parameter must be one of"):
            await engine.connect().start()
    finally:
        await engine.dispose()


async def test_a_full_engine_says_so_instead_of_waiting_for_ever(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("solarrally.storage.engine.POOL_WAIT_S", 0.1)
    engine = create_engine(database_url, pool_size=1)
    try:
        async with engine.connect(), asyncio.timeout(5):
            with pytest.raises(PoolTimeoutError):
                await engine.connect().start()
    finally:
        await engine.dispose()


def test_the_url_names_the_driver_and_hides_the_password() -> None:
    url = sqlalchemy_url("postgresql://ann:s%40crt@db.example:5433/cars?sslmode=verify-full")

    assert url.drivername == "postgresql+asyncpg"
    assert (url.username, url.password, url.host, url.port, url.database) == (
        "ann", "s@crt", "db.example", 5433, "cars",
    )  # fmt: skip
    assert "s@crt" not in str(url)
    assert "s%40crt" not in str(url)


def test_another_kind_of_database_is_refused() -> None:
    with pytest.raises(ValueError, match="mysql://"):
        sqlalchemy_url("mysql://somewhere/cars")
