"""`solarrally stations` as somebody types it, on a test's own database; its folders as devices use them."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from solarrally import database_wiring
from solarrally.settings import load_settings
from tests.support.command_line import Cli, invoking


def command_line(database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Runs a command in this process, in the folder; errors of ours are raised."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SOLARRALLY_DATABASE_URL", database_url)
    asyncio.run(database_wiring.migrate_and_seed(load_settings()))
    return invoking("stations")


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
