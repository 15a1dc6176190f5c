"""go-e API v1 by its document: strings in one object every 5 s, its units, and who changed them."""

import json
from typing import Any

import pytest

from tests.unit.sim.vendor_wire import Played, changes, play, seconds_of

STATUS, COMMAND = "go-eCharger/000002/status", "go-eCharger/000002/cmd/req"


def charging(**options: Any) -> Played:
    played = play("goe_v1", energy_wh=3000.0, pause_s=0, **options)
    while status(played)["car"] != "2":
        played.run(5)
    played.run(15)
    return played


def status(played: Played) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(played.last(STATUS)) if played.all_of(STATUS) else {"car": None}
    return said


def all_statuses(played: Played) -> list[dict[str, Any]]:
    return [json.loads(each) for each in played.all_of(STATUS)]


def test_a_status_comes_every_5_s_and_is_all_there_is() -> None:
    played = play("goe_v1", idle_s=100)
    played.run(20)
    assert seconds_of(played.out, STATUS) == [5, 10, 15, 20]
    assert {(each.topic, each.qos, each.retain) for each in played.out} == {(STATUS, 0, False)}


def test_values_are_strings_but_for_the_array_and_the_load_balancing() -> None:
    said = status(charging())
    numbers = {name for name, value in said.items() if not isinstance(value, str)}
    assert numbers == {"nrg", "loe", "lot", "lom", "lop", "lon", "lof", "loa", "lch"}
    assert len(said["nrg"]) == 16


def test_energy_is_in_deca_watt_seconds_and_tenths_of_a_kwh() -> None:
    """The document: 100'000 means 277 Wh, and 130 means 13 kWh."""
    played = charging(register_wh=13_000.0)
    visit = played.device.scene.visit
    assert visit is not None
    assert int(status(played)["dws"]) / 360.0 == pytest.approx(visit.energy_wh, abs=16.0)
    assert all_statuses(played)[0]["eto"] == "130"


def test_current_is_in_tenths_of_an_ampere_and_power_in_tenths_and_hundredths_of_a_kw() -> None:
    nrg = status(charging())["nrg"]
    assert 150 <= nrg[4] <= 162
    assert nrg[7] == pytest.approx(nrg[0] * nrg[4] / 1000.0, abs=1)
    assert nrg[11] * 10.0 == pytest.approx(
        sum(v * a / 10.0 for v, a in zip(nrg[0:3], nrg[4:7], strict=True)), rel=0.02
    )
    assert nrg[12:15] == [100, 100, 100]


def test_firmware_52_says_ampere_and_watt() -> None:
    """API-v1 issue #100: [219,225,222,1,15.1,15.2,15.1,3300,3400,3400,0,10300,100,100,100,0]."""
    said = status(charging(quirks=("nrg-in-w",)))
    nrg = said["nrg"]
    assert 15.0 <= nrg[4] <= 16.2
    assert nrg[7] % 100 == nrg[11] % 100 == 0
    assert nrg[11] == pytest.approx(sum(v * a for v, a in zip(nrg[0:3], nrg[4:7], strict=True)), rel=0.02)
    assert said["fwv"] == "052.2"


def test_firmware_52_says_the_register_in_wh() -> None:
    first = all_statuses(charging(quirks=("eto-in-wh",), register_wh=13_000.0))[0]
    assert first["eto"] == "13000"


def test_a_register_of_whole_kwh_ends_in_0() -> None:
    played = play("goe_v1", quirks=("eto-whole-kwh",), register_wh=13_950.0).finish()
    assert changes([each["eto"] for each in all_statuses(played)]) == ["130", "140"]


def test_car_err_and_alw_tell_the_session() -> None:
    played = play("goe_v1", fault="NO_GROUND", pause_s=0, idle_s=30, authorise_s=21).finish()
    said = all_statuses(played)
    assert changes([each["car"] for each in said]) == ["1", "3", "2", "4", "2", "4", "1"]
    assert changes([each["err"] for each in said]) == ["0", "8", "0"]
    assert changes([each["uby"] for each in said]) == ["0", "1", "0"]


def test_phases_are_bits_before_and_after_the_contactor() -> None:
    assert status(charging())["pha"] == str(0b111111)
    assert status(charging(phases=1))["pha"] == str(0b001001)


def test_the_time_has_minutes_and_is_local() -> None:
    played = play("goe_v1", idle_s=100)
    played.run(5)
    assert status(played)["tme"] == "0106261000"


def test_the_millisecond_counter_runs_over_without_a_reboot() -> None:
    played = play("goe_v1", quirks=("rbt-wraps",), idle_s=200)
    played.run(90)
    said = all_statuses(played)
    assert changes([each["rbc"] for each in said]) == ["251", "252"]
    assert int(said[0]["rbt"]) > 2**32 - 60_000
    assert int(said[-1]["rbt"]) == 30_000


def test_commands_have_the_form_of_the_document_and_show_in_the_next_status() -> None:
    played = charging()
    assert played.say(COMMAND, "amp=10") == []
    played.run(5)
    assert status(played)["amp"] == "10"
    assert status(played)["nrg"][4] <= 101
    played.say(COMMAND, "alw=0")
    played.run(5)
    assert (status(played)["alw"], status(played)["car"], status(played)["nrg"][11]) == ("0", "4", 0)
    played.say(COMMAND, "alw=1")
    played.run(5)
    assert status(played)["car"] == "2"


def test_a_current_that_is_not_kept_is_gone_after_a_reboot() -> None:
    played = charging()
    played.say(COMMAND, "amx=8")
    played.run(5)
    assert (status(played)["amp"], status(played)["amx"]) == ("16", "8")
    assert status(played)["nrg"][4] <= 81
    played.device.scene.reboot()
    played.run(25)
    assert "amx" not in status(played)
    assert status(played)["nrg"][4] > 150


@pytest.mark.parametrize("payload", ["amp=5", "amp=99", "amp=-1", "amp", '{"amp":"10"}', "car=1", "amp=1²"])
def test_what_cannot_be_set_changes_nothing(payload: str) -> None:
    played = charging()
    before = status(played)
    played.say(COMMAND, payload)
    played.run(5)
    after = status(played)
    assert (after["amp"], after["alw"], after["car"]) == (before["amp"], before["alw"], before["car"])


def test_it_shuts_down_by_its_own_logic_after_tenths_of_a_kwh() -> None:
    """if(dwo!=0 && dws/36000>=dwo)alw=0."""
    played = play("goe_v1", energy_wh=3000.0, pause_s=0, patience_s=60)
    played.say(COMMAND, "stp=2")
    played.say(COMMAND, "dwo=2")
    played.finish()
    assert played.device.truth()["energy_wh"] == pytest.approx(200.0, abs=4.0)
