"""What the embedded Python broker holds at most: every bound in one place."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerLimits:
    """Bounds, each with what happens beyond it."""

    max_packet_size_bytes: int = 2 * 1024 * 1024
    """A client that sends more is disconnected."""

    max_inflight_messages: int = 65_535
    """Sent to one client and not yet acknowledged by it; the rest waits."""

    max_queued_messages: int = 100_000
    """Waiting for one client; newer ones are dropped and counted."""

    max_queued_size_bytes: int = 64 * 1024 * 1024
    """The same, by payload."""

    max_retained_messages: int = 100_000
    """On further topics nothing is retained."""

    max_sessions: int = 10_000
    """Further clients are refused."""

    connect_timeout_s: float = 10.0
    """A connection that has not introduced itself by then is closed."""

    write_timeout_s: float = 30.0
    """A client that takes nothing for so long is disconnected."""

    default_session_expiry_s: float = 14 * 86400.0
    """How long a session of an MQTT 3.1.1 client that asked for one outlives its connection."""
