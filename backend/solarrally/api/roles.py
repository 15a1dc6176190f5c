"""Roles, and the permissions that they are made of."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, status

from solarrally.api.errors import not_found
from solarrally.api.paging import PagerDependency
from solarrally.api.parameters import NO_QUERY, ListParameters
from solarrally.api.permissions import PERMISSIONS_IN_WORDS, PERMISSIONS_OF_ROLE, Permission
from solarrally.api.responses import NEXT_PAGE, guarded
from solarrally.api.schemas.roles import (
    NewRole,
    PermissionInWords,
    PermissionList,
    Role,
    RoleChange,
    RolePage,
)
from solarrally.api.security import Caller, requires
from solarrally.api.services import ServicesDependency
from solarrally.storage.edits.roles import add_role, change_role, remove_role
from solarrally.storage.queries.roles import ROLE_ORDERS, list_roles, role_of
from solarrally.storage.users import ROLE_NAME_PATTERN

router = APIRouter(tags=["roles"])

RoleNamePath = Annotated[str, Path(pattern=ROLE_NAME_PATTERN, examples=["accountant"])]


class RoleParameters(ListParameters):
    """Which roles."""

    sort: Literal["name", "-name"] = "name"


@router.get("/permissions", operation_id="list_permissions", responses=guarded(), dependencies=[NO_QUERY])
async def get_permissions(_caller: Annotated[Caller, requires(Permission.ROLE_READ)]) -> PermissionList:
    """All permissions that roles and API keys are made of."""
    return PermissionList(
        items=[
            PermissionInWords(
                name=permission,
                description=PERMISSIONS_IN_WORDS[permission],
                built_in_roles=[role for role, has in PERMISSIONS_OF_ROLE.items() if permission in has],
            )
            for permission in sorted(Permission)
        ]
    )


@router.get("/roles", operation_id="list_roles", responses={200: NEXT_PAGE, **guarded()})
async def get_roles(
    pager: PagerDependency,
    services: ServicesDependency,
    _caller: Annotated[Caller, requires(Permission.ROLE_READ)],
    parameters: Annotated[RoleParameters, Query()],
) -> RolePage:
    """All roles, built-in or made here."""
    page = await pager.page(
        "roles", parameters, ROLE_ORDERS, lambda window: list_roles(services.engine, window)
    )
    return RolePage(items=[Role.of(row) for row in page.rows], next_cursor=page.next_cursor)


@router.get("/roles/{role_name}", operation_id="get_role", responses=guarded(404), dependencies=[NO_QUERY])
async def get_role(
    services: ServicesDependency,
    _caller: Annotated[Caller, requires(Permission.ROLE_READ)],
    role_name: RoleNamePath,
) -> Role:
    """One role."""
    row = await role_of(services.engine, role_name)
    if row is None:
        raise not_found("role")
    return Role.of(row)


@router.post(
    "/roles",
    operation_id="create_role",
    status_code=status.HTTP_201_CREATED,
    responses=guarded(409),
    dependencies=[NO_QUERY],
)
async def post_role(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.ROLE_WRITE)],
    new_role: NewRole,
) -> Role:
    """Make a role, of permissions that the caller has (403 otherwise)."""
    return Role.of(
        await add_role(
            services.engine,
            caller.actor,
            caller.permissions,
            name=new_role.name,
            description=new_role.description,
            permissions=frozenset(new_role.permissions),
        )
    )


@router.patch(
    "/roles/{role_name}",
    operation_id="change_role",
    responses=guarded(404, 409),
    dependencies=[NO_QUERY],
)
async def patch_role(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.ROLE_WRITE)],
    role_name: RoleNamePath,
    change: RoleChange,
) -> Role:
    """Change a role; it counts within 30 s for all who have it, on open WebSockets too.

    409 for a built-in one; 403 when it allows, or would allow, more than the caller may do.
    """
    changes = change.model_dump(include=change.model_fields_set)
    if "permissions" in changes:
        changes["permissions"] = frozenset(changes["permissions"])
    row = await change_role(services.engine, caller.actor, caller.permissions, role_name, changes)
    if row is None:
        raise not_found("role")
    services.accounts.forget()
    return Role.of(row)


@router.delete(
    "/roles/{role_name}",
    operation_id="delete_role",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=guarded(404, 409),
    dependencies=[NO_QUERY],
)
async def delete_role(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.ROLE_WRITE)],
    role_name: RoleNamePath,
) -> None:
    """Remove a role. 409 for a built-in one, and while users or invitations have it."""
    if not await remove_role(services.engine, caller.actor, caller.permissions, role_name):
        raise not_found("role")
