"""What a credential stands for: the account behind a login or an API key, read whenever one is presented."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from solarrally.storage.queries.connecting import connected
from solarrally.storage.tables import api_key, login_session
from solarrally.storage.users import Account, account_in

USE_NOTED_EVERY_S: Final = 60.0


@dataclass(slots=True, frozen=True, kw_only=True)
class Standing:
    """An account that may be spoken for, until `expires_at`."""

    account: Account
    expires_at: datetime
    """Of the login or the key."""
    api_key_id: int | None = None
    scopes: frozenset[str] | None = None
    """What the key may at most; None for a login, which may what the account may."""


async def standing_of_login(
    engine: AsyncEngine, user_id: int, login_id: UUID, *, now: datetime
) -> Standing | None:
    """None when the login has ended or expired, is another's, or the user is disabled.

    Raises `StoreUnavailable`.
    """
    statement = select(login_session.c.expires_at).where(
        login_session.c.id == login_id,
        login_session.c.user_id == user_id,
        login_session.c.ended_at.is_(None),
        login_session.c.expires_at > now,
    )
    async with connected(engine) as connection:
        expires_at = (await connection.execute(statement)).scalar_one_or_none()
        if expires_at is None:
            return None
        account = await account_in(connection, user_id)
    if account is None or not account.is_active:
        return None
    return Standing(account=account, expires_at=expires_at)


async def standing_of_key(engine: AsyncEngine, key_hash: bytes, *, now: datetime) -> Standing | None:
    """None when there is no such key, it was revoked or has expired, or its owner is disabled.

    Notes that it was used, at most once in `USE_NOTED_EVERY_S`. Raises `StoreUnavailable`.
    """
    statement = select(api_key).where(
        api_key.c.key_hash == key_hash, api_key.c.revoked_at.is_(None), api_key.c.expires_at > now
    )
    noted_before = now - timedelta(seconds=USE_NOTED_EVERY_S)
    async with connected(engine) as connection:
        row = (await connection.execute(statement)).one_or_none()
        if row is None:
            return None
        account = await account_in(connection, row.user_id)
        if account is None or not account.is_active:
            return None
        if row.last_used_at is None or row.last_used_at <= noted_before:
            await connection.execute(update(api_key).where(api_key.c.id == row.id).values(last_used_at=now))
            await connection.commit()
    return Standing(
        account=account, expires_at=row.expires_at, api_key_id=row.id, scopes=frozenset(row.scopes)
    )
