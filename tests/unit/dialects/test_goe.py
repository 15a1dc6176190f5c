"""go-e with API v2: a recorded charger, its codes, and what becomes of commands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from solarrally.dialects.family import Outcome, Said
from solarrally.dialects.goe import ERRORS_FROM_59, ERRORS_TO_58, GOE, NOT_CHARGING, place
from solarrally.dialects.goe_v1 import place as place_v1
from solarrally.domain.command import Answer
from solarrally.errors import CommandNotTaken
from tests.builders import T0
from tests.support.dialects import PAYLOADS, Conversation, shown
from tests.support.orders import answers, details, known_of, sent, sent_before, translated

CAPTURE = PAYLOADS / "goe" / "mqtt_capture_053.1.log"
STATION = "go-eCharger-000001"
PER_SECOND = ("utc", "loc", "rbt", "fhz")
"""What changes each second: 16 values each."""


def told(*messages: tuple[str, bytes]) -> Said:
    known = known_of(GOE, *messages)
    return GOE.tell(known, known)


# -- a recorded charger --------------------------------------------------------------------------


def recorded_seconds() -> Iterator[list[tuple[str, str]]]:
    """The messages of each second. The file is sorted; `utc` and `rbt` number the seconds, and what changed
    less often is spread over them in the order of the file.
    """
    values: dict[str, list[str]] = defaultdict(list)
    for line in CAPTURE.read_text(encoding="utf-8").splitlines():
        topic, _, payload = line.partition(" ")
        values[topic].append(payload)
    for topic, said in values.items():
        if topic.rpartition("/")[2] in PER_SECOND:
            assert len(said) == 16
    for second in range(16):
        yield [(topic, said[second]) for topic, said in values.items() if second < len(said)]


def test_a_recorded_charger_is_understood_completely() -> None:
    charger = Conversation()
    messages = 0
    for second, said in enumerate(recorded_seconds()):
        for number, (topic, payload) in enumerate(said):
            charger.hear(topic, payload, after_s=float(second > 0 and number == 0))
            messages += 1
    heard = charger.end()

    assert messages == 135
    assert heard.rejected == []
    assert heard.unknown == []
    idle = {
        "evse_uid": STATION,
        "status": "available",
        "power_w": 0.0,
        "session_energy_wh": 0.0,
        "energy_register_wh": 0.0,
        "voltage_l2_v": 0.0,
        "voltage_l3_v": 0.0,
        "current_a": 0.0,
        "current_l1_a": 0.0,
        "current_l2_a": 0.0,
        "current_l3_a": 0.0,
    }
    # L1 and N of this one are swapped: nrg begins with 15, 0, 0, and N goes from 220 to 223.
    assert [shown(*one) for one in heard.readings] == [
        {
            **idle,
            "voltage_v": volts,
            "voltage_l1_v": volts,
            "power_offered_w": 10 * volts,
            "temperature_c": hottest_c,
            "at_s": at_s,
        }
        for at_s, volts, hottest_c in [
            (0.0, 220.0, 28.125),
            (1.0, 221.0, 28.25),
            (2.0, 222.0, 28.25),
            (3.0, 223.0, 28.25),
        ]
    ]
    [(evse_uid, facts)] = [one for one in heard.facts if one[1].firmware is not None]
    assert (evse_uid, facts.vendor, facts.firmware, facts.max_power_w) == (STATION, "go-e", "053.1", 11_000)


# -- codes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("car", "status", "error_code"),
    [
        (b"null", "faulted", "InternalError"),
        (b"0", "faulted", "InternalError"),
        (b"1", "available", None),
        (b"2", "charging", None),
        (b"3", "preparing", None),
        (b"4", "finishing", None),
        (b"5", "faulted", "OtherError"),
        (b"6", "unavailable", None),
    ],
)
def test_a_car_state_is_a_status(car: bytes, status: str, error_code: str | None) -> None:
    said = told(("car", car), ("alw", b"true"), ("err", b"0"))
    assert (said["status"], said["error_code"]) == (status, error_code)


# keys and names as in apikeys-en.md, key err
TO_58 = {
    1: "GroundFailure", 2: "GroundFailure", 3: "OtherError", 4: "OverVoltage", 5: "OverCurrentFailure",
    6: "EVCommunicationError", 7: "OtherError", 8: "GroundFailure", 9: "PowerSwitchFailure",
    10: "PowerSwitchFailure", 11: "GroundFailure", 12: "InternalError", 13: "HighTemperature",
    14: "InternalError", 15: "ConnectorLockFailure", 16: "ConnectorLockFailure", 20: "OtherError",
    21: "OtherError", 22: "OtherError", 23: "OtherError", 24: "OtherError",
}  # fmt: skip
# as in apikeys_Firmware_60.4_sorted.md
FROM_59 = {
    **{code: TO_58[code] for code in range(1, 11)},
    12: "ConnectorLockFailure", 13: "ConnectorLockFailure", 14: "GroundFailure", 15: "InternalError",
    16: "HighTemperature", 17: "InternalError", 18: "EVCommunicationError", 23: "InternalError",
    99: "OtherError",
}  # fmt: skip


@pytest.mark.parametrize(
    ("firmware", "code", "error_code"),
    [(firmware, *row) for firmware in ('"053.1"', '"58.9"') for row in TO_58.items()]
    + [(firmware, *row) for firmware in ('"59.4"', '"60.4"', "null") for row in FROM_59.items()],
)
def test_an_error_is_a_fault_by_the_list_of_its_firmware(firmware: str, code: int, error_code: str) -> None:
    said = told(("fwv", firmware.encode()), ("car", b"2"), ("err", b"%d" % code))
    assert (said["status"], said["error_code"]) == ("faulted", error_code)


def test_no_code_of_an_error_list_is_undecided() -> None:
    assert TO_58.keys() - ERRORS_TO_58.keys() == {20, 21, 22, 23, 24}  # reserved
    assert FROM_59.keys() - ERRORS_FROM_59.keys() == {99}


# the names of modelStatus in apikeys_Firmware_60.4_sorted.md that begin with NotCharging
VENDORS_NOT_CHARGING = {1, 2, 4, 5, 6, *range(16, 19), *range(22, 25), *range(26, 33), *range(34, 42)}


def test_the_reasons_not_to_charge_are_the_vendors() -> None:
    assert VENDORS_NOT_CHARGING == NOT_CHARGING


@pytest.mark.parametrize("reason", range(42))
def test_a_car_that_waits_is_suspended_by_whoever_does_not_want(reason: int) -> None:
    said = told(("car", b"3"), ("wh", b"1500"), ("modelStatus", b"%d" % reason))
    assert said["status"] == ("suspendedevse" if reason in VENDORS_NOT_CHARGING else "suspendedev")


@pytest.mark.parametrize("reason", range(42))
def test_a_car_that_waits_for_a_card_is_preparing(reason: int) -> None:
    said = told(("car", b"3"), ("wh", b"0"), ("alw", b"false"), ("modelStatus", b"%d" % reason))
    assert said["status"] == ("preparing" if reason == 2 else "suspendedevse")


@pytest.mark.parametrize("reason", range(42))
def test_idle_is_available_unless_it_only_acts_unplugged(reason: int) -> None:
    said = told(("car", b"1"), ("modelStatus", b"%d" % reason))
    assert said["status"] == (None if reason in (22, 23) else "available")


@pytest.mark.parametrize(("car", "may_charge"), [(b"3", b"false"), (b"4", b"false")])
def test_a_paused_car_is_suspended_by_the_station(car: bytes, may_charge: bytes) -> None:
    assert told(("car", car), ("wh", b"10"), ("alw", may_charge))["status"] == "suspendedevse"


def test_the_status_topic_is_of_the_older_hardware() -> None:
    assert place(["go-eCharger", "000001", "status"]) is None
    assert place(["go-eCharger", "000001", "cmd", "req"]) is None
    assert place(["go-eCharger", "000001"]) is None
    assert place(["homeassistant", "sensor", "goe"]) is None


@pytest.mark.parametrize("serial", ["zzz", "00000x", "-1", "1" * 13, "٠٠٠٠٠١"])
def test_what_is_no_serial_number_is_no_charger(serial: str) -> None:
    assert place(["go-eCharger", serial, "car"]) is None
    assert place_v1(["go-eCharger", serial, "status"]) is None


# -- commands ------------------------------------------------------------------------------------

SETTINGS = [
    ("stop", {}, [("frc/set", b"1")]),
    ("pause", {}, [("frc/set", b"1")]),
    ("resume", {}, [("frc/set", b"0")]),
    ("start", {}, [("frc/set", b"2")]),
    ("set_current_limit", {"limit_a": 0}, [("frc/set", b"1")]),
    ("set_current_limit", {"limit_a": 13.9}, [("amp/set", b"13")]),
    ("set_current_limit", {"limit_a": 80}, [("amp/set", b"32")]),
    ("reset", {"kind": "soft"}, [("rst/set", b"true")]),
]


@pytest.mark.parametrize(("command", "params", "messages"), SETTINGS)
def test_a_command_is_a_setting(
    command: str, params: dict[str, Any], messages: list[tuple[str, bytes]]
) -> None:
    assert sent(translated(GOE, command, **params)) == messages


@pytest.mark.parametrize(("command", "params", "messages"), SETTINGS)
def test_a_read_only_charger_is_not_asked(
    command: str, params: dict[str, Any], messages: list[tuple[str, bytes]]
) -> None:
    with pytest.raises(CommandNotTaken, match="read-only"):
        translated(GOE, command, known_of(GOE, ("mcr", b"true")), **params)


def test_its_answer_is_success_or_a_refusal() -> None:
    for payload, answer in [
        (b"success", Answer.COMPLETED),
        (b"true", Answer.COMPLETED),
        (b"value must be string 0", Answer.REJECTED),
        (b"tried to set api key without setter (false)", Answer.REJECTED),
    ]:
        order = translated(GOE, "pause")
        assert answers(order, ("frc/set", b"1"), ("car", b"1"), ("frc/result", payload)) == [
            None,
            None,
            answer,
        ]


def test_old_firmware_has_no_answers_and_shows_the_value() -> None:
    order = translated(GOE, "set_current_limit", limit_a=10)

    assert answers(order, ("amp", b"16"), ("amp", b"10")) == [None, Answer.COMPLETED]


def test_a_limit_takes_a_pause_back_and_is_not_above_the_chargers_own() -> None:
    paused = known_of(GOE, ("frc", b"1"), ("ama", b"16"))
    order = translated(GOE, "set_current_limit", paused, limit_a=20)

    assert sent(order) == [("amp/set", b"16"), ("frc/set", b"0")]
    assert answers(
        order, ("amp/result", b"success"), ("frc/result", b"success"), ("amp", b"16"), ("frc", b"0")
    ) == [None, None, None, Answer.COMPLETED]


def test_a_limit_that_is_not_as_asked_for_says_what_was_set() -> None:
    known = known_of(GOE, ("ama", b"16"))

    assert details(translated(GOE, "set_current_limit", known, limit_a=20), ("amp", b"16")) == [
        "it set 16 A instead of 20 A"
    ]
    assert details(translated(GOE, "set_current_limit", limit_a=10.5), ("amp", b"10")) == [
        "it set 10 A instead of 10.5 A"
    ]
    assert details(translated(GOE, "set_current_limit", limit_a=16), ("cbl", b"13"), ("amp", b"16")) == [
        "its cable allows 13 A"
    ]


@pytest.mark.parametrize(
    ("known", "messages"),
    [
        ([], [("amp/result", b"success"), ("amp", b"16"), ("ama", b"16")]),
        ([], [("amp", b"16"), ("ama", b"16")]),
        ([("amp", b"10")], [("utc", b'"2026-03-09"'), ("amp", b"16")]),
    ],
)
def test_a_limit_that_it_cuts_without_a_word_is_told(
    known: list[tuple[str, bytes]], messages: list[tuple[str, bytes]]
) -> None:
    """To a maximum (`ama`) that was not known when the command was sent."""
    order = translated(GOE, "set_current_limit", known_of(GOE, *known), limit_a=32)

    assert details(order, *messages[:-1]) == []
    assert details(order, messages[-1]) == ["it set 16 A instead of 32 A"]


def test_a_limit_that_it_accepts_and_does_not_show_is_what_it_was_before() -> None:
    order = translated(GOE, "set_current_limit", known_of(GOE, ("amp", b"16")), limit_a=32)

    assert order.hear("amp/result", b"success") is None
    assert order.hear("utc", b'"2026-03-09"', after_s=1) is None  # what changed may still come
    outcome = order.hear("utc", b'"2026-03-09"', after_s=1)
    assert outcome == Outcome(Answer.COMPLETED, "it set 16 A instead of 32 A")


def test_a_refusal_says_in_its_words_why() -> None:
    order = translated(GOE, "set_current_limit", limit_a=32)

    assert details(order, ("amp/result", b"value out of range")) == ["it says: value out of range"]


def test_the_first_refusal_of_several_counts() -> None:
    order = translated(GOE, "set_current_limit", known_of(GOE, ("frc", b"1")), limit_a=20)

    assert answers(order, ("amp/result", b"value out of range")) == [Answer.REJECTED]


@pytest.mark.parametrize(
    ("known", "id_token", "messages"),
    [
        ((("acs", b"1"),), "somebody", [("trx/set", b"0"), ("frc/set", b"2")]),
        ((("acs", b"1"),), "card-3", [("trx/set", b"3"), ("frc/set", b"2")]),
        ((("acs", b"1"), ("trx", b"2")), "card-3", [("frc/set", b"2")]),
        ((("acs", b"0"),), "card-3", [("frc/set", b"2")]),
    ],
)
def test_a_start_admits_whom_it_waits_for(
    known: tuple[tuple[str, bytes], ...], id_token: str, messages: list[tuple[str, bytes]]
) -> None:
    assert sent(translated(GOE, "start", known_of(GOE, *known), id_token=id_token)) == messages


def test_a_reset_is_done_when_it_has_started_again() -> None:
    order = translated(GOE, "reset", known_of(GOE, ("rbc", b"7")), kind="hard")

    assert answers(order, ("rst/result", b"success"), ("rbc", b"7"), ("rbc", b"8")) == [
        Answer.ACCEPTED,
        None,
        Answer.COMPLETED,
    ]


def test_a_reset_that_another_process_sent_is_done_when_it_is_up_for_less_long() -> None:
    order = sent_before(GOE, "reset", T0 - timedelta(seconds=30), kind="hard")

    assert answers(order, ("rbc", b"8"), ("rbt", b"31000"), ("rbt", b"29000")) == [
        None,
        None,
        Answer.COMPLETED,
    ]


def test_a_refused_reset_is_rejected() -> None:
    assert answers(translated(GOE, "reset", kind="soft"), ("rst/result", b"no")) == [Answer.REJECTED]


@pytest.mark.parametrize("command", ["unlock", "update_firmware"])
def test_what_it_cannot_do_is_refused(command: str) -> None:
    with pytest.raises(CommandNotTaken, match="go-e"):
        translated(GOE, command)
