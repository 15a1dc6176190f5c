"""What a family of devices is that does not speak our own format: where it publishes, what each topic says,
and what all of it together tells.

A family is one module of this package with one `Family` at its end; `families` lists them. Its functions are
pure. The values of a moment are gathered by `ingest.moments`, and told in the words of our own format
(`native.Telemetry`, docs/wire-formats.md): from there on a station is a station, whatever it speaks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeAlias

from solarrally.dialects.native import Telemetry
from solarrally.domain.command import Answer

Value: TypeAlias = float | str | bool | None
Said: TypeAlias = dict[str, Value]
"""What was said, by name: fields of `native.Telemetry`, `FACTS`, and names of the family's own.

`None` takes back what was said before: the device says that it does not know.
"""

TELEMETRY: Final = frozenset(Telemetry.__struct_fields__)
FACTS: Final = frozenset({"is_online", "model", "firmware", "max_power_w"})
"""What a device says of itself; told on the status topic."""
BASE_TOPIC: Final = "base_topic"
"""In an announcement: the base topic of the device that is announced."""


class Place(NamedTuple):
    """What a topic is, under the layout that the family's firmware has from the factory."""

    base_topic: str
    """Where the device publishes: the levels before `key`, without empty ones."""
    evse_uid: str
    """What the station is called, unless the registry gives this base topic another name."""
    key: str
    is_shared: bool = False
    """It is of every device below `base_topic`, or of the one it announces, and makes no station."""


class Order(NamedTuple):
    """A command to be translated, in the words of docs/commands.md."""

    command: str
    params: Mapping[str, Any]
    known: Mapping[str, Value]
    """What the device last said."""
    sent_at: datetime | None = None
    """When a process that is gone took it to be sent: what is `known` is not from before it."""


class Outgoing(NamedTuple):
    """What to publish below the base topic of the device. QoS 1, not retained."""

    key: str
    payload: bytes


class Heard(NamedTuple):
    """A message of a device that a command is on its way to. Retained ones and orders are none."""

    key: str
    payload: bytes
    said: Mapping[str, Value]
    """What it says."""
    known: Mapping[str, Value]
    """All that the device ever said, this included."""
    at: datetime
    obeyed_a: float | None = None
    """The limit that it shows another command to have set: no cut of this one's."""


class Outcome(NamedTuple):
    """What a message shows of a command."""

    answer: Answer
    detail: str | None = None
    """Of what was done instead of what was asked for, or why nothing was."""
    obeyed_a: float | None = None
    """The limit that the device has taken as it was sent."""


Confirmation: TypeAlias = Callable[[Heard], Outcome | None]
"""Of each later message of the device: whether it shows what became of the command."""


class Translation(NamedTuple):
    """A command in the device's words."""

    messages: Sequence[Outgoing]
    confirmation: Confirmation


Read: TypeAlias = Callable[[str, bytes], Said | None]
Tell: TypeAlias = Callable[[Mapping[str, Value], Mapping[str, Value]], Said]


def tell_plainly(said: Mapping[str, Value], known: Mapping[str, Value]) -> Said:
    """What is said in the words of our own format."""
    return {name: value for name, value in said.items() if name in TELEMETRY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Devices that speak alike."""

    name: str
    """As in the registry (`evse.dialect`)."""
    vendor: str
    topic_filters: Sequence[str] = ()
    """What to subscribe to for devices as they come from the factory; empty where only the registry can tell
    that a topic is a station's.
    """
    place: Callable[[Sequence[str]], Place | None] = lambda levels: None
    """What a topic is, by its levels without empty ones; None: not of this family."""
    read: Read
    """What a message says, by key and payload. `{}`: nothing of use; None: nobody knows the key. Raises
    `RejectedMessage` for a payload that cannot be.
    """
    tell: Tell = tell_plainly
    """What to store of a moment: fields of `native.Telemetry` from what was said, where status and the like
    may need what is `known`, also from retained messages. Of measurands only what was said: what is only
    known was not measured now.
    """
    is_order: Callable[[str, bytes], bool] = lambda key, payload: False
    """Of a message below the device's base topic, by key and payload: whether it is to the device and not
    from it. Heard like all others, it is no sign of life.
    """
    made_by: str | None = None
    """What it must have said, by name, before a station is made of it; None: any measurand does."""
    holds: bool = False
    """It publishes what changes: what it said holds until it says otherwise, as long as it is heard."""
    translate: Callable[[Order], Translation] | None = None
    """A command in its words; raises `CommandNotTaken`. None: it takes none."""
