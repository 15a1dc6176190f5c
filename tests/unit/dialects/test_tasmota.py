"""Tasmota: what a plug says of a connector, and what becomes of commands."""

from __future__ import annotations

import json

import pytest

from solarrally.dialects.family import Said
from solarrally.dialects.tasmota import TASMOTA
from solarrally.domain.command import Answer
from solarrally.domain.fleet import StationRoute
from solarrally.errors import CommandNotTaken, RejectedMessage
from tests.builders import T0, at, fold
from tests.support.dialects import Conversation
from tests.support.orders import answers, known_of, sent, sent_before, translated


def sensor(**energy: object) -> tuple[str, bytes]:
    return "SENSOR", json.dumps({"Time": "2018-02-06T21:31:58", "ENERGY": energy}).encode()


def told(*messages: tuple[str, bytes]) -> Said:
    known = known_of(TASMOTA, *messages)
    return TASMOTA.tell(known, known)


@pytest.mark.parametrize(
    ("power_w", "status"), [(0, "available"), (8.5, "available"), (100, "available"), (1400, "charging")]
)
def test_power_says_whether_somebody_charges(power_w: float, status: str) -> None:
    assert told(sensor(Power=power_w))["status"] == status


def test_a_relay_that_is_off_is_unavailable_whatever_it_measures() -> None:
    assert told(("STATE", b'{"POWER": "OFF"}'), sensor(Power=0))["status"] == "unavailable"
    assert told(("STATE", b'{"POWER1": "ON"}'), sensor(Power=0))["status"] == "available"


def test_what_is_not_measured_is_not_told() -> None:
    assert {name for name, value in told(sensor(Total=1.5)).items() if value is not None} == {"energy_wh"}
    assert told(("LWT", b"Online")) == {}


@pytest.mark.parametrize(
    ("key", "payload"),
    [
        ("SENSOR", b'{"ENERGY": 5}'),
        ("SENSOR", b'{"ENERGY": {"Power": [1, 2, 3, 4]}}'),
        ("SENSOR", b'{"ENERGY": {"Power": "73"}}'),
        ("SENSOR", b"[]"),
        ("LWT", b"offline"),
        ("stat/POWER", b"TOGGLE"),
    ],
)
def test_what_cannot_be_is_rejected(key: str, payload: bytes) -> None:
    with pytest.raises(RejectedMessage):
        TASMOTA.read(key, payload)


def test_a_charge_has_an_end() -> None:
    """A plug sees no vehicle; without a word on the connector the session would go on for ever."""
    plug = Conversation([StationRoute("plug", "tasmota", "tele/garage")], start=at(0))
    for minute, power_w in enumerate([5, 3600, 3600, 3600, 3600, 3600, 5, 5]):
        total_kwh = 10 + 0.06 * min(max(minute - 1, 0), 5)
        _, payload = sensor(Total=round(total_kwh, 3), Power=power_w)
        plug.hear("tele/garage/SENSOR", payload, after_s=60 if minute else 0)
    [session] = fold([reading for _, reading in plug.end().readings])

    assert session.ended_at == at(360)
    assert session.energy.figures().energy_wh == 300


COMMANDABLE = known_of(TASMOTA, ("tele/LWT", b"Online"))


@pytest.mark.parametrize(
    ("command", "params", "payload"),
    [
        ("start", {}, b"ON"),
        ("resume", {}, b"ON"),
        ("stop", {}, b"OFF"),
        ("pause", {}, b"OFF"),
        ("set_current_limit", {"limit_a": 0}, b"OFF"),
    ],
)
def test_a_command_switches_the_relay(command: str, params: dict[str, float], payload: bytes) -> None:
    order = translated(TASMOTA, command, COMMANDABLE, **params)

    assert sent(order) == [("cmnd/POWER", payload)]
    other = b"ON" if payload == b"OFF" else b"OFF"
    assert answers(order, ("cmnd/POWER", payload), ("stat/POWER", other), ("stat/POWER", payload)) == [
        None,
        None,
        Answer.COMPLETED,
    ]


def test_a_reset_is_done_when_it_introduces_itself() -> None:
    order = translated(TASMOTA, "reset", COMMANDABLE, kind="soft")

    assert sent(order) == [("cmnd/Restart", b"1")]
    assert answers(order, ("tele/STATE", b"{}"), ("tele/INFO1", b"{}")) == [None, Answer.COMPLETED]


def test_what_another_process_sent_to_it_is_shown_as_well() -> None:
    """Where its commands are is said on topics that are not retained."""
    order = sent_before(TASMOTA, "start", T0)

    assert answers(order, ("stat/POWER", b"ON")) == [Answer.COMPLETED]


def test_where_its_commands_are_not_below_the_base_topic_it_takes_none() -> None:
    with pytest.raises(CommandNotTaken, match="FullTopic"):
        translated(TASMOTA, "start", known_of(TASMOTA, ("LWT", b"Online")))


@pytest.mark.parametrize(
    ("command", "params"), [("set_current_limit", {"limit_a": 10}), ("unlock", {}), ("update_firmware", {})]
)
def test_what_it_cannot_do_is_refused(command: str, params: dict[str, float]) -> None:
    with pytest.raises(CommandNotTaken, match="only switches"):
        translated(TASMOTA, command, COMMANDABLE, **params)
