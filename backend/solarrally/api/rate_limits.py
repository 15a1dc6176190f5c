"""How often somebody may ask: a bucket of tokens for each, filled at a steady rate. In this process only."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final

from solarrally.api.errors import too_many_requests

MAX_KEYS: Final = 10_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at_s: float


class RateLimit:
    """`burst` requests at once for each key, then `rate_hz` a second.

    At most `MAX_KEYS` keys are remembered; the longest unused are forgotten first, and start full again.
    """

    def __init__(self, rate_hz: float, burst: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate_hz = rate_hz
        self._burst = float(burst)
        self._clock = clock
        self._buckets: OrderedDict[Hashable, _Bucket] = OrderedDict()

    def wait_s(self, key: Hashable) -> float:
        """0 when a token was there, and it is taken; else the seconds until there is one."""
        now_s = self._clock()
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(self._burst, now_s)
            if len(self._buckets) > MAX_KEYS:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
            gained = (now_s - bucket.filled_at_s) * self._rate_hz
            bucket.tokens = min(self._burst, bucket.tokens + gained)
            bucket.filled_at_s = now_s
        if bucket.tokens < 1.0:
            return (1.0 - bucket.tokens) / self._rate_hz
        bucket.tokens -= 1.0
        return 0.0

    def take(self, *keys: Hashable) -> None:
        """Take a token of each key. Raises `ApiProblem` (429 with `Retry-After`) when one has none."""
        wait_s = max(self.wait_s(key) for key in keys)
        if wait_s > 0:
            raise too_many_requests("Too many requests; slow down.", int(wait_s) + 1)


@dataclass(slots=True, frozen=True, kw_only=True)
class RateLimits:
    """The limits of one application, each with keys of its own."""

    per_caller: RateLimit
    """Every request with a valid credential, by user or API key."""
    password_reset: RateLimit
    """Each may send a mail; by client address, and by the mail address that was asked for."""
    registration: RateLimit
    """Each costs a password hash; by client address."""
    refresh: RateLimit
    """By client address."""
    live_ticket: RateLimit
    """By user."""
    public: RateLimit
    """What needs no login, by client address: behind one there may be a whole office."""


def make_rate_limits(*, caller_rate_hz: float, caller_burst: int) -> RateLimits:
    """The limits, of which only the general one is a matter of taste."""
    return RateLimits(
        per_caller=RateLimit(caller_rate_hz, caller_burst),
        password_reset=RateLimit(1 / 60, 5),
        registration=RateLimit(1 / 30, 10),
        refresh=RateLimit(2.0, 60),
        live_ticket=RateLimit(1.0, 30),
        public=RateLimit(10.0, 100),
    )
