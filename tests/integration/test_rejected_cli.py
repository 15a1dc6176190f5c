"""Rejected messages from the command line: seen, counted, exported without loss, and taken up again once."""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import sys
import threading
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from solarrally import cli as program
from solarrally.domain.bucket import bucket_start
from solarrally.ingest.ports import KEPT_PAYLOAD_BYTES
from solarrally.storage.connections import connect
from solarrally.storage.leadership import try_lead
from solarrally.storage.rejected import Parking, Selection, newest, park, prune
from solarrally.storage.rollups import mark_due

NOON = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
TOPIC = "evse/CP-1/telemetry"
BINARY = bytes(range(256))
TRICKY = '{"power_w": "7,2 \\"kW\\"", "note": "línea\nnueva"}'.encode()


@dataclass(slots=True, frozen=True)
class Result:
    """What a command said and how it ended."""

    returncode: int
    stdout: str
    stderr: str


Cli = Callable[..., Result]


@pytest.fixture
def cli(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """`solarrally` as somebody types it, on this test's database; in a thread, since it runs a loop."""
    for name in [name for name in os.environ if name.startswith("SOLARRALLY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)  # no .env here

    def run(*words: str, **settings: str) -> Result:
        said, complained, codes = io.StringIO(), io.StringIO(), list[int]()

        def main() -> None:
            try:
                program.main()
            except SystemExit as end:
                codes.append(end.code if isinstance(end.code, int) else 0)

        with (
            monkeypatch.context() as patched,
            redirect_stdout(said),
            redirect_stderr(complained),
        ):
            patched.setattr(sys, "argv", ["solarrally", *words])
            for name, value in {"SOLARRALLY_DATABASE_URL": database_url, **settings}.items():
                patched.setenv(name, value)
            thread = threading.Thread(target=main)
            thread.start()
            thread.join(60)
        return Result(codes[0], said.getvalue(), complained.getvalue())

    return run


async def reject(
    connection: asyncpg.Connection, payload: bytes = b"{", /, *, minute: int = 0, **values: Any
) -> int:
    """A rejected message, kept as ingestion keeps it; its id."""
    row = {
        "received_at": NOON + timedelta(minutes=minute),
        "topic": TOPIC,
        "reason": "malformed_json",
        "field": None,
        "detail": "input data was truncated",
        "payload": payload[:KEPT_PAYLOAD_BYTES],
        "payload_size_bytes": len(payload),
    } | values
    places = ", ".join(f"${n}" for n in range(1, len(row) + 1))
    return await connection.fetchval(
        f"INSERT INTO rejected_message ({', '.join(row)}) VALUES ({places}) RETURNING id", *row.values()
    )


async def parked(connection: asyncpg.Connection) -> list[tuple[Any, ...]]:
    rows = await connection.fetch(
        "SELECT evse_uid, received_at, topic, payload, qos, retained, redelivered FROM parked_message"
        " ORDER BY id"
    )
    return [tuple(row) for row in rows]


async def left(connection: asyncpg.Connection) -> list[int]:
    return [row["id"] for row in await connection.fetch("SELECT id FROM rejected_message ORDER BY id")]


# -- looking --------------------------------------------------------------------------------------------


async def test_the_list_is_newest_first_and_can_be_narrowed(connection: asyncpg.Connection, cli: Cli) -> None:
    first = await reject(connection)
    await reject(connection, minute=1, reason="unknown_topic", topic="evse/CP-12/strange")
    third = await reject(connection, minute=2)

    def ids(*options: str) -> list[int]:
        result = cli("rejected", "list", "--json", *options)
        assert result.returncode == 0, result.stderr
        return [message["id"] for message in json.loads(result.stdout)]

    assert ids() == [third, first + 1, first]
    assert ids("--station", "CP-1") == [third, first]  # and not CP-12
    assert ids("--topic", "evse/CP-12/") == [first + 1]
    assert ids("--reason", "unknown_topic") == [first + 1]
    assert ids("--since", "2026-03-09T12:01Z", "--until", "2026-03-09T12:02Z") == [first + 1]
    assert ids("--since", "2h") == []
    assert ids("--limit", "1") == [third]


async def test_the_list_is_a_table_for_people(connection: asyncpg.Connection, cli: Cli) -> None:
    await reject(connection, reason="invalid_field", field="power_w", detail="[not] a number")

    result = cli("rejected", "list")

    for word in ("2026-03-09 12:00:00", TOPIC, "invalid_field", "power_w", "[not] a number"):
        assert word in result.stdout


async def test_a_message_is_shown_with_what_to_do_about_it(connection: asyncpg.Connection, cli: Cli) -> None:
    readable = await reject(connection, b'{"power_w":"x"}', reason="invalid_field", field="power_w")
    binary = await reject(connection, BINARY)
    cut = await reject(connection, b"[" * (KEPT_PAYLOAD_BYTES + 5))

    assert '  "power_w": "x"' in cli("rejected", "show", str(readable)).stdout
    assert "Correct the device" in cli("rejected", "show", str(readable)).stdout
    assert "40 41 42" in cli("rejected", "show", str(binary)).stdout
    assert f"the first {KEPT_PAYLOAD_BYTES} are kept" in cli("rejected", "show", str(cut)).stdout
    assert json.loads(cli("rejected", "show", str(readable), "--json").stdout)["field"] == "power_w"


async def test_a_message_that_is_not_there_is_said_in_one_line(cli: Cli) -> None:
    result = cli("rejected", "show", "7")

    assert result.returncode == 1
    assert "no rejected message 7" in result.stderr
    assert "Traceback" not in result.stderr


async def test_the_summary_counts_by_reason_and_topic(connection: asyncpg.Connection, cli: Cli) -> None:
    for minute in range(3):
        await reject(connection, minute=minute)
    await reject(connection, reason="unknown_topic", topic="evse/CP-1/strange")

    tallies = json.loads(cli("rejected", "summary", "--json").stdout)

    assert [(one["reason"], one["count"]) for one in tallies] == [("malformed_json", 3), ("unknown_topic", 1)]
    assert tallies[0]["last_received_at"] == "2026-03-09T12:02:00+00:00"


@pytest.mark.parametrize(
    "wrong",
    [
        ["list", "--since", "yesterday"],
        ["list", "--since", "99999999999d"],
        ["list", "--since", "0001-01-01T00:00+14:00"],
        ["list", "--limit", "0"],
        ["show", "9223372036854775808"],
        ["reingest", "9223372036854775808"],
        ["reingest"],
    ],
)
async def test_a_wrong_option_is_said_and_exits_2(cli: Cli, wrong: list[str]) -> None:
    result = cli("rejected", *wrong)

    assert result.returncode == 2
    assert "Traceback" not in result.stderr


# -- keeping --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", [BINARY, TRICKY, b"", "\ufeff{}".encode(), b"a\r\nb", b"\x1b[31m"])
async def test_an_export_loses_no_byte(
    connection: asyncpg.Connection, cli: Cli, tmp_path: Path, payload: bytes
) -> None:
    await reject(connection, payload, detail='said "no"')

    for file_format in ("ndjson", "csv"):
        assert cli("rejected", "export", "out", "--format", file_format).returncode == 0
        text = (tmp_path / "out").read_bytes().decode()
        lines = text.splitlines() if file_format == "ndjson" else []
        fields = json.loads(lines[0]) if lines else next(csv.DictReader(io.StringIO(text, newline="")))
        said = fields["payload"] or ""
        assert (base64.b64decode(fields["payload_base64"] or "") or said.encode()) == payload
        assert (fields["topic"], fields["detail"]) == (TOPIC, 'said "no"')


async def test_an_export_goes_to_standard_output_too(connection: asyncpg.Connection, cli: Cli) -> None:
    await reject(connection, minute=0)
    await reject(connection, minute=1)

    result = cli("rejected", "export", "-")

    assert [json.loads(line)["received_at"][14:16] for line in result.stdout.splitlines()] == ["00", "01"]


async def test_a_file_that_cannot_be_written_is_said_in_one_line(cli: Cli) -> None:
    result = cli("rejected", "export", "no/such/folder/out")

    assert result.returncode == 1
    assert "no/such/folder/out" in result.stderr
    assert "Traceback" not in result.stderr


# -- trying again ---------------------------------------------------------------------------------------


async def test_reingesting_moves_messages_to_the_ingestor_in_order(
    connection: asyncpg.Connection, cli: Cli
) -> None:
    first = await reject(connection, b'{"a":1}', reason="unknown_station")
    other = await reject(connection, b'{"b":2}', minute=1)
    await reject(connection, BINARY, minute=2, reason="unknown_station", topic="evse/CP-2/status")

    result = cli("rejected", "reingest", "--reason", "unknown_station")

    assert result.returncode == 0, result.stderr
    assert "2 messages handed to the ingestor" in result.stderr
    assert await parked(connection) == [
        ("CP-1", NOON, TOPIC, b'{"a":1}', 1, False, True),
        ("CP-2", NOON + timedelta(minutes=2), "evse/CP-2/status", BINARY, 1, False, True),
    ]
    assert await left(connection) == [other]
    again = cli("rejected", "reingest", str(first))
    assert again.returncode == 1
    assert f"message {first}: there is no such message" in again.stderr
    assert len(await parked(connection)) == 2


async def test_a_message_that_somebody_else_took_up_meanwhile_is_passed_over(
    connection: asyncpg.Connection,
) -> None:
    for minute in range(2):
        await reject(connection, minute=minute)
    messages = await newest(connection, Selection(), 10)
    await connection.execute("DELETE FROM rejected_message WHERE id = $1", messages[0].id)

    async with connection.transaction():
        parkings = [Parking(evse_uid="CP-1", message=message) for message in messages]
        assert await park(connection, parkings, only_held=True) == 1

    assert [row[1] for row in await parked(connection)] == [messages[1].received_at]


async def test_a_dry_run_changes_nothing(connection: asyncpg.Connection, cli: Cli) -> None:
    message_id = await reject(connection)

    result = cli("rejected", "reingest", "--all", "--dry-run")

    assert result.returncode == 0
    assert "1 messages would be handed" in result.stderr
    assert await parked(connection) == []
    assert await left(connection) == [message_id]


async def test_what_cannot_be_handed_over_stays_and_is_named(
    connection: asyncpg.Connection, cli: Cli
) -> None:
    cut = await reject(connection, b"[" * (KEPT_PAYLOAD_BYTES + 5))
    nowhere = await reject(connection, topic="other/CP-1/telemetry", reason="unknown_topic")
    await reject(connection, b"{}")

    result = cli("rejected", "reingest", "--all")

    assert result.returncode == 1
    assert f"message {cut}: only {KEPT_PAYLOAD_BYTES} of its {KEPT_PAYLOAD_BYTES + 5} bytes" in result.stderr
    assert f"message {nowhere}: other/CP-1/telemetry" in result.stderr
    assert await left(connection) == [cut, nowhere]
    assert [row[3] for row in await parked(connection)] == [b"{}"]


@pytest.mark.parametrize("payload", [BINARY, TRICKY])
async def test_an_export_can_be_corrected_and_taken_up(
    connection: asyncpg.Connection, cli: Cli, tmp_path: Path, payload: bytes
) -> None:
    await reject(connection, payload)
    await reject(connection, b'{"power_w": "7"}', minute=1)
    cli("rejected", "export", "out")
    file = tmp_path / "out"
    file.write_text(file.read_text().replace('\\"power_w\\": \\"7\\"', '\\"power_w\\": 7'))

    result = cli("rejected", "reingest", "--from", "out")

    assert result.returncode == 0, result.stderr
    assert [row[3] for row in await parked(connection)] == [payload, b'{"power_w": 7}']
    assert await left(connection) == []


async def test_a_file_of_another_database_takes_nothing_out_of_this_one(
    connection: asyncpg.Connection, cli: Cli
) -> None:
    await reject(connection, b"{}")
    cli("rejected", "export", "out")
    await connection.execute("UPDATE rejected_message SET received_at = received_at + interval '1 s'")

    assert cli("rejected", "reingest", "--from", "out").returncode == 0

    assert len(await left(connection)) == len(await parked(connection)) == 1


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "[" * 100_000,
        '{"topic": "evse/CP-1/telemetry", "payload": "x"}',
        '{"topic": "t", "received_at": "2026-03-09T12:00:00", "payload": "x"}',
        '{"topic": "t", "received_at": "2026-03-09T12:00:00Z", "payload_base64": "?"}',
        '{"topic": "t", "received_at": "2026-03-09T12:00:00Z"}',
    ],
)
async def test_an_unreadable_file_is_refused_whole_with_the_line(
    connection: asyncpg.Connection, cli: Cli, tmp_path: Path, line: str
) -> None:
    good = {"topic": TOPIC, "received_at": NOON.isoformat(), "payload": "{}"}
    (tmp_path / "in").write_text(json.dumps(good) + "\n" + line + "\n")
    await reject(connection)

    result = cli("rejected", "reingest", "--from", "in")

    assert result.returncode == 1
    assert "line 2" in result.stderr
    assert await parked(connection) == []


async def test_a_message_cut_short_stays_so_in_an_export(connection: asyncpg.Connection, cli: Cli) -> None:
    await reject(connection, b"[" * (KEPT_PAYLOAD_BYTES + 5))
    cli("rejected", "export", "out")

    result = cli("rejected", "reingest", "--from", "out")

    assert result.returncode == 1
    assert f"only {KEPT_PAYLOAD_BYTES} of its {KEPT_PAYLOAD_BYTES + 5} bytes" in result.stderr
    assert await parked(connection) == []


async def test_an_empty_file_takes_up_nothing(
    connection: asyncpg.Connection, cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "in").write_text("")
    await reject(connection)

    assert cli("rejected", "reingest", "--from", "in").returncode == 0

    assert await parked(connection) == []
    assert len(await left(connection)) == 1


async def test_the_store_is_bounded_by_number_and_by_bytes(connection: asyncpg.Connection) -> None:
    ids = [await reject(connection, os.urandom(1000)) for _ in range(10)]

    assert await prune(connection, keep_count=8, keep_bytes=10**9) == 2
    assert await prune(connection, keep_count=8, keep_bytes=3500) == 5
    assert await prune(connection, keep_count=8, keep_bytes=3500) == 0

    assert await left(connection) == ids[-3:]


# -- maintain -------------------------------------------------------------------------------------------


async def store_old_reading(connection: asyncpg.Connection) -> None:
    """One that is beyond every horizon, by its time and by its receipt, with its mark."""
    await connection.execute("INSERT INTO site (name, timezone, currency) VALUES ('Main site', 'UTC', 'JMD')")
    await connection.execute("INSERT INTO evse (evse_uid, site_id) VALUES ('CP-1', 1)")
    ts = datetime(2022, 8, 11, 23, 33, tzinfo=UTC)
    await connection.execute(
        "INSERT INTO reading (ts, received_at, evse_id, connector_id, digest, quality, power_w)"
        " VALUES ($1, $1, 1, 1, 1, 0, 7200)",
        ts,
    )
    await mark_due(connection, [1], [1], [bucket_start(ts)])


async def test_maintain_does_what_the_dry_run_said(connection: asyncpg.Connection, cli: Cli) -> None:
    await store_old_reading(connection)

    said = cli("maintain", "--dry-run", SOLARRALLY_PARTITION_DAYS_AHEAD="3")
    assert "8 to make" not in said.stdout
    assert "4 to make" in said.stdout
    assert "1 quarters of an hour to compute" in said.stdout
    assert "would drop of older days, received before the oldest day kept: 1 readings" in said.stdout
    assert await connection.fetchval("SELECT count(*) FROM reading") == 1

    done = cli("maintain", SOLARRALLY_PARTITION_DAYS_AHEAD="3")
    assert done.returncode == 0, done.stderr
    assert "4 made" in done.stdout
    assert "1 quarters of an hour computed" in done.stdout
    assert "dropped of older days, received before the oldest day kept: 1 readings" in done.stdout
    assert await connection.fetchval("SELECT count(*) FROM reading") == 0
    assert await connection.fetchval("SELECT power_avg_w FROM reading_daily") == 7200.0


async def test_maintain_leaves_rollups_and_retention_to_a_running_ingestor(
    connection: asyncpg.Connection, cli: Cli, database_url: str
) -> None:
    await store_old_reading(connection)
    ingestor = await connect(database_url, application_name="ingestor")
    try:
        assert await try_lead(ingestor)
        done = cli("maintain")
    finally:
        await ingestor.close()

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("left to the running ingestor") == 2
    assert await connection.fetchval("SELECT count(*) FROM rollup_due") == 1
    assert await connection.fetchval("SELECT count(*) FROM reading") == 1


async def test_maintain_can_compute_rollups_again(connection: asyncpg.Connection, cli: Cli) -> None:
    await store_old_reading(connection)
    cli("maintain", SOLARRALLY_RAW_KEEP_DAYS="0")
    await connection.execute("UPDATE reading_15min SET power_avg_w = 1")

    cli("maintain", "--recompute-since", "2022-08-01", SOLARRALLY_RAW_KEEP_DAYS="0")

    assert await connection.fetchval("SELECT power_avg_w FROM reading_15min") == 7200.0


async def test_maintain_without_a_database_says_so_in_one_line(cli: Cli) -> None:
    result = cli("maintain", SOLARRALLY_DATABASE_URL="postgresql://u:p@127.0.0.1:1/none")

    assert result.returncode == 1
    assert "SOLARRALLY_DATABASE_URL" in result.stderr
    assert "Traceback" not in result.stderr
