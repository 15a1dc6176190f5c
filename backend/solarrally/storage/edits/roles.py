"""Roles made, changed and removed, each with its entry in the audit log."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from sqlalchemy import delete, insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from solarrally.errors import SolarRallyError
from solarrally.storage.audit import Actor, record
from solarrally.storage.edits.editing import editing
from solarrally.storage.edits.users import check_within
from solarrally.storage.queries.roles import RoleRow, role_in
from solarrally.storage.tables import role


class RoleConflict(SolarRallyError):
    """The role cannot be made, changed or removed as things are; `field` says where the request is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


async def add_role(
    engine: AsyncEngine,
    actor: Actor,
    granting: Set[str] | None,
    *,
    name: str,
    description: str,
    permissions: Set[str],
) -> RoleRow:
    """Make a role that allows nothing beyond `granting` (None: no limit).

    Raises `MoreThanOwn`, and `RoleConflict` when the name is taken.
    """
    check_within(permissions, granting)
    values = {"description": description, "permissions": sorted(permissions)}
    async with editing(engine) as connection:
        try:
            await connection.execute(insert(role).values(name=name, **values))
        except IntegrityError as error:
            raise RoleConflict("name", "another role has this name") from error
        await record(connection, actor, "role.create", "role", name, after=values)
        made = await role_in(connection, name)
    assert made is not None
    return made


async def change_role(
    engine: AsyncEngine, actor: Actor, granting: Set[str] | None, name: str, changes: Mapping[str, Any]
) -> RoleRow | None:
    """The role with `description` and `permissions` changed; None when there is none.

    Raises `RoleConflict` for a built-in one, `MoreThanOwn` when it allows, or would, more than `granting`.
    """
    async with editing(engine) as connection:
        old = await role_in(connection, name, is_to_be_changed=True)
        if old is None:
            return None
        if old.is_built_in:
            raise RoleConflict("role_name", "a built-in role stays as it is")
        check_within(old.permissions, granting)
        check_within(changes.get("permissions", frozenset()), granting)
        values = {field: _listed(value) for field, value in changes.items() if value != getattr(old, field)}
        if not values:
            return old
        await connection.execute(update(role).where(role.c.name == name).values(values))
        before = {field: _listed(getattr(old, field)) for field in values}
        await record(connection, actor, "role.update", "role", name, before=before, after=values)
        return await role_in(connection, name)


async def remove_role(engine: AsyncEngine, actor: Actor, granting: Set[str] | None, name: str) -> bool:
    """Whether there was such a role. Raises `RoleConflict` (built-in, or in use) and `MoreThanOwn`."""
    async with editing(engine) as connection:
        old = await role_in(connection, name, is_to_be_changed=True)
        if old is None:
            return False
        if old.is_built_in:
            raise RoleConflict("role_name", "a built-in role stays as it is")
        check_within(old.permissions, granting)
        try:
            await connection.execute(delete(role).where(role.c.name == name))
        except IntegrityError as error:
            raise RoleConflict("role_name", "users or invitations have this role") from error
        before = {"description": old.description, "permissions": _listed(old.permissions)}
        await record(connection, actor, "role.delete", "role", name, before=before)
    return True


def _listed(value: Any) -> Any:
    """As JSON and the database's array hold it."""
    return sorted(value) if isinstance(value, Set) else value
