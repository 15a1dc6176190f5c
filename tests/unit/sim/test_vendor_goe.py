"""go-e API v2 by its key list and captures: a retained JSON value a key, set and result, quirks."""

import json
import re
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from tests.unit.sim.vendor_wire import Played, changes, play

BASE = "go-eCharger/000001"


def charging(**options: Any) -> Played:
    played = play("goe", energy_wh=3000.0, pause_s=0, **options)
    played.until(f"{BASE}/car", "2")
    return played


def test_every_value_is_json_retained_and_of_qos_0_below_the_serial_number() -> None:
    played = play("goe", "072246").finish()
    assert {(each.qos, each.retain) for each in played.out} == {(0, True)}
    assert {each.topic.rpartition("/")[0] for each in played.out} == {"go-eCharger/072246"}
    for each in played.out:
        json.loads(each.payload)
    assert played.device.will is None


def test_a_connection_brings_all_keys_and_a_second_only_those_that_changed() -> None:
    played = play("goe", idle_s=100)
    keys = {each.topic for each in played.out}
    assert len(keys) == len(played.out) > 50
    second = [each.topic.rpartition("/")[2] for each in played.run(1)]
    assert {"rbt", "utc", "loc"} <= set(second)
    assert len(second) < 10
    assert not {"sse", "typ", "car", "eto"} & set(second)


def test_the_default_prefix_of_older_firmware_begins_with_a_slash() -> None:
    assert play("goe", quirks=("leading-slash",)).last("/go-eCharger/000001/car") == "1"
    assert play("goe", base_topic="house/garage").last("house/garage/car") == "1"


def test_the_energy_array_is_u_i_p_and_power_factor_in_v_a_w_and_percent() -> None:
    played = charging()
    played.run(5)
    nrg = json.loads(played.last(f"{BASE}/nrg"))
    assert len(nrg) == 16
    assert all(220 <= volts <= 240 for volts in nrg[0:3])
    assert all(15.0 <= amps <= 16.2 for amps in nrg[4:7])
    for volts, amps, watts in zip(nrg[0:3], nrg[4:7], nrg[7:10], strict=True):
        assert watts == pytest.approx(volts * amps, rel=0.01)
    assert nrg[11] == pytest.approx(sum(nrg[7:10]), abs=2)
    assert (nrg[3], nrg[10], nrg[12:15], nrg[15]) == (0, 0, [100, 100, 100], 0)


def test_one_phase_leaves_the_others_at_0() -> None:
    played = charging(phases=1)
    played.run(2)
    nrg = json.loads(played.last(f"{BASE}/nrg"))
    assert nrg[1:3] == nrg[5:7] == nrg[8:10] == [0, 0]
    assert json.loads(played.last(f"{BASE}/pha")) == [True, False, False, True, False, False]


def test_a_session_goes_idle_waiting_charging_complete_idle_and_a_card_opens_it() -> None:
    played = play("goe", pause_s=0).finish()
    assert changes(played.all_of(f"{BASE}/car")) == ["1", "3", "2", "4", "1"]
    assert played.all_of(f"{BASE}/trx") == ["null", "1", "null"]
    assert played.all_of(f"{BASE}/alw") == ["true", "false", "true"]
    assert played.all_of(f"{BASE}/modelStatus") == ["15", "2", "15"]


def test_session_energy_begins_with_the_car_and_the_register_is_whole_wh() -> None:
    played = play("goe", cycles=2).finish()
    energies_wh = [float(each) for each in played.all_of(f"{BASE}/wh")]
    assert energies_wh.count(0.0) == 3  # at the start, and after each car
    assert all(each.isdigit() for each in played.all_of(f"{BASE}/eto"))


def test_times_since_boot_tell_when_the_car_changed_its_state() -> None:
    played = play("goe", pause_s=0).finish()
    truth = played.device.truth()
    sessions = truth["sessions"]
    started = datetime.fromisoformat(sessions[0]["charging_started_at"])
    rbt = int(played.last(f"{BASE}/rbt"))
    utc = datetime.strptime(json.loads(played.last(f"{BASE}/utc")), "%Y-%m-%dT%H:%M:%S.%f").replace(
        tzinfo=UTC
    )
    ago_ms = rbt - int(played.last(f"{BASE}/lcctc"))
    assert (utc - started).total_seconds() == pytest.approx(ago_ms / 1000.0, abs=1.0)


def test_a_fault_is_err_and_car_5() -> None:
    played = play("goe", fault="FiDc", pause_s=0).finish()
    assert played.all_of(f"{BASE}/err") == ["0", "2", "0"]
    assert changes(played.all_of(f"{BASE}/car")) == ["1", "3", "2", "5", "2", "4", "1"]


@pytest.mark.parametrize(
    ("fault", "old", "new"),
    [("Overtemp", "13", "16"), ("StatusLockStuckOpen", "15", "12"), ("ContactorStuck", "9", "9")],
)
def test_error_codes_above_10_differ_between_the_two_documents(fault: str, old: str, new: str) -> None:
    of_old = play("goe", fault=fault, quirks=("old-error-codes",)).finish()
    assert of_old.all_of(f"{BASE}/err") == ["0", old, "0"]
    assert play("goe", fault=fault).finish().all_of(f"{BASE}/err") == ["0", new, "0"]


def test_a_reboot_counts_and_begins_the_times_anew() -> None:
    played = play("goe", reboot=True).finish()
    assert played.all_of(f"{BASE}/rbc") == ["7", "8"]
    times_ms = [int(each) for each in played.all_of(f"{BASE}/rbt")]
    assert sum(later < earlier for earlier, later in pairwise(times_ms)) == 1


def test_set_is_answered_on_result_and_the_new_value_follows() -> None:
    """As in syssi/homeassistant-goecharger-mqtt#12."""
    played = charging()
    said = played.say(f"{BASE}/amp/set", "10")
    assert said[0] == (f"{BASE}/amp/result", "success")
    assert (f"{BASE}/amp", "10") in said
    assert [each.retain for each in played.out if each.topic.endswith("/result")] == [False]
    played.run(2)
    assert max(json.loads(played.last(f"{BASE}/nrg"))[4:7]) <= 10.1


def test_force_off_stops_the_charge_and_neutral_lets_it_go_on() -> None:
    played = charging()
    said = dict(played.say(f"{BASE}/frc/set", "1"))
    assert (said[f"{BASE}/car"], said[f"{BASE}/alw"], said[f"{BASE}/modelStatus"]) == ("4", "false", "4")
    assert dict(played.say(f"{BASE}/frc/set", "0"))[f"{BASE}/car"] == "2"


def test_phases_are_switched() -> None:
    played = charging()
    played.say(f"{BASE}/psm/set", "1")
    played.run(1)
    assert json.loads(played.last(f"{BASE}/nrg"))[5:7] == [0, 0]
    assert json.loads(played.last(f"{BASE}/nrg"))[0:3] != [0, 0, 0]


def test_an_energy_limit_ends_the_charge() -> None:
    played = charging(patience_s=60)
    played.say(f"{BASE}/dwo/set", "100")
    played.finish()
    assert played.device.truth()["energy_wh"] == pytest.approx(100.0, abs=4.0)
    assert "6" in played.all_of(f"{BASE}/modelStatus")


def test_the_surplus_can_be_read_back_for_10_seconds() -> None:
    played = charging()
    said = dict(played.say(f"{BASE}/ids/set", '{"pGrid":-1077.0,"pPv":1400.0}'))
    assert (said[f"{BASE}/pgrid"], said[f"{BASE}/ppv"]) == ("-1077.0", "1400.0")
    played.run(12)
    assert played.last(f"{BASE}/pgrid") == "null"


@pytest.mark.parametrize(
    ("key", "payload", "answer"),
    [
        ("fna", "go", "invalid json InvalidInput: go"),
        ("fna", '"go"', 'String length  2 exceeds range 4 to 64 "go"'),
        ("alw", "false", "tried to set api key without setter (false)"),
    ],
)
def test_what_cannot_be_set_is_answered_with_the_reason(key: str, payload: str, answer: str) -> None:
    """The sentences of syssi/homeassistant-goecharger-mqtt#5 and go-eCharger-API-v1#88."""
    assert charging().say(f"{BASE}/{key}/set", payload) == [(f"{BASE}/{key}/result", answer)]


@pytest.mark.parametrize("payload", ["5", "33", "true", "null", '"16"', "1e3", "10}", "10,20"])
def test_a_current_out_of_range_changes_nothing(payload: str) -> None:
    played = charging()
    (answer,) = played.say(f"{BASE}/amp/set", payload)
    assert answer[1] != "success"
    assert played.last(f"{BASE}/amp") == "16"


def test_a_readonly_charger_obeys_nothing() -> None:
    played = charging(quirks=("readonly",))
    assert played.last(f"{BASE}/mcr") == "true"
    assert played.say(f"{BASE}/frc/set", "1") == []
    assert played.last(f"{BASE}/car") == "2"


def test_old_firmware_writes_times_with_two_points() -> None:
    new, old = play("goe"), play("goe", quirks=("microsecond-time",))
    shape = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}"
    assert re.fullmatch(shape, json.loads(new.last(f"{BASE}/utc")))
    assert re.fullmatch(shape + r"\.\d{3}", json.loads(old.last(f"{BASE}/utc")))
    assert re.fullmatch(shape + r"\.\d{3} \+02:00", json.loads(old.last(f"{BASE}/loc")))


def test_firmware_that_reports_no_power_still_counts() -> None:
    played = play("goe", quirks=("no-nrg",)).finish()
    assert played.all_of(f"{BASE}/nrg") == [json.dumps([0] * 16, separators=(",", ":"))]
    assert int(played.last(f"{BASE}/eto")) > int(played.all_of(f"{BASE}/eto")[0])
