"""Errors as the client sees them: RFC 9457 problem documents that name the field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from solarrally.api.cors import cors_headers
from solarrally.api.headers import SECURITY_HEADERS
from solarrally.api.refusals import refusal_of
from solarrally.errors import StoreUnavailable
from solarrally.storage.edits.editing import EditConflict
from solarrally.storage.edits.roles import RoleConflict
from solarrally.storage.edits.users import LastAdmin, MoreThanOwn
from solarrally.storage.passwords import TooManyLogins
from solarrally.storage.queries import AnswerTooSlow
from solarrally.storage.users import InvalidUser, UserExists

log: structlog.stdlib.BoundLogger = structlog.get_logger()

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"
STORE_RETRY_S: Final = 2
_UNREADABLE_BODY: Final = "There was an error parsing the body"
"""FastAPI's words, with 400, for a body that is not even UTF-8; for other JSON that is none it says 422."""


class FieldError(msgspec.Struct, frozen=True):
    """One thing wrong with one field."""

    field: str
    message: str


class ApiProblem(Exception):
    """A request that is refused, with everything the client is told."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})


def invalid_field(field: str, message: str) -> ApiProblem:
    """422 for one field."""
    return ApiProblem(
        HTTPStatus.UNPROCESSABLE_ENTITY, "The request is not valid.", errors=[FieldError(field, message)]
    )


def not_found(what: str) -> ApiProblem:
    """404, also for what exists but is not the caller's."""
    return ApiProblem(HTTPStatus.NOT_FOUND, f"There is no such {what}.")


def too_many_requests(detail: str, retry_after_s: int) -> ApiProblem:
    """429 with `Retry-After`."""
    return ApiProblem(
        HTTPStatus.TOO_MANY_REQUESTS, detail, headers={"Retry-After": str(max(1, retry_after_s))}
    )


def problem_body(status: int, detail: str, errors: Sequence[FieldError] = ()) -> bytes:
    """The problem document."""
    phrase = HTTPStatus(status).phrase
    document: dict[str, object] = {
        "type": "urn:solarrally:problem:" + phrase.lower().replace(" ", "-"),
        "title": phrase,
        "status": int(status),
        "detail": detail,
    }
    if errors:
        document["errors"] = errors
    return msgspec.json.encode(document)


def problem_response(problem: ApiProblem) -> Response:
    """The answer to a refused request."""
    return Response(
        problem_body(problem.status, problem.detail, problem.errors),
        status_code=problem.status,
        headers=problem.headers,
        media_type=PROBLEM_MEDIA_TYPE,
    )


def install_error_handlers(app: FastAPI) -> None:
    """Answer everything that goes wrong with a problem document."""
    app.add_exception_handler(ApiProblem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(StoreUnavailable, _on_store_unavailable)
    app.add_exception_handler(InvalidUser, _on_invalid_user)
    app.add_exception_handler(UserExists, _on_user_exists)
    app.add_exception_handler(TooManyLogins, _on_too_many_logins)
    app.add_exception_handler(MoreThanOwn, _on_more_than_own)
    app.add_exception_handler(LastAdmin, _on_last_admin)
    app.add_exception_handler(RoleConflict, _on_role_conflict)
    app.add_exception_handler(EditConflict, _on_edit_conflict)
    app.add_exception_handler(Exception, _on_unexpected)


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiProblem)
    refusal = refusal_of(request, error.status, error.detail)
    if refusal is not None:
        request.app.state.refusals.note(refusal)
    return problem_response(error)


async def _on_invalid_request(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [_field_error(problem) for problem in error.errors()]
    return problem_response(
        ApiProblem(HTTPStatus.UNPROCESSABLE_ENTITY, "The request is not valid.", errors=errors)
    )


def _field_error(problem: Mapping[str, Any]) -> FieldError:
    """The field's own name and a message without what was sent (it may be a password)."""
    if problem["type"] == "json_invalid":
        return FieldError("body", "not valid JSON")
    path = [str(part) for part in problem["loc"][1:]] or [str(problem["loc"][0])]
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        message = "unknown parameter" if problem["loc"][0] == "query" else "unknown field"
    return FieldError(".".join(path), message)


async def _on_http_exception(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.BAD_REQUEST and error.detail == _UNREADABLE_BODY:
        return problem_response(invalid_field("body", "not valid JSON"))
    return problem_response(
        ApiProblem(HTTPStatus(error.status_code), str(error.detail), headers=error.headers)
    )


async def _on_store_unavailable(request: Request, error: Exception) -> Response:
    is_slow = isinstance(error, AnswerTooSlow)
    log.warning(
        "answer_too_slow" if is_slow else "store_unavailable", path=request.url.path, error=str(error)
    )
    return problem_response(
        ApiProblem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "The database took too long; ask for less: a shorter range, a site, or a station."
            if is_slow
            else "The database cannot be reached at the moment.",
            headers={"Retry-After": str(STORE_RETRY_S)},
        )
    )


async def _on_invalid_user(_request: Request, error: Exception) -> Response:
    assert isinstance(error, InvalidUser)
    return problem_response(invalid_field(error.field, error.message))


async def _on_user_exists(_request: Request, error: Exception) -> Response:
    assert isinstance(error, UserExists)
    return problem_response(
        ApiProblem(
            HTTPStatus.CONFLICT, "Another user has it already.", errors=[FieldError(error.field, "is taken")]
        )
    )


async def _on_more_than_own(request: Request, error: Exception) -> Response:
    assert isinstance(error, MoreThanOwn)
    return await _on_problem(request, ApiProblem(HTTPStatus.FORBIDDEN, f"This {error}."))


async def _on_role_conflict(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RoleConflict)
    return problem_response(
        ApiProblem(
            HTTPStatus.CONFLICT,
            "The role cannot be made, changed or removed as things are.",
            errors=[FieldError(error.field, str(error))],
        )
    )


async def _on_edit_conflict(_request: Request, error: Exception) -> Response:
    assert isinstance(error, EditConflict)
    return problem_response(
        ApiProblem(
            HTTPStatus.CONFLICT,
            "This cannot be done as things are.",
            errors=[FieldError(error.field, str(error))],
        )
    )


async def _on_last_admin(_request: Request, error: Exception) -> Response:
    assert isinstance(error, LastAdmin)
    return problem_response(
        ApiProblem(
            HTTPStatus.CONFLICT,
            "Nobody could administer the users any more.",
            errors=[FieldError(error.field, str(error))],
        )
    )


async def _on_too_many_logins(_request: Request, _error: Exception) -> Response:
    return problem_response(
        ApiProblem(
            HTTPStatus.SERVICE_UNAVAILABLE, "Too many logins at the moment.", headers={"Retry-After": "5"}
        )
    )


async def _on_unexpected(request: Request, _error: Exception) -> Response:
    """Starlette raises it again after this answer, so that the server logs it. No middleware sees it."""
    response = problem_response(
        ApiProblem(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong here; it has been logged.")
    )
    response.headers.update(SECURITY_HEADERS)
    origins = request.app.state.services.live.allowed_origins
    response.headers.update(cors_headers(request.headers.get("origin"), origins))
    return response
