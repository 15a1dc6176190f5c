"""A transaction that begins when it must, and sends what nobody waits for together.

Most batches only write: a reading or a few, the rows derived of them, a notice. As one statement that is one
round trip to the server instead of six, and PostgreSQL makes it a transaction by itself. Under light load
those round trips are most of what a message costs, on both sides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import asyncpg
from asyncpg.exceptions import UniqueViolationError
from asyncpg.transaction import Transaction

from solarrally.errors import StoreConflict

_PARAMETER = re.compile(r"\$(\d+)")


class LazyTransaction:
    """On one connection; end it with `commit` or `roll_back`."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        self._connection = connection
        self._transaction: Transaction | None = None
        self._waiting: list[tuple[str, tuple[Any, ...]]] = []

    def later(self, statement: str, *values: Any) -> None:
        """Write this in time. Different statements must touch different rows: together they see the same
        state of the database. One that begins with SELECT is the last.
        """
        self._waiting.append((statement, values))

    async def connection(self) -> asyncpg.Connection[asyncpg.Record]:
        """The connection, within the transaction, after everything that waits was written."""
        if self._transaction is None:
            self._transaction = self._connection.transaction()
            await self._transaction.start()
        await self._write_waiting()
        return self._connection

    async def commit(self) -> None:
        """`StoreConflict` when a reading was there already."""
        await self._write_waiting()
        if self._transaction is not None:
            await self._transaction.commit()

    async def roll_back(self) -> None:
        """Nothing of it was written."""
        self._waiting.clear()
        if self._transaction is not None and not self._connection.is_closed():
            await self._transaction.rollback()

    async def _write_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        statements = tuple(statement for statement, _ in waiting)
        try:
            if len(set(statements)) == len(statements):
                await self._write_together(statements, [values for _, values in waiting])
                return
            if self._transaction is None:
                self._transaction = self._connection.transaction()
                await self._transaction.start()
            for statement, values in waiting:
                await self._connection.execute(statement, *values)
        except UniqueViolationError as error:
            if (error.table_name or "").startswith("reading"):
                raise StoreConflict(str(error)) from error
            raise

    async def _write_together(self, statements: tuple[str, ...], values: Sequence[tuple[Any, ...]]) -> None:
        if statements:
            counts = tuple(map(len, values))
            await self._connection.execute(_together(statements, counts), *chain.from_iterable(values))


@lru_cache(maxsize=64)
def _together(statements: tuple[str, ...], counts: tuple[int, ...]) -> str:
    """One statement that does all of these; `counts` are the numbers of their parameters."""
    renumbered = []
    offset = 0
    for statement, count in zip(statements, counts, strict=True):
        renumbered.append(_renumbered(statement, offset))
        offset += count
    *first, last = renumbered
    if not first:
        return last
    if not last.startswith("SELECT"):
        first, last = renumbered, "SELECT"
    parts = ", ".join(f"part_{number} AS ({statement})" for number, statement in enumerate(first))
    return f"WITH {parts} {last}"


def _renumbered(statement: str, offset: int) -> str:
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + offset}", statement)
