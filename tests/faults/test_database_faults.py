"""PostgreSQL dies, goes away, refuses, or lets wait: nothing is lost, nothing is stored twice."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from solarrally.storage.connections import connect
from tests.support.charging_fleet import Message, fleet, in_turn, rounds
from tests.support.fault_harness import FaultRun
from tests.support.ingestor import IngestorProcess

RATE = 1000.0


@pytest.fixture
def repetitions() -> int:
    return 5


@pytest.fixture
def outage_s() -> float:
    return 60.0


@pytest.fixture
def lock_s() -> float:
    return 30.0


@pytest.fixture(params=["reading", "connector, charging_session"])
def tables(request: pytest.FixtureRequest) -> str:
    """What is locked."""
    names: str = request.param
    return names


@pytest.fixture(params=["23505", "23514", "22003"])
def refusal(request: pytest.FixtureRequest) -> str:
    sqlstate: str = request.param
    return sqlstate


def test_a_postgresql_killed_with_kill_9_costs_nothing(run: FaultRun, repetitions: int) -> None:
    """Crash recovery brings back every commit that was acknowledged to us; the rest comes again."""
    chance = random.Random(9)
    ingestor = run.ingestor()
    publisher = run.publisher(in_turn(fleet()), rate=RATE)
    for _ in range(repetitions):
        time.sleep(chance.uniform(0.5, 1.5))
        run.server.kill()
        time.sleep(chance.uniform(0.0, 0.5))
        run.server.restart()

    run.prove(publisher.finish(), ingestor)


def test_a_postgresql_restarted_under_load_costs_nothing(run: FaultRun, repetitions: int) -> None:
    chance = random.Random(10)
    ingestor = run.ingestor()
    publisher = run.publisher(in_turn(fleet()), rate=RATE)
    for _ in range(repetitions):
        time.sleep(chance.uniform(0.3, 1.0))
        run.server.restart()

    run.prove(publisher.finish(), ingestor)


def test_connections_ended_by_the_server_at_random_instants_cost_nothing(
    run: FaultRun, repetitions: int
) -> None:
    """A commit whose answer was lost is found to have happened: the batch comes again as duplicates."""
    chance = random.Random(11)
    ingestor = run.ingestor()
    publisher = run.publisher(in_turn(fleet()), rate=RATE)
    ended = 0
    for _ in range(10 * repetitions):
        time.sleep(chance.uniform(0.02, 0.2))
        ended += len(
            run.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    assert ended > repetitions

    run.prove(publisher.finish(), ingestor)


def test_a_postgresql_that_is_away_for_a_minute_costs_nothing(run: FaultRun, outage_s: float) -> None:
    """What comes meanwhile waits in the broker."""
    ingestor = run.ingestor()
    publisher = run.publisher(in_turn(fleet()), rate=RATE)
    time.sleep(2)
    run.server.stop()
    time.sleep(outage_s)
    run.server.start()

    run.prove(publisher.finish(), ingestor)
    assert ingestor.starts == 1
    assert ingestor.is_running


def test_an_ingestor_started_before_its_database_waits_for_it(run: FaultRun) -> None:
    ingestor = run.ingestor()
    assert ingestor.stop() == 0  # from here on the broker keeps for it what comes
    run.server.stop()
    ingestor.start()
    publisher = run.publisher(in_turn(fleet()), rate=RATE)
    time.sleep(2)
    assert ingestor.is_running
    run.server.start()
    ingestor.wait_connected()

    run.prove(publisher.finish(), ingestor)


def test_a_lock_held_for_long_costs_nothing(run: FaultRun, lock_s: float, tables: str) -> None:
    """Longer than a statement may take: it is given up and tried again until the lock is free."""
    duration_s = lock_s if "reading" in tables else lock_s / 3
    ingestor = run.ingestor()
    publisher = run.publisher(in_turn(fleet()), rate=RATE)
    run.wait_until("it works", lambda: run.stored_count() > 0)
    asyncio.run(hold(run.database_url, f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE", duration_s))

    run.prove(publisher.finish(), ingestor)


def test_a_lock_that_keeps_new_stations_out_costs_nothing(run: FaultRun, lock_s: float) -> None:
    """They cannot be registered meanwhile; everybody waits with them, and nobody's message is lost."""
    ingestor = run.ingestor()
    publisher = run.publisher(in_turn(fleet()), rate=RATE)
    run.wait_until("it works", lambda: run.stored_count() > 0)
    newcomers = run.publisher(in_turn(fleet(10, prefix="n")), rate=100, client_id="newcomers")
    asyncio.run(hold(run.database_url, "LOCK TABLE evse IN ACCESS EXCLUSIVE MODE", lock_s / 3))

    run.prove(publisher.finish() + newcomers.finish(), ingestor)


@pytest.mark.parametrize("sqlstate", ["40001", "40P01", "53200"])
def test_an_error_in_mid_batch_that_passes_costs_nothing(run: FaultRun, sqlstate: str) -> None:
    """Serialisation failure, deadlock, out of memory: the batch is processed again as a whole."""
    run.execute("CREATE SEQUENCE disturbance")  # counts on through the transactions that are rolled back
    refuse(run, sqlstate, when="nextval('disturbance') IN (50, 151, 252, 353)")
    ingestor = run.ingestor()
    publisher = run.publisher(in_turn(fleet()), rate=RATE)
    time.sleep(3)

    run.prove(publisher.finish(), ingestor, is_sole_writer=True)
    assert ingestor.counters()["solarrally_batch_retries_total"] == 4


def test_one_message_that_the_database_refuses_is_rejected_alone(run: FaultRun, refusal: str) -> None:
    """Unique violation, check violation, number out of range: its neighbours in the batch are stored."""
    messages = rounds(fleet(8), 60)
    poison = messages[300]
    refuse(run, refusal, when=is_reading_of(poison))
    ingestor = run.ingestor()
    ingestor.freeze()
    publisher = run.publisher(messages, rate=10_000)
    publisher.finish(now=False)
    ingestor.thaw()

    run.prove([message for message in messages if message != poison], ingestor)
    assert_rejected(run, ingestor, {poison: "refused_by_database"})


def is_reading_of(message: Message) -> str:
    return (
        f"NEW.ts = '{message.device_ts.isoformat()}' AND "
        f"NEW.evse_id = (SELECT id FROM evse WHERE evse_uid = '{message.evse_uid}')"
    )


def refuse(run: FaultRun, sqlstate: str, *, when: str) -> None:
    """From now on the database raises this error at the insertion of such a reading."""
    run.execute(
        f"""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF {when} THEN RAISE EXCEPTION 'injected' USING ERRCODE = '{sqlstate}'; END IF;
            RETURN NEW;
        END $$
        """
    )
    run.execute("CREATE TRIGGER refuse BEFORE INSERT ON reading FOR EACH ROW EXECUTE FUNCTION refuse()")


def assert_rejected(run: FaultRun, ingestor: IngestorProcess, expected: dict[Message, str]) -> None:
    """These messages, and no others, are kept as rejected, whole and with their reason; once each."""
    rows = run.fetch("SELECT topic, payload, reason FROM rejected_message")
    kept = sorted((row["topic"], row["payload"], row["reason"]) for row in rows)
    assert kept == sorted((one.topic, one.payload, reason) for one, reason in expected.items())
    assert ingestor.counters()['solarrally_messages_total{fate="rejected"}'] == len(expected)


async def hold(database_url: str, lock: str, duration_s: float) -> None:
    connection = await connect(database_url, application_name="lock-holder")
    try:
        async with connection.transaction():
            await connection.execute(lock)
            await asyncio.sleep(duration_s)
    finally:
        await connection.close()
