"""API keys: made, listed and revoked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Literal

import structlog
from fastapi import APIRouter, Query
from pydantic import Field

from solarrally.api.errors import ApiProblem, invalid_field, not_found
from solarrally.api.paging import PagerDependency
from solarrally.api.parameters import NO_QUERY, ApiKeyIdPath, ListParameters, UserId
from solarrally.api.permissions import Permission
from solarrally.api.responses import NEXT_PAGE, guarded
from solarrally.api.schemas.api_keys import ApiKey, ApiKeyPage, MadeApiKey, NewApiKey
from solarrally.api.security import Caller, requires
from solarrally.api.services import ServicesDependency
from solarrally.storage.edits.api_keys import MAX_KEY_LIFE_S, create_api_key, revoke_api_key
from solarrally.storage.edits.editing import editing
from solarrally.storage.edits.users import check_within
from solarrally.storage.queries import API_KEY_ORDERS, api_key_of, list_api_keys
from solarrally.storage.users import account_in

log: structlog.stdlib.BoundLogger = structlog.get_logger()
router = APIRouter(prefix="/api-keys", tags=["api-keys"])


class ApiKeyParameters(ListParameters):
    """Which keys."""

    sort: Literal["id", "-id"] = "id"
    user_id: UserId | None = None
    is_active: bool | None = Field(default=None, description="Only those that hold now, or do no longer.")


@router.get("", operation_id="list_api_keys", responses={200: NEXT_PAGE, **guarded()})
async def get_api_keys(
    pager: PagerDependency,
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.API_KEY_READ, Permission.ACCOUNT_READ_OWN)],
    parameters: Annotated[ApiKeyParameters, Query()],
) -> ApiKeyPage:
    """API keys, without their secrets: everybody's with `api_key:read`, else the caller's own."""
    now, owner_id = datetime.now(UTC), _owner_id(caller, Permission.API_KEY_READ)
    page = await pager.page(
        "api_keys",
        parameters,
        API_KEY_ORDERS,
        lambda window: list_api_keys(
            services.engine, window, now=now, owner_id=owner_id, **parameters.where()
        ),
        owner_id=owner_id,
    )
    return ApiKeyPage(items=[ApiKey.of(row) for row in page.rows], next_cursor=page.next_cursor)


@router.get("/{api_key_id}", operation_id="get_api_key", responses=guarded(404), dependencies=[NO_QUERY])
async def get_api_key(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.API_KEY_READ, Permission.ACCOUNT_READ_OWN)],
    api_key_id: ApiKeyIdPath,
) -> ApiKey:
    """One API key."""
    row = await api_key_of(services.engine, api_key_id)
    if row is None or _owner_id(caller, Permission.API_KEY_READ) not in (None, row.user_id):
        raise not_found("API key")
    return ApiKey.of(row)


@router.post(
    "",
    operation_id="create_api_key",
    status_code=HTTPStatus.CREATED,
    responses=guarded(),
    dependencies=[NO_QUERY],
)
async def post_api_key(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.API_KEY_WRITE, Permission.ACCOUNT_WRITE_OWN)],
    new: NewApiKey,
) -> MadeApiKey:
    """Make an API key. The answer shows its secret, which nobody sees again.

    403 for scopes that the caller does not have, and for another user's key without both `api_key:write` and
    `user:write`.
    """
    now, user_id = datetime.now(UTC), new.user_id or caller.account.id
    is_own = _owner_id(caller, Permission.API_KEY_WRITE) is not None
    if not now < new.expires_at <= now + timedelta(seconds=MAX_KEY_LIFE_S):
        raise invalid_field("expires_at", "must be in the future, at most 366 days")
    unknown = sorted(set(new.scopes) - set(Permission))
    if unknown:
        raise invalid_field("scopes", "must be permissions, as GET /permissions lists them")
    check_within(frozenset(new.scopes), caller.permissions)
    if user_id != caller.account.id and (is_own or not caller.may(Permission.USER_WRITE)):
        raise ApiProblem(HTTPStatus.FORBIDDEN, "Another user's key needs api_key:write and user:write.")
    async with editing(services.engine) as connection:
        owner = await account_in(connection, user_id, is_to_be_changed=True)
        if owner is None:
            raise invalid_field("user_id", "there is no such user")
        key_id, secret = await create_api_key(
            connection,
            caller.actor,
            name=new.name,
            user_id=user_id,
            scopes=new.scopes,
            expires_at=new.expires_at,
            now=now,
        )
    row = await api_key_of(services.engine, key_id)
    if row is None:
        raise not_found("API key")
    log.info("api_key_made", api_key_id=key_id, user_id=user_id, by_user_id=caller.account.id)
    return MadeApiKey(api_key=ApiKey.of(row), secret=secret)


@router.delete(
    "/{api_key_id}",
    operation_id="revoke_api_key",
    status_code=HTTPStatus.NO_CONTENT,
    responses=guarded(404),
    dependencies=[NO_QUERY],
)
async def delete_api_key(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.API_KEY_WRITE, Permission.ACCOUNT_WRITE_OWN)],
    api_key_id: ApiKeyIdPath,
) -> None:
    """Revoke an API key: it is refused within 30 s, and its WebSockets end. It stays in the list."""
    row = await api_key_of(services.engine, api_key_id)
    if row is None or _owner_id(caller, Permission.API_KEY_WRITE) not in (None, row.user_id):
        raise not_found("API key")
    async with editing(services.engine) as connection:
        if not await revoke_api_key(connection, caller.actor, api_key_id, now=datetime.now(UTC)):
            raise not_found("API key")
    services.accounts.forget()


def _owner_id(caller: Caller, of_all: Permission) -> int | None:
    """Whose keys the caller may deal with: None stands for everybody's, which `of_all` allows.

    Own keys are an affair of who has logged in: a key that is not scoped for keys is refused (403).
    """
    if caller.may(of_all):
        return None
    if caller.login_id is None:
        raise ApiProblem(HTTPStatus.FORBIDDEN, "This API key may not do this.")
    return caller.account.id
