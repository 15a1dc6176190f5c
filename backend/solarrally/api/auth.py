"""Logging in, staying logged in, logging out, and who am I."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Form, Request, Response

from solarrally.api.client_address import address_to_limit
from solarrally.api.errors import ApiProblem, too_many_requests
from solarrally.api.parameters import NO_QUERY
from solarrally.api.permissions import Permission
from solarrally.api.refresh_cookie import forget_cookie, presented_cookie, set_cookie
from solarrally.api.responses import guarded, problems
from solarrally.api.schemas.auth import AccessToken, LoginForm, Me, Refresh
from solarrally.api.security import (
    Caller,
    anonymous,
    bearer_scheme,
    caller_of_token,
    client_of,
    requires_login,
    unauthenticated,
)
from solarrally.api.services import Services, ServicesDependency
from solarrally.storage.edits.editing import editing
from solarrally.storage.edits.logins import Granted, begin_login, end_login, login_of, refresh_login
from solarrally.storage.users import credentials_of

log: structlog.stdlib.BoundLogger = structlog.get_logger()
router = APIRouter(prefix="/auth", tags=["auth"], dependencies=[NO_QUERY])


@router.post("/login", operation_id="login", responses=problems(401, 429))
async def login(
    request: Request, response: Response, services: ServicesDependency, form: Annotated[LoginForm, Form()]
) -> AccessToken:
    """Exchange username and password for an access token, and a refresh token that gives the next one.

    After a few failures each further one doubles the wait (429 with `Retry-After`); nobody is locked out.
    """
    username = form.username.lower()
    address = address_to_limit(request)
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
    actor, granted = anonymous(request), None
    if credentials is not None:
        actor = replace(actor, user_id=credentials.account.id, name=credentials.account.username)
        request.state.actor = actor  # for the audit log, should it come to a refusal
    if credentials is not None and is_right and credentials.account.is_active:
        async with editing(services.engine) as connection:
            granted = await begin_login(
                connection,
                actor,
                credentials.account.id,
                password_hash=credentials.password_hash,
                client=client_of(request),
                rules=services.login_rules,
                now=datetime.now(UTC),
            )
    if granted is None:
        log.info("login_refused", address=address)
        raise unauthenticated("Username or password is wrong.")
    services.throttle_per_account.forget((username, address))
    services.throttle_per_address.succeeded(address)
    log.info("login", user_id=granted.user_id, login_id=str(granted.login_id))
    return _answer(services, request, response, granted, as_cookie=form.cookie)


@router.post("/refresh", operation_id="refresh", responses=problems(401, 403, 429))
async def refresh(
    request: Request, response: Response, services: ServicesDependency, body: Refresh | None = None
) -> AccessToken:
    """The next access token, for a refresh token that is good once: as JSON, or the cookie that `login` set.

    The cookie counts only with an `Origin` of ours (403 otherwise). A token that comes a second time ends the
    login; only a client that lost the answer may repeat its request within 10 s, once.
    """
    services.rate_limits.refresh.take(address_to_limit(request))
    token = presented_cookie(request) if body is None else body.refresh_token
    if token is None:
        raise unauthenticated("This needs a refresh token.")
    now = datetime.now(UTC)
    async with editing(services.engine) as connection:
        granted = await refresh_login(
            connection,
            token,
            client=client_of(request),
            actor=anonymous(request),
            rules=services.login_rules,
            now=now,
        )
    if not isinstance(granted, Granted):
        log.info("refresh_refused", reason=granted)
        if granted == "reuse":
            services.accounts.forget()
        problem = unauthenticated("The refresh token is not valid, was used or has expired.")
        if body is None:
            forget_cookie(request, problem.headers)
        raise problem
    return _answer(services, request, response, granted, as_cookie=body is None)


@router.post(
    "/logout",
    operation_id="logout",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(401, 403, 429),
)
async def logout(
    request: Request,
    response: Response,
    services: ServicesDependency,
    token: Annotated[str | None, Depends(bearer_scheme)],
    body: Refresh | None = None,
) -> None:
    """End a login: that of the refresh token (JSON or cookie), else that of the access token."""
    services.rate_limits.refresh.take(address_to_limit(request))
    refresh_token = presented_cookie(request) if body is None else body.refresh_token
    now = datetime.now(UTC)
    if refresh_token is not None:
        async with editing(services.engine) as connection:
            found = await login_of(connection, refresh_token)
            if found is not None:
                owner = replace(anonymous(request), user_id=found.user_id, name=found.username)
                await end_login(connection, owner, found.login_id, reason="logout", now=now)
        if found is None and body is not None:
            raise unauthenticated("The refresh token is not valid.")
    elif token is not None:
        caller = await caller_of_token(services, token, request)
        if caller.login_id is None:
            raise ApiProblem(HTTPStatus.FORBIDDEN, "An API key has no login to end.")
        async with editing(services.engine) as connection:
            await end_login(connection, caller.actor, caller.login_id, reason="logout", now=now)
    else:
        raise unauthenticated("This needs a refresh token or an access token.")
    services.accounts.forget()
    forget_cookie(request, response.headers)


@router.get("/me", operation_id="get_me", responses=guarded())
async def get_me(caller: Annotated[Caller, requires_login(Permission.ACCOUNT_READ_OWN)]) -> Me:
    """The caller's account and permissions."""
    return Me.of(caller)


def _answer(
    services: Services, request: Request, response: Response, granted: Granted, *, as_cookie: bool
) -> AccessToken:
    if as_cookie:
        set_cookie(request, response, granted)
    return AccessToken(
        access_token=services.tokens.issue(granted.user_id, granted.login_id, datetime.now(UTC)),
        token_type="bearer",
        expires_in_s=services.tokens.ttl_s,
        refresh_token=None if as_cookie else granted.refresh_token,
        refresh_expires_at=granted.expires_at,
    )
