"""One native telemetry object, in the bytes that each of the two kinds of device sends.

Source: wire-formats.md 3(a), "Original SolarRally", with the payloads recorded there. Power is in W, voltage
in V, current in A, temperature in °C; energy counters are kept in mWh (integers, so that solar + grid = total
exactly) and written in kWh. They count from zero at the start of each session.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

MWH_PER_KWH = 1_000_000
MWH_PER_WH = 1_000


class Flavour(StrEnum):
    """Which of the two kinds of device writes the payload; their oddities are listed at `encode`."""

    BASIC = "basic"
    ENHANCED = "enhanced"


class Status(StrEnum):
    """The state a station is in, under the name the enhanced device gives it."""

    AVAILABLE = "available"
    CHARGING = "charging"
    SUSPENDED_EV = "suspendedev"
    SUSPENDED_EVSE = "suspendedevse"
    FINISHING = "finishing"
    FAULTED = "faulted"


class Source(StrEnum):
    """Where the energy of the interval that ends at a reading came from."""

    SOLAR = "solar"
    GRID = "grid"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """What a station says at `ts` (aware). Voltage 0.0 means "not measured", as on the real devices."""

    ts: datetime
    status: Status
    session_id: str | None
    voltage_v: float
    current_a: float
    power_w: float
    solar_mwh: int
    grid_mwh: int
    source: Source
    temperature_c: float

    @property
    def total_mwh(self) -> int:
        """Energy of the session so far, in mWh: solar and grid together."""
        return self.solar_mwh + self.grid_mwh


def encode(reading: Telemetry, flavour: Flavour) -> bytes:
    """The JSON object as the device writes it.

    Basic: whole-second `…Z` timestamps (cut, not rounded), `preparing` through the whole charge, solar and
    grid counters with the noise of binary arithmetic (`0.4459000000000001`; less than a nWh).
    Enhanced: microseconds and `+00:00`, `charging`, integers where floats are usual (`"power_w": 7360`).
    """
    fields = _basic(reading) if flavour is Flavour.BASIC else _enhanced(reading)
    return json.dumps(fields).encode()


def _basic(reading: Telemetry) -> dict[str, object]:
    charging = reading.status in (Status.CHARGING, Status.SUSPENDED_EV, Status.SUSPENDED_EVSE)
    return {
        "timestamp": reading.ts.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "session_id": reading.session_id,
        "voltage_v": reading.voltage_v,
        "current_a": reading.current_a,
        "power_w": reading.power_w,
        "session_energy_kwh_solar": reading.solar_mwh * (1 / MWH_PER_KWH),  # the noise is the device's
        "session_energy_kwh_grid": reading.grid_mwh * (1 / MWH_PER_KWH),
        "session_total_energy_kwh": reading.total_mwh / MWH_PER_KWH,
        "energy_source": str(reading.source),
        "temperature_c": reading.temperature_c,
        "status": "preparing" if charging else str(reading.status),
    }


def _enhanced(reading: Telemetry) -> dict[str, object]:
    return {
        "timestamp": reading.ts.astimezone(UTC).isoformat(timespec="microseconds"),
        "session_id": reading.session_id,
        "voltage_v": reading.voltage_v,
        "current_a": reading.current_a,
        "power_w": _integer_if_whole(reading.power_w) if reading.power_w else 0.0,
        "session_energy_kwh_solar": reading.solar_mwh / MWH_PER_KWH,
        "session_energy_kwh_grid": reading.grid_mwh / MWH_PER_KWH,
        "session_total_energy_kwh": reading.total_mwh / MWH_PER_KWH,
        "energy_source": str(reading.source),
        "temperature_c": _integer_if_whole(reading.temperature_c),
        "status": str(reading.status),
    }


def _integer_if_whole(number: float) -> float:
    return int(number) if float(number).is_integer() else number
