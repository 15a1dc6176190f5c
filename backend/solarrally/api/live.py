"""The live feed: tickets by POST, updates by WebSocket (docs/live-protocol.md)."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated

import structlog
from fastapi import APIRouter, WebSocket

from solarrally.api.live_admission import admit
from solarrally.api.live_connection import LiveConnection
from solarrally.api.live_messages import Goodbye
from solarrally.api.parameters import NO_QUERY
from solarrally.api.permissions import Permission
from solarrally.api.refusals import refusal_of
from solarrally.api.responses import guarded
from solarrally.api.schemas.auth import LiveTicket
from solarrally.api.security import Caller, requires_login
from solarrally.api.services import ServicesDependency, services_of
from solarrally.errors import StoreUnavailable
from solarrally.storage.edits.live_tickets import TicketHolder, create_ticket

log: structlog.stdlib.BoundLogger = structlog.get_logger()
router = APIRouter(prefix="/live", tags=["live"])


@router.post(
    "/tickets",
    operation_id="create_live_ticket",
    status_code=HTTPStatus.CREATED,
    responses=guarded(),
    dependencies=[NO_QUERY],
)
async def post_ticket(
    services: ServicesDependency, caller: Annotated[Caller, requires_login(Permission.LIVE_SUBSCRIBE)]
) -> LiveTicket:
    """A ticket that opens the live WebSocket once; browsers cannot send an Authorization header there.

    What it opens ends with the login that it was made by. API keys need none: they send the header.
    """
    services.rate_limits.live_ticket.take(caller.account.id)
    assert caller.login_id is not None
    ttl_s = services.live.ticket_ttl_s
    holder = TicketHolder(caller.account.id, caller.login_id)
    ticket, expires_at = await create_ticket(services.engine, holder, now=datetime.now(UTC), ttl_s=ttl_s)
    return LiveTicket(ticket=ticket, expires_at=expires_at, expires_in_s=int(ttl_s))


@router.websocket("")
async def live(websocket: WebSocket) -> None:
    """Admit, accept, serve. Refusals come before the handshake, as HTTP 403."""
    services = services_of(websocket)
    refusal: Goodbye | None = None
    try:
        admission = await admit(websocket, services)
    except StoreUnavailable as error:
        log.warning("store_unavailable", path="/api/v1/live", error=str(error))
        admission, refusal = None, Goodbye("unavailable", "the database cannot be reached")
    if refusal is None and admission is None:
        refused = refusal_of(
            websocket, HTTPStatus.FORBIDDEN, "No valid credential, no permission, or a foreign Origin."
        )
        if refused is not None:
            services.refusals.note(refused)
        await websocket.close()
        return
    if admission is not None and services.sockets.is_full(admission.caller.account.id):
        refusal = Goodbye("busy", "too many live connections")
    if refusal is not None or admission is None:
        assert refusal is not None
        await websocket.accept(None if admission is None else admission.subprotocol)
        await websocket.send_text(refusal.text)
        await websocket.close(refusal.code, refusal.reason)
        return
    connection = LiveConnection(websocket, services, admission)
    with services.sockets.one(admission.caller.account.id, partial(connection.end, Goodbye("going_away"))):
        await websocket.accept(admission.subprotocol)
        await connection.run()
