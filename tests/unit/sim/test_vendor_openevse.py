"""OpenEVSE by its MQTT guide: announcement, units, rates, claims and their acknowledgement, old firmware."""

import json
from collections import Counter
from typing import Any

import pytest

from solarrally_sim.vendors import Outgoing
from tests.unit.sim.vendor_wire import Played, changes, play, seconds_of

BASE = "openevse-7b2c"


def charging(**options: Any) -> Played:
    played = play("openevse", energy_wh=3000.0, pause_s=0, **options)
    played.until(f"{BASE}/state", "3")
    return played


def test_it_announces_itself_and_its_will_takes_that_back_on_the_same_topic() -> None:
    """The two documents of Developers_Guide_MQTT.md, "Device discovery"."""
    played = play("openevse")
    first, will = played.out[0], played.device.will
    assert will is not None
    assert (first.topic, first.retain, first.qos) == ("openevse/announce/7b2c", True, 0)
    assert json.loads(first.payload).keys() == {"state", "id", "name", "mqtt", "http"}
    assert json.loads(first.payload)["mqtt"] == BASE
    assert (will.topic, will.retain) == (first.topic, True)
    said = {"state": "disconnected", "id": "c44f330d7b2c", "name": BASE}
    assert json.loads(will.payload) == said
    assert played.device.client_id == BASE


def test_only_the_documents_of_claims_limits_and_configuration_are_retained() -> None:
    played = charging()
    played.run(70)
    kept = {each.topic.removeprefix(f"{BASE}/") for each in played.out if each.retain}
    documents = {"config", "config_version", "claim", "override", "schedule", "limit"}
    assert kept == documents | {"openevse/announce/7b2c"}
    assert {each.qos for each in played.out} == {0}


def test_a_base_topic_with_a_trailing_slash_makes_an_empty_level() -> None:
    """As reported in openevse_esp32_firmware#829."""
    played = play("openevse", base_topic="gp2/goplug/1/")
    assert played.last("gp2/goplug/1//override") == '{"state":"null"}'
    assert played.last("gp2/goplug/1//limit") == '{"type":"none","value":0,"auto_release":true}'
    assert play("openevse", quirks=("trailing-slash",)).last(f"{BASE}//claim") == '{"state":"null"}'


def test_an_idle_station_says_everything_every_30_s() -> None:
    played = play("openevse", idle_s=500)
    played.run(150)
    assert seconds_of(played.out, f"{BASE}/temp") == [1, 30, 60, 90, 120, 150]
    assert seconds_of(played.out, f"{BASE}/uptime") == [1, 30, 60, 90, 120, 150]


def test_a_charging_station_says_current_each_second_energy_every_5_s_and_all_every_30_s() -> None:
    played = charging()
    out = played.run(60)
    counts = Counter(each.topic.removeprefix(f"{BASE}/") for each in out)
    assert counts["amp"] in (62, 63)  # 60, and twice in the whole document
    assert counts["session_energy"] == 14
    assert counts["temp"] == 2


def test_current_is_in_ma_power_in_w_temperature_in_tenths_and_energy_in_wh_and_kwh() -> None:
    played = charging(register_wh=438_626.0)
    played.run(120)
    amp_a = float(played.last(f"{BASE}/amp")) / 1000.0
    assert 15.0 < amp_a <= 16.0
    assert played.last(f"{BASE}/voltage") == "230"
    assert float(played.last(f"{BASE}/power")) == pytest.approx(3 * 230.0 * amp_a, rel=1e-4)
    assert 20.0 < float(played.last(f"{BASE}/temp")) / 10.0 < 40.0
    session_wh = float(played.last(f"{BASE}/session_energy"))
    assert float(played.last(f"{BASE}/total_energy")) == pytest.approx(
        438.626 + session_wh / 1000.0, abs=1e-5
    )
    document_at = [each.at for each in played.out if each.topic == f"{BASE}/wattsec"][-1]
    document = {
        each.topic: float(each.payload)
        for each in played.out
        if each.at == document_at
        and each.topic
        in (f"{BASE}/wattsec", f"{BASE}/session_energy", f"{BASE}/watthour", f"{BASE}/total_energy")
    }
    assert document[f"{BASE}/wattsec"] == pytest.approx(document[f"{BASE}/session_energy"] * 3600.0)
    assert document[f"{BASE}/watthour"] == pytest.approx(document[f"{BASE}/total_energy"] * 1000.0)
    assert 4990 <= int(played.last(f"{BASE}/frequency")) <= 5010


def test_the_states_of_a_session_are_those_of_the_table_and_the_counters_end_with_the_car() -> None:
    played = play("openevse", fault="gfci-fault").finish()
    assert changes(played.all_of(f"{BASE}/state")) == ["1", "2", "3", "6", "3", "254", "3", "2", "1"]
    assert changes(played.all_of(f"{BASE}/vehicle")) == ["0", "1", "0"]
    assert changes(played.all_of(f"{BASE}/status")) == ["active", "disabled", "active"]
    assert played.last(f"{BASE}/session_energy") == played.last(f"{BASE}/session_elapsed") == "0"


def test_a_pause_by_the_car_is_connected_not_sleeping() -> None:
    played = play("openevse", pause_by_car=True).finish()
    assert changes(played.all_of(f"{BASE}/state")) == ["1", "2", "3", "2", "3", "2", "1"]


def test_an_override_stops_the_charge_and_is_acknowledged_by_the_retained_document() -> None:
    played = charging()
    said = played.say(f"{BASE}/override/set", '{"state":"disabled"}')
    assert (f"{BASE}/override", '{"state":"disabled","auto_release":true}') in said
    played.run(3)
    assert played.last(f"{BASE}/state") == "254"
    assert played.last(f"{BASE}/amp") == "0"
    assert (f"{BASE}/override", '{"state":"null"}') in played.say(f"{BASE}/override/set", "clear")
    played.run(3)
    assert played.last(f"{BASE}/state") == "3"
    toggled = dict(played.say(f"{BASE}/override/set", "toggle"))
    assert json.loads(toggled[f"{BASE}/override"])["state"] == "disabled"


def test_an_active_override_ends_the_pause_of_a_timer() -> None:
    played = play("openevse", pause_s=300, energy_wh=1000.0)
    played.until(f"{BASE}/state", "254")
    played.say(f"{BASE}/override/set", '{"state":"active"}')
    played.run(2)
    assert played.last(f"{BASE}/state") == "3"


def test_a_claim_limits_the_current_and_properties_are_set_one_by_one() -> None:
    played = charging()
    said = dict(played.say(f"{BASE}/claim/set", '{"max_current":10}'))
    assert json.loads(said[f"{BASE}/claim"]) == {"priority": 500, "max_current": 10, "auto_release": False}
    played.say(f"{BASE}/claim/set", '{"charge_current":8}')
    played.run(2)
    assert played.last(f"{BASE}/pilot") == "8"
    assert float(played.last(f"{BASE}/amp")) <= 8000.0
    played.say(f"{BASE}/claim/set", '{"charge_current":"clear"}')
    played.run(2)
    assert played.last(f"{BASE}/pilot") == "10"
    assert dict(played.say(f"{BASE}/claim/set", "release"))[f"{BASE}/claim"] == '{"state":"null"}'


def test_a_session_limit_ends_the_charge_and_is_forgotten_when_the_car_leaves() -> None:
    played = charging(patience_s=60)
    limit = '{"type":"energy","value":100,"auto_release":true}'
    assert (f"{BASE}/limit", limit) in played.say(f"{BASE}/limit/set", limit)
    played.finish()
    truth = played.device.truth()
    assert truth["energy_wh"] == pytest.approx(100.0, abs=4.0)
    assert played.last(f"{BASE}/limit") == '{"type":"none","value":0,"auto_release":true}'


@pytest.mark.parametrize("nonsense", ["", "{", "[]", "7", '{"type":"energy"}', '{"type":"none","value":5}'])
def test_a_limit_that_says_nothing_is_not_acknowledged(nonsense: str) -> None:
    assert charging().say(f"{BASE}/limit/set", nonsense) == []


def test_divert_mode_is_told_when_it_changes_and_only_1_and_2_exist() -> None:
    played = charging()
    assert (f"{BASE}/divertmode", "2") in played.say(f"{BASE}/divertmode/set", "2")
    assert played.say(f"{BASE}/divertmode/set", "2") == []
    assert played.say(f"{BASE}/divertmode/set", "3") == []


def test_raw_commands_are_answered_with_a_checksum_on_one_topic() -> None:
    played = charging()
    assert played.say(f"{BASE}/rapi/in/$SC", "10") == [(f"{BASE}/rapi/out", "$OK 10^01")]
    assert played.say(f"{BASE}/rapi/in/$XX", "") == [(f"{BASE}/rapi/out", "$NK^21")]
    assert played.say(f"{BASE}/rapi/in/$FS", "")[0][1].startswith("$OK")
    played.run(2)
    assert played.last(f"{BASE}/state") == "254"


def test_the_gateway_restarts_when_it_is_told_to_and_forgets_its_claims() -> None:
    played = charging()
    played.say(f"{BASE}/claim/set", '{"max_current":10}')
    played.say(f"{BASE}/restart", '{"device":"gateway"}')
    assert played.device.is_offline
    assert played.run(14) == []
    back = {each.topic: each.payload for each in played.run(3)}
    assert back[f"{BASE}/claim"] == b'{"state":"null"}'
    assert int(back[f"{BASE}/uptime"]) <= 2


def test_firmware_with_old_names_says_the_register_in_wh_and_the_session_in_ws() -> None:
    old = play("openevse", quirks=("old-names",), register_wh=438_626.0, pause_s=0)
    old.finish()
    names = {each.topic.removeprefix(f"{BASE}/") for each in old.out if not each.retain}
    assert {"amp", "wh", "elapsed", "wattsec", "temp4", "state", "vehicle"} <= names
    assert not names & {"session_energy", "total_energy", "session_elapsed", "power", "status"}
    assert old.all_of(f"{BASE}/wh")[0] == "438626"


def test_a_station_without_a_sensor_says_false() -> None:
    played = play("openevse", quirks=("no-temperature",))
    played.run(2)
    assert {played.last(f"{BASE}/{name}") for name in ("temp", "temp_max", "temp1")} == {"false"}


def test_status_values_are_retained_when_that_is_configured() -> None:
    def kept(outgoing: list[Outgoing]) -> set[bool]:
        return {each.retain for each in outgoing if each.topic == f"{BASE}/amp"}

    assert kept(play("openevse", quirks=("retained",)).run(2)) == {True}
    assert kept(play("openevse").run(2)) == {False}


def test_a_meter_that_was_not_saved_falls_back_in_a_reboot() -> None:
    played = play("openevse", quirks=("stale-flash",), reboot=True, energy_wh=800.0).finish()
    registers = [float(each) for each in played.all_of(f"{BASE}/total_energy")]
    assert registers != sorted(registers)
    assert played.device.truth()["energy_wh"] > (registers[-1] - registers[0]) * 1000.0 + 100.0


def test_time_is_said_in_utc_and_local_with_an_offset() -> None:
    played = play("openevse")
    played.run(1)
    assert played.last(f"{BASE}/time") == "2026-06-01T08:00:01Z"
    assert played.last(f"{BASE}/local_time") == "2026-06-01T10:00:01+0200"
