"""SmartEVSE: words of state and error, and what becomes of commands."""

from __future__ import annotations

import pytest

from solarrally.dialects.family import Said
from solarrally.dialects.smartevse import FAULTS, NO_FAULT, SMARTEVSE, STATES, place
from solarrally.domain.command import Answer
from solarrally.errors import CommandNotTaken
from tests.support.orders import answers, details, known_of, sent, translated

# dingo35/SmartEVSE-3.5:SmartEVSE-3/src/esp32.cpp, StrStateNameWeb and getStateNameWeb
VENDORS_STATES = [
    "Ready to Charge", "Connected to EV", "Charging", "D", "Request State B", "State B OK",
    "Request State C", "State C OK", "Activate", "Charging Stopped", "Stop Charging", "Modem Setup",
    "Modem Request", "Modem Done", "Modem Denied", "NOSTATE",
]  # fmt: skip
# the same, StrErrorNameWeb and getErrorNameWeb
VENDORS_ERRORS = [
    "None", "No Power Available", "Communication Error", "Temperature High", "EV Meter Comm Error",
    "RCM Tripped", "RCM Test", "Test IO", "Flash Error", "Multiple Errors",
]  # fmt: skip


def told(*messages: tuple[str, bytes]) -> Said:
    said = known_of(SMARTEVSE, *messages)
    return SMARTEVSE.tell(said, said)


def test_every_state_of_the_vendor_has_a_meaning() -> None:
    assert sorted(STATES) == sorted(VENDORS_STATES)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("Ready to Charge", "available"),
        ("Connected to EV", "preparing"),
        ("Charging", "charging"),
        ("D", "charging"),
        ("Request State B", "preparing"),
        ("State B OK", "preparing"),
        ("Request State C", "preparing"),
        ("State C OK", "preparing"),
        ("Activate", "preparing"),
        ("Charging Stopped", "suspendedevse"),
        ("Stop Charging", "suspendedevse"),
        ("Modem Setup", "preparing"),
        ("Modem Request", "preparing"),
        ("Modem Done", "preparing"),
        ("Modem Denied", "suspendedevse"),
        ("NOSTATE", None),
    ],
)
def test_a_state_is_a_status(state: str, status: str | None) -> None:
    assert told(("State", state.encode()))["status"] == status


@pytest.mark.parametrize(
    ("before", "access", "status"),
    [
        (b"Ready to Charge", b"Deny", "preparing"),
        (b"Ready to Charge", b"Pause", "suspendedevse"),
        (b"Ready to Charge", b"Allow", "preparing"),
        (b"Charging", b"Deny", "suspendedevse"),
        (b"Charging", b"Pause", "suspendedevse"),
        (b"Charging", b"Allow", "suspendedev"),
    ],
)
def test_a_vehicle_waits_for_a_person_for_the_station_or_by_itself(
    before: bytes, access: bytes, status: str
) -> None:
    assert told(("State", before), ("Access", access), ("State", b"Connected to EV"))["status"] == status


def test_a_vehicle_that_nobody_let_in_is_seen_by_its_plug_alone() -> None:
    said = told(("State", b"Ready to Charge"), ("Access", b"Deny"), ("EVPlugState", b"Connected"))
    assert said["status"] == "preparing"


def test_a_vehicle_that_has_charged_and_stopped_is_what_suspends() -> None:
    assert told(("State", b"Charging"), ("State", b"Connected to EV"))["status"] == "suspendedev"


def test_the_next_vehicle_has_not_charged() -> None:
    messages = [("State", state) for state in (b"Charging", b"Ready to Charge", b"Connected to EV")]
    assert told(*messages)["status"] == "preparing"


@pytest.mark.parametrize(
    ("error", "status", "error_code"),
    [
        ("None", "charging", None),
        ("No Power Available", "charging", None),
        ("Communication Error", "faulted", "PowerMeterFailure"),
        ("Temperature High", "faulted", "HighTemperature"),
        ("EV Meter Comm Error", "faulted", "PowerMeterFailure"),
        ("RCM Tripped", "faulted", "GroundFailure"),
        ("RCM Test", "suspendedevse", None),
        ("Test IO", "suspendedevse", None),
        ("Flash Error", "faulted", "InternalError"),
        ("Multiple Errors", "faulted", "OtherError"),
        ("Something New", "faulted", "OtherError"),
    ],
)
def test_an_error_is_a_fault_or_none(error: str, status: str, error_code: str | None) -> None:
    said = told(("State", b"Charging"), ("Error", error.encode()))
    assert (said["status"], said["error_code"]) == (status, error_code)


def test_a_test_of_the_station_does_not_make_a_vehicle_go_away() -> None:
    plugged = [("State", b"Ready to Charge"), ("EVPlugState", b"Connected"), ("Error", b"RCM Test")]
    assert told(*plugged)["status"] == "suspendedevse"
    assert told(*plugged, ("EVPlugState", b"Disconnected"))["status"] == "unavailable"


def test_every_error_of_the_vendor_is_decided() -> None:
    assert set(VENDORS_ERRORS) - FAULTS.keys() - NO_FAULT == {"Multiple Errors"}


@pytest.mark.parametrize(
    ("topic", "base_topic", "key"),
    [
        ("SmartEVSE/8006/State", "SmartEVSE/8006", "State"),
        ("SmartEVSE/8006/Set/Mode", "SmartEVSE/8006", "Set/Mode"),
        ("SmartEVSE-6360/State", "SmartEVSE-6360", "State"),
    ],
)
def test_old_and_new_prefixes_name_the_same_kind_of_station(topic: str, base_topic: str, key: str) -> None:
    found = place(topic.split("/"))
    assert found is not None
    assert (found.base_topic, found.key) == (base_topic, key)
    assert found.evse_uid == base_topic.replace("/", "-")


def test_other_topics_are_not_of_it() -> None:
    assert place(["SmartEVSE", "8006"]) is None
    assert place(["Sensorbox", "8006", "State"]) is None
    assert place(["SmartEVSE", "garage", "State"]) is None
    assert place(["SmartEVSE-garage", "State"]) is None
    assert place(["8006", "State"]) is None


@pytest.mark.parametrize(
    ("command", "mode"), [("start", b"Smart"), ("resume", b"Smart"), ("stop", b"Off"), ("pause", b"Pause")]
)
def test_modes_are_commands_and_their_echo_the_answer(command: str, mode: bytes) -> None:
    known = known_of(SMARTEVSE, ("Mode", b"Smart"), ("Mode", b"Off" if mode != b"Off" else b"Normal"))
    known["charging_mode"] = "Smart"
    order = translated(SMARTEVSE, command, known)

    assert sent(order) == [("Set/Mode", mode)]
    assert answers(order, ("ESPTemp", b"30"), ("Mode", b"N/A"), ("Mode", mode)) == [
        None,
        None,
        Answer.COMPLETED,
    ]


def test_our_own_words_are_no_answer() -> None:
    known = known_of(SMARTEVSE, ("Mode", b"Off"))
    order = translated(SMARTEVSE, "stop", known)

    assert answers(order, ("Set/Mode", b"Off"), ("ESPTemp", b"30")) == [None, Answer.COMPLETED]


def test_a_limit_is_in_tenths_of_an_ampere() -> None:
    order = translated(SMARTEVSE, "set_current_limit", known_of(SMARTEVSE, ("Mode", b"Normal")), limit_a=10.5)

    assert sent(order) == [("Set/CurrentOverride", b"105")]
    assert answers(order, ("ChargeCurrentOverride", b"160"), ("ChargeCurrentOverride", b"105")) == [
        None,
        Answer.COMPLETED,
    ]


def test_a_limit_that_it_ignored_is_refused_when_its_maximum_is_known() -> None:
    order = translated(SMARTEVSE, "set_current_limit", limit_a=20)

    assert answers(order, ("ChargeCurrentOverride", b"0"), ("MaxCurrent", b"130")) == [None, Answer.REJECTED]
    assert details(order, ("ESPTemp", b"30")) == ["its maximum is 13 A"]


@pytest.mark.parametrize("command", ["start", "resume"])
def test_any_mode_that_charges_shows_that_it_may(command: str) -> None:
    """In which mode it was is not known to a process that did not send the command."""
    order = translated(SMARTEVSE, command)

    assert answers(order, ("Mode", b"Pause"), ("Mode", b"Solar")) == [None, Answer.COMPLETED]


def test_a_limit_of_nothing_is_a_pause_and_a_limit_ends_it() -> None:
    assert sent(translated(SMARTEVSE, "set_current_limit", limit_a=0)) == [("Set/Mode", b"Pause")]
    paused = known_of(SMARTEVSE, ("Mode", b"Smart"), ("Mode", b"Pause"))
    order = translated(SMARTEVSE, "set_current_limit", paused, limit_a=8)
    assert sent(order) == [("Set/Mode", b"Smart"), ("Set/CurrentOverride", b"80")]
    assert answers(order, ("ChargeCurrentOverride", b"80"), ("Mode", b"Smart")) == [None, Answer.COMPLETED]


@pytest.mark.parametrize(
    ("known", "why"),
    [
        ((("MaxCurrent", b"160"),), "maximum is 16 A"),
        ((("Mode", b"Solar"),), "Solar"),
        ((("LoadBl", b"2"),), "master"),
    ],
)
def test_a_limit_that_it_would_ignore_is_not_sent(known: tuple[tuple[str, bytes], ...], why: str) -> None:
    with pytest.raises(CommandNotTaken, match=why):
        translated(SMARTEVSE, "set_current_limit", known_of(SMARTEVSE, *known), limit_a=20)


@pytest.mark.parametrize("command", ["reset", "unlock", "update_firmware"])
def test_what_it_cannot_do_is_refused(command: str) -> None:
    with pytest.raises(CommandNotTaken, match="SmartEVSE"):
        translated(SMARTEVSE, command)
