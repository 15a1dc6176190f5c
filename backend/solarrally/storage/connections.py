"""Connections to PostgreSQL, one alone or a pool; all of them set up alike, those of `storage.engine` too.

Every connection speaks UTC, says who it is, gives up statements and forgotten transactions after a while, and
notices within half a minute that the server has silently gone.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping

import asyncpg

APPLICATION_NAME = "solarrally"
CONNECT_TIMEOUT_S = 10.0
STATEMENT_TIMEOUT_S = 30.0
IDLE_IN_TRANSACTION_TIMEOUT_S = 60.0
POOL_SIZE = 5

KEEPALIVE_IDLE_S = 10
KEEPALIVE_INTERVAL_S = 5
KEEPALIVE_COUNT = 3
UNACKNOWLEDGED_TIMEOUT_S = 25  # as long as the keepalives take: 10 + 3 * 5


async def connect(
    dsn: str,
    *,
    application_name: str = APPLICATION_NAME,
    statement_timeout_s: float | None = STATEMENT_TIMEOUT_S,
    lock_timeout_s: float | None = None,
    answer_timeout_s: float | None = None,
    server_settings: Mapping[str, str] | None = None,
) -> asyncpg.Connection[asyncpg.Record]:
    """One connection that belongs to the caller, for instance to LISTEN or to hold a lock. None: no limit.

    `answer_timeout_s` is how long a silent server is believed to be at work; `server_settings` add to ours.
    """
    connection = await asyncpg.connect(
        _driver_dsn(dsn),
        timeout=CONNECT_TIMEOUT_S,
        command_timeout=answer_timeout_s,
        server_settings={
            **_server_settings(application_name, statement_timeout_s, lock_timeout_s),
            **(server_settings or {}),
        },
    )
    await _keep_alive(connection)
    return connection


async def create_pool(
    dsn: str,
    *,
    min_size: int = 1,
    max_size: int = POOL_SIZE,
    application_name: str = APPLICATION_NAME,
    statement_timeout_s: float | None = STATEMENT_TIMEOUT_S,
) -> asyncpg.Pool[asyncpg.Record]:
    """An open pool of bare asyncpg connections; the caller closes it. The first connection is made here."""
    return await asyncpg.create_pool(
        _driver_dsn(dsn),
        min_size=min_size,
        max_size=max_size,
        timeout=CONNECT_TIMEOUT_S,
        init=_keep_alive,
        server_settings=_server_settings(application_name, statement_timeout_s, None),
    )


def _driver_dsn(dsn: str) -> str:
    """The DSN as asyncpg wants it, when it was given in SQLAlchemy's spelling."""
    return dsn.replace("postgresql+asyncpg://", "postgresql://", 1)


def _server_settings(
    application_name: str, statement_timeout_s: float | None, lock_timeout_s: float | None
) -> dict[str, str]:
    return {
        "application_name": application_name,
        "timezone": "UTC",
        "statement_timeout": _milliseconds(statement_timeout_s),
        "lock_timeout": _milliseconds(lock_timeout_s),
        "idle_in_transaction_session_timeout": _milliseconds(IDLE_IN_TRANSACTION_TIMEOUT_S),
        "tcp_keepalives_idle": str(KEEPALIVE_IDLE_S),  # the server's own watch over us: it frees our locks
        "tcp_keepalives_interval": str(KEEPALIVE_INTERVAL_S),
        "tcp_keepalives_count": str(KEEPALIVE_COUNT),
    }


def _milliseconds(duration_s: float | None) -> str:
    """The duration as PostgreSQL takes it, where 0 means no limit; a limit never rounds down to none."""
    return "0" if duration_s is None else str(max(1, round(duration_s * 1000)))


async def _keep_alive(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Ask the operating system to notice a peer that is gone without a word.

    asyncpg has no option for it and no public way to its socket, and without it a LISTEN on a dead link waits
    for hours.
    """
    tcp: socket.socket | None = connection._transport.get_extra_info("socket")  # type: ignore[attr-defined]
    if tcp is None or tcp.family not in (socket.AF_INET, socket.AF_INET6):
        return
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", KEEPALIVE_IDLE_S),
        ("TCP_KEEPINTVL", KEEPALIVE_INTERVAL_S),
        ("TCP_KEEPCNT", KEEPALIVE_COUNT),
        ("TCP_USER_TIMEOUT", UNACKNOWLEDGED_TIMEOUT_S * 1000),
    ):
        if hasattr(socket, name):  # macOS and Windows lack some of them
            tcp.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
