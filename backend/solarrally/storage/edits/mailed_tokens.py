"""Tokens that are mailed and good once, to accept an invitation or to reset a password."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from solarrally.storage.audit import Actor, record
from solarrally.storage.secret_text import hash_of, new_secret
from solarrally.storage.tables import app_user, mailed_token
from solarrally.storage.users import UserExists

MAX_RESETS_PER_HOUR: Final = 3
"""Mails to one user: nobody's mailbox is filled by us."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Invitation:
    """What somebody who was invited becomes."""

    email: str
    role: str
    id_token: str | None


@dataclass(slots=True, frozen=True, kw_only=True)
class Reset:
    """A password that may be set anew."""

    user_id: int
    username: str
    token: str


async def create_invitation(
    connection: AsyncConnection, actor: Actor, invitation: Invitation, *, now: datetime, ttl_s: float
) -> tuple[str, datetime]:
    """The token that accepts it, and when it expires. Earlier ones to the same address are worth nothing.

    The caller commits. Raises `UserExists` for an address or an `id_token` that a user has.
    """
    for field, value in (("email", invitation.email), ("id_token", invitation.id_token)):
        if (
            value is not None
            and (await connection.execute(select(app_user.c.id).where(app_user.c[field] == value))).first()
        ):
            raise UserExists(field)
    await connection.execute(
        delete(mailed_token).where(
            mailed_token.c.kind == "invitation",
            (mailed_token.c.email == invitation.email) | (mailed_token.c.expires_at < now),
            mailed_token.c.used_at.is_(None),
        )
    )
    token, expires_at = new_secret(), now + timedelta(seconds=ttl_s)
    values = {"email": invitation.email, "role": invitation.role, "id_token": invitation.id_token}
    await connection.execute(
        insert(mailed_token).values(
            token_hash=hash_of(token),
            kind="invitation",
            created_by_user_id=actor.user_id,
            created_at=now,
            expires_at=expires_at,
            **values,
        )
    )
    await record(connection, actor, "invitation.create", "invitation", invitation.email, after=values)
    return token, expires_at


async def invitation_of(connection: AsyncConnection, token: str, *, now: datetime) -> Invitation | None:
    """The invitation, locked; None when it is unknown, used or expired, or who invited is disabled."""
    statement = (
        select(mailed_token.c.email, mailed_token.c.role, mailed_token.c.id_token)
        .join(app_user, app_user.c.id == mailed_token.c.created_by_user_id)
        .where(
            mailed_token.c.token_hash == hash_of(token),
            mailed_token.c.kind == "invitation",
            mailed_token.c.used_at.is_(None),
            mailed_token.c.expires_at > now,
            app_user.c.is_active,
        )
        .with_for_update(of=mailed_token)
    )
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else Invitation(**row._mapping)


async def use_invitation(connection: AsyncConnection, token: str, *, now: datetime) -> None:
    """It has been accepted. The caller commits."""
    await connection.execute(
        update(mailed_token).where(mailed_token.c.token_hash == hash_of(token)).values(used_at=now)
    )


async def create_reset(
    connection: AsyncConnection, actor: Actor, email: str, *, now: datetime, ttl_s: float
) -> Reset | None:
    """A token for the active user with this address; None when there is none, or it was asked too often.

    The caller commits.
    """
    user = (
        await connection.execute(
            select(app_user.c.id, app_user.c.username)
            .where(app_user.c.email == email, app_user.c.is_active)
            .with_for_update()
        )
    ).one_or_none()
    if user is None:
        return None
    of_user = (mailed_token.c.kind == "password_reset", mailed_token.c.user_id == user.id)
    an_hour_ago = now - timedelta(hours=1)
    recent_count = await connection.execute(
        select(func.count())
        .select_from(mailed_token)
        .where(*of_user, mailed_token.c.created_at > an_hour_ago)
    )
    if recent_count.scalar_one() >= MAX_RESETS_PER_HOUR:
        return None
    await connection.execute(
        delete(mailed_token).where(
            *of_user, mailed_token.c.expires_at < now, mailed_token.c.created_at <= an_hour_ago
        )
    )
    token = new_secret()
    await connection.execute(
        insert(mailed_token).values(
            token_hash=hash_of(token),
            kind="password_reset",
            user_id=user.id,
            email=email,
            created_at=now,
            expires_at=now + timedelta(seconds=ttl_s),
        )
    )
    await record(connection, actor, "password.ask_reset", "user", user.id)
    return Reset(user_id=user.id, username=user.username, token=token)


async def can_reset(connection: AsyncConnection, token: str, *, now: datetime) -> bool:
    """Whether the token may set a password now: asked before the costly hash is made."""
    statement = select(mailed_token.c.user_id).where(*_is_good_reset(token, now))
    return (await connection.execute(statement)).first() is not None


async def spend_reset(connection: AsyncConnection, token: str, *, now: datetime) -> int | None:
    """Whose password it sets; it is worth nothing now. None when it is unknown, used or expired."""
    spent = await connection.execute(
        update(mailed_token)
        .where(*_is_good_reset(token, now))
        .values(used_at=now)
        .returning(mailed_token.c.user_id)
    )
    user_id: int | None = spent.scalar_one_or_none()
    return user_id


async def end_resets_of(connection: AsyncConnection, user_id: int, *, now: datetime) -> None:
    """What was mailed to the user for resets is worth nothing now. The caller commits."""
    await connection.execute(
        update(mailed_token)
        .where(
            mailed_token.c.kind == "password_reset",
            mailed_token.c.user_id == user_id,
            mailed_token.c.used_at.is_(None),
        )
        .values(used_at=now)
    )


def _is_good_reset(token: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        mailed_token.c.token_hash == hash_of(token),
        mailed_token.c.kind == "password_reset",
        mailed_token.c.used_at.is_(None),
        mailed_token.c.expires_at > now,
    )
