"""Base topics of stations kept apart: none is inside another's, or one device could speak for two."""

from __future__ import annotations

from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from solarrally.storage.edits.editing import EditConflict
from solarrally.storage.tables import evse

_LOCK: Final = 0x42415345
"""Of the advisory lock: two edits at once must see each other's base topic."""


async def check_apart(connection: AsyncConnection, evse_uid: str, base_topic: str) -> None:
    """Raises `EditConflict` when it contains another station's base topic, or lies below it.

    Others who ask wait until this transaction ends. Equal ones are refused by the table itself.
    """
    await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    other = evse.c.base_topic
    overlapping = (
        select(evse.c.evse_uid, other)
        .where(
            evse.c.evse_uid != evse_uid,
            func.starts_with(other + "/", base_topic + "/") | func.starts_with(base_topic + "/", other + "/"),
            other != base_topic,
        )
        .limit(1)
    )
    found = (await connection.execute(overlapping)).one_or_none()
    if found is not None:
        raise EditConflict(
            "base_topic", f"{base_topic} and {found.evse_uid}'s {found.base_topic} are one inside the other"
        )
