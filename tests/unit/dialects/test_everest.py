"""EVerest: states and errors, and what becomes of commands."""

from __future__ import annotations

import json

import pytest

from solarrally.dialects.everest import ERRORS, EVEREST, STATES, place
from solarrally.dialects.family import Said
from solarrally.domain.command import Answer
from solarrally.errors import CommandNotTaken, RejectedMessage
from tests.support.orders import answers, details, known_of, sent, translated


def session(state: str, *, is_faulted: bool = False) -> tuple[str, bytes]:
    return "var/session_info", json.dumps({"state": state, "permanent_fault": is_faulted}).encode()


def limits(max_current: float) -> tuple[str, bytes]:
    said = {"max_current": max_current, "nr_of_phases_available": 3, "uuid": "evse_1"}
    return "var/limits", json.dumps(said).encode()


def errors(*kinds: str, module: str = "evse_1", severity: str = "High") -> tuple[str, bytes]:
    return "errors/var/active_errors", json.dumps(
        [
            {"type": f"x/{kind}", "origin": {"module_id": module}, "severity": severity, "state": "Active"}
            for kind in kinds
        ]
    ).encode()


def told(*messages: tuple[str, bytes]) -> Said:
    said = known_of(EVEREST, *messages)
    return EVEREST.tell(said, said)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("Unknown", None),
        ("Unplugged", "available"),
        ("Disabled", "unavailable"),
        ("Preparing", "preparing"),
        ("Reserved", "reserved"),
        ("AuthRequired", "preparing"),
        ("Charging", "charging"),
        ("ChargingPausedEV", "suspendedev"),
        ("ChargingPausedEVSE", "suspendedevse"),
        ("Finished", "finishing"),
        ("FinishedEV", "finishing"),
        ("FinishedEVSE", "finishing"),
        ("AuthTimeout", "preparing"),
    ],
)
def test_a_state_is_a_status(state: str, status: str | None) -> None:
    assert told(session(state))["status"] == status


@pytest.mark.parametrize("state", sorted(STATES))
def test_a_permanent_fault_is_a_fault_in_every_state(state: str) -> None:
    assert told(session(state, is_faulted=True))["status"] == "faulted"


@pytest.mark.parametrize(("kind", "error_code"), sorted(ERRORS.items()))
def test_an_error_of_a_faulted_manager_has_a_code(kind: str, error_code: str) -> None:
    said = told(limits(16), errors(kind), session("Charging", is_faulted=True))
    assert said["error_code"] == error_code


@pytest.mark.parametrize("kind", ["VendorError", "EnclosureOpen", "SomethingNew"])
def test_an_error_that_ocpp_has_no_word_for_is_another_error(kind: str) -> None:
    said = told(limits(16), errors(kind), session("Charging", is_faulted=True))
    assert said["error_code"] == "OtherError"


def test_an_error_without_a_fault_is_no_fault() -> None:
    said = told(limits(16), errors("MREC3HighTemperature"), session("Charging"))
    assert (said["status"], said["error_code"]) == ("charging", None)


def test_an_error_of_a_name_with_our_signs_does_not_become_another() -> None:
    said = told(
        limits(16),
        errors("MREC5OverVoltage", module="evil;evse_1=GroundFailure"),
        session("Charging", is_faulted=True),
    )
    assert said["error_code"] == "OtherError"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1665509120.0", "2022-10-11T17:25:20+00:00"),
        ("1665509120", "2022-10-11T17:25:20+00:00"),
        ("1665509120.25", "2022-10-11T17:25:20.250000+00:00"),
        ('"2022-10-11T19:25:20.250+02:00"', "2022-10-11T17:25:20.250000+00:00"),
        ('"2022-10-11T17:25:20Z"', "2022-10-11T17:25:20+00:00"),
    ],
)
def test_the_meters_time_is_the_readings(written: str, meant: str) -> None:
    meter = f'{{"timestamp":{written},"power_W":{{"total":1}}}}'.encode()
    assert told(("var/powermeter", meter), session("Charging"))["timestamp"] == meant


@pytest.mark.parametrize("written", ["true", "1e300", '"yesterday"', '"2022-10-11T17:25:20"', "[]"])
def test_what_is_no_instant_is_refused(written: str) -> None:
    with pytest.raises(RejectedMessage) as refused:
        EVEREST.read("var/powermeter", f'{{"timestamp":{written}}}'.encode())
    assert refused.value.field == "timestamp"


def test_what_is_of_all_managers_makes_no_station() -> None:
    for topic in (
        "everest_api/connectors",
        "everest_api/errors/var/active_errors",
        "everest_api/info/var/info",
    ):
        found = place(topic.split("/"))
        assert found is not None
        assert found.is_shared
        assert EVEREST.read(found.key, b"[]" if "info" not in topic else b"{}") is not None
    assert place(["everest_api", "evse_manager"]) is None


@pytest.mark.parametrize(
    ("command", "key", "payload", "after"),
    [
        ("stop", "cmd/stop_charging", b"{}", "FinishedEVSE"),
        ("pause", "cmd/pause_charging", b"{}", "ChargingPausedEVSE"),
        ("resume", "cmd/resume_charging", b"{}", "Charging"),
        ("unlock", "cmd/force_unlock", b"1", "Unplugged"),
    ],
)
def test_a_commands_state_is_the_answer(command: str, key: str, payload: bytes, after: str) -> None:
    order = translated(EVEREST, command, known_of(EVEREST, session("AuthRequired")))

    assert sent(order) == [(key, payload)]
    assert answers(order, (key, payload), session("AuthRequired"), session(after)) == [
        None,
        None,
        Answer.COMPLETED,
    ]


@pytest.mark.parametrize(
    ("before_a", "limit_a", "after_a", "answer"),
    [
        (16, 10, 16, None),
        (16, 10, 10, Answer.COMPLETED),
        (16, 10, 8, Answer.COMPLETED),
        (8, 10, 8, None),
        (8, 10, 10, Answer.COMPLETED),
        (16, 0, 0, Answer.COMPLETED),
    ],
)
def test_a_limit_is_taken_when_less_is_offered_than_before_or_just_that(
    before_a: float, limit_a: float, after_a: float, answer: Answer | None
) -> None:
    order = translated(EVEREST, "set_current_limit", known_of(EVEREST, limits(before_a)), limit_a=limit_a)

    assert sent(order) == [("cmd/set_limit_amps", f"{limit_a:g}".encode())]
    assert answers(order, session("Charging"), limits(after_a)) == [None, answer]


def test_a_limit_of_which_less_is_offered_says_so() -> None:
    order = translated(EVEREST, "set_current_limit", known_of(EVEREST, limits(32)), limit_a=16)

    assert details(order, limits(10)) == ["it offers 10 A of 16 A"]


@pytest.mark.parametrize("command", ["start", "reset", "update_firmware"])
def test_what_it_cannot_do_is_refused(command: str) -> None:
    with pytest.raises(CommandNotTaken, match="EVerest"):
        translated(EVEREST, command)
