"""What a test reads off the wire of a simulated device, by the vendor's documents and nothing else.

These few lines are no decoder: per family the power and the register, for comparing them with the truth.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from solarrally_sim.vendors import Device, Outgoing, make_device

START = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
LONGEST_S = 20_000


@dataclass
class Played:
    """A device and everything it published, in order."""

    device: Device
    out: list[Outgoing] = field(default_factory=list)
    now: datetime = START

    def run(self, seconds: int, *, step_s: int = 1) -> list[Outgoing]:
        """Let time pass; what was published within it."""
        first = len(self.out)
        until = self.now + timedelta(seconds=seconds)
        if not self.out:
            self.out += self.device.tick(self.now)
        while self.now < until:
            self.now = min(until, self.now + timedelta(seconds=step_s))
            self.out += self.device.tick(self.now)
        return self.out[first:]

    def finish(self) -> "Played":
        """Let all sessions pass."""
        for _ in range(LONGEST_S):
            self.run(1)
            if self.device.is_finished:
                return self
        raise AssertionError("the story does not end")

    def until(self, topic: str, payload: str) -> None:
        """Let time pass until that is published."""
        for _ in range(LONGEST_S):
            if any(each.topic == topic and each.payload == payload.encode() for each in self.run(1)):
                return
        raise AssertionError(f"{topic} is never {payload}")

    def say(self, topic: str, payload: str, *, retained: bool = False) -> list[tuple[str, str]]:
        """A command, and what is published because of it, as topics and texts."""
        answers = self.device.receive(topic, payload.encode(), self.now, retained=retained)
        self.out += answers
        return [(each.topic, each.payload.decode()) for each in answers]

    def last(self, topic: str) -> str:
        """The newest payload of a topic."""
        return [each for each in self.out if each.topic == topic][-1].payload.decode()

    def all_of(self, topic: str) -> list[str]:
        """Every payload of a topic."""
        return [each.payload.decode() for each in self.out if each.topic == topic]


def play(family: str, device_id: str | None = None, **options: Any) -> Played:
    """A device that has booted, with a short story unless another is asked for."""
    options = {"energy_wh": 600.0, "idle_s": 20, "linger_s": 40, "pause_s": 30, **options}
    played = Played(make_device(family, device_id, **options))
    played.run(0)
    return played


def changes(texts: Sequence[str]) -> list[str]:
    """Without repetitions of what was just said."""
    return [text for index, text in enumerate(texts) if index == 0 or texts[index - 1] != text]


def seconds_of(outgoing: Iterable[Outgoing], topic: str) -> list[int]:
    """When a topic was published, in seconds since the start."""
    return [int((each.at - START).total_seconds()) for each in outgoing if each.topic == topic and each.at]


@dataclass(frozen=True)
class Sample:
    """What a device says at an instant; None: not said then."""

    at: datetime
    power_w: float | None
    register_wh: float | None


def samples(played: Played) -> list[Sample]:
    """What was on the wire, one for each instant at which power or register was said."""
    by_instant: dict[datetime, dict[str, str]] = defaultdict(dict)
    for each in played.out:
        assert each.at is not None
        by_instant[each.at][each.topic] = each.payload.decode()
    read = READINGS[played.device.family]
    found = [Sample(at, *read(said, played.device.base_topic)) for at, said in by_instant.items()]
    return [each for each in found if each.power_w is not None or each.register_wh is not None]


Pair = tuple[float | None, float | None]


def _number(text: str | None, factor: float = 1.0) -> float | None:
    return None if not text else float(text) * factor


def _openevse(said: dict[str, str], base: str) -> Pair:
    old = _number(said.get(f"{base}/wh"))
    return _number(said.get(f"{base}/power")), old or _number(said.get(f"{base}/total_energy"), 1000.0)


def _goe(said: dict[str, str], base: str) -> Pair:
    nrg = said.get(f"{base}/nrg")
    return (json.loads(nrg)[11] if nrg else None), _number(said.get(f"{base}/eto"))


def _goe_v1(said: dict[str, str], base: str) -> Pair:
    if f"{base}/status" not in said:
        return None, None
    status = json.loads(said[f"{base}/status"])
    return status["nrg"][11] * 10.0, float(status["eto"]) * 100.0


def _smartevse(said: dict[str, str], base: str) -> Pair:
    return _number(said.get(f"{base}/EVChargePower")), _number(said.get(f"{base}/EVImportActiveEnergy"))


def _warp(said: dict[str, str], base: str) -> Pair:
    if f"{base}/meter/values" not in said:
        return None, None
    values = json.loads(said[f"{base}/meter/values"])
    return values["power"], values["energy_abs"] * 1000.0


def _everest(said: dict[str, str], base: str) -> Pair:
    for topic, text in said.items():
        if topic.startswith(base) and topic.endswith("/powermeter"):
            meter = json.loads(text)
            return meter["power_W"]["total"], meter["energy_Wh_import"]["total"]
    return None, None


def _evcc(said: dict[str, str], base: str) -> Pair:
    loadpoint = f"{base}/loadpoints/1"
    power_w = _number(said.get(f"{loadpoint}/chargePower"))
    return power_w, _number(said.get(f"{loadpoint}/chargeTotalImport"), 1000.0)


def _tasmota(said: dict[str, str], base: str) -> Pair:
    for topic, text in said.items():
        if topic.endswith("/SENSOR"):
            energy = json.loads(text)["ENERGY"]
            power = energy["Power"]
            return (sum(power) if isinstance(power, list) else power), energy["Total"] * 1000.0
    return None, None


READINGS = {
    "openevse": _openevse,
    "goe": _goe,
    "goe_v1": _goe_v1,
    "smartevse": _smartevse,
    "warp": _warp,
    "everest": _everest,
    "evcc": _evcc,
    "tasmota": _tasmota,
}
