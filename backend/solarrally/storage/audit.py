"""The audit log: who did what to which object, written in the transaction that did it. Append-only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from solarrally.storage.tables import audit_log

MAX_DETAIL_LENGTH: Final = 500

Outcome = Literal["done", "refused"]


@dataclass(slots=True, frozen=True, kw_only=True)
class Actor:
    """On whose behalf something is done. `name` is kept beside the id: users may be deleted."""

    user_id: int | None
    name: str
    """The username; `cli` for the command line, `anonymous` for nobody we know."""
    api_key_id: int | None = None
    address: str | None = None
    """The peer's IP address."""
    request_id: str | None = None


async def record(
    connection: AsyncConnection,
    actor: Actor,
    action: str,
    object_type: str,
    object_id: object = None,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    outcome: Outcome = "done",
    detail: str | None = None,
) -> None:
    """Add an entry; the caller commits it with the change itself.

    `action` is `resource.verb`, such as `tariff.create`. `before` and `after` hold the fields that changed,
    as JSON values, and never a secret.
    """
    await connection.execute(
        insert(audit_log).values(
            actor_user_id=actor.user_id,
            actor_name=actor.name,
            actor_api_key_id=actor.api_key_id,
            address=actor.address,
            request_id=actor.request_id,
            action=action,
            object_type=object_type,
            object_id=None if object_id is None else str(object_id),
            outcome=outcome,
            before=None if before is None else dict(before),
            after=None if after is None else dict(after),
            detail=None if detail is None else detail[:MAX_DETAIL_LENGTH],
        )
    )
