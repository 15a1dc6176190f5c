"""Messages that could not be used, for those who look after the devices."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from solarrally.api.paging import link_next, split_page
from solarrally.api.parameters import ListParameters, ShortText
from solarrally.api.permissions import Permission
from solarrally.api.responses import NEXT_PAGE, guarded
from solarrally.api.schemas.rejected import RejectedMessage, RejectedMessagePage
from solarrally.api.security import Caller, requires
from solarrally.api.services import ServicesDependency
from solarrally.storage.queries import list_rejected

router = APIRouter(prefix="/rejected-messages", tags=["rejected messages"])


class RejectedParameters(ListParameters):
    """Which rejected messages."""

    reason: ShortText | None = None


@router.get("", operation_id="list_rejected_messages", responses={200: NEXT_PAGE, **guarded()})
async def get_rejected_messages(
    request: Request,
    response: Response,
    services: ServicesDependency,
    _caller: Annotated[Caller, requires(Permission.REJECTED_MESSAGES_READ)],
    parameters: Annotated[RejectedParameters, Query()],
) -> RejectedMessagePage:
    """Rejected messages, newest first."""
    filters = parameters.filters
    before_id = None
    if parameters.cursor is not None:
        before_id = services.cursors.read("rejected-messages", filters, parameters.cursor, int)
    rows = await list_rejected(
        services.engine, reason=parameters.reason, before_id=before_id, limit=parameters.limit + 1
    )
    page, last = split_page(rows, parameters.limit)
    cursor = None
    if last is not None:
        cursor = services.cursors.make("rejected-messages", filters, last.id)
        link_next(request, response, cursor)
    return RejectedMessagePage(items=[RejectedMessage.of(row) for row in page], next_cursor=cursor)
