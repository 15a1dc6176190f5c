"""EVSEs and their connectors, for operators and, with less in it, for everyone."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from solarrally.api.schemas.common import Answer, PageAnswer, flag_words
from solarrally.domain.reading import Quality
from solarrally.storage.queries import ConnectorRow, EvseRow

_CONNECTOR_EXAMPLE: Final[JsonDict] = {
    "connector_id": 1,
    "ts": "2026-11-21T07:00:00Z",
    "received_at": "2026-11-21T07:00:00.040Z",
    "status": "charging",
    "reported_status": "preparing",
    "power_w": 7200.0,
    "voltage_v": 230.1,
    "current_a": 31.3,
    "temperature_c": 34.5,
    "soc_percent": None,
    "energy_source": "solar",
    "error_code": None,
    "quality": [],
    "session_id": "7f0c1c1e-5d3a-4b7e-9d0a-2f6c1b9e8a77",
}
_EVSE_EXAMPLE: Final[JsonDict] = {
    "evse_uid": "CP-0001",
    "site_id": 1,
    "dialect": "native",
    "vendor": "SolarRally",
    "model": "SR-7",
    "firmware": "1.4.2",
    "max_power_w": 7400.0,
    "is_enabled": True,
    "is_online": True,
    "online_changed_at": "2026-11-21T05:12:09Z",
    "connectors": [_CONNECTOR_EXAMPLE],
}
_STATUS_EXAMPLE: Final[JsonDict] = {
    "evse_uid": "CP-0001",
    "site_id": 1,
    "is_online": True,
    "connectors": [{"connector_id": 1, "status": "charging"}],
}


class Connector(Answer):
    """The newest of one connector. null is "not said"; 0 is a measurement."""

    connector_id: int
    ts: datetime | None = Field(description="Instant of the newest reading; late data never moves it back.")
    received_at: datetime | None
    status: str | None = Field(
        description="What it does, by power and energy where they contradict the device's word."
    )
    reported_status: str | None = Field(description="The device's word.")
    power_w: float | None
    voltage_v: float | None
    current_a: float | None
    temperature_c: float | None
    soc_percent: float | None
    energy_source: str | None
    error_code: str | None = Field(description="OCPP 1.6 ChargePointErrorCode.")
    quality: list[str] = Field(description="What is doubtful about the newest reading; empty is good.")
    session_id: UUID | None = Field(description="The running session.")

    @classmethod
    def of(cls, row: ConnectorRow) -> Connector:
        return cls(
            connector_id=row.connector_id,
            ts=row.ts,
            received_at=row.received_at,
            status=row.status,
            reported_status=row.reported_status,
            power_w=row.power_w,
            voltage_v=row.voltage_v,
            current_a=row.current_a,
            temperature_c=row.temperature_c,
            soc_percent=row.soc_percent,
            energy_source=row.energy_source,
            error_code=row.error_code,
            quality=flag_words(Quality(row.quality)),
            session_id=row.session_id,
        )


class Evse(Answer):
    """A registered EVSE (a station, or one outlet of it) with its connectors."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EVSE_EXAMPLE]})

    evse_uid: str
    site_id: int
    dialect: str = Field(description="How it speaks: `native`, `openevse`, `go-e`, …")
    vendor: str | None
    model: str | None
    firmware: str | None
    max_power_w: float | None
    is_enabled: bool
    is_online: bool = Field(description="By its last will and by its silence; separate from charging status.")
    online_changed_at: datetime | None
    connectors: list[Connector]

    @classmethod
    def of(cls, row: EvseRow) -> Evse:
        return cls(
            evse_uid=row.evse_uid,
            site_id=row.site_id,
            dialect=row.dialect,
            vendor=row.vendor,
            model=row.model,
            firmware=row.firmware,
            max_power_w=row.max_power_w,
            is_enabled=row.is_enabled,
            is_online=row.is_online,
            online_changed_at=row.online_changed_at,
            connectors=[Connector.of(connector) for connector in row.connectors],
        )


class EvsePage(PageAnswer):
    """EVSEs in the order of evse_uid."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_EVSE_EXAMPLE], "next_cursor": None}]}
    )

    items: list[Evse]


class ConnectorStatusAnswer(Answer):
    """Whether a connector is free, and nothing else."""

    connector_id: int
    status: str | None


class EvseStatus(Answer):
    """What everyone may know of an EVSE: no session, no energy, no money."""

    evse_uid: str
    site_id: int
    is_online: bool
    connectors: list[ConnectorStatusAnswer]

    @classmethod
    def of(cls, row: EvseRow) -> EvseStatus:
        return cls(
            evse_uid=row.evse_uid,
            site_id=row.site_id,
            is_online=row.is_online,
            connectors=[
                ConnectorStatusAnswer(connector_id=connector.connector_id, status=connector.status)
                for connector in row.connectors
            ],
        )


class EvseStatusPage(PageAnswer):
    """Public status of EVSEs in the order of evse_uid."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_STATUS_EXAMPLE], "next_cursor": None}]}
    )

    items: list[EvseStatus]
