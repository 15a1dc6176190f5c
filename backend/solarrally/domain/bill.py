"""What is billed for a session. A bill is never changed: a correction is a credit and a new bill (OCPI
2.2.1 CDRs).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid5

from solarrally.domain.energy import EnergyFigures
from solarrally.domain.periods import PricedPeriod, priced_periods
from solarrally.domain.session import Session
from solarrally.domain.tariff import Tariff, rounded, vat_on


@dataclass(slots=True, frozen=True)
class Account:
    """A session with its figures under its tariff, as they stand. Raises `ZoneInfoNotFoundError` when prices
    go by clocks of a time zone that this machine does not know.
    """

    session: Session
    evse_uid: str
    connector_id: int
    figures: EnergyFigures
    tariff: Tariff

    _lines: list[PricedPeriod] = field(default_factory=list, init=False, repr=False, compare=False)
    """Computed when first asked for: it is written with every batch, and shown to watchers."""

    @property
    def lines(self) -> tuple[PricedPeriod, ...]:
        """What was taken at which prices."""
        if not self._lines:
            session, figures = self.session, self.figures
            lines = priced_periods(
                self.tariff,
                started_at=session.started_at,
                ended_at=session.ended_at or session.last_reading_at,
                solar_wh=figures.solar_wh,
                grid_wh=figures.grid_wh,
                unattributed_wh=figures.unattributed_wh,
                marks=session.energy.comparable_marks if self.tariff.elements else (),
            )
            self._lines.extend(lines)
        return tuple(self._lines)

    @property
    def cost(self) -> Decimal:
        """Without VAT, rounded once to the currency's minor unit."""
        tariff, figures = self.tariff, self.figures
        if tariff.elements:
            return cost_of(self.lines, tariff.currency)
        return tariff.cost(
            solar_wh=figures.solar_wh, grid_wh=figures.grid_wh, unattributed_wh=figures.unattributed_wh
        )


def cost_of(lines: Sequence[PricedPeriod], currency: str) -> Decimal:
    """What they cost together, without VAT: rounded once, half up, to the currency's minor unit."""
    return rounded(sum((line.cost for line in lines), Decimal(0)), currency)


@dataclass(slots=True, frozen=True, kw_only=True)
class Bill:
    """An invoice, or the credit that takes one back: same figures, `total` and `vat` negative.

    `lines` says what was taken at which prices; bills made before there were prices by time of day have none.
    """

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
    """Without VAT."""
    vat_percent: Decimal = Decimal(0)
    vat: Decimal = Decimal(0)
    lines: tuple[PricedPeriod, ...] = ()


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
        vat_percent=tariff.vat_percent,
        vat=vat_on(account.cost, tariff.vat_percent, tariff.currency),
        lines=account.lines,
    )


def credit(bill: Bill) -> Bill:
    """What takes `bill` back."""
    revision = bill.revision + 1
    return replace(
        bill,
        id=_bill_id(bill.session_id, revision),
        revision=revision,
        kind="credit",
        credits_bill_id=bill.id,
        total=-bill.total,
        vat=-bill.vat,
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
    if one.lines and one.lines != other.lines:
        return False

    def figures(bill: Bill) -> tuple[object, ...]:
        return (
            bill.started_at,
            bill.ended_at,
            bill.energy_solar_wh,
            bill.energy_grid_wh,
            bill.energy_unattributed_wh,
            bill.id_token,
            bill.total,
            bill.vat,
        )

    return figures(one) == figures(other)


def _bill_id(session_id: UUID, revision: int) -> UUID:
    return uuid5(session_id, f"bill/{revision}")
