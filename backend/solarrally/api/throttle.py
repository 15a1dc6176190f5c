"""A brake for repeated attempts: some are free, then each failure doubles the wait. In this process only."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

MAX_WAIT_S: Final = 60.0
"""It slows down and never locks out: a lock-out is a gift to whoever wants to lock somebody out."""
FORGET_AFTER_S: Final = 900.0
MAX_KEYS: Final = 10_000


@dataclass(slots=True)
class _Tally:
    failures: int
    allowed_at_s: float
    last_at_s: float


class Throttle:
    """Counts attempts per key. An attempt counts as failed until `succeeded` says otherwise.

    At most `MAX_KEYS` keys are remembered; the longest unused are forgotten first.
    """

    def __init__(self, free_attempts: int) -> None:
        self._free_attempts = free_attempts
        self._tallies: OrderedDict[Hashable, _Tally] = OrderedDict()

    def wait_s(self, key: Hashable, now_s: float) -> float:
        """Seconds until the next attempt is allowed; 0 when it is now."""
        tally = self._tally(key, now_s)
        return 0.0 if tally is None else max(0.0, tally.allowed_at_s - now_s)

    def attempt(self, key: Hashable, now_s: float) -> None:
        """Count an attempt that is being made."""
        tally = self._tally(key, now_s)
        if tally is None:
            tally = self._tallies[key] = _Tally(0, now_s, now_s)
            if len(self._tallies) > MAX_KEYS:
                self._tallies.popitem(last=False)
        tally.failures += 1
        tally.last_at_s = now_s
        excess = tally.failures - self._free_attempts
        if excess >= 0:
            tally.allowed_at_s = now_s + min(2.0 ** min(excess, 10), MAX_WAIT_S)
        self._tallies.move_to_end(key)

    def succeeded(self, key: Hashable) -> None:
        """The last attempt was right: it does not count."""
        tally = self._tallies.get(key)
        if tally is not None:
            tally.failures -= 1
            tally.allowed_at_s = tally.last_at_s

    def forget(self, key: Hashable) -> None:
        """Start anew for this key."""
        self._tallies.pop(key, None)

    def _tally(self, key: Hashable, now_s: float) -> _Tally | None:
        tally = self._tallies.get(key)
        if tally is not None and now_s - tally.last_at_s > FORGET_AFTER_S:
            del self._tallies[key]
            return None
        return tally
