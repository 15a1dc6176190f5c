"""go-e with API v1: its codes, and what becomes of commands."""

from __future__ import annotations

import json

import pytest

from solarrally.dialects.family import Said
from solarrally.dialects.goe_v1 import GOE_V1, place
from solarrally.domain.command import Answer
from solarrally.errors import CommandNotTaken, RejectedMessage
from tests.support.orders import answers, details, known_of, sent, translated


def status(**values: object) -> tuple[str, bytes]:
    return "status", json.dumps(values).encode()


def told(**values: object) -> Said:
    known = known_of(GOE_V1, status(**values))
    return GOE_V1.tell(known, known)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"car": "1"}, "available"),
        ({"car": "2"}, "charging"),
        ({"car": "3", "alw": "1", "dws": "0"}, "preparing"),
        ({"car": "3", "alw": "0", "ast": "1", "dws": "0"}, "preparing"),
        ({"car": "3", "alw": "0", "ast": "2", "dws": "0"}, "suspendedevse"),
        ({"car": "3", "alw": "0", "dws": "100"}, "suspendedevse"),
        ({"car": "3", "alw": "1", "dws": "100"}, "suspendedev"),
        ({"car": "4", "alw": "1"}, "finishing"),
        ({"car": "4", "alw": "0"}, "suspendedevse"),
        ({"car": "0"}, "faulted"),
        ({}, None),
    ],
)
def test_a_car_state_is_a_status(values: dict[str, str], expected: str | None) -> None:
    assert told(err="0", **values)["status"] == expected


# go-eCharger API v1 EN.md, err: "1: RCCB, 3: PHASE, 8: NO_GROUND, 10, default: INTERNAL (other)"
@pytest.mark.parametrize(
    ("err", "error_code"),
    [("1", "GroundFailure"), ("3", "OtherError"), ("8", "GroundFailure")]
    + [(str(code), "InternalError") for code in (2, 4, 5, 6, 7, 9, 10, 11, 16)],
)
def test_an_error_is_a_fault(err: str, error_code: str) -> None:
    said = told(car="2", err=err)
    assert (said["status"], said["error_code"]) == ("faulted", error_code)


@pytest.mark.parametrize(
    ("uby", "id_token"),
    [("0", None), ("1", "96D4A2D3"), ("2", "card-2"), ("10", "0A11"), ("11", None), ("-1", None)],
)
def test_a_card_is_known_by_its_id_where_that_is_given(uby: str, id_token: str | None) -> None:
    assert told(car="2", uby=uby, rca="96D4A2D3", rcr="1", rc1="0A11")["id_token"] == id_token


def test_only_its_two_topics_are_of_it() -> None:
    assert place(["go-eCharger", "000001", "car"]) is None
    assert place(["go-eCharger", "status"]) is None
    found = place(["go-eCharger", "000001", "cmd", "req"])
    assert found is not None
    assert (found.base_topic, found.evse_uid, found.key) == (
        "go-eCharger/000001",
        "go-eCharger-000001",
        "cmd/req",
    )


@pytest.mark.parametrize(
    ("command", "params", "payload", "shown"),
    [
        ("start", {}, b"alw=1", {"alw": "1"}),
        ("resume", {}, b"alw=1", {"alw": "1"}),
        ("stop", {}, b"alw=0", {"alw": "0"}),
        ("pause", {}, b"alw=0", {"alw": "0"}),
        ("set_current_limit", {"limit_a": 0}, b"alw=0", {"alw": "0"}),
        ("set_current_limit", {"limit_a": 10.7}, b"amx=10", {"amx": "10", "amp": "16"}),
        ("set_current_limit", {"limit_a": 10}, b"amx=10", {"amp": "10"}),
        ("set_current_limit", {"limit_a": 63}, b"amx=16", {"amx": "16"}),
    ],
)
def test_a_command_is_a_parameter_and_the_next_document_the_answer(
    command: str, params: dict[str, float], payload: bytes, shown: dict[str, str]
) -> None:
    order = translated(GOE_V1, command, known_of(GOE_V1, status(ama="16")), **params)

    assert sent(order) == [("cmd/req", payload)]
    unchanged = status(alw="2" if "alw" not in shown else str(1 - int(shown["alw"])), amp="6", amx="6")
    assert answers(order, ("cmd/req", payload), unchanged, status(**shown)) == [None, None, Answer.COMPLETED]


@pytest.mark.parametrize(
    ("known_ama", "asked_a", "shown", "detail"),
    [
        ("16", 20, {"amx": "16"}, "it set 16 A instead of 20 A"),
        (None, 20, {"amp": "16", "ama": "16"}, "it set 16 A instead of 20 A"),
        ("32", 10.5, {"amp": "10"}, "it set 10 A instead of 10.5 A"),
        ("32", 10, {"amp": "10"}, None),
    ],
)
def test_a_limit_that_is_not_as_asked_for_says_what_was_set(
    known_ama: str | None, asked_a: float, shown: dict[str, str], detail: str | None
) -> None:
    known = {} if known_ama is None else known_of(GOE_V1, status(ama=known_ama))
    order = translated(GOE_V1, "set_current_limit", known, limit_a=asked_a)

    assert details(order, status(amp="6"), status(**shown)) == [detail]


def test_a_power_beyond_all_measure_is_rejected_and_not_told() -> None:
    with pytest.raises(RejectedMessage, match="cannot be a measurement"):
        GOE_V1.read(*status(nrg=[230] * 4 + [0] * 7 + [9e8, 0, 0, 0, 0]))


@pytest.mark.parametrize("code", ["9", "6", "-1", "1.5"])
def test_a_code_that_is_no_state_of_it_is_rejected(code: str) -> None:
    with pytest.raises(RejectedMessage, match="no state of it"):
        told(car=code)


@pytest.mark.parametrize("command", ["reset", "unlock", "update_firmware"])
def test_what_it_cannot_do_is_refused(command: str) -> None:
    with pytest.raises(CommandNotTaken, match="go-e"):
        translated(GOE_V1, command)
