"""Alerts, and what people do about them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from solarrally.api.parameters import without_nul
from solarrally.api.schemas.common import Answer, PageAnswer
from solarrally.domain.alert import AlertKind, AlertSeverity, AlertStatus
from solarrally.storage.queries import AlertRow

_EXAMPLE: Final[JsonDict] = {
    "id": 17,
    "evse_uid": "CP-0001",
    "site_id": 1,
    "connector_id": 1,
    "session_id": None,
    "kind": "faulted",
    "severity": "critical",
    "status": "acknowledged",
    "detail": "GroundFailure",
    "occurrence_count": 1,
    "opened_at": "2026-11-21T07:00:00Z",
    "last_seen_at": "2026-11-21T07:00:00Z",
    "acknowledged_at": "2026-11-21T07:04:10Z",
    "acknowledged_by": "olga",
    "resolved_at": None,
    "resolved_by": None,
    "ended_at": None,
    "note": "Electrician is on the way.",
}

Note = Annotated[str, StringConstraints(min_length=1, max_length=1_000), AfterValidator(without_nul)]


class AlertNote(BaseModel):
    """What there is to say about it."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"note": "Electrician is on the way."}]},
    )

    note: Note | None = Field(default=None, description="Replaces the note there is; null leaves it.")


class Alert(Answer):
    """Something that needs attention, from the moment it was seen."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: int
    evse_uid: str
    site_id: int
    connector_id: int | None = Field(description="null: it is about the whole station.")
    session_id: UUID | None = Field(description="The session that it is about.")
    kind: AlertKind
    severity: AlertSeverity
    status: AlertStatus
    detail: str | None = Field(description="Such as the error code of a fault.")
    occurrence_count: int = Field(description="How often it came; what flaps is one alert.")
    opened_at: datetime = Field(description="When it began, as far as we know.")
    last_seen_at: datetime = Field(description="When it was last found begun, changed or over.")
    acknowledged_at: datetime | None
    acknowledged_by: str | None = Field(description="Who was first to take it on.")
    resolved_at: datetime | None
    resolved_by: str | None = Field(description="Who said that it is settled; null: it was over by itself.")
    ended_at: datetime | None = Field(
        description="When what it is about was over; null while that lasts, also after somebody resolved it."
    )
    note: str | None

    @classmethod
    def of(cls, row: AlertRow) -> Alert:
        return cls(
            id=row.id,
            evse_uid=row.evse_uid,
            site_id=row.site_id,
            connector_id=row.connector_id,
            session_id=row.session_id,
            kind=AlertKind(row.kind),
            severity=AlertSeverity(row.severity),
            status=row.status,
            detail=row.detail,
            occurrence_count=row.occurrence_count,
            opened_at=row.opened_at,
            last_seen_at=row.last_seen_at,
            acknowledged_at=row.acknowledged_at,
            acknowledged_by=row.acknowledged_by,
            resolved_at=row.resolved_at,
            resolved_by=row.resolved_by,
            ended_at=row.ended_at,
            note=row.note,
        )


class AlertPage(PageAnswer):
    """Alerts, newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_EXAMPLE], "next_cursor": None}]})

    items: list[Alert]
