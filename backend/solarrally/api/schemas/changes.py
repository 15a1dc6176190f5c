"""What bodies of PATCH have in common: only what is given changes."""

from __future__ import annotations

from typing import Any, Final, TypeVar

from pydantic import BaseModel, Field, model_validator
from pydantic.config import JsonDict

_Change = TypeVar("_Change", bound=BaseModel)


def _without_default(schema: JsonDict) -> None:
    schema.pop("default", None)


NOT_GIVEN: Final[Any] = Field(default=None, json_schema_extra=_without_default)
"""Of a field that may be left out and cannot be null; look at `model_fields_set` before reading it."""


def _at_least_one(change: _Change) -> _Change:
    if not change.model_fields_set:
        raise ValueError("give at least one field to change")
    return change


says_something: Final[Any] = model_validator(mode="after")(_at_least_one)
