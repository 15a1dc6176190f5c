"""A transaction for questions that go through many rows: one snapshot, more memory, and an end in time."""

from __future__ import annotations

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

STATEMENT_TIMEOUT_S: Final = 30
WORK_MEMORY_MB: Final = 64
"""A quarter of an hour of each of hundreds of connectors is grouped in memory, not on disk."""


async def begin_report(connection: AsyncConnection) -> None:
    """One snapshot for all statements, and room for large ones; before the first of them."""
    await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
    await connection.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT_S}s'"))
    await connection.execute(text(f"SET LOCAL work_mem = '{WORK_MEMORY_MB}MB'"))
