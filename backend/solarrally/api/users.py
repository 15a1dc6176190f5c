"""The users, for administrators."""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import APIRouter, Query, Request, Response, status

from solarrally.api.paging import link_next, split_page
from solarrally.api.parameters import NO_QUERY, ListParameters
from solarrally.api.permissions import Permission
from solarrally.api.responses import NEXT_PAGE, guarded
from solarrally.api.schemas.users import NewUser, User, UserPage
from solarrally.api.security import Caller, requires
from solarrally.api.services import ServicesDependency
from solarrally.storage.users import create_user, list_accounts

log: structlog.stdlib.BoundLogger = structlog.get_logger()
router = APIRouter(prefix="/users", tags=["users"])


@router.get("", operation_id="list_users", responses={200: NEXT_PAGE, **guarded()})
async def get_users(
    request: Request,
    response: Response,
    services: ServicesDependency,
    _caller: Annotated[Caller, requires(Permission.USERS_READ)],
    parameters: Annotated[ListParameters, Query()],
) -> UserPage:
    """All users, by id."""
    after_id = 0
    if parameters.cursor is not None:
        after_id = services.cursors.read("users", parameters.filters, parameters.cursor, int)
    accounts = await list_accounts(services.engine, after_id=after_id, limit=parameters.limit + 1)
    page, last = split_page(accounts, parameters.limit)
    cursor = None
    if last is not None:
        cursor = services.cursors.make("users", parameters.filters, last.id)
        link_next(request, response, cursor)
    return UserPage(items=[User.of(account) for account in page], next_cursor=cursor)


@router.post(
    "",
    operation_id="create_user",
    status_code=status.HTTP_201_CREATED,
    responses=guarded(409),
    dependencies=[NO_QUERY],
)
async def post_user(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.USERS_WRITE)],
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
