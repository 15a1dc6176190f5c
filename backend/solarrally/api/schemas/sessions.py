"""Sessions, their readings and their bills."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final, Literal
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from solarrally.api.bill_rules import BillRules
from solarrally.api.schemas.common import Answer, PageAnswer, flag_words
from solarrally.domain.energy import SessionQuality
from solarrally.domain.reading import Quality
from solarrally.domain.tariff import vat_on
from solarrally.storage.queries import ReadingRow, SessionRow

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
    "total_cost": {"excl_vat": "160.0000", "incl_vat": "184.0000"},
    "updated_at": "2026-11-21T07:00:00.052Z",
    "country_code": "JM",
    "party_id": "SRY",
    "location_id": "1",
    "start_date_time": "2026-11-21T06:00:00Z",
    "end_date_time": "2026-11-21T07:00:00Z",
    "cdr_token": {"uid": "04A2B3C4", "type": "OTHER"},
    "auth_method": "WHITELIST",
    "last_updated": "2026-11-21T07:00:00.052Z",
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


class Price(Answer):
    """OCPI's Price."""

    excl_vat: Decimal = Field(description="Decimal as text, never a float.")
    incl_vat: Decimal = Field(description="With the VAT of the tariff.")


class SessionCdrToken(Answer):
    """What OCPI's CdrToken says of who charges. We know of no contract."""

    uid: str = Field(description="The id_token.")
    type: Literal["OTHER"] = Field(description="Devices do not say what kind of token they read.")


class Session(Answer):
    """The time one vehicle occupies a connector.

    Our own names come first; those of an OCPI 2.2.1 Session that are not among them follow, from
    `country_code` on, and say the same. OCPI's connector_id is text, ours a number.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_SESSION_EXAMPLE]})

    id: UUID
    evse_uid: str
    connector_id: int
    site_id: int = Field(description="Where the EVSE stood when it started.")
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
    total_cost: Price = Field(description="OCPI's total_cost: `cost`, without and with VAT.")
    updated_at: datetime
    country_code: str
    party_id: str
    location_id: str = Field(description="site_id.")
    start_date_time: datetime = Field(description="started_at.")
    end_date_time: datetime | None = Field(description="ended_at.")
    cdr_token: SessionCdrToken | None = Field(description="null: the device did not say who charges.")
    auth_method: Literal["WHITELIST"] = Field(
        description="The device or we decide who may charge; no other operator is asked."
    )
    last_updated: datetime = Field(description="updated_at.")

    @classmethod
    def of(cls, row: SessionRow, rules: BillRules) -> Session:
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
            total_cost=Price(
                excl_vat=row.cost, incl_vat=row.cost + vat_on(row.cost, row.vat_percent, row.currency)
            ),
            updated_at=row.updated_at,
            country_code=rules.country_code,
            party_id=rules.party_id,
            location_id=str(row.site_id),
            start_date_time=row.started_at,
            end_date_time=row.ended_at,
            cdr_token=None if row.id_token is None else SessionCdrToken(uid=row.id_token, type="OTHER"),
            auth_method="WHITELIST",
            last_updated=row.updated_at,
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
