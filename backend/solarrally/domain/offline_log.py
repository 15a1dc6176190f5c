"""The log that a station kept while it was offline: what reading one gives, and the port that reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol, TypeAlias

LogFormat: TypeAlias = Literal["auto", "ndjson", "csv"]

PACKED_BYTES: Final = 16_000
"""Lines are packed into messages of at most so much: a rejected message of this size is kept whole."""


@dataclass(slots=True, frozen=True)
class RejectedLine:
    """A line of a log that cannot be used. The others can."""

    line: int
    """In the file, from 1; the header counts."""
    reason: str
    field: str | None
    detail: str


@dataclass(slots=True, frozen=True)
class PackedLines:
    """Some lines of a log as one message of the station, as it would have come over the broker."""

    kind: str
    """The topic below the station's: `telemetry`, `session/started` or `session/ended`."""
    payload: bytes
    """Of telemetry an array with one line of the log in each of its lines."""
    line_count: int


class UnreadableLog(Exception):
    """The file as a whole cannot be read as a log; `str()` of it says why."""


class OfflineLog(Protocol):
    """Reads one log, piece by piece. Pure: no I/O, and time is handed in when it is made."""

    @property
    def line_count(self) -> int:
        """Lines that say or should say something: without the header and empty ones."""

    @property
    def rejected_count(self) -> int: ...

    @property
    def rejected(self) -> Sequence[RejectedLine]:
        """The first of them."""

    @property
    def unknown_fields(self) -> Sequence[str]:
        """Fields that were passed over, by name."""

    def feed(self, piece: bytes) -> list[PackedLines]:
        """What the file goes on with. Raises `UnreadableLog`."""

    def finish(self) -> list[PackedLines]:
        """Nothing more comes. Raises `UnreadableLog`."""


class OpenOfflineLog(Protocol):
    """Begins to read a log."""

    def __call__(
        self, *, evse_uid: str, connector_id: int | None, log_format: LogFormat, received_at: datetime
    ) -> OfflineLog:
        """`connector_id` is that of lines that say none; without it, 1."""
