"""Bills: listed newest first, one by its id, and those of one session; always within what may be seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import Row, Select, Text, cast, false, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from solarrally.domain.periods import PricedPeriod
from solarrally.domain.tariff import TariffElement
from solarrally.storage.queries.connecting import connected
from solarrally.storage.queries.sessions import SessionScope
from solarrally.storage.queries.window import Order, Window
from solarrally.storage.rows import elements_of, lines_of
from solarrally.storage.tables import bill, connector, evse, site, tariff


@dataclass(slots=True, frozen=True, kw_only=True)
class BillFilter:
    """Which bills; None does not restrict."""

    site_id: int | None = None
    evse_uid: str | None = None
    session_id: UUID | None = None
    id_token: str | None = None
    kind: str | None = None
    date_from: datetime | None = None
    """On `issued_at`, inclusive."""
    date_to: datetime | None = None
    """On `issued_at`, exclusive."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Issuer:
    """The site and its operator, as they were when the bill was issued. All unknown of the oldest bills."""

    name: str | None = None
    address: str | None = None
    city: str | None = None
    postal_code: str | None = None
    country: str | None = None
    operator_name: str | None = None
    operator_tax_id: str | None = None
    timezone: str | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class BillRow:
    """One bill. It never changes; a credit takes back the one it names."""

    id: UUID
    number: int
    session_id: UUID
    revision: int
    kind: str
    credits_bill_id: UUID | None
    site_id: int
    evse_uid: str
    connector_id: int
    id_token: str | None
    started_at: datetime
    ended_at: datetime
    energy_solar_wh: int
    energy_grid_wh: int
    energy_unattributed_wh: int
    tariff_id: int
    price_solar_per_kwh: Decimal
    price_grid_per_kwh: Decimal
    currency: str
    total: Decimal
    """Without VAT."""
    vat_percent: Decimal
    vat: Decimal
    lines: tuple[PricedPeriod, ...]
    """By price; at least one."""
    issuer: Issuer
    issued_at: datetime


@dataclass(slots=True, frozen=True, kw_only=True)
class BillContext:
    """What a bill refers to: the tariff it was made by, the bill it credits, and where the station stands."""

    tariff_valid_from: datetime
    tariff_elements: tuple[TariffElement, ...]
    tariff_timezone: str
    credited_number: int | None
    latitude_deg: float | None
    longitude_deg: float | None
    connector_standard: str | None
    connector_format: str | None
    connector_power_type: str | None


BILL_ORDERS: Final[dict[str, Order[BillRow]]] = {
    "issued_at": Order(
        columns=(bill.c.issued_at, bill.c.id),
        kinds=(datetime, UUID),
        position=lambda row: (row.issued_at, row.id),
    )
}


async def list_bills(
    engine: AsyncEngine, scope: SessionScope, where: BillFilter, window: Window[BillRow]
) -> list[BillRow]:
    """The bills of the window."""
    statement = window.of(_visible(scope))
    for column, value in (
        (tariff.c.site_id, where.site_id),
        (bill.c.evse_uid, where.evse_uid),
        (bill.c.session_id, where.session_id),
        (bill.c.id_token, where.id_token),
        (bill.c.kind, where.kind),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if where.date_from is not None:
        statement = statement.where(bill.c.issued_at >= where.date_from)
    if where.date_to is not None:
        statement = statement.where(bill.c.issued_at < where.date_to)
    async with connected(engine) as connection:
        return [_bill_row(row) for row in await connection.execute(statement)]


async def bill_of(engine: AsyncEngine, scope: SessionScope, bill_id: UUID) -> BillRow | None:
    """The bill, or None when there is none or the scope does not hold it."""
    async with connected(engine) as connection:
        return await _bill_in(connection, scope, bill_id)


async def bill_in_context(
    engine: AsyncEngine, scope: SessionScope, bill_id: UUID
) -> tuple[BillRow, BillContext] | None:
    """The bill with what it refers to, or None when there is none or the scope does not hold it."""
    async with connected(engine) as connection:
        found = await _bill_in(connection, scope, bill_id)
        if found is None:
            return None
        row = (await connection.execute(_CONTEXT.where(bill.c.id == bill_id))).one()
    return found, BillContext(
        tariff_valid_from=row.valid_from,
        tariff_elements=elements_of(row.elements),
        tariff_timezone=row.timezone,
        credited_number=row.credited_number,
        latitude_deg=row.latitude_deg,
        longitude_deg=row.longitude_deg,
        connector_standard=row.standard,
        connector_format=row.format,
        connector_power_type=row.power_type,
    )


async def bills_of(engine: AsyncEngine, session_id: UUID) -> list[BillRow]:
    """All bills of the session, in the order they were issued. The caller has checked that it may be seen."""
    statement = _BILLS.where(bill.c.session_id == session_id).order_by(bill.c.revision)
    async with connected(engine) as connection:
        return [_bill_row(row) for row in await connection.execute(statement)]


_BILLS: Final[Select[Any]] = select(
    *(column for column in bill.c if column.name not in {"lines", "issuer"}),
    cast(bill.c.lines, Text).label("lines"),
    cast(bill.c.issuer, Text).label("issuer"),
    tariff.c.site_id,
).join(tariff, tariff.c.id == bill.c.tariff_id)
_credited = bill.alias()
_CONTEXT: Final[Select[Any]] = (
    select(
        tariff.c.valid_from,
        cast(tariff.c.elements, Text).label("elements"),
        func.coalesce(tariff.c.timezone, site.c.timezone).label("timezone"),
        _credited.c.number.label("credited_number"),
        site.c.latitude_deg,
        site.c.longitude_deg,
        connector.c.standard,
        connector.c.format,
        connector.c.power_type,
    )
    .select_from(bill)
    .join(tariff, tariff.c.id == bill.c.tariff_id)
    .join(site, site.c.id == tariff.c.site_id)
    .outerjoin(_credited, _credited.c.id == bill.c.credits_bill_id)
    .outerjoin(evse, evse.c.evse_uid == bill.c.evse_uid)
    .outerjoin(
        connector,
        (connector.c.evse_id == evse.c.id) & (connector.c.connector_id == bill.c.connector_id),
    )
)
_issuer_decoder = msgspec.json.Decoder(Issuer)


async def _bill_in(connection: AsyncConnection, scope: SessionScope, bill_id: UUID) -> BillRow | None:
    row = (await connection.execute(_visible(scope).where(bill.c.id == bill_id))).one_or_none()
    return None if row is None else _bill_row(row)


def _visible(scope: SessionScope) -> Select[Any]:
    """A bill belongs to whom the session belonged to when it was issued."""
    if scope.everyone:
        return _BILLS
    return _BILLS.where(false() if scope.id_token is None else bill.c.id_token == scope.id_token)


def _bill_row(row: Row[Any]) -> BillRow:
    return BillRow(
        id=row.id,
        number=row.number,
        session_id=row.session_id,
        revision=row.revision,
        kind=row.kind,
        credits_bill_id=row.credits_bill_id,
        site_id=row.site_id,
        evse_uid=row.evse_uid,
        connector_id=row.connector_id,
        id_token=row.id_token,
        started_at=row.started_at,
        ended_at=row.ended_at,
        energy_solar_wh=row.energy_solar_wh,
        energy_grid_wh=row.energy_grid_wh,
        energy_unattributed_wh=row.energy_unattributed_wh,
        tariff_id=row.tariff_id,
        price_solar_per_kwh=row.price_solar_per_kwh,
        price_grid_per_kwh=row.price_grid_per_kwh,
        currency=row.currency,
        total=row.total,
        vat_percent=row.vat_percent,
        vat=row.vat,
        lines=lines_of(row.lines) or (_only_line(row),),
        issuer=_issuer_decoder.decode(row.issuer),
        issued_at=row.issued_at,
    )


def _only_line(row: Row[Any]) -> PricedPeriod:
    """Of a bill that was made before there were prices by time of day: it had one price throughout."""
    return PricedPeriod(
        started_at=row.started_at,
        ended_at=row.ended_at,
        energy_solar_wh=row.energy_solar_wh,
        energy_grid_wh=row.energy_grid_wh,
        energy_unattributed_wh=row.energy_unattributed_wh,
        price_solar_per_kwh=row.price_solar_per_kwh,
        price_grid_per_kwh=row.price_grid_per_kwh,
    )
