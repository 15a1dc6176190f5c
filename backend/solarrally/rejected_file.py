"""Rejected messages as lines of a file: nothing of a payload is lost, whatever bytes it holds."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import Any

from solarrally.errors import SolarRallyError
from solarrally.storage.rejected import Rejected

FIELDS = [
    "id",
    "received_at",
    "topic",
    "reason",
    "field",
    "detail",
    "payload_size_bytes",
    "payload_is_whole",
    "payload",
    "payload_base64",
]


class UnreadableLine(SolarRallyError):
    """A line of the file is not what `export` writes."""


def as_text(payload: bytes) -> str | None:
    """The payload where it is text that can be written down as it is; else None."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() or all(c.isprintable() or c in "\t\n\r" for c in text) else None


def fields_of(message: Rejected) -> dict[str, Any]:
    """The message as plain values: `payload` where it is text, else `payload_base64`."""
    text = as_text(message.payload)
    return {
        "id": message.id,
        "received_at": message.received_at.isoformat(),
        "topic": message.topic,
        "reason": message.reason,
        "field": message.field,
        "detail": message.detail,
        "payload_size_bytes": message.payload_size_bytes,
        "payload_is_whole": message.is_whole,
        "payload": text,
        "payload_base64": base64.b64encode(message.payload).decode() if text is None else None,
    }


def message_of(line: str, number: int) -> Rejected:
    """The message of one line of NDJSON. Raises `UnreadableLine` with the line's number.

    A payload may have been corrected: its size is what it has now, unless it is said not to be whole.
    """
    try:
        fields = json.loads(line)
        text, encoded = fields.get("payload"), fields.get("payload_base64")
        if (text is None) == (encoded is None):
            raise ValueError("one of payload and payload_base64 must be there")
        payload = text.encode() if encoded is None else base64.b64decode(encoded, validate=True)
        received_at = datetime.fromisoformat(fields["received_at"])
        if received_at.tzinfo is None:
            raise ValueError("received_at needs a UTC offset")
        return Rejected(
            id=fields.get("id") if isinstance(fields.get("id"), int) else None,
            received_at=received_at,
            topic=str(fields["topic"]),
            reason=str(fields.get("reason", "")),
            field=fields.get("field"),
            detail=str(fields.get("detail", "")),
            payload=payload,
            payload_size_bytes=len(payload)
            if fields.get("payload_is_whole", True)
            else int(fields["payload_size_bytes"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableLine(f"line {number}: {type(error).__name__}: {error}") from error
