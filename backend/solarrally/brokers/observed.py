"""What can be seen of a broker's adapter from outside, for metrics and readiness."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from solarrally.ingest.ports import Broker


class ObservedBroker(Broker, Protocol):
    """An adapter that counts what it does. Counts grow from 0 at the start of the process."""

    reconnects: int
    """Connections after the first, and attempts at them."""
    protocol_errors: int
    """Connections given up because the broker sent what is no MQTT 5."""
    publishes_dropped: int
    """Messages to devices that could not be sent."""
    certificate_ends: Mapping[str, datetime]
    """When `client` (ours), `authority` (who signs the broker's) and `server` end, those that are known."""

    @property
    def waiting(self) -> int:
        """Deliveries received and not yet taken."""

    @property
    def received_messages(self) -> int:
        """Redelivered ones too."""

    @property
    def received_bytes(self) -> int:
        """What came in, as far as the adapter sees it."""

    @property
    def messages_dropped(self) -> int:
        """Messages of QoS 0 that came while there was no room for them."""
