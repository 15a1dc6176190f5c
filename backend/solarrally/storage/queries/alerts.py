"""Alerts: listed newest first, and one by its id."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from solarrally.domain.alert import AlertStatus, status_of
from solarrally.storage.queries.connecting import connected
from solarrally.storage.queries.window import Order, Window
from solarrally.storage.tables import alert, evse


@dataclass(slots=True, frozen=True, kw_only=True)
class AlertFilter:
    """Which alerts; None does not restrict."""

    status: AlertStatus | None = None
    kind: str | None = None
    severity: str | None = None
    site_id: int | None = None
    evse_uid: str | None = None
    date_from: datetime | None = None
    """On `opened_at`, inclusive."""
    date_to: datetime | None = None
    """On `opened_at`, exclusive."""


@dataclass(slots=True, frozen=True, kw_only=True)
class AlertRow:
    """An alert as it stands."""

    id: int
    evse_uid: str
    site_id: int
    connector_id: int | None
    session_id: UUID | None
    kind: str
    severity: str
    detail: str | None
    occurrence_count: int
    opened_at: datetime
    last_seen_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    resolved_at: datetime | None
    resolved_by: str | None
    ended_at: datetime | None
    note: str | None

    @property
    def status(self) -> AlertStatus:
        return status_of(self.acknowledged_at, self.resolved_at)


ALERT_ORDERS: Final[dict[str, Order[AlertRow]]] = {
    "opened_at": Order(
        columns=(alert.c.opened_at, alert.c.id),
        kinds=(datetime, int),
        position=lambda row: (row.opened_at, row.id),
    )
}

_WITH_STATUS: Final[dict[AlertStatus, ColumnElement[bool]]] = {
    AlertStatus.OPEN: and_(alert.c.resolved_at.is_(None), alert.c.acknowledged_at.is_(None)),
    AlertStatus.ACKNOWLEDGED: and_(alert.c.resolved_at.is_(None), alert.c.acknowledged_at.is_not(None)),
    AlertStatus.RESOLVED: alert.c.resolved_at.is_not(None),
}
_ALERTS: Final[Select[Any]] = select(
    *(column for column in alert.c if column.name != "evse_id"), evse.c.evse_uid, evse.c.site_id
).join(evse, evse.c.id == alert.c.evse_id)


async def list_alerts(engine: AsyncEngine, where: AlertFilter, window: Window[AlertRow]) -> list[AlertRow]:
    """The alerts of the window."""
    statement = window.of(_ALERTS)
    if where.status is not None:
        statement = statement.where(_WITH_STATUS[where.status])
    for column, value in (
        (alert.c.kind, where.kind),
        (alert.c.severity, where.severity),
        (evse.c.site_id, where.site_id),
        (evse.c.evse_uid, where.evse_uid),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if where.date_from is not None:
        statement = statement.where(alert.c.opened_at >= where.date_from)
    if where.date_to is not None:
        statement = statement.where(alert.c.opened_at < where.date_to)
    async with connected(engine) as connection:
        return [_alert_row(row) for row in await connection.execute(statement)]


async def alert_of(engine: AsyncEngine, alert_id: int) -> AlertRow | None:
    """The alert, or None when there is none."""
    async with connected(engine) as connection:
        return await alert_on(connection, alert_id)


async def alert_on(
    connection: AsyncConnection, alert_id: int, *, is_to_be_changed: bool = False
) -> AlertRow | None:
    """The same within a transaction, which then holds it against others where it `is_to_be_changed`."""
    statement = _ALERTS.where(alert.c.id == alert_id)
    if is_to_be_changed:
        statement = statement.with_for_update(of=alert)
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _alert_row(row)


def _alert_row(row: Row[Any]) -> AlertRow:
    return AlertRow(**row._mapping)
