"""When the pipeline reviews alerts, and what it says of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from solarrally.domain.alert import AlertKind, AlertStatus, status_of
from solarrally.ingest.pipeline import Pipeline
from tests.builders import at, payload
from tests.fakes.memory_store import MemoryStore
from tests.fakes.queue_broker import QueueBroker
from tests.unit.ingest.test_pipeline import RULES, Clock, message, run


def faulted(seconds: float) -> bytes:
    return payload(seconds, status="faulted", power_w=0, error_code="GroundFailure")


def available(seconds: float) -> bytes:
    return payload(seconds, status="available", power_w=0)


class Passing(Clock):
    """A second passes whenever somebody looks."""

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def test_alerts_are_reviewed_while_messages_come() -> None:
    rules = replace(RULES, alert_interval_s=1.0)
    pipeline, store, _ = run([message(faulted(0))], rules=rules, clock=Passing(at(100)))

    assert pipeline.unresolved_alerts == {AlertKind.FAULTED: 1}
    assert [alert.detail for alert in store.tables.alerts] == ["GroundFailure"]


def test_alerts_are_reviewed_no_more_often_than_they_should_be() -> None:
    pipeline, store, _ = run([message(faulted(0))], rules=replace(RULES, alert_interval_s=5.0))

    assert pipeline.unresolved_alerts == {}
    assert store.tables.alerts == []


@pytest.mark.parametrize("body", [faulted(1), available(1)])
def test_the_row_of_a_connector_is_written_with_the_event_of_its_fault(body: bytes) -> None:
    """Else a review between the two would take the fault for over before it began."""
    store = MemoryStore()
    first = available(0) if body == faulted(1) else faulted(0)
    broker = QueueBroker([message(first), message(body)], batch_size=1)
    pipeline = Pipeline(broker, store, replace(RULES, max_batch=1, show_interval_s=60.0), Clock(at(100)))
    seen: list[tuple[int, object]] = []
    acknowledge = broker.acknowledge

    async def watched(deliveries: object) -> None:
        _, latest = store.tables.connectors["cp1", 1]
        seen.append((len(store.tables.events), latest.reported_status))
        await acknowledge(deliveries)  # type: ignore[arg-type]

    broker.acknowledge = watched  # type: ignore[method-assign]
    broker.on_empty = pipeline.stop
    asyncio.run(pipeline.run())

    assert seen[-1][1] == ("faulted" if body == faulted(1) else "available")


def test_the_status_of_an_alert_follows_what_was_done() -> None:
    assert status_of(None, None) is AlertStatus.OPEN
    assert status_of(at(0), None) is AlertStatus.ACKNOWLEDGED
    assert status_of(at(0), at(1)) is status_of(None, at(1)) is AlertStatus.RESOLVED
