"""What is known of the devices that publish a value, or a small document, per topic: where they publish, what
they last said, and which commands they have not confirmed yet. Shared by those who listen and who command.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from solarrally.dialects.family import Confirmation, Family, Heard, Said
from solarrally.dialects.routes import Route
from solarrally.domain.command import Answer, CommandResult
from solarrally.ingest.ports import Delivery


@dataclass(slots=True)
class Moment:
    """What a device said within a short while."""

    opened_at: datetime
    last_at: datetime
    """When the last of it was received."""
    said: Said = field(default_factory=dict)
    parts: int = 0
    """Messages of it."""
    is_repetition: bool = True
    """All of it was delivered before (DUP)."""
    unacknowledged: list[Delivery] = field(default_factory=list)
    """To be acknowledged with it."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Expected:
    """A command on its way, and what will show what became of it."""

    command_id: UUID
    evse_uid: str
    family: Family
    base_topic: str | None
    """Where the station is asked, without empty levels; None: wherever it is heard."""
    confirmation: Confirmation


@dataclass(slots=True, kw_only=True)
class Device:
    """One of them. `known` is all it ever said; `fresh` what it said to us, and not a retained message."""

    evse_uid: str
    family: Family
    base_topic: str
    wire_base: str
    known: Said = field(default_factory=dict)
    fresh: Said = field(default_factory=dict)
    facts: Said = field(default_factory=dict)
    told_facts: Said = field(default_factory=dict)
    heard_at: datetime | None = None
    told_at: datetime | None = None
    moment: Moment | None = None
    tells_state: bool = False
    """It has said what makes a station of it, not only who it is."""


class Devices:
    """By station, by what it speaks, and by where: a station that moved, or that two devices pretend to be,
    has several.
    """

    def __init__(self) -> None:
        self._all: dict[tuple[str, str, str], Device] = {}
        self._newest: dict[str, Device] = {}
        self._expected: dict[str, dict[UUID, Expected]] = {}
        """By station."""

    def __iter__(self) -> Iterator[Device]:
        return iter(self._all.values())

    def get(self, evse_uid: str) -> Device | None:
        """The one that was heard last."""
        return self._newest.get(evse_uid)

    def known_at(self, route: Route) -> Device | None:
        """The device that a topic is of, where it has said something before."""
        assert route.family is not None
        return self._all.get((route.evse_uid, route.family.name, route.base_topic))

    def at(self, route: Route) -> Device:
        """The device that a topic is of, made at its first message."""
        assert route.family is not None
        device = self.known_at(route)
        if device is None:
            device = Device(
                evse_uid=route.evse_uid,
                family=route.family,
                base_topic=route.base_topic,
                wire_base=route.wire_base,
                tells_state=route.is_registered,
            )
            self._all[route.evse_uid, route.family.name, route.base_topic] = device
        device.wire_base = route.wire_base
        self._newest[route.evse_uid] = device
        return device

    def below(self, base_topic: str) -> list[Device]:
        """Those at a base topic or below it."""
        return [
            device
            for device in self._all.values()
            if device.base_topic == base_topic or device.base_topic.startswith(f"{base_topic}/")
        ]

    def expect(self, command: Expected) -> None:
        """Look for what becomes of a command, until it is shown or `no_longer_expect`."""
        self._expected.setdefault(command.evse_uid, {})[command.command_id] = command

    @property
    def expected(self) -> set[UUID]:
        """The commands whose end is looked for."""
        return {command_id for commands in self._expected.values() for command_id in commands}

    def no_longer_expect(self, command_ids: Collection[UUID]) -> None:
        """They have come to their end otherwise."""
        for evse_uid, commands in list(self._expected.items()):
            for command_id in commands.keys() & set(command_ids):
                del commands[command_id]
            if not commands:
                del self._expected[evse_uid]

    def answers(self, device: Device, heard: Heard) -> list[CommandResult]:
        """What a message of the device shows of commands that are on their way.

        A limit that one of them has set is told to the others, which would else take it for a cut of theirs.
        """
        asked = [
            one
            for one in self._expected.get(device.evse_uid, {}).values()
            if one.family is device.family and one.base_topic in (None, device.base_topic)
        ]
        outcomes = [one.confirmation(heard) for one in asked]
        obeyed_a = next((each.obeyed_a for each in outcomes if each and each.obeyed_a is not None), None)
        if obeyed_a is not None and len(asked) > 1:
            heard = heard._replace(obeyed_a=obeyed_a)
            outcomes = [one.confirmation(heard) for one in asked]
        results = []
        for one, outcome in zip(asked, outcomes, strict=True):
            if outcome is None:
                continue
            detail = outcome.detail or f"the device says so on {heard.key}"
            results.append(CommandResult(command_id=one.command_id, answer=outcome.answer, detail=detail))
            if outcome.answer is not Answer.ACCEPTED:
                self.no_longer_expect([one.command_id])
        return results

    def forget(self) -> None:
        """What was not written is with the broker, or was never to be kept; and what devices are at while
        another ingestor listens is not known here.
        """
        for device in self._all.values():
            device.moment = None
            device.known.clear()
            device.fresh.clear()
            device.told_facts.clear()
