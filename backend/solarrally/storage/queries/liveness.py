"""Whether the database answers and has our tables."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from solarrally.storage.queries.connecting import connected
from solarrally.storage.tables import app_user


async def ping(engine: AsyncEngine) -> None:
    """Return when it does. Raises `StoreUnavailable` when it cannot be reached."""
    async with connected(engine) as connection:
        await connection.execute(select(app_user.c.id).limit(1))
