"""How energy is counted: rules 4 to 6."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solarrally.domain.energy import EnergyFigures, EnergyMethod, SessionQuality, whole_wh
from tests.builders import fold, reading


def figures(readings: list[Any]) -> EnergyFigures:
    [session] = fold(readings)
    return session.energy.figures()


def plugged(seconds: float, **said: Any) -> Any:
    return reading(seconds, "charging", session_id="s1", **said)


def test_the_register_is_billed_before_the_counter_and_the_counter_before_power() -> None:
    all_three = [
        plugged(60 * n, power_w=6000.0, energy_register_wh=5000.0 + 101 * n, session_energy_wh=100.0 * n)
        for n in range(3)
    ]
    counter = [plugged(60 * n, power_w=6000.0, session_energy_wh=100.0 * n) for n in range(3)]
    power = [plugged(60 * n, power_w=6000.0) for n in range(3)]

    assert (figures(all_three).method, figures(all_three).energy_wh) == (EnergyMethod.REGISTER, 202)
    assert (figures(counter).method, figures(counter).energy_wh) == (EnergyMethod.SESSION_COUNTER, 200)
    assert (figures(power).method, figures(power).energy_wh) == (EnergyMethod.POWER, 200)


def test_a_register_of_zero_followed_by_its_true_value_is_a_corrected_baseline_and_no_energy() -> None:
    # citrineos-core #1060: a bill of 910.031 kWh instead of 0.083
    result = figures(
        [
            plugged(0, energy_register_wh=0.0),
            plugged(10, energy_register_wh=909_948.0),
            plugged(20, energy_register_wh=910_000.0),
            plugged(30, energy_register_wh=910_031.0),
        ]
    )

    assert result.energy_wh == 83
    assert result.quality & SessionQuality.BASELINE_CORRECTED


def test_energy_between_the_last_idle_reading_and_the_first_of_the_session_belongs_to_the_session() -> None:
    idle = reading(0, "available", power_w=0.0, energy_register_wh=5000.0)

    result = figures(
        [
            idle,
            plugged(60, power_w=6000.0, energy_register_wh=5050.0),
            plugged(120, energy_register_wh=5150.0),
        ]
    )

    assert result.energy_wh == 150


def test_a_register_that_falls_starts_a_new_segment() -> None:
    values = [5000.0, 5100.0, 10.0, 60.0, 110.0]

    result = figures([plugged(60 * n, energy_register_wh=value) for n, value in enumerate(values)])

    assert result.energy_wh == 100 + 100
    assert result.quality & SessionQuality.COUNTER_FELL


def test_a_session_counter_that_falls_starts_a_new_segment_from_zero() -> None:
    values = [0.0, 100.0, 200.0, 40.0, 140.0]

    result = figures([plugged(60 * n, session_energy_wh=value) for n, value in enumerate(values)])

    assert result.energy_wh == 200 + 140
    assert result.quality & SessionQuality.COUNTER_FELL


def test_a_fall_at_the_very_end_is_counted_though_nothing_confirms_it() -> None:
    result = figures(
        [plugged(60 * n, session_energy_wh=value) for n, value in enumerate([0.0, 100.0, 200.0, 40.0])]
    )

    assert result.energy_wh == 240


@pytest.mark.parametrize("wrong_wh", [0.0, 3.0, 90_000_000.0])
@pytest.mark.parametrize("measurand", ["energy_register_wh", "session_energy_wh"])
def test_a_single_wrong_value_between_right_ones_changes_nothing(measurand: str, wrong_wh: float) -> None:
    values = [1000.0, 1100.0, wrong_wh, 1300.0, 1400.0]

    result = figures(
        [plugged(60 * n, power_w=6000.0, **{measurand: value}) for n, value in enumerate(values)]
    )

    assert result.energy_wh == 1400 - (1000 if measurand == "energy_register_wh" else 0)


def test_a_jump_beyond_what_the_station_can_deliver_is_not_billed() -> None:
    values = [1000.0, 1100.0, 901_100.0, 901_200.0]

    result = figures([plugged(60 * n, energy_register_wh=value) for n, value in enumerate(values)])

    assert result.energy_wh == 200
    assert result.quality & SessionQuality.COUNTER_JUMPED


def test_power_is_integrated_over_a_gap_only_up_to_the_cap() -> None:
    result = figures([plugged(0, power_w=6000.0), plugged(60, power_w=6000.0), plugged(1260, power_w=6000.0)])

    assert result.energy_wh == 100 + 500  # 60 s, and 300 of 1200 s
    assert result.quality & SessionQuality.GAP


def test_a_counter_says_what_was_delivered_during_a_gap() -> None:
    result = figures(
        [
            plugged(0, session_energy_wh=0.0),
            plugged(60, session_energy_wh=100.0),
            plugged(1260, session_energy_wh=2100.0),
        ]
    )

    assert result.energy_wh == 2100


def test_an_absent_measurand_is_not_zero() -> None:
    result = figures(
        [
            plugged(0, session_energy_wh=0.0),
            plugged(60, session_energy_wh=100.0),
            plugged(120, soc_percent=50.0),
        ]
    )

    assert result.energy_wh == 100


def test_the_devices_own_counters_split_the_energy() -> None:
    result = figures(
        [
            plugged(
                60 * n,
                session_energy_wh=100.0 * n,
                session_energy_solar_wh=70.0 * n,
                session_energy_grid_wh=30.0 * n,
            )
            for n in range(4)
        ]
    )

    assert (result.solar_wh, result.grid_wh, result.unattributed_wh) == (210, 90, 0)


def test_without_split_counters_the_source_of_each_interval_decides() -> None:
    sources = [None, "solar", "solar", "grid", "none"]

    result = figures(
        [
            plugged(60 * n, session_energy_wh=100.0 * n, energy_source=source)
            for n, source in enumerate(sources)
        ]
    )

    assert (result.solar_wh, result.grid_wh, result.unattributed_wh) == (200, 200, 0)


def test_the_interval_that_ends_with_the_vehicle_gone_has_the_source_of_that_reading() -> None:
    gone = reading(
        120, "available", power_w=0.0, session_id="s1", session_energy_wh=1100.0, energy_source="solar"
    )
    begin = [plugged(60 * n, session_energy_wh=100.0 * n, energy_source="grid") for n in range(2)]

    result = figures([*begin, gone])

    assert (result.solar_wh, result.grid_wh) == (1000, 100)


def test_what_cannot_be_attributed_says_so() -> None:
    result = figures([plugged(60 * n, session_energy_wh=100.0 * n) for n in range(4)])

    assert (result.solar_wh, result.grid_wh, result.unattributed_wh) == (0, 0, 300)


def test_split_counters_beyond_the_total_are_scaled_and_marked() -> None:
    result = figures(
        [
            plugged(
                60 * n,
                session_energy_wh=100.0 * n,
                session_energy_solar_wh=100.0 * n,
                session_energy_grid_wh=100.0 * n,
            )
            for n in range(3)
        ]
    )

    assert (result.solar_wh, result.grid_wh, result.energy_wh) == (100, 100, 200)
    assert result.quality & SessionQuality.SPLIT_SCALED


def test_a_counter_in_the_wrong_unit_is_noticed_against_power() -> None:
    result = figures([plugged(60 * n, power_w=6000.0, session_energy_wh=0.1 * n) for n in range(40)])

    assert result.quality & SessionQuality.ENERGY_DISAGREES


def test_joining_a_session_late_bills_its_counter_and_raises_no_alarm() -> None:
    result = figures(
        [plugged(60 * n, power_w=6000.0, session_energy_wh=8000.0 + 100.0 * n) for n in range(5)]
    )

    assert result.energy_wh == 8400
    assert result.quality == SessionQuality.GOOD


@given(
    solar=st.floats(0, 1e6, allow_nan=False),
    grid=st.floats(0, 1e6, allow_nan=False),
    rest=st.floats(0, 1e6, allow_nan=False) | st.just(0.0),
)
def test_the_parts_add_up_to_the_whole_to_the_wh(solar: float, grid: float, rest: float) -> None:
    total = solar + grid + rest

    parts = whole_wh(total, solar, grid)

    assert sum(parts) == round(total)
    assert all(part >= 0 for part in parts)
    # The larger source has the remainder of less than 1 Wh, and the roundings of the total and the other.
    assert abs(parts[0] - solar) <= 2.0
    assert abs(parts[1] - grid) <= 2.0


@pytest.mark.parametrize("registers", [{0: 1000.0}, {4: 5000.0}], ids=["start only", "end only"])
def test_a_single_register_value_measures_nothing(registers: dict[int, float]) -> None:
    """`meter_wh` in one of `session/started` and `session/ended`: the session counter is billed."""
    result = figures(
        [
            plugged(
                300 * n,
                power_w=12_000.0,
                session_energy_wh=1000.0 * n,
                energy_register_wh=registers.get(n),
            )
            for n in range(5)
        ]
    )

    assert (result.energy_wh, result.method) == (4000, EnergyMethod.SESSION_COUNTER)
    assert result.quality == SessionQuality.GOOD
