"""Accounts as they are in the database now, or were a few seconds ago."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from solarrally.storage.users import Account, account_of

MAX_CACHED: Final = 10_000


class Accounts:
    """Accounts by id, each remembered for `ttl_s`: within that a disabled user or a new role takes effect."""

    def __init__(
        self, engine: AsyncEngine, ttl_s: float, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine = engine
        self._ttl_s = ttl_s
        self._clock = clock
        self._cached: OrderedDict[int, tuple[float, Account | None]] = OrderedDict()

    async def active(self, user_id: int) -> Account | None:
        """The account, or None when there is none or it is disabled. Raises `StoreUnavailable`."""
        now_s = self._clock()
        read_at_s, account = self._cached.get(user_id, (float("-inf"), None))
        if now_s - read_at_s >= self._ttl_s:
            account = await account_of(self._engine, user_id)
            self._cached[user_id] = (now_s, account)
            self._cached.move_to_end(user_id)
            if len(self._cached) > MAX_CACHED:
                self._cached.popitem(last=False)
        return account if account is not None and account.is_active else None
