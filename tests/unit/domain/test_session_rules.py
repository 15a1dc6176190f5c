"""The session rules of design section 5, each by its name."""

from __future__ import annotations

from typing import Any

import pytest

from solarrally.domain.reading import Quality, TransactionEvent
from solarrally.domain.session import EndReason
from solarrally.domain.station import SessionRules, expire, observe
from tests.builders import MAX_POWER_W, RULES, at, fold, fold_state, reading


def idle(seconds: float, **said: Any) -> Any:
    return reading(seconds, "available", **{"power_w": 0.0, "session_energy_wh": 0.0, **said})


def charging(
    seconds: float, energy_wh: float, name: str | None = "s1", status: str = "charging", **said: Any
) -> Any:
    return reading(
        seconds, status, **{"power_w": 7200.0, "session_energy_wh": energy_wh, "session_id": name, **said}
    )


def test_a_session_opens_with_the_vehicle_and_ends_at_the_first_reading_that_shows_it_gone() -> None:
    [session] = fold([idle(0), charging(10, 10), charging(20, 30), idle(30), idle(40)])

    assert (session.started_at, session.ended_at) == (at(10), at(30))
    assert session.end_reason == EndReason.EV_DISCONNECTED
    assert session.device_session_id == "s1"
    assert session.energy.figures().energy_wh == 30


def test_a_plugged_vehicle_that_takes_nothing_has_a_session() -> None:
    [session] = fold(
        [idle(0), reading(10, "preparing", power_w=0.0), reading(20, "preparing", power_w=0.0), idle(30)]
    )

    assert (session.started_at, session.ended_at) == (at(10), at(30))
    assert session.energy.figures().energy_wh == 0


def test_preparing_through_a_whole_charge_is_a_charge() -> None:
    [session] = fold(
        [idle(0), *(charging(10 * n, 20.0 * n, status="preparing") for n in range(1, 10)), idle(100)]
    )

    assert session.energy.figures().energy_wh == 180
    assert session.energy.charging_s == pytest.approx(90)


def test_power_opens_a_session_though_the_status_says_available() -> None:
    readings = [idle(0), *(reading(10 * n, "available", power_w=7200.0) for n in range(1, 4)), idle(40)]

    [session] = fold(readings)

    assert (session.started_at, session.ended_at) == (at(10), at(40))
    assert session.energy.figures().energy_wh == 50  # 20 s at 7.2 kW, and 10 s in which it fell to 0


def test_rising_energy_opens_a_session_though_nothing_else_is_said() -> None:
    [session] = fold([reading(60 * n, energy_register_wh=1000.0 + max(0, n - 2) * 100) for n in range(6)])

    assert session.started_at == at(180)
    assert session.energy.figures().energy_wh == 300


def test_a_register_that_creeps_opens_no_session() -> None:
    assert fold([reading(60 * n, energy_register_wh=1000.0 + n * 0.5) for n in range(10)]) == []


def test_a_dead_session_id_on_available_never_reopens_its_session() -> None:
    dead = [idle(40 + 10 * n, session_id="s1", session_energy_wh=30.0) for n in range(5)]
    fault = reading(30, "faulted", power_w=0.0, session_energy_wh=30.0, session_id="s1")

    [session] = fold([idle(0), charging(10, 10), charging(20, 30), fault, *dead])

    assert session.ended_at == at(40)
    assert session.end_reason == EndReason.OTHER
    assert session.energy.figures().energy_wh == 30


def test_a_dead_session_id_seen_first_on_available_opens_nothing() -> None:
    assert fold([idle(10 * n, session_id="old", session_energy_wh=886.6) for n in range(5)]) == []


def test_a_stale_counter_of_the_last_session_is_not_billed_to_the_next() -> None:
    readings = [
        idle(0, session_id="s0", session_energy_wh=5000.0),
        charging(10, 5000.0, "s1"),
        charging(20, 10.0, "s1"),
        charging(30, 30.0, "s1"),
        idle(40),
    ]

    [session] = fold(readings)

    assert session.energy.figures().energy_wh == 30


@pytest.mark.parametrize("name", ["0", "-1", "1"])
def test_any_device_session_id_is_legal(name: str) -> None:
    [session] = fold([charging(0, 0, name), charging(10, 20, name), idle(20)])

    assert session.device_session_id == name


def test_a_new_device_session_id_ends_the_old_session() -> None:
    first, second = fold(
        [charging(0, 0, "a"), charging(10, 20, "a"), charging(20, 5, "b"), charging(30, 25, "b")]
    )

    assert (first.ended_at, first.end_reason) == (at(20), EndReason.OTHER)
    assert (second.started_at, second.is_active) == (at(20), True)
    assert second.energy.figures().energy_wh == 25


def test_the_same_device_session_id_is_the_same_session_across_a_long_silence() -> None:
    hours = 3600.0
    [session] = fold([charging(0, 0), charging(10, 20), charging(3 * hours, 21_000.0), idle(3 * hours + 10)])

    assert session.energy.figures().energy_wh == 21_000
    assert session.ended_at == at(3 * hours + 10)


def test_a_pause_is_not_an_end() -> None:
    paused = [
        reading(10 * n, "suspendedev", power_w=0.0, session_energy_wh=20.0, session_id="s1")
        for n in range(2, 60)
    ]

    [session] = fold([charging(0, 0), charging(10, 20), *paused, charging(600, 40), idle(610)])

    assert session.energy.figures().energy_wh == 40


def test_a_session_without_ids_goes_on_through_partial_readings() -> None:
    readings = [
        reading(0, "charging", power_w=7200.0),
        reading(10, temperature_c=30.0),
        reading(20, power_w=7200.0),
        reading(30, "available", power_w=0.0),
    ]

    [session] = fold(readings)

    assert (session.started_at, session.ended_at) == (at(0), at(30))
    assert session.energy.figures().energy_wh == 50


def test_silence_beyond_the_timeout_ends_a_session_at_its_last_reading() -> None:
    [session] = fold([charging(0, 0, None), charging(10, 20, None), idle(7200)])

    assert (session.ended_at, session.end_reason) == (at(10), EndReason.TIMEOUT)


def test_a_vehicle_found_after_a_long_silence_without_ids_has_a_session_of_its_own() -> None:
    first, second = fold([charging(0, 0, None), charging(10, 20, None), charging(7200, 5, None)])

    assert first.end_reason == EndReason.TIMEOUT
    assert second.started_at == at(7200)


def test_an_unmoved_register_makes_a_silent_session_go_on() -> None:
    def plugged(seconds: float) -> Any:
        return reading(seconds, "suspendedev", power_w=0.0, energy_register_wh=5000.0)

    [session] = fold(
        [plugged(0), plugged(10), plugged(7200), reading(7210, "available", energy_register_wh=5000.0)]
    )

    assert (session.started_at, session.ended_at) == (at(0), at(7210))


def test_expiry_is_provisional_and_leaves_no_trace_when_the_session_goes_on() -> None:
    before = [charging(0, 0), charging(10, 20)]
    after = [charging(20, 40), idle(30)]
    state, _ = fold_state(before)
    expired = expire(state, silent_since=at(10), now=at(7200), rules=RULES)
    assert expired is not None
    assert (expired.status, expired.ended_at, expired.end_reason) == ("COMPLETED", at(10), EndReason.TIMEOUT)

    for one in after:
        observe(state, one, RULES, MAX_POWER_W)

    [undisturbed] = fold(before + after)
    assert state.session == undisturbed


def test_expiry_waits_for_the_timeout() -> None:
    state, _ = fold_state([charging(0, 0)])

    assert expire(state, silent_since=at(0), now=at(RULES.silence_timeout_s), rules=RULES) is None


def test_one_wrong_available_in_mid_charge_does_not_cut_the_session_in_two() -> None:
    glitch = reading(20, "available", power_w=0.0, session_energy_wh=40.0, session_id="s1")

    state, sessions = fold_state(
        [charging(0, 0), charging(10, 20), glitch, charging(30, 60), charging(40, 80), idle(50)]
    )

    assert len(sessions) == 1
    assert state.session is not None
    assert (state.session.started_at, state.session.ended_at) == (at(0), at(50))
    assert state.session.energy.figures().energy_wh == 80


def test_a_reused_device_session_id_with_a_fresh_counter_is_another_session() -> None:
    first, second = fold(
        [charging(0, 0), charging(10, 100), idle(20), idle(30), charging(40, 5), charging(50, 25), idle(60)]
    )

    assert first.energy.figures().energy_wh == 100
    assert second.energy.figures().energy_wh == 25


def test_a_reused_device_session_id_a_day_later_is_another_session() -> None:
    day = 86_400.0
    sessions = fold([charging(0, 0), charging(10, 200), charging(day + 20, 0), charging(day + 30, 20)])

    assert [session.energy.figures().energy_wh for session in sessions] == [200, 20]


def test_an_explicit_end_ends_the_session_with_the_reason_of_the_device() -> None:
    ended = reading(
        25,
        transaction_event=TransactionEvent.ENDED,
        stop_reason="Remote",
        session_id="s1",
        energy_register_wh=1060.0,
    )
    still_plugged = reading(30, "finishing", power_w=0.0, session_id=None)
    readings = [
        charging(0, 0, energy_register_wh=1000.0),
        charging(10, 20, energy_register_wh=1020.0),
        ended,
        still_plugged,
        idle(40),
        reading(50, "preparing", power_w=0.0),
    ]

    first, second = fold(readings)

    assert (first.ended_at, first.end_reason) == (at(25), "Remote")
    assert first.energy.figures().energy_wh == 60
    assert second.started_at == at(50)


def test_the_explicit_end_of_another_session_ends_nothing() -> None:
    ended = reading(15, transaction_event=TransactionEvent.ENDED, session_id="before")

    [session] = fold([charging(0, 0), charging(10, 20), ended, charging(20, 40)])

    assert session.is_active


def test_an_explicit_start_opens_a_session_and_brings_its_token() -> None:
    started = reading(0, transaction_event=TransactionEvent.STARTED, session_id="s1", id_token="tag-1")

    [session] = fold([started, charging(10, 20)])

    assert (session.started_at, session.id_token) == (at(0), "tag-1")


def test_a_fault_does_not_end_a_session_but_gives_the_reason_when_it_ends() -> None:
    fault = reading(20, "faulted", power_w=0.0, session_id="s1", error_code="GroundFailure")

    [session] = fold([charging(0, 0), charging(10, 20), fault, idle(30)])

    assert (session.ended_at, session.end_reason) == (at(30), EndReason.GROUND_FAULT)


def test_a_fault_that_passes_is_forgotten() -> None:
    fault = reading(20, "faulted", power_w=0.0, session_id="s1", error_code="GroundFailure")

    [session] = fold([charging(0, 0), charging(10, 20), fault, charging(30, 40), idle(40)])

    assert session.end_reason == EndReason.EV_DISCONNECTED


def test_a_fault_alone_opens_no_session() -> None:
    assert fold([reading(10 * n, "faulted", power_w=0.0) for n in range(3)]) == []


def test_an_impossible_reading_is_never_billed() -> None:
    impossible = charging(20, 40_000_000.0, power_w=9_000_000.0)

    [session] = fold([charging(0, 0), charging(10, 20), impossible, charging(30, 60), idle(40)])

    figures = session.energy.figures()
    assert figures.energy_wh == 60
    assert "IMPLAUSIBLE_READINGS" in str(figures.quality.name)
    assert session.energy.peak_power_w == 7200.0


def test_the_threshold_of_charging_is_a_setting() -> None:
    rules = SessionRules(charging_threshold_w=10.0)
    readings = [reading(0, "available", power_w=0.0), reading(10, "available", power_w=50.0)]

    assert fold(readings) == []
    assert len(fold(readings, rules)) == 1


@pytest.mark.parametrize(
    ("power_w", "voltages_v", "currents_a", "is_marked"),
    [
        (10_350.0, (230, 230, 230), (15, 15, 15), False),
        (3_450.0, (230, 0, 0), (15, 0, 0), False),  # one phase of three
        (10_350.0, (400, 400, 400), (15, 15, 15), False),  # voltages between the phases
        (103_000.0, (219, 225, 222), (1.51, 1.51, 1.52), True),  # a firmware that changed its units
        (10.35, (230, 230, 230), (15, 15, 15), True),  # kW
        (60.0, (230, 230, 230), (0.3, 0.1, 0), False),  # idle electronics
    ],
)
def test_the_phases_together_must_make_the_power(
    power_w: float, voltages_v: tuple[float, ...], currents_a: tuple[float, ...], is_marked: bool
) -> None:
    said = {f"voltage_l{phase}_v": float(value) for phase, value in enumerate(voltages_v, 1)}
    said |= {f"current_l{phase}_a": float(value) for phase, value in enumerate(currents_a, 1)}

    made = reading(0, "charging", power_w=power_w, **said)

    assert bool(made.quality & Quality.POWER_MISMATCH) == is_marked
