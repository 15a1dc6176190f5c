"""`solarrally stations` as somebody types it, on a test's own database; its folders as devices use them."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from solarrally import database_wiring
from solarrally.cli import app
from solarrally.settings import load_settings
from solarrally.storage.connections import connect

Cli = Callable[..., Result]
Rows = Callable[[str], list[asyncpg.Record]]


def command_line(database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Runs a command in this process, in the folder; errors of ours are raised."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SOLARRALLY_DATABASE_URL", database_url)
    asyncio.run(database_wiring.migrate_and_seed(load_settings()))
    runner = CliRunner()

    def run(*words: str, given: str = "") -> Result:
        result = runner.invoke(app, ["stations", *words], input=given)
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


def try_line(folder: Path) -> list[str]:
    """The command that README.txt says to try, as words for the shell of that folder."""
    return [
        line.strip() for line in (folder / "README.txt").read_text().splitlines() if "mosquitto_pub" in line
    ]


def tried(folder: Path) -> subprocess.CompletedProcess[str]:
    [line] = try_line(folder)
    return subprocess.run(
        ["/bin/sh", "-c", line], cwd=folder, capture_output=True, text=True, timeout=20, check=False
    )
