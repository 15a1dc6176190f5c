"""Sites made, changed and removed, each with its entry in the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from solarrally.storage.audit import Actor, record
from solarrally.storage.edits.editing import EditConflict, editing
from solarrally.storage.queries.sites import SiteRow, site_in
from solarrally.storage.tables import charging_session, evse, evse_move, site, tariff

ALWAYS: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""The first prices of a site hold for everything before they are changed."""


async def add_site(
    engine: AsyncEngine,
    actor: Actor,
    described: Mapping[str, Any],
    *,
    price_solar_per_kwh: Decimal,
    price_grid_per_kwh: Decimal,
    vat_percent: Decimal,
) -> SiteRow:
    """Make a site and its first tariff. Raises `EditConflict` when the name is taken."""
    prices = {
        "price_solar_per_kwh": price_solar_per_kwh,
        "price_grid_per_kwh": price_grid_per_kwh,
        "vat_percent": vat_percent,
    }
    async with editing(engine) as connection:
        await _check_timezone(connection, described["timezone"])
        try:
            site_id: int = (
                await connection.execute(insert(site).values(described).returning(site.c.id))
            ).scalar_one()
        except IntegrityError as error:
            raise EditConflict("name", "another site has this name") from error
        first = insert(tariff).values(
            site_id=site_id, valid_from=ALWAYS, currency=described["currency"], **prices
        )
        tariff_id = (await connection.execute(first.returning(tariff.c.id))).scalar_one()
        await record(connection, actor, "site.create", "site", site_id, after=described)
        priced = {name: str(price) for name, price in prices.items()}
        after = {"site_id": site_id, "currency": described["currency"], **priced}
        await record(connection, actor, "tariff.create", "tariff", tariff_id, after=after)
        made = await site_in(connection, site_id)
    assert made is not None
    return made


async def change_site(
    engine: AsyncEngine, actor: Actor, site_id: int, changes: Mapping[str, Any]
) -> SiteRow | None:
    """The site with these fields changed; None when there is none.

    Raises `EditConflict` when the name is taken, and for another currency: its tariffs are in the old one.
    """
    async with editing(engine) as connection:
        old = await site_in(connection, site_id, is_to_be_changed=True)
        if old is None:
            return None
        values = {field: value for field, value in changes.items() if value != getattr(old, field)}
        if not values:
            return old
        if "currency" in values:
            await _refuse_other_currency(connection, site_id)
        if "timezone" in values:
            await _check_timezone(connection, values["timezone"])
        try:
            await connection.execute(update(site).where(site.c.id == site_id).values(values))
        except IntegrityError as error:
            raise EditConflict("name", "another site has this name") from error
        before = {field: getattr(old, field) for field in values}
        await record(connection, actor, "site.update", "site", site_id, before=before, after=values)
        return await site_in(connection, site_id)


async def remove_site(engine: AsyncEngine, actor: Actor, site_id: int) -> bool:
    """Whether there was such a site. Raises `EditConflict` unless nothing ever stood or charged there."""
    async with editing(engine) as connection:
        old = await site_in(connection, site_id, is_to_be_changed=True)
        if old is None:
            return False
        for column, what in (
            (evse.c.site_id, "EVSEs stand here"),
            (charging_session.c.site_id, "vehicles charged here"),
            (evse_move.c.from_site_id, "EVSEs stood here"),
        ):
            if await connection.scalar(select(column).where(column == site_id).limit(1)):
                raise EditConflict("site_id", what)
        await connection.execute(delete(tariff).where(tariff.c.site_id == site_id))
        try:
            await connection.execute(delete(site).where(site.c.id == site_id))
        except IntegrityError as error:
            raise EditConflict("site_id", "something refers to it") from error
        before = {"name": old.name, "timezone": old.timezone, "currency": old.currency}
        await record(connection, actor, "site.delete", "site", site_id, before=before)
    return True


async def _refuse_other_currency(connection: AsyncConnection, site_id: int) -> None:
    count = await connection.scalar(
        select(func.count()).select_from(tariff).where(tariff.c.site_id == site_id)
    )
    if count:
        raise EditConflict("currency", "its tariffs are in the old one; make a new site")


async def _check_timezone(connection: AsyncConnection, name: str) -> None:
    zones = func.pg_timezone_names().table_valued("name")
    if await connection.scalar(select(zones.c.name).where(zones.c.name == name)) is None:
        raise EditConflict("timezone", "the database does not know it")
