"""How refusals look in OpenAPI."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from solarrally.api.errors import PROBLEM_MEDIA_TYPE

Responses = dict[int | str, dict[str, Any]]

_CONTENT: Final = {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
NEXT_PAGE: Final = {
    "headers": {"Link": {"description": 'The next page, `rel="next"`.', "schema": {"type": "string"}}}
}


_RETRY_AFTER: Final = {
    "Retry-After": {"description": "Seconds until it is worth trying again.", "schema": {"type": "integer"}}
}


def problems(*statuses: int) -> Responses:
    """Problem documents with these statuses; 422 and 503 can always come."""
    return {int(status): _problem(status) for status in sorted({*statuses, 422, 503})}


def guarded(*statuses: int) -> Responses:
    """`problems` of a route that needs a token, whose caller may be too fast."""
    return problems(401, 403, 429, *statuses)


def _problem(status: int) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(status).phrase, "content": _CONTENT}
    if status in (429, 503):
        answer["headers"] = _RETRY_AFTER
    return answer
