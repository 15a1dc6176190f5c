"""EVSEs: the registry with the newest of each connector, and the public status."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from solarrally.api.errors import not_found
from solarrally.api.paging import link_next, split_page
from solarrally.api.parameters import NO_QUERY, EvseUidPath, ListParameters, SiteId
from solarrally.api.permissions import Permission
from solarrally.api.responses import NEXT_PAGE, guarded
from solarrally.api.schemas.evses import Evse, EvsePage, EvseStatus, EvseStatusPage
from solarrally.api.security import Caller, requires
from solarrally.api.services import Services, ServicesDependency
from solarrally.domain.reading import ConnectorStatus
from solarrally.storage.queries import EvseFilter, EvseRow, evse_of, list_evses

router = APIRouter(tags=["evses"])


class EvseParameters(ListParameters):
    """Which EVSEs."""

    site_id: SiteId | None = None
    status: ConnectorStatus | None = Field(default=None, description="Of at least one of its connectors.")
    is_online: bool | None = None


@router.get("/evses", operation_id="list_evses", responses={200: NEXT_PAGE, **guarded()})
async def get_evses(
    request: Request,
    response: Response,
    services: ServicesDependency,
    _caller: Annotated[Caller, requires(Permission.EVSES_READ)],
    parameters: Annotated[EvseParameters, Query()],
) -> EvsePage:
    """All EVSEs with the newest of each connector, by evse_uid."""
    rows, cursor = await _page(services, "evses", parameters)
    if cursor is not None:
        link_next(request, response, cursor)
    return EvsePage(items=[Evse.of(row) for row in rows], next_cursor=cursor)


@router.get("/evses/{evse_uid}", operation_id="get_evse", responses=guarded(404), dependencies=[NO_QUERY])
async def get_evse(
    services: ServicesDependency,
    _caller: Annotated[Caller, requires(Permission.EVSES_READ)],
    evse_uid: EvseUidPath,
) -> Evse:
    """One EVSE with the newest of each connector."""
    row = await evse_of(services.engine, evse_uid)
    if row is None:
        raise not_found("EVSE")
    return Evse.of(row)


@router.get("/evse-status", operation_id="list_evse_status", responses={200: NEXT_PAGE, **guarded()})
async def get_evse_status(
    request: Request,
    response: Response,
    services: ServicesDependency,
    _caller: Annotated[Caller, requires(Permission.STATUS_READ)],
    parameters: Annotated[EvseParameters, Query()],
) -> EvseStatusPage:
    """Which EVSEs are online and free, for everyone who is logged in; nothing about sessions."""
    rows, cursor = await _page(services, "evse-status", parameters)
    if cursor is not None:
        link_next(request, response, cursor)
    return EvseStatusPage(items=[EvseStatus.of(row) for row in rows], next_cursor=cursor)


async def _page(
    services: Services, name: str, parameters: EvseParameters
) -> tuple[Sequence[EvseRow], str | None]:
    after = None
    if parameters.cursor is not None:
        after = services.cursors.read(name, parameters.filters, parameters.cursor, str)
    where = EvseFilter(site_id=parameters.site_id, status=parameters.status, is_online=parameters.is_online)
    rows = await list_evses(services.engine, where, after_evse_uid=after, limit=parameters.limit + 1)
    page, last = split_page(rows, parameters.limit)
    if last is None:
        return page, None
    return page, services.cursors.make(name, parameters.filters, last.evse_uid)
