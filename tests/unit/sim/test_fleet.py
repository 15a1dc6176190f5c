"""The five scenarios, stepped through simulated time without a broker."""

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solarrally_sim.fleet import build_fleet, fleet_messages
from solarrally_sim.run_command import MOST_CONNECTIONS, connection_groups
from solarrally_sim.scenarios import SCENARIOS, Scenario, scenario_named
from solarrally_sim.station import Station
from solarrally_sim.sunlight import Sky
from solarrally_sim.vehicle import peak_hour_factor, power_share

ZURICH = ZoneInfo("Europe/Zurich")
NOON = datetime(2026, 6, 1, 10, 0, tzinfo=UTC)  # 12 h in Zurich
EVENING = datetime(2026, 6, 1, 15, 0, tzinfo=UTC)  # 17 h in Zurich


def fleet(name: str, *, size: int | None = None, seed: int = 7, interval_s: float = 5.0) -> list[Station]:
    scenario = scenario_named(name)
    return build_fleet(
        scenario,
        size=size or len(scenario.units),
        seed=seed,
        sky=Sky(ZURICH, seed),
        interval_s=interval_s,
    )


def said_by_station(
    stations: list[Station], *, start: datetime = NOON, hours: float = 6.0, interval_s: float = 5.0
) -> dict[str, list[dict[str, Any]]]:
    said = defaultdict(list)
    for message in fleet_messages(stations, start=start, interval_s=interval_s, duration_s=hours * 3600):
        said[message.topic.split("/")[1]].append(json.loads(message.payload))
    return dict(said)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_same_seed_and_start_give_identical_payloads(scenario: Scenario) -> None:
    def payloads(seed: int) -> list[bytes]:
        stations = fleet(scenario.name, seed=seed)
        return [m.payload for m in fleet_messages(stations, start=NOON, interval_s=5, duration_s=1800)]

    assert payloads(1) == payloads(1)
    assert payloads(1) != payloads(2)


def test_a_larger_fleet_does_not_change_what_a_station_measures() -> None:
    of_three = said_by_station(fleet("standard", size=3), hours=1)["evse_unit_01"]
    of_six = said_by_station(fleet("standard", size=6), hours=1)["evse_unit_01"]
    assert of_three == of_six


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_station_speaks_once_per_interval_and_times_only_go_forward(scenario: Scenario) -> None:
    stations = fleet(scenario.name)
    messages = list(fleet_messages(stations, start=NOON, interval_s=5, duration_s=600))
    assert len(messages) == 120 * len(stations)
    times = [message.ts for message in messages if message.ts]
    assert times == sorted(times)
    assert times[-1] < NOON + timedelta(seconds=600)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_counters_of_a_session_only_rise_and_never_faster_than_the_station_can_deliver(
    scenario: Scenario,
) -> None:
    stations = fleet(scenario.name)
    max_kw = {station.evse_uid: station.model.max_power_w / 1000 for station in stations}
    for evse_uid, said in said_by_station(stations).items():
        for before, after in pairwise(said):
            if before["session_id"] is None or before["session_id"] != after["session_id"]:
                continue
            delivered = after["session_total_energy_kwh"] - before["session_total_energy_kwh"]
            assert -1e-9 <= delivered <= max_kw[evse_uid] * 5 / 3600 + 0.0002  # counters have 0.1 Wh each
            assert after["session_energy_kwh_solar"] >= before["session_energy_kwh_solar"]
            assert after["session_energy_kwh_grid"] >= before["session_energy_kwh_grid"]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_solar_and_grid_make_up_the_total(scenario: Scenario) -> None:
    for said in said_by_station(fleet(scenario.name)).values():
        for reading in said:
            parts = reading["session_energy_kwh_solar"] + reading["session_energy_kwh_grid"]
            assert parts == pytest.approx(reading["session_total_energy_kwh"], abs=1e-9)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_only_a_charging_station_states_voltage_current_and_power(scenario: Scenario) -> None:
    for said in said_by_station(fleet(scenario.name)).values():
        for reading in said:
            stated = [reading[name] for name in ("voltage_v", "current_a", "power_w")]
            if reading["status"] in ("charging", "preparing"):
                assert all(stated)
                assert stated[0] * stated[1] == pytest.approx(stated[2], rel=0.02)
            else:
                assert stated == [0.0, 0.0, 0.0]
                assert reading["energy_source"] == "none"


def test_the_standard_fleet_is_two_level_2_stations_and_one_level_3() -> None:
    assert [station.model.max_power_w for station in fleet("standard")] == [7360.0, 7360.0, 25_200.0]


def test_no_station_exceeds_its_rated_power() -> None:
    stations = fleet("rush-hour")
    rated = {station.evse_uid: station.model.max_power_w for station in stations}
    for evse_uid, said in said_by_station(stations).items():
        assert max(reading["power_w"] for reading in said) <= rated[evse_uid]


def test_sessions_end_with_finishing_and_then_available_without_a_session() -> None:
    followers = []
    for said in said_by_station(fleet("rush-hour"), hours=12).values():
        for before, last, after in zip(said, said[1:], said[2:], strict=False):
            if last["status"] == "finishing":
                assert last["session_id"] == before["session_id"]
                assert last["session_total_energy_kwh"] >= before["session_total_energy_kwh"]
                followers.append((after["status"], after["session_id"], after["session_total_energy_kwh"]))
    assert len(followers) > 20
    assert {follower for follower in followers if follower[0] == "available"} == {("available", None, 0.0)}


def test_the_basic_device_never_says_charging_and_the_enhanced_never_preparing() -> None:
    said = said_by_station(fleet("rush-hour"), hours=3)
    basic = {reading["status"] for reading in said["evse_rush_02"]}
    enhanced = {reading["status"] for reading in said["evse_rush_01"]}
    assert "preparing" in basic
    assert "charging" not in basic
    assert "charging" in enhanced
    assert "preparing" not in enhanced


def test_in_the_fault_scenario_the_first_unit_starts_faulted_and_recovers_with_its_dead_session() -> None:
    said = said_by_station(fleet("fault-recovery"), hours=0.02)["evse_fault_01"]
    faulted = [reading for reading in said if reading["status"] == "faulted"]
    assert said[: len(faulted)] == faulted
    assert len(faulted) == 6  # 30 s at one reading every 5 s
    assert {reading["session_id"] for reading in faulted} == {"fault_sess_1"}
    recovered = said[len(faulted)]
    assert (recovered["status"], recovered["session_id"]) == ("available", "fault_sess_1")
    assert recovered["session_total_energy_kwh"] == faulted[0]["session_total_energy_kwh"] > 0


def test_after_a_fault_the_basic_device_forgets_its_session() -> None:
    ended_by_fault = 0
    for said in said_by_station(fleet("rush-hour"), hours=24).items():
        if said[0] not in ("evse_rush_02", "evse_rush_05"):
            continue
        for before, after in pairwise(said[1]):
            if before["status"] == "faulted" and after["status"] == "available":
                ended_by_fault += before["session_id"] is not None
                assert after["session_id"] is None
    assert ended_by_fault > 0


def test_at_night_all_energy_is_from_the_grid_even_at_noon() -> None:
    for said in said_by_station(fleet("night"), start=NOON).values():
        assert max(reading["session_energy_kwh_solar"] for reading in said) == 0.0
        assert {reading["energy_source"] for reading in said} == {"none", "grid"}


def test_at_solar_peak_85_to_100_percent_of_every_session_is_solar() -> None:
    shares = [
        reading["session_energy_kwh_solar"] / reading["session_total_energy_kwh"]
        for said in said_by_station(fleet("solar-peak")).values()
        for reading in said
        if reading["session_total_energy_kwh"] > 0.1
    ]
    assert shares
    assert min(shares) >= 0.849
    assert max(shares) <= 1.0


def test_between_17_and_20_h_local_power_is_reduced_to_70_percent() -> None:
    said = said_by_station(fleet("rush-hour"), start=EVENING, hours=3)["evse_rush_01"]
    assert max(reading["power_w"] for reading in said) == pytest.approx(0.7 * 7360)
    assert [peak_hour_factor(hour) for hour in (16, 17, 19, 20)] == [1.0, 0.7, 0.7, 1.0]


def test_a_car_tapers_from_80_percent_of_its_target_down_to_20_percent_power() -> None:
    assert [power_share(share) for share in (0.0, 0.8, 1.0)] == [1.0, 1.0, pytest.approx(0.2)]
    assert power_share(0.9) == pytest.approx(0.6)


def test_the_sun_does_not_shine_at_night() -> None:
    sky = Sky(ZURICH, seed=1)
    assert sky.solar_share(datetime(2026, 6, 1, 1, 0, tzinfo=UTC)) == 0.0
    assert 0.3 <= sky.solar_share(datetime(2026, 6, 1, 11, 0, tzinfo=UTC)) <= 1.0


@settings(max_examples=20, deadline=None)
@given(interval_s=st.floats(0.02, 7.0), size=st.integers(1, 5))
def test_no_station_uses_a_timestamp_twice_at_any_interval(interval_s: float, size: int) -> None:
    stations = fleet("standard", size=size, interval_s=interval_s)
    said = said_by_station(stations, hours=interval_s * 50 / 3600, interval_s=interval_s)
    for readings in said.values():
        assert len({reading["timestamp"] for reading in readings}) == len(readings)


@pytest.mark.parametrize(("stations", "connections"), [(3, 3), (MOST_CONNECTIONS, 50), (120, 50)])
def test_stations_have_their_own_connection_up_to_a_number(stations: int, connections: int) -> None:
    groups = connection_groups(fleet("standard", size=stations))
    assert len(groups) == connections
    assert len({station.evse_uid for group in groups for station in group}) == stations
    assert max(map(len, groups)) - min(map(len, groups)) <= 1


def test_an_unknown_scenario_is_refused_with_the_known_names() -> None:
    with pytest.raises(KeyError, match="rush-hour"):
        scenario_named("rush")
