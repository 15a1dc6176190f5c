"""What is answered without a login: which stations are free, and what a login page must know."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Request, Response

from solarrally.api.client_address import address_to_limit
from solarrally.api.encodings import chosen_encoding
from solarrally.api.errors import ApiProblem
from solarrally.api.parameters import NO_QUERY
from solarrally.api.public_status import KEPT_S
from solarrally.api.responses import problems
from solarrally.api.schemas.public import PublicConfig, PublicStatusAnswer
from solarrally.api.services import ServicesDependency

router = APIRouter(prefix="/public", tags=["public"], dependencies=[NO_QUERY])

_NOT_MODIFIED: Final = {"description": "Nothing has changed since the answer with that ETag."}


@router.get(
    "/status",
    operation_id="get_public_status",
    response_model=PublicStatusAnswer,
    responses={304: _NOT_MODIFIED, **problems(404, 429)},
)
async def get_public_status(request: Request, services: ServicesDependency) -> Response:
    """Which stations are free, without a login; 404 where that is not wanted (SOLARRALLY_PUBLIC_STATUS).

    At most 2 s old, the same for everybody, with an ETag: ask again with `If-None-Match`.
    """
    if services.public_status is None:
        raise ApiProblem(HTTPStatus.NOT_FOUND, "The public status is switched off here.")
    services.rate_limits.public.take(address_to_limit(request))
    picture = await services.public_status.picture()
    headers = {
        "Cache-Control": f"public, max-age={KEPT_S:.0f}",
        "ETag": picture.etag,
        "Vary": "Accept-Encoding, Origin",
    }
    if _is_known(request.headers.get("if-none-match"), picture.etag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    if chosen_encoding(request.headers.get("accept-encoding"), ["gzip"]) is None:
        return Response(picture.body, media_type="application/json", headers=headers)
    headers["Content-Encoding"] = "gzip"
    return Response(picture.gzipped, media_type="application/json", headers=headers)


@router.get("/config", operation_id="get_public_config", responses=problems(429))
async def get_public_config(request: Request, services: ServicesDependency) -> PublicConfig:
    """What a login page must know before anybody has logged in."""
    services.rate_limits.public.take(address_to_limit(request))
    return PublicConfig(
        version=request.app.version,
        registration=services.account_rules.registration,
        can_reset_password=services.mailroom.is_open,
        has_public_status=services.public_status is not None,
    )


def _is_known(if_none_match: str | None, etag: str) -> bool:
    """Whether the client has it, by weak comparison (RFC 9110 8.8.3.2)."""
    if if_none_match is None:
        return False
    known = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in known or etag.removeprefix("W/") in known
