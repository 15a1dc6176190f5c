"""What is known of the devices that publish a value, or a small document, per topic: where they publish, what
they last said, and which commands they have not confirmed yet. Shared by those who listen and who command.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from solarrally.dialects.family import Confirmation, Family, Said
from solarrally.dialects.routes import Route
from solarrally.domain.command import Answer, CommandResult
from solarrally.ingest.ports import Delivery

LONGEST_WORK: Final = timedelta(hours=1)
"""How long after it accepted a command a device may show that it is done."""


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


@dataclass(slots=True, kw_only=True)
class Expected:
    """A command on its way, and what will show that it arrived."""

    command_id: UUID
    confirmation: Confirmation
    expires_at: datetime


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
    expected: list[Expected] = field(default_factory=list)

    def expect(self, command_id: UUID, confirmation: Confirmation, expires_at: datetime) -> None:
        """Look for the confirmation of a command that is about to be sent."""
        self.expected = [one for one in self.expected if one.command_id != command_id]
        self.expected.append(
            Expected(command_id=command_id, confirmation=confirmation, expires_at=expires_at)
        )

    def answers(self, key: str, payload: bytes, at: datetime) -> list[CommandResult]:
        """What a message shows of commands that are on their way."""
        results = []
        for one in list(self.expected):
            answer = one.confirmation(key, payload) if at <= one.expires_at else None
            if answer is not None:
                results.append(
                    CommandResult(
                        command_id=one.command_id, answer=answer, detail=f"the device says so on {key}"
                    )
                )
            if answer is Answer.ACCEPTED:
                one.expires_at = max(one.expires_at, at + LONGEST_WORK)
            if at > one.expires_at or (answer is not None and answer is not Answer.ACCEPTED):
                self.expected.remove(one)
        return results


class Devices:
    """By station, by what it speaks, and by where: a station that moved, or that two devices pretend to be,
    has several.
    """

    def __init__(self) -> None:
        self._all: dict[tuple[str, str, str], Device] = {}
        self._newest: dict[str, Device] = {}

    def __iter__(self) -> Iterator[Device]:
        return iter(self._all.values())

    def get(self, evse_uid: str) -> Device | None:
        """The one that was heard last."""
        return self._newest.get(evse_uid)

    def at(self, route: Route) -> Device:
        """The device that a topic is of, made at its first message."""
        assert route.family is not None
        key = (route.evse_uid, route.family.name, route.base_topic)
        known = self._all.get(key)
        if known is None:
            known = self._all[key] = Device(
                evse_uid=route.evse_uid,
                family=route.family,
                base_topic=route.base_topic,
                wire_base=route.wire_base,
            )
        known.wire_base = route.wire_base
        self._newest[route.evse_uid] = known
        return known

    def below(self, base_topic: str) -> list[Device]:
        """Those at a base topic or below it."""
        return [
            device
            for device in self._all.values()
            if device.base_topic == base_topic or device.base_topic.startswith(f"{base_topic}/")
        ]

    def forget_moments(self) -> None:
        """What was not written is with the broker, or was never to be kept."""
        for device in self._all.values():
            device.moment = None
            device.fresh.clear()
            device.told_facts.clear()
