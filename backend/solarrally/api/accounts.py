"""What logins and API keys stand for, as it is in the database now or was a few seconds ago."""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from solarrally.storage.credentials import Standing, standing_of_key, standing_of_login
from solarrally.storage.edits.api_keys import KEY_PATTERN
from solarrally.storage.secret_text import hash_of

MAX_CACHED: Final = 10_000


class Accounts:
    """Standings by credential, each remembered for `ttl_s`.

    Within that a disabled user, another role, an ended login or a revoked key takes effect.
    """

    def __init__(
        self, engine: AsyncEngine, ttl_s: float, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine = engine
        self._ttl_s = ttl_s
        self._clock = clock
        self._cached: OrderedDict[Hashable, tuple[float, Standing | None]] = OrderedDict()

    async def of_login(self, user_id: int, login_id: UUID) -> Standing | None:
        """None when the login has ended or the user is disabled. Raises `StoreUnavailable`."""
        now = datetime.now(UTC)
        return await self._recent(
            (user_id, login_id), lambda: standing_of_login(self._engine, user_id, login_id, now=now), now
        )

    async def of_key(self, key: str) -> Standing | None:
        """None when there is no such API key, or it holds no longer. Raises `StoreUnavailable`.

        Keys that are none are not remembered: they cannot crowd out those that are.
        """
        if re.fullmatch(KEY_PATTERN, key) is None:
            return None
        now = datetime.now(UTC)
        digest = hash_of(key)
        standing = await self._recent(digest, lambda: standing_of_key(self._engine, digest, now=now), now)
        if standing is None:
            self._cached.pop(digest, None)
        return standing

    def forget(self) -> None:
        """Read everything anew: what was changed in this process takes effect at once."""
        self._cached.clear()

    async def _recent(
        self, credential: Hashable, read: Callable[[], Awaitable[Standing | None]], now: datetime
    ) -> Standing | None:
        now_s = self._clock()
        read_at_s, standing = self._cached.get(credential, (float("-inf"), None))
        if now_s - read_at_s >= self._ttl_s:
            standing = await read()
            self._cached[credential] = (now_s, standing)
            self._cached.move_to_end(credential)
            if len(self._cached) > MAX_CACHED:
                self._cached.popitem(last=False)
        return standing if standing is not None and standing.expires_at > now else None
