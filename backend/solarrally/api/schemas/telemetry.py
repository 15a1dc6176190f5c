"""History of a connector: readings as stored, or buckets of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from solarrally.api.schemas.common import Answer, PageAnswer, flag_words
from solarrally.domain.reading import Quality
from solarrally.storage.queries import BucketRow, ReadingRow

Measurand = Literal["power", "energy", "voltage", "current", "temperature", "soc", "status"]

READING_FIELDS: Final[dict[Measurand, Sequence[str]]] = {
    "power": ("power_w", "power_offered_w"),
    "energy": (
        "energy_register_wh",
        "session_energy_wh",
        "session_energy_solar_wh",
        "session_energy_grid_wh",
        "energy_source",
    ),
    "voltage": ("voltage_v", "voltage_l1_v", "voltage_l2_v", "voltage_l3_v"),
    "current": ("current_a", "current_l1_a", "current_l2_a", "current_l3_a"),
    "temperature": ("temperature_c",),
    "soc": ("soc_percent",),
    "status": ("status", "error_code"),
}
BUCKET_FIELDS: Final[dict[Measurand, Sequence[str]]] = {
    "power": ("power_avg_w", "power_min_w", "power_max_w"),
    "energy": (
        "energy_wh",
        "energy_solar_wh",
        "energy_grid_wh",
        "energy_unattributed_wh",
        "energy_method",
        "charging_s",
    ),
    "voltage": ("voltage_avg_v",),
    "current": ("current_avg_a", "current_max_a"),
    "temperature": ("temperature_avg_c", "temperature_max_c"),
}
_BUCKET_EXAMPLE: Final[JsonDict] = {
    "evse_uid": "CP-0001",
    "connector_id": 1,
    "resolution": "15min",
    "timezone": "America/Jamaica",
    "raw_since": None,
    "items": [
        {
            "starts_at": "2026-11-21T06:00:00Z",
            "ends_at": "2026-11-21T06:15:00Z",
            "is_complete": True,
            "reading_count": 900,
            "billable_count": 900,
            "power_avg_w": 7203.4,
            "power_min_w": 7110.0,
            "power_max_w": 7341.0,
            "energy_wh": 1800.2,
            "energy_solar_wh": 1800.2,
            "energy_grid_wh": 0.0,
            "energy_unattributed_wh": 0.0,
            "energy_method": "register",
            "charging_s": 900.0,
        }
    ],
    "next_cursor": None,
}
_READINGS_EXAMPLE: Final[JsonDict] = {
    "evse_uid": "CP-0001",
    "connector_id": 1,
    "resolution": "raw",
    "timezone": "America/Jamaica",
    "raw_since": None,
    "items": [
        {
            "ts": "2026-11-21T06:00:01Z",
            "quality": [],
            "power_w": 7200.0,
            "power_offered_w": 7400.0,
        }
    ],
    "next_cursor": None,
}


class TelemetryReading(Answer):
    """One reading, with the measurands that were asked for. null is "not said"; 0 is a measurement."""

    ts: datetime = Field(description="Effective instant.")
    quality: list[str] = Field(description="What is doubtful about it; empty is good.")
    power_w: float | None = None
    power_offered_w: float | None = None
    energy_register_wh: float | None = None
    session_energy_wh: float | None = None
    session_energy_solar_wh: float | None = None
    session_energy_grid_wh: float | None = None
    energy_source: str | None = None
    voltage_v: float | None = None
    voltage_l1_v: float | None = None
    voltage_l2_v: float | None = None
    voltage_l3_v: float | None = None
    current_a: float | None = None
    current_l1_a: float | None = None
    current_l2_a: float | None = None
    current_l3_a: float | None = None
    temperature_c: float | None = None
    soc_percent: float | None = None
    status: str | None = Field(default=None, description="The device's word.")
    error_code: str | None = None

    @classmethod
    def of(cls, row: ReadingRow, measurands: Collection[Measurand]) -> TelemetryReading:
        said = {name: getattr(row, name) for one in measurands for name in READING_FIELDS[one]}
        return cls(ts=row.ts, quality=flag_words(Quality(row.quality)), **said)


class TelemetryBucket(Answer):
    """What the readings of one bucket say, with the measurands that were asked for.

    Only billable readings are measured: not those that are physically impossible. Energies by the rules of
    sessions, to 0.001 Wh.
    """

    starts_at: datetime
    ends_at: datetime
    is_complete: bool = Field(
        description="false: it has not ended, or late readings came whose rollup is still to be computed."
    )
    reading_count: int
    billable_count: int
    power_avg_w: float | None = None
    power_min_w: float | None = None
    power_max_w: float | None = None
    energy_wh: float | None = None
    energy_solar_wh: float | None = None
    energy_grid_wh: float | None = None
    energy_unattributed_wh: float | None = None
    energy_method: str | None = Field(
        default=None, description="register, session_counter, power; several are joined by +."
    )
    charging_s: float | None = None
    voltage_avg_v: float | None = None
    current_avg_a: float | None = None
    current_max_a: float | None = None
    temperature_avg_c: float | None = None
    temperature_max_c: float | None = None

    @classmethod
    def of(cls, row: BucketRow, measurands: Collection[Measurand]) -> TelemetryBucket:
        total_wh = row.energy_solar_wh + row.energy_grid_wh + row.energy_unattributed_wh
        said = {
            name: _rounded(total_wh if name == "energy_wh" else getattr(row, name))
            for one in measurands
            for name in BUCKET_FIELDS[one]
        }
        return cls(
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            is_complete=row.is_complete,
            reading_count=row.reading_count,
            billable_count=row.billable_count,
            **said,
        )


class _Telemetry(PageAnswer):
    """What both kinds of history say first."""

    evse_uid: str
    connector_id: int
    timezone: str = Field(description="Of the site: hours and days begin in it. All instants are UTC.")
    raw_since: datetime | None = Field(
        description="Readings before it were dropped (raw and 1min have none); null: none ever were."
    )


class TelemetryReadings(_Telemetry):
    """A page of readings."""

    model_config = ConfigDict(json_schema_extra={"examples": [_READINGS_EXAMPLE]})

    resolution: Literal["raw"]
    items: list[TelemetryReading]


class TelemetryBuckets(_Telemetry):
    """A page of buckets; those without readings are left out."""

    model_config = ConfigDict(json_schema_extra={"examples": [_BUCKET_EXAMPLE]})

    resolution: Literal["1min", "15min", "1h", "1d"]
    items: list[TelemetryBucket]


def _rounded(value: Any) -> Any:
    """Sums of floating-point numbers without digits that mean nothing."""
    return round(value, 3) if isinstance(value, float) else value
