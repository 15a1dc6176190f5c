"""The logins of a user: where somebody is logged in, and how earlier logins ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import and_, not_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from solarrally.storage.queries.connecting import connected
from solarrally.storage.queries.window import Order, Window
from solarrally.storage.tables import login_session


@dataclass(slots=True, frozen=True, kw_only=True)
class LoginRow:
    """One login."""

    id: UUID
    created_at: datetime
    last_used_at: datetime
    """When it was begun or last refreshed."""
    expires_at: datetime
    address: str | None
    """Where it was last used from."""
    user_agent: str | None
    ended_at: datetime | None
    end_reason: str | None


LOGIN_ORDERS: Final[dict[str, Order[LoginRow]]] = {
    "created_at": Order(
        columns=(login_session.c.created_at, login_session.c.id),
        kinds=(datetime, UUID),
        position=lambda row: (row.created_at, row.id),
    )
}


async def list_logins(
    engine: AsyncEngine, user_id: int, window: Window[LoginRow], *, is_active: bool | None, now: datetime
) -> list[LoginRow]:
    """The logins of the user in the window; with `is_active` only those that hold now, or do no longer."""
    columns = [column for column in login_session.c if column.name != "user_id"]
    statement = select(*columns).where(login_session.c.user_id == user_id)
    if is_active is not None:
        holds = and_(login_session.c.ended_at.is_(None), login_session.c.expires_at > now)
        statement = statement.where(holds if is_active else not_(holds))
    async with connected(engine) as connection:
        return [LoginRow(**row._mapping) for row in await connection.execute(window.of(statement))]
