"""Sessions: listed newest first, and one by its id; always within what the caller may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, ScalarSelect, Select, false, select, union_all
from sqlalchemy.ext.asyncio import AsyncEngine

from solarrally.storage.queries.connecting import connected
from solarrally.storage.queries.window import Order, Window
from solarrally.storage.tables import app_user, charging_session, evse, tariff


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
    """Which sessions; None does not restrict. Ranges include their beginning and not their end."""

    evse_uid: str | None = None
    connector_id: int | None = None
    site_id: int | None = None
    status: Sequence[str] | None = None
    device_session_id: str | None = None
    id_token: str | None = None
    user_id: int | None = None
    """Whose id_token it is now."""
    energy_min_wh: int | None = None
    date_from: datetime | None = None
    """On `started_at`, as is `date_to`."""
    date_to: datetime | None = None
    updated_from: datetime | None = None
    """On `updated_at`, as is `updated_to`."""
    updated_to: datetime | None = None


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
    """Without VAT."""
    vat_percent: Decimal
    updated_at: datetime


SESSION_ORDERS: Final[dict[str, Order[SessionRow]]] = {
    "started_at": Order(
        columns=(charging_session.c.started_at, charging_session.c.id),
        kinds=(datetime, UUID),
        position=lambda row: (row.started_at, row.id),
    ),
    "updated_at": Order(
        columns=(charging_session.c.updated_at, charging_session.c.id),
        kinds=(datetime, UUID),
        position=lambda row: (row.updated_at, row.id),
    ),
}
_SETTLED: Final[Order[SessionRow]] = replace(
    SESSION_ORDERS["updated_at"], columns=(charging_session.c.settled_at, charging_session.c.id)
)


async def list_sessions(
    engine: AsyncEngine, scope: SessionScope, where: SessionFilter, window: Window[SessionRow]
) -> list[SessionRow]:
    """The sessions of the window."""
    statement = window_of_sessions(scope, where, window)
    async with connected(engine) as connection:
        return [_session_row(row) for row in await connection.execute(statement)]


def window_of_sessions(scope: SessionScope, where: SessionFilter, window: Window[SessionRow]) -> Select[Any]:
    """What `list_sessions` asks the database."""
    visible = scope.restrict(_SESSIONS)
    if window.order is not SESSION_ORDERS["updated_at"]:
        return window.of(filtered_sessions(visible, where))
    # There is no index on updated_at, which changes with every batch. Completed sessions have it in
    # settled_at, and those that are running are few.
    settled = _settled(visible, where, window)
    running = window.of(filtered_sessions(visible, where).where(charging_session.c.status == "ACTIVE"))
    both = union_all(select(settled.subquery()), select(running.subquery())).subquery()
    columns = (both.c.updated_at, both.c.id)
    order = [column.desc() if window.is_descending else column.asc() for column in columns]
    return select(both).order_by(*order).limit(window.limit)


def _settled(visible: Select[Any], where: SessionFilter, window: Window[SessionRow]) -> Select[Any]:
    """The completed ones, by the index on settled_at. Nothing is said twice: the planner would take it for
    two conditions, each of which lets few rows through, and would rather sort those than walk the index.
    """
    settled_at = charging_session.c.settled_at
    found = filtered_sessions(visible, replace(where, updated_from=None, updated_to=None))
    found = found.where(settled_at.is_not(None))
    if where.updated_from is not None:
        found = found.where(settled_at >= where.updated_from)
    if where.updated_to is not None:
        found = found.where(settled_at < where.updated_to)
    return replace(window, order=_SETTLED).of(found)


def filtered_sessions(statement: Select[Any], where: SessionFilter) -> Select[Any]:
    """The statement, which selects from `charging_session`, narrowed to the filter."""
    session = charging_session.c
    for column, value in (
        (session.connector_id, where.connector_id),
        (session.site_id, where.site_id),
        (session.device_session_id, where.device_session_id),
        (session.id_token, where.id_token),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if where.evse_uid is not None:
        statement = statement.where(session.evse_id == _evse_id(where.evse_uid))
    if where.user_id is not None:
        token = select(app_user.c.id_token).where(app_user.c.id == where.user_id).scalar_subquery()
        statement = statement.where(session.id_token == token)
    if where.status is not None:
        statement = statement.where(session.status.in_(where.status))
    if where.energy_min_wh is not None:
        statement = statement.where(session.energy_wh >= where.energy_min_wh)
    for column, since, until in (
        (session.started_at, where.date_from, where.date_to),
        (session.updated_at, where.updated_from, where.updated_to),
    ):
        if since is not None:
            statement = statement.where(column >= since)
        if until is not None:
            statement = statement.where(column < until)
    return statement


def _evse_id(evse_uid: str) -> ScalarSelect[Any]:
    return select(evse.c.id).where(evse.c.evse_uid == evse_uid).scalar_subquery()


async def session_of(engine: AsyncEngine, scope: SessionScope, session_id: UUID) -> SessionRow | None:
    """The session, or None when there is none or the scope does not hold it."""
    statement = scope.restrict(_SESSIONS).where(charging_session.c.id == session_id)
    async with connected(engine) as connection:
        row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _session_row(row)


# Not joined: the planner would sometimes rather read all EVSEs than look up those of a page.
_EVSE_UID = select(evse.c.evse_uid).where(evse.c.id == charging_session.c.evse_id).scalar_subquery()
_VAT_PERCENT = (
    select(tariff.c.vat_percent).where(tariff.c.id == charging_session.c.tariff_id).scalar_subquery()
)
_SESSIONS: Select[Any] = select(
    *(column for column in charging_session.c if column.name not in {"fold", "evse_id", "settled_at"}),
    _EVSE_UID.label("evse_uid"),
    _VAT_PERCENT.label("vat_percent"),
)


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
        vat_percent=row.vat_percent,
        updated_at=row.updated_at,
    )
