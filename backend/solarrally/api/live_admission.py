"""Who may open a live WebSocket: decided before it is accepted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from starlette.websockets import WebSocket

from solarrally.api.permissions import Permission
from solarrally.api.security import Caller
from solarrally.api.services import Services
from solarrally.api.tokens import InvalidToken
from solarrally.storage.users import redeem_ticket

SUBPROTOCOL: Final = "solarrally.v1"
TICKET_PREFIX: Final = "ticket."
MAX_TICKET_LENGTH: Final = 128
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(slots=True, frozen=True)
class Admission:
    """An admitted caller."""

    caller: Caller
    subprotocol: str | None
    expires_at: datetime | None
    """Of the access token; a ticket sets no end of its own."""


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
    expires_at = None
    if tickets:
        if subprotocol is None or len(tickets) > 1 or len(tickets[0]) > MAX_TICKET_LENGTH:
            return None
        user_id = await redeem_ticket(services.engine, tickets[0], now=datetime.now(UTC))
    else:
        scheme, _, token = websocket.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            identity = services.tokens.identify(token)
        except InvalidToken:
            return None
        user_id, expires_at = identity.user_id, identity.expires_at
    account = None if user_id is None else await services.accounts.active(user_id)
    if account is None:
        return None
    caller = Caller(account)
    return Admission(caller, subprotocol, expires_at) if caller.may(Permission.LIVE_SUBSCRIBE) else None


def is_origin_allowed(origin: str | None, host: str | None, allowed_origins: frozenset[str]) -> bool:
    """Whether a page of this origin may connect: our own host, or one that is allowed by name.

    No Origin means no browser. The scheme is not compared with ours: a proxy may have ended TLS.
    """
    if origin is None:
        return True
    if origin in allowed_origins:
        return True
    try:
        theirs = urlsplit(origin)
        default_port = _DEFAULT_PORTS[theirs.scheme]
        ours = urlsplit(f"//{host or ''}")
        if not theirs.hostname or theirs.path or theirs.query or theirs.fragment or "@" in theirs.netloc:
            return False
        return (theirs.hostname, theirs.port or default_port) == (ours.hostname, ours.port or default_port)
    except (KeyError, ValueError):  # another scheme ("null" too), or a port that is none
        return False
