"""A connection for a question, and what its failures mean to those who ask."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from solarrally.errors import StoreUnavailable

CONNECTION_FAILURES: Final = (
    OSError,  # refused, reset, unreachable; TimeoutError too
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # "cannot switch to state 12": what asyncpg says when the postmaster dies
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutting down, starting up, terminated, statement timeout
    asyncpg.InsufficientResourcesError,  # too many connections, out of memory
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,  # no such database (yet)
    PoolTimeoutError,
    InterfaceError,
    OperationalError,
)


class AnswerTooSlow(StoreUnavailable):
    """The database gave up on a question that took longer than its statement timeout."""


@asynccontextmanager
async def connected(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection, whose infrastructure failures are raised as `StoreUnavailable`; of them a question that
    takes too long as `AnswerTooSlow`.
    """
    try:
        async with engine.connect() as connection:
            yield connection
    except CONNECTION_FAILURES as error:
        raise StoreUnavailable(f"{type(error).__name__}: {error}") from error
    except DBAPIError as error:
        if isinstance(_driver_error(error), asyncpg.QueryCanceledError):
            raise AnswerTooSlow(str(error.orig)) from error
        if error.connection_invalidated or isinstance(_driver_error(error), CONNECTION_FAILURES):
            raise StoreUnavailable(f"{type(error).__name__}: {error.orig}") from error
        raise


def _driver_error(error: DBAPIError) -> BaseException | None:
    """What asyncpg raised, below SQLAlchemy's adapter."""
    return None if error.orig is None else error.orig.__cause__
