"""No two deliveries share an instant of receipt, and the instants keep their order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from solarrally.brokers.receipts import Receipts

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
STEP = timedelta(microseconds=1)


def test_a_chunk_that_comes_within_the_microseconds_given_away_goes_on_after_them() -> None:
    receipts = Receipts(lambda: NOON)
    receipts.used(NOON + 800 * STEP)

    assert receipts.next() == NOON + 801 * STEP


def test_otherwise_it_is_now() -> None:
    receipts = Receipts(lambda: NOON)
    assert receipts.next() == NOON
    receipts.used(NOON - STEP)
    assert receipts.next() == NOON


def test_a_clock_that_was_set_back_is_followed() -> None:
    receipts = Receipts(lambda: NOON)
    receipts.used(NOON + timedelta(hours=1))

    assert receipts.next() == NOON
