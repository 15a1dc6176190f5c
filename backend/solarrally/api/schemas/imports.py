"""Imports of offline logs, as answered."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from solarrally.api.schemas.common import Answer, PageAnswer
from solarrally.storage.queries import ImportRow

_IMPORT_EXAMPLE: Final[JsonDict] = {
    "id": "3f8a4c2e-0c1d-4c7b-9f56-3d3a4b5c6d7e",
    "evse_uid": "CP-0001",
    "connector_id": None,
    "file_name": "sdcard-2026-11-20.ndjson",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "status": "queued",
    "created_by": "olga",
    "created_at": "2026-11-21T07:00:00Z",
    "completed_at": None,
    "size_bytes": 4_812_001,
    "line_count": 24_000,
    "waiting_count": 11_998,
    "stored_count": 11_000,
    "duplicate_count": 1000,
    "rejected_count": 2,
}
_LINE_EXAMPLE: Final[JsonDict] = {
    "line": 17,
    "reason": "invalid_field",
    "field": "power_w",
    "detail": "Expected `float`, got `str`",
}


class Import(Answer):
    """One log. waiting + stored + duplicate + rejected = lines."""

    model_config = ConfigDict(json_schema_extra={"examples": [_IMPORT_EXAMPLE]})

    id: UUID
    evse_uid: str
    connector_id: int | None = Field(description="Of lines that name none.")
    file_name: str | None
    sha256: str = Field(description="Of the file, unpacked.")
    status: Literal["queued", "completed"]
    created_by: str
    created_at: datetime
    completed_at: datetime | None
    size_bytes: int = Field(description="Unpacked.")
    line_count: int = Field(description="Without the header of a CSV file, and without empty lines.")
    waiting_count: int = Field(description="Not taken in yet.")
    stored_count: int = Field(description="New readings.")
    duplicate_count: int = Field(description="Readings that were there before.")
    rejected_count: int

    @classmethod
    def of(cls, row: ImportRow) -> Import:
        return cls.model_validate(_values(row))


class RejectedLineOfImport(Answer):
    """A line that cannot be used."""

    line: int = Field(description="In the file, from 1; the header of a CSV file counts.")
    reason: str
    field: str | None
    detail: str


class ImportDetail(Import):
    """One log, with the first lines that could not be used."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{**_IMPORT_EXAMPLE, "rejected_lines": [_LINE_EXAMPLE]}]}
    )

    rejected_lines: list[RejectedLineOfImport] = Field(
        description="The first 100 of those that were found when the file came."
    )

    @classmethod
    def of(cls, row: ImportRow) -> ImportDetail:
        lines = [
            RejectedLineOfImport(line=one.line, reason=one.reason, field=one.field, detail=one.detail)
            for one in row.rejected_lines
        ]
        return cls.model_validate({**_values(row), "rejected_lines": lines})


class ImportPage(PageAnswer):
    """Imports, newest first."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_IMPORT_EXAMPLE], "next_cursor": None}]}
    )

    items: list[Import]


def _values(row: ImportRow) -> dict[str, object]:
    return {
        "id": row.id,
        "evse_uid": row.evse_uid,
        "connector_id": row.connector_id,
        "file_name": row.file_name,
        "sha256": row.sha256,
        "status": row.status,
        "created_by": row.created_by,
        "created_at": row.created_at,
        "completed_at": row.completed_at,
        "size_bytes": row.size_bytes,
        "line_count": row.line_count,
        "waiting_count": row.waiting_count,
        "stored_count": row.stored_count,
        "duplicate_count": row.duplicate_count,
        "rejected_count": row.rejected_count,
    }
