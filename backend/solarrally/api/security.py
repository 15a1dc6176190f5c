"""Who is calling and whether they may: the one dependency that guards every route."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends
from fastapi.security import OAuth2PasswordBearer
from starlette.requests import HTTPConnection

from solarrally.api.errors import ApiProblem
from solarrally.api.permissions import PERMISSIONS_OF_ROLE, Permission
from solarrally.api.services import Services, ServicesDependency
from solarrally.api.tokens import InvalidToken
from solarrally.hub import Audience
from solarrally.storage.audit import Actor
from solarrally.storage.queries import SessionScope
from solarrally.storage.users import Account

bearer_scheme = OAuth2PasswordBearer(
    tokenUrl="/api/v1/auth/login",
    scheme_name="login",
    description="Username and password give an access token for the Authorization header.",
    auto_error=False,
)


@dataclass(slots=True, frozen=True)
class Caller:
    """An authenticated, active user and what the role allows."""

    account: Account
    address: str | None = None
    request_id: str | None = None

    @property
    def actor(self) -> Actor:
        """The caller, for the audit log."""
        return Actor(
            user_id=self.account.id,
            name=self.account.username,
            address=self.address,
            request_id=self.request_id,
        )

    def may(self, permission: Permission) -> bool:
        return permission in PERMISSIONS_OF_ROLE[self.account.role]

    def scope(self, all_of: Permission) -> SessionScope:
        """Everyone's sessions with the permission, else only the caller's own."""
        return SessionScope(everyone=self.may(all_of), id_token=self.account.id_token)

    @property
    def audience(self) -> Audience:
        """What the caller sees of the live feed."""
        id_token = self.account.id_token if self.may(Permission.SESSION_READ_OWN) else None
        return Audience(sees_all_sessions=self.may(Permission.SESSION_READ), id_token=id_token)


def unauthenticated(detail: str) -> ApiProblem:
    """401."""
    return ApiProblem(HTTPStatus.UNAUTHORIZED, detail, headers={"WWW-Authenticate": "Bearer"})


async def caller_of_token(services: Services, token: str, connection: HTTPConnection) -> Caller:
    """The caller that a bearer token speaks for. Raises `ApiProblem` (401)."""
    try:
        identity = services.tokens.identify(token)
    except InvalidToken as error:
        raise unauthenticated("The access token is not valid or has expired.") from error
    account = await services.accounts.active(identity.user_id)
    if account is None:
        raise unauthenticated("The access token is not valid or has expired.")
    return Caller(
        account,
        address=None if connection.client is None else connection.client.host,
        request_id=connection.scope.get("request_id"),
    )


def requires(*any_of: Permission) -> Any:
    """A dependency that gives the `Caller`; 401 without a valid token, 403 without any of the permissions."""
    return Depends(_guard(any_of))


def _guard(any_of: tuple[Permission, ...]) -> Callable[..., Awaitable[Caller]]:
    async def guard(
        connection: HTTPConnection,
        services: ServicesDependency,
        token: Annotated[str | None, Depends(bearer_scheme)],
    ) -> Caller:
        if token is None:
            raise unauthenticated("This needs an access token.")
        caller = await caller_of_token(services, token, connection)
        if not any(caller.may(permission) for permission in any_of):
            raise ApiProblem(HTTPStatus.FORBIDDEN, f"The role {caller.account.role} may not do this.")
        return caller

    return guard
