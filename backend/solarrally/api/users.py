"""The users, for administrators."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, status
from pydantic import AfterValidator, Field

from solarrally.api.errors import not_found
from solarrally.api.paging import PagerDependency
from solarrally.api.parameters import NO_QUERY, ListParameters, ShortText, UserIdPath
from solarrally.api.permissions import Permission
from solarrally.api.responses import NEXT_PAGE, guarded
from solarrally.api.schemas.users import NewUser, RoleName, User, UserChange, UserPage
from solarrally.api.security import Caller, requires
from solarrally.api.services import ServicesDependency
from solarrally.storage.edits.users import add_user, change_user, remove_user
from solarrally.storage.users import ACCOUNT_ORDERS, AccountFilter, account_of, list_accounts

router = APIRouter(prefix="/users", tags=["users"])


class UserParameters(ListParameters):
    """Which users."""

    sort: Literal["id", "-id", "username", "-username"] = "id"
    role: RoleName | None = None
    is_active: bool | None = None
    q: Annotated[ShortText, AfterValidator(str.lower)] | None = Field(
        default=None, description="What the username or the mail address begins with, in any case."
    )


@router.get("", operation_id="list_users", responses={200: NEXT_PAGE, **guarded()})
async def get_users(
    pager: PagerDependency,
    services: ServicesDependency,
    _caller: Annotated[Caller, requires(Permission.USER_READ)],
    parameters: Annotated[UserParameters, Query()],
) -> UserPage:
    """All users."""
    where = AccountFilter(**parameters.where())
    page = await pager.page(
        "users", parameters, ACCOUNT_ORDERS, lambda window: list_accounts(services.engine, where, window)
    )
    return UserPage(items=[User.of(account) for account in page.rows], next_cursor=page.next_cursor)


@router.get("/{user_id}", operation_id="get_user", responses=guarded(404), dependencies=[NO_QUERY])
async def get_user(
    services: ServicesDependency,
    _caller: Annotated[Caller, requires(Permission.USER_READ)],
    user_id: UserIdPath,
) -> User:
    """One user."""
    account = await account_of(services.engine, user_id)
    if account is None:
        raise not_found("user")
    return User.of(account)


@router.post(
    "",
    operation_id="create_user",
    status_code=status.HTTP_201_CREATED,
    responses=guarded(409),
    dependencies=[NO_QUERY],
)
async def post_user(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.USER_WRITE)],
    new_user: NewUser,
) -> User:
    """Add a user, with a role that allows nothing that the caller may not do (403 otherwise)."""
    account = await add_user(
        services.engine,
        caller.actor,
        caller.permissions,
        username=new_user.username,
        password=new_user.password,
        role_name=new_user.role,
        id_token=new_user.id_token,
        email=new_user.email,
        passwords=services.passwords,
    )
    return User.of(account)


@router.patch("/{user_id}", operation_id="change_user", responses=guarded(404, 409), dependencies=[NO_QUERY])
async def patch_user(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.USER_WRITE)],
    user_id: UserIdPath,
    change: UserChange,
) -> User:
    """Change a user; it counts within 30 s, on open WebSockets too.

    403 for a user, or a role, that may do more than the caller; 409 (`role` or `is_active`) for the last
    active admin.
    """
    account = await change_user(
        services.engine,
        caller.actor,
        caller.permissions,
        user_id,
        change.model_dump(include=change.model_fields_set),
        now=datetime.now(UTC),
    )
    if account is None:
        raise not_found("user")
    services.accounts.forget()
    return User.of(account)


@router.delete(
    "/{user_id}",
    operation_id="delete_user",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=guarded(404, 409),
    dependencies=[NO_QUERY],
)
async def delete_user(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.USER_WRITE)],
    user_id: UserIdPath,
) -> None:
    """Remove a user with all logins and API keys. Sessions and bills stay, and so does the audit log.

    403 for a user who may do more than the caller, 409 for the last active admin.
    """
    if not await remove_user(services.engine, caller.actor, caller.permissions, user_id):
        raise not_found("user")
    services.accounts.forget()
