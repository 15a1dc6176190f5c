"""The bills of one session: invoices, and the credits that correct them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncEngine

from solarrally.storage.queries.connecting import connected
from solarrally.storage.tables import bill


@dataclass(slots=True, frozen=True, kw_only=True)
class BillRow:
    """One bill. It never changes; a credit takes back the one it names."""

    id: UUID
    number: int
    session_id: UUID
    revision: int
    kind: str
    credits_bill_id: UUID | None
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
    issued_at: datetime


async def bills_of(engine: AsyncEngine, session_id: UUID) -> list[BillRow]:
    """All bills of the session, in the order they were issued. The caller has checked that it may be seen."""
    statement = select(bill).where(bill.c.session_id == session_id).order_by(bill.c.revision)
    async with connected(engine) as connection:
        return [_bill_row(row) for row in await connection.execute(statement)]


def _bill_row(row: Row[Any]) -> BillRow:
    return BillRow(
        id=row.id,
        number=row.number,
        session_id=row.session_id,
        revision=row.revision,
        kind=row.kind,
        credits_bill_id=row.credits_bill_id,
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
        issued_at=row.issued_at,
    )
