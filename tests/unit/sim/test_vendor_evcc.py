"""evcc by its server: retained strings of QoS 1, sums over phases, settings, and the cleanup at the end."""

from typing import Any

import pytest

from tests.unit.sim.vendor_wire import Played, changes, play, seconds_of

ROOT = "evcc"
LOADPOINT = f"{ROOT}/loadpoints/1"


def charging(**options: Any) -> Played:
    played = play("evcc", energy_wh=3000.0, pause_s=0, interval_s=10.0, **options)
    played.until(f"{LOADPOINT}/charging", "true")
    return played


def test_values_are_retained_strings_of_qos_1() -> None:
    played = charging()
    assert {(each.qos, each.retain) for each in played.out} == {(1, True)}


def test_it_says_online_and_its_will_says_offline() -> None:
    played = play("evcc")
    will = played.device.will
    assert will is not None
    assert (played.out[0].topic, played.out[0].payload) == (f"{ROOT}/status", b"online")
    assert (will.topic, will.payload, will.qos, will.retain) == (f"{ROOT}/status", b"offline", 1, True)


def test_a_round_comes_every_30_s_and_tells_its_time() -> None:
    played = play("evcc", idle_s=100)
    played.run(90)
    assert seconds_of(played.out, f"{LOADPOINT}/chargePower") == [0, 30, 60, 90]
    assert played.all_of(f"{ROOT}/updated") == [str(1780300800 + n) for n in (0, 30, 60, 90)]


def test_three_phases_are_told_one_by_one_and_summed_even_voltages() -> None:
    played = charging()
    for key in ("chargeCurrents", "chargeVoltages"):
        phases = [float(played.last(f"{LOADPOINT}/{key}/l{n}")) for n in (1, 2, 3)]
        assert float(played.last(f"{LOADPOINT}/{key}")) == pytest.approx(sum(phases), abs=0.002)
    assert float(played.last(f"{LOADPOINT}/chargeVoltages")) > 650.0


def test_session_energy_is_wh_and_the_register_kwh_with_three_decimals() -> None:
    played = charging(register_wh=512_345.6)
    played.run(100)
    session_wh = float(played.last(f"{LOADPOINT}/sessionEnergy"))
    assert played.last(f"{LOADPOINT}/chargedEnergy") == played.last(f"{LOADPOINT}/sessionEnergy")
    register_kwh = played.last(f"{LOADPOINT}/chargeTotalImport")
    assert float(register_kwh) == pytest.approx(512.3456 + session_wh / 1000.0, abs=6e-4)
    assert len(register_kwh.partition(".")[2]) <= 3


def test_the_states_of_a_session_and_the_energy_a_car_leaves_behind() -> None:
    played = play("evcc", interval_s=5.0).finish()
    assert changes(played.all_of(f"{LOADPOINT}/connected")) == ["false", "true", "false"]
    assert changes(played.all_of(f"{LOADPOINT}/charging")) == ["false", "true", "false", "true", "false"]
    assert changes(played.all_of(f"{LOADPOINT}/enabled")) == ["false", "true", "false", "true", "false"]
    assert changes(played.all_of(f"{LOADPOINT}/chargerStatusReason")) == [
        *("unknown", "waitingforauthorization", "unknown"),
    ]
    sessions = played.device.truth()["sessions"]
    left_behind_wh = float(played.last(f"{LOADPOINT}/sessionEnergy"))
    assert left_behind_wh == pytest.approx(sessions[0]["energy_wh"], abs=0.001)


def test_without_a_car_its_charge_is_0() -> None:
    played = play("evcc", interval_s=5.0).finish()
    assert played.all_of(f"{LOADPOINT}/vehicleSoc")[0] == played.last(f"{LOADPOINT}/vehicleSoc") == "0"
    assert max(float(each) for each in played.all_of(f"{LOADPOINT}/vehicleSoc")) == pytest.approx(
        80.0, abs=0.1
    )
    unknown = play("evcc", interval_s=5.0, quirks=("no-vehicle",)).finish()
    assert set(unknown.all_of(f"{LOADPOINT}/vehicleSoc")) == {"0"}


def test_a_charger_without_a_meter_says_power_and_session_only() -> None:
    played = charging(quirks=("no-meter",))
    assert played.all_of(f"{LOADPOINT}/chargeTotalImport") == []
    assert played.all_of(f"{LOADPOINT}/chargeCurrents") == []
    assert float(played.last(f"{LOADPOINT}/chargePower")) > 10_000.0


def test_a_setting_is_taken_over_and_its_set_topic_emptied() -> None:
    played = charging()
    said = played.say(f"{LOADPOINT}/mode/set", "off")
    assert said == [(f"{LOADPOINT}/mode", "off"), (f"{LOADPOINT}/mode/set", "")]
    played.run(10)
    assert (played.last(f"{LOADPOINT}/charging"), played.last(f"{LOADPOINT}/enabled")) == ("false", "false")
    played.say(f"{LOADPOINT}/mode/set", "now")
    played.say(f"{LOADPOINT}/maxCurrent/set", "8")
    played.run(10)
    assert 7.0 < float(played.last(f"{LOADPOINT}/chargeCurrents/l1")) <= 8.1


@pytest.mark.parametrize(
    ("key", "payload"),
    [("mode", "turbo"), ("maxCurrent", "much"), ("phasesConfigured", "2"), ("minSoc", "1.5")],
)
def test_a_setting_that_is_refused_is_emptied_and_nothing_else(key: str, payload: str) -> None:
    assert charging().say(f"{LOADPOINT}/{key}/set", payload) == [(f"{LOADPOINT}/{key}/set", "")]


def test_its_own_empty_set_topic_is_no_command() -> None:
    assert charging().say(f"{LOADPOINT}/mode/set", "") == []


def test_an_energy_limit_is_kwh() -> None:
    played = charging(patience_s=60)
    played.say(f"{LOADPOINT}/limitEnergy/set", "0.5")
    played.finish()
    assert played.device.truth()["energy_wh"] == pytest.approx(500.0, abs=35.0)  # looked at every 10 s


def test_when_it_stops_it_deletes_what_it_retained_but_not_its_status() -> None:
    played = charging()
    kept: dict[str, bytes] = {}
    for each in played.out:
        kept[each.topic] = each.payload
    farewells = played.device.farewells(played.now)
    assert {(each.payload, each.qos, each.retain) for each in farewells} == {(b"", 0, True)}
    alive = {topic for topic, payload in kept.items() if payload}
    assert {each.topic for each in farewells} == alive - {f"{ROOT}/status"}
    assert not played.device.leaves_politely


def test_a_restart_deletes_what_the_last_run_retained() -> None:
    played = play("evcc", reboot=True, interval_s=10.0).finish()
    assert played.all_of(f"{LOADPOINT}/chargePower").count("") == 1
    assert played.last(f"{LOADPOINT}/chargePower") == "0"


def test_another_root_and_another_loadpoint() -> None:
    played = play("evcc", "2", base_topic="home/evcc")
    assert played.last("home/evcc/loadpoints/2/chargePower") == "0"
    assert played.last("home/evcc/loadpoints") == "2"
