"""Wallbox chargers behind their MQTT bridge: words of the status, and what becomes of commands."""

from __future__ import annotations

import pytest

from solarrally.dialects.family import Said
from solarrally.dialects.wallbox import STATES, WALLBOX, place
from solarrally.domain.command import Answer
from solarrally.errors import CommandNotTaken
from tests.support.orders import answers, details, known_of, sent, translated

# jagheterfredrik/wallbox-mqtt-bridge:app/wallbox/wallbox_const.go, wallboxStatusCodes
VENDORS_WORDS = [
    ("Ready", "available", None),
    ("Charging", "charging", None),
    ("Connected waiting car", "suspendedev", None),
    ("Connected waiting schedule", "suspendedevse", None),
    ("Paused", "suspendedevse", None),
    ("Schedule end", "suspendedevse", None),
    ("Locked", "unavailable", None),
    ("Error", "faulted", "OtherError"),
    ("Connected waiting current assignation", "suspendedevse", None),
    ("Unconfigured power sharing", "unavailable", None),
    ("Queue by power boost", "suspendedevse", None),
    ("Discharging", "charging", None),
    ("Connected waiting admin auth for mid", "suspendedevse", None),
    ("Connected mid safety margin exceeded", "faulted", "PowerMeterFailure"),
    ("OCPP unavailable", "unavailable", None),
    ("OCPP charge finishing", "finishing", None),
    ("OCPP reserved", "reserved", None),
    ("Updating", "unavailable", None),
    ("Queue by eco smart", "suspendedevse", None),
]


def told(*messages: tuple[str, bytes]) -> Said:
    said = known_of(WALLBOX, *((f"{entity}/state", payload) for entity, payload in messages))
    return WALLBOX.tell(said, said)


@pytest.mark.parametrize(("word", "status", "error_code"), VENDORS_WORDS)
def test_a_word_is_a_status(word: str, status: str, error_code: str | None) -> None:
    said = told(("status", word.encode()))
    assert (said["status"], said["error_code"]) == (status, error_code)


def test_every_word_of_the_vendor_has_a_meaning() -> None:
    assert sorted(STATES) == sorted(word for word, _, _ in VENDORS_WORDS)


def test_a_locked_charger_with_a_cable_waits_for_somebody() -> None:
    assert told(("status", b"Locked"), ("cable_connected", b"1"))["status"] == "preparing"


def test_a_code_that_the_bridge_does_not_know_says_nothing() -> None:
    assert told(("status", b"Unknown (255)"))["status"] is None


def test_a_serial_is_in_the_first_level() -> None:
    assert place(["wallbox_123456", "status", "state"]) == (
        "wallbox_123456",
        "wallbox_123456",
        "status/state",
        False,
    )
    assert place(["wallbox_123456"]) is None
    assert place(["homeassistant", "sensor", "123456_status", "config"]) is None


@pytest.mark.parametrize(
    ("command", "value"), [("start", b"1"), ("resume", b"1"), ("stop", b"0"), ("pause", b"0")]
)
def test_charging_is_switched_and_its_state_the_answer(command: str, value: bytes) -> None:
    other = b"0" if value == b"1" else b"1"
    order = translated(WALLBOX, command, known_of(WALLBOX, ("charging_enable/state", other)))

    assert sent(order) == [("charging_enable/set", value)]
    heard = [("charging_enable/set", value), ("lock/state", b"0"), ("charging_enable/state", value)]
    assert answers(order, *heard) == [None, None, Answer.COMPLETED]


def test_a_limit_is_in_whole_amperes() -> None:
    order = translated(WALLBOX, "set_current_limit", limit_a=10.7)

    assert sent(order) == [("max_charging_current/set", b"10")]
    heard = [("max_charging_current/state", b"16"), ("max_charging_current/state", b"10")]
    assert answers(order, *heard) == [None, Answer.COMPLETED]
    assert details(order, heard[-1]) == ["it set 10 A instead of 10.7 A"]
    assert sent(translated(WALLBOX, "set_current_limit", limit_a=0)) == [("charging_enable/set", b"0")]


def test_a_limit_that_it_cuts_is_told() -> None:
    known = known_of(WALLBOX, ("max_charging_current/state", b"10"))
    order = translated(WALLBOX, "set_current_limit", known, limit_a=32)

    assert details(order, ("lock/state", b"0")) == []
    assert details(order, ("max_charging_current/state", b"16")) == ["it set 16 A instead of 32 A"]


def test_a_limit_that_rises_above_what_was_asked_for_is_no_answer() -> None:
    known = known_of(WALLBOX, ("max_charging_current/state", b"10"))
    order = translated(WALLBOX, "set_current_limit", known, limit_a=8)

    assert answers(order, ("max_charging_current/state", b"16")) == [None]


@pytest.mark.parametrize("command", ["reset", "unlock", "update_firmware"])
def test_what_it_cannot_do_is_refused(command: str) -> None:
    with pytest.raises(CommandNotTaken, match="Wallbox"):
        translated(WALLBOX, command)
