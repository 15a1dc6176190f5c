"""Commands go out while this process leads and the broker is there; nothing goes out too late."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from uuid import UUID, uuid5

import pytest
from structlog.testing import capture_logs

from solarrally.dialects.family import Family, Heard, Order, Outcome, Outgoing, Place, Translation
from solarrally.dialects.routes import Routes
from solarrally.domain.command import Answer, CommandResult, answered, given_to_broker
from solarrally.domain.fleet import StationRoute
from solarrally.domain.update import CommandUpdate
from solarrally.errors import CommandNotTaken, StoreUnavailable
from solarrally.ingest.devices import Devices
from solarrally.ingest.dispatch import SENT_AT_ONCE, Dispatch, DispatchRules
from solarrally.ingest.fates import FateCount
from solarrally.ingest.ports import OutgoingCommand
from solarrally.ingest.translation import wire_payload, worded
from tests.builders import at
from tests.unit.ingest.test_command_results import ID, a_command


def translate(order: Order) -> Translation:
    """A device that takes a current limit, and says `ok` on the topic `limit`."""
    if order.command != "set_current_limit":
        raise CommandNotTaken(f"it has no word for {order.command}")
    payload = f"{order.params['limit_a']:g}".encode()

    def confirmation(heard: Heard) -> Outcome | None:
        return Outcome(Answer.COMPLETED) if (heard.key, heard.payload) == ("limit", b"ok") else None

    return Translation([Outgoing("limit/set", payload)], confirmation)


BOX = Family(name="box", vendor="Box Ltd", read=lambda key, payload: {}, translate=translate)
BOX_AT_HOME = replace(
    BOX, place=lambda levels: Place("/".join(levels[:2]), f"box-{levels[1]}", "/".join(levels[2:]))
)
MUTE = Family(name="mute", vendor="Box Ltd", read=lambda key, payload: {})
ROUTES = Routes(registered=[BOX, MUTE])


@dataclass
class FakeOutbox:
    """`ingest.ports.CommandOutbox`: `waiting` are pending; faults are raised by the next statements."""

    waiting: list[OutgoingCommand] = field(default_factory=list)
    sent: list[UUID] = field(default_factory=list)
    sent_before: list[OutgoingCommand] = field(default_factory=list)
    """By another process, and not at an end."""
    lapsing: list[UUID] = field(default_factory=list)
    lapses: list[bool] = field(default_factory=list)
    """Of each call of `lapse`, whether those of stations could lapse."""
    faults: list[Exception | None] = field(default_factory=list)
    turns_left: int = 1
    is_connected: bool = False
    status: str = "pending"
    """Of what is marked sent, by then."""

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        self.is_connected = True
        try:
            yield
        finally:
            self.is_connected = False

    async def claim(self, limit: int) -> list[OutgoingCommand]:
        self._maybe_fail()
        return self.waiting[:limit]

    async def under_way(self) -> list[OutgoingCommand]:
        return self.sent_before

    async def mark_sent(self, ids: Collection[UUID]) -> list[CommandUpdate]:
        self._maybe_fail()
        self.waiting = [one for one in self.waiting if one.id not in ids]
        self.sent += ids
        changed = [given_to_broker(replace(a_command(self.status, one), sent_at=None), at(5)) for one in ids]
        return [one for one in changed if one is not None]

    async def answer(self, results: Sequence[CommandResult]) -> list[CommandUpdate]:
        self.waiting = [one for one in self.waiting if one.id not in {each.command_id for each in results}]
        changed = [answered(a_command("pending", each.command_id), each, at(5)) for each in results]
        return [one for one in changed if one is not None]

    async def lapse(self, *, of_stations: bool, completion_timeout_s: float) -> list[CommandUpdate]:
        self.lapses.append(of_stations)
        lapsing, self.lapsing = self.lapsing, []
        return [replace(a_command("timed_out", one), finished_at=at(5)) for one in lapsing]

    async def wait(self, timeout_s: float) -> None:
        self.turns_left -= 1
        if self.turns_left <= 0:
            raise asyncio.CancelledError

    def _maybe_fail(self) -> None:
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            raise fault


@dataclass
class FakePublisher:
    """`ingest.ports.CommandPublisher`: a broker that acknowledges everything, or nothing."""

    is_connected: bool = True
    acknowledges: bool = True
    published: list[tuple[str, bytes, int]] = field(default_factory=list)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[None]:
        yield

    async def publish(self, topic: str, payload: bytes, *, expires_in_s: int) -> bool:
        self.published.append((topic, payload, expires_in_s))
        return self.acknowledges


def outgoing(number: int = 0, **changes: object) -> OutgoingCommand:
    values: dict[str, object] = {
        "id": uuid5(ID, str(number)),
        "evse_uid": "cp1",
        "dialect": "native",
        "base_topic": None,
        "connector_id": 1,
        "command": "set_current_limit",
        "params": {"limit_a": 16.0},
        "expires_at": at(30),
        "expires_in_s": 29.7,
        "tried_at": at(0),
    }
    return OutgoingCommand(**{**values, **changes})  # type: ignore[arg-type]


def make(
    outbox: FakeOutbox,
    publisher: FakePublisher,
    *,
    leads: bool = True,
    is_caught_up: bool = True,
    devices: Devices | None = None,
) -> tuple[Dispatch, FateCount]:
    counts = FateCount()
    return (
        Dispatch(
            outbox,
            publisher,
            DispatchRules(),
            counts,
            routes=ROUTES,
            devices=devices or Devices(),
            is_leading=lambda: leads,
            is_caught_up=lambda: is_caught_up,
        ),
        counts,
    )


async def test_a_command_goes_to_its_stations_topic_with_what_is_left_of_its_time() -> None:
    outbox, publisher = FakeOutbox([outgoing()]), FakePublisher()
    dispatch, counts = make(outbox, publisher)

    assert await dispatch.turn() == 1

    [(topic, payload, expires_in_s)] = publisher.published
    assert topic == f"evse/cp1/commands/{outgoing().id}"
    assert json.loads(payload) == {
        "command": "set_current_limit",
        "params": {"limit_a": 16.0},
        "expires_at": at(30).isoformat().replace("+00:00", "Z"),
        "connector_id": 1,
    }
    assert expires_in_s == 29  # never longer than the command itself
    assert outbox.sent == [outgoing().id]
    assert counts.commands == {"sent": 1}


def test_a_command_to_the_whole_station_names_no_connector() -> None:
    assert "connector_id" not in json.loads(wire_payload(outgoing(connector_id=None)))


async def test_an_answer_that_was_faster_than_the_broker_is_not_counted_twice() -> None:
    outbox = FakeOutbox([outgoing()], status="completed")
    dispatch, counts = make(outbox, FakePublisher())

    await dispatch.turn()

    assert counts.commands == {"sent": 1}


async def test_what_the_broker_does_not_acknowledge_stays_in_the_outbox() -> None:
    outbox, publisher = FakeOutbox([outgoing()]), FakePublisher(acknowledges=False)
    dispatch, counts = make(outbox, publisher)

    assert await dispatch.turn() == 0

    assert outbox.waiting == [outgoing()]
    assert not counts.commands


async def test_nothing_is_claimed_while_the_broker_is_away_and_time_goes_on() -> None:
    outbox, publisher = FakeOutbox([outgoing()], faults=[AssertionError()]), FakePublisher(is_connected=False)

    await make(outbox, publisher)[0].turn()

    assert outbox.lapses == [True]


@pytest.mark.parametrize("is_caught_up", [True, False])
async def test_silence_of_stations_counts_only_when_all_they_said_was_taken_in(is_caught_up: bool) -> None:
    outbox = FakeOutbox()

    await make(outbox, FakePublisher(), is_caught_up=is_caught_up)[0].turn()

    assert outbox.lapses == [is_caught_up]


async def test_a_crash_between_sending_and_noting_it_sends_the_same_command_again() -> None:
    outbox, publisher = FakeOutbox([outgoing()], faults=[None, StoreUnavailable("gone")]), FakePublisher()
    dispatch, _ = make(outbox, publisher)
    with pytest.raises(StoreUnavailable):
        await dispatch.turn()

    await dispatch.turn()

    assert len({topic for topic, _, _ in publisher.published}) == 1
    assert len(publisher.published) == 2
    assert outbox.waiting == []


async def test_more_than_fit_one_turn_are_sent_without_waiting() -> None:
    outbox = FakeOutbox([outgoing(number) for number in range(2 * SENT_AT_ONCE + 1)])
    dispatch, _ = make(outbox, FakePublisher())

    with pytest.raises(asyncio.CancelledError):  # by the first wait
        await dispatch.run()

    assert len(outbox.sent) == 2 * SENT_AT_ONCE + 1


@pytest.mark.parametrize(
    ("fault", "failures"), [(StoreUnavailable("gone"), 0), (RuntimeError("a mistake of ours"), 1)]
)
async def test_it_goes_on_after_a_failure(fault: Exception, failures: int) -> None:
    outbox = FakeOutbox([outgoing()], faults=[fault])
    dispatch, counts = make(outbox, FakePublisher())

    with capture_logs() as logs, pytest.raises(asyncio.CancelledError):
        await dispatch.run()

    assert outbox.sent == [outgoing().id]
    assert counts.command_failures == failures
    assert logs[0]["event"] in ("command_outbox_unavailable", "command_dispatch_failed")


async def test_a_standby_does_not_even_connect() -> None:
    outbox = FakeOutbox([outgoing()])
    dispatch, _ = make(outbox, FakePublisher(), leads=False)
    task = asyncio.create_task(dispatch.run())
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert not outbox.is_connected
    assert outbox.lapses == []
    task.cancel()


async def test_parameters_are_not_logged() -> None:
    outbox = FakeOutbox([outgoing(params={"id_token": "04A2B3C4"})])

    with capture_logs() as logs:
        await make(outbox, FakePublisher())[0].turn()

    assert [entry["event"] for entry in logs] == ["command_changed"]
    assert "04A2B3C4" not in str(logs)


async def test_a_device_of_another_family_is_asked_in_its_own_words_below_its_base_topic() -> None:
    outbox, publisher = FakeOutbox([outgoing(dialect="box", base_topic="/home/box")]), FakePublisher()

    assert await make(outbox, publisher)[0].turn() == 1

    assert [(topic, payload) for topic, payload, _ in publisher.published] == [("/home/box/limit/set", b"16")]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"dialect": "box", "command": "reset", "base_topic": "b"}, "it has no word for reset"),
        ({"dialect": "mute", "base_topic": "b"}, "mute takes no commands"),
        ({"dialect": "gone"}, "this version does not speak gone"),
        ({"dialect": "box"}, "nothing was heard from it yet"),
    ],
)
async def test_what_a_device_does_not_take_is_rejected_with_the_reason(
    changes: dict[str, object], reason: str
) -> None:
    outbox, publisher = FakeOutbox([outgoing(0, **changes)]), FakePublisher()
    dispatch, counts = make(outbox, publisher)

    with capture_logs() as logs:
        await dispatch.turn()

    assert not publisher.published
    assert not outbox.waiting
    assert counts.commands == {"rejected": 1}
    assert logs  # somebody will look for the reason
    [refusal] = dispatch._word([outgoing(0, **changes)])[1]
    assert reason in (refusal.detail or "")


def heard(devices: Devices, topic: str, routes: Routes) -> None:
    devices.at(routes.find(topic))


async def test_a_command_goes_where_the_station_publishes_now_and_to_nobody_else() -> None:
    """Two stations exchange their base topics, and nothing was heard since."""
    routes, devices = Routes(registered=[BOX]), Devices()
    routes.learn([StationRoute("one", "box", "pb/one"), StationRoute("two", "box", "pb/two")])
    for topic in ("pb/one/watts", "pb/two/watts"):
        heard(devices, topic, routes)
    routes.learn([StationRoute("one", "box", "pb/two"), StationRoute("two", "box", "pb/one")])

    words = worded(outgoing(0, evse_uid="one", dialect="box", base_topic="pb/two"), routes, devices)

    assert [topic for topic, _ in words.messages] == ["pb/two/limit/set"]


async def test_what_a_station_is_heard_to_speak_counts_more_than_what_it_is_registered_to_speak() -> None:
    routes, devices = Routes(families=[BOX_AT_HOME]), Devices()
    heard(devices, "box/1/watts", routes)

    words = worded(outgoing(0, evse_uid="box-1", dialect="native"), routes, devices)

    assert [topic for topic, _ in words.messages] == ["box/1/limit/set"]


def expected_by(outbox: FakeOutbox, devices: Devices) -> set[UUID]:
    """What is waited for after one time in the lead."""
    dispatch, _ = make(outbox, FakePublisher(), devices=devices)
    with pytest.raises(asyncio.CancelledError):  # by the first wait
        asyncio.run(dispatch.run())
    return devices.expected


def test_what_another_process_sent_to_a_device_without_answers_is_waited_for_again() -> None:
    devices = Devices()
    sent_before = [
        outgoing(1, dialect="box"),
        outgoing(2, dialect="native"),  # answers itself
        outgoing(3, dialect="mute"),
        outgoing(4, dialect="gone"),
        outgoing(5, dialect="box", command="reset"),
    ]

    assert expected_by(FakeOutbox(sent_before=sent_before), devices) == {outgoing(1).id}


def test_what_ended_while_another_process_led_is_no_longer_waited_for() -> None:
    devices = Devices()
    expected_by(FakeOutbox(sent_before=[outgoing(1, dialect="box"), outgoing(2, dialect="box")]), devices)

    assert expected_by(FakeOutbox(sent_before=[outgoing(2, dialect="box")]), devices) == {outgoing(2).id}


async def test_what_is_waited_for_ends_with_its_command() -> None:
    devices = Devices()
    outbox = FakeOutbox([outgoing(dialect="box", base_topic="home/box")])
    dispatch, _ = make(outbox, FakePublisher(), devices=devices)
    await dispatch.turn()
    assert devices.expected == {outgoing().id}

    outbox.lapsing = [outgoing().id]
    await dispatch.turn()

    assert devices.expected == set()
