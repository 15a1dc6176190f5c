"""Devices that say where they publish (OpenEVSE): which base topic is whose.

What is announced is a claim. It is believed for topics that nobody else is heard under, one base topic a
device; another device may have it when the first has said that it is gone, as after a replaced board.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MOST_ANNOUNCED: Final = 100_000
"""Each costs a subscription: somebody who makes up devices must come to an end."""


@dataclass(slots=True)
class _Claim:
    topic: str
    """Where it was announced."""
    evse_uid: str
    is_there: bool = True


class Announcements:
    """By base topic, without empty levels."""

    def __init__(self) -> None:
        self._by_base: dict[str, _Claim] = {}
        self._base_at: dict[str, str] = {}

    def __contains__(self, base_topic: str) -> bool:
        return base_topic in self._by_base

    @property
    def base_topics(self) -> list[str]:
        return list(self._by_base)

    def claim(self, base_topic: str, topic: str, evse_uid: str) -> bool:
        """A device announced it, on that topic; whether it has it now and had not before."""
        holder = self._by_base.get(base_topic)
        if holder is not None and holder.topic == topic:
            holder.is_there = True
            return False
        if (holder is not None and holder.is_there) or len(self._by_base) >= MOST_ANNOUNCED:
            return False
        before = self._base_at.pop(topic, None)
        if before is not None:
            del self._by_base[before]
        if holder is not None:
            del self._base_at[holder.topic]
        self._by_base[base_topic] = _Claim(topic, evse_uid)
        self._base_at[topic] = base_topic
        return True

    def left(self, topic: str) -> None:
        """The device that announces on this topic is gone."""
        base_topic = self._base_at.get(topic)
        if base_topic is not None:
            self._by_base[base_topic].is_there = False

    def base_at(self, topic: str) -> str | None:
        """What was announced on this topic, as far as it was believed."""
        return self._base_at.get(topic)

    def station_at(self, base_topic: str) -> str | None:
        claim = self._by_base.get(base_topic)
        return None if claim is None else claim.evse_uid
