"""Tariffs: all versions of all sites, and what one would make of a session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, Select, Text, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from solarrally.domain.periods import Mark
from solarrally.domain.tariff import TariffElement
from solarrally.storage.queries.connecting import connected
from solarrally.storage.queries.sessions import SessionScope
from solarrally.storage.queries.window import Order, Window
from solarrally.storage.rows import elements_of, energy_of
from solarrally.storage.tables import charging_session, evse, site, tariff


@dataclass(slots=True, frozen=True, kw_only=True)
class TariffFilter:
    """Which tariffs; None does not restrict."""

    site_id: int | None = None
    is_current: bool | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class TariffRow:
    """One version of a site's prices, per kWh without VAT."""

    id: int
    site_id: int
    valid_from: datetime
    is_current: bool
    """In force now; of a site whose versions are all to come, the first one."""
    currency: str
    price_solar_per_kwh: Decimal
    price_grid_per_kwh: Decimal
    vat_percent: Decimal
    elements: tuple[TariffElement, ...]
    timezone: str
    created_at: datetime


@dataclass(slots=True, frozen=True, kw_only=True)
class MeasuredSession:
    """What a session took and when: all that its price depends on. Energies in whole Wh."""

    session_id: UUID
    started_at: datetime
    ended_at: datetime
    """Of a running one its last reading."""
    solar_wh: int
    grid_wh: int
    unattributed_wh: int
    marks: list[Mark]
    timezone: str
    """Of its site."""
    currency: str
    cost: Decimal
    """Without VAT, under the tariff it has."""
    vat_percent: Decimal


TARIFF_ORDERS: Final[dict[str, Order[TariffRow]]] = {
    "valid_from": Order(
        columns=(tariff.c.valid_from, tariff.c.id),
        kinds=(datetime, int),
        position=lambda row: (row.valid_from, row.id),
    )
}


async def list_tariffs(
    engine: AsyncEngine, where: TariffFilter, window: Window[TariffRow]
) -> list[TariffRow]:
    """The tariffs of the window."""
    statement = window.of(_TARIFFS)
    if where.site_id is not None:
        statement = statement.where(tariff.c.site_id == where.site_id)
    if where.is_current is not None:
        statement = statement.where(_IS_CURRENT if where.is_current else ~_IS_CURRENT)
    async with connected(engine) as connection:
        return [_tariff_row(row) for row in await connection.execute(statement)]


async def tariff_of(engine: AsyncEngine, tariff_id: int) -> TariffRow | None:
    """The tariff, or None."""
    async with connected(engine) as connection:
        return await tariff_in(connection, tariff_id)


async def tariff_in(connection: AsyncConnection, tariff_id: int) -> TariffRow | None:
    """The tariff, or None."""
    row = (await connection.execute(_TARIFFS.where(tariff.c.id == tariff_id))).one_or_none()
    return None if row is None else _tariff_row(row)


async def measured_session(
    engine: AsyncEngine, scope: SessionScope, session_id: UUID
) -> MeasuredSession | None:
    """The session, or None when there is none or the scope does not hold it."""
    statement = scope.restrict(_MEASURED).where(charging_session.c.id == session_id)
    async with connected(engine) as connection:
        row = (await connection.execute(statement)).one_or_none()
    if row is None:
        return None
    return MeasuredSession(
        session_id=row.id,
        started_at=row.started_at,
        ended_at=row.ended_at or row.last_reading_at,
        solar_wh=row.energy_solar_wh,
        grid_wh=row.energy_grid_wh,
        unattributed_wh=row.energy_unattributed_wh,
        marks=[] if row.energy is None else energy_of(row.energy).comparable_marks,
        timezone=row.timezone,
        currency=row.currency,
        cost=row.cost,
        vat_percent=row.vat_percent,
    )


_versions = tariff.alias()
_CURRENT: Final = func.coalesce(
    select(_versions.c.id)
    .where(_versions.c.site_id == tariff.c.site_id, _versions.c.valid_from <= func.now())
    .order_by(_versions.c.valid_from.desc())
    .limit(1)
    .correlate(tariff)
    .scalar_subquery(),
    select(_versions.c.id)
    .where(_versions.c.site_id == tariff.c.site_id)
    .order_by(_versions.c.valid_from)
    .limit(1)
    .correlate(tariff)
    .scalar_subquery(),
)
_IS_CURRENT: Final = tariff.c.id == _CURRENT
_TARIFFS: Final[Select[Any]] = select(
    *(column for column in tariff.c if column.name not in {"elements", "timezone"}),
    cast(tariff.c.elements, Text).label("elements"),
    func.coalesce(tariff.c.timezone, site.c.timezone).label("timezone"),
    _IS_CURRENT.label("is_current"),
).join(site, site.c.id == tariff.c.site_id)
_MEASURED: Final[Select[Any]] = (
    select(
        charging_session.c.id,
        charging_session.c.started_at,
        charging_session.c.ended_at,
        charging_session.c.last_reading_at,
        charging_session.c.energy_solar_wh,
        charging_session.c.energy_grid_wh,
        charging_session.c.energy_unattributed_wh,
        cast(charging_session.c.fold["energy"], Text).label("energy"),
        charging_session.c.currency,
        charging_session.c.cost,
        site.c.timezone,
        tariff.c.vat_percent,
    )
    .join(evse, evse.c.id == charging_session.c.evse_id)
    .join(tariff, tariff.c.id == charging_session.c.tariff_id)
    .join(site, site.c.id == tariff.c.site_id)
)


def _tariff_row(row: Row[Any]) -> TariffRow:
    return TariffRow(
        id=row.id,
        site_id=row.site_id,
        valid_from=row.valid_from,
        is_current=row.is_current,
        currency=row.currency,
        price_solar_per_kwh=row.price_solar_per_kwh,
        price_grid_per_kwh=row.price_grid_per_kwh,
        vat_percent=row.vat_percent,
        elements=elements_of(row.elements),
        timezone=row.timezone,
        created_at=row.created_at,
    )
