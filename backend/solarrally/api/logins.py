"""Where somebody is logged in, and how to end it from elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from solarrally.api.errors import not_found
from solarrally.api.paging import PagerDependency
from solarrally.api.parameters import NO_QUERY, ListParameters, LoginIdPath, UserIdPath
from solarrally.api.permissions import Permission
from solarrally.api.responses import NEXT_PAGE, guarded
from solarrally.api.schemas.auth import Login, LoginPage
from solarrally.api.security import Caller, requires, requires_login
from solarrally.api.services import Services, ServicesDependency
from solarrally.storage.edits.editing import editing
from solarrally.storage.edits.logins import end_login
from solarrally.storage.edits.users import check_within
from solarrally.storage.queries import LOGIN_ORDERS, list_logins
from solarrally.storage.users import account_of

router = APIRouter()


class LoginParameters(ListParameters):
    """Which logins."""

    sort: Literal["created_at", "-created_at"] = "-created_at"
    is_active: bool | None = Field(default=None, description="Only those that hold now, or do no longer.")


@router.get(
    "/auth/logins", tags=["auth"], operation_id="list_own_logins", responses={200: NEXT_PAGE, **guarded()}
)
async def get_own_logins(
    pager: PagerDependency,
    caller: Annotated[Caller, requires_login(Permission.ACCOUNT_READ_OWN)],
    parameters: Annotated[LoginParameters, Query()],
) -> LoginPage:
    """The caller's logins: those that hold, and for 30 days those that ended."""
    return await _page(pager, caller, caller.account.id, parameters)


@router.delete(
    "/auth/logins/{login_id}",
    tags=["auth"],
    operation_id="end_own_login",
    status_code=HTTPStatus.NO_CONTENT,
    responses=guarded(404),
    dependencies=[NO_QUERY],
)
async def delete_own_login(
    services: ServicesDependency,
    caller: Annotated[Caller, requires_login(Permission.ACCOUNT_WRITE_OWN)],
    login_id: LoginIdPath,
) -> None:
    """End one of the caller's logins: its tokens are refused within 30 s, its WebSockets end."""
    await _end(services, caller, caller.account.id, login_id)


@router.get(
    "/users/{user_id}/logins",
    tags=["users"],
    operation_id="list_logins",
    responses={200: NEXT_PAGE, **guarded(404)},
)
async def get_logins(
    pager: PagerDependency,
    caller: Annotated[Caller, requires(Permission.USER_READ)],
    user_id: UserIdPath,
    parameters: Annotated[LoginParameters, Query()],
) -> LoginPage:
    """A user's logins."""
    if await account_of(pager.services.engine, user_id) is None:
        raise not_found("user")
    return await _page(pager, caller, user_id, parameters)


@router.delete(
    "/users/{user_id}/logins/{login_id}",
    tags=["users"],
    operation_id="end_login",
    status_code=HTTPStatus.NO_CONTENT,
    responses=guarded(404),
    dependencies=[NO_QUERY],
)
async def delete_login(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.USER_WRITE)],
    user_id: UserIdPath,
    login_id: LoginIdPath,
) -> None:
    """End a user's login; 403 for a user who may do more than the caller."""
    account = await account_of(services.engine, user_id)
    if account is None:
        raise not_found("login")
    check_within(account.permissions, caller.permissions)
    await _end(services, caller, user_id, login_id)


async def _page(
    pager: PagerDependency, caller: Caller, user_id: int, parameters: LoginParameters
) -> LoginPage:
    now = datetime.now(UTC)
    page = await pager.page(
        "logins",
        parameters,
        LOGIN_ORDERS,
        lambda window: list_logins(
            pager.services.engine, user_id, window, is_active=parameters.is_active, now=now
        ),
        user_id=user_id,
    )
    return LoginPage(
        items=[Login.of(row, caller.login_id) for row in page.rows], next_cursor=page.next_cursor
    )


async def _end(services: Services, caller: Caller, user_id: int, login_id: LoginIdPath) -> None:
    async with editing(services.engine) as connection:
        is_known = await end_login(
            connection,
            caller.actor,
            login_id,
            reason="revoked",
            now=datetime.now(UTC),
            of_user_id=user_id,
        )
    if not is_known:
        raise not_found("login")
    services.accounts.forget()
