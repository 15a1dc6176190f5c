"""How many of a kind of costly request may run at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from solarrally.api.errors import too_many_requests

RETRY_AFTER_S = 10


class Slots:
    """A number of places; whoever finds none free is told to come again."""

    def __init__(self, count: int, what: str) -> None:
        self._what = what
        self.count = count
        self.taken = 0

    def take(self) -> None:
        """Occupy a place until `leave`. Raises `ApiProblem` (429)."""
        if self.taken >= self.count:
            raise too_many_requests(
                f"There are {self.count} {self._what} running, and no more at once.", RETRY_AFTER_S
            )
        self.taken += 1

    def leave(self) -> None:
        """The place is free again."""
        self.taken -= 1

    @contextmanager
    def taking(self) -> Iterator[None]:
        """A place for the length of the block."""
        self.take()
        try:
            yield
        finally:
            self.leave()
