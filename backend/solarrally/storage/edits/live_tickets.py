"""Tickets that open the live WebSocket once: browsers cannot send an Authorization header there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncEngine

from solarrally.storage.queries.connecting import connected
from solarrally.storage.secret_text import hash_of, new_secret
from solarrally.storage.tables import live_ticket


@dataclass(slots=True, frozen=True)
class TicketHolder:
    """By whose login a ticket was made: what it opens holds as long as that."""

    user_id: int
    login_id: UUID


async def create_ticket(
    engine: AsyncEngine, holder: TicketHolder, *, now: datetime, ttl_s: float
) -> tuple[str, datetime]:
    """A ticket that opens the live WebSocket once, and when it expires. Only its hash is stored."""
    ticket = new_secret()
    expires_at = now + timedelta(seconds=ttl_s)
    async with connected(engine) as connection:
        await connection.execute(delete(live_ticket).where(live_ticket.c.expires_at < now))
        await connection.execute(
            insert(live_ticket).values(
                ticket_hash=hash_of(ticket),
                user_id=holder.user_id,
                login_id=holder.login_id,
                expires_at=expires_at,
            )
        )
        await connection.commit()
    return ticket, expires_at


async def redeem_ticket(engine: AsyncEngine, ticket: str, *, now: datetime) -> TicketHolder | None:
    """Who made it, and the ticket is gone; None if it is unknown, used or expired."""
    statement = (
        delete(live_ticket)
        .where(live_ticket.c.ticket_hash == hash_of(ticket))
        .returning(live_ticket.c.user_id, live_ticket.c.login_id, live_ticket.c.expires_at)
    )
    async with connected(engine) as connection:
        row = (await connection.execute(statement)).one_or_none()
        await connection.commit()
    if row is None or row.expires_at <= now or row.login_id is None:
        return None
    return TicketHolder(row.user_id, row.login_id)
