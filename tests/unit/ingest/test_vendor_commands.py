"""A command in a device's own words does what it should, and is confirmed by what the device then says."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from solarrally.dialects.families import FAMILIES
from solarrally.dialects.family import Order
from solarrally.dialects.routes import Routes
from solarrally.ingest.devices import Device, Devices
from solarrally.ingest.moments import Moments
from solarrally.ingest.ports import Delivery
from solarrally_sim.vendors import Outgoing, make_device
from tests.support.vendor_replay import BEGAN_AT

COMMAND = UUID("0c0b8b1e-0000-4000-8000-000000000001")
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
        self._simulated = make_device(
            family, "000001", cycles=1, energy_wh=20_000, idle_s=5, pause_s=0, seed=3
        )
        self._devices = Devices()
        self._moments = Moments(Routes(families=[self.family]), self._devices)

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
        device.expect(COMMAND, translation.confirmation, self.now + timedelta(seconds=SLOW_S))
        for message in translation.messages:
            topic = f"{device.wire_base}{message.key}"
            self._hear(self._simulated.receive(topic, message.payload, self.now))

    def _hear(self, said: Iterable[Outgoing]) -> None:
        deliveries = [
            Delivery(each.topic, each.payload, each.qos, False, False, _at(each, self.now), 1, 1)
            for each in said
        ]
        for delivery in self._moments.take(deliveries, self.now).whole:
            told = json.loads(delivery.payload) if delivery.payload[:1] == b"{" else {}
            if "/results/" in delivery.topic:
                self.answers.append(told)
            elif delivery.topic.endswith("/telemetry"):
                self.power_w = told.get("power_w", self.power_w)
                self.status = told.get("status", self.status)


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
