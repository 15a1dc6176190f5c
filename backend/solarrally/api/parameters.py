"""The kinds of parameters that routes take, each refusing what the database could not digest."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Path, Query
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from solarrally.api.cursors import MAX_CURSOR_LENGTH

_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_MIN_YEAR, _MAX_YEAR = 1970, 2199


def without_nul(text: str) -> str:
    """The text; PostgreSQL cannot store NUL."""
    if "\0" in text:
        raise ValueError("must not contain NUL")
    return text


def _is_rfc_3339(value: Any) -> Any:
    if not isinstance(value, str) or _RFC_3339.fullmatch(value) is None:
        raise ValueError("must be an RFC 3339 instant with a zone, such as 2026-11-21T07:00:00Z")
    if not _MIN_YEAR <= int(value[:4]) <= _MAX_YEAR:
        raise ValueError(f"the year must be {_MIN_YEAR} to {_MAX_YEAR}")
    return value.upper()


def _is_calendar_day(value: Any) -> Any:
    if not isinstance(value, str) or _DAY.fullmatch(value) is None:
        raise ValueError("must be a day such as 2026-11-21")
    if not _MIN_YEAR <= int(value[:4]) <= _MAX_YEAR:
        raise ValueError(f"the year must be {_MIN_YEAR} to {_MAX_YEAR}")
    return value


def _in_utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC)


def _is_canonical_uuid(value: Any) -> Any:
    if not isinstance(value, str) or _UUID.fullmatch(value) is None:
        raise ValueError("must be a UUID such as 7f0c1c1e-5d3a-4b7e-9d0a-2f6c1b9e8a77")
    return value


ShortText = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(without_nul)]
Instant = Annotated[datetime, BeforeValidator(_is_rfc_3339), AfterValidator(_in_utc)]
LocalDate = Annotated[date, BeforeValidator(_is_calendar_day)]
SiteId = Annotated[int, Field(ge=1, le=2**31 - 1)]
UserId = Annotated[int, Field(ge=1, le=2**31 - 1)]
ConnectorId = Annotated[int, Field(ge=0, le=2**15 - 1)]
AnyId = Annotated[UUID, Field(strict=False), BeforeValidator(_is_canonical_uuid)]
"""Of an object that is known by a UUID, in a query or a body."""
Limit = Annotated[int, Field(ge=1, le=500)]
Cursor = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_CURSOR_LENGTH,
        description="Where the next page begins: `next_cursor` of the page before, with the same filters.",
    ),
]

ApiKeyIdPath = Annotated[int, Path(ge=1, le=2**31 - 1, examples=[3])]
LoginIdPath = Annotated[
    UUID,
    Path(examples=["0a6ff8a2-9c1e-4f0f-8e6e-0d5b4b1f7c55"]),
    BeforeValidator(_is_canonical_uuid),
]
UserIdPath = Annotated[int, Path(ge=1, le=2**31 - 1, examples=[7])]
SiteIdPath = Annotated[int, Path(ge=1, le=2**31 - 1, examples=[1])]
EvseUidPath = Annotated[
    str,
    Path(min_length=1, max_length=255, examples=["CP-0001"]),
    AfterValidator(without_nul),
]
CommandIdPath = Annotated[
    UUID,
    Path(examples=["0c0b8b1e-6f4f-4c53-8f57-3f1d2f6c1b9e"]),
    BeforeValidator(_is_canonical_uuid),
]
ImportIdPath = Annotated[
    UUID,
    Path(examples=["3f8a4c2e-0c1d-4c7b-9f56-3d3a4b5c6d7e"]),
    BeforeValidator(_is_canonical_uuid),
]
SessionIdPath = Annotated[
    UUID,
    Path(examples=["7f0c1c1e-5d3a-4b7e-9d0a-2f6c1b9e8a77"]),
    BeforeValidator(_is_canonical_uuid),
]
BillIdPath = Annotated[
    UUID,
    Path(examples=["0a4f7f0e-8f3b-4f0d-8a51-7b9d4a1e2c33"]),
    BeforeValidator(_is_canonical_uuid),
]


class Parameters(BaseModel):
    """Query parameters of a route. Any other is refused."""

    model_config = ConfigDict(extra="forbid")


class ListParameters(Parameters):
    """Query parameters of a paged list. Each list narrows `sort` to what it offers."""

    limit: Limit = Field(default=100, description="Items per page.")
    cursor: Cursor | None = None
    sort: str

    @property
    def filters(self) -> dict[str, object]:
        """What a cursor is bound to."""
        return self.model_dump(mode="json", exclude={"limit", "cursor"}, exclude_none=True)

    def where(self) -> dict[str, Any]:
        """What restricts the list: everything but how it is cut and sorted."""
        return self.model_dump(exclude={"limit", "cursor", "sort"})


async def _refuse_query(_parameters: Annotated[Parameters, Query()]) -> None:
    """For routes without query parameters."""


NO_QUERY: Final = Depends(_refuse_query)
