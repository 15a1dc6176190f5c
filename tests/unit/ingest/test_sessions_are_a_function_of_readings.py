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
from typing import Any, NamedTuple

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


class Said(NamedTuple):
    """A message, and its receipt where that is its only time."""

    payload: bytes
    received_at: datetime | None = None


STEP_S = (10.0, 5.0, 61.0, 225.0, 700.0)
statuses = st.sampled_from(
    ["available", "preparing", "charging", "finishing", "faulted", "suspendedev", None]
)


@st.composite
def histories(draw: st.DrawFn) -> list[Said]:
    """Well-behaved and hostile stretches: sessions with and without ids, faults, resets, gaps, leaps, partial
    readings, some or all of them undated.
    """
    now_s = 0.0
    numbers_its_messages = draw(st.booleans())
    steps_s = st.sampled_from((0.0, 0.0, *STEP_S) if numbers_its_messages else STEP_S)
    counter_wh, register_wh = 0.0, draw(st.sampled_from([0.0, 120_000.0]))
    session: str | None = None
    messages: list[Said] = []
    # A repetition of an undated one is known by its content alone, so that all must differ.
    undated = st.sampled_from([False, True][: 1 + numbers_its_messages])
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
            energy_wh += draw(st.sampled_from([0.0, 0.0, 0.0, 600.0, 2500.0]))
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
            said["seq"] = len(messages)
        is_undated = draw(undated)
        if is_undated:
            del said["timestamp"]
        if said.keys() & {"status", "power_w"}:
            messages.append(Said(json.dumps(said).encode(), at(now_s) if is_undated else None))
    return messages


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


def plain_fold(messages: list[Said]) -> list[Figures]:
    """The reference: every reading once, in order, from scratch."""
    readings: dict[tuple[datetime, int], Reading] = {}
    for index, said in enumerate(messages):
        for reading in decode("evse/cp1/telemetry", said.payload, received(index, said)).readings:
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


def received(index: int, said: Said) -> datetime:
    """Timestamps or numbers differ within a history: the receipt, different each time, decides nothing where
    it is not the time itself.
    """
    return said.received_at or RECEIVED_AT + timedelta(milliseconds=index)


async def ingest(
    store: MemoryStore,
    messages: list[Said],
    batch_size: int,
    crash_after: Iterator[bool],
    now: datetime = RECEIVED_AT,
) -> list[Pipeline]:
    """Run the pipeline to the end of the queue, started anew after each crash; at last once more,
    undisturbed: the end of a run may fall into a fault, and what it could not write is the next one's.
    """
    broker = QueueBroker(
        [("evse/cp1/telemetry", said.payload, received(index, said)) for index, said in enumerate(messages)],
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
        pipeline = Pipeline(broker, store, replace(RULES, max_batch=batch_size), lambda: now)
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
    # After a crash everything is received later: undated readings would be others. And silence is from the
    # newest reading's receipt on.
    undated_at = [said.received_at for said in history if said.received_at is not None]
    crashes = data.draw(st.just([]) if undated_at else st.lists(st.booleans(), max_size=8), label="crashes")
    now = max(undated_at, default=RECEIVED_AT)
    store = MemoryStore(faults)
    store.tariffs = [BY_TIME]

    runs = asyncio.run(ingest(store, messages, batch_size, iter(crashes), now))

    expected = plain_fold(history)
    found = [figures(account.session) for account in store.tables.sessions.values()]
    assert sorted(found, key=repr) == expected
    assert sum(run.counts.conflicts_unexplained for run in runs) == 0
    assert len(store.tables.readings) == len({said.payload for said in history})
    due = sum((session[-1] for session in expected if session[1] is not None), Decimal(0))
    ended = {
        account.session.id for account in store.tables.sessions.values() if not account.session.is_active
    }
    assert sum((bill.total for bill in store.tables.bills if bill.session_id in ended), Decimal(0)) == due
    dissolved = [bill for bill in store.tables.bills if bill.session_id not in store.tables.sessions]
    assert sum((bill.total for bill in dissolved), Decimal(0)) == 0


@pytest.mark.parametrize(
    ("gap_s", "quiet_readings", "energy_wh"),
    [(150.0, 1, 1200), (500.0, 21, 240)],
    ids=["a gap that counts", "a gap that began before what is read again"],
)
def test_late_data_takes_no_energy_from_a_session_that_began_in_a_burst(
    gap_s: float, quiet_readings: int, energy_wh: int
) -> None:
    """50 kW do not deliver 120 Wh in a millisecond; after 10 s of silence, twice that much."""

    def undated(seconds: float, **said: Any) -> Said:
        said["seq"] = int(seconds * 1000)
        return Said(json.dumps(said).encode(), at(seconds))

    idle_s = [0.0, *(gap_s + 10.0 * n for n in range(quiet_readings))]
    history = [undated(second, status="available", energy_wh=70_000.0) for second in idle_s]
    history += [
        undated(idle_s[-1] + n / 1000, status="charging", energy_wh=70_000.0 + 120.0 * n)
        for n in range(1, 11)
    ]
    late = Said(json.dumps({"timestamp": at(idle_s[-1] + 0.0055).isoformat(), "status": "charging"}).encode())
    history.append(late)
    store = MemoryStore()
    store.tariffs = [BY_TIME]
    now = at(idle_s[-1] + 1.0)

    runs = asyncio.run(ingest(store, history, 1, iter(()), now))

    found = [figures(account.session) for account in store.tables.sessions.values()]
    assert found == plain_fold(history)
    assert [session[4] for session in found] == [energy_wh]
    assert sum(run.counts.readings_late for run in runs) == 1


@pytest.mark.parametrize("batch_size", [1, 3, 1000])
def test_the_sum_of_the_fates_is_what_was_delivered(batch_size: int) -> None:
    payloads = [
        json.dumps({"timestamp": at(10 * n).isoformat(), "status": "charging", "power_w": 7200}).encode()
        for n in range(20)
    ]
    payloads += [b"", b"{", b'{"power_w": "x"}', *payloads[:5], b"[]"]
    store = MemoryStore()

    pipeline, _ = asyncio.run(ingest(store, [Said(payload) for payload in payloads], batch_size, iter(())))

    counts = pipeline.counts
    assert counts.delivered == counts.settled == len(payloads)
    assert (counts.fates[Fate.STORED], counts.fates[Fate.DUPLICATE], counts.fates[Fate.REJECTED]) == (
        20,
        5,
        4,
    )
    assert counts.reasons == {"empty_payload": 1, "malformed_json": 1, "invalid_field": 1, "empty_array": 1}
    assert len(store.tables.rejected) == 4
    assert counts.conflicts_unexplained == 0
