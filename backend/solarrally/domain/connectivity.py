"""When a station was connected: the intervals between its online and offline events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(slots=True, frozen=True, kw_only=True)
class Interval:
    """A time in which connectivity did not change; None is unknown."""

    starts_at: datetime
    ends_at: datetime
    is_online: bool | None


@dataclass(slots=True, frozen=True, kw_only=True)
class Connectivity:
    """The intervals of a range, without gaps; none when the range is empty."""

    starts_at: datetime
    ends_at: datetime
    intervals: Sequence[Interval]

    def seconds(self, *, is_online: bool | None) -> float:
        """How long it was so."""
        return sum(
            (one.ends_at - one.starts_at).total_seconds()
            for one in self.intervals
            if one.is_online is is_online
        )

    @property
    def online_share(self) -> float | None:
        """Online of the known time, 0 to 1; None when nothing is known."""
        online_s = self.seconds(is_online=True)
        known_s = online_s + self.seconds(is_online=False)
        return online_s / known_s if known_s else None


def connectivity(
    starts_at: datetime,
    ends_at: datetime,
    was_online: bool | None,
    changes: Iterable[tuple[datetime, bool]],
) -> Connectivity:
    """The intervals from `starts_at` to `ends_at`, where it `was_online` (None: unknown) at the start.

    `changes` are in order and within the range; one that says what was so already changes nothing.
    """
    intervals: list[Interval] = []
    since, is_online = starts_at, was_online
    for ts, becomes_online in changes:
        if becomes_online is is_online:
            continue
        if ts > since:
            intervals.append(Interval(starts_at=since, ends_at=ts, is_online=is_online))
        since, is_online = ts, becomes_online
    if ends_at > since:
        intervals.append(Interval(starts_at=since, ends_at=ends_at, is_online=is_online))
    return Connectivity(starts_at=starts_at, ends_at=ends_at, intervals=_merged(intervals))


def _merged(intervals: Sequence[Interval]) -> list[Interval]:
    """Neighbours that are alike as one: two changes at one instant leave such behind."""
    merged: list[Interval] = []
    for one in intervals:
        if merged and merged[-1].is_online is one.is_online:
            one = Interval(starts_at=merged.pop().starts_at, ends_at=one.ends_at, is_online=one.is_online)
        merged.append(one)
    return merged
