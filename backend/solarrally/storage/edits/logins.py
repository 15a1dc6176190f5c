"""Logins: begun with a password, kept alive by refresh tokens that are good once, and ended for a reason.

A login is the family of its refresh tokens. One that is used a second time was stolen from somebody, we
cannot tell from whom: the login ends. The exception is an answer that was lost. Within `RETRY_GRACE_S` the
same client may repeat the request, once; what the lost answer held is worth nothing then, the newest counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID, uuid4

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from solarrally.storage.audit import Actor, record
from solarrally.storage.secret_text import hash_of, new_secret
from solarrally.storage.tables import app_user, login_session, refresh_token

RETRY_GRACE_S: Final = 10.0
MAX_LOGINS_PER_USER: Final = 100
"""Logins that hold at one time; one more ends the one that was used least recently."""
KEEP_ENDED_S: Final = 30 * 86_400.0
"""Logins that ended are listed for so long."""
MAX_USER_AGENT_LENGTH: Final = 256

EndReason = Literal["logout", "revoked", "reuse", "password_changed", "password_reset", "too_many"]
Refusal = Literal["unknown", "ended", "expired", "disabled", "reuse"]


@dataclass(slots=True, frozen=True, kw_only=True)
class LoginRules:
    """How long a login holds."""

    max_s: float = 30 * 86_400.0
    """From its begin, however often it is used."""
    idle_s: float = 7 * 86_400.0
    """Without being used: the life of one refresh token."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Client:
    """Who asks, as far as a connection tells."""

    address: str | None
    user_agent: str | None


@dataclass(slots=True, frozen=True, kw_only=True)
class Granted:
    """A login with its newest refresh token, which is stored only as its hash."""

    user_id: int
    login_id: UUID
    refresh_token: str
    expires_at: datetime
    """Of the refresh token."""


@dataclass(slots=True, frozen=True)
class TokenOwner:
    """Whose a refresh token is."""

    login_id: UUID
    user_id: int
    username: str


async def begin_login(
    connection: AsyncConnection,
    actor: Actor,
    user_id: int,
    *,
    password_hash: str,
    client: Client,
    rules: LoginRules,
    now: datetime,
) -> Granted | None:
    """A new login of the user; None when the password is another by now, or the user disabled.

    The caller commits.
    """
    still_so = select(app_user.c.id).where(
        app_user.c.id == user_id, app_user.c.password_hash == password_hash, app_user.c.is_active
    )
    if (await connection.execute(still_so.with_for_update(read=True))).first() is None:
        return None
    await _make_room(connection, user_id, now)
    login_id, ends_at = uuid4(), now + timedelta(seconds=rules.max_s)
    await connection.execute(
        insert(login_session).values(
            id=login_id,
            user_id=user_id,
            created_at=now,
            last_used_at=now,
            expires_at=ends_at,
            address=client.address,
            user_agent=_bounded(client.user_agent),
        )
    )
    await record(connection, actor, "login.begin", "login", login_id)
    return await _grant(connection, user_id, login_id, ends_at, rules, now)


async def refresh_login(
    connection: AsyncConnection, token: str, *, client: Client, actor: Actor, rules: LoginRules, now: datetime
) -> Granted | Refusal:
    """The next refresh token for this one, or why there is none. The caller commits, in either case.

    `actor` is who asks, should the token turn out to be used a second time.
    """
    login = await _locked_login_of(connection, token)
    if login is None:
        return "unknown"
    if login.ended_at is not None:
        return "ended"
    if login.expires_at <= now:
        return "expired"
    if not login.is_active:
        return "disabled"
    # read only now: whoever held the lock may have used it meanwhile
    presented = (
        await connection.execute(select(refresh_token).where(refresh_token.c.token_hash == hash_of(token)))
    ).one_or_none()
    if presented is None:  # cleared away meanwhile
        return "expired"
    is_retry = presented.used_at is not None
    if is_retry and not await _may_retry(connection, presented, login, client, now):
        await end_login(connection, actor, login.id, reason="reuse", now=now)
        return "reuse"
    if presented.expires_at <= now:
        return "expired"
    granted = await _grant(connection, login.user_id, login.id, login.expires_at, rules, now)
    if is_retry:
        await connection.execute(
            update(refresh_token)
            .where(refresh_token.c.token_hash == presented.replaced_by_hash)
            .values(used_at=now)
        )
    await connection.execute(
        update(refresh_token)
        .where(refresh_token.c.token_hash == presented.token_hash)
        .values(
            used_at=presented.used_at or now,
            replaced_by_hash=hash_of(granted.refresh_token),
            retried_at=now if is_retry else None,
        )
    )
    await connection.execute(
        update(login_session)
        .where(login_session.c.id == login.id)
        .values(last_used_at=now, address=client.address, user_agent=_bounded(client.user_agent))
    )
    await connection.execute(
        delete(refresh_token).where(refresh_token.c.login_id == login.id, refresh_token.c.expires_at <= now)
    )
    return granted


async def login_of(connection: AsyncConnection, token: str) -> TokenOwner | None:
    """The login that a refresh token belongs to, whether or not it still holds."""
    login = await _locked_login_of(connection, token)
    return None if login is None else TokenOwner(login.id, login.user_id, login.username)


async def end_login(
    connection: AsyncConnection,
    actor: Actor,
    login_id: UUID,
    *,
    reason: EndReason,
    now: datetime,
    of_user_id: int | None = None,
) -> bool:
    """End a login, with its audit entry; False when there is none, or another user's. The caller commits.

    One that has ended already stays as it is.
    """
    mine = [login_session.c.id == login_id]
    if of_user_id is not None:
        mine.append(login_session.c.user_id == of_user_id)
    ended = await connection.execute(
        update(login_session)
        .where(*mine, login_session.c.ended_at.is_(None))
        .values(ended_at=now, end_reason=reason)
        .returning(login_session.c.user_id)
    )
    user_id = ended.scalar_one_or_none()
    if user_id is None:
        return (await connection.execute(select(login_session.c.id).where(*mine))).first() is not None
    await record(
        connection,
        actor,
        "login.end",
        "login",
        login_id,
        after={"end_reason": reason, "user_id": user_id},
        outcome="refused" if reason == "reuse" else "done",
        detail="a refresh token was used a second time" if reason == "reuse" else None,
    )
    return True


async def end_logins_of(
    connection: AsyncConnection,
    actor: Actor,
    user_id: int,
    *,
    reason: EndReason,
    now: datetime,
    but: UUID | None = None,
) -> int:
    """End all logins of a user, but one; how many they were. The caller commits."""
    statement = (
        update(login_session)
        .where(login_session.c.user_id == user_id, login_session.c.ended_at.is_(None))
        .values(ended_at=now, end_reason=reason)
        .returning(login_session.c.id)
    )
    if but is not None:
        statement = statement.where(login_session.c.id != but)
    ended = (await connection.execute(statement)).scalars().all()
    if ended:
        after = {"end_reason": reason, "login_count": len(ended)}
        await record(connection, actor, "login.end_all", "user", user_id, after=after)
    return len(ended)


async def _locked_login_of(connection: AsyncConnection, token: str) -> Any | None:
    """Locked, so that of two who come with the same token one comes second."""
    statement = (
        select(
            login_session.c.id,
            login_session.c.user_id,
            login_session.c.expires_at,
            login_session.c.ended_at,
            login_session.c.address,
            login_session.c.user_agent,
            app_user.c.username,
            app_user.c.is_active,
        )
        .join(refresh_token, refresh_token.c.login_id == login_session.c.id)
        .join(app_user, app_user.c.id == login_session.c.user_id)
        .where(refresh_token.c.token_hash == hash_of(token))
        .with_for_update(of=login_session)
    )
    return (await connection.execute(statement)).one_or_none()


async def _may_retry(
    connection: AsyncConnection, presented: Any, login: Any, client: Client, now: datetime
) -> bool:
    """Whether a used token is repeated by a client whose answer was lost."""
    if presented.retried_at is not None or presented.replaced_by_hash is None:
        return False
    if (now - presented.used_at).total_seconds() > RETRY_GRACE_S:
        return False
    if (login.address, login.user_agent) != (client.address, _bounded(client.user_agent)):
        return False
    successor = await connection.execute(
        select(refresh_token.c.used_at).where(refresh_token.c.token_hash == presented.replaced_by_hash)
    )
    return successor.scalar_one_or_none() is None


async def _grant(
    connection: AsyncConnection,
    user_id: int,
    login_id: UUID,
    ends_at: datetime,
    rules: LoginRules,
    now: datetime,
) -> Granted:
    token, expires_at = new_secret(), min(ends_at, now + timedelta(seconds=rules.idle_s))
    await connection.execute(
        insert(refresh_token).values(
            token_hash=hash_of(token), login_id=login_id, created_at=now, expires_at=expires_at
        )
    )
    return Granted(user_id=user_id, login_id=login_id, refresh_token=token, expires_at=expires_at)


async def _make_room(connection: AsyncConnection, user_id: int, now: datetime) -> None:
    """Forget what ended long ago, and end what is too many."""
    of_user = login_session.c.user_id == user_id
    await connection.execute(
        delete(login_session).where(
            of_user,
            func.coalesce(login_session.c.ended_at, login_session.c.expires_at)
            < now - timedelta(seconds=KEEP_ENDED_S),
        )
    )
    holding = (of_user, login_session.c.ended_at.is_(None), login_session.c.expires_at > now)
    too_many = (
        select(login_session.c.id)
        .where(*holding)
        .order_by(login_session.c.last_used_at.desc())
        .offset(MAX_LOGINS_PER_USER - 1)
    )
    await connection.execute(
        update(login_session)
        .where(login_session.c.id.in_(too_many))
        .values(ended_at=now, end_reason="too_many")
    )


def _bounded(user_agent: str | None) -> str | None:
    return None if user_agent is None else user_agent[:MAX_USER_AGENT_LENGTH]
