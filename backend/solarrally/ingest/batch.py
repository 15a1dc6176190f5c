"""A batch of deliveries, decoded and sorted out by connector, before anything is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from solarrally.dialects.decoded import Decoded
from solarrally.dialects.routes import decode
from solarrally.domain.reading import Quality
from solarrally.errors import RejectedMessage
from solarrally.ingest.ports import Delivery, RejectedPart


@dataclass(slots=True)
class Message:
    """One delivery and what it says, or why it says nothing."""

    delivery: Delivery
    decoded: Decoded | None = None
    rejected: list[RejectedPart] = field(default_factory=list)
    stored: int = 0
    duplicates: int = 0

    def reject(self, error: RejectedMessage) -> None:
        delivery = self.delivery
        self.rejected.append(
            RejectedPart(
                received_at=delivery.received_at,
                topic=delivery.topic.replace("\0", "\ufffd")[:512],
                reason=error.reason,
                field=None if error.field is None else error.field[:200],
                detail=error.detail.replace("\0", "\ufffd")[:500],
                payload=delivery.payload,
            )
        )

    def reject_all(self, error: RejectedMessage) -> None:
        self.decoded = None
        self.rejected.clear()
        self.reject(error)


def open_batch(deliveries: Sequence[Delivery], *, topic_root: str, max_payload_bytes: int) -> list[Message]:
    """Decode every delivery. Nothing here raises: what cannot be decoded is a rejected message."""
    messages = []
    for delivery in deliveries:
        message = Message(delivery)
        messages.append(message)
        try:
            if len(delivery.payload) > max_payload_bytes:
                size = len(delivery.payload)
                raise RejectedMessage("payload_too_large", f"{size} bytes; the limit is {max_payload_bytes}")
            decoded = decode(delivery.topic, delivery.payload, delivery.received_at, topic_root=topic_root)
        except RejectedMessage as error:
            message.reject(error)
            continue
        for part in decoded.rejected:
            message.reject(part)
        if delivery.retained:
            # A retained reading is the last known one, not a fresh sample: without a time of its own it
            # says nothing.
            undated = Quality.CLOCKLESS | Quality.CLOCK_DISTRUSTED
            decoded.readings = [reading for reading in decoded.readings if not reading.quality & undated]
        message.decoded = decoded
    return messages
