"""Tariffs and bills: exact decimals, rounded once, never changed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from solarrally.domain.bill import Account, Bill, dissolve, settle
from solarrally.domain.session import Session
from solarrally.domain.tariff import Tariff, TariffElement, tariff_at
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


def account(of: Session, tariff: Tariff = TARIFF) -> Account:
    return Account(of, "cp1", 1, of.energy.figures(), tariff)


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


WITH_VAT = replace(TARIFF, vat_percent=Decimal(15))
DEARER_AT_ONE = replace(
    WITH_VAT,
    elements=(
        TariffElement(
            start_time="13:00",
            end_time="14:00",
            price_solar_per_kwh=Decimal(20),
            price_grid_per_kwh=Decimal(80),
        ),
    ),
)


def test_a_bill_says_what_was_taken_at_which_price_and_the_vat() -> None:
    [bill] = settle(account(session(1000), WITH_VAT), None)

    [line] = bill.lines
    assert (line.energy_solar_wh, line.price_solar_per_kwh, line.cost) == (1000, Decimal(10), Decimal(10))
    assert (bill.total, bill.vat_percent, bill.vat) == (Decimal("10.00"), Decimal(15), Decimal("1.50"))


def test_a_credit_takes_back_the_vat_as_well() -> None:
    [bill] = settle(account(session(1000), WITH_VAT), None)

    [back] = dissolve(bill)

    assert (back.total, back.vat, back.lines) == (Decimal("-10.00"), Decimal("-1.50"), bill.lines)


def test_a_bill_changes_when_the_same_energy_flowed_at_other_times() -> None:
    """Each takes 1 kWh from 12:30 to 13:30; they cost the same, and the lines differ."""

    def of(*seen: tuple[float, float]) -> Account:
        readings = [
            reading(s, "charging", session_id="s", session_energy_wh=wh, energy_source="solar")
            for s, wh in seen
        ]
        [made] = fold([*readings, reading(5401, "available", power_w=0.0)])
        same_price = replace(DEARER_AT_ONE.elements[0], price_solar_per_kwh=Decimal(10))
        return account(made, replace(DEARER_AT_ONE, elements=(same_price,)))

    evenly, late = of((1800, 0), (5400, 1000)), of((1800, 0), (3600, 0), (5400, 1000))
    [first] = settle(evenly, None)
    assert evenly.cost == late.cost

    back, second = settle(late, first)

    assert (back.kind, [line.energy_solar_wh for line in second.lines]) == ("credit", [1000])
    assert settle(evenly, first) == []


def test_a_bill_of_before_there_were_lines_is_not_corrected_for_lacking_them() -> None:
    ended = account(session(1000))
    [bill] = settle(ended, None)

    assert settle(ended, replace(bill, lines=())) == []


def total(bills: list[Bill]) -> Decimal:
    return sum((bill.total for bill in bills), Decimal(0))
