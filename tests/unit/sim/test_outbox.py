"""When a station sends, and when it sends again; no clock runs here."""

import random
from collections.abc import Callable
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from solarrally_sim.acks import Ack
from solarrally_sim.message import Message
from solarrally_sim.outbox import JITTER, LONGEST_WAIT_S, Outbox

TIMEOUT_S = 10.0


def numbered(seq: int) -> Message:
    return Message(topic="evse/s/telemetry", payload=b"%d" % seq, seq=seq)


def empty(*, window: int = 100, chance: Callable[[], float] = lambda: 0.0) -> Outbox:
    return Outbox("s", next_seq=0, first_kept_seq=None, ack_timeout_s=TIMEOUT_S, chance=chance, window=window)


def having_sent(count: int, *, every_s: float = 0.001) -> Outbox:
    """`count` messages sent from 0 s on."""
    outbox = empty()
    for seq in range(count):
        assert outbox.written(numbered(seq))
        outbox.sent(seq, seq * every_s)
    return outbox


def ack(seq: int, first_seq: int | None = None) -> Ack:
    return Ack(first_seq=seq if first_seq is None else first_seq, last_seq=seq)


def send_again(outbox: Outbox, now: float) -> list[int]:
    seqs = outbox.overdue(now)
    for seq in seqs:
        outbox.sent(seq, now)
    return seqs


def test_nothing_is_sent_again_before_the_wait_is_over() -> None:
    outbox = having_sent(3)
    assert outbox.overdue(TIMEOUT_S - 0.1) == []


def test_an_ack_takes_its_message_or_its_whole_range_away() -> None:
    outbox = having_sent(6)
    assert [each.seq for each in outbox.acknowledged(ack(5), 1.0)] == [5]
    assert [each.seq for each in outbox.acknowledged(ack(3, 1), 1.0)] == [1, 2, 3]
    assert list(outbox.underway) == [0, 4]


def test_a_repeated_ack_and_one_of_a_number_never_sent_change_nothing() -> None:
    outbox = having_sent(2)
    outbox.acknowledged(ack(0), 1.0)
    assert outbox.acknowledged(ack(0), 1.0) == []
    assert outbox.acknowledged(ack(10**12, 2), 1.0) == []
    assert list(outbox.underway) == [1]


def test_what_was_passed_over_is_sent_again_after_the_wait_oldest_first() -> None:
    outbox = having_sent(6)
    outbox.acknowledged(ack(5), 1.0)
    outbox.acknowledged(ack(2), 1.0)
    assert outbox.overdue(TIMEOUT_S + 0.1) == [0, 1, 3, 4]


def test_it_waits_again_after_it_was_sent_again() -> None:
    outbox = having_sent(2)
    outbox.acknowledged(ack(1), 0.5)
    assert send_again(outbox, 11.0) == [0]
    assert send_again(outbox, 20.9) == []
    assert send_again(outbox, 33.0) == [0]


def test_while_acks_keep_coming_nothing_that_is_only_late_is_sent_again() -> None:
    outbox = having_sent(40)
    for seq in range(20):  # a backend that works off its backlog, two a second
        now = 20.0 + seq / 2
        assert outbox.acknowledged(ack(seq), now)
        assert send_again(outbox, now + 0.1) == []


def test_a_silent_backend_is_asked_with_the_oldest_message_in_waits_that_double() -> None:
    outbox = having_sent(5)
    asked: list[float] = []
    now = 0.0
    while now < 1500.0:
        if seqs := send_again(outbox, now):
            assert seqs == [0]
            asked.append(now)
        now += 1.0
    waits_s = [later - earlier for earlier, later in pairwise(asked)]
    assert asked[0] == 10.0
    assert waits_s[:4] == [20.0, 40.0, 80.0, 160.0]
    assert set(waits_s[4:]) == {LONGEST_WAIT_S}


def test_each_answer_lets_ten_times_as_many_go_until_all_are_through() -> None:
    outbox = having_sent(100)
    now, rounds = 10.0, []
    while outbox.underway:
        seqs = send_again(outbox, now)
        if seqs:
            rounds.append(len(seqs))
            outbox.acknowledged(ack(seqs[-1], seqs[0]), now + 0.1)
        now += 1.0
    assert rounds == [1, 10, 89]


def test_a_reconnection_sends_everything_under_way_again_oldest_first() -> None:
    outbox = having_sent(4)
    outbox.acknowledged(ack(1), 1.0)
    assert outbox.reconnected() == [0, 2, 3]
    assert outbox.overdue(1000.0) == []  # they wait for their turn, not for an ack


def test_the_wait_has_some_chance_in_it() -> None:
    outbox = empty(chance=lambda: 1.0)
    outbox.written(numbered(0))
    outbox.sent(0, 0.0)
    latest_s = TIMEOUT_S * (1 + JITTER)
    assert outbox.overdue(latest_s - 1.1) == []
    assert outbox.overdue(latest_s) == [0]


def test_new_messages_wait_in_the_spool_while_the_window_is_full() -> None:
    outbox = empty(window=4)
    assert [outbox.written(numbered(seq)) for seq in range(6)] == [True] * 4 + [False] * 2
    assert outbox.has_unread
    assert outbox.room == 0
    outbox.acknowledged(ack(1, 0), 1.0)
    assert outbox.room == 2


def test_a_new_message_does_not_overtake_those_in_the_spool() -> None:
    outbox = Outbox("s", next_seq=8, first_kept_seq=5, ack_timeout_s=TIMEOUT_S, chance=lambda: 0.0)
    assert not outbox.written(numbered(8))
    assert outbox.read([numbered(seq) for seq in (5, 7, 8)], is_all=True) == [5, 7, 8]
    assert outbox.written(numbered(9))


def test_numbers_already_stored_at_the_end_of_the_spool_do_not_hold_up_new_ones() -> None:
    outbox = Outbox("s", next_seq=8, first_kept_seq=5, ack_timeout_s=TIMEOUT_S, chance=lambda: 0.0)
    outbox.read([numbered(5)], is_all=True)
    assert not outbox.has_unread
    assert outbox.written(numbered(8))


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 10**6), loss=st.floats(0.0, 0.7), breaks=st.floats(0.0, 0.05))
def test_whatever_is_lost_on_the_way_everything_is_stored_at_last(
    seed: int, loss: float, breaks: float
) -> None:
    """Messages and acks lost, acks doubled, connections broken; first sendings stay in order."""
    rng = random.Random(seed)
    outbox = empty(window=8, chance=rng.random)
    spool: dict[int, Message] = {}
    stored: set[int] = set()
    queue: list[int] = []
    first_sent: list[int] = []
    now = 0.0
    for step in range(5000):
        now += 1.0
        if step < 40:
            spool[step] = numbered(step)
            if outbox.written(spool[step]):
                queue.append(step)
        if step < 200 and rng.random() < breaks:
            queue = outbox.reconnected()
        queue += outbox.overdue(now)
        lossy = loss if step < 200 else 0.0
        for seq in queue:
            if seq not in outbox.underway or outbox.underway[seq].sent_at is not None:
                continue
            if outbox.underway[seq].first_sent_at is None:
                first_sent.append(seq)
            outbox.sent(seq, now)
            if rng.random() < lossy:
                continue
            stored.add(seq)
            first_seq = seq
            while first_seq - 1 in stored and rng.random() < 0.9:
                first_seq -= 1
            for _ in range(rng.randint(1, 2)):
                if rng.random() >= lossy:
                    for each in outbox.acknowledged(ack(seq, first_seq), now):
                        spool.pop(each.seq)
        queue = []
        if outbox.has_unread and outbox.room:
            unread = [m for seq, m in spool.items() if seq > outbox.last_read_seq][: outbox.room]
            queue = outbox.read(unread, is_all=len(unread) < outbox.room)
        if step >= 40 and not spool:
            break
    assert stored == set(range(40))
    assert not outbox.underway
    assert first_sent == sorted(first_sent)
