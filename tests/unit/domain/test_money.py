"""Tariffs and bills: exact decimals, rounded once, never changed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from solarrally.domain.bill import Account, Bill, dissolve, settle
from solarrally.domain.session import Session
from solarrally.domain.tariff import Tariff, tariff_at
from tests.builders import at, fold, reading

TARIFF = Tariff(
    id=1, valid_from=at(0), currency="JMD", price_solar_per_kwh=Decimal(10), price_grid_per_kwh=Decimal(50)
)


def session(energy_wh: float, *, ended: bool = True) -> Session:
    readings: list[Any] = [
        reading(3600 * n, "charging", session_id="s", session_energy_wh=energy_wh * n, energy_source="solar")
        for n in (0, 1)
    ]
    if ended:
        readings.append(reading(3610, "available", power_w=0.0))
    return fold(readings)[0]


def account(of: Session) -> Account:
    return Account(of, "cp1", 1, of.energy.figures(), TARIFF)


def test_each_source_has_its_price() -> None:
    assert TARIFF.cost(solar_wh=1000, grid_wh=2000, unattributed_wh=0) == Decimal("110.00")


def test_what_cannot_be_attributed_costs_the_grid_price() -> None:
    assert TARIFF.cost(solar_wh=0, grid_wh=0, unattributed_wh=1000) == Decimal("50.00")


@pytest.mark.parametrize(("currency", "cost"), [("JMD", "0.05"), ("JPY", "0"), ("BHD", "0.050")])
def test_money_is_rounded_once_to_the_minor_unit_of_the_currency(currency: str, cost: str) -> None:
    tariff = Tariff(
        id=1,
        valid_from=at(0),
        currency=currency,
        price_solar_per_kwh=Decimal(10),
        price_grid_per_kwh=Decimal(50),
    )

    assert str(tariff.cost(solar_wh=0, grid_wh=1, unattributed_wh=0)) == cost


def test_half_a_cent_is_rounded_up() -> None:
    assert TARIFF.cost(solar_wh=500_500, grid_wh=0, unattributed_wh=0) == Decimal("5005.00")
    assert TARIFF.cost(solar_wh=1, grid_wh=0, unattributed_wh=0) == Decimal("0.01")


def test_the_tariff_in_force_at_the_start_applies() -> None:
    later = Tariff(
        id=2,
        valid_from=at(100),
        currency="JMD",
        price_solar_per_kwh=Decimal(1),
        price_grid_per_kwh=Decimal(1),
    )

    assert [tariff_at([TARIFF, later], at(s)).id for s in (-1, 0, 99, 100, 101)] == [1, 1, 1, 2, 2]


def test_a_running_session_is_not_billed() -> None:
    assert settle(account(session(1000, ended=False)), None) == []


def test_an_ended_session_is_billed_once() -> None:
    ended = account(session(1000))

    [bill] = settle(ended, None)

    assert (bill.kind, bill.total, bill.energy_solar_wh, bill.revision) == (
        "invoice",
        Decimal("10.00"),
        1000,
        1,
    )
    assert settle(ended, bill) == []


def test_a_billed_session_that_changes_gets_a_credit_and_a_new_bill() -> None:
    before = session(1000)
    [first] = settle(account(before), None)
    after = session(2000)
    after.id = before.id

    credit, second = settle(account(after), first)

    assert (credit.kind, credit.total, credit.credits_bill_id) == ("credit", Decimal("-10.00"), first.id)
    assert (second.kind, second.total, second.revision) == ("invoice", Decimal("20.00"), 3)
    assert total([first, credit, second]) == Decimal("20.00")


def test_a_billed_session_that_never_was_is_credited_and_no_more() -> None:
    [bill] = settle(account(session(1000)), None)

    [credit] = dissolve(bill)

    assert total([bill, credit]) == 0
    assert dissolve(credit) == []
    assert dissolve(None) == []


def test_a_credited_session_that_comes_back_is_billed_again() -> None:
    ended = account(session(1000))
    [bill] = settle(ended, None)
    [credit] = dissolve(bill)

    [again] = settle(ended, credit)

    assert (again.kind, again.revision) == ("invoice", 3)


def test_bills_of_one_session_have_ids_that_repeat_on_every_run() -> None:
    ended = account(session(1000))

    assert settle(ended, None) == settle(ended, None)


def total(bills: list[Bill]) -> Decimal:
    return sum((bill.total for bill in bills), Decimal(0))
