"""A transaction for one change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from solarrally.errors import SolarRallyError
from solarrally.storage.queries.connecting import connected


class EditConflict(SolarRallyError):
    """The object cannot be made, changed or removed as things are; `field` says what is in the way."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@asynccontextmanager
async def editing(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection whose work is committed at the end of the block, and undone by an exception.

    Raises `StoreUnavailable` when the database cannot be reached.
    """
    async with connected(engine) as connection:
        yield connection
        await connection.commit()
