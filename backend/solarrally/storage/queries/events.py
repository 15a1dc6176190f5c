"""What happened to one EVSE, and when it was connected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncEngine

from solarrally.domain.connectivity import Connectivity, connectivity
from solarrally.storage.queries.connecting import connected
from solarrally.storage.queries.evses import key_of
from solarrally.storage.queries.window import Order, Window
from solarrally.storage.tables import station_event

_ONLINE, _OFFLINE = "online", "offline"


@dataclass(slots=True, frozen=True, kw_only=True)
class EventRow:
    """Something that happened to an EVSE, or to one of its connectors."""

    id: int
    ts: datetime
    kind: str
    connector_id: int | None
    detail: str | None


@dataclass(slots=True, frozen=True, kw_only=True)
class EventFilter:
    """Which events; None does not restrict."""

    kind: str | None = None
    connector_id: int | None = None
    date_from: datetime | None = None
    """On `ts`, inclusive."""
    date_to: datetime | None = None
    """On `ts`, exclusive."""


EVENT_ORDERS: Final[dict[str, Order[EventRow]]] = {
    "ts": Order(
        columns=(station_event.c.ts, station_event.c.id),
        kinds=(datetime, int),
        position=lambda row: (row.ts, row.id),
    )
}


async def list_events(
    engine: AsyncEngine, evse_uid: str, where: EventFilter, window: Window[EventRow]
) -> list[EventRow] | None:
    """The events of the window; None when the EVSE is not registered."""
    event = station_event.c
    async with connected(engine) as connection:
        evse_id = await key_of(connection, evse_uid)
        if evse_id is None:
            return None
        statement = window.of(select(station_event).where(event.evse_id == evse_id))
        for column, value in ((event.kind, where.kind), (event.connector_id, where.connector_id)):
            if value is not None:
                statement = statement.where(column == value)
        if where.date_from is not None:
            statement = statement.where(event.ts >= where.date_from)
        if where.date_to is not None:
            statement = statement.where(event.ts < where.date_to)
        return [_event_row(row) for row in await connection.execute(statement)]


class TooManyChanges(Exception):
    """Connectivity changed more often than one answer holds."""


async def connectivity_of(
    engine: AsyncEngine, evse_uid: str, date_from: datetime, date_to: datetime, *, limit: int
) -> Connectivity | None:
    """When the EVSE was connected; None when it is not registered.

    Raises `TooManyChanges` when there are more than `limit` in the range.
    """
    event = station_event.c
    async with connected(engine) as connection:
        evse_id = await key_of(connection, evse_uid)
        if evse_id is None:
            return None
        events = select(event.ts, event.kind).where(
            event.evse_id == evse_id, event.kind.in_((_ONLINE, _OFFLINE))
        )
        before = (
            await connection.execute(
                events.where(event.ts < date_from).order_by(event.ts.desc(), event.id.desc()).limit(1)
            )
        ).one_or_none()
        rows = (
            await connection.execute(
                events.where(event.ts >= date_from, event.ts < date_to)
                .order_by(event.ts, event.id)
                .limit(limit + 1)
            )
        ).all()
    if len(rows) > limit:
        raise TooManyChanges
    was_online = None if before is None else before.kind == _ONLINE
    return connectivity(date_from, date_to, was_online, [(row.ts, row.kind == _ONLINE) for row in rows])


def _event_row(row: Row[Any]) -> EventRow:
    return EventRow(id=row.id, ts=row.ts, kind=row.kind, connector_id=row.connector_id, detail=row.detail)
