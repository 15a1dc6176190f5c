"""The account of a session notes what had been taken when quarters of an hour began."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from solarrally.domain.bill import Account
from solarrally.domain.energy import MAX_MARKS
from solarrally.domain.reading import Reading
from solarrally.domain.session import Session
from solarrally.domain.tariff import Tariff, TariffElement
from solarrally.storage.rows import session_json, session_of
from tests.builders import at, fold, reading

QUARTER_S = 900.0
NOON = int(at(0).timestamp()) // 900


def counted(seconds: float, energy_wh: float, **said: Any) -> Reading:
    """A reading of a session counter, from the grid."""
    return reading(
        seconds,
        "charging",
        **{"session_id": "s", "session_energy_wh": energy_wh, "energy_source": "grid", **said},
    )


def marks(*readings: Reading) -> list[tuple[int, float, float, float]]:
    """The marks of the only session that these make: quarters after noon, and Wh by source."""
    [session] = fold(list(readings))
    return [(mark.quarter - NOON, *mark.taken) for mark in session.energy.comparable_marks]


def test_within_a_quarter_there_is_no_mark() -> None:
    assert marks(counted(10, 0), counted(300, 100), counted(899, 200)) == []


def test_a_mark_is_interpolated_between_the_values_around_it() -> None:
    assert marks(counted(600, 0), counted(840, 100), counted(960, 160)) == [(1, 0.0, 130.0, 0.0)]


def test_a_value_at_the_beginning_of_a_quarter_is_its_mark() -> None:
    assert marks(counted(600, 0), counted(900, 100), counted(960, 160)) == [(1, 0.0, 100.0, 0.0)]


def test_over_a_gap_its_first_and_last_quarter_are_marked() -> None:
    assert marks(counted(600, 0), counted(7500, 2300)) == [(1, 0.0, 100.0, 0.0), (8, 0.0, 2200.0, 0.0)]


def test_quarters_with_nothing_between_need_no_mark() -> None:
    still = [counted(600 + 60 * n, 500) for n in range(600)]

    assert marks(counted(540, 0), *still) == [(1, 0.0, 500.0, 0.0), (40, 0.0, 500.0, 0.0)]


def test_sources_are_marked_apart() -> None:
    solar = {"energy_source": "solar"}

    assert marks(counted(600, 0), counted(840, 100, **solar), counted(960, 160)) == [(1, 100.0, 30.0, 0.0)]


def test_power_is_marked_where_nothing_else_is_measured() -> None:
    readings = [reading(s, "charging", power_w=3600.0, energy_source="grid") for s in range(600, 1000, 60)]

    assert marks(*readings) == [(1, 0.0, 300.0, 0.0)]


def test_readings_without_the_billed_value_do_not_move_its_energy() -> None:
    """The register comes every five minutes, power every ten seconds."""
    between = [reading(s, "charging", power_w=3600.0, session_id="s") for s in range(760, 1050, 10)]

    found = marks(
        reading(690, "charging", session_id="s", power_w=3600.0, energy_register_wh=940.0),
        reading(750, "charging", session_id="s", power_w=3600.0, energy_register_wh=1000.0),
        *between,
        reading(1050, "charging", session_id="s", power_w=3600.0, energy_register_wh=1300.0),
    )

    assert found == [(1, 0.0, 0.0, 210.0)]


def test_marks_of_another_measurement_are_left_out() -> None:
    """Power alone is known at first; then the register appears, and is billed."""
    by_power = [reading(s, "charging", power_w=3600.0, session_id="s") for s in range(600, 1000, 60)]
    by_register = [
        reading(s, "charging", power_w=3600.0, session_id="s", energy_register_wh=5000.0 + s)
        for s in range(1020, 2000, 60)
    ]

    assert marks(*by_power, *by_register) == [(2, 0.0, 0.0, 780.0)]


def test_the_reading_that_shows_the_vehicle_gone_is_marked_too() -> None:
    gone = reading(960, "available", session_id="s", session_energy_wh=160.0, power_w=0.0)

    assert marks(counted(600, 0), counted(840, 100), gone) == [(1, 0.0, 130.0, 0.0)]


def test_marks_are_bounded_however_long_a_session_is() -> None:
    [session] = fold([counted(QUARTER_S * n + 1, 100.0 * n) for n in range(4 * MAX_MARKS)])

    found = session.energy.marks
    assert len(found) <= MAX_MARKS
    assert [mark.quarter for mark in found] == sorted({mark.quarter for mark in found})
    assert found[-1].quarter - NOON == 4 * MAX_MARKS - 1


# -- beside the plain sum --------------------------------------------------------------------------------

TARIFF = Tariff(
    id=1,
    valid_from=at(-86_400),
    currency="JMD",
    price_solar_per_kwh=Decimal(10),
    price_grid_per_kwh=Decimal(50),
    vat_percent=Decimal(15),
    elements=(
        TariffElement(
            start_time="13:00",
            end_time="14:00",
            price_solar_per_kwh=Decimal(20),
            price_grid_per_kwh=Decimal(80),
        ),
    ),
)


def charge() -> Iterator[Reading]:
    """Three hours from 12:05, 1 Wh a second, every 7 seconds; the first hour is solar."""
    for second in range(300, 11_100, 7):
        yield counted(second, second - 300.0, energy_source="solar" if second < 3900 else "grid")


def account(session: Session, tariff: Tariff = TARIFF) -> Account:
    return Account(session, "cp1", 1, session.energy.figures(), tariff)


def test_a_session_is_priced_by_when_its_energy_flowed() -> None:
    [session] = fold(list(charge()))
    found = account(session)

    taken = [
        (f"{one.started_at:%H:%M}", one.energy_solar_wh, one.energy_grid_wh, int(one.price_grid_per_kwh))
        for one in found.lines
    ]
    assert taken == [("12:05", 3300, 0, 50), ("13:00", 298, 3302, 80), ("14:00", 0, 3894, 50)]
    assert found.cost == Decimal("33.00") + Decimal("270.12") + Decimal("194.70")


def test_an_account_that_was_stored_goes_on_as_if_it_had_not_been() -> None:
    readings = list(charge())
    [whole] = fold(readings)
    [half] = fold(readings[:700])
    restored = session_of(session_json(half))
    assert restored == half

    assert session_of(session_json(whole)).energy.marks == whole.energy.marks


def test_an_account_of_before_there_were_marks_is_spread_evenly() -> None:
    [session] = fold(list(charge()))
    stored = msgspec.json.decode(session_json(session))
    del stored["energy"]["marks"], stored["energy"]["next_mark_at"]

    old = session_of(msgspec.json.encode(stored).decode())

    assert old.energy.marks == []
    found = account(old)
    share = sum(one.energy_solar_wh for one in found.lines if one.price_grid_per_kwh == 80) / 3598
    assert share == pytest.approx(3600 / 10_794, abs=0.001)
    assert (
        account(old, replace(TARIFF, elements=())).cost == account(session, replace(TARIFF, elements=())).cost
    )
