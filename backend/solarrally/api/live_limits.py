"""How long and how much a live WebSocket may."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, frozen=True, kw_only=True)
class LiveLimits:
    """Limits of the live WebSocket. Tests shorten them."""

    ticket_ttl_s: float = 30.0
    allowed_origins: frozenset[str] = frozenset()
    """Besides our own."""
    subscribe_timeout_s: float = 10.0
    send_timeout_s: float = 5.0
    """A watcher who takes no data for this long is too slow."""
    ping_interval_s: float = 15.0
    silence_timeout_s: float = 60.0
    """A client that sends nothing at all for this long, not even a pong, is gone."""
    recheck_interval_s: float = 10.0
    """Together with the accounts' cache: how soon a disabled user or a changed role takes effect."""
    max_message_bytes: int = 16_384
    max_messages_per_10_s: int = 50
    max_watchers: int = 2_000
    max_watchers_per_account: int = 100
