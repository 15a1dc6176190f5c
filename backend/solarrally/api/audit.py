"""The audit log, for those who may read it; nobody can change it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from solarrally.api.errors import invalid_field
from solarrally.api.paging import PagerDependency
from solarrally.api.parameters import Instant, ListParameters, ShortText, UserId
from solarrally.api.permissions import Permission
from solarrally.api.responses import NEXT_PAGE, guarded
from solarrally.api.schemas.audit import AuditEntry, AuditPage
from solarrally.api.security import Caller, requires
from solarrally.api.services import ServicesDependency
from solarrally.storage.queries.audit import AUDIT_ORDERS, AuditFilter, list_audit

router = APIRouter(tags=["audit"])


class AuditParameters(ListParameters):
    """Which entries."""

    sort: Literal["at", "-at"] = "-at"
    actor: ShortText | None = Field(default=None, description="The username at that time.")
    actor_user_id: UserId | None = None
    action: ShortText | None = Field(default=None, description="Such as `user.update`.")
    object_type: ShortText | None = None
    object_id: ShortText | None = Field(default=None, description="Together with `object_type`.")
    outcome: Literal["done", "refused"] | None = None
    date_from: Instant | None = Field(default=None, description="On at, inclusive.")
    date_to: Instant | None = Field(default=None, description="On at, exclusive.")


@router.get("/audit", operation_id="list_audit", responses={200: NEXT_PAGE, **guarded()})
async def get_audit(
    pager: PagerDependency,
    services: ServicesDependency,
    _caller: Annotated[Caller, requires(Permission.AUDIT_READ)],
    parameters: Annotated[AuditParameters, Query()],
) -> AuditPage:
    """Every change and every refused access, newest first."""
    if parameters.object_id is not None and parameters.object_type is None:
        raise invalid_field("object_id", "ids are of one type: give object_type too")
    where = AuditFilter(**parameters.where())
    page = await pager.page(
        "audit", parameters, AUDIT_ORDERS, lambda window: list_audit(services.engine, where, window)
    )
    return AuditPage(items=[AuditEntry.of(row) for row in page.rows], next_cursor=page.next_cursor)
