"""Devices that say where they publish (OpenEVSE): which base topic is whose.

What is announced is a claim. It is believed for topics that nobody else has claimed, nor any above or below
them, one base topic a device, and stays believed while the device is away: whoever waits for that gets
nothing. A board that replaces another under the same base topic is for the registry to say.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

MOST_ANNOUNCED: Final = 100_000
"""Each costs a subscription: somebody who makes up devices must come to an end."""


@dataclass(slots=True, frozen=True)
class _Claim:
    topic: str
    """Where it was announced."""
    evse_uid: str


class Announcements:
    """By base topic, without empty levels."""

    def __init__(self) -> None:
        self._by_base: dict[str, _Claim] = {}
        self._base_at: dict[str, str] = {}
        self._above: Counter[str] = Counter()
        """How many lie below a topic."""

    def __contains__(self, base_topic: str) -> bool:
        return base_topic in self._by_base

    @property
    def base_topics(self) -> list[str]:
        return list(self._by_base)

    def claim(self, base_topic: str, topic: str, evse_uid: str) -> bool:
        """A device announced it, on that topic; whether it has it now and had not before."""
        if self._base_at.get(topic) == base_topic:
            return False
        before = self._give_up(topic)
        is_free = base_topic not in self._by_base and not self._above[base_topic]
        is_free &= not any(prefix in self._by_base for prefix in _above(base_topic))
        if is_free and len(self._by_base) < MOST_ANNOUNCED:
            self._hold(base_topic, _Claim(topic, evse_uid))
            return True
        if before is not None:
            self._hold(*before)
        return False

    def _hold(self, base_topic: str, claim: _Claim) -> None:
        self._by_base[base_topic] = claim
        self._base_at[claim.topic] = base_topic
        self._above.update(_above(base_topic))

    def _give_up(self, topic: str) -> tuple[str, _Claim] | None:
        base_topic = self._base_at.pop(topic, None)
        if base_topic is None:
            return None
        self._above.subtract(_above(base_topic))
        return base_topic, self._by_base.pop(base_topic)

    def base_at(self, topic: str) -> str | None:
        """What was announced on this topic, as far as it was believed."""
        return self._base_at.get(topic)

    def holder_around(self, base_topic: str) -> str | None:
        """The station that has this base topic, or one above or below it."""
        for prefix in (*_above(base_topic), base_topic):
            if prefix in self._by_base:
                return self._by_base[prefix].evse_uid
        if not self._above[base_topic]:
            return None
        below = f"{base_topic}/"
        return next(claim.evse_uid for base, claim in self._by_base.items() if base.startswith(below))

    def station_at(self, base_topic: str) -> str | None:
        claim = self._by_base.get(base_topic)
        return None if claim is None else claim.evse_uid


def _above(base_topic: str) -> list[str]:
    levels = base_topic.split("/")
    return ["/".join(levels[:count]) for count in range(1, len(levels))]
