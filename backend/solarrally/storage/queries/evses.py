"""The registry of EVSEs, with the newest of each connector."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from solarrally.storage.queries.connecting import connected
from solarrally.storage.queries.window import Order, Window
from solarrally.storage.tables import connector, evse


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


@dataclass(slots=True, frozen=True, kw_only=True)
class EvseRow:
    """A registered EVSE with its connectors, by connector_id."""

    evse_uid: str
    site_id: int
    dialect: str
    vendor: str | None
    model: str | None
    firmware: str | None
    max_power_w: float | None
    is_enabled: bool
    is_online: bool
    online_changed_at: datetime | None
    connectors: Sequence[ConnectorRow]


@dataclass(slots=True, frozen=True, kw_only=True)
class EvseFilter:
    """Which EVSEs; None does not restrict. `status` is that of at least one of the connectors."""

    site_id: int | None = None
    status: str | None = None
    is_online: bool | None = None


EVSE_ORDERS: Final[dict[str, Order[EvseRow]]] = {
    "evse_uid": Order(columns=(evse.c.evse_uid,), kinds=(str,), position=lambda row: (row.evse_uid,))
}


async def list_evses(engine: AsyncEngine, where: EvseFilter, window: Window[EvseRow]) -> list[EvseRow]:
    """The EVSEs of the window; evse_uid sorts as the database sorts."""
    statement = window.of(select(evse))
    if where.site_id is not None:
        statement = statement.where(evse.c.site_id == where.site_id)
    if where.is_online is not None:
        statement = statement.where(evse.c.is_online == where.is_online)
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
        found = await _with_connectors(connection, select(evse).where(evse.c.evse_uid == evse_uid))
    return found[0] if found else None


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
        dialect=row.dialect,
        vendor=row.vendor,
        model=row.model,
        firmware=row.firmware,
        max_power_w=row.max_power_w,
        is_enabled=row.is_enabled,
        is_online=row.is_online,
        online_changed_at=row.online_changed_at,
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
    )
