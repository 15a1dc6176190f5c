"""Deliveries received and not yet taken, in order, with how much memory they hold."""

from __future__ import annotations

from collections import deque

from solarrally.ingest.ports import Delivery


class Arrivals:
    """A queue of chunks, so that the cost is per chunk and not per message.

    It refuses nothing: who fills it looks at `is_full`, stops reading, and goes on once `has_room`.
    """

    def __init__(self, *, max_count: int, max_bytes: int) -> None:
        self.count = 0
        self.size_bytes = 0
        """On the wire; a chunk that is taken in parts counts until its last part is."""
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._chunks: deque[tuple[list[Delivery], int]] = deque()

    @property
    def is_full(self) -> bool:
        """Whether reading should stop."""
        return self.count >= self._max_count or self.size_bytes >= self._max_bytes

    @property
    def has_room(self) -> bool:
        """Whether reading may go on: below half, so that it does not stop and go with every batch."""
        return 2 * self.count <= self._max_count and 2 * self.size_bytes <= self._max_bytes

    def put(self, deliveries: list[Delivery], size_bytes: int) -> None:
        self._chunks.append((deliveries, size_bytes))
        self.count += len(deliveries)
        self.size_bytes += size_bytes

    def take(self, limit: int) -> list[Delivery]:
        """The oldest, at most `limit`."""
        taken: list[Delivery] = []
        while self._chunks and (room := limit - len(taken)) > 0:
            deliveries, size_bytes = self._chunks[0]
            if len(deliveries) <= room:
                self._chunks.popleft()
                self.size_bytes -= size_bytes
                taken += deliveries
            else:
                taken += deliveries[:room]
                del deliveries[:room]
        self.count -= len(taken)
        return taken

    def clear(self) -> None:
        """Forget everything."""
        self._chunks.clear()
        self.count = self.size_bytes = 0
