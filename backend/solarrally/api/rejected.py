"""Messages that could not be used, for those who look after the devices."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from solarrally.api.paging import PagerDependency
from solarrally.api.parameters import Instant, ListParameters, Parameters, ShortText
from solarrally.api.permissions import Permission
from solarrally.api.responses import NEXT_PAGE, guarded
from solarrally.api.schemas.rejected import (
    RejectedMessage,
    RejectedMessagePage,
    RejectedReason,
    RejectedSummary,
)
from solarrally.api.security import Caller, requires
from solarrally.api.services import Services, ServicesDependency
from solarrally.storage.queries import REJECTED_ORDERS, RejectedFilter, list_rejected, rejected_by_reason

router = APIRouter(prefix="/rejected-messages", tags=["rejected messages"])


class RejectedSelection(Parameters):
    """Which rejected messages."""

    reason: ShortText | None = Field(default=None, description="Only with this reason.")
    evse_uid: ShortText | None = Field(default=None, description="Only of this station, by the topic.")
    date_from: Instant | None = Field(default=None, description="On received_at, inclusive.")
    date_to: Instant | None = Field(default=None, description="On received_at, exclusive.")

    def selection(self, services: Services) -> RejectedFilter:
        root = services.import_rules.topic_root
        return RejectedFilter(
            reason=self.reason,
            topic_prefix=None if self.evse_uid is None else f"{root}/{self.evse_uid}/",
            date_from=self.date_from,
            date_to=self.date_to,
        )


class RejectedParameters(ListParameters, RejectedSelection):
    """Which page of them."""

    sort: Literal["id", "-id"] = "-id"


@router.get("", operation_id="list_rejected_messages", responses={200: NEXT_PAGE, **guarded()})
async def get_rejected_messages(
    pager: PagerDependency,
    services: ServicesDependency,
    _caller: Annotated[Caller, requires(Permission.REJECTED_MESSAGE_READ)],
    parameters: Annotated[RejectedParameters, Query()],
) -> RejectedMessagePage:
    """Rejected messages, newest first."""
    where = parameters.selection(services)
    page = await pager.page(
        "rejected-messages",
        parameters,
        REJECTED_ORDERS,
        lambda window: list_rejected(services.engine, where, window),
    )
    return RejectedMessagePage(
        items=[RejectedMessage.of(row) for row in page.rows], next_cursor=page.next_cursor
    )


@router.get("/summary", operation_id="get_rejected_summary", responses=guarded())
async def get_rejected_summary(
    services: ServicesDependency,
    _caller: Annotated[Caller, requires(Permission.REJECTED_MESSAGE_READ)],
    parameters: Annotated[RejectedSelection, Query()],
) -> RejectedSummary:
    """How many of the rejected messages that are kept have which reason, most first."""
    rows = await rejected_by_reason(services.engine, parameters.selection(services))
    return RejectedSummary(
        message_count=sum(row.count for row in rows), reasons=[RejectedReason.of(row) for row in rows]
    )
