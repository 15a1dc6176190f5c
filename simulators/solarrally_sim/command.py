"""A command as a station hears it, and what the station does about it."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from solarrally_sim.message import Message, session_event
from solarrally_sim.payload import Status
from solarrally_sim.station import Station

CONNECTOR_ID = 1
LEAST_A, MOST_A = 6.0, 80.0
AT_ONCE = timedelta(microseconds=1)
"""An event is so much after the last reading, and before the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What is asked of a station until `expires_at` (aware)."""

    id: str
    word: str
    params: dict[str, Any]
    expires_at: datetime
    connector_id: int | None


class UnreadableCommandError(ValueError):
    """The payload is not a command."""


class RefusedError(Exception):
    """The station does not do it; the text says why."""


def read_command(command_id: str, payload: bytes) -> Command:
    """The command of a payload; raises `UnreadableCommandError`."""
    try:
        said = json.loads(payload)
        expires_at = datetime.fromisoformat(said["expires_at"])
        if expires_at.tzinfo is None:
            raise ValueError("expires_at has no zone")
        return Command(
            id=command_id,
            word=str(said["command"]),
            params=dict(said.get("params") or {}),
            expires_at=expires_at,
            connector_id=said.get("connector_id"),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UnreadableCommandError(f"unreadable: {type(error).__name__}") from error


def carry_out(station: Station, command: Command, now: datetime) -> list[Message]:
    """Change the station as it is told; what it publishes because of it. Raises `RefusedError`.

    `now` is the time of events of a station that has not sent a reading yet. A restart is only begun: it goes
    away and has to be brought `back`.
    """
    if command.connector_id not in (None, CONNECTOR_ID):
        raise RefusedError("no such connector")
    ts = now if station.stepped_at is None else station.stepped_at + AT_ONCE
    match command.word:
        case "start":
            return _start(station, command, ts)
        case "stop":
            return _stop(station, command, ts)
        case "pause":
            if not station.has_session or station.is_paused:
                raise RefusedError("nothing to pause")
            station.is_paused = True
            return []
        case "resume":
            if not station.has_session or not station.is_paused:
                raise RefusedError("nothing to resume")
            station.is_paused = False
            return []
        case "set_current_limit":
            _limit(station, command.params.get("limit_a"))
            return []
        case "unlock":
            return _ended(station, ts, "UnlockCommand") if station.has_session else []
        case "reset":
            reason = "HardReset" if command.params.get("kind") == "hard" else "SoftReset"
            events = _ended(station, ts, reason) if station.has_session else []
            station.is_away = True
            return events
        case "update_firmware":
            if station.has_session:
                raise RefusedError("a session is running")
            station.firmware = str(command.params.get("version") or next_version(station.firmware))
            station.is_away = True
            return []
        case _:
            raise RefusedError("not supported")


def next_version(firmware: str) -> str:
    """The version after this one: its last number is one more."""
    head, dot, last = firmware.rpartition(".")
    return f"{head}{dot}{int(last) + 1}" if last.isdigit() else f"{firmware}.1"


def _start(station: Station, command: Command, ts: datetime) -> list[Message]:
    if station.status is not Status.AVAILABLE:
        raise RefusedError(f"the connector is {station.status}")
    charge = station.begin_session()
    token = command.params.get("id_token")
    return [
        session_event(
            station.evse_uid, "started", ts, session_id=charge.session_id, id_token=token and str(token)
        )
    ]


def _stop(station: Station, command: Command, ts: datetime) -> list[Message]:
    if not station.has_session:
        raise RefusedError("no session is running")
    assert station.charge is not None
    if command.params.get("session_id") not in (None, station.charge.session_id):
        raise RefusedError("another session is running")
    return _ended(station, ts, "Remote")


def _ended(station: Station, ts: datetime, reason: str) -> list[Message]:
    session_id = station.end_session().session_id
    return [session_event(station.evse_uid, "ended", ts, session_id=session_id, reason=reason)]


def _limit(station: Station, limit_a: Any) -> None:
    is_number = isinstance(limit_a, int | float) and not isinstance(limit_a, bool)
    if not is_number or (limit_a != 0 and not LEAST_A <= limit_a <= MOST_A):
        raise RefusedError(f"the limit must be 0, or {LEAST_A:g} to {MOST_A:g} A")
    station.limit_a = float(limit_a)
