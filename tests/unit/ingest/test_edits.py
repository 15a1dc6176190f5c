"""What somebody changes of a station while the pipeline runs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from solarrally.domain.fleet import Station
from solarrally.domain.tariff import Tariff
from solarrally.ingest.fates import Fate
from solarrally.ingest.pipeline import Pipeline
from tests.builders import at, payload
from tests.fakes.memory_store import TARIFF, MemoryStore
from tests.fakes.queue_broker import QueueBroker
from tests.unit.ingest.test_pipeline import RULES, TELEMETRY, Clock


def run_and_edit(bodies: list[bytes], edited: Any, store: MemoryStore) -> Pipeline:
    """One message a batch; after the first is stored `edited` is called on the station's entry, and a poll is
    due.
    """
    clock = Clock(at(100))
    broker = QueueBroker([(TELEMETRY, body, at(100)) for body in bodies], batch_size=1)
    acknowledge = broker.acknowledge

    async def acknowledge_and_edit(deliveries: Any) -> None:
        await acknowledge(deliveries)
        entry = store.tables.stations["cp1"]
        if entry.edited_at is None:
            entry.edited_at = clock.now
            edited(entry)
            clock.now += timedelta(seconds=RULES.poll_s)

    broker.acknowledge = acknowledge_and_edit  # type: ignore[method-assign]
    pipeline = Pipeline(broker, store, replace(RULES, max_batch=1), clock)
    broker.on_empty = pipeline.stop
    asyncio.run(pipeline.run())
    return pipeline


def idle(seconds: float) -> bytes:
    return payload(seconds, status="available", power_w=0)


def charging(seconds: float) -> bytes:
    return payload(seconds, status="charging", power_w=7200, session_id=f"s{seconds:.0f}")


def test_a_station_that_is_disabled_is_turned_away_while_the_pipeline_runs() -> None:
    def disable(entry: Station) -> None:
        entry.is_enabled = False

    store = MemoryStore()
    pipeline = run_and_edit([idle(0), idle(1), idle(2), idle(3)], disable, store)

    assert pipeline.counts.fates[Fate.REJECTED] >= 2
    assert store.tables.rejected[-1].reason == "station_disabled"
    assert len(store.tables.readings) + len(store.tables.rejected) == 4


class SiteMadeMeanwhile(MemoryStore):
    """Site 2 and its tariff come to be after the start."""

    is_made = False

    async def load_tariffs(self) -> dict[int, list[Tariff]]:
        return {1: [TARIFF], **({2: [replace(TARIFF, id=2)]} if self.is_made else {})}


def test_the_prices_of_a_site_made_meanwhile_are_known_with_its_first_station() -> None:
    store = SiteMadeMeanwhile()

    def move(entry: Station) -> None:
        store.is_made = True
        entry.moves, entry.site_id = [(at(50), entry.site_id)], 2

    pipeline = run_and_edit([charging(10), charging(60)], move, store)

    assert pipeline.counts.batch_retries == 0
    assert {account.tariff.id for account in store.tables.sessions.values()} == {1, 2}


class TwoSites(MemoryStore):
    """Site 2 is dearer."""

    async def load_tariffs(self) -> dict[int, list[Tariff]]:
        return {1: [TARIFF], 2: [replace(TARIFF, id=2, price_grid_per_kwh=Decimal(99))]}


def test_a_station_that_moved_bills_new_sessions_by_the_new_tariff_and_old_ones_by_the_old() -> None:
    def move(entry: Station) -> None:
        entry.moves, entry.site_id = [(at(50), entry.site_id)], 2

    store = TwoSites()
    run_and_edit([charging(10), charging(40), charging(60), idle(61)], move, store)

    by_id = {
        account.session.device_session_id: account.tariff.id for account in store.tables.sessions.values()
    }
    assert by_id == {"s10": 1, "s40": 1, "s60": 2}
