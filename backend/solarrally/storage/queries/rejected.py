"""Messages that could not be used, kept with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from solarrally.storage.queries.connecting import connected
from solarrally.storage.queries.window import Order, Window
from solarrally.storage.tables import rejected_message


@dataclass(slots=True, frozen=True, kw_only=True)
class RejectedRow:
    """One rejected message. `payload` may be cut short; `payload_size_bytes` is what came."""

    id: int
    received_at: datetime
    topic: str
    reason: str
    field: str | None
    detail: str
    payload: bytes
    payload_size_bytes: int


REJECTED_ORDERS: Final[dict[str, Order[RejectedRow]]] = {
    "id": Order(columns=(rejected_message.c.id,), kinds=(int,), position=lambda row: (row.id,))
}


async def list_rejected(
    engine: AsyncEngine, window: Window[RejectedRow], *, reason: str | None = None
) -> list[RejectedRow]:
    """The rejected messages of the window."""
    statement = window.of(select(rejected_message))
    if reason is not None:
        statement = statement.where(rejected_message.c.reason == reason)
    async with connected(engine) as connection:
        return [
            RejectedRow(
                id=row.id,
                received_at=row.received_at,
                topic=row.topic,
                reason=row.reason,
                field=row.field,
                detail=row.detail,
                payload=row.payload,
                payload_size_bytes=row.payload_size_bytes,
            )
            for row in await connection.execute(statement)
        ]
