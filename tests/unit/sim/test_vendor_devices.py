"""What holds for every simulated device: the story, the meter, repeatability, reboots, refusals."""

from dataclasses import fields
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from solarrally_sim.vendors import FAMILIES, Setup, SetupError, make_device
from tests.unit.sim.vendor_wire import START, play, samples

ALL = list(FAMILIES)
FAST = {"interval_s": 10.0}
"""Tasmota and evcc report seldom; their users may choose how often."""
WITH_FAULTS = [name for name, kind in FAMILIES.items() if kind.faults]


def options(family: str, **more: Any) -> dict[str, Any]:
    return {**(FAST if family in ("tasmota", "evcc") else {}), **more}


@pytest.mark.parametrize("family", ALL)
def test_the_same_seed_gives_the_same_bytes(family: str) -> None:
    one, two, other = (play(family, **options(family, seed=seed)) for seed in (7, 7, 8))
    assert one.run(400) == two.run(400)
    assert one.out != other.run(400)


@pytest.mark.parametrize("family", ALL)
@pytest.mark.parametrize("step_s", [7, 400])
def test_how_time_is_cut_into_ticks_changes_nothing(family: str, step_s: int) -> None:
    fine, coarse = (play(family, **options(family, reboot=True)) for _ in range(2))
    assert fine.run(400) == coarse.run(400, step_s=step_s)


@pytest.mark.parametrize("family", ALL)
@pytest.mark.parametrize("phases", [1, 3])
def test_the_register_on_the_wire_grows_by_the_energy_that_flowed(family: str, phases: int) -> None:
    played = play(family, **options(family, phases=phases)).finish()
    registers = [each.register_wh for each in samples(played) if each.register_wh is not None]
    truth = played.device.truth()
    resolution_wh = truth["register_resolution_wh"]
    assert registers == sorted(registers)
    assert registers[0] == pytest.approx(truth["register_start_wh"], abs=resolution_wh)
    assert registers[-1] == pytest.approx(truth["register_end_wh"], abs=resolution_wh)
    assert truth["energy_wh"] == pytest.approx(registers[-1] - registers[0], abs=2 * resolution_wh)


@pytest.mark.parametrize("family", [name for name in ALL if name not in ("goe", "goe_v1")])
def test_power_over_time_is_the_energy_of_the_register(family: str) -> None:
    """Between two readings the energy lies between what the lower and the higher power would give."""
    played = play(family, **options(family, pause_s=0)).finish()
    charging = [
        (each.at, each.power_w, each.register_wh)
        for each in samples(played)
        if each.power_w and each.register_wh is not None
    ]
    assert len(charging) >= 3
    for (began, before_w, before_wh), (ended, after_w, after_wh) in pairwise(charging):
        hours = (ended - began).total_seconds() / 3600.0
        slack_wh = 2 * played.device.register_resolution_wh + 0.03 * before_w * hours
        assert min(before_w, after_w) * hours - slack_wh <= after_wh - before_wh
        assert after_wh - before_wh <= max(before_w, after_w) * hours + slack_wh


@pytest.mark.parametrize("family", ALL)
def test_the_truth_tells_every_session_with_its_energy(family: str) -> None:
    truth = play(family, **options(family, cycles=3)).finish().device.truth()
    assert truth["is_complete"]
    assert len(truth["sessions"]) == 3
    assert sum(each["energy_wh"] for each in truth["sessions"]) == pytest.approx(truth["energy_wh"], abs=1e-4)
    for each in truth["sessions"]:
        assert 600.0 * 0.8 <= each["energy_wh"] <= 600.0 * 1.2 + 4.0
        assert each["started_at"] < each["charging_started_at"] < each["charging_ended_at"] < each["ended_at"]
        assert 0.0 < each["peak_power_w"] <= truth["peak_power_w"] <= 3 * 16.1 * 238.0
        assert each["register_end_wh"] - each["register_start_wh"] == pytest.approx(
            each["energy_wh"], abs=1e-4
        )
        assert [what["what"] for what in each["interruptions"]] == ["pause"]


@pytest.mark.parametrize("family", ALL)
def test_a_rebooting_device_is_silent_and_comes_back_with_its_register(family: str) -> None:
    played = play(family, **options(family, reboot=True)).finish()
    truth = played.device.truth()
    (reboot,) = truth["reboots"]
    gone, back = datetime.fromisoformat(reboot["from"]), datetime.fromisoformat(reboot["to"])
    assert back - gone == timedelta(seconds=15)
    assert not [each for each in played.out if each.at and gone <= each.at < back]
    registers = [each.register_wh for each in samples(played) if each.register_wh is not None]
    assert registers == sorted(registers)
    assert truth["energy_wh"] == pytest.approx(truth["sessions"][0]["energy_wh"])


@pytest.mark.parametrize("family", ALL)
def test_a_device_whose_connection_broke_announces_itself_again_but_has_not_rebooted(family: str) -> None:
    played = play(family, **options(family))
    booted = {each.topic for each in played.out if each.payload}
    played.run(30)
    again = played.device.connected(played.now)
    assert booted <= {each.topic for each in again}
    assert played.device.boots == 1


@pytest.mark.parametrize("family", WITH_FAULTS)
def test_every_fault_of_a_family_stops_the_current_and_passes(family: str) -> None:
    for fault in FAMILIES[family].faults:
        truth = play(family, fault=fault, pause_s=0, energy_wh=120.0, idle_s=5).finish().device.truth()
        (interruption,) = truth["sessions"][0]["interruptions"]
        assert interruption["what"] == "fault"
        assert truth["sessions"][0]["ended_by"] == "car"


def test_a_car_that_takes_nothing_leaves_a_session_without_energy() -> None:
    truth = play("goe", energy_wh=0.0).finish().device.truth()
    assert [each["energy_wh"] for each in truth["sessions"]] == [0.0]


def test_a_driver_whose_car_gets_nothing_leaves() -> None:
    played = play("goe", patience_s=50, pause_s=0)
    played.until("go-eCharger/000001/car", "2")
    played.say("go-eCharger/000001/frc/set", "1")
    truth = played.finish().device.truth()
    assert truth["sessions"][0]["ended_by"] == "driver"
    assert [each["topic"] for each in truth["commands"]] == ["go-eCharger/000001/frc/set"]


@pytest.mark.parametrize("family", ALL)
def test_every_message_is_of_its_instant_and_below_what_mqtt_allows(family: str) -> None:
    played = play(family, **options(family)).finish()
    stamps = [each.at for each in played.out]
    assert stamps == sorted(stamps, key=lambda at: at or START)
    assert all(each.qos in (0, 1) and "+" not in each.topic and "#" not in each.topic for each in played.out)


@pytest.mark.parametrize(
    ("family", "wrong", "complaint"),
    [
        ("ocpp", {}, "there are: openevse, goe"),
        ("goe", {"quirks": ("trailing-slash",)}, "it has: leading-slash"),
        ("evcc", {"fault": "FiAc"}, "it has: none"),
        ("goe", {"phases": 2}, "1 or 3"),
        ("goe", {"max_current_a": 5.0}, "6 to 32"),
        ("goe", {"fault_s": 0}, "at least 1"),
        ("goe", {"energy_wh": -1.0}, "negative"),
        ("goe", {"cylces": 2}, "cylces"),
    ],
)
def test_what_a_family_cannot_do_is_refused_with_what_it_can(
    family: str, wrong: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(SetupError, match=complaint):
        make_device(family, **wrong)


def test_every_option_is_explained() -> None:
    assert Setup.__doc__ is not None
    explained = {"device_id", "client_id", "seed", "quirks"}
    assert not [
        f.name for f in fields(Setup) if f.name not in explained and f"`{f.name}`" not in Setup.__doc__
    ]
