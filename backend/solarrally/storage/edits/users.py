"""Users added, changed and removed by those who may, each with its entry in the audit log."""

from __future__ import annotations

from collections.abc import Mapping, Set
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from solarrally.domain.permission import Permission, Role, beyond, permissions_of
from solarrally.errors import SolarRallyError
from solarrally.storage.audit import Actor, record
from solarrally.storage.edits.editing import editing
from solarrally.storage.edits.logins import end_logins_of
from solarrally.storage.edits.mailed_tokens import end_resets_of
from solarrally.storage.passwords import Passwords
from solarrally.storage.tables import app_user, role
from solarrally.storage.users import (
    Account,
    InvalidUser,
    account_in,
    check_id_token,
    check_password,
    check_username,
    insert_user,
    mail_address,
    refusals_named,
)


class MoreThanOwn(SolarRallyError):
    """Somebody would give, or take over, permissions that they do not have themselves."""

    def __init__(self, missing: Set[str]) -> None:
        super().__init__(f"needs permissions that you do not have: {', '.join(sorted(missing))}")
        self.missing = missing


class LastAdmin(SolarRallyError):
    """Without this one nobody could administer the users any more."""

    def __init__(self, field: str) -> None:
        super().__init__("the last active admin stays")
        self.field = field


async def add_user(
    engine: AsyncEngine,
    actor: Actor,
    granting: Set[str] | None,
    *,
    username: str,
    password: str,
    role_name: str,
    id_token: str | None = None,
    email: str | None = None,
    passwords: Passwords,
) -> Account:
    """Add a user whose role allows nothing beyond `granting` (None: no limit).

    Raises `InvalidUser` and `UserExists`, each with the field, and `MoreThanOwn`.
    """
    check_username(username)
    check_password(password)
    password_hash = await passwords.hash(password)  # before a connection is taken: it may wait its turn
    async with editing(engine) as connection:
        await check_grant(connection, role_name, granting)
        check_id_token_grant(id_token, granting)
        account = await insert_user(connection, username, password_hash, role_name, id_token, email)
        await record(connection, actor, "user.create", "user", account.id, after=_shown(account))
    return account


async def change_user(
    engine: AsyncEngine,
    actor: Actor,
    granting: Set[str] | None,
    user_id: int,
    changes: Mapping[str, Any],
    *,
    now: datetime,
) -> Account | None:
    """The account with `role`, `is_active`, `id_token` and `email` changed; None when there is none.

    The logins of who is disabled end. Nobody changes a user who may do more than `granting`, nor makes one.
    Raises `InvalidUser`, `UserExists`, `MoreThanOwn` and `LastAdmin`.
    """
    values = dict(changes)
    if "id_token" in values:
        check_id_token(values["id_token"])
    if values.get("email") is not None:
        values["email"] = mail_address(values["email"])
    async with editing(engine) as connection:
        if values.get("is_active") is False or "role" in values:
            await _lock_admins(connection)
        account = await account_in(connection, user_id, is_to_be_changed=True)
        if account is None:
            return None
        check_within(account.permissions, granting)
        values = {name: value for name, value in values.items() if value != getattr(account, name)}
        if not values:
            return account
        if "role" in values:
            await check_grant(connection, values["role"], granting)
        check_id_token_grant(values.get("id_token"), granting)
        for field in ("is_active", "role"):
            if field in values:
                await _keep_an_admin(connection, account, field)
        with refusals_named():
            await connection.execute(update(app_user).where(app_user.c.id == user_id).values(values))
        before = {name: getattr(account, name) for name in values}
        await record(connection, actor, "user.update", "user", user_id, before=before, after=values)
        if values.get("is_active") is False:
            await end_logins_of(connection, actor, user_id, reason="revoked", now=now)
        return await account_in(connection, user_id)


async def set_password(
    engine: AsyncEngine, actor: Actor, user_id: int, password: str, *, passwords: Passwords, now: datetime
) -> None:
    """Set another password, without knowing the old one, and end all logins. Raises `InvalidUser`."""
    check_password(password)
    values = {"password_hash": await passwords.hash(password), "password_changed_at": now}
    async with editing(engine) as connection:
        await connection.execute(update(app_user).where(app_user.c.id == user_id).values(values))
        await end_resets_of(connection, user_id, now=now)
        await record(connection, actor, "password.set", "user", user_id)
        await end_logins_of(connection, actor, user_id, reason="password_changed", now=now)


async def remove_user(engine: AsyncEngine, actor: Actor, granting: Set[str] | None, user_id: int) -> bool:
    """Whether there was such a user; sessions and bills stay. Raises `MoreThanOwn` and `LastAdmin`."""
    async with editing(engine) as connection:
        await _lock_admins(connection)
        account = await account_in(connection, user_id, is_to_be_changed=True)
        if account is None:
            return False
        check_within(account.permissions, granting)
        await _keep_an_admin(connection, account, "user_id")
        await connection.execute(delete(app_user).where(app_user.c.id == user_id))
        await record(connection, actor, "user.delete", "user", user_id, before=_shown(account))
    return True


async def check_grant(connection: AsyncConnection, role_name: str, granting: Set[str] | None) -> None:
    """Raises `InvalidUser` when there is no such role, `MoreThanOwn` when it allows more than `granting`.

    The role stays as it is until the transaction ends.
    """
    statement = select(role.c.permissions).where(role.c.name == role_name).with_for_update(read=True)
    row = (await connection.execute(statement)).one_or_none()
    if row is None:
        raise InvalidUser("role", "there is no such role")
    check_within(permissions_of(role_name, row.permissions), granting)


def check_within(permissions: Set[str], granting: Set[str] | None) -> None:
    """Raises `MoreThanOwn` when there are permissions that `granting` does not cover (None: covers all)."""
    missing = frozenset() if granting is None else beyond(permissions, granting)
    if missing:
        raise MoreThanOwn(missing)


def check_id_token_grant(id_token: str | None, granting: Set[str] | None) -> None:
    """An id_token opens somebody's sessions: only who sees all of them gives one. Raises `MoreThanOwn`."""
    if id_token is not None:
        check_within({Permission.SESSION_READ}, granting)


async def _lock_admins(connection: AsyncConnection) -> None:
    """Two admins who disable each other take turns, in the order of their ids lest they lock crosswise."""
    statement = select(app_user.c.id).where(app_user.c.role == Role.ADMIN).order_by(app_user.c.id)
    await connection.execute(statement.with_for_update())


async def _keep_an_admin(connection: AsyncConnection, account: Account, field: str) -> None:
    if account.role != Role.ADMIN or not account.is_active:
        return
    others = select(func.count()).where(
        app_user.c.role == Role.ADMIN, app_user.c.is_active, app_user.c.id != account.id
    )
    if not (await connection.execute(others)).scalar_one():
        raise LastAdmin(field)


def _shown(account: Account) -> dict[str, Any]:
    """What the audit log keeps of an account."""
    return {
        "username": account.username,
        "role": account.role,
        "is_active": account.is_active,
        "id_token": account.id_token,
        "email": account.email,
    }
