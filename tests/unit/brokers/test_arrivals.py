"""What waits is in order, counted, and bounded by whoever looks at the bounds."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from solarrally.brokers.arrivals import Arrivals
from solarrally.ingest.ports import Delivery


def deliveries(*numbers: int, qos: int = 1) -> list[Delivery]:
    when = datetime(2026, 1, 1, tzinfo=UTC)
    return [Delivery("t", b"%d" % number, qos, False, False, when, number, 1) for number in numbers]


@given(st.lists(st.integers(1, 5), max_size=10), st.lists(st.integers(1, 8), max_size=30))
def test_however_it_is_filled_and_emptied_the_order_stays(chunks: list[int], limits: list[int]) -> None:
    arrivals, total = Arrivals(max_count=5, max_bytes=100), 0
    taken: list[int] = []
    for size in chunks:
        arrivals.put(deliveries(*range(total, total + size)), size_bytes=10 * size)
        total += size
    for limit in [*limits, total]:
        batch = arrivals.take(limit)
        assert len(batch) == min(limit, total - len(taken))
        taken += [delivery.packet_id for delivery in batch]
        assert arrivals.count == total - len(taken)

    assert taken == list(range(total))
    assert arrivals.size_bytes == 0


def test_it_is_full_by_count_or_by_size_and_has_room_below_half() -> None:
    by_count, by_size = Arrivals(max_count=4, max_bytes=100), Arrivals(max_count=100, max_bytes=40)
    for arrivals in (by_count, by_size):
        for number in range(4):
            assert not arrivals.is_full
            arrivals.put(deliveries(number), size_bytes=10)
        assert arrivals.is_full
        arrivals.take(1)
        assert not arrivals.has_room
        arrivals.take(1)
        assert arrivals.has_room


def test_nothing_is_left_after_clearing() -> None:
    arrivals = Arrivals(max_count=10, max_bytes=1000)
    arrivals.put(deliveries(1, 2) + deliveries(3, qos=0), size_bytes=30)

    arrivals.clear()

    assert arrivals.take(10) == []
    assert (arrivals.count, arrivals.size_bytes) == (0, 0)
