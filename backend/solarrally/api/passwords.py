"""Passwords changed by those who know them, and reset by those who do not."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

import structlog
from fastapi import APIRouter, Request, Response

from solarrally.api.client_address import address_to_limit
from solarrally.api.errors import ApiProblem, invalid_field, too_many_requests
from solarrally.api.mails import password_reset_mail
from solarrally.api.parameters import NO_QUERY
from solarrally.api.permissions import Permission
from solarrally.api.responses import guarded, problems
from solarrally.api.schemas.auth import PasswordChange, PasswordReset, PasswordResetRequest
from solarrally.api.security import Caller, anonymous, requires_login
from solarrally.api.services import Services, ServicesDependency
from solarrally.storage.audit import Actor
from solarrally.storage.edits.editing import editing
from solarrally.storage.edits.mailed_tokens import can_reset, create_reset
from solarrally.storage.edits.passwords import change_password, reset_password
from solarrally.storage.users import credentials_of

log: structlog.stdlib.BoundLogger = structlog.get_logger()
router = APIRouter(prefix="/auth", tags=["auth"], dependencies=[NO_QUERY])


@router.post(
    "/password",
    operation_id="change_password",
    status_code=HTTPStatus.NO_CONTENT,
    responses=guarded(409),
)
async def post_password(
    services: ServicesDependency,
    caller: Annotated[Caller, requires_login(Permission.ACCOUNT_WRITE_OWN)],
    change: PasswordChange,
) -> None:
    """Change the caller's password. All other logins end; wrong guesses are slowed down like logins."""
    key, now_s = caller.account.id, time.monotonic()
    wait_s = services.throttle_per_account.wait_s(key, now_s)
    if wait_s > 0:
        raise too_many_requests("Too many wrong passwords; try again later.", int(wait_s) + 1)
    services.throttle_per_account.attempt(key, now_s)
    credentials = await credentials_of(services.engine, caller.account.username)
    old_hash = None if credentials is None else credentials.password_hash
    if not await services.passwords.is_right(change.current_password, old_hash) or old_hash is None:
        raise invalid_field("current_password", "is wrong")
    services.throttle_per_account.forget(key)
    if change.new_password == change.current_password:
        raise invalid_field("new_password", "must be another one")
    new_hash = await services.passwords.hash(change.new_password)
    async with editing(services.engine) as connection:
        is_changed = await change_password(
            connection,
            caller.actor,
            caller.account.id,
            old_hash=old_hash,
            new_hash=new_hash,
            now=datetime.now(UTC),
            keep_login=caller.login_id,
        )
    if not is_changed:
        raise ApiProblem(HTTPStatus.CONFLICT, "The password has just been changed elsewhere.")
    services.accounts.forget()
    log.info("password_changed", user_id=caller.account.id)


@router.post(
    "/password-reset",
    operation_id="ask_password_reset",
    status_code=HTTPStatus.ACCEPTED,
    response_class=Response,
    responses=problems(429),
)
async def post_password_reset(
    request: Request, services: ServicesDependency, asked: PasswordResetRequest
) -> Response:
    """Have a token mailed that sets another password. The answer is the same when there is no such user.

    At most three mails an hour go to one user.
    """
    services.rate_limits.password_reset.take(address_to_limit(request), asked.email)
    services.mailroom.later(_mail_reset(services, anonymous(request), asked.email), name="password_reset")
    return Response(status_code=HTTPStatus.ACCEPTED)


@router.post(
    "/password-reset/confirm",
    operation_id="reset_password",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(429),
)
async def post_password_reset_confirm(
    request: Request, services: ServicesDependency, reset: PasswordReset
) -> None:
    """Set another password with the token that was mailed; it is good once. All logins of the user end."""
    services.rate_limits.refresh.take(address_to_limit(request))
    refusal = invalid_field("token", "is not valid, was used or has expired")
    async with editing(services.engine) as connection:
        if not await can_reset(connection, reset.token, now=datetime.now(UTC)):
            raise refusal
    new_hash = await services.passwords.hash(reset.new_password)
    async with editing(services.engine) as connection:
        is_reset = await reset_password(
            connection, anonymous(request), reset.token, new_hash=new_hash, now=datetime.now(UTC)
        )
    if not is_reset:
        raise refusal
    services.accounts.forget()


async def _mail_reset(services: Services, actor: Actor, email: str) -> None:
    """After the answer: neither its content nor its time tells whether anybody has this address."""
    rules = services.account_rules
    if not services.mailroom.is_open:
        log.warning("password_reset_not_mailed", reason="no mailer is set (SOLARRALLY_MAILER)")
        return
    async with editing(services.engine) as connection:
        reset = await create_reset(
            connection,
            actor,
            email,
            now=datetime.now(UTC),
            ttl_s=rules.password_reset_ttl_s,
        )
    if reset is None:
        log.info("password_reset_not_mailed", reason="no such active user, or too often")
        return
    await services.mailroom.send(
        password_reset_mail(
            email,
            reset.username,
            reset.token,
            public_url=rules.public_url,
            valid_s=rules.password_reset_ttl_s,
        )
    )
    log.info("password_reset_mailed", user_id=reset.user_id)
