"""Roles: the built-in ones, and those that were made here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from solarrally.domain.permission import permissions_of
from solarrally.storage.queries.connecting import connected
from solarrally.storage.queries.window import Order, Window
from solarrally.storage.tables import role


@dataclass(slots=True, frozen=True, kw_only=True)
class RoleRow:
    """A role and what it allows."""

    name: str
    description: str
    permissions: frozenset[str]
    is_built_in: bool
    """Its permissions come with the program; it can be neither changed nor removed."""
    created_at: datetime


ROLE_ORDERS: Final[dict[str, Order[RoleRow]]] = {
    "name": Order(columns=(role.c.name,), kinds=(str,), position=lambda row: (row.name,))
}


async def list_roles(engine: AsyncEngine, window: Window[RoleRow]) -> list[RoleRow]:
    """The roles of the window."""
    async with connected(engine) as connection:
        return [_role_row(row) for row in await connection.execute(window.of(select(role)))]


async def role_of(engine: AsyncEngine, name: str) -> RoleRow | None:
    """The role, or None when there is none of that name."""
    async with connected(engine) as connection:
        return await role_in(connection, name)


async def role_in(
    connection: AsyncConnection, name: str, *, is_to_be_changed: bool = False
) -> RoleRow | None:
    """The role as the transaction sees it; locked when it is to be changed."""
    statement = select(role).where(role.c.name == name)
    if is_to_be_changed:
        statement = statement.with_for_update()
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _role_row(row)


def _role_row(row: Row[Any]) -> RoleRow:
    return RoleRow(
        name=row.name,
        description=row.description,
        permissions=permissions_of(row.name, row.permissions),
        is_built_in=row.permissions is None,
        created_at=row.created_at,
    )
