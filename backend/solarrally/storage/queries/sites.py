"""Sites: where stations stand, in which zone and currency, and who issues the bills."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from solarrally.storage.queries.connecting import connected
from solarrally.storage.queries.window import Order, Window
from solarrally.storage.tables import site


@dataclass(slots=True, frozen=True, kw_only=True)
class SiteRow:
    """A site as it is described."""

    id: int
    name: str
    timezone: str
    currency: str
    address: str | None
    city: str | None
    postal_code: str | None
    country: str | None
    latitude_deg: float | None
    longitude_deg: float | None
    operator_name: str | None
    operator_tax_id: str | None
    created_at: datetime


SITE_ORDERS: Final[dict[str, Order[SiteRow]]] = {
    "id": Order(columns=(site.c.id,), kinds=(int,), position=lambda row: (row.id,)),
    "name": Order(columns=(site.c.name,), kinds=(str,), position=lambda row: (row.name,)),
}


async def list_sites(engine: AsyncEngine, window: Window[SiteRow]) -> list[SiteRow]:
    """The sites of the window."""
    async with connected(engine) as connection:
        return [_site_row(row) for row in await connection.execute(window.of(_SITES))]


async def site_of(engine: AsyncEngine, site_id: int) -> SiteRow | None:
    """The site, or None when there is none."""
    async with connected(engine) as connection:
        return await site_in(connection, site_id)


async def site_in(
    connection: AsyncConnection, site_id: int, *, is_to_be_changed: bool = False
) -> SiteRow | None:
    """`site_of` in a transaction; with a lock on the row when it is to be changed."""
    statement = _SITES.where(site.c.id == site_id)
    if is_to_be_changed:
        statement = statement.with_for_update()
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _site_row(row)


_SITES: Select[Any] = select(site)


def _site_row(row: Row[Any]) -> SiteRow:
    return SiteRow(**row._mapping)
