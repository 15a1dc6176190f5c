"""What is measured and offered by phase, in the fields of our own format."""

from __future__ import annotations

import pytest

from solarrally.dialects.phases import offered_w, told_phases


def test_the_whole_has_the_mean_voltage_of_live_phases_and_the_largest_current() -> None:
    told = told_phases([230.0, 232.0, 3.1], [10.0, 12.0, 0.0])

    assert told["voltage_v"] == 231.0
    assert told["current_a"] == 12.0
    assert told["voltage_v_l3"] == 3.1


def test_a_phase_that_is_not_measured_is_not_told() -> None:
    assert told_phases([None, None, None], [6.0, None, None]) == {"current_a_l1": 6.0, "current_a": 6.0}
    assert told_phases([230.0], [6.0]) == {"voltage_v": 230.0, "current_a": 6.0}


@pytest.mark.parametrize(
    ("current_a", "phases", "voltages_v", "power_w"),
    [
        (16.0, 3.0, [], 11040.0),
        (16.0, 3.0, [None, 1.5], 11040.0),
        (16.0, 1.0, [240.0, None, 2.0], 3840.0),
        (10.0, 3.0, [230.0, 236.0, 233.0], 6990.0),
        (0.0, 3.0, [], 0.0),
        (None, 3.0, [], None),
        (16.0, None, [], None),
        (True, 3.0, [], None),
        (-16.0, 3.0, [], None),
        (1e9, 3.0, [], None),
    ],
)
def test_what_is_offered_is_reckoned_from_amperes_a_phase(
    current_a: float | None, phases: float | None, voltages_v: list[float | None], power_w: float | None
) -> None:
    assert offered_w(current_a, phases, voltages_v) == power_w
