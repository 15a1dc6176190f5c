"""What watchers are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

from solarrally.domain.update import AlertUpdate, CommandUpdate, ConnectorUpdate, SessionUpdate

Record: TypeAlias = SessionUpdate | AlertUpdate | CommandUpdate
_Value = TypeVar("_Value")


class Versioned(Generic[_Value]):
    """One update, shared by all watchers that are told about it.

    `rendered` is where those who write it to a wire keep the text, so that it is written once for everyone.
    """

    __slots__ = ("rendered", "value")

    def __init__(self, value: _Value) -> None:
        self.value = value
        self.rendered: dict[str, bytes] = {}


@dataclass(slots=True, frozen=True)
class Snapshot:
    """All the watcher is interested in as it stands; it replaces all it was told before."""

    updates: Sequence[Versioned[ConnectorUpdate]]
    records: Sequence[Versioned[Record]] = ()
    """Open alerts and unfinished commands."""
    shared_by: int = field(default=1, compare=False)
    """How many watchers are told this very event."""
    rendered: dict[str, bytes] = field(default_factory=dict, compare=False, repr=False)
    """Where those who write it to a wire keep it."""


@dataclass(slots=True, frozen=True)
class Frame:
    """What changed since the last one: the newest per connector, and every record in order."""

    updates: Sequence[Versioned[ConnectorUpdate]]
    records: Sequence[Versioned[Record]] = ()
    shared_by: int = field(default=1, compare=False)
    rendered: dict[str, bytes] = field(default_factory=dict, compare=False, repr=False)


@dataclass(slots=True, frozen=True)
class Stale:
    """The feed is lost: what was told may be out of date until the next `Snapshot`."""


Event = Snapshot | Frame | Stale
