"""A station above its rate waits in the parking table, in order, and nobody else does."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from solarrally.ingest.fates import Fate
from solarrally.ingest.parking import ParkingPlaces
from solarrally.ingest.ports import Delivery
from tests.builders import at
from tests.fakes.memory_store import MemoryStore
from tests.unit.ingest.test_pipeline import RULES, charging, message, only_session, run


def delivery(station: str, number: int = 0, topic: str | None = None) -> Delivery:
    return Delivery(
        topic=topic or f"evse/{station}/telemetry",
        payload=b"{}",
        qos=1,
        retained=False,
        redelivered=False,
        received_at=at(number),
        packet_id=number,
        connection=1,
    )


def places(limit_hz: float = 3) -> ParkingPlaces:
    return ParkingPlaces(topic_root="evse", station_rate_limit_hz=limit_hz)


def test_only_what_is_above_the_rate_of_a_station_is_parked() -> None:
    now, later = places().sort_out([*(delivery("a", n) for n in range(5)), delivery("b")], now_s=0.0)

    assert [(each.topic, each.packet_id) for each in now] == [
        ("evse/a/telemetry", 0),
        ("evse/a/telemetry", 1),
        ("evse/a/telemetry", 2),
        ("evse/b/telemetry", 0),
    ]
    assert [(uid, each.packet_id) for uid, each in later] == [("a", 3), ("a", 4)]


def test_a_station_with_parked_messages_stays_parked_until_they_are_taken() -> None:
    parking = places()
    parking.sort_out([delivery("a", n) for n in range(4)], now_s=0.0)
    parking.stored(1)

    assert parking.sort_out([delivery("a", 4)], now_s=10.0) == ([], [("a", delivery("a", 4))])
    parking.stored(1)
    parking.taken(["a", "a"])

    assert parking.sort_out([delivery("a", 5)], now_s=20.0) == ([delivery("a", 5)], [])
    assert (parking.waiting, parking.in_table, parking.stations) == (0, 0, 0)


def test_a_new_second_is_a_new_chance_for_who_has_nothing_parked() -> None:
    parking = places()

    for second in range(5):
        now, later = parking.sort_out([delivery("a", n) for n in range(3)], now_s=float(second))
        assert (len(now), later) == (3, [])


def test_a_topic_of_nobody_is_never_parked() -> None:
    strangers = [delivery("", n, topic="other/topic/x") for n in range(10)]

    assert places().sort_out(strangers, now_s=0.0) == (strangers, [])


def test_what_the_table_holds_at_the_start_is_waited_for() -> None:
    parking = places()
    parking.start({"a": 2}, on_their_way=["b"])

    assert (parking.in_table, parking.waiting, parking.stations) == (2, 3, 2)
    assert parking.sort_out([delivery("a"), delivery("b"), delivery("c")], now_s=0.0)[0] == [delivery("c")]


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_a_flood_is_taken_in_completely_and_in_order(batch_size: int) -> None:
    flood = [message(charging(n, 2.0 * n)) for n in range(100)]
    rules = replace(RULES, station_rate_limit_hz=10)

    pipeline, store, broker = run(flood, rules=rules, batch_size=batch_size)

    counts = pipeline.counts
    assert broker.acknowledged == list(range(100))
    assert counts.parked == counts.unparked == 90
    assert counts.delivered + counts.unparked == counts.settled + counts.parked
    assert counts.fates == Counter({Fate.STORED: 100})
    assert counts.readings_late == 0
    assert only_session(store).reading_count == 100
    assert store.tables.parked == {}


def test_what_was_parked_by_another_process_is_taken_first() -> None:
    store = MemoryStore()
    asyncio.run(store.register_stations(["cp1"]))
    for n in range(3):
        _, body, received_at = message(charging(n, 2.0 * n))
        parked = delivery("cp1", n)._replace(payload=body, received_at=received_at)
        store.tables.parked[n - 10] = ("cp1", parked)

    pipeline, store, broker = run([message(charging(n, 2.0 * n)) for n in range(3, 6)], store)

    assert pipeline.counts.unparked == 3 + pipeline.counts.parked
    assert pipeline.counts.readings_late == 0
    assert broker.acknowledged == [0, 1, 2]
    assert store.tables.parked == {}
    assert only_session(store).reading_count == 6
