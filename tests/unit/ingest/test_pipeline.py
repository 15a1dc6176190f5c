"""What the pipeline promises about each message: its fate, its acknowledgement, what is kept of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from structlog.testing import capture_logs

from solarrally.domain.session import EndReason
from solarrally.domain.station import SessionRules
from solarrally.domain.tariff import Tariff
from solarrally.ingest.fates import Fate
from solarrally.ingest.pipeline import Pipeline
from solarrally.ingest.rules import IngestRules
from tests.builders import T0, at, payload
from tests.fakes.memory_store import MemoryStore
from tests.fakes.queue_broker import QueueBroker

TELEMETRY = "evse/cp1/telemetry"
RULES = IngestRules(session=SessionRules(silence_timeout_s=600), retry_first_s=0.0, retry_longest_s=0.0)


class Clock:
    """Time that a test sets."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def charging(seconds: float, energy_wh: float, **said: Any) -> bytes:
    said = {"status": "charging", "power_w": 7200, "session_id": "s1", **said}
    return payload(seconds, session_total_energy_kwh=energy_wh / 1000, **said)


def idle(seconds: float) -> bytes:
    return payload(seconds, status="available", power_w=0, session_total_energy_kwh=0.0)


def message(body: bytes, topic: str = TELEMETRY, received_s: float = 100.0) -> tuple[str, bytes, datetime]:
    return topic, body, at(received_s)


def run(
    messages: Iterable[tuple[str, bytes, datetime]],
    store: MemoryStore | None = None,
    *,
    rules: IngestRules = RULES,
    batch_size: int = 1000,
    clock: Clock | None = None,
) -> tuple[Pipeline, MemoryStore, QueueBroker]:
    store = store or MemoryStore()
    broker = QueueBroker(messages, batch_size=batch_size)
    rules = replace(rules, max_batch=batch_size)
    pipeline = Pipeline(broker, store, rules, clock or Clock(at(100)))
    broker.on_empty = pipeline.stop
    asyncio.run(pipeline.run())
    return pipeline, store, broker


def only_session(store: MemoryStore) -> Any:
    [account] = store.tables.sessions.values()
    return account.session


def test_every_message_is_acknowledged_whatever_it_is() -> None:
    bodies = [charging(0, 0), b"", b"\xff", b"[]", charging(0, 0), b'{"power_w": null}', b"x" * 200_000]

    _, _, broker = run([message(body) for body in bodies])

    assert broker.acknowledged == list(range(len(bodies)))


def test_nothing_is_acknowledged_before_the_commit() -> None:
    store = MemoryStore(["lost_before_commit"] * 3)
    broker = QueueBroker([message(charging(0, 0))])
    committed_at_ack: list[int] = []
    acknowledge = broker.acknowledge

    async def watched(deliveries: Any) -> None:
        committed_at_ack.append(len(store.tables.readings))
        await acknowledge(deliveries)

    broker.acknowledge = watched  # type: ignore[method-assign]
    pipeline = Pipeline(broker, store, RULES, Clock(at(100)))
    broker.on_empty = pipeline.stop
    asyncio.run(pipeline.run())

    assert committed_at_ack == [1]
    assert pipeline.counts.batch_retries == 3


def test_a_stop_while_the_database_is_away_leaves_the_messages_with_the_broker() -> None:
    store = MemoryStore(["lost_before_commit"] * 10_000)
    broker = QueueBroker([message(charging(0, 0))])
    pipeline = Pipeline(broker, store, replace(RULES, retry_first_s=0.01), Clock(at(100)))

    async def run_and_stop() -> None:
        asyncio.get_running_loop().call_later(0.05, pipeline.stop)
        await pipeline.run()

    asyncio.run(run_and_stop())

    assert broker.unacknowledged == 1
    assert pipeline.counts.settled == 0


@pytest.mark.parametrize(
    ("topic", "body", "reason", "field"),
    [
        (TELEMETRY, b"", "empty_payload", None),
        (TELEMETRY, b"   ", "empty_payload", None),
        (TELEMETRY, b"{", "malformed_json", None),
        (TELEMETRY, b"\xff\xfe", "malformed_json", None),
        (TELEMETRY, b"[" * 100_000, "malformed_json", None),
        (TELEMETRY, b'{"power_w": NaN}', "malformed_json", None),
        (TELEMETRY, b'{"power_w": 1e999}', "invalid_field", "power_w"),
        (TELEMETRY, b'{"power_w": "7.2"}', "invalid_field", "power_w"),
        (TELEMETRY, b'{"power_w": true}', "invalid_field", "power_w"),
        (TELEMETRY, b'{"status": "flying"}', "invalid_field", "status"),
        (
            TELEMETRY,
            b'{"status": "charging", "timestamp": "2026-03-09T12:00:00"}',
            "invalid_field",
            "timestamp",
        ),
        (TELEMETRY, b'{"status": "charging", "timestamp": 1773057600}', "invalid_field", "timestamp"),
        (TELEMETRY, b'{"session_id": "a\\u0000b"}', "invalid_field", "session_id"),
        (TELEMETRY, b'{"connector_id": 70000, "power_w": 1}', "invalid_field", "connector_id"),
        (TELEMETRY, b'{"volts": 230}', "says_nothing", None),
        (TELEMETRY, b"[]", "empty_array", None),
        (TELEMETRY, b'{"a":"' + b"x" * 1_000_000 + b'"}', "payload_too_large", None),
        ("evse/cp1/telemetri", b"{}", "unknown_topic", None),
        ("evse/cp1", b"{}", "unknown_topic", None),
        ("evse/" + "/".join("x" * 30), b"{}", "unknown_topic", None),
        ("evse/../telemetry", b"{}", "bad_station_id", None),
        ("evse/" + "x" * 65 + "/telemetry", b"{}", "bad_station_id", None),
        ("evse/ladestation-\u00e4/telemetry", b"{}", "bad_station_id", None),
        ("evse/cp1/status", b'{"state": "maybe"}', "invalid_field", "state"),
    ],
)
def test_bad_input_is_counted_kept_with_its_reason_and_the_stream_goes_on(
    topic: str, body: bytes, reason: str, field: str | None
) -> None:
    pipeline, store, _ = run([message(body, topic), message(charging(0, 0))])

    [kept] = store.tables.rejected
    assert (kept.reason, kept.field, kept.topic) == (reason, field, topic)
    assert pipeline.counts.reasons == {reason: 1}
    assert pipeline.counts.fates == {Fate.REJECTED: 1, Fate.STORED: 1}
    assert len(store.tables.readings) == 1


def test_a_bad_element_of_a_backlog_does_not_spoil_the_others() -> None:
    backlog = b"[" + b",".join([charging(0, 0), b'{"power_w": "x"}', charging(10, 20)]) + b"]"

    pipeline, store, _ = run([message(backlog)])

    assert len(store.tables.readings) == 2
    assert [(part.reason, part.field) for part in store.tables.rejected] == [("invalid_field", "[1].power_w")]
    assert pipeline.counts.fates == {Fate.PARTLY_REJECTED: 1}


@pytest.mark.parametrize("said", ["1970-01-01T00:00:09Z", "2000-01-01T00:00:00Z", "2036-02-07T06:28:16Z"])
def test_a_reading_with_an_absurd_clock_is_stored_under_its_receipt_and_counted(said: str) -> None:
    body = json.dumps({"timestamp": said, "status": "charging", "power_w": 7200}).encode()

    pipeline, store, _ = run([message(body, received_s=50)])

    [reading] = store.tables.readings.values()
    assert reading.ts == at(50)
    assert reading.device_ts == datetime.fromisoformat(said)
    assert pipeline.counts.readings_distrusted_clock == 1


def test_a_redelivered_reading_without_a_believable_clock_is_not_stored_twice() -> None:
    body = json.dumps({"timestamp": "1970-01-01T00:00:09Z", "status": "charging", "power_w": 7200}).encode()
    store = MemoryStore()
    run([message(body, received_s=50)], store)
    broker = QueueBroker([message(body, received_s=58)])
    broker._pending = [delivery._replace(redelivered=True) for delivery in broker._pending]
    pipeline = Pipeline(broker, store, RULES, Clock(at(100)))
    broker.on_empty = pipeline.stop

    asyncio.run(pipeline.run())

    assert len(store.tables.readings) == 1
    assert pipeline.counts.fates == {Fate.DUPLICATE: 1}


def test_different_readings_with_one_timestamp_are_both_stored() -> None:
    _, store, _ = run([message(charging(0, 0)), message(charging(0, 0, power_w=7100))])

    assert len(store.tables.readings) == 2


def test_a_retained_reading_with_its_own_time_counts_once_and_one_without_says_nothing() -> None:
    bodies = [charging(0, 0), charging(0, 0), b'{"status": "charging", "power_w": 7200}']
    broker = QueueBroker([message(body) for body in bodies])
    broker._pending = [d._replace(retained=n > 0) for n, d in enumerate(broker._pending)]
    store = MemoryStore()
    pipeline = Pipeline(broker, store, RULES, Clock(at(100)))
    broker.on_empty = pipeline.stop

    asyncio.run(pipeline.run())

    assert len(store.tables.readings) == 1
    assert pipeline.counts.settled == 3
    assert pipeline.counts.fates[Fate.IGNORED] == 1


def test_our_own_commands_are_ignored() -> None:
    pipeline, store, _ = run([message(b"{}", "evse/cp1/commands/c1"), message(b"{}", "evse/cp1/acks")])

    assert pipeline.counts.fates == {Fate.IGNORED: 2}
    assert store.tables.stations == {}


def test_a_message_the_database_refuses_is_rejected_and_its_neighbours_are_stored() -> None:
    store = MemoryStore()
    store.poison_status = "faulted"
    bodies = [charging(10 * n, 20 * n) for n in range(9)]
    bodies.insert(4, payload(41, status="faulted", power_w=0))

    pipeline, store, broker = run([message(body) for body in bodies], store)

    assert len(store.tables.readings) == 9
    assert [part.reason for part in store.tables.rejected] == ["refused_by_database"]
    assert pipeline.counts.fates == {Fate.STORED: 9, Fate.REJECTED: 1}
    assert broker.unacknowledged == 0
    assert only_session(store).energy.figures().energy_wh == 160


def test_an_unknown_station_is_registered_at_its_first_message() -> None:
    _, store, _ = run([message(charging(0, 0))])

    assert list(store.tables.stations) == ["cp1"]
    assert store.tables.stations["cp1"].is_online


def test_an_unknown_station_is_rejected_where_registration_is_forbidden() -> None:
    _, store, broker = run([message(charging(0, 0))], rules=replace(RULES, register_unknown_stations=False))

    assert [part.reason for part in store.tables.rejected] == ["unknown_station"]
    assert store.tables.stations == {}
    assert broker.unacknowledged == 0


def test_a_disabled_station_is_rejected_even_if_the_broker_let_it_in() -> None:
    store = MemoryStore()
    asyncio.run(store.register_stations(["cp1"]))
    store.tables.stations["cp1"].is_enabled = False

    run([message(charging(0, 0))], store)

    assert [part.reason for part in store.tables.rejected] == ["station_disabled"]
    assert store.tables.readings == {}


def test_a_late_reading_recomputes_its_session_and_corrects_its_bill() -> None:
    store = MemoryStore()
    run([message(body) for body in (idle(0), charging(10, 10), charging(20, 30), idle(60))], store)
    [first] = store.tables.bills
    assert first.total == Decimal("1.50")

    run([message(charging(40, 70)), message(charging(50, 90))], store)

    assert only_session(store).energy.figures().energy_wh == 90
    assert [(bill.kind, bill.total) for bill in store.tables.bills] == [
        ("invoice", Decimal("1.50")),
        ("credit", Decimal("-1.50")),
        ("invoice", Decimal("4.50")),
    ]


def test_a_late_start_keeps_the_id_of_the_session() -> None:
    store = MemoryStore()
    run([message(charging(30, 50)), message(charging(40, 70))], store)
    before = only_session(store)

    run([message(idle(0)), message(charging(10, 10)), message(charging(20, 30))], store)

    after = only_session(store)
    assert (after.id, after.started_at) == (before.id, at(10))


def test_late_data_that_join_two_sessions_dissolve_one_and_credit_its_bill() -> None:
    store = MemoryStore()
    bodies = [idle(0), charging(10, 10), idle(700), charging(1300, 20), idle(1310)]
    run([message(body, received_s=2000) for body in bodies], store, clock=Clock(at(2000)))
    sessions = len(store.tables.sessions)

    late = [charging(seconds, 10 + seconds / 1000) for seconds in (300, 600, 650, 705, 900, 1200)]
    run([message(body, received_s=2100) for body in late], store, clock=Clock(at(2100)))

    assert sessions == 2
    assert len(store.tables.sessions) == 1
    gone = [bill for bill in store.tables.bills if bill.session_id not in store.tables.sessions]
    assert sum((bill.total for bill in gone), Decimal(0)) == 0


def test_a_late_reading_does_not_reopen_a_closed_session() -> None:
    store = MemoryStore()
    run([message(body) for body in (charging(10, 10), charging(30, 50), idle(40), idle(50))], store)

    run([message(charging(20, 30))], store)

    session = only_session(store)
    assert (session.started_at, session.ended_at) == (at(10), at(40))


def test_late_data_never_overwrite_the_newest() -> None:
    store = MemoryStore()
    run([message(idle(50))], store)

    run([message(charging(10, 10))], store)

    _, latest = store.tables.connectors["cp1", 1]
    assert (latest.ts, latest.status) == (at(50), "available")


def test_a_silent_session_ends_as_timeout_and_goes_on_when_the_station_comes_back() -> None:
    store = MemoryStore()
    clock = Clock(at(20))
    run([message(charging(0, 0), received_s=0), message(charging(10, 20), received_s=10)], store, clock=clock)
    broker = QueueBroker([])
    broker.listening_since = at(0)
    clock.now = at(611)
    pipeline = Pipeline(broker, store, RULES, clock)
    broker.on_empty = pipeline.stop
    asyncio.run(pipeline.run())
    timed_out = only_session(store)
    assert (timed_out.status, timed_out.ended_at, timed_out.end_reason) == (
        "COMPLETED",
        at(10),
        EndReason.TIMEOUT,
    )

    run(
        [message(charging(620, 1200), received_s=620), message(idle(630), received_s=630)],
        store,
        clock=Clock(at(630)),
    )

    session = only_session(store)
    assert (session.id, session.ended_at) == (timed_out.id, at(630))
    assert session.energy.figures().energy_wh == 1200
    assert [bill.kind for bill in store.tables.bills] == ["invoice", "credit", "invoice"]


def test_silence_does_not_count_from_before_we_listened() -> None:
    store = MemoryStore()
    run([message(charging(0, 0), received_s=0)], store, clock=Clock(at(1)))
    broker = QueueBroker([])
    broker.listening_since = at(10_000)
    pipeline = Pipeline(broker, store, RULES, Clock(at(10_100)))
    broker.on_empty = pipeline.stop

    asyncio.run(pipeline.run())

    assert only_session(store).is_active


def test_a_station_goes_offline_by_last_will_and_comes_back_with_its_next_reading() -> None:
    _, store, _ = run(
        [
            message(charging(0, 0)),
            message(b'{"state": "offline"}', "evse/cp1/status"),
            message(charging(10, 20)),
        ],
        batch_size=1,
    )

    assert store.tables.events == [("cp1", "online"), ("cp1", "offline"), ("cp1", "online")]
    assert store.tables.stations["cp1"].is_online


def test_a_silent_station_goes_offline_without_a_last_will() -> None:
    store = MemoryStore()
    run([message(idle(0), received_s=0)], store, clock=Clock(at(1)))
    broker = QueueBroker([])
    broker.listening_since = T0 - timedelta(days=1)
    pipeline = Pipeline(broker, store, RULES, Clock(at(301)))
    broker.on_empty = pipeline.stop

    asyncio.run(pipeline.run())

    assert store.tables.events[-1] == ("cp1", "offline")
    assert not store.tables.connectors["cp1", 1][1].is_online


def test_faults_and_recoveries_are_events() -> None:
    bodies = [charging(0, 0), payload(10, status="faulted", error_code="GroundFailure"), idle(20)]

    _, store, _ = run([message(body) for body in bodies])

    assert store.tables.events == [("cp1", "online"), ("cp1", "faulted"), ("cp1", "recovered")]


def test_watchers_are_told_what_was_committed_and_nothing_else() -> None:
    store = MemoryStore(["none", "lost_before_commit", "none"])

    run([message(charging(0, 0)), message(charging(10, 20)), message(idle(20))], store, batch_size=1)

    connectors = [update for updates, _ in store.notices for update in updates]
    assert [update.ts for update in connectors] == [at(0), at(10), at(20)]
    assert [None if u.session is None else u.session.energy_wh for u in connectors] == [0, 20, None]
    announced = [(update.status, update.energy_wh) for _, sessions in store.notices for update in sessions]
    assert announced[0] == ("ACTIVE", 0)
    assert announced[-1] == ("COMPLETED", 20)


def test_power_beyond_the_station_maximum_is_stored_and_not_billed() -> None:
    facts = message(b'{"state": "online", "max_power_w": 7400}', "evse/cp1/status")

    pipeline, store, _ = run([facts, message(charging(0, 0)), message(charging(10, 20, power_w=60_000))])

    assert len(store.tables.readings) == 2
    assert pipeline.counts.readings_implausible == 1
    assert only_session(store).energy.peak_power_w == 7200


def test_unknown_fields_are_counted_and_harmless() -> None:
    pipeline, store, _ = run([message(charging(0, 0, colour="blue", mood=3))])

    assert pipeline.counts.unknown_fields == 2
    assert len(store.tables.readings) == 1


def test_each_connector_has_sessions_of_its_own() -> None:
    _, store, _ = run([message(charging(0, 0)), message(charging(0, 0, connector_id=2)), message(idle(10))])

    states = {(a.connector_id, a.session.status) for a in store.tables.sessions.values()}
    assert states == {(1, "COMPLETED"), (2, "ACTIVE")}


def test_a_site_without_a_tariff_is_waited_for_and_nothing_is_rejected() -> None:
    store = MemoryStore()
    answers: list[dict[int, list[Tariff]]] = [{}] * 6  # the start and the first attempts find none
    load = store.load_tariffs

    async def not_yet() -> dict[int, list[Tariff]]:
        return answers.pop() if answers else await load()

    store.load_tariffs = not_yet  # type: ignore[method-assign]

    with capture_logs() as logs:
        pipeline, _, broker = run([message(charging(0, 0))], store)

    assert pipeline.counts.batch_retries >= 1
    assert pipeline.counts.fates == {Fate.STORED: 1}
    assert broker.unacknowledged == 0
    told = [entry for entry in logs if entry["log_level"] == "warning"]
    assert {(entry["event"], entry["site_id"], entry["evse_uid"]) for entry in told} == {
        ("site_without_tariff", 1, "cp1")
    }


def second(number: int, at_s: float, name: str, energy_kwh: float, status: str, power_w: float) -> bytes:
    """A reading of a device that has whole seconds and numbers its messages."""
    return payload(
        at_s, seq=number, session_id=name, session_total_energy_kwh=energy_kwh, status=status, power_w=power_w
    )


IN_ORDER = [
    second(1, 0, "A", 0, "charging", 20_000),
    second(2, 60, "A", 0.3, "finishing", 0),
    second(3, 60, "A", 0.35, "available", 0),
    second(4, 60, "B", 0, "charging", 20_000),
    second(5, 120, "B", 0.3, "charging", 20_000),
    second(6, 180, "B", 0.3, "available", 0),
]


@pytest.mark.parametrize("order", list(permutations(range(6)))[::5])
def test_a_session_that_starts_in_the_second_in_which_the_last_one_ends_is_the_same_in_any_order(
    order: tuple[int, ...],
) -> None:
    bodies = [message(IN_ORDER[index], received_s=200 + n) for n, index in enumerate(order)]

    _, store, _ = run(bodies, clock=Clock(at(300)), batch_size=1)

    sessions = sorted(
        (a.session.device_session_id, a.session.started_at, a.session.ended_at, a.figures.energy_wh)
        for a in store.tables.sessions.values()
    )
    assert sessions == [("A", at(0), at(60), 350), ("B", at(60), at(180), 300)]
    assert sum((bill.total for bill in store.tables.bills), Decimal(0)) == Decimal("32.50")
