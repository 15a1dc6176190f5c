"""Messages that could not be used, for those who look after the devices."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from solarrally.api.paging import PagerDependency
from solarrally.api.parameters import ListParameters, ShortText
from solarrally.api.permissions import Permission
from solarrally.api.responses import NEXT_PAGE, guarded
from solarrally.api.schemas.rejected import RejectedMessage, RejectedMessagePage
from solarrally.api.security import Caller, requires
from solarrally.api.services import ServicesDependency
from solarrally.storage.queries import REJECTED_ORDERS, list_rejected

router = APIRouter(prefix="/rejected-messages", tags=["rejected messages"])


class RejectedParameters(ListParameters):
    """Which rejected messages."""

    sort: Literal["id", "-id"] = "-id"
    reason: ShortText | None = None


@router.get("", operation_id="list_rejected_messages", responses={200: NEXT_PAGE, **guarded()})
async def get_rejected_messages(
    pager: PagerDependency,
    services: ServicesDependency,
    _caller: Annotated[Caller, requires(Permission.REJECTED_MESSAGE_READ)],
    parameters: Annotated[RejectedParameters, Query()],
) -> RejectedMessagePage:
    """Rejected messages, newest first."""
    page = await pager.page(
        "rejected-messages",
        parameters,
        REJECTED_ORDERS,
        lambda window: list_rejected(services.engine, window, reason=parameters.reason),
    )
    return RejectedMessagePage(
        items=[RejectedMessage.of(row) for row in page.rows], next_cursor=page.next_cursor
    )
