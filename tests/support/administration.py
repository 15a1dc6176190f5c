"""One connection to a PostgreSQL server for all that a run of tests makes and drops there.

A connection costs 10 ms of processor time, client and server together, and a test would take two.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg

from solarrally.storage.connections import connect

_running: Final[dict[str, Administration]] = {}


@contextmanager
def administration_of(dsn: str) -> Iterator[None]:
    """While the block runs, `execute` on that server uses one connection."""
    _running[dsn] = Administration(dsn)
    try:
        yield
    finally:
        _running.pop(dsn).close()


def execute(dsn: str, statement: str) -> None:
    """One statement outside of a transaction; blocks. Raises `KeyError` outside of `administration_of`."""
    _running[dsn].execute(statement)


class Administration:
    """A connection with a loop of its own, for callers that have none."""

    def __init__(self, dsn: str) -> None:
        """Connects with the first statement."""
        self._dsn = dsn
        self._loop = asyncio.new_event_loop()
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    def execute(self, statement: str) -> None:
        """One statement; blocks."""
        self._loop.run_until_complete(self._execute(statement))

    def close(self) -> None:
        """Blocks until the server has said goodbye."""
        if self._connection is not None:
            self._loop.run_until_complete(self._connection.close())
        self._loop.close()

    async def _execute(self, statement: str) -> None:
        if self._connection is None or self._connection.is_closed():
            self._connection = await connect(self._dsn, application_name="test-databases")
        await self._connection.execute(statement)
