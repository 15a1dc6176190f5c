"""Whether the database answers and has our tables, and whether an ingestor is at work on it."""

from __future__ import annotations

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from solarrally.storage.leadership import ADVISORY_LOCK_INGEST
from solarrally.storage.queries.connecting import connected
from solarrally.storage.tables import app_user

_IS_LED = text(
    "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = 0"
    " AND objid = :lock AND objsubid = 1 AND database = (SELECT oid FROM pg_database"
    " WHERE datname = current_database()))"
)


async def ping(engine: AsyncEngine) -> bool:
    """Whether some ingestor leads. Raises `StoreUnavailable` when the database cannot be reached."""
    async with connected(engine) as connection:
        await connection.execute(select(app_user.c.id).limit(1))
        is_led: bool = (await connection.execute(_IS_LED, {"lock": ADVISORY_LOCK_INGEST})).scalar_one()
    return is_led
