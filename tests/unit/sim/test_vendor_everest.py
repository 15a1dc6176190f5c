"""EVerest's API module by its README and code: documents each second, states, whole Wh, commands."""

import json
from typing import Any

import pytest

from tests.unit.sim.vendor_wire import Played, play, seconds_of

BASE = "everest_api"
EVSE = f"{BASE}/evse_manager"


def charging(**options: Any) -> Played:
    played = play("everest", energy_wh=3000.0, pause_s=0, **options)
    for _ in range(100):
        played.run(1)
        if said(played, "session_info")["state"] == "Charging":
            return played
    raise AssertionError("it does not charge")


def said(played: Played, name: str) -> Any:
    return json.loads(played.last(f"{EVSE}/var/{name}"))


def states(played: Played) -> list[str]:
    found = [json.loads(each)["state"] for each in played.all_of(f"{EVSE}/var/session_info")]
    return [each for index, each in enumerate(found) if index == 0 or found[index - 1] != each]


def test_each_second_brings_every_variable_and_nothing_is_retained() -> None:
    played = play("everest", idle_s=100)
    out = played.run(3)
    assert {(each.qos, each.retain) for each in out} == {(0, False)}
    for name in ("datetime", "session_info", "hardware_capabilities", "limits", "telemetry", "powermeter"):
        assert seconds_of(out, f"{EVSE}/var/{name}") == [1, 2, 3]
    assert played.last(f"{BASE}/connectors") == '["evse_manager"]'
    assert played.last(f"{BASE}/ocpp/var/connection_status") == "unknown"
    assert played.last(f"{EVSE}/var/datetime") == "2026-06-01T08:00:03.000Z"
    assert played.device.will is None


def test_the_powermeter_has_phases_and_totals_with_two_decimals() -> None:
    played = charging(register_wh=4611.95)
    meter = said(played, "powermeter")
    assert meter["energy_Wh_import"]["total"] == pytest.approx(4611.95, abs=5.0)
    assert meter["power_W"]["total"] == pytest.approx(
        sum(meter["power_W"][f"L{n}"] for n in (1, 2, 3)), abs=0.05
    )
    assert set(meter["current_A"]) == {"L1", "L2", "L3", "N"}
    assert set(meter["voltage_V"]) == {"L1", "L2", "L3"}
    assert meter["timestamp"].endswith("Z")


def test_the_readme_of_2022_has_an_epoch_timestamp_and_a_relay() -> None:
    played = charging(quirks=("epoch-timestamp",))
    assert isinstance(said(played, "powermeter")["timestamp"], float)
    assert said(played, "powermeter")["timestamp"] == played.now.timestamp()
    assert said(played, "telemetry")["relais_on"] is True
    assert "relais_on" not in said(charging(), "telemetry")


def test_the_states_of_a_session() -> None:
    assert states(play("everest", fault="MREC2GroundFailure").finish()) == [
        *("Unplugged", "Preparing", "AuthRequired", "Preparing", "Charging"),
        *("ChargingPausedEVSE", "Charging", "ChargingPausedEVSE", "Charging"),
        *("ChargingPausedEV", "FinishedEV", "Finished", "Unplugged"),
    ]


def test_session_energy_is_whole_wh_from_the_authorisation_and_stays_after_the_car_left() -> None:
    played = play("everest", cycles=2, pause_s=0).finish()
    infos = [json.loads(each) for each in played.all_of(f"{EVSE}/var/session_info")]
    assert all(isinstance(each["charged_energy_wh"], int) for each in infos)
    sessions = played.device.truth()["sessions"]
    idle_again = [each for each in infos if each["state"] == "Unplugged" and each["charged_energy_wh"]]
    assert idle_again[0]["charged_energy_wh"] == pytest.approx(sessions[0]["energy_wh"], abs=1.0)
    waiting = [each for each in infos if each["state"] == "AuthRequired"]
    assert {each["charged_energy_wh"] for each in waiting} == {0, idle_again[0]["charged_energy_wh"]}


def test_a_fault_is_an_active_error_and_a_permanent_fault() -> None:
    played = play("everest", fault="MREC17EVSEContactorFault", pause_s=0).finish()
    errors = [json.loads(each) for each in played.all_of(f"{BASE}/errors/var/active_errors")]
    kinds = {each["type"] for active in errors for each in active}
    assert kinds == {"evse_board_support/MREC17EVSEContactorFault", "evse_manager/Inoperative"}
    required = {"type", "description", "message", "origin", "timestamp", "uuid", "severity", "state"}
    assert {frozenset(each) for active in errors for each in active} == {frozenset(required)}
    infos = [json.loads(each) for each in played.all_of(f"{EVSE}/var/session_info")]
    assert sum(each["permanent_fault"] for each in infos) == 30


def test_pause_resume_and_stop_are_obeyed_without_an_answer() -> None:
    played = charging()
    assert played.say(f"{EVSE}/cmd/pause_charging", "x") == []
    played.run(1)
    assert said(played, "session_info")["state"] == "ChargingPausedEVSE"
    played.say(f"{EVSE}/cmd/resume_charging", "x")
    played.run(1)
    assert said(played, "session_info")["state"] == "Charging"
    played.say(f"{EVSE}/cmd/stop_charging", "x")
    played.run(1)
    assert said(played, "session_info")["state"] == "FinishedEVSE"
    played.finish()
    assert states(played)[-1] == "Unplugged"


@pytest.mark.parametrize(
    ("command", "payload", "most_a"),
    [
        ("set_limit_amps", "8", 8.1),
        ("set_limit_watts", "6900", 10.1),
        ("set_limit_amps_phases", '{"amps": 8.0, "phases": 1}', 8.1),
    ],
)
def test_limits_are_obeyed(command: str, payload: str, most_a: float) -> None:
    played = charging()
    played.say(f"{EVSE}/cmd/{command}", payload)
    played.run(1)
    currents = said(played, "powermeter")["current_A"]
    assert most_a - 2.0 < currents["L1"] <= most_a
    assert (currents["L2"] > 0.0) == ("phases" not in command)


def test_a_disabled_station_says_so_and_by_whom() -> None:
    played = play("everest", idle_s=100)
    played.say(
        f"{EVSE}/cmd/enable_disable", '{"connector_id":0,"source":"CSMS","state":"disable","priority":42}'
    )
    played.run(1)
    info = said(played, "session_info")
    assert info["state"] == "Disabled"
    assert info["active_enable_disable_source"] == {"source": "CSMS", "state": "Disable", "priority": 42}
    played.say(f"{EVSE}/cmd/enable", "0")
    played.run(1)
    assert said(played, "session_info")["state"] == "Unplugged"


@pytest.mark.parametrize(
    "payload", ["", "soon", "{", '{"amps": 8.0, "phases": 2}', '{"amps": "8", "phases": 3}']
)
def test_a_limit_that_cannot_be_read_changes_nothing(payload: str) -> None:
    played = charging()
    for command in ("set_limit_amps", "set_limit_watts", "set_limit_amps_phases"):
        played.say(f"{EVSE}/cmd/{command}", payload)
    played.run(1)
    assert said(played, "powermeter")["current_A"]["L1"] > 15.0


def test_another_module_name_and_another_root_are_in_every_topic() -> None:
    played = play("everest", "connector_1", base_topic="site/everest")
    played.run(1)
    assert all(each.topic.startswith("site/everest/") for each in played.out)
    assert played.last("site/everest/connectors") == '["connector_1"]'


def test_a_meter_without_phases_says_totals_only() -> None:
    assert set(said(charging(quirks=("no-phases",)), "powermeter")["power_W"]) == {"total"}
