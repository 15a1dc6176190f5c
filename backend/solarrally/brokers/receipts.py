"""Instants of receipt that never repeat and keep the order of arrival."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

_STEP = timedelta(microseconds=1)
_CLOCK_WAS_SET = timedelta(seconds=1)
"""We run ahead of the clock by a microsecond for each message of a chunk, so never by as much as this."""


class Receipts:
    """Readings without a time of their own are filed under their receipt: two must not share one."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._newest: datetime | None = None

    def next(self) -> datetime:
        """Now, or a microsecond after the newest one given; a clock that was set back is followed."""
        now = self._now()
        newest = self._newest
        if newest is not None and now <= newest < now + _CLOCK_WAS_SET:
            return newest + _STEP
        return now

    def used(self, newest: datetime) -> None:
        """So far they are given away."""
        self._newest = newest
