"""The quarter of an hour that rollups are made of: it divides the day of every time zone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

BUCKET_S: Final = 900
BUCKET: Final = timedelta(seconds=BUCKET_S)


def bucket_start(ts: datetime) -> datetime:
    """The start of the bucket that a reading of this instant falls into."""
    return ts.replace(minute=ts.minute - ts.minute % 15, second=0, microsecond=0)
