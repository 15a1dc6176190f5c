"""OpenEVSE: its states, what its registers are worth, and what becomes of commands."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from solarrally.dialects.family import Said
from solarrally.dialects.openevse import FAULTS, OPENEVSE, STATES, place
from solarrally.dialects.routes import Routes
from solarrally.domain.command import Answer
from solarrally.domain.reading import Reading
from solarrally.errors import CommandNotTaken, RejectedMessage
from tests.builders import T0, at, fold
from tests.support.dialects import Conversation
from tests.support.orders import answers, details, known_of, sent, sent_before, translated


def told(*messages: tuple[str, bytes]) -> Said:
    known = known_of(OPENEVSE, *messages)
    return OPENEVSE.tell(known, known)


# OpenEVSE/OpenEVSE_Lib:src/openevse.h, OPENEVSE_STATE_…; 12 and 13 are reserved in the controller
VENDORS_STATES = {*range(18), 254, 255}


def test_every_state_of_the_vendor_has_a_meaning() -> None:
    assert VENDORS_STATES == STATES


@pytest.mark.parametrize(
    ("state", "status", "error_code"),
    [
        (0, "unavailable", None),
        (1, "available", None),
        (2, "preparing", None),
        (3, "charging", None),
        (4, "faulted", "OtherError"),
        (5, "faulted", "EVCommunicationError"),
        (6, "faulted", "GroundFailure"),
        (7, "faulted", "GroundFailure"),
        (8, "faulted", "PowerSwitchFailure"),
        (9, "faulted", "InternalError"),
        (10, "faulted", "HighTemperature"),
        (11, "faulted", "OverCurrentFailure"),
        (12, "faulted", "OtherError"),
        (13, "faulted", "OtherError"),
        (14, "faulted", "PowerSwitchFailure"),
        (15, "faulted", "OtherError"),
        (16, "faulted", "OtherError"),
        (17, "faulted", "InternalError"),
        (254, None, None),
        (255, "unavailable", None),
    ],
)
def test_a_state_is_a_status(state: int, status: str | None, error_code: str | None) -> None:
    said = told(("state", b"%d" % state))
    assert (said["status"], said["error_code"]) == (status, error_code)


@pytest.mark.parametrize("state", [18, 99, 253, 256, -1, 2.5])
def test_a_state_of_no_document_is_rejected(state: float) -> None:
    with pytest.raises(RejectedMessage, match="no state"):
        OPENEVSE.read("state", str(state).encode())


@pytest.mark.parametrize(
    ("vehicle", "flags", "status"),
    [(b"1", b"0", "suspendedevse"), (b"0", b"256", "available"), (None, b"320", "suspendedevse")],
)
def test_who_sleeps_is_suspended_where_a_vehicle_is(vehicle: bytes | None, flags: bytes, status: str) -> None:
    messages = [("state", b"254"), ("flags", flags)] + ([("vehicle", vehicle)] if vehicle else [])
    assert told(*messages)["status"] == status


def test_a_fault_needs_no_vehicle() -> None:
    for state in FAULTS:
        assert told(("state", b"%d" % state), ("vehicle", b"0"))["status"] == "faulted"


def test_topics_of_it_and_of_others() -> None:
    announced = place(["openevse", "announce", "7b2c"])
    assert announced is not None
    assert announced.is_shared
    assert announced.base_topic == "openevse-7b2c"
    value = place(["openevse-7b2c", "rapi", "out"])
    assert value is not None
    assert (value.evse_uid, value.key, value.is_shared) == ("openevse-7b2c", "rapi/out", False)
    assert place(["openevse", "7b2c", "amp"]) is None
    assert place(["openevse-7b2c"]) is None


def test_a_device_cannot_announce_another_below_its_own_base_topic() -> None:
    assert OPENEVSE.read("announce", b'{"state": "disconnected", "mqtt": "openevse-other"}') is None


@pytest.mark.parametrize("claimed", ["openevse-55ad", "openevse-55ad/", "openevse-55ad/sub"])
def test_where_another_publishes_from_the_factory_is_not_for_it_to_announce(claimed: str) -> None:
    """Also where that one has not been heard yet."""
    routes = Routes(families=[OPENEVSE])
    mine, other = (routes.find(f"openevse/announce/{short_id}") for short_id in ("7b2c", "55ad"))

    assert not routes.announce(claimed, "openevse/announce/7b2c", mine)
    assert routes.announce("openevse-55ad", "openevse/announce/55ad", other)
    assert routes.announce("openevse-7b2c", "openevse/announce/7b2c", mine)


def test_a_base_topic_that_only_looks_like_one_from_the_factory_is_for_its_owner_to_announce() -> None:
    routes = Routes(families=[OPENEVSE])
    announcement = routes.find("openevse/announce/7b2c")

    assert routes.announce("openevse-garage", "openevse/announce/7b2c", announcement)
    assert routes.find("openevse-garage/amp").evse_uid == "openevse-7b2c"


def test_a_power_beyond_all_measure_is_not_computed() -> None:
    assert told(("amp", b"900000000"), ("voltage", b"900000000"))["power_w"] is None


# -- registers -----------------------------------------------------------------------------------


def readings_of(old_firmware: bool) -> list[Reading]:
    """Half an hour at 7,200 W, with the energy topics of either firmware."""
    device = Conversation(start=at(0))
    for minute in range(0, 31, 5):
        wh = minute * 120.0
        register_wh = 191_895.0 if old_firmware else 191_895.0 + wh
        values = {
            "state": "3",
            "vehicle": "1",
            "session_energy": f"{wh:g}",
            "total_energy": f"{register_wh / 1000:g}",
            **({} if old_firmware else {"total_day": f"{wh / 1000:g}", "power": "7200"}),
        }
        for number, (key, value) in enumerate(values.items()):
            device.hear(f"openevse-7b2c/{key}", value, after_s=300.0 if minute and not number else 0.0)
    register_wh = 191_895.0 + 3600
    for number, (key, value) in enumerate({"state": "1", "total_energy": f"{register_wh / 1000:g}"}.items()):
        device.hear(f"openevse-7b2c/{key}", value, after_s=10.0 if not number else 0.0)
    return [reading for _, reading in device.end().readings]


@pytest.mark.parametrize("old_firmware", [False, True])
def test_a_charge_is_billed_whole_by_old_and_new_firmware(old_firmware: bool) -> None:
    [session] = fold(readings_of(old_firmware))
    assert session.energy.figures().energy_wh == 3600


@pytest.mark.parametrize("old_firmware", [False, True])
def test_a_register_that_stands_still_during_a_charge_is_not_told(old_firmware: bool) -> None:
    registers = [reading.energy_register_wh for reading in readings_of(old_firmware)]
    assert (set(registers) == {None}) is old_firmware


def test_a_register_in_kwh_is_not_taken_for_wh() -> None:
    assert told(("total_energy", b"361"), ("total_day", b"1"))["energy_wh"] == 361_000


# -- commands ------------------------------------------------------------------------------------

ACTIVE, DISABLED = b'{"state":"active","auto_release":true}', b'{"state":"disabled","auto_release":true}'
NONE = b'{"state":"null"}'


@pytest.mark.parametrize(
    ("command", "params", "payload", "shown"),
    [
        ("start", {}, {"state": "active"}, ACTIVE),
        ("stop", {}, {"state": "disabled"}, DISABLED),
        ("pause", {}, {"state": "disabled"}, DISABLED),
        ("set_current_limit", {"limit_a": 0}, {"state": "disabled"}, DISABLED),
    ],
)
def test_a_command_is_an_override_and_its_document_the_answer(
    command: str, params: dict[str, float], payload: dict[str, str], shown: bytes
) -> None:
    known = known_of(OPENEVSE, ("override", DISABLED if shown == ACTIVE else ACTIVE))
    order = translated(OPENEVSE, command, known, **params)

    [(key, sent_payload)] = sent(order)
    assert (key, json.loads(sent_payload)) == ("override/set", payload)
    assert answers(order, ("override/set", sent_payload), ("amp", b"0"), ("override", shown)) == [
        None,
        None,
        Answer.COMPLETED,
    ]


def test_resume_takes_the_override_back() -> None:
    order = translated(OPENEVSE, "resume", known_of(OPENEVSE, ("override", DISABLED)))

    assert sent(order) == [("override/set", b"clear")]
    assert answers(order, ("override/set", b"clear"), ("override", ACTIVE), ("override", NONE)) == [
        None,
        None,
        Answer.COMPLETED,
    ]


def test_a_command_that_changes_nothing_is_done_with_the_next_message() -> None:
    order = translated(OPENEVSE, "resume", known_of(OPENEVSE, ("override", NONE)))

    assert answers(order, ("amp", b"0")) == [Answer.COMPLETED]


def test_a_limit_is_a_claim_in_whole_ampere() -> None:
    order = translated(OPENEVSE, "set_current_limit", limit_a=13.9)

    [(key, payload)] = sent(order)
    assert (key, json.loads(payload)) == ("claim/set", {"max_current": 13})
    claimed = b'{"max_current":%d,"auto_release":false}'
    assert answers(order, ("claim", claimed % 16), ("claim", claimed % 13)) == [None, Answer.COMPLETED]
    assert details(order, ("amp", b"0")) == ["it set 13 A instead of 13.9 A"]


@pytest.mark.parametrize(
    ("config", "detail"),
    [
        (b'{"max_current_soft":24}', "max_current_soft of its settings allows 24 A"),
        (b'{"max_current_soft":32}', None),
        (b'{"max_current_soft":0}', None),
        (b"{}", None),
    ],
)
def test_a_limit_above_that_of_its_settings_is_taken_and_told(config: bytes, detail: str | None) -> None:
    """The gateway shows the claim as it was made, and offers the smallest of all."""
    order = translated(OPENEVSE, "set_current_limit", known_of(OPENEVSE, ("config", config)), limit_a=32)

    assert details(order, ("claim", b'{"max_current":32}')) == [detail]


def test_a_limit_takes_a_pause_back() -> None:
    order = translated(OPENEVSE, "set_current_limit", known_of(OPENEVSE, ("override", DISABLED)), limit_a=10)

    assert [key for key, _ in sent(order)] == ["claim/set", "override/set"]
    assert sent(order)[1] == ("override/set", b"clear")
    assert answers(order, ("claim", b'{"max_current":10}'), ("override", NONE)) == [None, Answer.COMPLETED]


@pytest.mark.parametrize(("kind", "devices"), [("soft", ["gateway"]), ("hard", ["evse", "gateway"])])
def test_a_reset_is_done_when_the_uptime_begins_anew(kind: str, devices: list[str]) -> None:
    order = translated(OPENEVSE, "reset", known_of(OPENEVSE, ("uptime", b"86400")), kind=kind)

    assert [(key, json.loads(payload)) for key, payload in sent(order)] == [
        ("restart", {"device": device}) for device in devices
    ]
    assert answers(order, ("uptime", b"86430"), ("amp", b"0"), ("uptime", b"12")) == [
        None,
        None,
        Answer.COMPLETED,
    ]


def test_a_reset_that_another_process_sent_is_done_when_it_is_up_for_less_long() -> None:
    order = sent_before(OPENEVSE, "reset", T0 - timedelta(seconds=30), kind="soft")

    assert answers(order, ("uptime", b"60"), ("uptime", b"29")) == [None, Answer.COMPLETED]


@pytest.mark.parametrize("command", ["unlock", "update_firmware"])
def test_what_it_cannot_do_is_refused(command: str) -> None:
    with pytest.raises(CommandNotTaken, match="OpenEVSE"):
        translated(OPENEVSE, command)
