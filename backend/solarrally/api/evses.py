"""EVSEs: the registry with the newest of each connector, and the public status."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from solarrally.api.errors import not_found
from solarrally.api.paging import Page, Pager, PagerDependency
from solarrally.api.parameters import NO_QUERY, EvseUidPath, ListParameters, SiteId
from solarrally.api.permissions import Permission
from solarrally.api.responses import NEXT_PAGE, guarded
from solarrally.api.schemas.evses import Evse, EvsePage, EvseStatus, EvseStatusPage
from solarrally.api.security import Caller, requires
from solarrally.api.services import ServicesDependency
from solarrally.domain.reading import ConnectorStatus
from solarrally.storage.queries import EVSE_ORDERS, EvseFilter, EvseRow, evse_of, list_evses

router = APIRouter(tags=["evses"])


class EvseParameters(ListParameters):
    """Which EVSEs."""

    sort: Literal["evse_uid", "-evse_uid"] = "evse_uid"
    site_id: SiteId | None = None
    status: ConnectorStatus | None = Field(default=None, description="Of at least one of its connectors.")
    is_online: bool | None = None


@router.get("/evses", operation_id="list_evses", responses={200: NEXT_PAGE, **guarded()})
async def get_evses(
    pager: PagerDependency,
    _caller: Annotated[Caller, requires(Permission.EVSE_READ)],
    parameters: Annotated[EvseParameters, Query()],
) -> EvsePage:
    """All EVSEs with the newest of each connector, by evse_uid."""
    page = await _page(pager, "evses", parameters)
    return EvsePage(items=[Evse.of(row) for row in page.rows], next_cursor=page.next_cursor)


@router.get("/evses/{evse_uid}", operation_id="get_evse", responses=guarded(404), dependencies=[NO_QUERY])
async def get_evse(
    services: ServicesDependency,
    _caller: Annotated[Caller, requires(Permission.EVSE_READ)],
    evse_uid: EvseUidPath,
) -> Evse:
    """One EVSE with the newest of each connector."""
    row = await evse_of(services.engine, evse_uid)
    if row is None:
        raise not_found("EVSE")
    return Evse.of(row)


@router.get("/evse-status", operation_id="list_evse_status", responses={200: NEXT_PAGE, **guarded()})
async def get_evse_status(
    pager: PagerDependency,
    _caller: Annotated[Caller, requires(Permission.STATUS_READ)],
    parameters: Annotated[EvseParameters, Query()],
) -> EvseStatusPage:
    """Which EVSEs are online and free, for everyone who is logged in; nothing about sessions."""
    page = await _page(pager, "evse-status", parameters)
    return EvseStatusPage(items=[EvseStatus.of(row) for row in page.rows], next_cursor=page.next_cursor)


async def _page(pager: Pager, name: str, parameters: EvseParameters) -> Page[EvseRow]:
    where = EvseFilter(**parameters.where())
    return await pager.page(
        name, parameters, EVSE_ORDERS, lambda window: list_evses(pager.services.engine, where, window)
    )
