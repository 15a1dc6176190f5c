"""Who may open a live WebSocket, decided before it is accepted; and whether it may stay open."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from starlette.websockets import WebSocket

from solarrally.api.errors import ApiProblem
from solarrally.api.live_messages import Goodbye
from solarrally.api.origins import is_origin_allowed
from solarrally.api.permissions import Permission
from solarrally.api.security import Caller, caller_standing, caller_until
from solarrally.api.services import Services
from solarrally.storage.edits.live_tickets import redeem_ticket
from solarrally.storage.users import account_of

SUBPROTOCOL: Final = "solarrally.v1"
TICKET_PREFIX: Final = "ticket."
MAX_TICKET_LENGTH: Final = 128


@dataclass(slots=True, frozen=True)
class Admission:
    """An admitted caller."""

    caller: Caller
    subprotocol: str | None
    expires_at: datetime | None
    """Of the access token or API key; a ticket sets no end of its own."""
    api_key: str | None = field(default=None, repr=False)


async def admit(websocket: WebSocket, services: Services) -> Admission | None:
    """The admission, or None: a foreign Origin, no valid credential, or a role without the permission.

    Raises `StoreUnavailable`.
    """
    if not is_origin_allowed(
        websocket.headers.get("origin"), websocket.headers.get("host"), services.live.allowed_origins
    ):
        return None
    offered: list[str] = websocket.scope.get("subprotocols", [])
    subprotocol = SUBPROTOCOL if SUBPROTOCOL in offered else None
    tickets = [name.removeprefix(TICKET_PREFIX) for name in offered if name.startswith(TICKET_PREFIX)]
    if tickets:
        if subprotocol is None or len(tickets) > 1 or len(tickets[0]) > MAX_TICKET_LENGTH:
            return None
        caller = await _caller_of_ticket(websocket, services, tickets[0])
        admission = None if caller is None else Admission(caller, subprotocol, None)
    else:
        scheme, _, token = websocket.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            caller, expires_at = await caller_until(services, token, websocket)
        except ApiProblem:
            return None
        key = None if caller.api_key_id is None else token
        admission = Admission(caller, subprotocol, expires_at, key)
    if admission is None or not admission.caller.may(Permission.LIVE_SUBSCRIBE):
        return None
    return admission


async def reason_to_end(admission: Admission, services: Services) -> Goodbye | None:
    """Why the connection ends now; None when it may go on. Raises `StoreUnavailable`."""
    caller = admission.caller
    if admission.expires_at is not None and datetime.now(UTC) >= admission.expires_at:
        return Goodbye("token_expired")
    if admission.api_key is not None:
        standing = await services.accounts.of_key(admission.api_key)
    else:
        assert caller.login_id is not None
        standing = await services.accounts.of_login(caller.account.id, caller.login_id)
    if standing is None:
        account = await account_of(services.engine, caller.account.id)
        if account is None or not account.is_active:
            return Goodbye("user_disabled")
        return Goodbye("login_ended" if admission.api_key is None else "key_ended")
    now, then = standing.account, caller.account
    if (now.role, now.permissions, now.id_token) != (then.role, then.permissions, then.id_token):
        return Goodbye("role_changed", "connect again")
    return None


async def _caller_of_ticket(websocket: WebSocket, services: Services, ticket: str) -> Caller | None:
    holder = await redeem_ticket(services.engine, ticket, now=datetime.now(UTC))
    if holder is None:
        return None
    standing = await services.accounts.of_login(holder.user_id, holder.login_id)
    return None if standing is None else caller_standing(standing, holder.login_id, websocket)
