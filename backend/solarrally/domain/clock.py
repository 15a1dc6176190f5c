"""Which instant a reading is given: the device's, unless its clock cannot be believed (rule 9)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from solarrally.domain.reading import CLOCK_DISTRUSTED, Quality

AHEAD_LIMIT = timedelta(minutes=5)
_CLOCKLESS = int(Quality.CLOCKLESS)
EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)
"""Clocks that were never set show 1970 (Unix), 1980 (GPS), 2000 (many RTC chips) or the build of their C
library.
"""


def effective_time(device_ts: datetime | None, received_at: datetime) -> tuple[datetime, int]:
    """The instant to file a reading under, and what is doubtful about it.

    Lateness is no reason for doubt: a device may send what it kept for days.
    """
    if device_ts is None:
        return received_at, _CLOCKLESS
    if device_ts > received_at + AHEAD_LIMIT or device_ts < EARLIEST:
        return received_at, CLOCK_DISTRUSTED
    return device_ts, 0
