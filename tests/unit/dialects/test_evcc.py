"""evcc: states, the solar share, and what becomes of commands."""

from __future__ import annotations

import pytest

from solarrally.dialects.evcc import EVCC, place
from solarrally.dialects.family import Said
from solarrally.domain.command import Answer
from solarrally.errors import CommandNotTaken
from tests.support.orders import answers, known_of, sent, translated


def told(*messages: tuple[str, bytes]) -> Said:
    said = known_of(EVCC, *messages)
    return EVCC.tell(said, said)


@pytest.mark.parametrize(
    ("connected", "charging", "enabled", "status"),
    [
        (b"false", b"false", b"false", "available"),
        (b"false", b"false", b"true", "available"),
        (b"true", b"true", b"true", "charging"),
        (b"true", b"true", b"false", "charging"),
        (b"true", b"false", b"true", "suspendedev"),
        (b"true", b"false", b"false", "suspendedevse"),
        (b"", b"true", b"true", None),
        (b"true", b"", b"true", None),
        (b"true", b"false", b"", None),
    ],
)
def test_three_flags_are_a_status(
    connected: bytes, charging: bytes, enabled: bytes, status: str | None
) -> None:
    said = told(("connected", connected), ("charging", charging), ("enabled", enabled))
    assert said["status"] == status


@pytest.mark.parametrize(
    ("messages", "solar_kwh", "grid_kwh"),
    [
        ([("sessionEnergy", b"4000"), ("sessionSolarPercentage", b"25")], 1.0, 3.0),
        ([("sessionSolarPercentage", b"25"), ("sessionEnergy", b"4000")], None, None),
        ([("sessionSolarPercentage", b"100"), ("sessionEnergy", b"4000")], 4.0, 0.0),
        ([("sessionSolarPercentage", b"0"), ("sessionEnergy", b"4000")], 0.0, 4.0),
        ([("sessionEnergy", b"4000"), ("sessionSolarPercentage", b"")], None, None),
        ([("sessionEnergy", b""), ("sessionSolarPercentage", b"25")], None, None),
    ],
)
def test_a_share_is_of_the_energy_before_it(
    messages: list[tuple[str, bytes]], solar_kwh: float | None, grid_kwh: float | None
) -> None:
    said = told(*messages)
    assert said.get("session_energy_kwh_solar") == solar_kwh
    assert said.get("session_energy_kwh_grid") == grid_kwh


@pytest.mark.parametrize(
    ("energy_wh", "energy_kwh"), [(b"1000000", 1000.0), (b"1000000.1", None), (b"0", 0.0)]
)
def test_more_than_a_thousand_kilowatt_hours_is_garbage(energy_wh: bytes, energy_kwh: float | None) -> None:
    assert told(("sessionEnergy", energy_wh))["session_total_energy_kwh"] == energy_kwh


@pytest.mark.parametrize(
    "topic",
    ["evcc/updated", "evcc/status", "evcc/loadpoints", "evcc/site/gridPower", "evcc/vehicles/id3/title"],
)
def test_what_is_of_all_loadpoints_makes_no_station(topic: str) -> None:
    found = place(topic.split("/"))
    assert found is not None
    assert found.is_shared
    assert EVCC.read(found.key, b"") is not None


def test_a_loadpoint_is_a_station() -> None:
    assert place(["evcc", "loadpoints", "2", "chargeCurrents", "l1"]) == (
        "evcc/loadpoints/2",
        "evcc-2",
        "chargeCurrents/l1",
        False,
    )
    assert place(["evcc", "mood"]) is None


@pytest.mark.parametrize("number", ["0", "00", "01", "1000", "garage", "٢"])
def test_loadpoints_are_counted_from_one(number: str) -> None:
    assert place(["evcc", "loadpoints", number, "mode"]) is None


@pytest.mark.parametrize(
    ("command", "mode"), [("start", b"pv"), ("resume", b"pv"), ("stop", b"off"), ("pause", b"off")]
)
def test_modes_are_commands_and_their_echo_the_answer(command: str, mode: bytes) -> None:
    known = known_of(EVCC, ("mode", b"pv"), ("mode", b"minpv" if mode == b"off" else b"off"))
    known["charging_mode"] = "pv"
    order = translated(EVCC, command, known)

    assert sent(order) == [("mode/set", mode)]
    assert answers(order, ("mode/set", mode), ("mode/set", b""), ("mode", mode)) == [
        None,
        None,
        Answer.COMPLETED,
    ]


@pytest.mark.parametrize("command", ["start", "resume"])
def test_any_mode_that_charges_shows_that_it_may(command: str) -> None:
    """In which mode it was is not known to a process that did not send the command."""
    assert answers(translated(EVCC, command), ("mode", b"off"), ("mode", b"minpv")) == [
        None,
        Answer.COMPLETED,
    ]


def test_without_a_mode_before_charging_starts_now() -> None:
    assert sent(translated(EVCC, "start")) == [("mode/set", b"now")]


def test_a_command_that_changes_nothing_is_done_when_evcc_has_taken_it_up() -> None:
    order = translated(EVCC, "pause", known_of(EVCC, ("mode", b"off")))

    assert answers(order, ("mode/set", b"off"), ("mode/set", b"")) == [None, Answer.COMPLETED]


def test_a_limit_is_the_maximum_current() -> None:
    order = translated(EVCC, "set_current_limit", known_of(EVCC, ("minCurrent", b"6")), limit_a=10.5)

    assert sent(order) == [("maxCurrent/set", b"10.5")]
    assert answers(order, ("maxCurrent", b"16"), ("maxCurrent", b"10.5")) == [None, Answer.COMPLETED]
    assert sent(translated(EVCC, "set_current_limit", limit_a=0)) == [("mode/set", b"off")]


def test_a_limit_below_its_minimum_is_not_sent() -> None:
    with pytest.raises(CommandNotTaken, match="minimum for this charger is 8 A"):
        translated(EVCC, "set_current_limit", known_of(EVCC, ("minCurrent", b"8")), limit_a=6)


@pytest.mark.parametrize("command", ["reset", "unlock", "update_firmware"])
def test_what_it_cannot_do_is_refused(command: str) -> None:
    with pytest.raises(CommandNotTaken, match="evcc cannot"):
        translated(EVCC, command)
