"""A Tasmota meter by its documents: telemetry, local time, kWh with 3 decimals, commands."""

import json
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from solarrally_sim.vendors import make_device
from tests.unit.sim.vendor_wire import Played, play, seconds_of

TOPIC = "tasmota_3D5E26"
SENSOR = f"tele/{TOPIC}/SENSOR"


def energy(played: Played) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(played.last(SENSOR))["ENERGY"]
    return said


def measuring(**options: Any) -> Played:
    played = play("tasmota", energy_wh=3000.0, pause_s=0, interval_s=10.0, **options)
    played.run(55)
    return played


def test_it_says_online_retained_and_its_will_says_offline_with_qos_1() -> None:
    played = play("tasmota")
    will = played.device.will
    assert will is not None
    first = played.out[0]
    assert (first.topic, first.payload, first.qos, first.retain) == (f"tele/{TOPIC}/LWT", b"Online", 0, True)
    assert (will.topic, will.payload, will.qos, will.retain) == (f"tele/{TOPIC}/LWT", b"Offline", 1, True)
    assert {each.topic for each in played.out} >= {f"tele/{TOPIC}/INFO{n}" for n in (1, 2, 3)}
    assert [each.topic for each in played.out if each.retain] == [f"tele/{TOPIC}/LWT"]


def test_telemetry_comes_5_s_after_the_connection_and_then_every_300_s() -> None:
    played = play("tasmota", idle_s=1000)
    played.run(650)
    assert seconds_of(played.out, SENSOR) == [5, 305, 605]
    assert seconds_of(played.out, f"tele/{TOPIC}/STATE") == [5, 305, 605]


def test_times_are_local_and_have_no_zone() -> None:
    played = play("tasmota")
    played.run(5)
    assert json.loads(played.last(SENSOR))["Time"] == "2026-06-01T10:00:05"
    with_offset = play("tasmota", quirks=("utc-offset",))
    with_offset.run(5)
    assert json.loads(with_offset.last(SENSOR))["Time"] == "2026-06-01T10:00:05+02:00"


def test_the_hour_comes_twice_when_summer_time_ends() -> None:
    device = make_device("tasmota", interval_s=3600.0, idle_s=100_000)
    stamps = []
    for hour in (0, 1, 2):
        for each in device.tick(datetime(2026, 10, 25, hour, 0, 5, tzinfo=UTC)):
            if each.topic == SENSOR:
                stamps.append(json.loads(each.payload)["Time"])
    assert stamps == ["2026-10-25T02:00:10", "2026-10-25T02:00:10"]


def test_energies_are_kwh_with_3_decimals_and_phases_are_arrays() -> None:
    played = measuring(register_wh=183_360.0)
    said = energy(played)
    assert said["Total"] == pytest.approx(played.device.scene.register_wh / 1000.0, abs=6e-4)
    assert said["Today"] == pytest.approx(said["Total"] - 183.36, abs=1e-3)
    assert len(said["Power"]) == len(said["Voltage"]) == len(said["Current"]) == 3
    assert all(isinstance(each, int) for each in said["Power"])
    single = energy(measuring(phases=1))
    assert single["Power"] == pytest.approx(single["Voltage"] * single["Current"], rel=0.01)


def test_the_period_is_what_was_measured_since_the_last_telemetry() -> None:
    played = measuring()
    totals = [json.loads(each)["ENERGY"] for each in played.all_of(SENSOR)]
    for before, after in pairwise(totals):
        assert after["Period"] == pytest.approx((after["Total"] - before["Total"]) * 1000.0, abs=1.6)


def test_today_begins_again_at_local_midnight() -> None:
    device = make_device("tasmota", interval_s=600.0, idle_s=10)
    found = []
    for each in device.tick(datetime(2026, 6, 1, 21, 50, tzinfo=UTC)) + device.tick(
        datetime(2026, 6, 1, 22, 20, tzinfo=UTC)
    ):
        if each.topic == SENSOR:
            found.append(json.loads(each.payload)["ENERGY"])
    before, after = found[0], found[-1]
    assert before["Yesterday"] == 3.058
    assert after["Yesterday"] > 0.5
    assert after["Yesterday"] + after["Today"] == pytest.approx(after["Total"] - before["Total"], abs=2e-3)


def test_switching_off_cuts_the_power_and_is_answered_twice() -> None:
    played = measuring()
    assert played.say(f"cmnd/{TOPIC}/Power", "OFF") == [
        (f"stat/{TOPIC}/RESULT", '{"POWER":"OFF"}'),
        (f"stat/{TOPIC}/POWER", "OFF"),
    ]
    played.run(10)
    assert energy(played)["Power"] == [0, 0, 0]
    assert played.say(f"cmnd/{TOPIC}/Power", "")[1] == (f"stat/{TOPIC}/POWER", "OFF")
    assert played.say(f"cmnd/{TOPIC}/POWER", "toggle")[1] == (f"stat/{TOPIC}/POWER", "ON")


def test_the_status_can_be_asked_for() -> None:
    ((topic, text),) = measuring().say(f"cmnd/{TOPIC}/Status", "8")
    assert topic == f"stat/{TOPIC}/STATUS8"
    assert set(json.loads(text)["StatusSNS"]) == {"Time", "ENERGY"}
    assert "Period" not in json.loads(text)["StatusSNS"]["ENERGY"]


@pytest.mark.parametrize(("payload", "period_s"), [("60", 60), ("1", 300), ("0", 0), ("5", 10), ("x", 10)])
def test_the_telemetry_period_is_10_to_3600_s(payload: str, period_s: int) -> None:
    said = measuring().say(f"cmnd/{TOPIC}/TelePeriod", payload)
    assert said[0] == (f"stat/{TOPIC}/RESULT", f'{{"TelePeriod":{period_s}}}')
    assert [topic for topic, _ in said[1:]] == [f"tele/{TOPIC}/STATE", SENSOR]


def test_it_hears_its_group_and_its_fallback_topic_too() -> None:
    played = measuring()
    heard = [each.topic_filter for each in played.device.subscriptions]
    assert heard == [f"cmnd/{TOPIC}/#", "cmnd/tasmotas/#", "cmnd/DVES_3D5E26_fb/#"]
    assert played.say("cmnd/tasmotas/Power", "OFF")[1] == (f"stat/{TOPIC}/POWER", "OFF")
    assert played.say("cmnd/other/Power", "ON") == []


def test_a_restart_keeps_the_total() -> None:
    played = measuring()
    before_kwh = energy(played)["Total"]
    assert played.say(f"cmnd/{TOPIC}/Restart", "1") == [(f"stat/{TOPIC}/RESULT", '{"Restart":"Restarting"}')]
    assert played.run(14) == []
    played.run(10)
    assert energy(played)["Total"] >= before_kwh
    assert json.loads(played.last(f"tele/{TOPIC}/STATE"))["UptimeSec"] < 20


def test_a_full_topic_of_ones_own() -> None:
    played = play("tasmota", "meter1", base_topic="home/%topic%/%prefix%/")
    played.run(5)
    assert json.loads(played.last("home/meter1/tele/SENSOR"))["ENERGY"]
    assert played.device.subscriptions[0].topic_filter == "home/meter1/cmnd/#"


def test_telemetry_is_retained_when_that_is_set() -> None:
    played = play("tasmota", quirks=("retained",))
    played.run(5)
    assert {each.retain for each in played.out if each.topic == SENSOR} == {True}


def test_firmware_of_2018_says_less() -> None:
    played = measuring(quirks=("old-power",))
    assert list(energy(played)) == [
        *("Total", "Yesterday", "Today", "Period", "Power", "Factor", "Voltage", "Current"),
    ]
