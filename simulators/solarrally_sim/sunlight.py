"""How much of a site's charging the sun covers, by local hour: a made-up but repeatable sky."""

import math
import random
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

SUNRISE_HOUR = 6.0
SUNSET_HOUR = 20.0


@dataclass(frozen=True, slots=True)
class Sky:
    """The sky over one site; the same `seed` gives the same clouds on the same days."""

    zone: ZoneInfo
    seed: int

    def solar_share(self, ts: datetime) -> float:
        """Share of the energy that is solar, 0 to 1: a half sine from 6 to 20 h local, times the clouds."""
        local = ts.astimezone(self.zone)
        hour = local.hour + local.minute / 60
        if not SUNRISE_HOUR < hour < SUNSET_HOUR:
            return 0.0
        height = math.sin(math.pi * (hour - SUNRISE_HOUR) / (SUNSET_HOUR - SUNRISE_HOUR))
        return height * _clearness(self.seed, local.date())


@lru_cache(maxsize=4096)
def _clearness(seed: int, day: date) -> float:
    """How clear the day is: 0.3 (overcast) to 1."""
    return random.Random(f"sky:{seed}:{day.isoformat()}").uniform(0.3, 1.0)
