"""Compares what is in the database with what was published: by count and by content."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import zip_longest

import asyncpg

from solarrally.dialects.routes import decode
from solarrally.domain.reading import Reading
from solarrally.storage.connections import connect
from tests.support.charging_fleet import Message
from tests.support.reference_fold import Connector, SessionFigures, reference_fold

DELIVERED, FORMED = "solarrally_messages_delivered_total", "solarrally_messages_formed_total"
PARKED, UNPARKED = "solarrally_messages_parked_total", "solarrally_messages_unparked_total"
WAITING_PARKED = "solarrally_parked_messages"
SHOWN = 5
"""Of each kind of fault: one is enough to fail, a few to see the pattern."""

_READINGS = """
    SELECT e.evse_uid, r.connector_id, r.ts, coalesce(r.device_ts, r.ts) AS device_ts, r.seq, r.power_w
    FROM reading r JOIN evse e ON e.id = r.evse_id
"""
_SESSIONS = """
    SELECT s.id, e.evse_uid, s.connector_id, s.started_at, s.ended_at, s.end_reason, s.status,
           s.device_session_id, s.energy_wh, s.energy_solar_wh, s.energy_grid_wh, s.energy_unattributed_wh,
           s.energy_method, s.peak_power_w, s.reading_count, s.cost
    FROM charging_session s JOIN evse e ON e.id = s.evse_id ORDER BY e.evse_uid, s.connector_id, s.started_at
"""
_BILLS = (
    "SELECT session_id, revision, kind, ended_at, total, energy_solar_wh, energy_grid_wh, "
    "energy_unattributed_wh FROM bill ORDER BY session_id, revision"
)
# A mark is made in the transaction of the reading: a rollup may lag behind its raw data, never in silence.
_WRONG_ROLLUPS = """
    WITH raw AS (
        SELECT evse_id, connector_id, date_bin('15 min', ts, 'epoch') AS bucket_start,
               count(*) AS reading_count, max(power_w) AS power_max_w
        FROM reading GROUP BY 1, 2, 3
    )
    SELECT evse_id, bucket_start, raw.reading_count AS must_count, r.reading_count AS is_count,
           raw.power_max_w AS must_w, r.power_max_w AS is_w
    FROM raw FULL JOIN reading_15min r USING (evse_id, connector_id, bucket_start)
    WHERE (raw.reading_count, raw.power_max_w) IS DISTINCT FROM (r.reading_count, r.power_max_w)
      AND NOT EXISTS (
        SELECT FROM rollup_due d
        WHERE (d.evse_id, d.connector_id, d.bucket_start) = (r.evse_id, r.connector_id, r.bucket_start)
           OR (d.evse_id, d.connector_id, d.bucket_start) = (raw.evse_id, raw.connector_id, raw.bucket_start)
      )
"""
_NEWEST = """
    SELECT e.evse_uid, c.connector_id, c.ts, c.power_w, c.reported_status,
           c.session_id IS NOT NULL AS in_session
    FROM connector c JOIN evse e ON e.id = c.evse_id WHERE c.ts IS NOT NULL
"""


@dataclass(slots=True)
class Verdict:
    """What was compared, and everything that is not as it must be."""

    published: int = 0
    """Different messages; a repetition is none."""
    stored: int = 0
    sessions: int = 0
    bills: int = 0
    corrections: int = 0
    """Credits: bills that late data took back."""
    faults: list[str] = field(default_factory=list)

    def add(self, kind: str, cases: Sequence[object]) -> None:
        if cases:
            shown = "\n    ".join(str(case) for case in cases[:SHOWN])
            self.faults.append(f"{kind}: {len(cases)}\n    {shown}")

    def __str__(self) -> str:
        figures = (
            f"published {self.published}, stored {self.stored}, sessions {self.sessions}, "
            f"bills {self.bills} ({self.corrections} credits)"
        )
        return "\n  ".join([figures, *self.faults])


def judge(database_url: str, messages: Iterable[Message], *, since: datetime) -> Verdict:
    """Every message is one stored reading, nothing else is stored, and everything derived is as the reference
    fold has it. `since`: when the run began.
    """
    return asyncio.run(_judge(database_url, messages, since))


async def _judge(database_url: str, messages: Iterable[Message], since: datetime) -> Verdict:
    connection = await connect(database_url, application_name="judge")
    try:
        verdict = Verdict()
        # One snapshot: what is compared belongs together even if something were still moving.
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            readings = _judge_readings(verdict, messages, await connection.fetch(_READINGS), since)
            sessions = await connection.fetch(_SESSIONS)
            _judge_sessions(verdict, readings, sessions)
            _judge_bills(verdict, sessions, await connection.fetch(_BILLS))
            _judge_newest(verdict, readings, sessions, await connection.fetch(_NEWEST))
            verdict.add(
                "rollups that are wrong and not due",
                [dict(row) for row in await connection.fetch(_WRONG_ROLLUPS)],
            )
        return verdict
    finally:
        await connection.close()


def _judge_readings(
    verdict: Verdict, messages: Iterable[Message], rows: Sequence[asyncpg.Record], since: datetime
) -> list[tuple[Connector, Reading]]:
    """The readings as they must be; differences go into `verdict`."""
    now = datetime.now(UTC)
    stored: dict[tuple[str, datetime], list[asyncpg.Record]] = defaultdict(list)
    for row in rows:
        stored[row["evse_uid"], row["device_ts"]].append(row)
    expected = {(message.evse_uid, message.device_ts): message for message in messages}
    verdict.published, verdict.stored = len(expected), len(rows)
    verdict.add("lost", sorted(expected.keys() - stored.keys()))
    verdict.add("never published", sorted(stored.keys() - expected.keys()))
    verdict.add("stored twice", [key for key, found in stored.items() if len(found) > 1])
    readings, altered = [], []
    for key, message in expected.items():
        if key not in stored:
            continue
        row = stored[key][0]
        # What is not filed under the device's time must be filed under a receipt of this run, and the clock
        # must have been beyond belief at that instant.
        is_undated = row["ts"] != row["device_ts"]
        [reading] = decode(message.topic, message.payload, row["ts"] if is_undated else now).readings
        if (
            (reading.ts, reading.seq, reading.power_w, reading.connector_id)
            != (row["ts"], row["seq"], row["power_w"], row["connector_id"])
        ) or (is_undated and not since <= row["ts"] <= now):
            altered.append((key, dict(row)))
        readings.append((Connector(message.evse_uid, reading.connector_id), reading))
    verdict.add("stored otherwise than published", altered)
    return readings


def _judge_sessions(
    verdict: Verdict, readings: list[tuple[Connector, Reading]], rows: Sequence[asyncpg.Record]
) -> None:
    found = sorted((_figures_of(row) for row in rows), key=lambda figures: figures[:2])
    expected = reference_fold(readings)
    verdict.sessions = len(found)
    verdict.add(
        "sessions that differ from the reference",
        [
            f"\n      is   {one}\n      must {other}"
            for one, other in zip_longest(found, expected)
            if one != other
        ],
    )


def _figures_of(row: asyncpg.Record) -> SessionFigures:
    values = {name: row[name] for name in SessionFigures._fields if name != "connector"}
    return SessionFigures(connector=Connector(row["evse_uid"], row["connector_id"]), **values)


def _judge_bills(
    verdict: Verdict, sessions: Sequence[asyncpg.Record], rows: Sequence[asyncpg.Record]
) -> None:
    """A completed session's newest bill is an invoice of its figures; what came before it was credited."""
    bills: dict[object, list[asyncpg.Record]] = defaultdict(list)
    for row in rows:
        bills[row["session_id"]].append(row)
    verdict.bills = len(rows)
    verdict.corrections = sum(row["kind"] == "credit" for row in rows)
    wrong = []
    for session in sessions:
        own = bills.pop(session["id"], [])
        due = session["cost"] if session["status"] == "COMPLETED" else None
        if due is None:
            continue  # a running session may have bills of an end that was taken back
        figures = ("ended_at", "energy_solar_wh", "energy_grid_wh", "energy_unattributed_wh")
        if (
            not own
            or own[-1]["kind"] != "invoice"
            or sum((bill["total"] for bill in own), Decimal(0)) != due
            or [bill["revision"] for bill in own] != list(range(1, len(own) + 1))
            or any(own[-1][name] != session[name] for name in figures)
        ):
            wrong.append((dict(session), [dict(bill) for bill in own]))
    for session_id, own in bills.items():  # sessions that late data dissolved
        if sum((bill["total"] for bill in own), Decimal(0)) != 0:
            wrong.append(({"id": session_id, "status": "gone"}, [dict(bill) for bill in own]))
    verdict.add("sessions with wrong bills", wrong)


def _judge_newest(
    verdict: Verdict,
    readings: list[tuple[Connector, Reading]],
    sessions: Sequence[asyncpg.Record],
    rows: Sequence[asyncpg.Record],
) -> None:
    last: dict[Connector, Reading] = {}
    for connector, reading in readings:
        if connector not in last or reading.order_key > last[connector].order_key:
            last[connector] = reading
    active = {
        Connector(row["evse_uid"], row["connector_id"]) for row in sessions if row["status"] == "ACTIVE"
    }
    expected = {
        connector: (reading.ts, reading.power_w, str(reading.status), connector in active)
        for connector, reading in last.items()
    }
    found = {
        Connector(row["evse_uid"], row["connector_id"]): (
            row["ts"],
            row["power_w"],
            row["reported_status"],
            row["in_session"],
        )
        for row in rows
    }
    verdict.add(
        "connectors whose newest is wrong",
        [
            f"{connector}: is {found.get(connector)}, must {expected.get(connector)}"
            for connector in sorted(found.keys() | expected.keys())
            if found.get(connector) != expected.get(connector)
        ],
    )


def open_messages(counters: Mapping[str, float]) -> float:
    """Messages that were delivered or unparked, and have neither found their fate nor been parked."""
    settled = sum(value for name, value in counters.items() if name.startswith("solarrally_messages_total{"))
    taken = sum(counters.get(name, 0) for name in (DELIVERED, FORMED, UNPARKED))
    return taken - settled - counters.get(PARKED, 0)


def wrong_counters(counters: Mapping[str, float], *, stored: int | None) -> list[str]:
    """What does not add up in the counters of one process, when each message carries one reading.

    `stored`: how many readings are in the database, where this process alone put them there.
    """
    wrong = []

    def must(claim: str, one: float, other: float) -> None:
        if one != other:
            wrong.append(f"{claim}: {one:g}, {other:g}")

    fates = {
        name.split('"')[1]: value
        for name, value in counters.items()
        if name.startswith("solarrally_messages_total{")
    }
    must("messages without a fate = 0", open_messages(counters), 0)
    must("messages still parked = 0", counters.get(WAITING_PARKED, 0), 0)
    must("fate stored = readings stored", fates["stored"], counters["solarrally_readings_stored_total"])
    must(
        "fate duplicate = readings duplicate",
        fates["duplicate"],
        counters["solarrally_readings_duplicate_total"],
    )
    must("unexplained conflicts = 0", counters["solarrally_reading_conflicts_unexplained_total"], 0)
    if stored is not None:
        must("readings stored = rows", counters["solarrally_readings_stored_total"], stored)
    return wrong
