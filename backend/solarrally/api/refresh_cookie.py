"""The refresh token as a cookie: no script can read it, no other site can use it."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from fastapi import Request, Response
from starlette.datastructures import MutableHeaders

from solarrally.api.errors import ApiProblem
from solarrally.api.origins import is_origin_allowed
from solarrally.api.services import services_of
from solarrally.storage.edits.logins import Granted

COOKIE: Final = "solarrally_refresh"
COOKIE_PATH: Final = "/api/v1/auth"
"""It is sent nowhere else."""
_MAX_LENGTH: Final = 128


def presented_cookie(request: Request) -> str | None:
    """The refresh token in the cookie. Raises `ApiProblem` (403) unless a page of ours asks.

    SameSite keeps other sites from sending it; `Origin` keeps other ports and subdomains of ours from it.
    """
    token = request.cookies.get(COOKIE)
    if not token:
        return None
    origin = request.headers.get("origin")
    allowed = services_of(request).live.allowed_origins
    if origin is None or not is_origin_allowed(origin, request.headers.get("host"), allowed):
        raise ApiProblem(HTTPStatus.FORBIDDEN, "The cookie counts only for pages of our own.")
    return token[:_MAX_LENGTH]


def set_cookie(request: Request, response: Response, granted: Granted) -> None:
    """Have the browser keep the refresh token until it expires; only over TLS when it came over TLS."""
    response.set_cookie(
        COOKIE,
        granted.refresh_token,
        max_age=max(0, int((granted.expires_at - datetime.now(UTC)).total_seconds())),
        path=COOKIE_PATH,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )


def forget_cookie(request: Request, headers: MutableHeaders | dict[str, str]) -> None:
    """Have the browser drop it, if it sent one."""
    if COOKIE in request.cookies:
        gone = Response()
        gone.delete_cookie(
            COOKIE, path=COOKIE_PATH, secure=request.url.scheme == "https", httponly=True, samesite="strict"
        )
        headers["Set-Cookie"] = gone.headers["Set-Cookie"]
