"""Tariffs: versions of each site's prices. They never change; one that is still to come can be taken back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query, status

from solarrally.api.errors import invalid_field, not_found
from solarrally.api.paging import PagerDependency
from solarrally.api.parameters import NO_QUERY, ListParameters, SiteId
from solarrally.api.permissions import Permission
from solarrally.api.responses import NEXT_PAGE, guarded
from solarrally.api.schemas.tariffs import NewTariff, Preview, PreviewAsked, Tariff, TariffPage
from solarrally.api.security import Caller, requires
from solarrally.api.services import ServicesDependency
from solarrally.domain.bill import cost_of
from solarrally.domain.periods import priced_periods
from solarrally.domain.tariff import Tariff as Prices
from solarrally.domain.tariff import vat_on
from solarrally.storage.edits.tariffs import InvalidTariff, add_tariff, remove_tariff
from solarrally.storage.queries import (
    TARIFF_ORDERS,
    TariffFilter,
    list_tariffs,
    measured_session,
    tariff_of,
)

router = APIRouter(prefix="/tariffs", tags=["tariffs"])

TariffIdPath = Annotated[int, Path(ge=1, le=2**31 - 1, examples=[12])]
NOT_STORED: Final = 0


class TariffParameters(ListParameters):
    """Which tariffs."""

    sort: Literal["valid_from", "-valid_from"] = "-valid_from"
    site_id: SiteId | None = None
    is_current: bool | None = None


@router.get("", operation_id="list_tariffs", responses={200: NEXT_PAGE, **guarded()})
async def get_tariffs(
    pager: PagerDependency,
    services: ServicesDependency,
    _caller: Annotated[Caller, requires(Permission.TARIFF_READ)],
    parameters: Annotated[TariffParameters, Query()],
) -> TariffPage:
    """All versions of all sites' prices, those that come last first."""
    where = TariffFilter(**parameters.where())
    page = await pager.page(
        "tariffs",
        parameters,
        TARIFF_ORDERS,
        lambda window: list_tariffs(services.engine, where, window),
    )
    return TariffPage(items=[Tariff.of(row) for row in page.rows], next_cursor=page.next_cursor)


@router.get("/{tariff_id}", operation_id="get_tariff", responses=guarded(404), dependencies=[NO_QUERY])
async def get_tariff(
    services: ServicesDependency,
    _caller: Annotated[Caller, requires(Permission.TARIFF_READ)],
    tariff_id: TariffIdPath,
) -> Tariff:
    """One version of a site's prices."""
    row = await tariff_of(services.engine, tariff_id)
    if row is None:
        raise not_found("tariff")
    return Tariff.of(row)


@router.post(
    "",
    operation_id="create_tariff",
    status_code=status.HTTP_201_CREATED,
    responses=guarded(409),
    dependencies=[NO_QUERY],
)
async def post_tariff(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.TARIFF_WRITE)],
    new_tariff: NewTariff,
) -> Tariff:
    """Add a version: sessions that start from `valid_from` on have it, those that run keep theirs.

    It is in the currency of the site and goes by the site's clocks as they are now. 409 when the site has a
    version from that very instant.
    """
    try:
        row = await add_tariff(
            services.engine,
            caller.actor,
            site_id=new_tariff.site_id,
            valid_from=new_tariff.valid_from,
            currency=new_tariff.currency,
            **new_tariff.values(),
        )
    except InvalidTariff as error:
        raise invalid_field(error.field, str(error)) from error
    return Tariff.of(row)


@router.delete(
    "/{tariff_id}",
    operation_id="delete_tariff",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=guarded(404, 409),
    dependencies=[NO_QUERY],
)
async def delete_tariff(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.TARIFF_WRITE)],
    tariff_id: TariffIdPath,
) -> None:
    """Take back a version; 409 unless it comes into force in ten minutes or later."""
    if not await remove_tariff(services.engine, caller.actor, tariff_id):
        raise not_found("tariff")


@router.post(
    "/preview",
    operation_id="preview_tariff",
    responses=guarded(404),
    dependencies=[NO_QUERY],
)
async def post_preview(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.TARIFF_WRITE)],
    asked: PreviewAsked,
) -> Preview:
    """What a session would cost under these prices, by the clocks of its site. Nothing is stored."""
    scope = caller.scope(Permission.SESSION_READ)
    measured = await measured_session(services.engine, scope, asked.session_id)
    if measured is None:
        raise not_found("session")
    prices = Prices(
        id=NOT_STORED,
        valid_from=datetime.now(UTC),
        currency=measured.currency,
        timezone=measured.timezone,
        **asked.values(),
    )
    lines = priced_periods(
        prices,
        started_at=measured.started_at,
        ended_at=measured.ended_at,
        solar_wh=measured.solar_wh,
        grid_wh=measured.grid_wh,
        unattributed_wh=measured.unattributed_wh,
        marks=measured.marks,
    )
    total = cost_of(lines, measured.currency)
    return Preview.of(
        measured,
        lines,
        total=total,
        vat=vat_on(total, prices.vat_percent, measured.currency),
        present_vat=vat_on(measured.cost, measured.vat_percent, measured.currency),
    )
