"""Whose clock a reading is filed under: rule 9."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from solarrally.domain.clock import effective_time
from solarrally.domain.reading import Quality

NOW = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("said", [NOW, NOW + timedelta(minutes=5), NOW - timedelta(days=400)])
def test_a_plausible_clock_is_believed_however_late(said: datetime) -> None:
    assert effective_time(said, NOW) == (said, Quality.GOOD)


@pytest.mark.parametrize(
    "said",
    [
        NOW + timedelta(minutes=5, microseconds=1),
        datetime(2036, 2, 7, 6, 28, 16, tzinfo=UTC),
        datetime(1970, 1, 1, 0, 1, tzinfo=UTC),
        datetime(1980, 1, 6, tzinfo=UTC),
        datetime(2000, 1, 1, tzinfo=UTC),
    ],
)
def test_an_absurd_clock_is_replaced_by_the_receipt_and_marked(said: datetime) -> None:
    assert effective_time(said, NOW) == (NOW, Quality.CLOCK_DISTRUSTED)


def test_a_device_without_a_clock_gets_the_receipt() -> None:
    assert effective_time(None, NOW) == (NOW, Quality.CLOCKLESS)
