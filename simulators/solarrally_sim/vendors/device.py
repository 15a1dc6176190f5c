"""What all simulated devices have in common: the clock, the story, and how messages are made.

A family says what it publishes on a new connection (`announce`) and each second (`each_second`), what it does
with a command (`obey`), and what a reboot makes it forget (`forget`).
"""

import json
import random
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from solarrally_sim.vendors.outgoing import Outgoing, Subscription
from solarrally_sim.vendors.scene import SECOND, Scene
from solarrally_sim.vendors.setup import Setup, SetupError
from solarrally_sim.vendors.truth import truth_of


class Device(ABC):
    """One simulated device; see `solarrally_sim.vendors` for how to use it."""

    family: ClassVar[str]
    default_id: ClassVar[str]
    faults: ClassVar[Mapping[str, int | str]] = {}
    """The vendor's name of each fault -> its code on the wire."""
    quirks: ClassVar[Mapping[str, str]] = {}
    """Name -> what the device then does otherwise."""
    is_even: ClassVar[bool] = False
    """Whether the firmware knows one voltage and one current only: then the mains are even and steady."""
    register_resolution_wh: ClassVar[float]
    keepalive_s: ClassVar[int] = 60
    """Not documented by most vendors; assumed 60 s where not said otherwise."""
    leaves_politely: ClassVar[bool] = True
    """Whether the firmware sends a DISCONNECT when it is stopped in an orderly way."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        for quirk in setup.quirks:
            if quirk not in self.quirks:
                raise SetupError(f"{self.family} has no quirk {quirk!r}; it has: {_listed(self.quirks)}")
        if setup.fault is not None and setup.fault not in self.faults:
            raise SetupError(f"{self.family} has no fault {setup.fault!r}; it has: {_listed(self.faults)}")
        self.rng = random.Random(f"{self.family}:{setup.device_id}:{setup.seed}")
        self.scene = Scene(
            setup, random.Random(f"scene:{setup.device_id}:{setup.seed}"), is_even=self.is_even
        )
        self.zone = ZoneInfo(setup.timezone)
        self.boots = 0
        self._began_at: datetime | None = None
        self._booted_at: datetime | None = None
        self._commands: list[dict[str, object]] = []

    # -- for the one who runs it ------------------------------------------------------------------------

    @property
    def base_topic(self) -> str:
        """The prefix of the device's topics."""
        return self.setup.base_topic if self.setup.base_topic is not None else self.default_base_topic()

    @property
    def client_id(self) -> str:
        """The MQTT client id the firmware uses, or the one that was asked for."""
        return self.setup.client_id or self.default_client_id()

    @property
    def will(self) -> Outgoing | None:
        """The last will; None where the firmware has none."""
        return None

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """What the device hears commands on."""
        return ()

    @property
    def is_offline(self) -> bool:
        """Whether it is rebooting: no connection, no messages."""
        return self.scene.is_off

    @property
    def is_finished(self) -> bool:
        """Whether all sessions asked for are over, and some idle time after them."""
        return self._began_at is not None and self.scene.is_over

    def tick(self, now: datetime) -> list[Outgoing]:
        """Everything the device publishes up to `now` since the last call, in order. `now` must be aware."""
        now = now.astimezone(UTC)
        out: list[Outgoing] = []
        if self._began_at is None:
            self._began_at = now
            self.scene.begin(now)
            self._boot()
            out += self.announce()
        while self.scene.now + SECOND <= now:
            was_off = self.scene.is_off
            self.scene.step()
            if self.scene.is_off:
                continue
            if was_off:
                self._boot()
                out += self.announce()
            out += self.each_second()
        return out

    def connected(self, now: datetime) -> list[Outgoing]:
        """What it says on a new connection, after a broken one; with what was due up to `now` before it."""
        if self._began_at is None:
            return self.tick(now)
        due = self.tick(now)
        return due if self.scene.is_off else [*due, *self.announce()]

    def receive(self, topic: str, payload: bytes, now: datetime, *, retained: bool = False) -> list[Outgoing]:
        """A message arrived on one of its subscriptions: what is due up to `now`, then what it says to it.

        `retained`: the broker kept it for the device (the RETAIN flag of what is delivered).
        """
        out = self.tick(now)
        if self.scene.is_off or (retained and self.ignores_retained(topic)):
            return out
        text = payload.decode("utf-8", errors="replace")
        answers = self.obey(topic, text)
        if answers is not None:
            said: dict[str, object] = {"at": self.scene.now.isoformat().replace("+00:00", "Z")}
            self._commands.append({**said, "topic": topic, "payload": text})
            out += answers
        return out

    def farewells(self, now: datetime) -> list[Outgoing]:
        """What it publishes before a polite disconnect."""
        return []

    def truth(self) -> dict[str, Any]:
        """What really happened: see `truth.py`."""
        return truth_of(
            self.family,
            self.setup,
            self.scene,
            base_topic=self.base_topic,
            began_at=self._began_at,
            register_resolution_wh=self.register_resolution_wh,
            commands=self._commands,
        )

    # -- for the families -------------------------------------------------------------------------------

    @abstractmethod
    def default_base_topic(self) -> str:
        """The firmware's own prefix."""

    @abstractmethod
    def default_client_id(self) -> str:
        """The firmware's own client id."""

    @abstractmethod
    def announce(self) -> list[Outgoing]:
        """What is published on a new connection."""

    @abstractmethod
    def each_second(self) -> list[Outgoing]:
        """What is due now."""

    def ignores_retained(self, topic: str) -> bool:
        """Whether the firmware ignores a command that the broker kept; not documented by most: assumed no."""
        return False

    def obey(self, topic: str, text: str) -> Iterable[Outgoing] | None:
        """Do what a message asks for and answer; None: it is no command of this device."""
        return None

    @abstractmethod
    def forget(self) -> None:
        """Lose what a reboot loses; also called at the first boot, with `boots` 1."""

    def has(self, quirk: str) -> bool:
        """Whether this device has the quirk."""
        return quirk in self.setup.quirks

    @property
    def uptime_s(self) -> int:
        """Seconds since the last boot."""
        assert self._booted_at is not None
        return int((self.scene.now - self._booted_at).total_seconds())

    @property
    def fault_code(self) -> int | str | None:
        """The code of the present fault; None without one."""
        if not self.scene.is_faulted or self.setup.fault is None:
            return None
        return self.faults[self.setup.fault]

    @property
    def local_now(self) -> datetime:
        """The device's local time."""
        return self.scene.now.astimezone(self.zone)

    def is_due(self, period_s: float) -> bool:
        """Whether a multiple of the period since the boot is now (or would have been within this second)."""
        return self.uptime_s > 0 and self.uptime_s % max(1, round(period_s)) == 0

    def say(self, topic: str, text: str, *, qos: int = 0, retain: bool = False) -> Outgoing:
        """A message of this instant."""
        return Outgoing(topic=topic, payload=text.encode(), qos=qos, retain=retain, at=self.scene.now)

    def _boot(self) -> None:
        self._booted_at = self.scene.now
        self.boots += 1
        self.forget()


def compact(value: object) -> str:
    """JSON without spaces, as the firmwares' serializers write it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def number_in(text: str) -> float | None:
    """The number a command says; None when it says something else."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < 1e9 else None


def object_in(text: str) -> dict[str, object] | None:
    """The JSON object a command says; None when it says something else."""
    try:
        said = json.loads(text)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def trimmed(value: float, decimals: int) -> str:
    """At most so many decimals, without trailing zeros or a bare point."""
    text = f"{value:.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(sorted(names)) or "none"
