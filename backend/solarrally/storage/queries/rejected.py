"""Messages that could not be used, kept with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, func, select
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


@dataclass(slots=True, frozen=True, kw_only=True)
class RejectedFilter:
    """Which messages; None does not restrict. The range is of `received_at`, without its end."""

    reason: str | None = None
    topic_prefix: str | None = None
    date_from: datetime | None = None
    date_to: datetime | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class RejectedReasonRow:
    """How many messages of one reason are kept, and from when until when they came."""

    reason: str
    count: int
    first_received_at: datetime
    last_received_at: datetime


REJECTED_ORDERS: Final[dict[str, Order[RejectedRow]]] = {
    "id": Order(columns=(rejected_message.c.id,), kinds=(int,), position=lambda row: (row.id,))
}


async def list_rejected(
    engine: AsyncEngine, where: RejectedFilter, window: Window[RejectedRow]
) -> list[RejectedRow]:
    """The rejected messages of the window."""
    statement = window.of(_filtered(select(rejected_message), where))
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


async def rejected_by_reason(engine: AsyncEngine, where: RejectedFilter) -> list[RejectedReasonRow]:
    """A row for each reason, most messages first. Few are kept: they are simply counted."""
    message = rejected_message.c
    count = func.count()
    statement = _filtered(
        select(
            message.reason,
            count.label("count"),
            func.min(message.received_at).label("first_received_at"),
            func.max(message.received_at).label("last_received_at"),
        )
        .group_by(message.reason)
        .order_by(count.desc(), message.reason),
        where,
    )
    async with connected(engine) as connection:
        return [RejectedReasonRow(**row._mapping) for row in await connection.execute(statement)]


def _filtered(statement: Select[Any], where: RejectedFilter) -> Select[Any]:
    message = rejected_message.c
    if where.reason is not None:
        statement = statement.where(message.reason == where.reason)
    if where.topic_prefix is not None:
        statement = statement.where(func.starts_with(message.topic, where.topic_prefix))
    if where.date_from is not None:
        statement = statement.where(message.received_at >= where.date_from)
    if where.date_to is not None:
        statement = statement.where(message.received_at < where.date_to)
    return statement
