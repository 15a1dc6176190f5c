"""A publisher that knows exactly what it sent and what the broker acknowledged, whatever happens."""

from __future__ import annotations

import contextlib
import math
import select
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from types import TracebackType
from urllib.parse import unquote, urlsplit

from tests.support import mqtt_bytes
from tests.support.charging_fleet import Message

WINDOW = 500
TICK_S = 0.002
LINK_TIMEOUT_S = 5.0
RETRY_S = 0.1


class NumberedPublisher:
    """Publishes at a steady rate with QoS 1, in a thread; after a lost connection sends again, in order, what
    was not acknowledged.

    What it could not send during an outage it sends as fast as the window allows afterwards, as devices do.
    """

    def __init__(
        self,
        mqtt_url: str,
        messages: Iterable[Message],
        *,
        rate: float,
        client_id: str = "numbered",
        window: int = WINDOW,
    ) -> None:
        """`rate` is in messages/s."""
        self.sent: list[Message] = []
        """Everything that was handed to a connection, oldest first."""
        self.connections_lost = 0
        self._url = mqtt_url
        self._messages = iter(messages)
        self._rate = rate
        self._client_id = client_id
        self._window = window
        self._in_flight: dict[int, int] = {}
        """Packet id -> place in `sent`, oldest first."""
        self._acknowledged: dict[int, float] = {}
        """Place in `sent` -> when the broker acknowledged it, on the monotonic clock."""
        self._next_packet_id = 1
        self._is_exhausted = False
        self._stopping = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"publisher {client_id}")

    def acknowledged(self, *, before_s: float = math.inf) -> list[Message]:
        """What the broker has acknowledged by that instant of the monotonic clock, in order of sending."""
        known = dict(self._acknowledged)
        return [self.sent[place] for place in sorted(known) if known[place] < before_s]

    def __enter__(self) -> NumberedPublisher:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._window = 0  # ends the thread also when the broker is away
        self._stopping.set()
        self._thread.join(timeout=3 * LINK_TIMEOUT_S)

    def finish(self, *, now: bool = True, timeout_s: float = 60.0) -> list[Message]:
        """Wait until everything sent is acknowledged, and return it. `now`: send nothing more; otherwise
        first all of a finite series.
        """
        if now:
            self._stopping.set()
        self._thread.join(timeout=timeout_s)
        if self._error is not None:
            raise self._error
        assert not self._thread.is_alive(), f"{len(self._in_flight)} messages are not acknowledged"
        assert len(self._acknowledged) == len(self.sent)
        return self.sent

    # -- the thread ------------------------------------------------------------------------------

    def _run(self) -> None:
        self._started_at_s = time.monotonic()
        try:
            while not self._is_done():
                try:
                    with self._connected() as link:
                        self.on_connected(link)
                        self._pump(link)
                except OSError:
                    self.connections_lost += 1
                    time.sleep(RETRY_S)
        except BaseException as error:
            self._error = error

    def _is_done(self) -> bool:
        if self._window == 0:
            return True
        return not self._in_flight and (self._stopping.is_set() or self._is_exhausted) and self.nothing_kept()

    def nothing_kept(self) -> bool:
        """Whether nothing waits for more than the broker's acknowledgement."""
        return True

    @contextlib.contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        address = urlsplit(self._url)
        link = socket.create_connection((address.hostname, address.port), timeout=LINK_TIMEOUT_S)
        try:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            username, password = unquote(address.username or ""), unquote(address.password or "")
            link.sendall(mqtt_bytes.connect(self._client_id, username, password))
            self._arrived = mqtt_bytes.Arrived()
            answer = self._read(link)
            if not answer or answer[0][0] != mqtt_bytes.CONNACK:
                raise ConnectionError(f"no CONNACK: {answer}")
            assert answer[0][1][1] == 0, f"the broker refuses: {answer[0][1][1]}"
            yield link
            link.sendall(mqtt_bytes.DISCONNECT)
        finally:
            link.close()

    def on_connected(self, link: socket.socket) -> None:
        """Send again what the last connection left open."""
        again = list(self._in_flight.values())
        self._in_flight.clear()
        self._send(link, again, is_again=True)

    def _pump(self, link: socket.socket) -> None:
        while not self._is_done():
            self._send_new(link)
            if select.select([link], [], [], TICK_S)[0]:
                for kind, body in self._read(link):
                    self.on_packet(link, kind, body)
            self.on_tick(link)

    def _send_new(self, link: socket.socket) -> None:
        if self._stopping.is_set() or self._is_exhausted:
            return
        due = int((time.monotonic() - self._started_at_s) * self._rate) - len(self.sent)
        count = min(due, self._window - len(self._in_flight))
        if count <= 0:
            return
        new = list(islice(self._messages, count))
        self._is_exhausted = len(new) < count
        first = len(self.sent)
        self.sent += new
        self._send(link, list(range(first, len(self.sent))))

    def _send(self, link: socket.socket, places: list[int], *, is_again: bool = False) -> None:
        packets = []
        for place in places:
            packet_id = self._free_packet_id()
            self._in_flight[packet_id] = place
            message = self.sent[place]
            packets.append(mqtt_bytes.publish(message.topic, message.payload, packet_id, is_again=is_again))
        if packets:
            link.sendall(b"".join(packets))

    def _free_packet_id(self) -> int:
        while self._next_packet_id in self._in_flight:
            self._next_packet_id = self._next_packet_id % 65535 + 1
        taken = self._next_packet_id
        self._next_packet_id = taken % 65535 + 1
        return taken

    def _read(self, link: socket.socket) -> list[tuple[int, bytes]]:
        data = link.recv(1 << 16)
        if not data:
            raise ConnectionError("the broker closed the connection")
        return self._arrived.feed(data)

    def on_packet(self, link: socket.socket, kind: int, body: bytes) -> None:
        if kind == mqtt_bytes.PUBACK:
            place = self._in_flight.pop(mqtt_bytes.packet_id_of(body))
            self._acknowledged.setdefault(place, time.monotonic())

    def on_tick(self, link: socket.socket) -> None:
        """Called every few milliseconds while connected."""
