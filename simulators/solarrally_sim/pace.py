"""When the next message is due: simulated time run faster or slower, and a limit on messages per second."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime

FINEST_SLEEP_S = 0.002  # shorter waits are let pass and made up for by the next
CATCH_UP_S = 0.05  # what a late wake-up may make up for in one go; longer delays do not become bursts


class Pacer:
    """Waits until a message is due.

    `speed`: simulated seconds per second (None: no waiting for simulated time); the first is due at once.
    `rate`: at most that many messages/s (None: no limit), also after an outage.
    """

    def __init__(
        self,
        *,
        speed: float | None = None,
        rate: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._speed = speed
        self._rate = rate
        self._clock = clock
        self._sleep = sleep
        self._origin: tuple[float, datetime] | None = None
        self._slot_at: float | None = None

    async def until_due(self, ts: datetime) -> None:
        """Return when the message of simulated time `ts` may be sent."""
        now = self._clock()
        due_at = now
        if self._speed is not None:
            if self._origin is None:
                self._origin = (now, ts)
            begun_at, first_ts = self._origin
            due_at = max(due_at, begun_at + (ts - first_ts).total_seconds() / self._speed)
        if self._rate is not None:
            slot_at = now if self._slot_at is None else max(self._slot_at, now - CATCH_UP_S)
            due_at = max(due_at, slot_at)
            self._slot_at = (due_at if due_at > now else slot_at) + 1 / self._rate
        if due_at - now > FINEST_SLEEP_S:
            await self._sleep(due_at - now)
