"""Messages that could not be used."""

from __future__ import annotations

import base64
from datetime import datetime

from pydantic import ConfigDict, Field

from solarrally.api.schemas.common import Answer, PageAnswer
from solarrally.storage.queries import RejectedReasonRow, RejectedRow


class RejectedMessage(Answer):
    """A message, why it was rejected, and the message itself."""

    id: int
    received_at: datetime
    topic: str
    reason: str = Field(description="A stable word, such as `wrong_type`.")
    field: str | None
    detail: str
    payload_base64: str = Field(description="As it came, possibly cut short.")
    payload_size_bytes: int = Field(description="Of the whole payload.")

    @classmethod
    def of(cls, row: RejectedRow) -> RejectedMessage:
        return cls(
            id=row.id,
            received_at=row.received_at,
            topic=row.topic,
            reason=row.reason,
            field=row.field,
            detail=row.detail,
            payload_base64=base64.b64encode(row.payload).decode(),
            payload_size_bytes=row.payload_size_bytes,
        )


class RejectedMessagePage(PageAnswer):
    """Rejected messages, newest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "id": 31,
                            "received_at": "2026-11-21T07:00:00Z",
                            "topic": "evse/CP-0001/telemetry",
                            "reason": "wrong_type",
                            "field": "power_w",
                            "detail": "Expected `float | null`, got `str`",
                            "payload_base64": "eyJwb3dlcl93IjoiNyJ9",
                            "payload_size_bytes": 15,
                        }
                    ],
                    "next_cursor": None,
                }
            ]
        }
    )

    items: list[RejectedMessage]


class RejectedReason(Answer):
    """The messages of one reason."""

    reason: str
    count: int
    first_received_at: datetime
    last_received_at: datetime

    @classmethod
    def of(cls, row: RejectedReasonRow) -> RejectedReason:
        return cls(
            reason=row.reason,
            count=row.count,
            first_received_at=row.first_received_at,
            last_received_at=row.last_received_at,
        )


class RejectedSummary(Answer):
    """The rejected messages that are kept, counted by reason. Of too many the oldest are dropped."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "message_count": 45,
                    "reasons": [
                        {
                            "reason": "malformed_json",
                            "count": 42,
                            "first_received_at": "2026-11-19T05:12:00Z",
                            "last_received_at": "2026-11-21T07:00:00Z",
                        },
                        {
                            "reason": "unknown_topic",
                            "count": 3,
                            "first_received_at": "2026-11-20T10:00:00Z",
                            "last_received_at": "2026-11-20T10:04:00Z",
                        },
                    ],
                }
            ]
        }
    )

    message_count: int
    reasons: list[RejectedReason]
