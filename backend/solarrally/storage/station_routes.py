"""The stations that publish under a base topic of their own."""

from __future__ import annotations

import asyncpg

from solarrally.domain.fleet import StationRoute


async def load_routes(connection: asyncpg.Connection[asyncpg.Record]) -> list[StationRoute]:
    """All of them, by base topic."""
    records = await connection.fetch(
        "SELECT evse_uid, dialect, base_topic FROM evse WHERE base_topic IS NOT NULL ORDER BY base_topic"
    )
    return [StationRoute(record["evse_uid"], record["dialect"], record["base_topic"]) for record in records]
