"""WARP chargers: states and errors, meters, and what becomes of commands."""

from __future__ import annotations

import json

import pytest

from solarrally.dialects.family import Said
from solarrally.dialects.warp import PREFIXES, WARP, place
from solarrally.domain.command import Answer
from solarrally.errors import CommandNotTaken, RejectedMessage
from tests.support.orders import answers, details, known_of, sent, translated


def state(charger_state: int, error_state: int = 0) -> tuple[str, bytes]:
    return "evse/state", json.dumps({"charger_state": charger_state, "error_state": error_state}).encode()


def external(current_ma: int) -> tuple[str, bytes]:
    return "evse/external_current", json.dumps({"current": current_ma}).encode()


def told(*messages: tuple[str, bytes]) -> Said:
    said = known_of(WARP, *messages)
    return WARP.tell(said, said)


NOBODY = ("charge_tracker/current_charge", b'{"user_id":-1}')
SOMEBODY = ("charge_tracker/current_charge", b'{"user_id":3}')


@pytest.mark.parametrize(
    ("charger_state", "tracker", "status"),
    [
        (0, NOBODY, "available"),
        (1, NOBODY, "preparing"),
        (1, SOMEBODY, "suspendedevse"),
        (2, SOMEBODY, "suspendedev"),
        (3, SOMEBODY, "charging"),
        (4, NOBODY, "faulted"),
    ],
)
def test_a_charger_state_is_a_status(
    charger_state: int, tracker: tuple[str, bytes], status: str | None
) -> None:
    assert told(tracker, state(charger_state))["status"] == status


@pytest.mark.parametrize(
    ("error_state", "error_code"),
    [
        (0, "OtherError"),
        (1, "OtherError"),
        (2, "InternalError"),
        (3, "GroundFailure"),
        (4, "PowerSwitchFailure"),
        (5, "EVCommunicationError"),
        (9, "OtherError"),
    ],
)
def test_an_error_state_is_a_fault(error_state: int, error_code: str) -> None:
    said = told(state(4, error_state))
    assert (said["status"], said["error_code"]) == ("faulted", error_code)


def test_a_charger_that_is_not_in_error_has_no_error_code() -> None:
    assert told(state(3, 4))["error_code"] is None


@pytest.mark.parametrize(
    ("user_id", "charger_state", "id_token"), [(3, 3, "3"), (3, 0, None), (0, 3, None), (-1, 1, None)]
)
def test_a_known_user_is_the_token_while_a_vehicle_is_there(
    user_id: int, charger_state: int, id_token: str | None
) -> None:
    tracker = ("charge_tracker/current_charge", json.dumps({"user_id": user_id}).encode())
    assert told(tracker, state(charger_state)).get("id_token") == id_token


def test_the_resettable_counter_is_never_the_register() -> None:
    assert told(("meter/values", b'{"power":1,"energy_rel":7,"energy_abs":null}'))["energy_wh"] is None


@pytest.mark.parametrize("code", [-1, 5, 99])
def test_a_code_that_is_no_state_of_it_is_rejected(code: int) -> None:
    with pytest.raises(RejectedMessage, match=f"{code} is no state of it"):
        told(state(code))


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_generation_has_its_prefix(prefix: str) -> None:
    found = place([prefix, "ABC", "evse", "state"])
    assert found is not None
    assert found == (f"{prefix}/ABC", f"{prefix}-ABC", "evse/state", False)
    assert f"{prefix}/#" in WARP.topic_filters


def test_other_topics_are_not_of_it() -> None:
    assert place(["warp", "ABC"]) is None
    assert place(["warp5", "ABC", "evse", "state"]) is None
    assert place(["warp3", "no-uid", "evse", "state"]) is None


@pytest.mark.parametrize(
    ("command", "key", "before", "after"),
    [("start", "evse/start_charging", 1, 3), ("stop", "evse/stop_charging", 3, 1)],
)
def test_an_action_is_never_empty_and_its_state_the_answer(
    command: str, key: str, before: int, after: int
) -> None:
    order = translated(WARP, command, known_of(WARP, state(before)))

    assert sent(order) == [(key, b"null")]
    assert answers(order, (key, b"null"), state(before), state(after)) == [None, None, Answer.COMPLETED]


def test_without_a_vehicle_nothing_is_started() -> None:
    with pytest.raises(CommandNotTaken, match="vehicle"):
        translated(WARP, "start", known_of(WARP, state(0)))


def test_a_limit_is_in_milliamperes() -> None:
    order = translated(WARP, "set_current_limit", limit_a=10.5)

    assert sent(order) == [("evse/external_current_update", b'{"current":10500}')]
    assert answers(order, external(32000), external(10500)) == [None, Answer.COMPLETED]


@pytest.mark.parametrize(
    ("slots_ma", "detail"),
    [([32000, 20000], "a cable of it allows 20 A"), ([16000, 20000, 6000], "a cable of it allows 16 A"),
     ([32000, 32000, 6000], None), ([], None)],
)  # fmt: skip
def test_a_limit_above_that_of_a_cable_is_taken_and_told(slots_ma: list[int], detail: str | None) -> None:
    slots = json.dumps([{"max_current": limit_ma, "active": True} for limit_ma in slots_ma]).encode()
    order = translated(WARP, "set_current_limit", known_of(WARP, ("evse/slots", slots)), limit_a=25)

    assert details(order, external(25000)) == [detail]


def test_a_resume_is_shown_by_any_limit_that_lets_it_charge() -> None:
    """The last limit is not known to a process that did not send the command."""
    assert answers(translated(WARP, "resume"), external(0), external(12000)) == [None, Answer.COMPLETED]


def test_a_pause_is_a_limit_of_nothing_and_its_end_the_last_limit() -> None:
    known = known_of(WARP, external(12000), external(0))

    assert sent(translated(WARP, "pause")) == [("evse/external_current_update", b'{"current":0}')]
    assert sent(translated(WARP, "resume", known)) == [("evse/external_current_update", b'{"current":12000}')]
    assert sent(translated(WARP, "resume")) == [("evse/external_current_update", b'{"current":32000}')]


def test_a_limit_that_it_would_not_follow_is_not_sent() -> None:
    with pytest.raises(CommandNotTaken, match="at most 32 A"):
        translated(WARP, "set_current_limit", limit_a=40)
    closed = known_of(WARP, ("evse/external_enabled", b'{"enabled":false}'))
    with pytest.raises(CommandNotTaken, match="settings"):
        translated(WARP, "set_current_limit", closed, limit_a=16)


@pytest.mark.parametrize("kind", ["soft", "hard"])
def test_a_restart_is_over_when_it_says_its_version_anew(kind: str) -> None:
    version = ("info/version", b'{"firmware":"2.3.1","config":"2.3.1"}')
    order = translated(WARP, "reset", known_of(WARP, version), kind=kind)

    assert sent(order) == [("reboot", b"null")]
    assert answers(order, ("reboot", b"null"), state(0), version) == [None, None, Answer.COMPLETED]


@pytest.mark.parametrize("command", ["unlock", "update_firmware"])
def test_what_it_cannot_do_is_refused(command: str) -> None:
    with pytest.raises(CommandNotTaken, match="WARP"):
        translated(WARP, command)
