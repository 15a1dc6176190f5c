"""How long to wait before the next attempt to connect."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Doubles from `first_s` to `longest_s`, with jitter, so that many clients do not come in step."""

    first_s: float = 0.2
    longest_s: float = 15.0
    _next_s: float = 0.0

    def pause_s(self) -> float:
        """The next pause: half to all of what it may be by now."""
        self._next_s = min(max(2 * self._next_s, self.first_s), self.longest_s)
        return self._next_s * random.uniform(0.5, 1.0)

    def succeeded(self) -> None:
        """An attempt succeeded: the next pause is a first one."""
        self._next_s = 0.0

    def give_way(self) -> None:
        """The next pause is a longest one: somebody else claims what we want."""
        self._next_s = self.longest_s

    def lasted(self, connected_s: float) -> None:
        """A connection that lasted was no failed attempt; one that was lost at once was, however it began."""
        if connected_s > self.longest_s:
            self._next_s = 0.0
