"""SmartEVSE by its firmware: the full set every 11 s, the states and their traps, commands echoed."""

import json
from typing import Any

import pytest

from tests.unit.sim.vendor_wire import Played, changes, play, seconds_of

BASE = "SmartEVSE/6360"


def charging(**options: Any) -> Played:
    played = play("smartevse", energy_wh=3000.0, pause_s=0, **options)
    played.until(f"{BASE}/StateID", "C")
    return played


def test_it_says_online_and_its_will_and_its_farewell_say_offline() -> None:
    played = play("smartevse")
    will = played.device.will
    assert will is not None
    first = played.out[0]
    assert (first.topic, first.payload, first.qos, first.retain) == (f"{BASE}/connected", b"online", 0, True)
    assert (will.topic, will.payload, will.qos, will.retain) == (f"{BASE}/connected", b"offline", 0, True)
    (farewell,) = played.device.farewells(played.now)
    assert (farewell.topic, farewell.payload, farewell.retain) == (f"{BASE}/connected", b"offline", True)
    assert (played.device.client_id, played.device.keepalive_s) == (BASE, 15)
    assert [tuple(each) for each in played.device.subscriptions] == [(f"{BASE}/Set/#", 1)]


def test_the_full_set_comes_every_11_s_and_at_once_when_the_state_changes() -> None:
    played = play("smartevse", idle_s=60)
    played.run(100)
    assert seconds_of(played.out, f"{BASE}/StateID") == [1, 12, 23, 34, 45, 56, 60, 71, 80, 85, 96]


def test_settings_and_states_are_retained_and_measurements_are_not() -> None:
    played = charging()
    played.run(12)
    kept = {each.topic.removeprefix(f"{BASE}/") for each in played.out if each.retain}
    passing = {each.topic.removeprefix(f"{BASE}/") for each in played.out if not each.retain}
    assert {
        "State",
        "StateID",
        "Access",
        "Mode",
        "Error",
        "EVPlugState",
        "EVEnergyCharged",
        "ChargeCurrent",
    } <= kept
    assert passing == {
        *("EVCurrentL1", "EVCurrentL2", "EVCurrentL3", "EVChargePower", "EVImportActiveEnergy"),
        *("EVTotalEnergyCharged", "ESPTemp", "ESPUptime", "WiFiRSSI", "CustomButton", "OCPPConnection"),
        "SolarStopTimer",
    }
    assert not kept & passing


def test_currents_are_tenths_of_an_ampere_and_energies_wh() -> None:
    played = charging(register_wh=5_670_100.0)
    played.run(12)
    currents_a = [int(played.last(f"{BASE}/EVCurrentL{n}")) / 10.0 for n in (1, 2, 3)]
    assert all(15.0 <= each <= 16.2 for each in currents_a)
    assert int(played.last(f"{BASE}/EVChargePower")) == pytest.approx(sum(currents_a) * 230.0, rel=0.03)
    assert int(played.last(f"{BASE}/ChargeCurrent")) == int(played.last(f"{BASE}/MaxCurrent")) == 160
    charged_wh = int(played.last(f"{BASE}/EVEnergyCharged"))
    assert int(played.last(f"{BASE}/EVImportActiveEnergy")) == pytest.approx(5_670_100 + charged_wh, abs=1)


def test_a_car_that_waits_for_a_card_is_in_state_a_but_plugged_in() -> None:
    played = play("smartevse", pause_s=0)
    played.run(25)
    assert played.last(f"{BASE}/EVPlugState") == "Connected"
    assert (played.last(f"{BASE}/StateID"), played.last(f"{BASE}/State")) == ("A", "Ready to Charge")
    assert (played.last(f"{BASE}/Access"), played.last(f"{BASE}/Mode")) == ("Deny", "Off")
    played.finish()
    assert changes(played.all_of(f"{BASE}/StateID")) == ["A", "B", "C", "B", "A"]


def test_a_pause_without_sun_is_no_fault_and_passes_through_c1() -> None:
    played = play("smartevse").finish()
    assert changes(played.all_of(f"{BASE}/Error")) == ["None", "No Power Available", "None"]
    assert changes(played.all_of(f"{BASE}/StateID")) == ["A", "B", "C", "C1", "B1", "C", "B", "A"]


def test_a_fault_has_the_words_of_the_web_page() -> None:
    played = play("smartevse", fault="RCM Tripped", pause_s=0).finish()
    assert changes(played.all_of(f"{BASE}/Error")) == ["None", "RCM Tripped", "None"]


def test_the_energy_of_the_last_car_stays_until_the_next_one_charges() -> None:
    played = play("smartevse", cycles=2, pause_s=0).finish()
    plugs = [each for each in played.out if each.topic == f"{BASE}/EVPlugState"]
    energies = {each.at: int(each.payload) for each in played.out if each.topic == f"{BASE}/EVEnergyCharged"}
    between = [energies[each.at] for each in plugs if each.payload == b"Disconnected" and energies[each.at]]
    assert between
    sessions = played.device.truth()["sessions"]
    assert between[0] == int(sessions[0]["energy_wh"]) or between[0] == int(sessions[0]["energy_wh"]) + 1
    assert energies[plugs[-1].at] == pytest.approx(sessions[1]["energy_wh"], abs=1.0)


def test_after_a_boot_the_register_is_missing_until_the_meter_was_read() -> None:
    played = play("smartevse", idle_s=60)
    played.run(15)
    assert seconds_of(played.out, f"{BASE}/EVImportActiveEnergy") == [12]
    assert played.all_of(f"{BASE}/EVTotalEnergyCharged")[0] == "0"


def test_a_command_is_echoed_with_the_next_second() -> None:
    played = charging()
    assert played.say(f"{BASE}/Set/CurrentOverride", "80") == []
    played.run(1)
    assert played.last(f"{BASE}/ChargeCurrentOverride") == "80"
    assert int(played.last(f"{BASE}/EVCurrentL1")) <= 81
    played.say(f"{BASE}/Set/Mode", "Pause")
    played.run(1)
    assert (played.last(f"{BASE}/Mode"), played.last(f"{BASE}/Access")) == ("Pause", "Pause")
    assert played.last(f"{BASE}/EVChargePower") == "0"
    played.say(f"{BASE}/Set/Mode", "Normal")
    played.run(1)
    assert (played.last(f"{BASE}/Mode"), played.last(f"{BASE}/StateID")) == ("Normal", "C")


@pytest.mark.parametrize(
    ("name", "payload", "topic", "stays"),
    [
        ("CurrentOverride", "50", "ChargeCurrentOverride", "0"),
        ("CurrentOverride", "990", "ChargeCurrentOverride", "0"),
        ("CurrentMaxSumMains", "5", "MaxSumMains", "0"),
        ("Mode", "Turbo", "Mode", "Smart"),
        ("EnableC2", "9", "EnableC2", "Always On"),
    ],
)
def test_what_is_out_of_range_changes_nothing(name: str, payload: str, topic: str, stays: str) -> None:
    played = charging()
    played.say(f"{BASE}/Set/{name}", payload)
    played.run(2)
    assert played.last(f"{BASE}/{topic}") == stays


def test_home_assistant_is_told_about_it_outside_its_own_prefix() -> None:
    played = play("smartevse")
    said = json.loads(played.last("homeassistant/sensor/SmartEVSE/6360-EVChargePower/config"))
    assert said["state_topic"] == f"{BASE}/EVChargePower"
    assert said["availability_topic"] == f"{BASE}/connected"
    assert said["unit_of_measurement"] == "W"


def test_older_firmware_has_a_dash_in_its_prefix() -> None:
    played = play("smartevse", quirks=("old-prefix",))
    assert played.last("SmartEVSE-6360/connected") == "online"


def test_without_a_meter_for_the_car_there_are_states_only() -> None:
    played = play("smartevse", quirks=("no-ev-meter",)).finish()
    names = {each.topic.removeprefix(f"{BASE}/") for each in played.out}
    assert "StateID" in names
    assert not {each for each in names if each.startswith("EV") and each != "EVPlugState"}
