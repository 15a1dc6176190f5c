"""What goes out next over one connection: a queue for its stations that a reconnection resets."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from solarrally_sim.outbox import Outbox
from solarrally_sim.tally import SpoolTally
from solarrally_sim.wire import Publisher


class Courier:
    """Hands the messages of its outboxes to the connection, as many as have room there."""

    def __init__(self, *, tally: SpoolTally, clock: Callable[[], float]) -> None:
        self.outboxes: list[Outbox] = []
        self._tally = tally
        self._clock = clock
        self._queue: deque[tuple[Outbox, int]] = deque()
        self._has_work = asyncio.Event()

    def take(self, outbox: Outbox, seqs: Iterable[int]) -> None:
        """Send these messages when it is their turn."""
        self._queue.extend((outbox, seq) for seq in seqs)
        if self._queue:
            self._has_work.set()

    def start_over(self) -> None:
        """The connection is a new one: everything under way goes out again, each station's oldest first."""
        self._queue.clear()
        for outbox in self.outboxes:
            self.take(outbox, outbox.reconnected())

    async def run(self, publisher: Publisher) -> None:
        """Send until cancelled."""
        while True:
            await self._has_work.wait()
            await publisher.connected.wait()
            await publisher.reserve()
            found = self._next()  # only now: a reconnection while we waited has changed the order
            if found is None:
                publisher.release()
                self._has_work.clear()
                continue
            outbox, seq = found
            underway = outbox.underway[seq]
            self._tally.sent_again += underway.first_sent_at is not None
            outbox.sent(seq, self._clock())
            publisher.send_reserved(underway.message)

    def _next(self) -> tuple[Outbox, int] | None:
        while self._queue:
            outbox, seq = self._queue.popleft()
            underway = outbox.underway.get(seq)
            if underway is not None and underway.sent_at is None:  # neither stored nor dropped meanwhile
                return outbox, seq
        return None
