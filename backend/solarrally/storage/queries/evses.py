"""The registry of EVSEs, with the newest of each connector."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, Select, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from solarrally.storage.queries.connecting import connected
from solarrally.storage.queries.window import Order, Window
from solarrally.storage.tables import connector, evse, site


@dataclass(slots=True, frozen=True, kw_only=True)
class ConnectorRow:
    """A connector as it was last heard of."""

    connector_id: int
    ts: datetime | None
    received_at: datetime | None
    status: str | None
    reported_status: str | None
    power_w: float | None
    voltage_v: float | None
    current_a: float | None
    temperature_c: float | None
    soc_percent: float | None
    energy_source: str | None
    error_code: str | None
    quality: int
    session_id: UUID | None
    """The running session."""
    standard: str | None
    format: str | None
    power_type: str | None


@dataclass(slots=True, frozen=True, kw_only=True)
class EvseRow:
    """A registered EVSE with its connectors, by connector_id."""

    evse_uid: str
    site_id: int
    site_name: str
    timezone: str
    """Of the site."""
    name: str | None
    dialect: str
    base_topic: str | None
    vendor: str | None
    model: str | None
    firmware: str | None
    max_power_w: float | None
    is_enabled: bool
    is_online: bool
    online_changed_at: datetime | None
    credentials_ref: str | None
    created_at: datetime
    edited_at: datetime | None
    connectors: Sequence[ConnectorRow]


@dataclass(slots=True, frozen=True, kw_only=True)
class EvseFilter:
    """Which EVSEs; None does not restrict. `status` is that of at least one of the connectors; `q` is what
    the evse_uid or the name begins with, in upper or lower case.
    """

    site_id: int | None = None
    status: str | None = None
    is_online: bool | None = None
    is_enabled: bool | None = None
    dialect: str | None = None
    q: str | None = None


EVSE_ORDERS: Final[dict[str, Order[EvseRow]]] = {
    "evse_uid": Order(columns=(evse.c.evse_uid,), kinds=(str,), position=lambda row: (row.evse_uid,))
}


async def list_evses(engine: AsyncEngine, where: EvseFilter, window: Window[EvseRow]) -> list[EvseRow]:
    """The EVSEs of the window; evse_uid sorts as the database sorts."""
    statement = window.of(_EVSES)
    for column, value in (
        (evse.c.site_id, where.site_id),
        (evse.c.is_online, where.is_online),
        (evse.c.is_enabled, where.is_enabled),
        (evse.c.dialect, where.dialect),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if where.q is not None:
        statement = statement.where(
            or_(
                evse.c.evse_uid.istartswith(where.q, autoescape=True),
                evse.c.name.istartswith(where.q, autoescape=True),
            )
        )
    if where.status is not None:
        has_status = select(connector.c.evse_id).where(
            connector.c.evse_id == evse.c.id, connector.c.status == where.status
        )
        statement = statement.where(has_status.exists())
    async with connected(engine) as connection:
        return await _with_connectors(connection, statement)


async def evse_of(engine: AsyncEngine, evse_uid: str) -> EvseRow | None:
    """The EVSE, or None when it is not registered."""
    async with connected(engine) as connection:
        return await evse_in(connection, evse_uid)


async def evse_in(connection: AsyncConnection, evse_uid: str) -> EvseRow | None:
    """`evse_of` in a transaction."""
    found = await _with_connectors(connection, _EVSES.where(evse.c.evse_uid == evse_uid))
    return found[0] if found else None


@dataclass(slots=True, frozen=True, kw_only=True)
class StationKey:
    """What telemetry of an EVSE is filed under, and the time zone of its site."""

    evse_id: int
    timezone: str


async def station_key_of(engine: AsyncEngine, evse_uid: str) -> StationKey | None:
    """The key of the EVSE, or None when it is not registered."""
    statement = (
        select(evse.c.id, site.c.timezone)
        .join(site, site.c.id == evse.c.site_id)
        .where(evse.c.evse_uid == evse_uid)
    )
    async with connected(engine) as connection:
        row = (await connection.execute(statement)).one_or_none()
    return None if row is None else StationKey(evse_id=row.id, timezone=row.timezone)


async def key_of(connection: AsyncConnection, evse_uid: str) -> int | None:
    """The database's key of the EVSE, or None when it is not registered."""
    return await connection.scalar(select(evse.c.id).where(evse.c.evse_uid == evse_uid))


_EVSES: Select[Any] = select(evse, site.c.name.label("site_name"), site.c.timezone).join(
    site, site.c.id == evse.c.site_id
)
_CONNECTOR_COLUMNS = [column for column in connector.c if column.name != "fold"]


async def _with_connectors(connection: AsyncConnection, statement: Select[Any]) -> list[EvseRow]:
    evse_rows = (await connection.execute(statement)).all()
    connectors: defaultdict[int, list[ConnectorRow]] = defaultdict(list)
    connector_statement = (
        select(*_CONNECTOR_COLUMNS)
        .where(connector.c.evse_id.in_([row.id for row in evse_rows]))
        .order_by(connector.c.evse_id, connector.c.connector_id)
    )
    for row in await connection.execute(connector_statement):
        connectors[row.evse_id].append(_connector_row(row))
    return [_evse_row(row, connectors[row.id]) for row in evse_rows]


def _evse_row(row: Row[Any], connectors: Sequence[ConnectorRow]) -> EvseRow:
    return EvseRow(
        evse_uid=row.evse_uid,
        site_id=row.site_id,
        site_name=row.site_name,
        timezone=row.timezone,
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
        connectors=connectors,
    )


def _connector_row(row: Row[Any]) -> ConnectorRow:
    return ConnectorRow(
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
        quality=row.quality,
        session_id=row.session_id,
        standard=row.standard,
        format=row.format,
        power_type=row.power_type,
    )
