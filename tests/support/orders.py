"""Commands in the words of a family, and what its devices say to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from solarrally.dialects.family import Family, Heard, Order, Outcome, Said, Translation
from solarrally.domain.command import Answer
from tests.builders import T0


@dataclass
class Asked:
    """A command that went to a device, and what is known of the device."""

    family: Family
    translation: Translation
    known: Said
    at: datetime = T0

    def hear(self, key: str, payload: bytes, *, after_s: float = 0.0) -> Outcome | None:
        """What a message shows, as `ingest.moments` has it looked at."""
        self.at += timedelta(seconds=after_s)
        if self.family.is_order(key, payload):
            return None
        said = self.family.read(key, payload) or {}
        self.known.update(said)
        return self.translation.confirmation(Heard(key, payload, said, self.known, self.at))


def known_of(family: Family, *messages: tuple[str, bytes]) -> Said:
    """What is known of a device that has said this, by key and payload."""
    known: Said = {}
    for key, payload in messages:
        known.update(family.read(key, payload) or {})
    return known


def translated(family: Family, command: str, known: Said | None = None, **params: Any) -> Asked:
    """The command as it goes to the device; raises `CommandNotTaken`."""
    assert family.translate is not None
    return Asked(family, family.translate(Order(command, params, known or {})), dict(known or {}))


def sent_before(family: Family, command: str, sent_at: datetime, **params: Any) -> Asked:
    """A command that another process sent."""
    assert family.translate is not None
    return Asked(family, family.translate(Order(command, params, {}, sent_at)), {})


def sent(asked: Asked) -> list[tuple[str, bytes]]:
    """What is published, by key."""
    return [(message.key, message.payload) for message in asked.translation.messages]


def answers(asked: Asked, *messages: tuple[str, bytes]) -> list[Answer | None]:
    """What each of these messages says of the command."""
    outcomes = [asked.hear(key, payload) for key, payload in messages]
    return [None if outcome is None else outcome.answer for outcome in outcomes]


def details(asked: Asked, *messages: tuple[str, bytes]) -> list[str | None]:
    """What is told beside the answers that these messages give."""
    outcomes = [asked.hear(key, payload) for key, payload in messages]
    return [outcome.detail for outcome in outcomes if outcome is not None]
