"""The API keys, without what was shown once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, Select, and_, not_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from solarrally.storage.queries.connecting import connected
from solarrally.storage.queries.window import Order, Window
from solarrally.storage.tables import api_key, app_user


@dataclass(slots=True, frozen=True, kw_only=True)
class ApiKeyRow:
    """One key."""

    id: int
    name: str
    prefix: str
    user_id: int
    username: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    """To the minute."""
    revoked_at: datetime | None


API_KEY_ORDERS: Final[dict[str, Order[ApiKeyRow]]] = {
    "id": Order(columns=(api_key.c.id,), kinds=(int,), position=lambda row: (row.id,))
}


async def list_api_keys(
    engine: AsyncEngine,
    window: Window[ApiKeyRow],
    *,
    owner_id: int | None = None,
    user_id: int | None = None,
    is_active: bool | None = None,
    now: datetime,
) -> list[ApiKeyRow]:
    """The keys of the window: of one user, or only those that hold now or do no longer.

    `owner_id` is whose keys may be seen at all; None: everybody's.
    """
    statement = _KEYS if owner_id is None else _KEYS.where(api_key.c.user_id == owner_id)
    if user_id is not None:
        statement = statement.where(api_key.c.user_id == user_id)
    if is_active is not None:
        holds = and_(api_key.c.revoked_at.is_(None), api_key.c.expires_at > now)
        statement = statement.where(holds if is_active else not_(holds))
    async with connected(engine) as connection:
        return [_key(row) for row in await connection.execute(window.of(statement))]


async def api_key_of(engine: AsyncEngine, key_id: int) -> ApiKeyRow | None:
    """The key, or None when there is none."""
    async with connected(engine) as connection:
        row = (await connection.execute(_KEYS.where(api_key.c.id == key_id))).one_or_none()
    return None if row is None else _key(row)


_KEYS: Final[Select[Any]] = select(
    api_key.c.id,
    api_key.c.name,
    api_key.c.prefix,
    api_key.c.user_id,
    app_user.c.username,
    api_key.c.scopes,
    api_key.c.created_at,
    api_key.c.expires_at,
    api_key.c.last_used_at,
    api_key.c.revoked_at,
).join(app_user, app_user.c.id == api_key.c.user_id)


def _key(row: Row[Any]) -> ApiKeyRow:
    return ApiKeyRow(**{**row._mapping, "scopes": tuple(row.scopes)})
