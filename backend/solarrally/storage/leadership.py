"""One ingestor at a time: a lock that lives and dies with the connection that writes.

The lock belongs to the very connection that every batch is written over, so whoever has lost it cannot write:
there is no moment at which two ingestors fold the same station.

Terms of office are counted: whoever gets the lock back after a lost connection sees in the count whether
another has led in between, and written what it does not know of.
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


async def begin_term(connection: asyncpg.Connection[asyncpg.Record]) -> int:
    """The number of the term that begins now. The connection holds the lock of the one ingestor."""
    return int(
        await connection.fetchval(
            "INSERT INTO ingest_lead DEFAULT VALUES "
            "ON CONFLICT (is_only_row) DO UPDATE SET term = ingest_lead.term + 1 RETURNING term"
        )
    )


async def present_term(connection: asyncpg.Connection[asyncpg.Record]) -> int | None:
    """The number of the newest term, whosesoever; None where nobody has led."""
    term: int | None = await connection.fetchval("SELECT term FROM ingest_lead")
    return term
