"""What a small fleet says: sessions with every kind of counter, each message known by its time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

STEP_S = 5
"""Device time between two messages of a station: a run of minutes makes hours of charging."""
FIRST_SAID_BEFORE = timedelta(hours=12)
"""So long ago the fleet's time begins, so that no run reaches the present and no clock is ever distrusted."""
IDLE_MESSAGES, CHARGING_MESSAGES, FINISHING_MESSAGES = 3, 34, 2
CYCLE = IDLE_MESSAGES + CHARGING_MESSAGES + FINISHING_MESSAGES


class Message(NamedTuple):
    """One telemetry message. Station and device time are its number: no station uses an instant twice."""

    evse_uid: str
    device_ts: datetime
    payload: bytes

    @property
    def topic(self) -> str:
        return f"evse/{self.evse_uid}/telemetry"


class FleetStation:
    """One station. Its kind decides what it measures with, and whether it numbers its messages.

    0: session id and counters by source, numbered; 1: lifetime register, numbered; 2: power alone, no
    session id; 3: session id and counter, not numbered.
    """

    def __init__(self, evse_uid: str, kind: int, begin: datetime) -> None:
        self.evse_uid = evse_uid
        self._kind = kind
        self._begin = begin
        self._count = 0
        self._session_wh = 0.0
        self._register_wh = 100_000.0

    def next_message(self) -> Message:
        number = self._count
        self._count += 1
        cycle, place = divmod(number, CYCLE)
        is_idle = place < IDLE_MESSAGES
        is_charging = not is_idle and place < IDLE_MESSAGES + CHARGING_MESSAGES
        if place == IDLE_MESSAGES:
            self._session_wh = 0.0
        power_w = 3_000 + 7 * (number % 1_000) if is_charging else 0
        energy_wh = power_w * STEP_S / 3600
        self._session_wh += energy_wh
        self._register_wh += energy_wh
        device_ts = self._begin + timedelta(seconds=STEP_S * number)
        assert device_ts < datetime.now(UTC), "the fleet's time has reached the present: begin earlier"
        said: dict[str, Any] = {
            "timestamp": device_ts.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "status": "available" if is_idle else "charging" if is_charging else "finishing",
            "power_w": power_w,
            "voltage_v": 230.0,
            "current_a": round(power_w / 230, 2),
            "temperature_c": 31.5,
        }
        if self._kind in (0, 1):
            said["seq"] = number
        if self._kind in (0, 3) and not is_idle:
            said["session_id"] = f"{self.evse_uid}-{cycle}"
            said["session_total_energy_kwh"] = round(self._session_wh / 1000, 6)
        if self._kind == 0 and not is_idle:
            said["session_energy_kwh_solar"] = round(self._session_wh / 4000, 6)
            said["session_energy_kwh_grid"] = round(self._session_wh * 3 / 4000, 6)
        if self._kind == 1:
            said["energy_wh"] = round(self._register_wh, 3)
        if self._kind == 2:
            said["energy_source"] = "solar" if number % 3 else "grid"
        return Message(self.evse_uid, device_ts, json.dumps(said).encode())


ALL_KINDS, NUMBERED_KINDS = (0, 1, 2, 3), (0, 1)


def fleet(
    stations: int = 40,
    *,
    prefix: str = "f",
    begin: datetime | None = None,
    kinds: Sequence[int] = ALL_KINDS,
) -> list[FleetStation]:
    """Stations of all these kinds, whose time begins at `begin`."""
    start = (begin or datetime.now(UTC) - FIRST_SAID_BEFORE).replace(microsecond=0)
    return [
        FleetStation(f"{prefix}{n:04}", kinds[n % len(kinds)], start + timedelta(milliseconds=n % 1000))
        for n in range(stations)
    ]


def in_turn(stations: list[FleetStation]) -> Iterator[Message]:
    """Every station speaks once, again and again, without end."""
    while True:
        for station in stations:
            yield station.next_message()


def rounds(stations: list[FleetStation], count: int) -> list[Message]:
    """`count` messages of every station, in order of time."""
    return [station.next_message() for _ in range(count) for station in stations]
