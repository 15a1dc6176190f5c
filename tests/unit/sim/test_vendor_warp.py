"""WARP by its firmware: retained documents when they changed, two forms of meters, tracked charges."""

import csv
import json
from typing import Any

import pytest

from solarrally_sim.vendors.warp import VALUE_IDS
from tests.unit.sim.vendor_wire import Played, play, seconds_of

BASE = "warp2/ABC"


def charging(**options: Any) -> Played:
    played = play("warp", energy_wh=3000.0, pause_s=0, **options)
    for _ in range(100):
        played.run(1)
        if said(played, "evse/state")["charger_state"] == 3:
            return played
    raise AssertionError("it does not charge")


def said(played: Played, path: str) -> Any:
    return json.loads(played.last(f"{BASE}/{path}"))


def states(played: Played, name: str) -> list[int]:
    found = [json.loads(each)[name] for each in played.all_of(f"{BASE}/evse/state")]
    return [each for index, each in enumerate(found) if index == 0 or found[index - 1] != each]


def test_every_state_is_a_retained_json_document_and_there_is_no_will() -> None:
    played = play("warp").finish()
    assert {(each.qos, each.retain) for each in played.out} == {(0, True)}
    for each in played.out:
        assert each.topic.startswith(f"{BASE}/")
        json.loads(each.payload)
    assert played.device.will is None
    assert [tuple(each) for each in played.device.subscriptions] == [(f"{BASE}/#", 0)]


def test_a_document_is_sent_when_it_changed_and_no_more_often_than_the_interval() -> None:
    played = play("warp", idle_s=100)
    played.run(5)
    assert seconds_of(played.out, f"{BASE}/evse/state") == [0]
    assert seconds_of(played.out, f"{BASE}/evse/low_level_state") == [0, 1, 2, 3, 4, 5]
    slow = play("warp", idle_s=100, interval_s=10.0)
    slow.run(25)
    assert seconds_of(slow.out, f"{BASE}/evse/low_level_state") == [0, 10, 20]


def test_the_states_of_a_session() -> None:
    played = play("warp", fault="contactor").finish()
    assert states(played, "iec61851_state") == [0, 1, 2, 4, 2, 1, 2, 1, 0]
    assert states(played, "charger_state") == [0, 1, 2, 3, 4, 3, 1, 3, 2, 0]
    assert states(played, "error_state") == [0, 4, 0]
    assert set(states(played, "allowed_charging_current")) == {0, 16_000}


def test_uptime_is_in_ms_and_temperature_in_hundredths() -> None:
    played = charging(reboot=False)
    low_level = said(played, "evse/low_level_state")
    assert low_level["uptime"] // 1000 == played.device.uptime_s
    assert 2000 < low_level["temperature"] < 4000


def test_the_old_meter_says_kwh_absolute_and_since_a_reset() -> None:
    played = charging(register_wh=512_345.0)
    values = said(played, "meter/values")
    assert values["energy_abs"] == pytest.approx(played.device.scene.register_wh / 1000.0, abs=1e-4)
    assert values["energy_rel"] == pytest.approx(values["energy_abs"] - 388.889, abs=1e-3)
    every = said(played, "meter/all_values")
    assert len(every) == 85
    assert every[24] == values["power"] == pytest.approx(sum(every[6:9]), abs=0.1)
    assert every[9] is None


def test_floats_are_those_of_32_bits_with_7_decimals() -> None:
    """235.84 is sent as 235.8399963 (evcc#23145)."""
    played = charging()
    volts = json.loads(played.last(f"{BASE}/meter/all_values"), parse_float=str)[0]
    assert len(volts.partition(".")[2]) >= 5


def test_values_are_found_by_their_ids() -> None:
    played = charging()
    ids, values = said(played, "meters/0/value_ids"), said(played, "meters/0/values")
    named = dict(zip(ids, values, strict=True))
    assert named[74] == said(played, "meter/values")["power"]
    assert named[209] == said(played, "meter/values")["energy_abs"]
    assert 225.0 < named[1] < 236.0
    assert 49.8 < named[364] < 50.2


def test_the_ids_are_those_of_the_vendors_table() -> None:
    """Rows of Tinkerforge/esp32-firmware software/src/modules/meters/meter_value_id.csv."""
    table = """1,Voltage,,L1 N,,
2,Voltage,,L2 N,,
3,Voltage,,L3 N,,
13,Current,,L1,Im Ex Sum,
17,Current,,L2,Im Ex Sum,
21,Current,,L3,Im Ex Sum,
39,Power,Active,L1,Im Ex Diff,*Now
48,Power,Active,L2,Im Ex Diff,*Now
57,Power,Active,L3,Im Ex Diff,*Now
74,Power,Active,L Sum,Im Ex Diff,*Now
364,Frequency,,L Avg,,
209,Energy,Active,L Sum,Import,*Absolute
213,Energy,Active,L Sum,Im Ex Sum,*Absolute"""
    assert [int(row[0]) for row in csv.reader(table.splitlines())] == [number for number, _ in VALUE_IDS]


def test_a_charge_is_tracked_from_the_release_to_the_unplugging() -> None:
    played = play("warp", cycles=2, pause_s=0).finish()
    users = [json.loads(each)["user_id"] for each in played.all_of(f"{BASE}/charge_tracker/current_charge")]
    assert users == [-1, 1, -1, 1, -1]
    sessions = played.device.truth()["sessions"]
    charges = said(played, "charge_tracker/last_charges")
    assert [each["energy_charged"] * 1000.0 for each in charges] == pytest.approx(
        [each["energy_wh"] for each in sessions], abs=0.1
    )
    assert charges[0]["timestamp_minutes"] == 1780300800 // 60
    assert said(played, "charge_tracker/state")["tracked_charges"] == 2


def test_at_most_30_charges_are_kept() -> None:
    played = play("warp", cycles=31, energy_wh=60.0, pause_s=0, idle_s=3, linger_s=3, authorise_s=3).finish()
    assert len(said(played, "charge_tracker/last_charges")) == 30


def test_a_current_is_set_and_acknowledged_by_its_state() -> None:
    played = charging()
    played.say(f"{BASE}/evse/external_current_update", '{"current":8000}')
    played.run(2)
    assert said(played, "evse/external_current") == {"current": 8000}
    assert said(played, "evse/state")["allowed_charging_current"] == 8000
    played.say(f"{BASE}/evse/external_current_update", '{"current":0}')
    played.run(2)
    assert said(played, "evse/state")["charger_state"] == 1
    assert said(played, "meter/values")["power"] == 0


@pytest.mark.parametrize(
    "payload", ["", "16000", "{}", '{"current":40000}', '{"current":true}', '{"current":-1}']
)
def test_a_malformed_current_changes_nothing(payload: str) -> None:
    played = charging()
    played.say(f"{BASE}/evse/external_current_update", payload)
    played.run(2)
    assert said(played, "evse/external_current") == {"current": 32_000}


def test_stop_and_start_need_a_payload_and_may_not_be_retained() -> None:
    played = charging()
    for payload, retained in (("", False), ("null", True)):
        played.say(f"{BASE}/evse/stop_charging", payload, retained=retained)
        played.run(2)
        assert said(played, "evse/state")["charger_state"] == 3
    played.say(f"{BASE}/evse/stop_charging", "null")
    played.run(2)
    assert said(played, "evse/state")["charger_state"] == 1
    played.say(f"{BASE}/evse/start_charging", "null")
    played.run(2)
    assert said(played, "evse/state")["charger_state"] == 3


def test_its_own_states_come_back_and_are_no_commands() -> None:
    played = charging()
    for each in list(played.out[:40]):
        assert played.say(each.topic, each.payload.decode(), retained=True) == []
    assert played.device.truth()["commands"] == []


@pytest.mark.parametrize(
    ("quirk", "gone"), [("legacy-meter", "meters/0/values"), ("meters-only", "meter/values")]
)
def test_firmwares_have_one_kind_of_meter_or_the_other(quirk: str, gone: str) -> None:
    assert play("warp", quirks=(quirk,)).all_of(f"{BASE}/{gone}") == []
    assert play("warp").all_of(f"{BASE}/{gone}")


def test_a_charger_without_a_meter_knows_no_energy_and_one_without_a_clock_no_time() -> None:
    no_meter = play("warp", quirks=("no-meter",)).finish()
    assert said(no_meter, "charge_tracker/last_charges")[0]["energy_charged"] is None
    assert not [each for each in no_meter.out if "/meter" in each.topic]
    no_clock = play("warp", quirks=("no-clock",)).finish()
    assert said(no_clock, "charge_tracker/last_charges")[0]["timestamp_minutes"] == 0
