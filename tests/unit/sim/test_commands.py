"""What simulated stations do about commands: visible in what they send, refused if impossible, once each."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from solarrally_sim.command import (
    Command,
    RefusedError,
    UnreadableCommandError,
    carry_out,
    next_version,
    read_command,
)
from solarrally_sim.fleet import build_fleet, fleet_messages
from solarrally_sim.message import Message
from solarrally_sim.notices import Notices
from solarrally_sim.obedience import Obedience
from solarrally_sim.payload import Status, Telemetry
from solarrally_sim.scenarios import scenario_named
from solarrally_sim.station import Station
from solarrally_sim.sunlight import Sky

NOON = datetime(2026, 6, 1, 10, 0, tzinfo=UTC)


def a_station(index: int = 0) -> Station:
    """Of the standard fleet; the first one charges from its second reading on."""
    sky = Sky(ZoneInfo("Europe/Zurich"), 7)
    return build_fleet(scenario_named("standard"), size=3, seed=7, sky=sky, interval_s=5.0)[index]


def after(station: Station, seconds: float) -> Telemetry:
    return station.step(NOON + timedelta(seconds=seconds))


def charging_station() -> Station:
    station = a_station()
    said = [after(station, seconds) for seconds in (0, 5, 10)][-1]
    assert said.status is Status.CHARGING
    assert said.power_w > 0
    return station


def told(word: str, *, connector_id: int | None = 1, **params: Any) -> Command:
    return Command(
        id="c1", word=word, params=params, expires_at=NOON + timedelta(minutes=1), connector_id=connector_id
    )


def events(messages: Sequence[Message]) -> list[tuple[str, dict[str, Any]]]:
    return [(message.topic.split("/", 2)[2], json.loads(message.payload)) for message in messages]


def test_a_paused_station_lets_nothing_flow_and_keeps_its_session_until_it_resumes() -> None:
    station = charging_station()
    session_id = after(station, 15).session_id

    assert carry_out(station, told("pause"), NOON) == []
    paused = after(station, 20)
    energy_mwh = after(station, 25).total_mwh
    later = after(station, 300)
    carry_out(station, told("resume"), NOON)
    resumed = after(station, 305)

    assert (paused.status, paused.power_w, paused.current_a) == (Status.SUSPENDED_EVSE, 0.0, 0.0)
    assert (later.session_id, later.total_mwh) == (session_id, energy_mwh)
    assert (resumed.status, resumed.session_id) == (Status.CHARGING, session_id)
    assert resumed.power_w > 0


def test_a_limit_holds_the_current_down_and_outlasts_the_session() -> None:
    station = charging_station()

    carry_out(station, told("set_current_limit", limit_a=8), NOON)
    limited = after(station, 15)
    carry_out(station, told("stop"), NOON)
    carry_out(station, told("start"), NOON)
    again = after(station, 20)

    assert limited.current_a == again.current_a == 8.0
    assert limited.power_w == pytest.approx(8.0 * limited.voltage_v, abs=0.01)


def test_a_limit_of_0_pauses_and_a_higher_one_resumes() -> None:
    station = charging_station()

    carry_out(station, told("set_current_limit", limit_a=0), NOON)
    assert after(station, 15).status is Status.SUSPENDED_EVSE
    carry_out(station, told("set_current_limit", limit_a=80), NOON)

    assert after(station, 20).power_w > 0


@pytest.mark.parametrize(
    ("word", "params", "reason"),
    [
        ("stop", {}, "Remote"),
        ("unlock", {}, "UnlockCommand"),
        ("reset", {"kind": "soft"}, "SoftReset"),
        ("reset", {"kind": "hard"}, "HardReset"),
    ],
)
def test_what_ends_a_session_says_why_after_its_last_reading(
    word: str, params: dict[str, Any], reason: str
) -> None:
    station = charging_station()
    last = after(station, 15)

    [(kind, said)] = events(carry_out(station, told(word, **params), NOON))

    assert (kind, said["reason"], said["session_id"]) == ("session/ended", reason, last.session_id)
    assert datetime.fromisoformat(said["timestamp"]) > last.ts
    assert after(station, 20).session_id != last.session_id


def test_a_start_begins_a_session_for_a_token() -> None:
    station = a_station(2)
    after(station, 0)

    [(kind, said)] = events(carry_out(station, told("start", id_token="04A2"), NOON))
    begun = after(station, 5)

    assert (kind, said["id_token"]) == ("session/started", "04A2")
    assert (begun.status, begun.session_id) == (Status.CHARGING, said["session_id"])


def test_an_update_changes_the_firmware_that_a_station_states() -> None:
    station = a_station(2)
    before = station.firmware

    carry_out(station, told("update_firmware", url="https://example.com/a", connector_id=None), NOON)

    assert station.firmware == next_version(before) != before
    assert station.is_away


@pytest.mark.parametrize(("old", "new"), [("1.4.2", "1.4.3"), ("9", "10"), ("beta", "beta.1")])
def test_the_next_version_counts_up(old: str, new: str) -> None:
    assert next_version(old) == new


def test_a_station_that_restarts_sends_no_readings() -> None:
    station = a_station()
    messages = fleet_messages([station, a_station(2)], start=NOON, interval_s=5.0, duration_s=20.0)
    station.is_away = True

    assert {message.topic for message in messages} == {"evse/evse_unit_03/telemetry"}


@pytest.mark.parametrize(
    ("command", "detail"),
    [
        (told("start"), "the connector is charging"),
        (told("stop", session_id="another"), "another session is running"),
        (told("resume"), "nothing to resume"),
        (told("update_firmware", url="https://example.com/a"), "a session is running"),
        (told("set_current_limit", limit_a=3), "the limit must be 0, or 6 to 80 A"),
        (told("set_current_limit", limit_a="16"), "the limit must be 0, or 6 to 80 A"),
        (told("set_current_limit"), "the limit must be 0, or 6 to 80 A"),
        (told("pause", connector_id=2), "no such connector"),
        (told("explode"), "not supported"),
    ],
)
def test_what_is_impossible_is_refused_and_changes_nothing(command: Command, detail: str) -> None:
    station = charging_station()
    twin = charging_station()

    with pytest.raises(RefusedError, match=detail):
        carry_out(station, command, NOON)

    assert after(station, 15) == after(twin, 15)


def test_an_idle_station_has_nothing_to_stop_or_pause() -> None:
    station = a_station(2)
    after(station, 0)

    for word in ("stop", "pause", "resume"):
        with pytest.raises(RefusedError):
            carry_out(station, told(word), NOON)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff",
        b"[]",
        b'"stop"',
        b"{}",
        b'{"command":"stop"}',
        b'{"command":"stop","expires_at":"soon"}',
        b'{"command":"stop","expires_at":"2026-06-01T10:00:00"}',
        b'{"command":"stop","expires_at":5}',
        b'{"command":"stop","params":[1],"expires_at":"2026-06-01T10:00:00Z"}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_command_is_refused(payload: bytes) -> None:
    with pytest.raises(UnreadableCommandError):
        read_command("c1", payload)


class Wire:
    """A connection that records what is sent."""

    def __init__(self) -> None:
        self.births: Sequence[Message] = []
        self.sent: list[Message] = []

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def said(self) -> list[tuple[str, dict[str, Any]]]:
        return events(self.sent)


async def obeyed(station: Station, *payloads: tuple[str, dict[str, Any]]) -> Wire:
    """What the station says to these commands, heard at once."""
    wire = Wire()
    obedience = Obedience([station], Notices(), restart_s=0.0, now=lambda: NOON)
    obedience.connect([station], wire)
    for command_id, said in payloads:
        body = {"expires_at": "2026-06-01T10:01:00Z", **said}
        obedience.hear(f"evse/{station.evse_uid}/commands/{command_id}", json.dumps(body).encode())
    await obedience.finished()
    return wire


async def test_a_command_is_accepted_done_and_completed() -> None:
    wire = await obeyed(charging_station(), ("c1", {"command": "stop"}))

    assert [topic for topic, _ in wire.said] == ["results/c1", "session/ended", "results/c1"]
    assert wire.said[0][1] == {"status": "accepted"}
    assert wire.said[2][1] == {"status": "completed"}


async def test_commands_are_obeyed_in_the_order_in_which_they_come() -> None:
    wire = await obeyed(
        charging_station(),
        ("c1", {"command": "reset"}),
        ("c2", {"command": "start"}),
        ("c3", {"command": "stop"}),
    )

    answers = [(topic, said["status"]) for topic, said in wire.said if topic.startswith("results/")]
    assert answers == [(f"results/c{n}", word) for n in (1, 2, 3) for word in ("accepted", "completed")]


async def test_a_repeated_command_is_answered_again_and_not_done_again() -> None:
    wire = await obeyed(charging_station(), ("c1", {"command": "stop"}), ("c1", {"command": "stop"}))

    assert [said.get("status") for _, said in wire.said] == ["accepted", None, "completed", "completed"]


async def test_an_expired_command_is_rejected() -> None:
    station = charging_station()

    wire = await obeyed(station, ("c1", {"command": "stop", "expires_at": "2026-06-01T10:00:00Z"}))

    assert wire.said == [("results/c1", {"status": "rejected", "detail": "expired"})]
    assert station.has_session


async def test_a_reset_goes_offline_and_comes_back() -> None:
    station = charging_station()

    wire = await obeyed(station, ("c1", {"command": "reset", "params": {"kind": "hard"}}))

    states = [said["state"] for topic, said in wire.said if topic == "status"]
    assert states == ["offline", "online"]
    assert wire.said[-1] == ("results/c1", {"status": "completed"})
    assert not station.is_away


async def test_an_updated_station_says_its_new_firmware_now_and_at_every_connect() -> None:
    params = {"url": "https://example.com/a", "version": "9.9.9"}

    wire = await obeyed(a_station(2), ("c1", {"command": "update_firmware", "params": params}))

    assert [said["firmware"] for _, said in wire.said if said.get("state") == "online"] == ["9.9.9"]
    assert [json.loads(birth.payload)["firmware"] for birth in wire.births] == ["9.9.9"]


async def test_a_mistake_of_ours_is_not_hidden() -> None:
    station, problems = charging_station(), []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
    obedience = Obedience([station], Notices(), now=lambda: NOON)

    class Broken(Wire):
        async def send(self, message: Message) -> None:
            raise RuntimeError

    obedience.connect([station], Broken())
    obedience.hear(f"evse/{station.evse_uid}/commands/c1", b"{}")
    await obedience.finished()

    assert len(problems) == 1
