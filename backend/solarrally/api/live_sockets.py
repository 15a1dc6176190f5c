"""The open live WebSockets: how many they are, that they should go, and when the last one has gone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class OpenSockets:
    """Counts open sockets against a limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._count = 0
        self._none_open = asyncio.Event()
        self._none_open.set()
        self.closing = asyncio.Event()
        """Set when we are going away."""

    @property
    def count(self) -> int:
        return self._count

    @property
    def is_full(self) -> bool:
        return self._count >= self._limit

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count one socket as open, until the block is left."""
        self._count += 1
        self._none_open.clear()
        try:
            yield
        finally:
            self._count -= 1
            if self._count == 0:
                self._none_open.set()

    async def all_closed(self, timeout_s: float) -> bool:
        """Whether all are closed, waiting for it at most `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._none_open.wait()
        except TimeoutError:
            return False
        return True
