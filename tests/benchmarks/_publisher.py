"""The publisher of the benchmarks: a process of its own that pushes QoS 1 PUBLISH packets on a plain socket.

It takes orders, one a line, on standard input, and ends when that is closed:

    grant N        at most N messages in all from now on; keeps the broker's queue bounded in a flood
    flood          as fast as window and grant allow, until `halt`
    send N         the same, for N messages; reported when all is acknowledged
    rate R S       R messages/s for S seconds, a few each millisecond; reported when all is acknowledged
    halt           stop; reported when all that was sent is acknowledged

A report is a line of JSON on standard output. MQTT 3.1.1: Mosquitto sets no receive maximum there, and
acknowledges in order, which is checked.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import time
from dataclasses import asdict, dataclass, field
from urllib.parse import unquote, urlsplit

from tests.benchmarks._telemetry import ChargingStations, IdleStations, packet_id_of
from tests.support import mqtt_bytes

TICK_S = 0.001
BURST = 256
"""Messages built at a time in a flood: large enough to be cheap, small enough that they are fresh."""
_NO_LIMIT = 1 << 62


@dataclass(slots=True, frozen=True)
class Report:
    """What came of the last order."""

    sent: int
    """Since the start, all acknowledged."""
    first_us: int
    """The first timestamp sent under that order, in microseconds since 1970."""
    last_us: int
    lag_p99_s: float
    """How far behind its schedule the publisher itself was; 0 in a flood, which has none."""
    lag_max_s: float
    took_s: float


@dataclass(slots=True, kw_only=True)
class Order:
    """What is being done."""

    rate: float | None
    started_at_s: float
    base: int
    """Messages before it."""
    until: int
    """Messages after it; `halt` makes that what has been sent."""
    first_us: int = 0
    lags_s: list[float] = field(default_factory=list)


class Publisher:
    """One connection, one order at a time."""

    def __init__(self, link: socket.socket, stations: ChargingStations, *, window: int) -> None:
        self._link = link
        self._stations = stations
        self._window = window
        self._granted = _NO_LIMIT
        self._acknowledged = 0
        self._unsent = memoryview(b"")
        self._unread = b""
        self._order: Order | None = None
        self._commands = b""

    def run(self) -> None:
        """Until standard input is closed."""
        stdin = sys.stdin.fileno()
        while True:
            self._produce()
            # While at work the tick wakes us, not each PUBACK: that would cost more than publishing.
            is_at_work = self._order is not None
            awaited = [stdin] if is_at_work else [self._link, stdin]
            writable = [self._link] if self._unsent else []
            readable, _, _ = select.select(awaited, writable, [], TICK_S if is_at_work else None)
            self._take_acknowledgements()
            if stdin in readable and not self._take_commands():
                return
            self._finish_order()

    # -- sending -----------------------------------------------------------------------------------

    def _produce(self) -> None:
        """Send what is due, until the socket is full or the window closed."""
        while self._flush() and (count := self._due()):
            times = self._stations.next_times(time.time_ns() // 1000, count)
            order = self._order
            assert order is not None
            order.first_us = order.first_us or times[0]
            self._unsent = memoryview(self._stations.packets(times))

    def _due(self) -> int:
        order, sent = self._order, self._stations.messages
        if order is None:
            return 0
        room = min(order.until, self._granted) - sent
        in_window = self._window - (sent - self._acknowledged)
        if order.rate is None:
            # Small bursts cost more for each message, so wait for room; the last one is what it is.
            return min(room, BURST) if in_window >= BURST else 0
        scheduled = order.base + int((time.monotonic() - order.started_at_s) * order.rate)
        behind = min(order.until, scheduled) - sent
        if behind > 0:
            order.lags_s.append(behind / order.rate)
        return max(0, min(room, in_window, behind, 2 * BURST))

    def _flush(self) -> bool:
        while self._unsent:
            try:
                count = self._link.send(self._unsent)
            except BlockingIOError:
                return False
            self._unsent = self._unsent[count:]
        return True

    # -- hearing -----------------------------------------------------------------------------------

    def _take_acknowledgements(self) -> None:
        try:
            data = self._link.recv(1 << 18)
        except BlockingIOError:
            return
        if not data:
            raise SystemExit("the broker closed the publisher's connection")
        data = self._unread + data
        whole = len(data) // 4 * 4
        self._unread = data[whole:]
        if not whole:
            return
        count = whole // 4
        self._acknowledged += count
        if data[0:whole:4].count(0x40) != count or data[whole - 2 : whole] != packet_id_of(
            self._acknowledged - 1
        ):
            raise SystemExit("the broker sent something else than PUBACKs in order")

    def _take_commands(self) -> bool:
        data = os.read(sys.stdin.fileno(), 1 << 16)  # unbuffered, as select() sees it
        if not data:
            return False
        *lines, self._commands = (self._commands + data).split(b"\n")
        for line in lines:
            self._obey(*line.decode().split())
        return True

    def _obey(self, verb: str, *arguments: str) -> None:
        sent = self._stations.messages
        if verb == "grant":
            self._granted = int(arguments[0])
        elif verb in ("flood", "send"):
            until = sent + int(arguments[0]) if arguments else _NO_LIMIT
            self._order = Order(rate=None, started_at_s=time.monotonic(), base=sent, until=until)
        elif verb == "rate":
            rate, duration_s = map(float, arguments)
            until = sent + round(rate * duration_s)
            self._order = Order(rate=rate, started_at_s=time.monotonic(), base=sent, until=until)
        elif verb == "halt" and self._order is not None:
            self._order.until = sent
        else:
            raise SystemExit(f"no such order here: {verb}")

    def _finish_order(self) -> None:
        order, sent = self._order, self._stations.messages
        if order is None or sent < order.until or self._acknowledged < sent:
            return
        lags_s = sorted(order.lags_s) or [0.0]
        report = Report(
            sent=sent,
            first_us=order.first_us,
            last_us=self._stations.last_us,
            lag_p99_s=lags_s[int(len(lags_s) * 0.99)],
            lag_max_s=lags_s[-1],
            took_s=time.monotonic() - order.started_at_s,
        )
        self._order = None
        say(asdict(report))


def say(what: dict[str, object]) -> None:
    """A line of JSON to whoever started this."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def connected(url: str, client_id: str) -> socket.socket:
    """A non-blocking link that the broker has accepted."""
    address = urlsplit(url)
    link = socket.create_connection((address.hostname or "127.0.0.1", address.port or 1883), timeout=10)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    link.sendall(
        mqtt_bytes.connect(client_id, unquote(address.username or ""), unquote(address.password or ""))
    )
    answer = link.recv(4)
    if answer[:2] != b"\x20\x02" or answer[3] != 0:
        raise SystemExit(f"the broker refuses the publisher: {answer!r}")
    link.setblocking(False)
    return link


def main() -> None:
    """The one argument is a JSON object, as `_stack.Stack.publisher` makes it."""
    options = json.loads(sys.argv[1])
    kind = ChargingStations if options["is_charging"] else IdleStations
    stations = kind(
        options["stations"],
        name=options["name"],
        first_at_us=options["first_at_us"] or time.time_ns() // 1000,
        cadence_s=options["cadence_s"],
        step_us=options["step_us"],
    )
    link = connected(options["url"], f"bench-{options['name']}")
    say({"payload_bytes": stations.payload_bytes})
    Publisher(link, stations, window=options["window"]).run()
    link.setblocking(True)
    link.sendall(mqtt_bytes.DISCONNECT)
    link.close()


if __name__ == "__main__":
    main()
