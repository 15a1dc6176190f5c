"""The command line as somebody types it, in this process; and what it left in the database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import asyncpg
from typer.testing import CliRunner, Result

from solarrally.cli import app
from solarrally.storage.connections import connect

Cli = Callable[..., Result]
Rows = Callable[[str], list[asyncpg.Record]]


def invoking(*verb: str) -> Cli:
    """Runs a command of that verb. Errors are raised (`main` would print them), usage errors are not."""
    runner = CliRunner()

    def run(*words: str, given: str = "") -> Result:
        result = runner.invoke(app, [*verb, *words], input=given)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


def rows_of(database_url: str) -> Rows:
    """What a statement finds."""

    def find(statement: str) -> list[asyncpg.Record]:
        async def fetch() -> list[asyncpg.Record]:
            connection = await connect(database_url, application_name="test")
            try:
                return await connection.fetch(statement)
            finally:
                await connection.close()

        return asyncio.run(fetch())

    return find


def done(result: Result) -> Result:
    assert result.exit_code == 0, result.output
    return result
