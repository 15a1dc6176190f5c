"""Exports and imports from the command line: whole files or none, and exit codes that say which."""

from __future__ import annotations

import csv
import gzip
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pyarrow.parquet
import pytest

from tests.support.offline_logs import epfl_messages, ingest, logs_of, prepare

STATION = "epfl-ccs1"


def solarrally(dsn: str, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command as somebody types it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SOLARRALLY_")}
    return subprocess.run(
        [sys.executable, "-m", "solarrally", *words],
        env={**environment, "SOLARRALLY_DATABASE_URL": dsn},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
async def station_log(database_url: str) -> bytes:
    """What a station kept; it is registered and has said nothing yet."""
    logs = logs_of(epfl_messages(6))
    await prepare(database_url, logs)
    return logs[STATION]


async def test_a_log_goes_in_and_its_readings_come_out(
    database_url: str, station_log: bytes, tmp_path: Path, connection: asyncpg.Connection
) -> None:
    (tmp_path / "card.log").write_bytes(station_log)
    (tmp_path / "card.log.gz").write_bytes(gzip.compress(station_log))
    count = station_log.count(b"\n")

    first = solarrally(database_url, tmp_path, "import", "card.log", "--evse", STATION)
    again = solarrally(database_url, tmp_path, "import", "card.log.gz", "--evse", STATION)
    await ingest(database_url)
    waited = solarrally(database_url, tmp_path, "import", "card.log", "--evse", STATION, "--wait")
    exports = {
        name: solarrally(
            database_url, tmp_path, "export", "readings", "--format", name, "-o", f"out.{name}",
            "--evse", STATION,
        )
        for name in ("csv", "ndjson", "parquet")
    }  # fmt: skip

    assert (first.returncode, again.returncode, waited.returncode) == (0, 0, 0), first.stderr
    assert f"{count:,} lines handed to the ingestor" in first.stderr
    assert "imported before" in again.stderr
    assert f"{count:,} readings stored" in waited.stderr
    assert [(one.returncode, one.stdout) for one in exports.values()] == [(0, "")] * 3
    with (tmp_path / "out.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == count
    lines = (tmp_path / "out.ndjson").read_text().splitlines()
    assert {json.loads(line)["evse_uid"] for line in lines} == {STATION}
    assert len(lines) == count
    assert pyarrow.parquet.read_table(tmp_path / "out.parquet").num_rows == count
    assert sorted(os.listdir(tmp_path)) == [
        "card.log", "card.log.gz", "out.csv", "out.ndjson", "out.parquet",
    ]  # fmt: skip
    actors = await connection.fetch("SELECT actor_name FROM audit_log WHERE action = 'import.create'")
    assert [row["actor_name"] for row in actors] == ["cli"]


def test_lines_that_cannot_be_used_are_named(database_url: str, station_log: bytes, tmp_path: Path) -> None:
    (tmp_path / "card.log").write_bytes(station_log + b'{"power_w":1}\nbroken\n')
    result = solarrally(database_url, tmp_path, "import", "card.log", "--evse", STATION)

    count = station_log.count(b"\n")
    assert result.returncode == 1
    assert f"line {count + 1}: no_timestamp: timestamp:" in result.stderr
    assert f"line {count + 2}: malformed_json:" in result.stderr
    assert f"{count:,} lines handed" in result.stderr


@pytest.mark.parametrize(
    ("content", "words", "complaint"),
    [
        (b"x", ["--evse", "nobody"], "no such station"),
        (b"", ["--evse", STATION], "has no lines"),
        (b"[]\n", ["--evse", STATION], "array"),
        (b'{"power_w":1}\n', ["--evse", STATION], "no line of the file can be used"),
        (gzip.compress(b"x" * 10_000)[:-9], ["--evse", STATION], "card.log"),
    ],
    # Names of our own: gzip puts the time into its bytes, and every worker must collect the same tests.
    ids=["an unknown station", "an empty file", "an array", "no timestamp", "gzip cut short"],
)
def test_what_cannot_be_imported_fails(
    database_url: str, station_log: bytes, tmp_path: Path, content: bytes, words: list[str], complaint: str
) -> None:
    (tmp_path / "card.log").write_bytes(content)
    result = solarrally(database_url, tmp_path, "import", "card.log", *words)

    assert result.returncode == 1
    assert complaint in result.stderr
    assert "Traceback" not in result.stderr


def test_a_failed_export_leaves_nothing_behind(tmp_path: Path) -> None:
    result = solarrally(
        "postgresql://nobody@127.0.0.1:1/none", tmp_path, "export", "sessions", "-o", "out.csv"
    )

    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_export_into_a_folder_that_is_not_there_says_so(
    database_url: str, station_log: bytes, tmp_path: Path
) -> None:
    result = solarrally(database_url, tmp_path, "export", "sessions", "-o", "nowhere/out.csv")

    assert result.returncode == 1
    assert "No such file" in result.stderr


def test_sessions_go_to_the_standard_output_too(
    database_url: str, station_log: bytes, tmp_path: Path
) -> None:
    result = solarrally(
        database_url, tmp_path, "export", "sessions", "-o", "-", "--date-from",
        f"{datetime.now(UTC):%Y-%m-%d}",
    )  # fmt: skip

    assert result.returncode == 0
    assert result.stdout.startswith("id,evse_uid,connector_id,")
