"""The route table: which station a topic is of, and what reads its payload.

The station's identity is in the topic, whose levels the broker's ACL binds to the connection's credential,
never in the payload. Three layouts, in this order: our own below the topic root; the base topics of the
registry; what devices of the known families publish under from the factory. Empty levels (a leading slash, a
base topic that ends in one) count for the first only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache, partial
from typing import Final, NamedTuple, TypeAlias

from solarrally.dialects import native
from solarrally.dialects.announcements import Announcements
from solarrally.dialects.decoded import Decoded
from solarrally.dialects.family import BASE_TOPIC, Family
from solarrally.dialects.telling import facts_of, status_payload, telemetry_payload
from solarrally.domain.fleet import (
    EVSE_UID_PATTERN,
    StationRoute,
    is_base_topic,
    without_empty_levels,
)
from solarrally.errors import RejectedMessage

_STATION_ID = re.compile(EVSE_UID_PATTERN)
_FROM_US = {"commands", "acks"}
_ROUTES_KEPT: Final = 262_144
"""Of the topics heard most recently: a few for each station of a large fleet."""
NATIVE: Final = "native"

Decoder: TypeAlias = Callable[[str, bytes, datetime], Decoded]


class Route(NamedTuple):
    """Where a message belongs."""

    evse_uid: str
    decoder: Decoder | None
    """Of our own format; else the family reads the key."""
    family: Family | None = None
    key: str = ""
    base_topic: str = ""
    """Without empty levels."""
    wire_base: str = ""
    """As on the wire: put a key behind it, and the device hears it."""
    is_shared: bool = False
    is_registered: bool = False
    """By a base topic of the registry."""


class Routes:
    """The table of one process. `families` are those that are heard without an entry in the registry."""

    def __init__(
        self,
        topic_root: str = "evse",
        *,
        families: Sequence[Family] = (),
        registered: Iterable[Family] = (),
    ) -> None:
        """`registered`: the families that a station may be registered with, beside `families`."""
        self.topic_root = topic_root
        self._families = families
        self._by_name = {family.name: family for family in (*registered, *families)}
        self._stations: dict[str, StationRoute] = {}
        self._dialects: dict[str, str] = {}
        self._known: dict[str, Route] = {}
        self.announced = Announcements()
        self._announcers: dict[str, Family] = {}
        """Who announced itself: what it speaks."""
        self._own_filters = [
            f"{topic_root}/#",
            *(one for family in families for one in family.topic_filters),
        ]

    @property
    def topic_filters(self) -> list[str]:
        """What to subscribe to."""
        filters = list(self._own_filters)
        for base in (*self._stations, *self.announced.base_topics):
            filters += [f"{base}/#", f"/{base}/#"]
        return list(dict.fromkeys(filters))

    def learn(self, stations: Iterable[StationRoute]) -> bool:
        """The registry's entries with a base topic, all of them; whether anything changed."""
        by_base = {
            base: one
            for one in stations
            if one.dialect in self._by_name and is_base_topic(base := without_empty_levels(one.base_topic))
        }
        if by_base == self._stations:
            return False
        self._stations = by_base
        self._known.clear()
        return True

    def announce(self, base_topic: str, topic: str, announcement: Route) -> bool:
        """A device said, on a topic, where it publishes; whether that is somewhere we do not listen yet.

        There it is the station that the announcement is of, unless the registry says otherwise. It cannot
        announce itself where another family is heard, nor where another device publishes from the factory.
        """
        base = without_empty_levels(base_topic)
        if not is_base_topic(base) or any(filter_covers(one, base) for one in self._own_filters):
            return False
        assert announcement.family is not None
        place = announcement.family.place([*base.split("/"), "status"])
        if place is not None and place.evse_uid != announcement.evse_uid:
            return False
        self._announcers[announcement.evse_uid] = announcement.family
        if not self.announced.claim(base, topic, announcement.evse_uid):
            return False
        self._known.clear()
        return not self.is_registered(base)

    def is_registered(self, base_topic: str) -> bool:
        """Whether the registry has a station there or above."""
        return any(prefix in self._stations for prefix in _prefixes(base_topic))

    def understood(self, route: Route) -> None:
        """A device has said something there that its family knows."""
        assert route.family is not None
        self._dialects[route.evse_uid] = route.family.name

    def dialect_of(self, evse_uid: str) -> str:
        """What a station speaks, as far as it was understood."""
        return self._dialects.get(evse_uid, NATIVE)

    def leads_to(self, evse_uid: str, wire_base: str) -> bool:
        """Whether what is published there is this station's."""
        try:
            return self.find(f"{wire_base}status").evse_uid == evse_uid
        except RejectedMessage:
            return False

    def family_named(self, dialect: str) -> Family | None:
        return self._by_name.get(dialect)

    def find(self, topic: str) -> Route:
        """The station that a topic is of, and what reads it; or `RejectedMessage`."""
        known = self._known.get(topic)
        if known is None:
            known = self._find(topic)
            if len(self._known) >= _ROUTES_KEPT:
                self._known.clear()
            self._known[topic] = known
        return known

    def decode(self, topic: str, payload: bytes, received_at: datetime) -> Decoded:
        """What a message says on its own, or `RejectedMessage` with the reason."""
        found = self.find(topic)
        if found.decoder is not None:
            return found.decoder(found.evse_uid, payload, received_at)
        assert found.family is not None
        return self._decode_alone(found, found.family, payload, received_at)

    def _decode_alone(self, found: Route, family: Family, payload: bytes, received_at: datetime) -> Decoded:
        """A message of another family without its neighbours, as one that is taken up again after a
        rejection.
        """
        said = family.read(found.key, payload)
        if said is None:
            if not (found.is_shared or found.is_registered or found.evse_uid in self._dialects):
                raise RejectedMessage("unknown_topic", f"{family.name} has no {found.key}"[:300])
            return Decoded(evse_uid=found.evse_uid, unknown_fields=1)
        if found.is_shared or BASE_TOPIC in said:
            return Decoded(evse_uid=found.evse_uid)
        telemetry = telemetry_payload(family.tell(said, said))
        if telemetry is None:
            decoded = Decoded(evse_uid=found.evse_uid)
        else:
            self.understood(found)
            decoded = native.decode_telemetry(found.evse_uid, telemetry, received_at)
        facts = facts_of(said)
        if facts and self.dialect_of(found.evse_uid) != NATIVE:
            told = native.decode_status(found.evse_uid, status_payload(family, facts), received_at)
            decoded.facts = told.facts
        return decoded

    def _find(self, topic: str) -> Route:
        if topic.startswith(f"{self.topic_root}/"):
            return Route(*route(topic, self.topic_root))
        levels = [level for level in topic.split("/") if level]
        for count in range(len(levels) - 1, 0, -1):
            base = "/".join(levels[:count])
            entry = self._stations.get(base)
            if entry is not None:
                family, key = self._by_name[entry.dialect], "/".join(levels[count:])
                wire_base = _wire_base(topic, count)
                return Route(entry.evse_uid, None, family, key, base, wire_base, is_registered=True)
        for family in self._families:
            place = family.place(levels)
            if place is None:
                continue
            if not place.is_shared and not _STATION_ID.fullmatch(place.evse_uid):
                raise _bad_station_id()
            wire_base = _wire_base(topic, place.base_topic.count("/") + 1)
            return Route(
                place.evse_uid,
                None,
                family,
                place.key,
                place.base_topic,
                wire_base,
                is_shared=place.is_shared,
            )
        for count in range(len(levels) - 1, 0, -1):
            base = "/".join(levels[:count])
            evse_uid = self.announced.station_at(base)
            if evse_uid is not None:
                key, family = "/".join(levels[count:]), self._announcers[evse_uid]
                return Route(evse_uid, None, family, key, base, _wire_base(topic, count))
        raise RejectedMessage("unknown_topic", self._why_unknown("/".join(levels)))

    def _why_unknown(self, topic: str) -> str:
        names = [
            family.name
            for family in self._families
            if any(filter_covers(one, topic) for one in family.topic_filters)
        ]
        if not names:
            return f"expected {self.topic_root}/<station>/<kind>"
        return (
            f"no topic of {' or '.join(names)} from the factory: its serial number is not of the vendor's "
            "form, or a level is missing; the station's base topic in the registry would do"
        )


def _wire_base(topic: str, count: int) -> str:
    """The first so many levels that are not empty, with all that is before and between them."""
    end = 0
    for level in topic.split("/"):
        end += len(level) + 1
        count -= bool(level)
        if not count:
            break
    return topic[:end]


def _prefixes(base_topic: str) -> list[str]:
    levels = base_topic.split("/")
    return ["/".join(levels[:count]) for count in range(1, len(levels) + 1)]


def filter_covers(topic_filter: str, base_topic: str) -> bool:
    """Whether a subscription that ends in `#` hears what is published below a base topic."""
    levels = base_topic.split("/")
    wanted = topic_filter.split("/")
    if wanted[-1] != "#" or len(wanted) - 1 > len(levels):
        return False
    return all(want in ("+", level) for want, level in zip(wanted[:-1], levels, strict=False))


def decode(topic: str, payload: bytes, received_at: datetime, *, topic_root: str = "evse") -> Decoded:
    """What a message of our own format says, or `RejectedMessage` with the reason."""
    evse_uid, decoder = route(topic, topic_root)
    return decoder(evse_uid, payload, received_at)


@lru_cache(maxsize=_ROUTES_KEPT)
def route(topic: str, topic_root: str) -> tuple[str, Decoder]:
    """The station that a topic of our own format is of, and what reads its payload; or `RejectedMessage`."""
    levels = topic.split("/")
    if len(levels) < 3 or levels[0] != topic_root:
        raise RejectedMessage("unknown_topic", f"expected {topic_root}/<station>/<kind>")
    evse_uid, kind, rest = levels[1], levels[2], levels[3:]
    if not _STATION_ID.fullmatch(evse_uid):
        raise _bad_station_id()
    match (kind, *rest):
        case ("telemetry",):
            return evse_uid, native.decode_telemetry
        case ("status",):
            return evse_uid, native.decode_status
        case ("session", "started"):
            return evse_uid, native.decode_session_started
        case ("session", "ended"):
            return evse_uid, native.decode_session_ended
        case ("results", command_id):
            return evse_uid, partial(native.decode_result, native.command_id_of(command_id))
        case (kind, *_) if kind in _FROM_US:
            return evse_uid, _ignore
        case _:
            raise RejectedMessage(
                "unknown_topic", f"no decoder for {topic_root}/<station>/{'/'.join(levels[2:])}"[:300]
            )


def _bad_station_id() -> RejectedMessage:
    return RejectedMessage(
        "bad_station_id",
        "a station id is 1 to 64 of A-Z a-z 0-9 . _ : @ -, beginning with a letter or digit",
    )


def _ignore(evse_uid: str, payload: bytes, received_at: datetime) -> Decoded:
    return Decoded(evse_uid=evse_uid)
