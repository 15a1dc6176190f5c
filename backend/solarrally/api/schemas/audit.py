"""The audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from solarrally.api.schemas.common import Answer, PageAnswer
from solarrally.storage.queries.audit import AuditRow

_ENTRY_EXAMPLE: Final[JsonDict] = {
    "id": 4711,
    "at": "2026-11-21T07:00:00Z",
    "actor_user_id": 1,
    "actor_name": "admin",
    "actor_api_key_id": None,
    "address": "192.0.2.7",
    "request_id": "4f1c2d3e5a6b4c7d8e9f0a1b2c3d4e5f",
    "action": "user.update",
    "object_type": "user",
    "object_id": "7",
    "outcome": "done",
    "before": {"role": "user"},
    "after": {"role": "operator"},
    "detail": None,
}


class AuditEntry(Answer):
    """Who did, or was refused, what."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ENTRY_EXAMPLE]})

    id: int
    at: datetime
    actor_user_id: int | None
    actor_name: str = Field(
        description="The username at that time; `cli` for the command line, `anonymous` for nobody we know."
    )
    actor_api_key_id: int | None
    address: str | None
    request_id: str | None = Field(description="`X-Request-ID` of the answer.")
    action: str = Field(description="`resource.verb`; `access.refuse` for what was refused.")
    object_type: str
    object_id: str | None
    outcome: Literal["done", "refused"]
    before: dict[str, Any] | None = Field(description="The fields that changed, as they were.")
    after: dict[str, Any] | None = Field(description="The fields that changed, as they are.")
    detail: str | None

    @classmethod
    def of(cls, row: AuditRow) -> AuditEntry:
        return cls.model_validate(row, from_attributes=True)


class AuditPage(PageAnswer):
    """Entries of the audit log."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_ENTRY_EXAMPLE], "next_cursor": None}]}
    )

    items: list[AuditEntry]
