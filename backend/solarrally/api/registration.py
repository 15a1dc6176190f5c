"""How one becomes a user without an administrator typing a password: by invitation, or by oneself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

import structlog
from fastapi import APIRouter, Request

from solarrally.api.account_rules import RegistrationMode
from solarrally.api.client_address import address_to_limit
from solarrally.api.errors import ApiProblem, invalid_field
from solarrally.api.mails import invitation_mail
from solarrally.api.parameters import NO_QUERY
from solarrally.api.permissions import Permission
from solarrally.api.responses import guarded, problems
from solarrally.api.schemas.auth import InvitationAcceptance, Invited, NewInvitation, Registration
from solarrally.api.schemas.users import User
from solarrally.api.security import Caller, anonymous, requires_login
from solarrally.api.services import Services, ServicesDependency
from solarrally.domain.permission import Role
from solarrally.mail import MailNotSent
from solarrally.storage.audit import record
from solarrally.storage.edits.editing import editing
from solarrally.storage.edits.mailed_tokens import (
    Invitation,
    create_invitation,
    invitation_of,
    use_invitation,
)
from solarrally.storage.edits.users import check_grant, check_id_token_grant
from solarrally.storage.users import insert_user

log: structlog.stdlib.BoundLogger = structlog.get_logger()
router = APIRouter(prefix="/auth", tags=["auth"], dependencies=[NO_QUERY])


@router.post(
    "/register",
    operation_id="register",
    status_code=HTTPStatus.CREATED,
    responses=problems(403, 409, 429),
)
async def post_registration(
    request: Request, services: ServicesDependency, registration: Registration
) -> User:
    """Become a user, where registration is open (403 where it is not).

    The role is `user`; no sessions are the new user's own until an administrator says which `id_token` is.
    """
    _check_mode(services, "open")
    services.rate_limits.registration.take(address_to_limit(request))
    password_hash = await services.passwords.hash(registration.password)
    async with editing(services.engine) as connection:
        account = await insert_user(
            connection, registration.username, password_hash, Role.USER, None, registration.email
        )
        actor = replace(anonymous(request), user_id=account.id, name=account.username)
        after = {"username": account.username, "role": account.role, "email": account.email}
        await record(connection, actor, "user.register", "user", account.id, after=after)
    log.info("user_registered", user_id=account.id)
    return User.of(account)


@router.post(
    "/invitations",
    operation_id="invite_user",
    status_code=HTTPStatus.CREATED,
    responses=guarded(409),
)
async def post_invitation(
    services: ServicesDependency,
    caller: Annotated[Caller, requires_login(Permission.USER_WRITE)],
    new: NewInvitation,
) -> Invited:
    """Mail somebody an invitation, to a role that allows nothing that the caller may not do (403 otherwise).

    An earlier invitation to the same address is worth nothing any more. 503 when the mail cannot be sent.
    """
    _check_mode(services, "invitation", "open")
    rules = services.account_rules
    if not services.mailroom.is_open:
        raise _not_mailed("No mailer is set (SOLARRALLY_MAILER).")
    async with editing(services.engine) as connection:
        await check_grant(connection, new.role, caller.permissions)
        check_id_token_grant(new.id_token, caller.permissions)
        token, expires_at = await create_invitation(
            connection,
            caller.actor,
            Invitation(email=new.email, role=new.role, id_token=new.id_token),
            now=datetime.now(UTC),
            ttl_s=rules.invitation_ttl_s,
        )
    mail = invitation_mail(new.email, token, public_url=rules.public_url, valid_s=rules.invitation_ttl_s)
    try:
        await services.mailroom.send(mail)
    except MailNotSent as error:
        log.warning("invitation_not_mailed", error=str(error))
        raise _not_mailed("The mail server does not take the mail at the moment.") from error
    return Invited(email=new.email, role=new.role, id_token=new.id_token, expires_at=expires_at)


@router.post(
    "/invitations/accept",
    operation_id="accept_invitation",
    status_code=HTTPStatus.CREATED,
    responses=problems(403, 409, 429),
)
async def post_acceptance(
    request: Request, services: ServicesDependency, acceptance: InvitationAcceptance
) -> User:
    """Become a user, with the token that was mailed; it is good once."""
    _check_mode(services, "invitation", "open")
    services.rate_limits.registration.take(address_to_limit(request))
    refusal = invalid_field("token", "is not valid, was used or has expired")
    async with editing(services.engine) as connection:
        if await invitation_of(connection, acceptance.token, now=datetime.now(UTC)) is None:
            raise refusal
    password_hash = await services.passwords.hash(acceptance.password)
    now = datetime.now(UTC)
    async with editing(services.engine) as connection:
        invitation = await invitation_of(connection, acceptance.token, now=now)
        if invitation is None:
            raise refusal
        account = await insert_user(
            connection,
            acceptance.username,
            password_hash,
            invitation.role,
            invitation.id_token,
            invitation.email,
        )
        await use_invitation(connection, acceptance.token, now=now)
        actor = replace(anonymous(request), user_id=account.id, name=account.username)
        after = {
            "username": account.username,
            "role": account.role,
            "email": account.email,
            "id_token": account.id_token,
        }
        await record(connection, actor, "invitation.accept", "user", account.id, after=after)
    log.info("invitation_accepted", user_id=account.id, role=account.role)
    return User.of(account)


def _check_mode(services: Services, *modes: RegistrationMode) -> None:
    if services.account_rules.registration not in modes:
        raise ApiProblem(HTTPStatus.FORBIDDEN, "This way of becoming a user is closed here.")


def _not_mailed(detail: str) -> ApiProblem:
    return ApiProblem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": "60"})
