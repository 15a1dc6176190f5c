"""What the settings tell the application, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from solarrally.api.live_limits import LiveLimits


@dataclass(slots=True, frozen=True, kw_only=True)
class ApiOptions:
    """Options of one application. Tests set those they are about."""

    jwt_secret: str
    """Signs access tokens and page cursors; at least 32 characters."""
    access_token_ttl_s: int = 900
    ws_ticket_ttl_s: float = 30.0
    allowed_origins: Sequence[str] = ()
    """Who may call the API and open the WebSocket besides our own pages."""
    open_docs: bool = False
    """The API's description needs no token."""
    account_cache_s: float = 15.0
    """How long an account is remembered: within that a disabled user or a new role takes effect."""
    live_limits: LiveLimits = field(default_factory=LiveLimits)
