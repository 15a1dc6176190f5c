"""Which topics a station that logs in with a password may write and read, by what it speaks.

Of the topics of a family the ones below the device's own base topic are meant: every family can set one
(reference of each: docs/wire-formats.md). Some devices put a slash or an empty level in front.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from solarrally.errors import SolarRallyError

NATIVE: Final = "native"


_NATIVE_ROOT: Final = "evse"
_SHARED: Final = ("openevse/announce",)
"""Where every device of a family may publish."""

NATIVE_KINDS: Final = ("telemetry", "status", "session/started", "session/ended", "results/+")
"""What a station of our own format says, as in docker/mosquitto/devices.acl: no more, since what it retains
stays in the broker's memory.
"""


class Neighbour(Protocol):
    """Another registered station."""

    @property
    def evse_uid(self) -> str: ...

    @property
    def dialect(self) -> str: ...

    @property
    def base_topic(self) -> str | None: ...


class NoBaseTopic(SolarRallyError):
    """The base topic is none that one station can have for itself."""


@dataclass(slots=True, frozen=True, kw_only=True)
class StationTopics:
    """Topic filters."""

    writes: tuple[str, ...]
    reads: tuple[str, ...]


def default_base_topic(dialect: str, evse_uid: str) -> str:
    """Where to have a device publish that is not set up yet: below its own name, in its family's manner."""
    match dialect:
        case "goe" | "goe_v1":
            return f"go-eCharger/{evse_uid}"
        case "smartevse":
            return f"SmartEVSE/{evse_uid}"
        case "evcc":
            return "evcc/loadpoints/1"
        case "everest":
            return f"everest_api/{evse_uid}"
        case "warp":
            return f"warp/{evse_uid}"
        case "tasmota":
            return f"tele/{evse_uid}"
        case "native":
            return f"evse/{evse_uid}"
    return evse_uid


def topics_of(dialect: str, evse_uid: str, base_topic: str | None) -> StationTopics:
    """Raises `NoBaseTopic` for one that is empty, or covers more than one device by a wildcard."""
    if dialect == NATIVE:
        own = f"evse/{evse_uid}"
        return StationTopics(
            writes=tuple(f"{own}/{kind}" for kind in NATIVE_KINDS),
            reads=(f"{own}/commands/#", f"{own}/acks"),
        )
    levels = [level for level in (base_topic or default_base_topic(dialect, evse_uid)).split("/") if level]
    if not levels or any(set(level) & {"+", "#"} for level in levels) or levels[0].startswith("$"):
        raise NoBaseTopic(f"{base_topic!r} cannot be the base topic of one station")
    base = "/".join(levels)
    if levels[0] == _NATIVE_ROOT:
        raise NoBaseTopic(
            f"what is published below {_NATIVE_ROOT} is native: {base} cannot be a base topic. Name another"
            " with --base-topic"
        )
    if any(_is_one_inside_the_other(base, shared) for shared in _SHARED):
        raise NoBaseTopic(f"{base} is used by all devices of a family: name one inside it with --base-topic")
    match dialect:
        case "evcc":  # one connection for all its load points: evcc/loadpoints/1, …
            root = base.partition("/loadpoints/")[0]
            return _below(root)
        case "tasmota":  # tele/NAME says, stat/NAME answers, cmnd/NAME is told
            name = "/".join(levels[1:]) if levels[0] in {"tele", "stat", "cmnd"} and levels[1:] else base
            return StationTopics(writes=(f"tele/{name}/#", f"stat/{name}/#"), reads=(f"cmnd/{name}/#",))
        case "openevse":  # its last will is on the announcement
            own_topics = _below(base)
            return StationTopics(writes=(*own_topics.writes, "openevse/announce/#"), reads=own_topics.reads)
    return _below(base)


def check_apart(dialect: str, evse_uid: str, base_topic: str | None, others: Iterable[Neighbour]) -> None:
    """Raises `NoBaseTopic` when the station could speak or hear for another one, or that for it.

    The load points of one evcc have one connection, and so the same topics.
    """
    own = _places(topics_of(dialect, evse_uid, base_topic))
    for other in others:
        if other.dialect == NATIVE:
            continue
        try:
            theirs = _places(topics_of(other.dialect, other.evse_uid, other.base_topic))
        except NoBaseTopic:  # it cannot be given a password either, but is heard below its base topic
            theirs = {"/".join(level for level in (other.base_topic or "").split("/") if level)} - {""}
        if dialect == other.dialect == "evcc" and own == theirs:
            continue
        for place in sorted(own):
            for their_place in sorted(theirs):
                if _is_one_inside_the_other(place, their_place):
                    raise NoBaseTopic(
                        f"{evse_uid} would have {place} and {other.evse_uid} has {their_place}: one is inside"
                        " the other. Give one of them another: --base-topic of `stations provision`, or"
                        " `stations set-base-topic ID`"
                    )


def _places(topics: StationTopics) -> set[str]:
    """What is its own, without wildcards and leading slashes."""
    filters = {one.strip("/").removesuffix("/#") for one in (*topics.writes, *topics.reads)}
    return filters - set(_SHARED)


def _is_one_inside_the_other(one: str, other: str) -> bool:
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def _below(base: str) -> StationTopics:
    both = (f"{base}/#", f"/{base}/#")
    return StationTopics(writes=both, reads=both)
