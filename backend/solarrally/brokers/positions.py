"""How far a shard may be said to be taken in: up to the first record that is not settled.

Deliveries are settled in any order (a value a topic waits for the rest of its moment), and records that are
no messages never become deliveries. The checkpoint is always the end of an unbroken row of settled ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass

from solarrally.ingest.ports import RejectedPart


@dataclass(slots=True)
class _Position:
    number: int
    sequence_number: str
    read_at_s: float
    rejected: RejectedPart | None
    is_settled: bool


@dataclass(slots=True, frozen=True)
class Reached:
    """The end of an unbroken row."""

    sequence_number: str
    rejected: tuple[RejectedPart, ...]
    """Records in that row that are no messages."""


class Positions:
    """Of one reader of one shard. Numbers are given in the order of reading, from 1."""

    def __init__(self) -> None:
        self._open: deque[_Position] = deque()
        self._count = 0

    def __len__(self) -> int:
        """How many records were read and are behind no checkpoint yet."""
        return len(self._open)

    @property
    def oldest_read_at_s(self) -> float | None:
        """When the first of those was read; None when there are none."""
        return self._open[0].read_at_s if self._open else None

    def add(self, sequence_number: str, read_at_s: float, rejected: RejectedPart | None = None) -> int:
        """The next record was read; its number. One that is no message is settled by being kept."""
        self._count += 1
        self._open.append(_Position(self._count, sequence_number, read_at_s, rejected, rejected is not None))
        return self._count

    def reached_with(self, numbers: Collection[int]) -> Reached | None:
        """How far all is settled once these are; None: no further than before."""
        last = None
        rejected = []
        for position in self._open:
            if not position.is_settled and position.number not in numbers:
                break
            last = position
            if position.rejected is not None:
                rejected.append(position.rejected)
        return None if last is None else Reached(last.sequence_number, tuple(rejected))

    def settle(self, numbers: Collection[int]) -> None:
        """These are settled."""
        left = len(numbers)
        for position in self._open:
            if not left:
                return
            if position.number in numbers:
                position.is_settled = True
                left -= 1

    def pass_by(self, sequence_number: str) -> None:
        """A checkpoint at this record, which is one of ours, is saved: all up to it is done with."""
        if any(position.sequence_number == sequence_number for position in self._open):
            while self._open.popleft().sequence_number != sequence_number:
                pass

    def forget(self) -> None:
        """Begin anew."""
        self._open.clear()
