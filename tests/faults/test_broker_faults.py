"""The broker restarts or dies. What it promises then, and what it does not, with our configuration.

A clean stop writes everything out. After a kill -9 Mosquitto goes on from its last autosave, at most
`AUTOSAVE_INTERVAL_S` ago: what it acknowledged to a device since then, and had not handed to the ingestor
yet, is gone. A device that numbers its messages, and keeps them until `acks` says that they are stored, loses
nothing.
"""

from __future__ import annotations

import asyncio
import random
import sys
import threading
import time

import pytest

from solarrally.embedded.mosquitto_files import AUTOSAVE_INTERVAL_S
from tests.faults.test_database_faults import hold
from tests.support.charging_fleet import NUMBERED_KINDS, Message, fleet, in_turn
from tests.support.fault_harness import FaultRun
from tests.support.ingestor import IngestorProcess
from tests.support.judge import open_messages
from tests.support.numbered_publisher import NumberedPublisher
from tests.support.spooling_publisher import SpoolingPublisher

RATE = 1000.0
AUTOSAVE_SLACK_S = 1.5
"""Mosquitto looks at its clock once a second, and needs a moment to write."""
ON_ITS_WAY_S = 0.5
"""A message that is not stored after this, at this rate, has not reached us."""
RESTORE_PATIENCE_S = 5.0


@pytest.fixture
def repetitions() -> int:
    return 3


def test_a_broker_restarted_under_load_loses_nothing(run: FaultRun, repetitions: int) -> None:
    chance = random.Random(15)
    ingestor = run.ingestor()
    publisher = run.publisher(in_turn(fleet()), rate=RATE)
    for _ in range(repetitions):
        time.sleep(chance.uniform(0.5, 1.5))
        run.broker.restart()

    run.prove(publisher.finish(), ingestor)
    assert publisher.connections_lost >= repetitions


def test_a_broker_restarted_while_the_ingestor_is_away_keeps_its_queue(run: FaultRun) -> None:
    ingestor = run.ingestor()
    publisher = run.publisher(in_turn(fleet()), rate=RATE)
    run.wait_until("it works", lambda: run.stored_count() > 0)
    ingestor.kill()
    time.sleep(3)
    run.broker.restart()
    time.sleep(1)
    ingestor.start()
    ingestor.wait_connected()

    run.prove(publisher.finish(), ingestor)


def test_a_killed_broker_loses_only_what_it_acknowledged_since_its_last_autosave(run: FaultRun) -> None:
    """While nobody takes its messages: the worst case."""
    ingestor = run.ingestor()
    publisher = run.publisher(in_turn(fleet()), rate=RATE)
    run.wait_until("it works", lambda: run.stored_count() > 0)
    ingestor.freeze()
    time.sleep(2 * AUTOSAVE_INTERVAL_S + AUTOSAVE_SLACK_S)
    killed_at_s = time.monotonic()
    run.broker.kill()
    ingestor.kill()  # else it would have what lies in its own socket
    time.sleep(0.5)
    run.broker.restart()
    ingestor.start()
    ingestor.wait_connected()

    lost = prove_all_but_lost(run, publisher, ingestor)
    window_s = AUTOSAVE_INTERVAL_S + AUTOSAVE_SLACK_S
    held = publisher.acknowledged(before_s=killed_at_s - window_s)
    assert not lost & set(held)
    say(f"{len(lost)} lost, of {int(window_s * RATE)} that may be")


def test_a_broker_killed_while_we_keep_up_loses_only_what_was_on_its_way(
    run: FaultRun, repetitions: int
) -> None:
    """Also what devices send until we are back: a broker that is killed before its first autosave does not
    know us any more, and acknowledges messages that nobody waits for.
    """
    chance = random.Random(16)
    ingestor = run.ingestor()
    publisher = run.publisher(in_turn(fleet()), rate=RATE)
    endangered: set[Message] = set()
    for _ in range(repetitions):
        time.sleep(chance.uniform(1.0, 2.0))
        before = publisher.acknowledged(before_s=time.monotonic() - ON_ITS_WAY_S)
        run.broker.kill()
        run.wait_until("it notices", lambda: ingestor.counters()["solarrally_broker_connected"] == 0)
        run.broker.restart()
        ingestor.wait_connected()
        endangered |= set(publisher.acknowledged()) - set(before)

    lost = prove_all_but_lost(run, publisher, ingestor)
    assert lost <= endangered
    say(f"{len(lost)} lost in {repetitions} kills, of {len(endangered)} that may be")


def test_a_killed_broker_loses_nothing_that_the_ingestor_had_received(run: FaultRun) -> None:
    """Neither what it was about to store nor what was waiting for that."""
    ingestor = run.ingestor()
    publisher = run.publisher(in_turn(fleet()), rate=RATE / 4)
    run.wait_until("it works", lambda: run.stored_count() > 0)
    locked = threading.Thread(
        target=asyncio.run,
        args=(hold(run.database_url, "LOCK TABLE reading IN ACCESS EXCLUSIVE MODE", 4),),
    )
    locked.start()
    time.sleep(2)
    counters = ingestor.counters()
    waiting = counters["solarrally_messages_waiting"]
    received = counters["solarrally_messages_delivered_total"] + waiting
    held_up = open_messages(counters) + waiting
    run.broker.kill()
    run.wait_until("it notices", lambda: ingestor.counters()["solarrally_broker_connected"] == 0)
    sent_until_kill = publisher.acknowledged()
    run.broker.restart()
    locked.join()
    ingestor.wait_connected()

    lost = prove_all_but_lost(run, publisher, ingestor)
    assert held_up > 100, "the lock held nothing up"
    kept = [message for message in sent_until_kill if message not in lost]
    assert len(kept) >= received


def test_a_killed_broker_costs_a_device_that_waits_for_acks_nothing(run: FaultRun, repetitions: int) -> None:
    """It sends again what no ack has named, until all of it is stored."""
    chance = random.Random(17)
    ingestor = run.ingestor()
    publisher = SpoolingPublisher(
        run.broker.url_for("fleet"), in_turn(fleet(kinds=NUMBERED_KINDS)), rate=RATE
    )
    run.publish_by(publisher)
    for number in range(repetitions):
        time.sleep(chance.uniform(1.0, 3.0))
        if number % 2:
            ingestor.kill()  # so that a queue is lost with the broker
            time.sleep(1)
        run.broker.kill()
        run.broker.restart()
        if number % 2:
            ingestor.start()
    ingestor.wait_connected()

    run.prove(publisher.finish(), ingestor)
    say(f"{len(publisher.sent)} messages, {publisher.sent_again} sent again, {publisher.acks_heard} acks")


def prove_all_but_lost(
    run: FaultRun, publisher: NumberedPublisher, ingestor: IngestorProcess
) -> set[Message]:
    """What was acknowledged to the device and is not stored; all else must be right."""
    sent = publisher.finish()
    run.settle(ingestor, len(sent), patience_s=RESTORE_PATIENCE_S)
    rows = run.fetch("SELECT e.evse_uid, r.ts FROM reading r JOIN evse e ON e.id = r.evse_id")
    stored = {(row["evse_uid"], row["ts"]) for row in rows}
    lost = {message for message in sent if (message.evse_uid, message.device_ts) not in stored}
    run.prove([message for message in sent if message not in lost], ingestor)
    return lost


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
