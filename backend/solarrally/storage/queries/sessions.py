"""Sessions: listed newest first, and one by its id; always within what the caller may see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, Select, false, select
from sqlalchemy.ext.asyncio import AsyncEngine

from solarrally.storage.queries.connecting import connected
from solarrally.storage.queries.window import Order, Window
from solarrally.storage.tables import charging_session, evse


@dataclass(slots=True, frozen=True, kw_only=True)
class SessionScope:
    """Whose sessions may be seen: everyone's, or those of one id_token (None: nobody's)."""

    everyone: bool
    id_token: str | None = None

    def covers(self, id_token: str | None) -> bool:
        """Whether what belongs to that token may be seen."""
        return self.everyone or (self.id_token is not None and id_token == self.id_token)

    def restrict(self, statement: Select[Any]) -> Select[Any]:
        if self.everyone:
            return statement
        if self.id_token is None:
            return statement.where(false())
        return statement.where(charging_session.c.id_token == self.id_token)


@dataclass(slots=True, frozen=True, kw_only=True)
class SessionFilter:
    """Which sessions; None does not restrict."""

    evse_uid: str | None = None
    connector_id: int | None = None
    site_id: int | None = None
    status: str | None = None
    device_session_id: str | None = None
    id_token: str | None = None
    date_from: datetime | None = None
    """On `started_at`, inclusive."""
    date_to: datetime | None = None
    """On `started_at`, exclusive."""


@dataclass(slots=True, frozen=True, kw_only=True)
class SessionRow:
    """A session as it stands. Energies in whole Wh; cost is exact, in `currency`."""

    id: UUID
    evse_uid: str
    connector_id: int
    site_id: int
    device_session_id: str | None
    id_token: str | None
    status: str
    started_at: datetime
    ended_at: datetime | None
    end_reason: str | None
    last_reading_at: datetime
    reading_count: int
    energy_wh: int
    energy_solar_wh: int
    energy_grid_wh: int
    energy_unattributed_wh: int
    energy_method: str
    peak_power_w: float | None
    charging_s: float
    quality: int
    tariff_id: int
    currency: str
    cost: Decimal
    updated_at: datetime


SESSION_ORDERS: Final[dict[str, Order[SessionRow]]] = {
    "started_at": Order(
        columns=(charging_session.c.started_at, charging_session.c.id),
        kinds=(datetime, UUID),
        position=lambda row: (row.started_at, row.id),
    )
}


async def list_sessions(
    engine: AsyncEngine, scope: SessionScope, where: SessionFilter, window: Window[SessionRow]
) -> list[SessionRow]:
    """The sessions of the window."""
    session = charging_session.c
    statement = window.of(scope.restrict(_SESSIONS))
    for column, value in (
        (evse.c.evse_uid, where.evse_uid),
        (session.connector_id, where.connector_id),
        (evse.c.site_id, where.site_id),
        (session.status, where.status),
        (session.device_session_id, where.device_session_id),
        (session.id_token, where.id_token),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if where.date_from is not None:
        statement = statement.where(session.started_at >= where.date_from)
    if where.date_to is not None:
        statement = statement.where(session.started_at < where.date_to)
    async with connected(engine) as connection:
        return [_session_row(row) for row in await connection.execute(statement)]


async def session_of(engine: AsyncEngine, scope: SessionScope, session_id: UUID) -> SessionRow | None:
    """The session, or None when there is none or the scope does not hold it."""
    statement = scope.restrict(_SESSIONS).where(charging_session.c.id == session_id)
    async with connected(engine) as connection:
        row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _session_row(row)


_SESSIONS: Select[Any] = select(
    *(column for column in charging_session.c if column.name not in {"fold", "evse_id"}),
    evse.c.evse_uid,
    evse.c.site_id,
).join(evse, evse.c.id == charging_session.c.evse_id)


def _session_row(row: Row[Any]) -> SessionRow:
    return SessionRow(
        id=row.id,
        evse_uid=row.evse_uid,
        connector_id=row.connector_id,
        site_id=row.site_id,
        device_session_id=row.device_session_id,
        id_token=row.id_token,
        status=row.status,
        started_at=row.started_at,
        ended_at=row.ended_at,
        end_reason=row.end_reason,
        last_reading_at=row.last_reading_at,
        reading_count=row.reading_count,
        energy_wh=row.energy_wh,
        energy_solar_wh=row.energy_solar_wh,
        energy_grid_wh=row.energy_grid_wh,
        energy_unattributed_wh=row.energy_unattributed_wh,
        energy_method=row.energy_method,
        peak_power_w=row.peak_power_w,
        charging_s=row.charging_s,
        quality=row.quality,
        tariff_id=row.tariff_id,
        currency=row.currency,
        cost=row.cost,
        updated_at=row.updated_at,
    )
