"""One ingestor at a time: a lock that lives and dies with the connection that writes.

The lock belongs to the very connection that every batch is written over, so whoever has lost it cannot write:
there is no moment at which two ingestors fold the same station.
"""

from __future__ import annotations

from typing import Final

import asyncpg

ADVISORY_LOCK_INGEST: Final = 0x494E4753  # "INGS"


async def try_lead(
    connection: asyncpg.Connection[asyncpg.Record], shard_lock: tuple[int, int] | None = None
) -> bool:
    """Whether this connection holds the lock now: of the one ingestor, or of a shard. Free again when the
    connection ends.
    """
    if shard_lock is None:
        return bool(await connection.fetchval("SELECT pg_try_advisory_lock($1)", ADVISORY_LOCK_INGEST))
    return bool(await connection.fetchval("SELECT pg_try_advisory_lock($1, $2)", *shard_lock))
