"""Replaying recorded sessions through broker, ingestor and database, and comparing with the file's truth."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from solarrally.storage.connections import connect

EPFL = Path(__file__).parents[1] / "payloads" / "epfl_l3_sessions.csv"


def start_replay(
    mqtt_url: str,
    report: Path,
    *,
    limit: int | None,
    interval_s: float,
    rate: float | None = None,
    options: Sequence[str] = (),
) -> subprocess.Popen[bytes]:
    """`solarrally-sim replay`, as a process."""
    command = [sys.executable, "-m", "solarrally_sim", "replay", str(EPFL), "--as-fast-as-possible"]
    command += ["--interval-s", str(interval_s), "--report", str(report), *options]
    if limit is not None:
        command += ["--limit", str(limit)]
    if rate is not None:
        command += ["--rate", str(rate)]
    return subprocess.Popen(
        command,
        env={**os.environ, "SOLARRALLY_SIM_BROKER": mqtt_url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


@dataclass(slots=True, frozen=True, kw_only=True)
class Comparison:
    """What came out against what went in."""

    sessions_expected: int
    sessions_found: int
    worst_energy_error: float
    """Largest relative error of a session's energy."""
    total_energy_error: float
    worst_time_error_s: float
    readings_published: int
    readings_stored: int
    readings_double: int
    wrong: tuple[str, ...]
    """Sessions that are missing or not as they should be, each with what is wrong."""


async def compare(database_url: str, report: Path, *, interval_s: float) -> Comparison:
    """Every session of the report against the file and the database, by station and device session id."""
    truth = json.loads(report.read_text())  # noqa: ASYNC240  nothing else runs in this loop
    recorded = recorded_sessions()
    connection = await connect(database_url)
    try:
        rows = await connection.fetch(
            "SELECT e.evse_uid, s.device_session_id, s.started_at, s.ended_at, s.energy_wh, s.status"
            " FROM charging_session s JOIN evse e ON e.id = s.evse_id"
        )
        stored = await connection.fetchval("SELECT count(*) FROM reading")
        double = await connection.fetchval(
            "SELECT count(*) FROM"
            " (SELECT FROM reading GROUP BY evse_id, connector_id, ts HAVING count(*) > 1) AS d"
        )
    finally:
        await connection.close()
    found = {(row["evse_uid"], row["device_session_id"]): row for row in rows}
    wrong, energy_errors, time_errors = [], [0.0], [0.0]
    total = 0.0
    for expected in truth["sessions"]:
        file = recorded[expected["session"]]
        total += file.energy_wh
        row = found.get((expected["evse_uid"], expected["device_session_id"]))
        if row is None:
            wrong.append(f"{expected['device_session_id']}: missing")
            continue
        energy_error = abs(row["energy_wh"] - file.energy_wh) / max(file.energy_wh, 1)
        late_s = [_apart_s(row["started_at"], file.arrived_at), _apart_s(row["ended_at"], file.departed_at)]
        energy_errors.append(energy_error)
        time_errors += late_s
        if energy_error > 0.01:
            wrong.append(f"{expected['device_session_id']}: {row['energy_wh']} Wh, not {file.energy_wh}")
        if max(late_s) > interval_s:
            wrong.append(f"{expected['device_session_id']}: times off by {max(late_s)} s")
        if row["status"] != "COMPLETED":
            wrong.append(f"{expected['device_session_id']}: {row['status']}")
    return Comparison(
        sessions_expected=len(truth["sessions"]),
        sessions_found=len(rows),
        worst_energy_error=max(energy_errors),
        total_energy_error=abs(sum(row["energy_wh"] for row in rows) - total) / total,
        worst_time_error_s=max(time_errors),
        readings_published=truth["totals"]["readings_published"],
        readings_stored=stored,
        readings_double=double,
        wrong=tuple(wrong),
    )


async def fingerprint(database_url: str) -> list[tuple[Any, ...]]:
    """Everything a session and its bills say, in order: equal for two runs that came to the same result."""
    connection = await connect(database_url)
    try:
        rows = await connection.fetch(
            """
            SELECT s.id, e.evse_uid, s.device_session_id, s.started_at, s.ended_at, s.end_reason, s.status,
                   s.energy_wh, s.energy_solar_wh, s.energy_grid_wh, s.energy_unattributed_wh,
                   s.energy_method, s.peak_power_w, s.charging_s, s.reading_count, s.quality, s.cost, (SELECT
                   array_agg(b.kind || b.total ORDER BY b.revision) FROM bill b WHERE b.session_id = s.id)
                   FROM charging_session s JOIN evse e ON e.id = s.evse_id ORDER BY e.evse_uid, s.started_at
            """
        )
    finally:
        await connection.close()
    return [tuple(row) for row in rows]


@dataclass(slots=True, frozen=True)
class RecordedSession:
    """One row of the file."""

    energy_wh: float
    arrived_at: datetime
    departed_at: datetime


def recorded_sessions() -> dict[int, RecordedSession]:
    """The file itself, read without the simulator, by session number."""
    zone = ZoneInfo("Europe/Zurich")

    def instant(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=zone)

    with EPFL.open(newline="") as lines:
        return {
            int(row["Session"]): RecordedSession(
                float(row["Energy (Wh)"]), instant(row["Arrival"]), instant(row["Departure"])
            )
            for row in csv.DictReader(lines)
        }


def _apart_s(found: datetime | None, expected: datetime) -> float:
    if found is None:
        return timedelta.max.total_seconds()
    return abs((found - expected.astimezone(UTC)).total_seconds())
