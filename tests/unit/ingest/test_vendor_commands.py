"""A command in a device's own words does what it should, and is confirmed by what the device then says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from solarrally.dialects.families import FAMILIES
from solarrally.dialects.family import Confirmation, Order
from solarrally.dialects.routes import Route, Routes
from solarrally.domain.fleet import StationRoute
from solarrally.ingest.devices import Device, Devices, Expected
from solarrally.ingest.moments import Moments
from solarrally.ingest.ports import Delivery
from solarrally_sim.vendors import Outgoing, make_device
from tests.support.vendor_replay import BEGAN_AT

COMMAND = UUID("0c0b8b1e-0000-4000-8000-000000000001")
LATER_COMMAND = UUID("0c0b8b1e-0000-4000-8000-000000000002")
FULL_W, LIMITED_W = 11_040.0, 5_520.0
"""Three phases of 230 V at 16 A and at 8 A."""
SLOW_S = 65
"""Longer than any of them takes to say again what it is at."""


class Bench:
    """A simulated device, and our ears and voice, with nothing in between."""

    def __init__(self, family: str) -> None:
        self.family = FAMILIES[family]
        self.now = BEGAN_AT
        self.answers: list[dict[str, Any]] = []
        self.power_w = 0.0
        self.status = ""
        self._simulated = make_device(family, "1", cycles=1, energy_wh=20_000, idle_s=5, pause_s=0, seed=3)
        self._devices = Devices()
        self._moments = Moments(Routes(families=[self.family]), self._devices)
        self._kept: dict[str, Outgoing] = {}
        """Retained, by topic."""
        self._queue: list[Outgoing] | None = None
        """What the broker keeps for us while we are away."""

    @property
    def device(self) -> Device:
        [device] = self._devices
        return device

    def live(self, seconds: int) -> None:
        for _ in range(seconds):
            self._hear(self._simulated.tick(self.now))
            self.now += timedelta(seconds=1)

    def order(self, command: str, **params: Any) -> None:
        assert self.family.translate is not None
        device = self.device
        translation = self.family.translate(Order(command, params, device.known))
        self._expect(device, translation.confirmation)
        for message in translation.messages:
            topic = f"{device.wire_base}{message.key}"
            self._hear(self._simulated.receive(topic, message.payload, self.now))

    def order_and_die(self, command: str, away_s: int, *, is_lost: bool = False, **params: Any) -> None:
        """Another ingestor takes over after so long: from what the broker kept, and the table of commands."""
        assert self.family.translate is not None
        asked_at, device = self.now, self.device
        self._queue = []
        messages = self.family.translate(Order(command, params, device.known)).messages
        for message in [] if is_lost else messages:
            topic = f"{device.wire_base}{message.key}"
            self._hear(self._simulated.receive(topic, message.payload, self.now))
        self.live(away_s)
        queue, self._queue = self._queue, None
        self._devices = Devices()
        self._moments = Moments(Routes(families=[self.family]), self._devices)
        self._expect(device, self.family.translate(Order(command, params, {}, asked_at)).confirmation)
        self._take([_delivery(each, self.now, retained=True) for each in self._kept.values()])
        self._take([_delivery(each, self.now) for each in queue])

    def _expect(self, device: Device, confirmation: Confirmation) -> None:
        self._devices.expect(
            Expected(
                command_id=COMMAND,
                evse_uid=device.evse_uid,
                family=self.family,
                base_topic=device.base_topic,
                confirmation=confirmation,
            )
        )

    def _hear(self, said: Iterable[Outgoing]) -> None:
        said = list(said)
        self._kept |= {each.topic: each for each in said if each.retain}
        if self._queue is None:
            self._take([_delivery(each, self.now) for each in said])
        else:
            self._queue += [each for each in said if each.qos]

    def _take(self, deliveries: list[Delivery]) -> None:
        for delivery in self._moments.take(deliveries, self.now).whole:
            told = json.loads(delivery.payload) if delivery.payload[:1] == b"{" else {}
            if "/results/" in delivery.topic:
                self.answers.append(told)
            elif delivery.topic.endswith("/telemetry"):
                self.power_w = told.get("power_w", self.power_w)
                self.status = told.get("status", self.status)


def _delivery(said: Outgoing, now: datetime, *, retained: bool = False) -> Delivery:
    return Delivery(said.topic, said.payload, said.qos, retained, False, _at(said, now), 1, 1)


def _at(said: Outgoing, now: datetime) -> datetime:
    return now if said.at is None else max(said.at, now)


TAKING = [
    name
    for name, family in FAMILIES.items()
    if family.translate is not None and name not in ("wallbox", "tasmota")
]
"""No simulator; a plug that knows only on and off, and has tests of its own."""


@pytest.mark.parametrize("family", TAKING)
def test_a_current_limit_reaches_the_vehicle_and_is_confirmed(family: str) -> None:
    bench = Bench(family)
    bench.live(120)
    before_w = bench.power_w
    bench.order("set_current_limit", limit_a=8.0)
    bench.live(SLOW_S)

    assert before_w == pytest.approx(FULL_W, rel=0.05)
    assert bench.power_w == pytest.approx(LIMITED_W, rel=0.08)
    assert [answer["status"] for answer in bench.answers] == ["completed"]


@pytest.mark.parametrize("family", TAKING)
def test_a_stop_ends_the_charging_and_is_confirmed(family: str) -> None:
    bench = Bench(family)
    bench.live(120)
    bench.order("stop")
    bench.live(SLOW_S)

    assert bench.power_w == pytest.approx(0.0, abs=50)
    assert bench.status != "charging"
    assert [answer["status"] for answer in bench.answers] == ["completed"]


@pytest.mark.parametrize("family", TAKING)
def test_a_pause_ends_with_resume(family: str) -> None:
    bench = Bench(family)
    bench.live(120)
    bench.order("pause")
    bench.live(SLOW_S)
    paused_w, paused = bench.power_w, list(bench.answers)
    bench.order("resume")
    bench.live(SLOW_S)

    assert paused_w == pytest.approx(0.0, abs=50)
    assert bench.power_w == pytest.approx(FULL_W, rel=0.05)
    assert [answer["status"] for answer in (*paused, *bench.answers[len(paused) :])] == ["completed"] * 2


@pytest.mark.parametrize("family", TAKING)
@pytest.mark.parametrize(
    ("command", "params"), [("set_current_limit", {"limit_a": 8.0}), ("stop", {}), ("pause", {})]
)
def test_what_a_device_did_while_we_were_away_is_confirmed_by_what_it_says_then(
    family: str, command: str, params: dict[str, Any]
) -> None:
    bench = Bench(family)
    bench.live(120)
    bench.order_and_die(command, away_s=5, **params)
    bench.live(SLOW_S)

    assert [answer["status"] for answer in bench.answers] == ["completed"]


@pytest.mark.parametrize("family", ["goe", "openevse"])
def test_a_restart_while_we_were_away_shows_in_how_long_the_device_has_been_up(family: str) -> None:
    bench = Bench(family)
    bench.live(120)
    bench.order_and_die("reset", away_s=30, kind="soft")
    bench.live(SLOW_S)

    assert "completed" in [answer["status"] for answer in bench.answers]


@pytest.mark.parametrize("family", TAKING)
def test_what_a_device_was_not_told_is_not_confirmed_after_a_restart_of_ours(family: str) -> None:
    bench = Bench(family)
    bench.live(120)
    bench.order_and_die("pause", away_s=5, is_lost=True)
    bench.live(SLOW_S)

    assert bench.answers == []


LIMIT_SAID: dict[str, tuple[str, Callable[[int], str]]] = {
    "everest": ("var/limits", lambda limit_a: json.dumps({"max_current": limit_a})),
    "goe": ("amp", str),
    "openevse": ("claim", lambda limit_a: json.dumps({"max_current": limit_a})),
    "wallbox": ("max_charging_current/state", str),
    "warp": ("evse/external_current", lambda limit_a: json.dumps({"current": limit_a * 1000})),
}
"""Those that may cut a limit: where they say it, and how."""


class Garage:
    """A device at 32 A that was sent two limits at once."""

    def __init__(self, family: str, *limits_a: float) -> None:
        self.family = FAMILIES[family]
        self.routes = Routes(families=[self.family])
        self.routes.learn([StationRoute("garage", family, "home/box")])
        self.devices = Devices()
        self.moments = Moments(self.routes, self.devices)
        self.key, self.words = LIMIT_SAID[family]
        self.hear(self.key, self.words(32), 0)
        assert self.family.translate is not None
        for command_id, limit_a in zip((COMMAND, LATER_COMMAND), limits_a, strict=True):
            order = Order("set_current_limit", {"limit_a": limit_a}, self.devices.at(self.route).known)
            confirmation = self.family.translate(order).confirmation
            self.devices.expect(
                Expected(
                    command_id=command_id,
                    evse_uid="garage",
                    family=self.family,
                    base_topic="home/box",
                    confirmation=confirmation,
                )
            )

    @property
    def route(self) -> Route:
        return self.routes.find(f"home/box/{self.key}")

    def hear(self, key: str, payload: str, after_s: float) -> dict[str, str]:
        """What it shows of commands, by the end of their ids."""
        at = BEGAN_AT + timedelta(seconds=after_s)
        came = Delivery(f"home/box/{key}", payload.encode(), 0, False, False, at, 1, 1)
        whole = self.moments.take([came], at).whole
        return {
            each.topic[-1]: json.loads(each.payload)["detail"] for each in whole if "/results/" in each.topic
        }

    def say(self, limit_a: int, after_s: float) -> dict[str, str]:
        return self.hear(self.key, self.words(limit_a), after_s)


@pytest.mark.parametrize("family", LIMIT_SAID)
def test_a_limit_that_another_command_set_is_no_cut(family: str) -> None:
    garage = Garage(family, 6.0, 16.0)
    as_asked = f"the device says so on {garage.key}"

    assert garage.say(6, 1) == {"1": as_asked}
    assert garage.say(6, 2) == {}
    assert garage.say(16, 3) == {"2": as_asked}


@pytest.mark.parametrize("family", LIMIT_SAID)
def test_a_limit_that_a_later_command_set_is_no_cut_of_the_first(family: str) -> None:
    """A device that publishes each second may leave out what was between."""
    garage = Garage(family, 16.0, 6.0)

    assert garage.say(6, 1) == {"2": f"the device says so on {garage.key}"}


@pytest.mark.parametrize("family", ["wallbox", "goe"])
def test_a_cut_below_one_limit_after_another_was_set_is_told(family: str) -> None:
    garage = Garage(family, 6.0, 24.0)
    garage.say(6, 1)

    assert garage.say(16, 2) == {"2": "it set 16 A instead of 24 A"}


def test_the_answer_to_one_limit_does_not_end_the_wait_for_what_another_sets() -> None:
    garage = Garage("goe", 6.0, 16.0)
    garage.hear("amp/result", "success", 0.1)
    garage.say(6, 2.0)

    assert garage.hear("utc", "null", 2.3) == {}
    assert garage.say(16, 2.6) == {"2": "the device says so on amp"}
