"""What devices do to their own messages: repeat, reorder, withhold for days, and set their clocks wrong."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.charging_fleet import Message, fleet, in_turn, rounds
from tests.support.fault_harness import FaultRun

RATE = 1500.0


@pytest.fixture
def round_count() -> int:
    """Messages of each station."""
    return 400


def test_repetitions_are_counted_and_stored_once(run: FaultRun, round_count: int) -> None:
    """At once, much later, and across a kill -9 of the ingestor."""
    messages = rounds(fleet(20), round_count)
    repeated = list(repeating(messages, random.Random(13)))
    ingestor = run.ingestor()
    publisher = run.publisher(repeated, rate=RATE)
    time.sleep(len(repeated) / RATE / 2)
    ingestor.kill()
    ingestor.start()
    publisher.finish(now=False)

    verdict = run.prove(messages, ingestor)
    assert verdict.corrections == 0
    assert ingestor.counters()['solarrally_messages_total{fate="duplicate"}'] > len(messages) / 10


def repeating(messages: Iterable[Message], chance: random.Random) -> Iterator[Message]:
    """Every third message comes again: at once, or after up to 2,000 others."""
    later: dict[int, list[Message]] = {}
    place = -1
    for place, message in enumerate(messages):
        yield message
        yield from later.pop(place, ())
        if chance.random() < 1 / 3:
            later.setdefault(place + chance.choice([1, 20, 300, 2000]), []).append(message)
    for left_over in later.values():
        yield from left_over


def test_messages_reordered_by_up_to_ten_minutes_give_the_sessions_of_their_true_order(
    run: FaultRun, round_count: int
) -> None:
    chance = random.Random(14)
    messages = rounds(fleet(20), round_count)
    arrival = {message: message.device_ts + timedelta(seconds=chance.uniform(0, 600)) for message in messages}
    ingestor = run.ingestor()
    publisher = run.publisher(sorted(messages, key=arrival.__getitem__), rate=RATE)
    publisher.finish(now=False)

    run.prove(messages, ingestor, is_sole_writer=True)
    assert ingestor.counters()["solarrally_readings_late_total"] > len(messages) / 2


def test_data_withheld_for_days_corrects_the_sessions_and_bills_it_touches(
    run: FaultRun, round_count: int
) -> None:
    """A billed session that changes gets a credit and a new bill; the others keep theirs."""
    days_ago = datetime.now(UTC) - timedelta(days=5)
    messages = rounds(fleet(20, prefix="d", begin=days_ago), round_count)
    # Of every station a stretch in the middle: the end of some sessions, the whole of others.
    withheld = set(messages[len(messages) // 3 : len(messages) // 3 + 20 * 50])
    ingestor = run.ingestor()
    live = run.publisher(in_turn(fleet(20)), rate=RATE / 3, client_id="live")
    run.publisher([one for one in messages if one not in withheld], rate=RATE, client_id="days").finish(
        now=False
    )
    run.wait_until("the rest is billed", lambda: run.fetch("SELECT count(*) FROM bill")[0][0] > 20)
    run.publisher([one for one in messages if one in withheld], rate=RATE, client_id="withheld").finish(
        now=False
    )

    sent = live.finish() + messages
    verdict = run.prove(sent, ingestor, is_sole_writer=True)
    assert verdict.corrections > 0
    run.wait_until_rolled_up()
    run.prove(sent, ingestor, is_sole_writer=True)


@pytest.mark.parametrize(
    "error",
    [timedelta(hours=1), timedelta(hours=-2), timedelta(days=-20_000)],
    ids=["an hour ahead", "back by two hours", "in 1971"],
)
def test_a_clock_that_jumps_costs_no_reading(run: FaultRun, error: timedelta, round_count: int) -> None:
    """A time beyond belief is replaced by the receipt, once and for all: also when the ingestor is killed and
    the broker delivers again. A believable one is late data.
    """
    begin = datetime.now(UTC) - timedelta(minutes=40)
    messages = rounds(fleet(20, prefix="c", begin=begin), round_count)
    third = len(messages) // 3
    jumped = [*messages[:third], *(shifted(one, error) for one in messages[third:-third]), *messages[-third:]]
    ingestor = run.ingestor()
    publisher = run.publisher(jumped, rate=RATE)
    for _ in range(3):
        run.wait_until("it works", lambda: ingestor.counters().get("solarrally_batches_total", 0) > 0)
        time.sleep(0.4)
        ingestor.kill()
        ingestor.start()
    publisher.finish(now=False)

    run.prove(jumped, ingestor)


def shifted(message: Message, error: timedelta) -> Message:
    """The same message by a clock that is wrong by this; a few ms more, so that no instant comes twice."""
    device_ts = message.device_ts + error + timedelta(milliseconds=500)
    said = json.loads(message.payload) | {"timestamp": device_ts.isoformat()}
    return Message(message.evse_uid, device_ts, json.dumps(said).encode())
