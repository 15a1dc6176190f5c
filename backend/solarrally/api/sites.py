"""Sites: where stations stand, in which zone and currency, and who issues the bills."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Query, status

from solarrally.api.errors import not_found
from solarrally.api.paging import PagerDependency
from solarrally.api.parameters import NO_QUERY, ListParameters, SiteIdPath
from solarrally.api.permissions import Permission
from solarrally.api.responses import NEXT_PAGE, guarded
from solarrally.api.schemas.sites import NewSite, Site, SiteChange, SitePage
from solarrally.api.security import Caller, requires
from solarrally.api.services import ServicesDependency
from solarrally.storage.edits.sites import add_site, change_site, remove_site
from solarrally.storage.queries import SITE_ORDERS, list_sites, site_of

router = APIRouter(prefix="/sites", tags=["sites"])

PRICES = {"price_solar_per_kwh", "price_grid_per_kwh", "vat_percent"}


class SiteParameters(ListParameters):
    """Which sites."""

    sort: Literal["id", "-id", "name", "-name"] = "name"


@router.get("", operation_id="list_sites", responses={200: NEXT_PAGE, **guarded()})
async def get_sites(
    pager: PagerDependency,
    services: ServicesDependency,
    _caller: Annotated[Caller, requires(Permission.SITE_READ)],
    parameters: Annotated[SiteParameters, Query()],
) -> SitePage:
    """All sites."""
    page = await pager.page(
        "sites", parameters, SITE_ORDERS, lambda window: list_sites(services.engine, window)
    )
    return SitePage(items=[Site.of(row) for row in page.rows], next_cursor=page.next_cursor)


@router.get("/{site_id}", operation_id="get_site", responses=guarded(404), dependencies=[NO_QUERY])
async def get_site(
    services: ServicesDependency,
    _caller: Annotated[Caller, requires(Permission.SITE_READ)],
    site_id: SiteIdPath,
) -> Site:
    """One site."""
    row = await site_of(services.engine, site_id)
    if row is None:
        raise not_found("site")
    return Site.of(row)


@router.post(
    "",
    operation_id="create_site",
    status_code=status.HTTP_201_CREATED,
    responses=guarded(409),
    dependencies=[NO_QUERY],
)
async def post_site(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.SITE_WRITE)],
    new_site: NewSite,
) -> Site:
    """Make a site with its first tariff; 409 when the name is taken."""
    row = await add_site(
        services.engine,
        caller.actor,
        new_site.model_dump(exclude=PRICES),
        price_solar_per_kwh=Decimal(new_site.price_solar_per_kwh),
        price_grid_per_kwh=Decimal(new_site.price_grid_per_kwh),
        vat_percent=Decimal(new_site.vat_percent),
    )
    return Site.of(row)


@router.patch("/{site_id}", operation_id="change_site", responses=guarded(404, 409), dependencies=[NO_QUERY])
async def patch_site(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.SITE_WRITE)],
    site_id: SiteIdPath,
    change: SiteChange,
) -> Site:
    """Change what is said of a site. 409 for another currency: its tariffs are in the old one."""
    changes = change.model_dump(include=change.model_fields_set)
    row = await change_site(services.engine, caller.actor, site_id, changes)
    if row is None:
        raise not_found("site")
    return Site.of(row)


@router.delete(
    "/{site_id}",
    operation_id="delete_site",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=guarded(404, 409),
    dependencies=[NO_QUERY],
)
async def delete_site(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.SITE_WRITE)],
    site_id: SiteIdPath,
) -> None:
    """Remove a site with its tariffs; 409 unless nothing ever stood or charged there."""
    if not await remove_site(services.engine, caller.actor, site_id):
        raise not_found("site")
