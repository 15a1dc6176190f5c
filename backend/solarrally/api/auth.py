"""Logging in, and who am I."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Annotated

import structlog
from fastapi import APIRouter, Form, Request

from solarrally.api.errors import too_many_requests
from solarrally.api.parameters import NO_QUERY
from solarrally.api.permissions import Permission
from solarrally.api.responses import guarded, problems
from solarrally.api.schemas.users import AccessToken, LoginForm, Me
from solarrally.api.security import Caller, requires, unauthenticated
from solarrally.api.services import ServicesDependency
from solarrally.storage.users import credentials_of

log: structlog.stdlib.BoundLogger = structlog.get_logger()
router = APIRouter(prefix="/auth", tags=["auth"], dependencies=[NO_QUERY])


@router.post("/login", operation_id="login", responses=problems(401, 429))
async def login(
    request: Request, services: ServicesDependency, form: Annotated[LoginForm, Form()]
) -> AccessToken:
    """Exchange username and password for an access token.

    After a few failures each further one doubles the wait (429 with `Retry-After`); nobody is locked out.
    """
    username = form.username.lower()
    address = "unknown" if request.client is None else request.client.host
    now_s = time.monotonic()
    throttles = (
        (services.throttle_per_account, (username, address)),
        (services.throttle_per_address, address),
    )
    wait_s = max(throttle.wait_s(key, now_s) for throttle, key in throttles)
    if wait_s > 0:
        raise too_many_requests("Too many failed logins; try again later.", int(wait_s) + 1)
    for throttle, key in throttles:
        throttle.attempt(key, now_s)
    credentials = await credentials_of(services.engine, username)
    is_right = await services.passwords.is_right(
        form.password, None if credentials is None else credentials.password_hash
    )
    if credentials is None or not is_right or not credentials.account.is_active:
        log.info("login_refused", address=address)
        raise unauthenticated("Username or password is wrong.")
    services.throttle_per_account.forget((username, address))
    services.throttle_per_address.succeeded(address)
    log.info("login", user_id=credentials.account.id, role=credentials.account.role.value)
    return AccessToken(
        access_token=services.tokens.issue(credentials.account.id, datetime.now(UTC)),
        token_type="bearer",
        expires_in_s=services.tokens.ttl_s,
    )


@router.get("/me", operation_id="get_me", responses=guarded())
async def get_me(caller: Annotated[Caller, requires(Permission.ACCOUNT_READ_OWN)]) -> Me:
    """The caller's account and permissions."""
    return Me.of(caller.account)
