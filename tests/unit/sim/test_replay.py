"""Recorded sessions as readings: the file's energy, power, times and sessions are found again."""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solarrally_sim.curve import Pace, power_curve
from solarrally_sim.dataset import Format, RecordedSession, Recording, read_recording
from solarrally_sim.ground_truth import ground_truth
from solarrally_sim.message import Message
from solarrally_sim.payload import Flavour, Source, Status
from solarrally_sim.replay import PlannedSession, plan_replay, replay_messages, session_readings
from solarrally_sim.sunlight import Sky

EPFL = Path(__file__).parents[2] / "payloads" / "epfl_l3_sessions.csv"
ZURICH = ZoneInfo("Europe/Zurich")
SKY = Sky(ZURICH, seed=1)
NOON = datetime(2026, 6, 1, 10, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def epfl() -> Recording:
    return read_recording(EPFL.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def epfl_plan(epfl: Recording) -> list[PlannedSession]:
    return plan_replay(epfl, interval_s=60)


@pytest.fixture(scope="module")
def epfl_messages(epfl_plan: list[PlannedSession]) -> list[Message]:
    return list(replay_messages(epfl_plan, SKY))


def recording(*sessions: RecordedSession, layout: Format = Format.EPFL) -> Recording:
    return Recording(
        format=layout,
        zone=ZURICH,
        sessions=sessions,
        skipped=(),
        duration_disagrees=(),
        pmax_is_assumed=layout is Format.TRONDHEIM,
    )


def a_session(
    number: int = 1,
    *,
    arrival_min: int = 0,
    stay_min: int = 30,
    energy_mwh: int = 10_000_000,
    pmax_w: float = 50_000,
) -> RecordedSession:
    arrival = NOON + timedelta(minutes=arrival_min)
    return RecordedSession(
        number=number,
        plug="p",
        arrival=arrival,
        departure=arrival + timedelta(minutes=stay_min),
        energy_mwh=energy_mwh,
        pmax_w=pmax_w,
    )


def planned(
    session: RecordedSession, *, interval_s: float = 60, layout: Format = Format.EPFL
) -> PlannedSession:
    return plan_replay(recording(session, layout=layout), interval_s=interval_s)[0]


def said(messages: Sequence[Message]) -> dict[str, list[dict[str, Any]]]:
    by_topic = defaultdict(list)
    for message in messages:
        by_topic[message.topic].append(json.loads(message.payload))
    return dict(by_topic)


def test_the_whole_epfl_file_is_63694_readings_at_one_a_minute(
    epfl_plan: list[PlannedSession], epfl_messages: list[Message]
) -> None:
    assert len(epfl_messages) == sum(each.reading_count for each in epfl_plan) == 63_694


def test_replayed_sessions_end_with_the_energy_of_the_file(
    epfl: Recording, epfl_messages: list[Message]
) -> None:
    energy_mwh = {session.number: session.energy_mwh for session in epfl.sessions}
    found = {}
    for message in epfl_messages:
        reading = json.loads(message.payload)
        if reading["status"] == "finishing":
            assert message.session_number is not None
            found[message.session_number] = round(reading["session_total_energy_kwh"] * 1_000_000)
            parts = reading["session_energy_kwh_solar"] + reading["session_energy_kwh_grid"]
            assert parts == pytest.approx(reading["session_total_energy_kwh"], abs=1e-9)
    assert found == energy_mwh


def test_the_highest_power_of_each_replayed_session_is_the_maximum_of_the_file(
    epfl: Recording, epfl_messages: list[Message]
) -> None:
    peak_w: dict[int, float] = defaultdict(float)
    for message in epfl_messages:
        assert message.session_number is not None
        power_w = json.loads(message.payload)["power_w"]
        peak_w[message.session_number] = max(peak_w[message.session_number], power_w)
    assert peak_w == {session.number: session.pmax_w for session in epfl.sessions}


def test_readings_are_in_order_of_time_and_a_station_never_repeats_one(epfl_messages: list[Message]) -> None:
    times = [message.ts for message in epfl_messages if message.ts]
    assert times == sorted(times)
    for readings in said(epfl_messages).values():
        stamps = [datetime.fromisoformat(reading["timestamp"]) for reading in readings]
        assert all(before < after for before, after in pairwise(stamps))


def test_a_station_holds_one_session_at_a_time_and_each_ends_with_finishing_then_available(
    epfl_messages: list[Message],
) -> None:
    for readings in said(epfl_messages).values():
        for before, after in pairwise(readings):
            if before["status"] == "finishing":
                assert (after["status"], after["session_id"]) == ("available", None)
            elif before["status"] != "available":
                assert after["session_id"] == before["session_id"]
        assert readings[-1]["status"] == "available"


def test_session_ids_are_unique_and_the_same_on_every_run(
    epfl: Recording, epfl_plan: list[PlannedSession]
) -> None:
    ids = [each.device_session_id for each in epfl_plan]
    assert len(set(ids)) == 1878
    assert ids == [each.device_session_id for each in plan_replay(epfl, interval_s=10)]
    assert next(each for each in epfl_plan if each.number == 1130).device_session_id == "sess_e0001130"


def test_the_same_seed_gives_identical_payloads(epfl_plan: list[PlannedSession]) -> None:
    def payloads(seed: int) -> list[bytes]:
        return [message.payload for message in replay_messages(epfl_plan[:40], Sky(ZURICH, seed))]

    assert payloads(3) == payloads(3)
    assert payloads(3) != payloads(4)


def test_a_limit_replays_the_beginning_of_the_whole_replay(
    epfl: Recording, epfl_messages: list[Message]
) -> None:
    few = plan_replay(epfl, interval_s=60, limit=10)
    chosen = {each.number for each in few}
    assert list(replay_messages(few, SKY)) == [m for m in epfl_messages if m.session_number in chosen]


def test_both_kinds_of_device_take_part(epfl_plan: list[PlannedSession]) -> None:
    assert {(each.evse_uid, each.flavour) for each in epfl_plan} == {
        ("epfl-ccs1", Flavour.BASIC),
        ("epfl-ccs2", Flavour.ENHANCED),
    }


def test_the_first_reading_is_at_arrival_and_finishing_at_departure() -> None:
    readings = list(session_readings(planned(a_session(stay_min=30)), SKY))
    assert readings[0].ts == NOON
    assert readings[0].status is Status.CHARGING
    assert readings[-2].ts == NOON + timedelta(minutes=30)
    assert readings[-2].status is Status.FINISHING
    assert readings[-1].ts == NOON + timedelta(minutes=30, seconds=1)
    assert len(readings) == 32


def test_back_to_back_sessions_are_separated_by_an_available_reading() -> None:
    plan = plan_replay(
        recording(a_session(1, stay_min=10), a_session(2, arrival_min=10, stay_min=10)), interval_s=60
    )
    (readings,) = said(list(replay_messages(plan, SKY))).values()
    around = [(reading["timestamp"][14:19], reading["status"]) for reading in readings][9:14]
    kind = "charging" if plan[0].flavour is Flavour.ENHANCED else "preparing"
    assert around == [
        ("09:00", kind),
        ("10:00", "finishing"),
        ("10:01", "available"),
        ("10:02", kind),
        ("11:02", kind),
    ]


def test_a_home_charge_is_done_early_and_stays_plugged_in() -> None:
    session = a_session(stay_min=600, energy_mwh=10_000_000, pmax_w=7360)
    readings = list(session_readings(planned(session, layout=Format.TRONDHEIM), SKY))
    waiting = [each for each in readings if each.status is Status.SUSPENDED_EV]
    assert len(waiting) > 480
    assert {(each.power_w, each.voltage_v, each.total_mwh) for each in waiting} == {(0.0, 0.0, 10_000_000)}
    assert max(each.power_w for each in readings) == 7360


def test_more_energy_than_the_maximum_allows_exceeds_it_as_little_as_possible_and_says_so() -> None:
    plan = planned(a_session(stay_min=10, energy_mwh=10_000_000, pmax_w=50_000))
    assert plan.peak_power_w == 60_000.0
    assert plan.exceeds_pmax
    assert plan.notes == ("needs 60000 W on average, above the stated maximum of 50000 W",)


def test_an_interval_too_short_for_the_reading_after_departure_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 s"):
        plan_replay(recording(a_session()), interval_s=1)


sessions_of_any_kind = st.builds(
    a_session,
    stay_min=st.integers(1, 900),
    energy_mwh=st.integers(0, 90_000_000),
    pmax_w=st.floats(500, 350_000),
)


@settings(max_examples=60, deadline=None)
@given(session=sessions_of_any_kind, interval_s=st.floats(20, 400), layout=st.sampled_from(Format))
def test_power_and_counters_agree_for_any_session(
    session: RecordedSession, interval_s: float, layout: Format
) -> None:
    plan = planned(session, interval_s=interval_s, layout=layout)
    readings = list(session_readings(plan, SKY))
    assert len(readings) == plan.reading_count
    assert readings[-2].total_mwh == session.energy_mwh
    ceiling_w = max(session.pmax_w, plan.curve.peak_w)
    for before, after in pairwise(readings[:-1]):
        hours = (after.ts - before.ts).total_seconds() / 3600
        delivered_wh = (after.total_mwh - before.total_mwh) / 1000
        assert after.power_w - 0.01 <= before.power_w <= ceiling_w + 0.01
        slack_wh = 0.002 + 0.01 * hours
        assert delivered_wh <= before.power_w * hours + slack_wh
        if after.status is not Status.FINISHING:
            assert delivered_wh >= after.power_w * hours - slack_wh
        assert after.solar_mwh >= before.solar_mwh
        assert after.grid_mwh >= before.grid_mwh


@settings(max_examples=60, deadline=None)
@given(session=sessions_of_any_kind)
def test_each_interval_comes_from_the_source_its_last_reading_states(session: RecordedSession) -> None:
    readings = list(session_readings(planned(session), SKY))
    for before, after in pairwise(readings[:-2]):
        solar, grid = after.solar_mwh - before.solar_mwh, after.grid_mwh - before.grid_mwh
        assert solar == 0 or after.source is Source.SOLAR
        assert grid == 0 or after.source is Source.GRID


@given(
    energy_wh=st.floats(1, 90_000),
    pmax_w=st.floats(500, 350_000),
    stay_s=st.floats(60, 90_000),
    pace=st.sampled_from(Pace),
)
def test_a_power_curve_starts_at_its_peak_only_falls_and_delivers_everything(
    energy_wh: float, pmax_w: float, stay_s: float, pace: Pace
) -> None:
    curve = power_curve(energy_wh=energy_wh, pmax_w=pmax_w, stay_s=stay_s, pace=pace)
    at = [stay_s * step / 20 for step in range(21)]
    powers = [curve.power_w(elapsed_s) for elapsed_s in at]
    assert powers[0] == curve.peak_w
    assert powers == sorted(powers, reverse=True)
    assert curve.delivered_share(0.0) == 0.0
    assert curve.delivered_share(stay_s) == pytest.approx(1.0)
    assert curve.peak_w <= max(pmax_w, energy_wh * 3600 / stay_s * (1 + 1e-9))


def test_the_ground_truth_states_every_session_and_the_totals(
    epfl: Recording, epfl_plan: list[PlannedSession], epfl_messages: list[Message]
) -> None:
    published = Counter(m.session_number for m in epfl_messages if m.session_number is not None)
    truth: Any = json.loads(json.dumps(ground_truth(epfl, epfl_plan, published, seed=1)))
    assert truth["is_complete"] is True
    assert truth["totals"]["sessions"] == 1878
    assert truth["totals"]["readings_published"] == 63_694
    assert truth["totals"]["sessions_by_station"] == {"epfl-ccs1": 1129, "epfl-ccs2": 749}
    assert truth["totals"]["energy_wh"] == sum(s.energy_mwh for s in epfl.sessions) / 1000
    first = next(each for each in truth["sessions"] if each["session"] == 278)
    assert first["started_at"] == "2022-08-11T21:33:00Z"
    assert first["ended_at"] == "2022-08-11T21:37:00Z"
    assert (first["energy_wh"], first["peak_power_w"]) == (9632.0, 168_393.0)
    assert first["readings_published"] == first["readings_planned"] == 6


def test_the_ground_truth_of_a_replay_that_was_cut_short_says_so(
    epfl: Recording, epfl_plan: list[PlannedSession]
) -> None:
    assert ground_truth(epfl, epfl_plan, {1: 3}, seed=1)["is_complete"] is False
