"""What several answers have in common."""

from __future__ import annotations

from enum import IntFlag

from pydantic import BaseModel, ConfigDict, Field


class Answer(BaseModel):
    """Base of everything we answer."""

    model_config = ConfigDict(frozen=True)


class PageAnswer(Answer):
    """Base of a page of a list. The `Link` header (`rel="next"`) says the same as `next_cursor`."""

    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")


class FieldProblem(Answer):
    """One thing wrong with one field."""

    field: str
    message: str


class Problem(Answer):
    """An RFC 9457 problem document, as application/problem+json."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = Field(default=[], description="Which fields are wrong; with 409 and 422.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:solarrally:problem:unprocessable-entity",
                    "title": "Unprocessable Entity",
                    "status": 422,
                    "detail": "The request is not valid.",
                    "errors": [{"field": "limit", "message": "Input should be less than or equal to 500"}],
                }
            ]
        }
    )


def flag_words(flags: IntFlag) -> list[str]:
    """The flags that are set, as lower-case words."""
    return [flag.name.lower() for flag in flags if flag.name is not None]
