"""Deliveries from a foreign thread to the event loop: bounded, in order, and cheap to hand over."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import datetime

from solarrally.brokers.arrivals import Arrivals
from solarrally.brokers.receipts import Receipts
from solarrally.ingest.ports import Delivery


class Inbox:
    """`put` is for the foreign thread, everything else for the loop that made it.

    The loop is woken once for whatever came since it last looked, not for every message. When it is full,
    messages of QoS 0 are dropped and counted, as MQTT allows; the thread that brings one of QoS 1 waits,
    which stops it reading: the rest stays with the broker.
    """

    def __init__(self, *, max_count: int, max_bytes: int, now: Callable[[], datetime]) -> None:
        self.received_messages = 0
        self.received_bytes = 0
        """Of topics and payloads."""
        self.dropped_messages = 0
        self.last_heard_at: datetime | None = None
        self._arrivals = Arrivals(max_count=max_count, max_bytes=max_bytes)
        self._receipts = Receipts(now)
        self._lock = threading.Lock()
        self._has_room = threading.Condition(self._lock)
        self._is_open = False
        self._is_waking = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._something_arrived = asyncio.Event()

    @property
    def count(self) -> int:
        """Deliveries that nobody took yet."""
        return self._arrivals.count

    def open(self) -> None:
        """Take deliveries from now on, for the running loop."""
        with self._lock:
            self._loop = asyncio.get_running_loop()
            self._is_open = True
            self._is_waking = False

    def shut(self) -> None:
        """Take no more, let go who waits for room, and forget what nobody took."""
        with self._lock:
            self._is_open = False
            self._arrivals.clear()
            self._something_arrived.clear()
            self._has_room.notify_all()

    def put(self, delivery: Delivery) -> bool:
        """File it under an instant of its own; False when it was dropped. It may wait for room."""
        size_bytes = len(delivery.topic) + len(delivery.payload)
        with self._lock:
            if not self._is_open:
                return False
            self.received_messages += 1
            self.received_bytes += size_bytes
            if self._arrivals.is_full:
                if not delivery.qos:
                    self.dropped_messages += 1
                    return False
                if not self._wait_for_room():
                    return False
            receipt = self._receipts.next()
            self._receipts.used(receipt)
            self.last_heard_at = receipt
            self._arrivals.put([delivery._replace(received_at=receipt)], size_bytes)
            if not self._is_waking:
                self._is_waking = True
                assert self._loop is not None
                self._loop.call_soon_threadsafe(self._wake)
        return True

    async def wait(self, timeout_s: float) -> bool:
        """Whether something is there, within `timeout_s`, or `wake` was called."""
        if self._arrivals.count:
            return True
        try:
            async with asyncio.timeout(timeout_s):
                await self._something_arrived.wait()
        except TimeoutError:
            return False
        return True

    def wake(self) -> None:
        """End a `wait` although nothing came."""
        self._something_arrived.set()

    def take(self, limit: int) -> list[Delivery]:
        """The oldest, at most `limit`."""
        with self._lock:
            taken = self._arrivals.take(limit)
            if not self._arrivals.count:
                self._something_arrived.clear()
            if not self._arrivals.is_full:
                self._has_room.notify_all()
        return taken

    def _wait_for_room(self) -> bool:
        """False when it was shut meanwhile."""
        self._has_room.wait_for(lambda: not self._arrivals.is_full or not self._is_open)
        return self._is_open

    def _wake(self) -> None:
        with self._lock:
            self._is_waking = False
            if self._arrivals.count:
                self._something_arrived.set()
