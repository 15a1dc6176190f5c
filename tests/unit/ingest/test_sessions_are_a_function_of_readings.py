"""Rule 10: the same readings, in any order, with any repetition, cut and crash, give the same sessions and
bills.

The real pipeline runs against fakes of broker and store; what it leaves behind is compared with a plain fold
of the sorted readings from scratch.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solarrally.dialects.routes import decode
from solarrally.domain.bill import Account
from solarrally.domain.periods import PricedPeriod
from solarrally.domain.reading import Reading
from solarrally.domain.station import ConnectorState, SessionRules, judged_quality, observe
from solarrally.domain.tariff import TariffElement
from solarrally.ingest.fates import Fate
from solarrally.ingest.pipeline import Pipeline
from solarrally.ingest.rules import IngestRules
from tests.builders import at
from tests.fakes.memory_store import TARIFF, MemoryStore
from tests.fakes.queue_broker import QueueBroker

RULES = IngestRules(
    session=SessionRules(silence_timeout_s=600.0),
    default_max_power_w=50_000.0,
    retry_first_s=0.0,
    tick_s=3600.0,
)
RECEIVED_AT = at(90_000)
BY_TIME = replace(
    TARIFF,
    vat_percent=Decimal(15),
    timezone="America/Jamaica",
    elements=tuple(
        TariffElement(
            start_time=f"{7 + n // 4:02}:{n % 4 * 15:02}",  # noon in UTC, and on
            end_time=f"{7 + (n + 1) // 4:02}:{(n + 1) % 4 * 15:02}",
            price_solar_per_kwh=Decimal(n),
            price_grid_per_kwh=Decimal(100 + n),
        )
        for n in range(1, 30, 2)
    ),
)
"""Another price every quarter of an hour."""


class Crash(Exception):
    """Stands for kill -9: nothing after it runs."""


STEP_S = (10.0, 5.0, 61.0, 225.0, 700.0)
statuses = st.sampled_from(
    ["available", "preparing", "charging", "finishing", "faulted", "suspendedev", None]
)


@st.composite
def histories(draw: st.DrawFn) -> list[bytes]:
    """Well-behaved and hostile stretches: sessions with and without ids, faults, resets, gaps, partial
    readings.
    """
    now_s = 0.0
    numbers_its_messages = draw(st.booleans())
    steps_s = st.sampled_from((0.0, 0.0, *STEP_S) if numbers_its_messages else STEP_S)
    counter_wh, register_wh = 0.0, draw(st.sampled_from([0.0, 120_000.0]))
    session: str | None = None
    payloads: list[bytes] = []
    for _ in range(draw(st.integers(1, 40))):
        now_s += draw(steps_s)
        action = draw(st.sampled_from(["go_on", "go_on", "go_on", "start", "stop", "reset", "wild", "event"]))
        if action == "start":
            session, counter_wh = draw(st.sampled_from(["a", "b", "c", "0", None])), 0.0
        elif action == "stop":
            session = draw(st.sampled_from([None, session]))
        elif action == "reset":
            counter_wh = register_wh = 0.0
        status = draw(statuses)
        power_w = draw(st.sampled_from([0, 0, 7200, 7200, 90, None]))
        if power_w:
            energy_wh = power_w * 10 / 3600
            counter_wh, register_wh = counter_wh + energy_wh, register_wh + energy_wh
        said: dict[str, Any] = {"timestamp": at(now_s).isoformat(), "status": status, "power_w": power_w}
        if action == "wild":
            said["power_w"] = draw(st.sampled_from([-5, 9e8, 60_000]))
        if draw(st.booleans()):
            said |= {"session_id": session, "session_total_energy_kwh": counter_wh / 1000}
        if draw(st.integers(0, 3)) == 0:
            said["energy_wh"] = register_wh
        if draw(st.booleans()):
            said["energy_source"] = draw(st.sampled_from(["solar", "grid", "none"]))
        said = {name: value for name, value in said.items() if value is not None}
        if numbers_its_messages:
            said["seq"] = len(payloads)
        if said.keys() & {"status", "power_w"}:
            payloads.append(json.dumps(said).encode())
    return payloads


Figures = tuple[
    datetime,
    datetime | None,
    str | None,
    str | None,
    int,
    int,
    int,
    str,
    int,
    tuple[PricedPeriod, ...],
    Decimal,
]


def plain_fold(payloads: list[bytes]) -> list[Figures]:
    """The reference: every reading once, in order, from scratch."""
    readings: dict[tuple[datetime, int], Reading] = {}
    for index, payload in enumerate(payloads):
        for reading in decode("evse/cp1/telemetry", payload, received(index)).readings:
            readings.setdefault((reading.ts, reading.digest), reading)
    state = ConnectorState(evse_uid="cp1", connector_id=1)
    sessions: dict[int, Any] = {}
    for reading in sorted(readings.values(), key=lambda r: r.order_key):
        marks = judged_quality(reading, RULES.default_max_power_w)
        judged = reading._replace(quality=reading.quality | marks)
        for session in observe(state, judged, RULES.session, RULES.default_max_power_w):
            sessions[id(session)] = session
    return sorted((figures(session) for session in sessions.values()), key=repr)


def figures(session: Any) -> Figures:
    energy = session.energy.figures()
    priced = Account(session, "cp1", 1, energy, BY_TIME)
    return (
        session.started_at,
        session.ended_at,
        session.end_reason,
        session.device_session_id,
        energy.energy_wh,
        energy.solar_wh,
        energy.grid_wh,
        energy.method.value,
        session.reading_count,
        priced.lines,
        priced.cost,
    )


def received(index: int) -> datetime:
    """Timestamps or numbers differ within a history: the receipt, different each time, decides nothing."""
    return RECEIVED_AT + timedelta(milliseconds=index)


async def ingest(
    store: MemoryStore, messages: list[bytes], batch_size: int, crash_after: Iterator[bool]
) -> list[Pipeline]:
    """Run the pipeline to the end of the queue, started anew after each crash; at last once more,
    undisturbed: the end of a run may fall into a fault, and what it could not write is the next one's.
    """
    broker = QueueBroker(
        [("evse/cp1/telemetry", payload, received(index)) for index, payload in enumerate(messages)],
        batch_size=batch_size,
    )
    runs = []
    acknowledge = broker.acknowledge

    async def acknowledge_or_crash(deliveries: Any) -> None:
        if next(crash_after, False):
            raise Crash
        await acknowledge(deliveries)

    broker.acknowledge = acknowledge_or_crash  # type: ignore[method-assign]
    while True:
        is_last = not broker.unacknowledged
        if is_last:
            store.faults = iter(())
        pipeline = Pipeline(broker, store, replace(RULES, max_batch=batch_size), lambda: RECEIVED_AT)
        runs.append(pipeline)
        broker.on_empty = pipeline.stop
        try:
            await pipeline.run()
        except Crash:
            broker.reconnect()
        if is_last:
            return runs


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(data=st.data())
def test_any_order_repetition_cut_and_crash_gives_the_sessions_of_the_plain_fold(data: st.DataObject) -> None:
    history = data.draw(histories(), label="history")
    repeated = history + data.draw(
        st.lists(st.sampled_from(history)) if history else st.just([]), label="repeated"
    )
    messages = data.draw(st.permutations(repeated) | st.just(repeated), label="order")
    batch_size = data.draw(st.integers(1, 12), label="batch size")
    faults = data.draw(
        st.lists(st.sampled_from(["none", "none", "lost_before_commit", "lost_after_commit"]), max_size=12),
        label="faults",
    )
    crashes = data.draw(st.lists(st.booleans(), max_size=8), label="crashes")
    store = MemoryStore(faults)
    store.tariffs = [BY_TIME]

    runs = asyncio.run(ingest(store, messages, batch_size, iter(crashes)))

    expected = plain_fold(history)
    found = [figures(account.session) for account in store.tables.sessions.values()]
    assert sorted(found, key=repr) == expected
    assert sum(run.counts.conflicts_unexplained for run in runs) == 0
    assert len(store.tables.readings) == len({(json.dumps(json.loads(payload))) for payload in history})
    due = sum((session[-1] for session in expected if session[1] is not None), Decimal(0))
    ended = {
        account.session.id for account in store.tables.sessions.values() if not account.session.is_active
    }
    assert sum((bill.total for bill in store.tables.bills if bill.session_id in ended), Decimal(0)) == due
    dissolved = [bill for bill in store.tables.bills if bill.session_id not in store.tables.sessions]
    assert sum((bill.total for bill in dissolved), Decimal(0)) == 0


@pytest.mark.parametrize("batch_size", [1, 3, 1000])
def test_the_sum_of_the_fates_is_what_was_delivered(batch_size: int) -> None:
    payloads = [
        json.dumps({"timestamp": at(10 * n).isoformat(), "status": "charging", "power_w": 7200}).encode()
        for n in range(20)
    ]
    messages = [*payloads, b"", b"{", b'{"power_w": "x"}', *payloads[:5], b"[]"]
    store = MemoryStore()

    pipeline, _ = asyncio.run(ingest(store, messages, batch_size, iter(())))

    counts = pipeline.counts
    assert counts.delivered == counts.settled == len(messages)
    assert (counts.fates[Fate.STORED], counts.fates[Fate.DUPLICATE], counts.fates[Fate.REJECTED]) == (
        20,
        5,
        4,
    )
    assert counts.reasons == {"empty_payload": 1, "malformed_json": 1, "invalid_field": 1, "empty_array": 1}
    assert len(store.tables.rejected) == 4
    assert counts.conflicts_unexplained == 0
