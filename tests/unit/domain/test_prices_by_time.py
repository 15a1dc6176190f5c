"""Prices by time of day: which one holds when, by the clocks of the site, and what a session then costs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solarrally.domain.bill import cost_of
from solarrally.domain.periods import Mark, PricedPeriod, priced_periods
from solarrally.domain.tariff import DAYS, Tariff, TariffElement, minute_of, vat_on

EVENING = TariffElement(
    start_time="17:00", end_time="21:00", price_solar_per_kwh=Decimal(20), price_grid_per_kwh=Decimal(80)
)
NIGHT = TariffElement(
    start_time="22:00", end_time="06:00", price_solar_per_kwh=Decimal(5), price_grid_per_kwh=Decimal(25)
)


def a_tariff(*elements: TariffElement, timezone: str = "America/Jamaica", **changes: Any) -> Tariff:
    values: dict[str, Any] = {
        "id": 1,
        "valid_from": datetime(2026, 1, 1, tzinfo=UTC),
        "currency": "JMD",
        "price_solar_per_kwh": Decimal(10),
        "price_grid_per_kwh": Decimal(50),
        "elements": elements,
        "timezone": timezone,
    }
    return Tariff(**{**values, **changes})


def on(day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    """An instant of March 2026, in UTC; the 9th is a Monday."""
    return datetime(2026, 3, day, hour, minute, second, tzinfo=UTC)


def grid_price(tariff: Tariff, instant: datetime) -> Decimal:
    return tariff.prices_at(tariff.place_of(int(instant.timestamp()) // 900))[1]


def periods(
    tariff: Tariff,
    start: datetime,
    end: datetime,
    *marks: tuple[datetime, float],
    grid_wh: int = 1000,
) -> list[PricedPeriod]:
    """Of a session that took energy from the grid; each mark says how much by then."""
    return list(
        priced_periods(
            tariff,
            started_at=start,
            ended_at=end,
            solar_wh=0,
            grid_wh=grid_wh,
            unattributed_wh=0,
            marks=[Mark(int(ts.timestamp()) // 900, 0, (0.0, wh, 0.0)) for ts, wh in marks],
        )
    )


def seen(found: list[PricedPeriod]) -> list[tuple[str, str, int, int]]:
    return [
        (
            f"{one.started_at:%H:%M:%S}",
            f"{one.ended_at:%H:%M:%S}",
            one.energy_grid_wh,
            int(one.price_grid_per_kwh),
        )
        for one in found
    ]


# -- which price holds -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("instant", "price"),
    [
        (on(9, 21, 59, 59), 50),  # 16:59:59 in Jamaica
        (on(9, 22), 80),
        (on(10, 1, 59, 59), 80),
        (on(10, 2), 50),
    ],
)
def test_a_price_holds_from_its_start_to_before_its_end_by_the_sites_clocks(
    instant: datetime, price: int
) -> None:
    assert grid_price(a_tariff(EVENING), instant) == price


def test_the_first_element_that_holds_counts() -> None:
    tariff = a_tariff(EVENING, TariffElement(price_solar_per_kwh=Decimal(1), price_grid_per_kwh=Decimal(2)))

    assert [grid_price(tariff, on(9, hour)) for hour in (22, 12)] == [80, 2]


@pytest.mark.parametrize(
    ("instant", "price"),
    [(on(9, 21, 59), 50), (on(9, 22), 25), (on(10, 5, 59), 25), (on(10, 6), 50), (on(9, 3), 25)],
)
def test_a_price_goes_over_midnight(instant: datetime, price: int) -> None:
    assert grid_price(a_tariff(NIGHT, timezone="UTC"), instant) == price


def test_over_midnight_the_day_is_that_of_the_start() -> None:
    friday_night = TariffElement(
        day_of_week=("FRIDAY",),
        start_time="22:00",
        end_time="06:00",
        price_solar_per_kwh=Decimal(5),
        price_grid_per_kwh=Decimal(25),
    )
    tariff = a_tariff(friday_night, timezone="UTC")

    assert [grid_price(tariff, on(day, 23)) for day in (12, 13, 14)] == [50, 25, 50]  # Thursday to Saturday
    assert [grid_price(tariff, on(day, 5)) for day in (13, 14, 15)] == [50, 25, 50]  # Friday to Sunday


def test_a_price_may_hold_until_midnight_or_all_day() -> None:
    late = TariffElement(start_time="23:45", price_solar_per_kwh=Decimal(5), price_grid_per_kwh=Decimal(25))
    whole = TariffElement(
        start_time="08:00", end_time="08:00", price_solar_per_kwh=Decimal(5), price_grid_per_kwh=Decimal(25)
    )

    assert [grid_price(a_tariff(late, timezone="UTC"), on(9, 23, m)) for m in (44, 45, 59)] == [50, 25, 25]
    assert {grid_price(a_tariff(whole, timezone="UTC"), on(9, hour)) for hour in range(24)} == {25}


def test_weekdays_are_those_of_the_site() -> None:
    sunday = TariffElement(
        day_of_week=("SUNDAY",), price_solar_per_kwh=Decimal(5), price_grid_per_kwh=Decimal(25)
    )
    tariff = a_tariff(sunday, timezone="Pacific/Auckland")  # 13 hours ahead

    assert grid_price(tariff, on(7, 11)) == 25  # Saturday in UTC
    assert grid_price(tariff, on(8, 11)) == 50  # Sunday in UTC


def test_zones_with_odd_quarters_change_their_price_on_time() -> None:
    tariff = a_tariff(EVENING, timezone="Asia/Kathmandu")  # 5:45 ahead

    assert [grid_price(tariff, on(9, 11, minute)) for minute in (0, 14, 15)] == [50, 50, 80]


def test_the_day_that_lacks_an_hour_has_its_evening_when_the_clocks_say_so() -> None:
    tariff = a_tariff(EVENING, timezone="Europe/Berlin")

    assert grid_price(tariff, datetime(2026, 3, 28, 16, 0, tzinfo=UTC)) == 80  # 17:00, an hour ahead
    assert grid_price(tariff, datetime(2026, 3, 29, 15, 0, tzinfo=UTC)) == 80  # 17:00, two hours ahead
    assert grid_price(tariff, datetime(2026, 3, 29, 19, 0, tzinfo=UTC)) == 50


def two_to_three(timezone: str = "Europe/Berlin") -> Tariff:
    element = TariffElement(
        start_time="02:00", end_time="03:00", price_solar_per_kwh=Decimal(5), price_grid_per_kwh=Decimal(25)
    )
    return a_tariff(element, timezone=timezone)


def hours_at_low_price(day: datetime) -> int:
    tariff = two_to_three()
    return sum(grid_price(tariff, day + timedelta(minutes=15 * n)) == 25 for n in range(96)) // 4


def test_an_hour_that_the_clocks_skip_or_repeat_is_priced_so_often() -> None:
    assert hours_at_low_price(datetime(2026, 3, 28, 12, tzinfo=UTC)) == 0
    assert hours_at_low_price(datetime(2026, 10, 24, 12, tzinfo=UTC)) == 2
    assert hours_at_low_price(datetime(2026, 6, 1, 12, tzinfo=UTC)) == 1


@pytest.mark.parametrize(
    "time", ["24:15", "25:00", "12:60", "1:00", "12-00", "12:0x", "", "12:00:00", "٠٠:٠٠"]
)
def test_a_time_of_day_is_two_and_two_digits(time: str) -> None:
    with pytest.raises(ValueError, match="must be a time of day"):
        minute_of(time)


def test_a_time_of_day_is_on_a_quarter_of_an_hour() -> None:
    with pytest.raises(ValueError, match="quarter"):
        minute_of("12:10")
    assert (minute_of("00:00"), minute_of("24:00")) == (0, 1440)


# -- what a session costs --------------------------------------------------------------------------------


def test_a_session_at_one_price_is_one_period() -> None:
    start, end = on(9, 12, 3, 7), on(9, 13, 40)

    assert seen(periods(a_tariff(), start, end)) == [("12:03:07", "13:40:00", 1000, 50)]
    assert seen(periods(a_tariff(EVENING), start, end, (on(9, 12, 30), 700.0))) == [
        ("12:03:07", "13:40:00", 1000, 50)
    ]


def test_a_session_is_cut_where_its_price_changes() -> None:
    start, end = on(9, 21, 50), on(9, 22, 10)

    assert seen(periods(a_tariff(EVENING), start, end, (on(9, 22), 300.0))) == [
        ("21:50:00", "22:00:00", 300, 50),
        ("22:00:00", "22:10:00", 700, 80),
    ]


def test_without_marks_energy_flowed_evenly() -> None:
    start, end = on(9, 21), on(9, 23)

    assert seen(periods(a_tariff(EVENING), start, end)) == [
        ("21:00:00", "22:00:00", 500, 50),
        ("22:00:00", "23:00:00", 500, 80),
    ]


def test_over_a_gap_energy_flowed_evenly() -> None:
    found = periods(a_tariff(EVENING), on(9, 20), on(9, 23), (on(9, 21), 100.0), (on(9, 23), 1000.0))

    assert seen(found) == [("20:00:00", "22:00:00", 550, 50), ("22:00:00", "23:00:00", 450, 80)]


def test_a_period_without_energy_is_no_line() -> None:
    found = periods(a_tariff(EVENING), on(9, 21), on(10, 3), (on(9, 22), 400.0), (on(10, 2), 400.0))

    assert seen(found) == [("21:00:00", "22:00:00", 400, 50), ("02:00:00", "03:00:00", 600, 50)]


def test_a_session_without_energy_has_a_line_that_costs_nothing() -> None:
    [one] = periods(a_tariff(EVENING), on(9, 21), on(9, 23), grid_wh=0)
    [of_days] = periods(a_tariff(EVENING), on(9, 21), on(19, 23), grid_wh=0)

    assert one.cost == of_days.cost == 0


def test_a_session_of_no_length_has_its_energy() -> None:
    assert [one.energy_grid_wh for one in periods(a_tariff(EVENING), on(9, 22), on(9, 22))] == [1000]


def test_figures_that_were_corrected_never_make_energy_fall() -> None:
    found = periods(a_tariff(EVENING), on(9, 21), on(10, 3), (on(9, 22), 5000.0), (on(10, 2), 200.0))

    assert [(one.energy_grid_wh, int(one.price_grid_per_kwh)) for one in found] == [(1000, 50)]


def test_the_cost_is_rounded_once() -> None:
    tariff = a_tariff(EVENING, price_grid_per_kwh=Decimal("0.004"))
    lines = periods(tariff, on(9, 21), on(9, 23), grid_wh=2)

    assert [one.cost for one in lines] == [Decimal("0.000004"), Decimal("0.08")]
    assert cost_of(lines, "JMD") == Decimal("0.08")


@pytest.mark.parametrize(
    ("currency", "cost", "vat"),
    [("JMD", "0.10", "0.02"), ("JPY", "0", "0"), ("BHD", "0.100", "0.015"), ("CLP", "10", "2")],
)
def test_vat_is_rounded_half_up_on_the_rounded_total(currency: str, cost: str, vat: str) -> None:
    assert str(vat_on(Decimal(cost), Decimal(15), currency)) == vat


@st.composite
def measured(draw: st.DrawFn) -> dict[str, Any]:
    start = on(1, 0) + timedelta(seconds=draw(st.integers(0, 86_400 * 40)))
    end = start + timedelta(seconds=draw(st.integers(0, 86_400 * 3)))
    quarters = draw(
        st.lists(st.integers(int(start.timestamp()) // 900, int(end.timestamp()) // 900), max_size=30)
    )
    amount = st.floats(0, 100_000)
    return {
        "started_at": start,
        "ended_at": end,
        "solar_wh": draw(st.integers(0, 50_000)),
        "grid_wh": draw(st.integers(0, 50_000)),
        "unattributed_wh": draw(st.integers(0, 50)),
        "marks": [Mark(q, 0, (draw(amount), draw(amount), draw(amount))) for q in sorted(set(quarters))],
    }


@st.composite
def elements(draw: st.DrawFn) -> TariffElement:
    quarter = st.integers(0, 95).map(lambda n: f"{n // 4:02}:{n % 4 * 15:02}")
    return TariffElement(
        day_of_week=tuple(draw(st.lists(st.sampled_from(DAYS), unique=True))),
        start_time=draw(quarter),
        end_time=draw(quarter | st.just("24:00")),
        price_solar_per_kwh=Decimal(draw(st.integers(0, 100))),
        price_grid_per_kwh=Decimal(draw(st.integers(0, 100))),
    )


@given(
    measured(),
    st.lists(elements(), max_size=4),
    st.sampled_from(["UTC", "America/Jamaica", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Chatham"]),
)
def test_periods_add_up_to_the_watt_hour_and_follow_each_other(
    session: dict[str, Any], priced: list[TariffElement], timezone: str
) -> None:
    tariff = a_tariff(*priced, timezone=timezone)
    found = priced_periods(tariff, **session)

    for source in ("solar", "grid", "unattributed"):
        assert sum(getattr(one, f"energy_{source}_wh") for one in found) == session[f"{source}_wh"]
        assert all(getattr(one, f"energy_{source}_wh") >= 0 for one in found)
    assert session["started_at"] <= found[0].started_at
    assert found[-1].ended_at <= session["ended_at"]
    assert all(one.started_at <= one.ended_at for one in found)
    assert all(one.ended_at <= other.started_at for one, other in pairwise(found))
    for one in found:
        first, last = one.started_at, one.ended_at - timedelta(microseconds=1)
        for instant in (first, max(first, last)):
            assert grid_price(tariff, instant) == one.price_grid_per_kwh
