"""A fleet whose stations number their messages and keep each until it is acknowledged as stored.

A new message is written to the spool and published once that is on the disk; all that is due together shares
one commit. `send` does not wait for the network: a station goes on measuring while the broker is away.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from solarrally_sim.acks import read_ack
from solarrally_sim.courier import Courier
from solarrally_sim.message import Message, acks_topic, station_of
from solarrally_sim.notices import Notices
from solarrally_sim.outbox import WINDOW, Outbox
from solarrally_sim.spool import LIMIT, Spool
from solarrally_sim.tally import SpoolTally, Tally
from solarrally_sim.wire import Notice, Publisher, Spooling

ACK_TIMEOUT_S = 10.0
DRAIN_S = 30.0
LOOK_EVERY_S = 0.5
MOST_A_COMMIT = 200
MOST_UNDERWAY = 100_000  # of the whole fleet: what is held in memory
FEWEST_A_STATION = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolOptions:
    """The command line's part about the spool."""

    folder: Path
    ack_timeout_s: float = ACK_TIMEOUT_S
    limit: int = LIMIT
    drain_s: float = DRAIN_S

    def open(self, *, purpose: str) -> Spool:
        """The spool in the folder; raises `SpoolError`."""
        return Spool(self.folder, purpose=purpose, limit=self.limit)


class SpooledFleet:
    """Numbers, keeps, sends and sends again. `groups` are the stations of each connection.

    Stations that are in the spool and in no group are dealt out to the connections. With `waits_when_full`
    a station whose spool is full makes `send` wait; else its oldest message is dropped and counted.
    `on_taken` and `on_stored` get each message once: acknowledged by the broker, and as stored.
    """

    def __init__(
        self,
        spool: Spool,
        groups: Sequence[Iterable[str]],
        *,
        options: SpoolOptions,
        tally: Tally,
        notices: Notices,
        on_taken: Callable[[Message], None],
        on_stored: Callable[[Message], None] = lambda _: None,
        waits_when_full: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spool = spool
        self._options = options
        self._counts = tally.spool = SpoolTally(in_spool=spool.count)
        self._notices = notices
        self._on_taken = on_taken
        self._on_stored = on_stored
        self._waits_when_full = waits_when_full
        self._clock = clock
        self._written: list[Message] = []  # in the spool's open transaction
        self._has_written = asyncio.Event()
        self._has_stored = asyncio.Event()
        self._couriers = [Courier(tally=self._counts, clock=clock) for _ in groups]
        self._boxes: dict[str, tuple[Outbox, Courier]] = {}
        self.workers: set[asyncio.Task[None]] = set()
        self._deal_out(groups)

    def _deal_out(self, groups: Sequence[Iterable[str]]) -> None:
        places = {evse_uid: index for index, group in enumerate(groups) for evse_uid in group}
        for index, evse_uid in enumerate(self._spool.stations.keys() - places.keys()):
            if self._spool.station(evse_uid).count:
                places[evse_uid] = index % len(groups)
        window = max(FEWEST_A_STATION, min(WINDOW, MOST_UNDERWAY // len(places)))
        for evse_uid, index in places.items():
            outbox = Outbox(
                evse_uid,
                next_seq=self._spool.station(evse_uid).next_seq,
                first_kept_seq=self._spool.first_seq(evse_uid),
                ack_timeout_s=self._options.ack_timeout_s,
                chance=random.random,
                window=window,
            )
            self._boxes[evse_uid] = outbox, self._couriers[index]
            self._couriers[index].outboxes.append(outbox)
            self._refill(outbox, self._couriers[index])

    @property
    def drain_s(self) -> float:
        """How long to wait at the end for what is not stored yet."""
        return self._options.drain_s

    def spooling(self, index: int) -> Spooling:
        """What the connection of this group is to do."""
        courier = self._couriers[index]
        return Spooling(
            subscriptions=[acks_topic(outbox.evse_uid) for outbox in courier.outboxes],
            on_message=self.heard,
            on_connected=courier.start_over,
        )

    @contextlib.asynccontextmanager
    async def running(self, publishers: Sequence[Publisher]) -> AsyncIterator[None]:
        """Send while the block runs; `publishers` are those of the groups. `workers` end only by an error."""
        work = [courier.run(publisher) for courier, publisher in zip(self._couriers, publishers, strict=True)]
        self.workers = {asyncio.create_task(each) for each in (*work, self._write(), self._look_again())}
        try:
            yield
        finally:
            for worker in self.workers:
                worker.cancel()
            await asyncio.wait(self.workers)

    async def send(self, message: Message) -> None:
        """Accept a message that has no number yet."""
        evse_uid = station_of(message.topic)
        while self._waits_when_full and self._spool.is_full(evse_uid):
            self._has_stored.clear()
            await self._has_stored.wait()
        self._written.append(self._spool.append(message))
        self._counts.in_spool = self._spool.count
        self._has_written.set()
        if len(self._written) >= MOST_A_COMMIT:
            self.flush()
            await asyncio.sleep(0)  # nothing else may have made the sender wait

    async def drained(self) -> None:
        """Wait until everything is stored."""
        self.flush()
        while self._spool.count:
            self._has_stored.clear()
            await self._has_stored.wait()

    def flush(self) -> None:
        """Bring what was accepted to the disk; it may be sent from then on."""
        written, self._written = self._written, []
        self._has_written.clear()
        at_once = [message for message in written if self._box(message)[0].written(message)]
        touched = {station_of(message.topic) for message in written}
        for evse_uid in touched:
            self._drop_what_is_too_much(evse_uid)
        self._spool.commit()
        for message in at_once:
            outbox, courier = self._box(message)
            assert message.seq is not None
            courier.take(outbox, [message.seq])
        for evse_uid in touched:
            self._refill(*self._boxes[evse_uid])

    def report(self) -> dict[str, object]:
        """What became of the messages, in total and by station, whose numbers are 0 to `numbered` - 1."""
        return {
            **asdict(self._counts),
            "stations": {
                evse_uid: {
                    "numbered": station.next_seq,
                    "in_spool": station.count,
                    "dropped": station.dropped_count,
                }
                for evse_uid, station in sorted(self._spool.stations.items())
            },
        }

    def heard(self, topic: str, payload: bytes) -> None:
        """An acknowledgement has arrived."""
        try:
            ack = read_ack(payload)
        except ValueError as error:  # json's errors are ValueErrors too
            self._counts.unreadable_acks += 1
            self._notices.show(Notice.UNREADABLE_ACK, f"{topic}: not an acknowledgement: {error}")
            return
        outbox, courier = self._boxes[station_of(topic)]
        stored = outbox.acknowledged(ack, self._clock())
        if not stored:
            return
        self._spool.remove(outbox.evse_uid, [each.seq for each in stored])
        self._counts.in_spool = self._spool.count
        self._counts.stored += len(stored)
        for each in stored:
            if not each.is_taken:  # the broker's acknowledgement was lost with a connection
                self._on_taken(each.message)
            self._on_stored(each.message)
        self._refill(outbox, courier)
        self._has_stored.set()

    def taken(self, message: Message) -> None:
        """The broker has acknowledged a message; counted the first time."""
        assert message.seq is not None
        underway = self._box(message)[0].underway.get(message.seq)
        if underway is not None and not underway.is_taken:
            underway.is_taken = True
            self._on_taken(message)

    async def _write(self) -> None:
        while True:
            await self._has_written.wait()
            self.flush()

    async def _look_again(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self.look_again()

    def look_again(self) -> None:
        """Send again what has waited too long for its acknowledgement; commit what was removed."""
        self._spool.commit()
        now = self._clock()
        for outbox, courier in self._boxes.values():
            courier.take(outbox, outbox.overdue(now))

    def _refill(self, outbox: Outbox, courier: Courier) -> None:
        if not outbox.has_unread or not (room := outbox.room):
            return
        messages = self._spool.read(
            outbox.evse_uid, after_seq=outbox.last_read_seq, up_to_seq=outbox.last_written_seq, most=room
        )
        courier.take(outbox, outbox.read(messages, is_all=len(messages) < room))

    def _drop_what_is_too_much(self, evse_uid: str) -> None:
        if self._waits_when_full:
            return
        dropped = 0
        while (seq := self._spool.drop_oldest(evse_uid)) is not None:
            self._boxes[evse_uid][0].dropped(seq)
            dropped += 1
        if dropped:
            self._counts.dropped += dropped
            self._counts.in_spool = self._spool.count
            limit = self._options.limit
            self._notices.show(
                Notice.DROPPED,
                f"{evse_uid}: its spool of {limit:,} messages is full, {dropped} oldest dropped",
            )

    def _box(self, message: Message) -> tuple[Outbox, Courier]:
        return self._boxes[station_of(message.topic)]
