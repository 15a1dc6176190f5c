"""Sessions, their readings and their bills."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final, Literal
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from solarrally.api.schemas.common import Answer, PageAnswer, flag_words
from solarrally.domain.energy import SessionQuality
from solarrally.domain.reading import Quality
from solarrally.storage.queries import BillRow, ReadingRow, SessionRow

_SESSION_EXAMPLE: Final[JsonDict] = {
    "id": "7f0c1c1e-5d3a-4b7e-9d0a-2f6c1b9e8a77",
    "evse_uid": "CP-0001",
    "connector_id": 1,
    "site_id": 1,
    "device_session_id": "4711",
    "id_token": "04A2B3C4",
    "status": "COMPLETED",
    "started_at": "2026-11-21T06:00:00Z",
    "ended_at": "2026-11-21T07:00:00Z",
    "end_reason": "EVDisconnected",
    "last_reading_at": "2026-11-21T07:00:00Z",
    "reading_count": 3600,
    "charging_s": 3541.0,
    "energy_wh": 7200,
    "energy_solar_wh": 5000,
    "energy_grid_wh": 2200,
    "energy_unattributed_wh": 0,
    "kwh": 7.2,
    "energy_method": "register",
    "peak_power_w": 7341.0,
    "quality": [],
    "tariff_id": 1,
    "currency": "JMD",
    "cost": "160.0000",
    "total_cost": {"excl_vat": "160.0000"},
    "updated_at": "2026-11-21T07:00:00.052Z",
}
_READING_EXAMPLE: Final[JsonDict] = {
    "ts": "2026-11-21T06:00:01Z",
    "received_at": "2026-11-21T06:00:01.040Z",
    "device_ts": "2026-11-21T06:00:01Z",
    "seq": 128,
    "status": "charging",
    "energy_source": "solar",
    "power_w": 7200.0,
    "energy_register_wh": 1203400.0,
    "session_energy_wh": 2.0,
    "session_energy_solar_wh": 2.0,
    "session_energy_grid_wh": 0.0,
    "voltage_v": 230.1,
    "current_a": 31.3,
    "voltage_l1_v": None,
    "voltage_l2_v": None,
    "voltage_l3_v": None,
    "current_l1_a": None,
    "current_l2_a": None,
    "current_l3_a": None,
    "power_offered_w": 7400.0,
    "temperature_c": 34.5,
    "soc_percent": None,
    "error_code": None,
    "quality": [],
}
_BILL_EXAMPLE: Final[JsonDict] = {
    "id": "0a4f7f0e-8f3b-4f0d-8a51-7b9d4a1e2c33",
    "number": 1042,
    "session_id": "7f0c1c1e-5d3a-4b7e-9d0a-2f6c1b9e8a77",
    "revision": 1,
    "kind": "invoice",
    "credits_bill_id": None,
    "evse_uid": "CP-0001",
    "connector_id": 1,
    "id_token": "04A2B3C4",
    "started_at": "2026-11-21T06:00:00Z",
    "ended_at": "2026-11-21T07:00:00Z",
    "energy_solar_wh": 5000,
    "energy_grid_wh": 2200,
    "energy_unattributed_wh": 0,
    "tariff_id": 1,
    "price_solar_per_kwh": "10.0000",
    "price_grid_per_kwh": "50.0000",
    "currency": "JMD",
    "total": "160.0000",
    "issued_at": "2026-11-21T07:00:00.052Z",
}


class Price(Answer):
    """OCPI's Price. We reckon without VAT, so `incl_vat` is left out."""

    excl_vat: Decimal = Field(description="Decimal as text, never a float.")


class Session(Answer):
    """The time one vehicle occupies a connector. OCPI 2.2.1's words; numbers' names end in their unit.

    OCPI's start_date_time, end_date_time and last_updated are `started_at`, `ended_at` and `updated_at`.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_SESSION_EXAMPLE]})

    id: UUID
    evse_uid: str
    connector_id: int
    site_id: int
    device_session_id: str | None = Field(description="The device's own name for it.")
    id_token: str | None = Field(description="Who charges, as the device read it.")
    status: Literal["ACTIVE", "COMPLETED"]
    started_at: datetime
    ended_at: datetime | None
    end_reason: str | None = Field(description="OCPP's reason, such as EVDisconnected or Timeout.")
    last_reading_at: datetime
    reading_count: int
    charging_s: float = Field(description="How long power really flowed.")
    energy_wh: int = Field(description="Solar, grid and unattributed energy, to the Wh.")
    energy_solar_wh: int
    energy_grid_wh: int
    energy_unattributed_wh: int = Field(description="Energy whose source nobody said; billed as grid.")
    kwh: float = Field(description="OCPI's kwh: energy_wh / 1000.")
    energy_method: str = Field(
        description="What energy_wh was measured with: register, session_counter, power."
    )
    peak_power_w: float | None
    quality: list[str] = Field(description="What is doubtful about the figures; empty is good.")
    tariff_id: int
    currency: str = Field(description="ISO 4217.")
    cost: Decimal = Field(description="Decimal as text, never a float; in `currency`.")
    total_cost: Price = Field(description="OCPI's total_cost: always equal to `cost`.")
    updated_at: datetime

    @classmethod
    def of(cls, row: SessionRow) -> Session:
        return cls(
            id=row.id,
            evse_uid=row.evse_uid,
            connector_id=row.connector_id,
            site_id=row.site_id,
            device_session_id=row.device_session_id,
            id_token=row.id_token,
            status="ACTIVE" if row.status == "ACTIVE" else "COMPLETED",
            started_at=row.started_at,
            ended_at=row.ended_at,
            end_reason=row.end_reason,
            last_reading_at=row.last_reading_at,
            reading_count=row.reading_count,
            charging_s=row.charging_s,
            energy_wh=row.energy_wh,
            energy_solar_wh=row.energy_solar_wh,
            energy_grid_wh=row.energy_grid_wh,
            energy_unattributed_wh=row.energy_unattributed_wh,
            kwh=row.energy_wh / 1000,
            energy_method=row.energy_method,
            peak_power_w=row.peak_power_w,
            quality=flag_words(SessionQuality(row.quality)),
            tariff_id=row.tariff_id,
            currency=row.currency,
            cost=row.cost,
            total_cost=Price(excl_vat=row.cost),
            updated_at=row.updated_at,
        )


class SessionPage(PageAnswer):
    """Sessions, newest first."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_SESSION_EXAMPLE], "next_cursor": None}]}
    )

    items: list[Session]


class Reading(Answer):
    """One reading. null is "not said"; 0 is a measurement."""

    ts: datetime = Field(
        description="Effective instant: the device's where it can be believed, else the receipt."
    )
    received_at: datetime
    device_ts: datetime | None
    seq: int | None
    status: str | None = Field(description="The device's word.")
    energy_source: str | None
    power_w: float | None
    energy_register_wh: float | None
    session_energy_wh: float | None
    session_energy_solar_wh: float | None
    session_energy_grid_wh: float | None
    voltage_v: float | None
    current_a: float | None
    voltage_l1_v: float | None
    voltage_l2_v: float | None
    voltage_l3_v: float | None
    current_l1_a: float | None
    current_l2_a: float | None
    current_l3_a: float | None
    power_offered_w: float | None
    temperature_c: float | None
    soc_percent: float | None
    error_code: str | None
    quality: list[str] = Field(description="What is doubtful about it; empty is good.")

    @classmethod
    def of(cls, row: ReadingRow) -> Reading:
        return cls(
            ts=row.ts,
            received_at=row.received_at,
            device_ts=row.device_ts,
            seq=row.seq,
            status=row.status,
            energy_source=row.energy_source,
            power_w=row.power_w,
            energy_register_wh=row.energy_register_wh,
            session_energy_wh=row.session_energy_wh,
            session_energy_solar_wh=row.session_energy_solar_wh,
            session_energy_grid_wh=row.session_energy_grid_wh,
            voltage_v=row.voltage_v,
            current_a=row.current_a,
            voltage_l1_v=row.voltage_l1_v,
            voltage_l2_v=row.voltage_l2_v,
            voltage_l3_v=row.voltage_l3_v,
            current_l1_a=row.current_l1_a,
            current_l2_a=row.current_l2_a,
            current_l3_a=row.current_l3_a,
            power_offered_w=row.power_offered_w,
            temperature_c=row.temperature_c,
            soc_percent=row.soc_percent,
            error_code=row.error_code,
            quality=flag_words(Quality(row.quality)),
        )


class ReadingPage(PageAnswer):
    """Readings of a session, oldest first."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_READING_EXAMPLE], "next_cursor": None}]}
    )

    items: list[Reading]


class Bill(Answer):
    """One bill. It never changes: a correction is a credit (negative total) and a new invoice."""

    id: UUID
    number: int
    session_id: UUID
    revision: int
    kind: Literal["invoice", "credit"]
    credits_bill_id: UUID | None = Field(description="The invoice that a credit takes back.")
    evse_uid: str
    connector_id: int
    id_token: str | None
    started_at: datetime
    ended_at: datetime
    energy_solar_wh: int
    energy_grid_wh: int
    energy_unattributed_wh: int
    tariff_id: int
    price_solar_per_kwh: Decimal
    price_grid_per_kwh: Decimal
    currency: str
    total: Decimal = Field(description="Decimal as text, never a float; in `currency`.")
    issued_at: datetime

    @classmethod
    def of(cls, row: BillRow) -> Bill:
        return cls(
            id=row.id,
            number=row.number,
            session_id=row.session_id,
            revision=row.revision,
            kind="credit" if row.kind == "credit" else "invoice",
            credits_bill_id=row.credits_bill_id,
            evse_uid=row.evse_uid,
            connector_id=row.connector_id,
            id_token=row.id_token,
            started_at=row.started_at,
            ended_at=row.ended_at,
            energy_solar_wh=row.energy_solar_wh,
            energy_grid_wh=row.energy_grid_wh,
            energy_unattributed_wh=row.energy_unattributed_wh,
            tariff_id=row.tariff_id,
            price_solar_per_kwh=row.price_solar_per_kwh,
            price_grid_per_kwh=row.price_grid_per_kwh,
            currency=row.currency,
            total=row.total,
            issued_at=row.issued_at,
        )


class BillList(Answer):
    """All bills of one session, in the order they were issued."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_BILL_EXAMPLE]}]})

    items: list[Bill]
