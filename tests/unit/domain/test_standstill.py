"""What a device without a clock said while nobody listened is read all at once, and is billed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solarrally.domain.energy import JITTER_WH, EnergyFigures, SessionQuality
from solarrally.domain.reading import ConnectorStatus, Quality, Reading
from solarrally.domain.station import ConnectorState, observe
from solarrally.storage.rows import ConnectorFold, fold_json, fold_of, session_json, session_of
from tests.builders import RULES, at, fold, reading

MAX_POWER_W = 11_000.0
INTERVAL_WH = 11_000.0 * 10 / 3600
"""What the station delivers in the 10 s between two readings."""
COUNTERS = {
    "register only": {"energy_register_wh": 70_000.0},
    "session counter only": {"session_energy_wh": 0.0},
    "both": {"energy_register_wh": 70_000.0, "session_energy_wh": 0.0},
}
every_counter = pytest.mark.parametrize("counters", COUNTERS.values(), ids=list(COUNTERS))


def undated(received_s: float, status: str = "charging", **said: Any) -> Reading:
    """A reading of a device without a clock."""
    made = reading(received_s, status, **said)
    return made._replace(device_ts=None, quality=made.quality | Quality.CLOCKLESS)


def showing(received_s: float, energy_wh: float, counters: dict[str, float], **said: Any) -> Reading:
    """An undated reading in a session, when it took so much."""
    values = {name: start_wh + energy_wh for name, start_wh in counters.items()}
    return undated(received_s, **{"session_id": "s1", **values, **said})


def charge(receipts_s: Sequence[float], counters: dict[str, float]) -> list[Reading]:
    """A charge at full power, told every 10 s, and when each of it was received."""
    return [showing(second, n * INTERVAL_WH, counters) for n, second in enumerate(receipts_s)]


def standstill(begins_after: int, waiting: int, then: int) -> list[float]:
    """Receipts of readings said every 10 s: those that waited are read within milliseconds."""
    total = begins_after + waiting + then
    over_s = 10.0 * (begins_after + waiting)
    return [
        over_s + n / 1000 if begins_after <= n < begins_after + waiting else 10.0 * n + n / 1000
        for n in range(total)
    ]


def figures(readings: list[Reading]) -> EnergyFigures:
    [session] = fold(readings, max_power_w=MAX_POWER_W)
    return session.energy.figures()


@every_counter
def test_a_burst_after_a_standstill_is_billed_whole(counters: dict[str, float]) -> None:
    result = figures(charge(standstill(5, 15, 5), counters))

    assert result.energy_wh == round(24 * INTERVAL_WH)
    assert result.quality == SessionQuality.GOOD


def test_the_device_s_own_split_survives_a_standstill() -> None:
    counters = {name: 0.0 for name in ("session_energy_wh", "session_energy_solar_wh")}

    result = figures(charge(standstill(5, 15, 5), counters))

    assert (result.solar_wh, result.grid_wh) == (round(24 * INTERVAL_WH), 0)


def test_what_waited_may_be_read_in_pieces() -> None:
    """The first seconds lie in the socket; the rest comes when the broker has let us in again."""
    receipts_s = [10.0 * n for n in range(5)]
    receipts_s += [200.0 + n / 1000 for n in range(5)] + [203.0 + n / 1000 for n in range(10)]

    result = figures(charge([*receipts_s, 210.0, 220.0], COUNTERS["register only"]))

    assert result.energy_wh == round(21 * INTERVAL_WH)


@every_counter
def test_a_session_that_began_during_a_standstill_is_billed_whole(counters: dict[str, float]) -> None:
    idle = [undated(10.0 * n, "available", power_w=0.0, **counters) for n in range(20)]
    before, waiting = idle[:5], [one._replace(ts=at(250.001 + n / 1000)) for n, one in enumerate(idle[5:])]
    burst = [showing(250.1 + n / 1000, n * INTERVAL_WH, counters) for n in range(1, 10)]

    result = figures([*before, *waiting, *burst])

    assert result.energy_wh == round(9 * INTERVAL_WH)
    assert result.quality == SessionQuality.GOOD


def test_a_counter_first_shown_in_a_burst_is_billed_whole() -> None:
    idle = [undated(10.0 * n, "available", power_w=0.0) for n in range(5)]
    burst = [showing(250.0 + n / 1000, n * INTERVAL_WH, COUNTERS["session counter only"]) for n in range(10)]

    assert figures([*idle, *burst]).energy_wh == round(9 * INTERVAL_WH)


def test_energy_that_rises_in_a_burst_shows_a_charge_that_nothing_else_shows() -> None:
    """Some devices say `available` all the time, and no power."""
    idle = [undated(10.0 * n, "available", energy_register_wh=70_000.0) for n in range(5)]
    burst = [
        undated(250.0 + n / 1000, "available", energy_register_wh=70_000.0 + n * INTERVAL_WH)
        for n in range(10)
    ]

    assert figures([*idle, *burst]).energy_wh == round(9 * INTERVAL_WH)


def test_a_session_that_is_interrupted_in_a_burst_goes_on() -> None:
    said = charge(standstill(5, 15, 5), COUNTERS["session counter only"])
    said[10] = said[10]._replace(status=ConnectorStatus.AVAILABLE)

    assert figures(said).energy_wh == round(24 * INTERVAL_WH)


def test_a_session_counter_that_began_again_during_a_standstill_counts_from_zero() -> None:
    energies_wh = {0.0: 0.0, 10.0: 30.0, 160.0: 300.0, 160.001: 60.0, 170.0: 90.0}
    energies_wh |= {170.001: 380.0, 180.0: 120.0}  # once it is believed, the gap lends it nothing more
    said = [showing(second, each, {"session_energy_wh": 0.0}) for second, each in energies_wh.items()]

    assert figures(said).energy_wh == 300 + 120


@every_counter
def test_a_spike_in_a_burst_beyond_what_the_gap_allows_is_not_billed(counters: dict[str, float]) -> None:
    receipts_s = standstill(5, 15, 5)
    readings = charge(receipts_s, counters)
    readings[10] = showing(receipts_s[10], 10 * INTERVAL_WH + 1000.0, counters)

    assert figures(readings).energy_wh == round(24 * INTERVAL_WH)


@every_counter
def test_what_the_gap_allows_is_there_once(counters: dict[str, float]) -> None:
    """A counter that runs away from its true value gets no further than the gap would have let it."""
    gap_s = 150.0
    allowed_wh = 1.25 * MAX_POWER_W * (gap_s + 10.0) / 3600
    readings = [showing(10.0 * n, 0.0, counters) for n in range(2)]
    readings += [showing(10.0 + gap_s + n / 1000, 100.0 * n, counters) for n in range(50)]

    assert 300 <= figures(readings).energy_wh <= allowed_wh


@every_counter
def test_what_the_gap_allows_ends(counters: dict[str, float]) -> None:
    """After as long as the gap took."""
    quiet = [showing(second, 0.0, counters) for second in (0.0, *(300.0 + 10.0 * n for n in range(31)))]

    assert figures([*quiet[:5], showing(340.0, 400.0, counters)]).energy_wh == 400
    assert figures([*quiet, showing(610.0, 400.0, counters)]).energy_wh == 0


def test_a_device_that_says_when_it_measured_is_judged_by_that() -> None:
    late = [
        one._replace(device_ts=one.ts, quality=0)
        for one in charge(standstill(5, 15, 5), COUNTERS["register only"])
    ]

    assert figures(late).quality & SessionQuality.COUNTER_JUMPED


@pytest.mark.parametrize("status", ["available", "charging"])
def test_a_register_of_zero_after_a_standstill_is_one_that_was_not_read_yet(status: str) -> None:
    """citrineos-core #1060, of a meter that is young."""
    said = [undated(0.0, status), undated(300.0, status, energy_register_wh=0.0)]
    said += [undated(310.0 + 10.0 * n, energy_register_wh=600.0 + 20.0 * n) for n in range(4)]

    assert figures(said).energy_wh == 60


def as_it_is(said: str) -> str:
    return said


def as_before_readings_could_lag(said: str) -> str:
    def known_then(fields: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in fields.items() if name not in ("lag_s", "undated_at")}

    return json.dumps(json.loads(said, object_hook=known_then))


def stored_and_loaded(state: ConnectorState, as_stored: Callable[[str], str]) -> ConnectorState:
    kept = fold_of(as_stored(fold_json(ConnectorFold(state.newest, state.newest_digests, state.held))))
    return ConnectorState(
        evse_uid=state.evse_uid,
        connector_id=state.connector_id,
        newest=kept.newest,
        newest_digests=kept.newest_digests,
        held=kept.held,
        session=None if state.session is None else session_of(as_stored(session_json(state.session))),
    )


def test_a_restart_in_the_middle_of_a_burst_loses_nothing() -> None:
    state = ConnectorState(evse_uid="cp1", connector_id=1)
    for one in charge(standstill(5, 15, 5), COUNTERS["both"]):
        state = stored_and_loaded(state, as_it_is)
        observe(state, one, RULES, MAX_POWER_W)

    assert state.session is not None
    assert state.session.energy.figures().energy_wh == round(24 * INTERVAL_WH)


def test_an_account_that_was_stored_before_readings_could_lag_is_continued() -> None:
    first, *rest = charge(standstill(5, 15, 5), COUNTERS["both"])
    state = ConnectorState(evse_uid="cp1", connector_id=1)
    observe(state, first, RULES, MAX_POWER_W)

    state = stored_and_loaded(state, as_before_readings_could_lag)
    for one in rest:
        observe(state, one, RULES, MAX_POWER_W)

    assert state.session is not None
    assert state.session.energy.figures().energy_wh == round(24 * INTERVAL_WH)


@given(
    powers_w=st.lists(st.sampled_from([0.0, 1400.0, 7400.0, MAX_POWER_W]), min_size=2, max_size=60),
    interval_s=st.sampled_from([1.0, 5.0, 10.0, 30.0, 60.0]),
    cut=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    pieces=st.integers(1, 4),
    counters=st.sampled_from(list(COUNTERS.values())),
)
def test_a_standstill_anywhere_changes_no_total(
    powers_w: list[float],
    interval_s: float,
    cut: tuple[int, int],
    pieces: int,
    counters: dict[str, float],
) -> None:
    energies_wh = [0.0]
    for power_w in powers_w:
        energies_wh.append(energies_wh[-1] + power_w * interval_s / 3600)
    begin, end = sorted(min(one, len(powers_w)) for one in cut)
    over_s = interval_s * end
    piece = max(1, (end - begin) // pieces)
    receipts_s = [
        over_s + 0.02 * interval_s * ((n - begin) // piece) + n / 1e6
        if begin <= n < end
        else interval_s * n + (0.1 * interval_s if n >= end else 0.0)
        for n in range(len(energies_wh))
    ]

    readings = [
        showing(second, energy_wh, counters)
        for second, energy_wh in zip(receipts_s, energies_wh, strict=True)
    ]

    assert abs(figures(readings).energy_wh - energies_wh[-1]) <= JITTER_WH


@pytest.mark.parametrize(
    ("counted", "names"),
    [("energy_register_wh", True), ("energy_register_wh", False), ("session_energy_wh", True)],
)
def test_a_gap_is_billed_once_whatever_sessions_its_burst_consists_of(counted: str, names: bool) -> None:
    """Each claims what the whole gap could have delivered."""
    gap_s, claimed_wh = 600.0, 1_800.0
    readings = [undated(0, "available", energy_register_wh=1_000.0, session_energy_wh=0.0)]
    for number in range(1, 11):
        shown_wh = (
            1_000.0 + number * claimed_wh if counted == "energy_register_wh" else claimed_wh + 6 * number
        )
        name = {"session_id": f"s{number}"} if names else {}
        received_s = gap_s + number / 10
        readings.append(undated(received_s, "charging", **{counted: shown_wh}, **name))
        readings.append(undated(received_s + 0.05, "available", **{counted: shown_wh}))

    billed_wh = sum(s.energy.figures().energy_wh for s in fold(readings, max_power_w=MAX_POWER_W))

    of_gap_wh = MAX_POWER_W * 1.25 * gap_s / 3600
    slack_wh = MAX_POWER_W * 1.25 * 5 / 3600 * len(readings)
    assert billed_wh <= of_gap_wh + slack_wh


@pytest.mark.parametrize("restored_wh", [500.0, 1_000.0, 1_400.0])
def test_a_session_counter_that_is_put_back_after_a_gap_is_not_billed_again(restored_wh: float) -> None:
    """A reboot took it from flash; with a time of their own the same readings are billed so too."""
    values_wh = [*(25.0 * n for n in range(61)), 1_500.0, restored_wh, restored_wh + 5, restored_wh + 10]
    receipts_s = [*(10.0 * n for n in range(61)), 1_200.0, 1_210.0, 1_220.0, 1_230.0]
    said = list(zip(receipts_s, values_wh, strict=True))

    undated_figures = figures(
        [undated(s, "charging", session_id="s1", session_energy_wh=wh) for s, wh in said]
    )
    dated_figures = figures([reading(s, "charging", session_id="s1", session_energy_wh=wh) for s, wh in said])

    assert undated_figures.energy_wh == dated_figures.energy_wh
