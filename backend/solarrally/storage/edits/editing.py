"""A transaction for one change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from solarrally.storage.queries.connecting import connected


@asynccontextmanager
async def editing(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection whose work is committed at the end of the block, and undone by an exception.

    Raises `StoreUnavailable` when the database cannot be reached.
    """
    async with connected(engine) as connection:
        yield connection
        await connection.commit()
