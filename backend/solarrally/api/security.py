"""Who is calling and whether they may: the one dependency that guards every route."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends
from fastapi.security import OAuth2PasswordBearer
from starlette.requests import HTTPConnection

from solarrally.api.client_address import client_address
from solarrally.api.errors import ApiProblem
from solarrally.api.permissions import Permission
from solarrally.api.services import Services, ServicesDependency
from solarrally.api.tokens import InvalidToken
from solarrally.hub import Audience
from solarrally.storage.audit import Actor
from solarrally.storage.credentials import Standing
from solarrally.storage.edits.api_keys import KEY_PREFIX
from solarrally.storage.edits.logins import Client
from solarrally.storage.queries import SessionScope
from solarrally.storage.users import Account

bearer_scheme = OAuth2PasswordBearer(
    tokenUrl="/api/v1/auth/login",
    scheme_name="login",
    description="Username and password give an access token for the Authorization header. "
    "An API key (`srk_…`) goes there too.",
    auto_error=False,
)
_INVALID_TOKEN: Final = "The access token is not valid or has expired."


@dataclass(slots=True, frozen=True)
class Caller:
    """An authenticated, active user, and what the role and the credential allow."""

    account: Account
    address: str | None = None
    request_id: str | None = None
    login_id: UUID | None = None
    """None for an API key."""
    api_key_id: int | None = None
    """None for a login."""
    scopes: frozenset[str] | None = None
    """What an API key may at most; None for a login."""

    @property
    def permissions(self) -> frozenset[str]:
        """What the caller may: with an API key, what both its scopes and its owner's role allow."""
        allowed = self.account.permissions
        return allowed if self.scopes is None else allowed & self.scopes

    @property
    def actor(self) -> Actor:
        """The caller, for the audit log."""
        return Actor(
            user_id=self.account.id,
            name=self.account.username,
            api_key_id=self.api_key_id,
            address=self.address,
            request_id=self.request_id,
        )

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    def scope(self, all_of: Permission) -> SessionScope:
        """Everyone's sessions with the permission, else only the caller's own."""
        return SessionScope(everyone=self.may(all_of), id_token=self.account.id_token)

    @property
    def audience(self) -> Audience:
        """What the caller sees of the live feed."""
        sees_all_sessions = self.may(Permission.SESSION_READ)
        sees_all_commands = self.may(Permission.COMMAND_READ)
        sees_own_sessions = self.may(Permission.SESSION_READ_OWN) and not sees_all_sessions
        sees_own_commands = self.may(Permission.COMMAND_READ_OWN) and not sees_all_commands
        return Audience(
            sees_all_sessions=sees_all_sessions,
            sees_alerts=self.may(Permission.ALERT_READ),
            sees_all_commands=sees_all_commands,
            id_token=self.account.id_token if sees_own_sessions else None,
            user_id=self.account.id if sees_own_commands else None,
        )


def unauthenticated(detail: str) -> ApiProblem:
    """401."""
    return ApiProblem(HTTPStatus.UNAUTHORIZED, detail, headers={"WWW-Authenticate": "Bearer"})


def anonymous(connection: HTTPConnection) -> Actor:
    """Whoever asks, as long as we do not know who it is."""
    return Actor(
        user_id=None,
        name="anonymous",
        address=client_address(connection),
        request_id=connection.scope.get("request_id"),
    )


def client_of(connection: HTTPConnection) -> Client:
    """The client, as far as the connection tells."""
    return Client(address=client_address(connection), user_agent=connection.headers.get("user-agent"))


async def caller_of_token(services: Services, token: str, connection: HTTPConnection) -> Caller:
    """The caller that a bearer token speaks for: an access token or an API key. Raises `ApiProblem` (401)."""
    caller, _ = await caller_until(services, token, connection)
    return caller


async def caller_until(services: Services, token: str, connection: HTTPConnection) -> tuple[Caller, datetime]:
    """The caller, and when the bearer token expires. Raises `ApiProblem` (401)."""
    login_id = None
    if token.startswith(KEY_PREFIX):
        standing = await services.accounts.of_key(token)
        if standing is None:
            raise unauthenticated("The API key is not valid, was revoked or has expired.")
        expires_at = standing.expires_at
    else:
        try:
            identity = services.tokens.identify(token)
        except InvalidToken as error:
            raise unauthenticated(_INVALID_TOKEN) from error
        login_id, expires_at = identity.login_id, identity.expires_at
        standing = await services.accounts.of_login(identity.user_id, login_id)
        if standing is None:
            raise unauthenticated(_INVALID_TOKEN)
    return caller_standing(standing, login_id, connection), expires_at


def caller_standing(standing: Standing, login_id: UUID | None, connection: HTTPConnection) -> Caller:
    """The caller behind this connection."""
    return Caller(
        standing.account,
        address=client_address(connection),
        request_id=connection.scope.get("request_id"),
        login_id=login_id,
        api_key_id=standing.api_key_id,
        scopes=standing.scopes,
    )


def requires(*any_of: Permission) -> Any:
    """A dependency that gives the `Caller`; 401 without a valid token, 403 without any of the permissions."""
    return Depends(_guard(any_of, accepts_keys=True))


def requires_login(*any_of: Permission) -> Any:
    """`requires` of a route that is for people: an API key is refused with 403, whatever its scopes."""
    return Depends(_guard(any_of, accepts_keys=False))


def _guard(any_of: tuple[Permission, ...], *, accepts_keys: bool) -> Callable[..., Awaitable[Caller]]:
    async def guard(
        connection: HTTPConnection,
        services: ServicesDependency,
        token: Annotated[str | None, Depends(bearer_scheme)],
    ) -> Caller:
        if token is None:
            raise unauthenticated("This needs an access token.")
        caller = await caller_of_token(services, token, connection)
        connection.state.actor = caller.actor  # for the audit log, should it come to a refusal
        services.rate_limits.per_caller.take((caller.account.id, caller.api_key_id))
        if not accepts_keys and caller.login_id is None:
            raise ApiProblem(
                HTTPStatus.FORBIDDEN, "This is for people who have logged in; a key may not do it."
            )
        if not any(caller.may(permission) for permission in any_of):
            who = f"The role {caller.account.role}" if caller.scopes is None else "This API key"
            raise ApiProblem(HTTPStatus.FORBIDDEN, f"{who} may not do this.")
        return caller

    return guard
