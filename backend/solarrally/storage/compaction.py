"""Compaction: the key of a day that is over, built again without the gaps that its growth left.

Stations report in turn, so new keys go everywhere at once and each page of the index splits in the middle: at
the end of the day half of it is empty (70 bytes a reading measured, 37 after this).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final, TypeAlias

import structlog

from solarrally.storage.partitions import day_of_partition

if TYPE_CHECKING:
    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]

log: structlog.stdlib.BoundLogger = structlog.get_logger()

LOOSE_BYTES_PER_ROW: Final = 46
"""Above it a key is worth building again: 36.6 when full, 70 when split in the middle."""

SMALLEST_BYTES: Final = 1_000_000


@dataclass(slots=True, frozen=True, kw_only=True)
class LooseKey:
    """The index of a day's key that is worth building again."""

    index: str
    size_bytes: int


@dataclass(slots=True, frozen=True, kw_only=True)
class CompactedKey:
    """One that was built again."""

    index: str
    before_bytes: int
    after_bytes: int


async def loose_keys(connection: Connection, today: date) -> list[LooseKey]:
    """The keys that `compact` would build again: of days that ended a day ago, so that stragglers are in."""
    loose = []
    for record in await connection.fetch(
        "SELECT c.relname, x.indexrelid::regclass::text AS index, c.reltuples,"
        " pg_relation_size(x.indexrelid) AS size_bytes"
        " FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " JOIN pg_index x ON x.indrelid = c.oid AND x.indisprimary"
        " WHERE i.inhparent = 'reading'::regclass ORDER BY c.relname"
    ):
        day = day_of_partition(record["relname"])
        if day is None or day > today - timedelta(days=2) or record["size_bytes"] < SMALLEST_BYTES:
            continue
        if record["reltuples"] < 0 or record["size_bytes"] > record["reltuples"] * LOOSE_BYTES_PER_ROW:
            loose.append(LooseKey(index=record["index"], size_bytes=record["size_bytes"]))
    return loose


async def compact(connection: Connection, today: date) -> list[CompactedKey]:
    """Build the loose keys again, one by one, while everybody goes on reading and writing.

    It takes about a second per million readings, on a connection without a statement timeout and outside any
    transaction. What an interrupted run left behind is removed first.
    """
    for left in await connection.fetch(
        "SELECT x.indexrelid::regclass::text AS index FROM pg_index x"
        " JOIN pg_inherits i ON i.inhrelid = x.indrelid JOIN pg_class c ON c.oid = x.indexrelid"
        " WHERE i.inhparent = 'reading'::regclass AND NOT x.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$'"
    ):
        await connection.execute(f"DROP INDEX CONCURRENTLY {left['index']}")
    done = []
    for key in await loose_keys(connection, today):
        await connection.execute(f"ALTER INDEX {key.index} SET (fillfactor = 100)")
        await connection.execute(f"REINDEX INDEX CONCURRENTLY {key.index}")
        after_bytes = await connection.fetchval("SELECT pg_relation_size($1::text::regclass)", key.index)
        log.info("key_compacted", index=key.index, before_bytes=key.size_bytes, after_bytes=after_bytes)
        done.append(CompactedKey(index=key.index, before_bytes=key.size_bytes, after_bytes=after_bytes))
    return done
