"""The open live WebSockets: how many they are, whose, that they should go, and when the last one has gone."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class OpenSockets:
    """Counts open sockets against a limit for all and one for each account."""

    def __init__(self, limit: int, limit_per_account: int) -> None:
        self._limit = limit
        self._limit_per_account = limit_per_account
        self._count = 0
        self._counts: Counter[int] = Counter()
        self._goodbyes: set[Callable[[], None]] = set()
        self._none_open = asyncio.Event()
        self._none_open.set()
        self._is_closing = False

    @property
    def count(self) -> int:
        return self._count

    def is_full(self, account_id: int) -> bool:
        """Whether this account may open no further one now."""
        return self._count >= self._limit or self._counts[account_id] >= self._limit_per_account

    @contextmanager
    def one(self, account_id: int, go_away: Callable[[], None]) -> Iterator[None]:
        """Count one socket as open, until the block is left. `go_away` is called when we are going away."""
        self._count += 1
        self._counts[account_id] += 1
        self._goodbyes.add(go_away)
        self._none_open.clear()
        if self._is_closing:
            go_away()
        try:
            yield
        finally:
            self._goodbyes.discard(go_away)
            self._count -= 1
            self._counts[account_id] -= 1
            if not self._counts[account_id]:
                del self._counts[account_id]
            if self._count == 0:
                self._none_open.set()

    def close(self) -> None:
        """Tell all to go away, those that are opened later too."""
        self._is_closing = True
        for go_away in tuple(self._goodbyes):
            go_away()

    async def all_closed(self, timeout_s: float) -> bool:
        """Whether all are closed, waiting for it at most `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._none_open.wait()
        except TimeoutError:
            return False
        return True
