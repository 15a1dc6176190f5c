"""A fleet that keeps its messages: what is published when, what is dropped, what is counted. No sockets."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import cast

import pytest

from solarrally_sim.message import Message, acks_topic, telemetry_topic
from solarrally_sim.notices import Notices
from solarrally_sim.resumption import Resumption
from solarrally_sim.spool import Spool
from solarrally_sim.spooled_fleet import SpooledFleet, SpoolOptions
from solarrally_sim.tally import Tally
from solarrally_sim.wire import Publisher


class Connection:
    """Where the fleet's messages go; it has room for all of them."""

    def __init__(self) -> None:
        self.connected = asyncio.Event()
        self.connected.set()
        self.sent: list[Message] = []
        self.on_sent: Callable[[Message], None] = lambda _: None

    async def reserve(self) -> None:
        pass

    def release(self) -> None:
        pass

    def send_reserved(self, message: Message) -> None:
        self.sent.append(message)
        self.on_sent(message)


class Bench:
    """A fleet of one connection on a spool of its own."""

    def __init__(
        self, spool: Spool, *stations: str, limit: int = 1000, waits_when_full: bool = False
    ) -> None:
        self.tally = Tally()
        self.stored: list[Message] = []
        self.connection = Connection()
        self.fleet = SpooledFleet(
            spool,
            [stations],
            options=SpoolOptions(folder=spool.file.parent, limit=limit),
            tally=self.tally,
            notices=Notices(),
            on_taken=self.tally.count,
            on_stored=self.stored.append,
            waits_when_full=waits_when_full,
        )

    def running(self) -> AbstractAsyncContextManager[None]:
        return self.fleet.running([cast(Publisher, self.connection)])

    def ack(self, evse_uid: str, seq: int, first_seq: int | None = None) -> None:
        said = {"seq": seq} if first_seq is None else {"seq": seq, "first_seq": first_seq}
        self.fleet.heard(acks_topic(evse_uid), json.dumps(said).encode())


def said(evse_uid: str, session_number: int | None = None) -> Message:
    return Message(
        topic=telemetry_topic(evse_uid), payload=b'{"power_w": 1.0}', session_number=session_number
    )


async def settle() -> None:
    """Let the workers do what they can do now."""
    for _ in range(20):
        await asyncio.sleep(0)


def sent(bench: Bench, evse_uid: str) -> list[int | None]:
    return [each.seq for each in bench.connection.sent if each.topic == telemetry_topic(evse_uid)]


async def test_what_is_published_is_on_the_disk_before(tmp_path: Path) -> None:
    def on_disk(message: Message) -> None:
        assert not spool._database.in_transaction
        assert message.seq in spool.seqs("a")

    with Spool(tmp_path, purpose="test") as spool:
        bench = Bench(spool, "a")
        bench.connection.on_sent = on_disk
        async with bench.running():
            for _ in range(500):
                await bench.fleet.send(said("a"))
            await settle()
        assert sent(bench, "a") == list(range(500))


async def test_what_is_stored_leaves_the_spool_and_is_counted_once(tmp_path: Path) -> None:
    with Spool(tmp_path, purpose="test") as spool:
        bench = Bench(spool, "a")
        async with bench.running():
            for _ in range(3):
                await bench.fleet.send(said("a"))
            await settle()
            bench.fleet.taken(bench.connection.sent[0])
            for _ in range(2):
                bench.ack("a", 1, first_seq=0)
        assert spool.seqs("a") == [2]
        counts = bench.tally.spool
        assert counts is not None
        assert (counts.stored, counts.in_spool) == (2, 1)
        assert bench.tally.acknowledged == 2  # number 1 was stored, so the broker had it
        assert [each.seq for each in bench.stored] == [0, 1]


async def test_what_is_left_of_an_earlier_start_is_sent_first_even_of_stations_that_are_gone(
    tmp_path: Path,
) -> None:
    with Spool(tmp_path, purpose="test") as spool:
        for evse_uid in ("a", "a", "gone"):
            spool.append(said(evse_uid))
    with Spool(tmp_path, purpose="test") as spool:
        bench = Bench(spool, "a")
        assert set(bench.fleet.spooling(0).subscriptions) == {acks_topic("a"), acks_topic("gone")}
        async with bench.running():
            await bench.fleet.send(said("a"))
            await settle()
        assert sent(bench, "a") == [0, 1, 2]
        assert sent(bench, "gone") == [0]


async def test_a_full_spool_drops_its_oldest_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Spool(tmp_path, purpose="test", limit=2) as spool:
        bench = Bench(spool, "a", limit=2)
        async with bench.running():
            for _ in range(5):
                await bench.fleet.send(said("a"))
            await settle()
        assert spool.seqs("a") == [3, 4]
        assert sent(bench, "a") == [3, 4]
        assert bench.tally.spool is not None
        assert bench.tally.spool.dropped == 3
        assert "its spool of 2 messages is full, 3 oldest dropped" in capsys.readouterr().err


async def test_a_recording_waits_for_room_instead(tmp_path: Path) -> None:
    with Spool(tmp_path, purpose="test", limit=2) as spool:
        bench = Bench(spool, "a", limit=2, waits_when_full=True)
        async with bench.running():
            for _ in range(2):
                await bench.fleet.send(said("a"))
            third = asyncio.create_task(bench.fleet.send(said("a")))
            await settle()
            assert not third.done()
            bench.ack("a", 0)
            await third
        assert spool.seqs("a") == [1, 2]


async def test_it_is_drained_when_everything_is_stored(tmp_path: Path) -> None:
    with Spool(tmp_path, purpose="test") as spool:
        bench = Bench(spool, "a", "b")
        async with bench.running():
            await bench.fleet.send(said("a"))
            await bench.fleet.send(said("b"))
            draining = asyncio.create_task(bench.fleet.drained())
            await settle()
            bench.ack("a", 0)
            await settle()
            assert not draining.done()
            bench.ack("b", 0)
            await draining


async def test_a_new_connection_gets_everything_that_is_not_stored_again_in_order(tmp_path: Path) -> None:
    with Spool(tmp_path, purpose="test") as spool:
        bench = Bench(spool, "a")
        async with bench.running():
            for _ in range(4):
                await bench.fleet.send(said("a"))
            await settle()
            bench.ack("a", 1)
            first_time = list(bench.connection.sent)
            bench.connection.sent.clear()
            bench.fleet.spooling(0).on_connected()
            await settle()
        assert sent(bench, "a") == [0, 2, 3]
        assert bench.connection.sent == [first_time[0], *first_time[2:]]  # the same bytes
        assert bench.tally.spool is not None
        assert bench.tally.spool.sent_again == 3


async def test_what_is_no_acknowledgement_is_counted_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Spool(tmp_path, purpose="test") as spool:
        bench = Bench(spool, "a")
        bench.fleet.heard(acks_topic("a"), b"stored!")
        assert bench.tally.spool is not None
        assert bench.tally.spool.unreadable_acks == 1
    assert "evse/a/acks: not an acknowledgement" in capsys.readouterr().err


def test_a_replay_goes_on_after_what_was_numbered_and_counts_what_was_stored(tmp_path: Path) -> None:
    recording = [said(evse_uid, session_number=n) for n in range(4) for evse_uid in ("a", "b")]
    with Spool(tmp_path, purpose="test") as spool:
        for message in recording[:5]:  # a: 0 1 2, b: 0 1
            spool.append(message)
        spool.remove("a", [0, 2])
        resumption = Resumption(spool)
        assert resumption.stored_count == 2
        before: Counter[int | None] = Counter()
        rest = list(
            resumption.rest_of(recording, on_stored_before=lambda m: before.update([m.session_number]))
        )
        assert rest == recording[5:]
        assert before == {0: 1, 2: 1}
