"""API keys: made for machines, shown once, bounded in time and in what they may, and revoked."""

from __future__ import annotations

import secrets
import string
from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from solarrally.storage.audit import Actor, record
from solarrally.storage.secret_text import SECRET_LENGTH, hash_of, new_secret
from solarrally.storage.tables import api_key

KEY_PREFIX: Final = "srk_"
"""Every key begins with it, so that scanners of source code find those that were leaked."""
PUBLIC_LENGTH: Final = 8
KEY_PATTERN: Final = rf"{KEY_PREFIX}[A-Za-z0-9]{{{PUBLIC_LENGTH}}}_[A-Za-z0-9_-]{{{SECRET_LENGTH}}}"
MAX_KEY_LIFE_S: Final = 366 * 86_400.0
MAX_KEY_NAME_LENGTH: Final = 100


async def create_api_key(
    connection: AsyncConnection,
    actor: Actor,
    *,
    name: str,
    user_id: int,
    scopes: Collection[str],
    expires_at: datetime,
    now: datetime,
) -> tuple[int, str]:
    """The id of a new key and the key itself, of which only the hash is stored. The caller commits.

    It may what its owner may and `scopes` name, both.
    """
    public = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(PUBLIC_LENGTH))
    key = f"{KEY_PREFIX}{public}_{new_secret()}"
    values = {"name": name, "user_id": user_id, "scopes": sorted(set(scopes)), "expires_at": expires_at}
    statement = insert(api_key).values(
        **values, prefix=f"{KEY_PREFIX}{public}", key_hash=hash_of(key), created_at=now
    )
    key_id = (await connection.execute(statement.returning(api_key.c.id))).scalar_one()
    after = {**values, "expires_at": expires_at.isoformat()}
    await record(connection, actor, "api_key.create", "api_key", key_id, after=after)
    return key_id, key


async def revoke_api_key(connection: AsyncConnection, actor: Actor, key_id: int, *, now: datetime) -> bool:
    """False when there is none. One that was revoked stays as it is. The caller commits."""
    revoked = await connection.execute(
        update(api_key)
        .where(api_key.c.id == key_id, api_key.c.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(api_key.c.name)
    )
    if revoked.first() is None:
        return (
            await connection.execute(select(api_key.c.id).where(api_key.c.id == key_id))
        ).first() is not None
    after = {"revoked_at": now.isoformat()}
    await record(connection, actor, "api_key.revoke", "api_key", key_id, after=after)
    return True
