"""One MQTT message of a simulated device, and what it wants to hear."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A publish as the firmware makes it. `at` is its simulated time (UTC); None for a last will."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    at: datetime | None = None


class Subscription(NamedTuple):
    """A topic filter with the QoS the firmware asks for."""

    topic_filter: str
    qos: int
