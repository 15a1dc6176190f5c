"""What is billed for a session. A bill is never changed: a correction is a credit and a new bill (OCPI
2.2.1 CDRs).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid5

from solarrally.domain.energy import EnergyFigures
from solarrally.domain.session import Session
from solarrally.domain.tariff import Tariff


@dataclass(slots=True, frozen=True)
class Account:
    """A session with its figures under its tariff, as they stand."""

    session: Session
    evse_uid: str
    connector_id: int
    figures: EnergyFigures
    tariff: Tariff

    @property
    def cost(self) -> Decimal:
        figures = self.figures
        return self.tariff.cost(
            solar_wh=figures.solar_wh, grid_wh=figures.grid_wh, unattributed_wh=figures.unattributed_wh
        )


@dataclass(slots=True, frozen=True, kw_only=True)
class Bill:
    """An invoice, or the credit that takes one back (same figures, negative total)."""

    id: UUID
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


def invoice(account: Account, revision: int) -> Bill:
    """The bill of a completed session."""
    session, figures, tariff = account.session, account.figures, account.tariff
    assert session.ended_at is not None
    return Bill(
        id=_bill_id(session.id, revision),
        session_id=session.id,
        revision=revision,
        kind="invoice",
        credits_bill_id=None,
        evse_uid=account.evse_uid,
        connector_id=account.connector_id,
        id_token=session.id_token,
        started_at=session.started_at,
        ended_at=session.ended_at,
        energy_solar_wh=figures.solar_wh,
        energy_grid_wh=figures.grid_wh,
        energy_unattributed_wh=figures.unattributed_wh,
        tariff_id=tariff.id,
        price_solar_per_kwh=tariff.price_solar_per_kwh,
        price_grid_per_kwh=tariff.price_grid_per_kwh,
        currency=tariff.currency,
        total=account.cost,
    )


def credit(bill: Bill) -> Bill:
    """What takes `bill` back."""
    revision = bill.revision + 1
    return Bill(
        id=_bill_id(bill.session_id, revision),
        session_id=bill.session_id,
        revision=revision,
        kind="credit",
        credits_bill_id=bill.id,
        evse_uid=bill.evse_uid,
        connector_id=bill.connector_id,
        id_token=bill.id_token,
        started_at=bill.started_at,
        ended_at=bill.ended_at,
        energy_solar_wh=bill.energy_solar_wh,
        energy_grid_wh=bill.energy_grid_wh,
        energy_unattributed_wh=bill.energy_unattributed_wh,
        tariff_id=bill.tariff_id,
        price_solar_per_kwh=bill.price_solar_per_kwh,
        price_grid_per_kwh=bill.price_grid_per_kwh,
        currency=bill.currency,
        total=-bill.total,
    )


def settle(account: Account, newest: Bill | None) -> list[Bill]:
    """The bills to add so that the books agree with the session; none where they do already.

    `newest` is the session's latest bill. A running session is not billed, and what was billed before it went
    on is corrected when it ends.
    """
    if account.session.is_active:
        return []
    if newest is None:
        return [invoice(account, revision=1)]
    if newest.kind == "credit":
        return [invoice(account, revision=newest.revision + 1)]
    if _same_figures(newest, invoice(account, revision=newest.revision)):
        return []
    return [credit(newest), invoice(account, revision=newest.revision + 2)]


def dissolve(newest: Bill | None) -> list[Bill]:
    """The bills to add when late data showed that the session never was."""
    return [] if newest is None or newest.kind == "credit" else [credit(newest)]


def _same_figures(one: Bill, other: Bill) -> bool:
    def figures(bill: Bill) -> tuple[object, ...]:
        return (
            bill.started_at,
            bill.ended_at,
            bill.energy_solar_wh,
            bill.energy_grid_wh,
            bill.energy_unattributed_wh,
            bill.id_token,
            bill.total,
        )

    return figures(one) == figures(other)


def _bill_id(session_id: UUID, revision: int) -> UUID:
    return uuid5(session_id, f"bill/{revision}")
