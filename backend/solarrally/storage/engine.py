"""A SQLAlchemy engine over connections that are set up as all others are."""

from __future__ import annotations

import asyncpg
from sqlalchemy import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from solarrally.storage.connections import APPLICATION_NAME, POOL_SIZE, STATEMENT_TIMEOUT_S, connect

POOL_WAIT_S = 10.0


def sqlalchemy_url(dsn: str) -> URL:
    """The DSN under SQLAlchemy's name for the asyncpg driver, without the options behind its `?`.

    Those (`sslmode`, `sslrootcert`, `target_session_attrs`, ...) are libpq's, which asyncpg understands and
    SQLAlchemy does not: `create_engine` therefore lets asyncpg connect by the DSN itself. Connecting by this
    URL alone would lose them.
    """
    url = make_url(dsn)
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise ValueError(f"not a PostgreSQL address: it begins with {url.drivername}://, not postgresql://")
    return url.set(drivername="postgresql+asyncpg", query={})


def create_engine(
    dsn: str,
    *,
    pool_size: int = POOL_SIZE,
    application_name: str = APPLICATION_NAME,
    statement_timeout_s: float | None = STATEMENT_TIMEOUT_S,
    lock_timeout_s: float | None = None,
) -> AsyncEngine:
    """A SQLAlchemy engine of at most `pool_size` connections, none open yet; the caller disposes of it.

    A request that waits `POOL_WAIT_S` for a free connection gets sqlalchemy.exc.TimeoutError.
    """

    async def open_connection(
        *_url_parts: object, **_url_options: object
    ) -> asyncpg.Connection[asyncpg.Record]:
        return await connect(
            dsn,
            application_name=application_name,
            statement_timeout_s=statement_timeout_s,
            lock_timeout_s=lock_timeout_s,
        )

    return create_async_engine(
        sqlalchemy_url(dsn),
        async_creator=open_connection,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_WAIT_S,
        pool_pre_ping=True,
    )
