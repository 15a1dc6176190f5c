"""The audit log, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from solarrally.storage.queries.connecting import connected
from solarrally.storage.queries.window import Order, Window
from solarrally.storage.tables import audit_log


@dataclass(slots=True, frozen=True, kw_only=True)
class AuditFilter:
    """Which entries; None does not restrict."""

    actor: str | None = None
    """The username at that time."""
    actor_user_id: int | None = None
    action: str | None = None
    object_type: str | None = None
    object_id: str | None = None
    outcome: str | None = None
    date_from: datetime | None = None
    """On `at`, inclusive."""
    date_to: datetime | None = None
    """On `at`, exclusive."""


@dataclass(slots=True, frozen=True, kw_only=True)
class AuditRow:
    """One entry."""

    id: int
    at: datetime
    actor_user_id: int | None
    actor_name: str
    actor_api_key_id: int | None
    address: str | None
    request_id: str | None
    action: str
    object_type: str
    object_id: str | None
    outcome: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    detail: str | None


AUDIT_ORDERS: Final[dict[str, Order[AuditRow]]] = {
    "at": Order(
        columns=(audit_log.c.at, audit_log.c.id),
        kinds=(datetime, int),
        position=lambda row: (row.at, row.id),
    )
}


async def list_audit(engine: AsyncEngine, where: AuditFilter, window: Window[AuditRow]) -> list[AuditRow]:
    """The entries of the window."""
    entry = audit_log.c
    statement = window.of(select(audit_log))
    for column, value in (
        (entry.actor_name, where.actor),
        (entry.actor_user_id, where.actor_user_id),
        (entry.action, where.action),
        (entry.object_type, where.object_type),
        (entry.object_id, where.object_id),
        (entry.outcome, where.outcome),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if where.date_from is not None:
        statement = statement.where(entry.at >= where.date_from)
    if where.date_to is not None:
        statement = statement.where(entry.at < where.date_to)
    async with connected(engine) as connection:
        return [AuditRow(**row._mapping) for row in await connection.execute(statement)]
