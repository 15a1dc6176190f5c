"""The users, for administrators."""

from __future__ import annotations

from typing import Annotated, Literal

import structlog
from fastapi import APIRouter, Query, status

from solarrally.api.paging import PagerDependency
from solarrally.api.parameters import NO_QUERY, ListParameters
from solarrally.api.permissions import Permission
from solarrally.api.responses import NEXT_PAGE, guarded
from solarrally.api.schemas.users import NewUser, User, UserPage
from solarrally.api.security import Caller, requires
from solarrally.api.services import ServicesDependency
from solarrally.storage.users import ACCOUNT_ORDERS, create_user, list_accounts

log: structlog.stdlib.BoundLogger = structlog.get_logger()
router = APIRouter(prefix="/users", tags=["users"])


class UserParameters(ListParameters):
    """Which users."""

    sort: Literal["id", "-id", "username", "-username"] = "id"


@router.get("", operation_id="list_users", responses={200: NEXT_PAGE, **guarded()})
async def get_users(
    pager: PagerDependency,
    services: ServicesDependency,
    _caller: Annotated[Caller, requires(Permission.USER_READ)],
    parameters: Annotated[UserParameters, Query()],
) -> UserPage:
    """All users."""
    page = await pager.page(
        "users", parameters, ACCOUNT_ORDERS, lambda window: list_accounts(services.engine, window)
    )
    return UserPage(items=[User.of(account) for account in page.rows], next_cursor=page.next_cursor)


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
    """Add a user."""
    account = await create_user(
        services.engine,
        new_user.username,
        new_user.password,
        new_user.role,
        new_user.id_token,
        passwords=services.passwords,
    )
    log.info("user_created", user_id=account.id, role=account.role.value, by_user_id=caller.account.id)
    return User.of(account)
