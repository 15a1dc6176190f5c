"""EVSEs and their connectors, for operators and, with less in it, for everyone."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from solarrally.api.parameters import ConnectorId, ShortText, SiteId
from solarrally.api.schemas.changes import NOT_GIVEN, says_something
from solarrally.api.schemas.common import Answer, PageAnswer, flag_words
from solarrally.domain.connectivity import Connectivity
from solarrally.domain.fleet import EVSE_UID_PATTERN, is_base_topic, without_empty_levels
from solarrally.domain.reading import Quality
from solarrally.storage.queries import ConnectorRow, EventRow, EvseRow

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
    "standard": "IEC_62196_T2",
    "format": "SOCKET",
    "power_type": "AC_1_PHASE",
}
_EVSE_EXAMPLE: Final[JsonDict] = {
    "evse_uid": "CP-0001",
    "site_id": 1,
    "name": "Car park, left",
    "dialect": "native",
    "base_topic": None,
    "vendor": "SolarRally",
    "model": "SR-7",
    "firmware": "1.4.2",
    "max_power_w": 7400.0,
    "is_enabled": True,
    "is_online": True,
    "online_changed_at": "2026-11-21T05:12:09Z",
    "credentials_ref": "sha256:5f1d…",
    "created_at": "2026-11-01T08:00:00Z",
    "edited_at": None,
    "connectors": [_CONNECTOR_EXAMPLE],
}
_STATUS_EXAMPLE: Final[JsonDict] = {
    "evse_uid": "CP-0001",
    "name": "Car park, left",
    "site_id": 1,
    "site_name": "Main site",
    "timezone": "America/Jamaica",
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
    standard: str | None = Field(description="OCPI 2.2.1 ConnectorType, as registered.")
    format: str | None = Field(description="OCPI 2.2.1 ConnectorFormat.")
    power_type: str | None = Field(description="OCPI 2.2.1 PowerType.")

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
            standard=row.standard,
            format=row.format,
            power_type=row.power_type,
        )


class Evse(Answer):
    """A registered EVSE (a station, or one outlet of it) with its connectors."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EVSE_EXAMPLE]})

    evse_uid: str
    site_id: int
    name: str | None = Field(description="For people.")
    dialect: str = Field(description="How it speaks: `native`, `openevse`, `goe`, …")
    base_topic: str | None = Field(
        description="Where it publishes, if not where its dialect expects it; without empty levels."
    )
    vendor: str | None
    model: str | None
    firmware: str | None
    max_power_w: float | None
    is_enabled: bool = Field(description="What a disabled one sends is rejected, and kept as such.")
    is_online: bool = Field(description="By its last will and by its silence; separate from charging status.")
    online_changed_at: datetime | None
    credentials_ref: str | None = Field(
        description="What it proves its identity with, such as a fingerprint; never a secret."
    )
    created_at: datetime
    edited_at: datetime | None = Field(description="When somebody last changed this entry.")
    connectors: list[Connector]

    @classmethod
    def of(cls, row: EvseRow) -> Evse:
        return cls(
            evse_uid=row.evse_uid,
            site_id=row.site_id,
            name=row.name,
            dialect=row.dialect,
            base_topic=row.base_topic,
            vendor=row.vendor,
            model=row.model,
            firmware=row.firmware,
            max_power_w=row.max_power_w,
            is_enabled=row.is_enabled,
            is_online=row.is_online,
            online_changed_at=row.online_changed_at,
            credentials_ref=row.credentials_ref,
            created_at=row.created_at,
            edited_at=row.edited_at,
            connectors=[Connector.of(connector) for connector in row.connectors],
        )


class EvsePage(PageAnswer):
    """EVSEs in the order of evse_uid."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_EVSE_EXAMPLE], "next_cursor": None}]}
    )

    items: list[Evse]


ConnectorStandard = Literal[
    "CHADEMO",
    "CHAOJI",
    "DOMESTIC_A",
    "DOMESTIC_B",
    "DOMESTIC_C",
    "DOMESTIC_D",
    "DOMESTIC_E",
    "DOMESTIC_F",
    "DOMESTIC_G",
    "DOMESTIC_H",
    "DOMESTIC_I",
    "DOMESTIC_J",
    "DOMESTIC_K",
    "DOMESTIC_L",
    "DOMESTIC_M",
    "DOMESTIC_N",
    "DOMESTIC_O",
    "GBT_AC",
    "GBT_DC",
    "IEC_60309_2_single_16",
    "IEC_60309_2_three_16",
    "IEC_60309_2_three_32",
    "IEC_60309_2_three_64",
    "IEC_62196_T1",
    "IEC_62196_T1_COMBO",
    "IEC_62196_T2",
    "IEC_62196_T2_COMBO",
    "IEC_62196_T3A",
    "IEC_62196_T3C",
    "NEMA_5_20",
    "NEMA_6_30",
    "NEMA_6_50",
    "NEMA_10_30",
    "NEMA_10_50",
    "NEMA_14_30",
    "NEMA_14_50",
    "PANTOGRAPH_BOTTOM_UP",
    "PANTOGRAPH_TOP_DOWN",
    "TESLA_R",
    "TESLA_S",
]


class ConnectorDescription(BaseModel):
    """What a connector is; only what is given changes, null clears it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    connector_id: ConnectorId
    standard: ConnectorStandard | None = None
    format: Literal["SOCKET", "CABLE"] | None = None
    power_type: Literal["AC_1_PHASE", "AC_2_PHASE", "AC_2_PHASE_SPLIT", "AC_3_PHASE", "DC"] | None = None


def _each_once(described: list[ConnectorDescription]) -> list[ConnectorDescription]:
    if len({one.connector_id for one in described}) < len(described):
        raise ValueError("a connector_id is there twice")
    return described


EvseUid = Annotated[
    ShortText,
    StringConstraints(pattern=f"^{EVSE_UID_PATTERN}$"),
    Field(
        description="What its topics carry: 1 to 64 of A-Z a-z 0-9 . _ : @ -, as in `evse/CP-1/telemetry`."
    ),
]
Dialect = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]


def _as_base_topic(topic: str) -> str:
    base_topic = without_empty_levels(topic.strip())
    if not is_base_topic(base_topic):
        raise ValueError("must be printable, without + and #, and not begin with $")
    return base_topic


BaseTopic = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=200, pattern=r"^[^+#\x00-\x1f\x7f]*[^+#/\x00-\x1f\x7f][^+#\x00-\x1f\x7f]*$"
    ),
    AfterValidator(_as_base_topic),
    Field(
        description="Where it publishes, such as `home/wallbox`: with a dialect other than native, for a "
        "station whose base topic is not the one it had from the factory. Empty levels do not count."
    ),
]
PowerLimit = Annotated[float, Field(gt=0, le=10_000_000, allow_inf_nan=False)]
Descriptions = Annotated[list[ConnectorDescription], Field(max_length=64), AfterValidator(_each_once)]


class _EvseDetails(BaseModel):
    """What may be unknown of an EVSE."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: ShortText | None = None
    max_power_w: PowerLimit | None = Field(
        default=None,
        description="Readings beyond it are not billed. What the station says itself replaces it.",
    )
    base_topic: BaseTopic | None = None
    credentials_ref: ShortText | None = Field(
        default=None, description="What it proves its identity with, such as a fingerprint; never a secret."
    )


class NewEvse(_EvseDetails):
    """An EVSE to be registered before it is first heard of."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "evse_uid": "CP-0042",
                    "site_id": 1,
                    "name": "Car park, right",
                    "max_power_w": 7400,
                    "connectors": [
                        {
                            "connector_id": 1,
                            "standard": "IEC_62196_T2",
                            "format": "SOCKET",
                            "power_type": "AC_1_PHASE",
                        }
                    ],
                }
            ]
        }
    )

    evse_uid: EvseUid
    site_id: SiteId
    dialect: Dialect = "native"
    is_enabled: bool = True
    connectors: Descriptions = []


class EvseChange(_EvseDetails):
    """Only the fields given change; null clears those that may be unknown."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"is_enabled": False}]})

    site_id: SiteId = NOT_GIVEN
    dialect: Dialect = NOT_GIVEN
    is_enabled: bool = NOT_GIVEN
    connectors: Descriptions = NOT_GIVEN
    _says_something = says_something


class Latest(Answer):
    """The newest of one connector, in short. null is "not said"."""

    evse_uid: str
    connector_id: int
    site_id: int
    is_online: bool
    ts: datetime | None
    status: str | None
    power_w: float | None
    energy_source: str | None
    temperature_c: float | None
    soc_percent: float | None
    error_code: str | None
    quality: list[str]
    session_id: UUID | None = Field(description="The running session.")


class LatestPage(PageAnswer):
    """Connectors in the order of evse_uid and connector_id."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "evse_uid": "CP-0001",
                            "connector_id": 1,
                            "site_id": 1,
                            "is_online": True,
                            "ts": "2026-11-21T07:00:00Z",
                            "status": "charging",
                            "power_w": 7200.0,
                            "energy_source": "solar",
                            "temperature_c": 34.5,
                            "soc_percent": None,
                            "error_code": None,
                            "quality": [],
                            "session_id": "7f0c1c1e-5d3a-4b7e-9d0a-2f6c1b9e8a77",
                        }
                    ],
                    "next_cursor": None,
                }
            ]
        }
    )

    items: list[Latest]


class StationEvent(Answer):
    """Something that happened to an EVSE."""

    id: int
    ts: datetime
    kind: str = Field(description="online, offline, faulted, recovered; more kinds may come.")
    connector_id: int | None = Field(description="null: of the whole EVSE.")
    detail: str | None

    @classmethod
    def of(cls, row: EventRow) -> StationEvent:
        return cls(id=row.id, ts=row.ts, kind=row.kind, connector_id=row.connector_id, detail=row.detail)


class StationEventPage(PageAnswer):
    """Events of one EVSE, newest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "id": 812,
                            "ts": "2026-11-21T05:12:09Z",
                            "kind": "offline",
                            "connector_id": None,
                            "detail": "silent",
                        }
                    ],
                    "next_cursor": None,
                }
            ]
        }
    )

    items: list[StationEvent]


class OnlineInterval(Answer):
    """A time in which connectivity did not change."""

    starts_at: datetime
    ends_at: datetime
    is_online: bool | None = Field(description="null: nothing is known of this time.")


class OnlineHistory(Answer):
    """When an EVSE was connected, over a range that ends now at the latest."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "evse_uid": "CP-0001",
                    "date_from": "2026-11-20T00:00:00Z",
                    "date_to": "2026-11-21T00:00:00Z",
                    "online_s": 86100.0,
                    "offline_s": 300.0,
                    "unknown_s": 0.0,
                    "availability_percent": 99.653,
                    "intervals": [
                        {
                            "starts_at": "2026-11-20T00:00:00Z",
                            "ends_at": "2026-11-20T11:55:00Z",
                            "is_online": True,
                        },
                        {
                            "starts_at": "2026-11-20T11:55:00Z",
                            "ends_at": "2026-11-20T12:00:00Z",
                            "is_online": False,
                        },
                        {
                            "starts_at": "2026-11-20T12:00:00Z",
                            "ends_at": "2026-11-21T00:00:00Z",
                            "is_online": True,
                        },
                    ],
                }
            ]
        }
    )

    evse_uid: str
    date_from: datetime
    date_to: datetime
    online_s: float
    offline_s: float
    unknown_s: float
    availability_percent: float | None = Field(
        description="Online of the known time, to 0.001 %; null when nothing is known."
    )
    intervals: list[OnlineInterval] = Field(description="Without gaps, from date_from to date_to.")

    @classmethod
    def of(cls, evse_uid: str, history: Connectivity) -> OnlineHistory:
        share = history.online_share
        return cls(
            evse_uid=evse_uid,
            date_from=history.starts_at,
            date_to=history.ends_at,
            online_s=history.seconds(is_online=True),
            offline_s=history.seconds(is_online=False),
            unknown_s=history.seconds(is_online=None),
            availability_percent=None if share is None else round(100 * share, 3),
            intervals=[
                OnlineInterval(starts_at=one.starts_at, ends_at=one.ends_at, is_online=one.is_online)
                for one in history.intervals
            ],
        )


class ConnectorStatusAnswer(Answer):
    """Whether a connector is free, and nothing else."""

    connector_id: int
    status: str | None


class EvseStatus(Answer):
    """What everyone may know of an EVSE: no session, no energy, no money."""

    evse_uid: str
    name: str | None
    site_id: int
    site_name: str
    timezone: str = Field(description="IANA zone of the site.")
    is_online: bool
    connectors: list[ConnectorStatusAnswer]

    @classmethod
    def of(cls, row: EvseRow) -> EvseStatus:
        return cls(
            evse_uid=row.evse_uid,
            name=row.name,
            site_id=row.site_id,
            site_name=row.site_name,
            timezone=row.timezone,
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
