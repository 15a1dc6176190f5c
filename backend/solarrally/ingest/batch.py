"""A batch of deliveries, decoded, before anything is stored."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from solarrally.dialects.decoded import Decoded
from solarrally.dialects.routes import Routes
from solarrally.domain.reading import UNDATED
from solarrally.errors import RejectedMessage
from solarrally.ingest.fates import Fate
from solarrally.ingest.ports import Delivery, RejectedPart


class Message(msgspec.Struct):
    """One delivery and what it says, or why it says nothing."""

    delivery: Delivery
    decoded: Decoded | None = None
    rejected: list[RejectedPart] = []
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


def open_batch(deliveries: Sequence[Delivery], *, routes: Routes, max_payload_bytes: int) -> list[Message]:
    """Decode every delivery. Nothing here raises: what cannot be decoded is a rejected message."""
    messages = []
    for delivery in deliveries:
        message = Message(delivery)
        messages.append(message)
        topic, payload = delivery.topic, delivery.payload
        try:
            if len(payload) > max_payload_bytes:
                raise RejectedMessage(
                    "payload_too_large", f"{len(payload)} bytes; the limit is {max_payload_bytes}"
                )
            decoded = routes.decode(topic, payload, delivery.received_at)
        except RejectedMessage as error:
            message.reject(error)
            continue
        for part in decoded.rejected:
            message.reject(part)
        if delivery.retained:
            # A retained reading is the last known one, not a fresh sample: without a time of its own it
            # says nothing.
            decoded.readings = [reading for reading in decoded.readings if not reading.quality & UNDATED]
        message.decoded = decoded
    return messages


def fate_of(message: Message) -> Fate:
    """The fate of a message that was written."""
    if message.rejected:
        return Fate.PARTLY_REJECTED if message.stored or message.duplicates else Fate.REJECTED
    if message.stored:
        return Fate.STORED
    if message.duplicates:
        return Fate.DUPLICATE
    if message.decoded is not None and message.decoded.facts is not None:
        return Fate.STATUS
    if message.decoded is not None and message.decoded.result is not None:
        return Fate.RESULT
    return Fate.IGNORED
