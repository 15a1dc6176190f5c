"""Deliveries cross from a foreign thread to the loop: in order, bounded, each with an instant of its own."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime
from itertools import pairwise

from solarrally.brokers.inbox import Inbox
from solarrally.ingest.ports import Delivery

NOON = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
PATIENCE_S = 10.0


def an_inbox(*, max_count: int = 1_000, max_bytes: int = 1_000_000) -> Inbox:
    """With a clock that stands still."""
    inbox = Inbox(max_count=max_count, max_bytes=max_bytes, now=lambda: NOON)
    inbox.open()
    return inbox


def delivery(number: int, *, qos: int = 1, size_bytes: int = 4) -> Delivery:
    return Delivery(
        topic="t",
        payload=b"%0*d" % (size_bytes, number),
        qos=qos,
        retained=False,
        redelivered=False,
        received_at=datetime.min.replace(tzinfo=UTC),
        packet_id=number,
        connection=1,
    )


def numbers(deliveries: list[Delivery]) -> list[int]:
    return [each.packet_id for each in deliveries]


async def take(inbox: Inbox, count: int) -> list[Delivery]:
    taken: list[Delivery] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(taken) < count:
            assert await inbox.wait(PATIENCE_S)
            taken += inbox.take(count - len(taken))
    return taken


async def test_what_another_thread_puts_in_comes_out_in_order_with_instants_of_its_own() -> None:
    inbox = an_inbox(max_count=50)
    thread = threading.Thread(target=lambda: [inbox.put(delivery(n)) for n in range(5_000)])
    thread.start()
    taken = await take(inbox, 5_000)
    thread.join(PATIENCE_S)

    assert numbers(taken) == list(range(5_000))
    assert all(one.received_at < another.received_at for one, another in pairwise(taken))
    assert (inbox.received_messages, inbox.received_bytes) == (5_000, 5_000 * len("t0000"))


async def test_the_loop_is_woken_once_for_what_came_together() -> None:
    inbox = an_inbox()
    loop = asyncio.get_running_loop()
    wakes = 0
    original = inbox._wake

    def counted() -> None:
        nonlocal wakes
        wakes += 1
        original()

    inbox._wake = counted  # type: ignore[method-assign]
    for n in range(100):
        inbox.put(delivery(n))
    assert await inbox.wait(PATIENCE_S)
    assert len(inbox.take(100)) == 100
    await asyncio.sleep(0)
    assert loop.is_running()

    assert wakes == 1


async def test_a_full_inbox_drops_qos_0_and_counts_it() -> None:
    inbox = an_inbox(max_count=3)

    put = [inbox.put(delivery(n, qos=0)) for n in range(5)]

    assert put == [True, True, True, False, False]
    assert inbox.dropped_messages == 2
    assert numbers(inbox.take(10)) == [0, 1, 2]
    assert inbox.put(delivery(6, qos=0))


async def test_a_full_inbox_holds_back_who_brings_qos_1_until_there_is_room() -> None:
    inbox = an_inbox(max_bytes=10)
    inbox.put(delivery(1, size_bytes=20))
    thread = threading.Thread(target=inbox.put, args=[delivery(2)])
    thread.start()
    assert numbers(inbox.take(1)) == [1]

    assert numbers(await take(inbox, 1)) == [2]
    thread.join(PATIENCE_S)
    assert inbox.dropped_messages == 0


async def test_who_waits_for_room_is_let_go_when_it_is_shut() -> None:
    inbox = an_inbox(max_count=1)
    inbox.put(delivery(1))
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(inbox.put(delivery(2))))
    thread.start()

    inbox.shut()
    await asyncio.to_thread(thread.join, PATIENCE_S)

    assert answers == [False]
    assert inbox.count == 0
    assert not inbox.put(delivery(3))


async def test_a_wait_without_anything_ends_in_time_and_one_that_is_woken_at_once() -> None:
    inbox = an_inbox()
    assert not await inbox.wait(0.001)
    inbox.wake()

    assert await inbox.wait(3600)
    assert inbox.take(1) == []
    assert not await inbox.wait(0.001)


async def test_it_can_be_opened_again_and_has_forgotten_what_was_left() -> None:
    inbox = an_inbox()
    inbox.put(delivery(1))
    inbox.shut()
    inbox.open()
    inbox.put(delivery(2))

    assert numbers(await take(inbox, 1)) == [2]
