"""Commands in the words of a family, and what its devices say to them."""

from __future__ import annotations

from typing import Any

from solarrally.dialects.family import Family, Order, Said, Translation
from solarrally.domain.command import Answer


def known_of(family: Family, *messages: tuple[str, bytes]) -> Said:
    """What is known of a device that has said this, by key and payload."""
    known: Said = {}
    for key, payload in messages:
        known.update(family.read(key, payload) or {})
    return known


def translated(family: Family, command: str, known: Said | None = None, **params: Any) -> Translation:
    """The command as it goes to the device; raises `CommandNotTaken`."""
    assert family.translate is not None
    return family.translate(Order(command, params, known or {}))


def sent(translation: Translation) -> list[tuple[str, bytes]]:
    """What is published, by key."""
    return [(message.key, message.payload) for message in translation.messages]


def answers(translation: Translation, *messages: tuple[str, bytes]) -> list[Answer | None]:
    """What each of these messages says of the command."""
    return [translation.confirmation(key, payload) for key, payload in messages]
