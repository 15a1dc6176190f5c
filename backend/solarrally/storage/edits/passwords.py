"""Passwords set anew: by who knows the old one, or by who was mailed a token. Other logins end with it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from solarrally.storage.audit import Actor, record
from solarrally.storage.edits.logins import end_logins_of
from solarrally.storage.edits.mailed_tokens import end_resets_of, spend_reset
from solarrally.storage.tables import app_user


async def change_password(
    connection: AsyncConnection,
    actor: Actor,
    user_id: int,
    *,
    old_hash: str,
    new_hash: str,
    now: datetime,
    keep_login: UUID | None,
) -> bool:
    """Set another password and end all other logins; the caller commits. False: it was changed meanwhile."""
    changed = await connection.execute(
        update(app_user)
        .where(app_user.c.id == user_id, app_user.c.password_hash == old_hash)
        .values(password_hash=new_hash, password_changed_at=now)
        .returning(app_user.c.id)
    )
    if changed.first() is None:
        return False
    await end_resets_of(connection, user_id, now=now)
    await record(connection, actor, "password.change", "user", user_id)
    await end_logins_of(connection, actor, user_id, reason="password_changed", now=now, but=keep_login)
    return True


async def reset_password(
    connection: AsyncConnection, actor: Actor, token: str, *, new_hash: str, now: datetime
) -> bool:
    """Set the password of the user whom the token was mailed to, and end all logins; the caller commits.

    False when the token is unknown, used or expired, or its user disabled. `actor` is whoever presents it.
    """
    user_id = await spend_reset(connection, token, now=now)
    if user_id is None:
        return False
    changed = await connection.execute(
        update(app_user)
        .where(app_user.c.id == user_id, app_user.c.is_active)
        .values(password_hash=new_hash, password_changed_at=now)
        .returning(app_user.c.username)
    )
    username = changed.scalar_one_or_none()
    if username is None:
        return False
    await end_resets_of(connection, user_id, now=now)
    owner = Actor(user_id=user_id, name=username, address=actor.address, request_id=actor.request_id)
    await record(connection, owner, "password.reset", "user", user_id)
    await end_logins_of(connection, owner, user_id, reason="password_reset", now=now)
    return True
