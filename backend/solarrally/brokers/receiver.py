"""One MQTT 5 connection as an asyncio protocol: the thin shell around `parser` and `packets`."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar, cast

from solarrally.brokers import packets, reasons
from solarrally.brokers.elements import MAX_VARINT, ProtocolError
from solarrally.brokers.packets import Connack, Disconnect, Introduction, Packet, Pingresp, Suback
from solarrally.brokers.parser import Parser
from solarrally.ingest.ports import Delivery

_T = TypeVar("_T")

ANSWER_TIMEOUT_S = 10.0
"""So long may a broker say nothing at all that owes us a CONNACK or a SUBACK."""
LEAVE_TIMEOUT_S = 2.0
# Of a keep-alive interval there are four ticks. Silence is counted in ticks, not on the clock: between two of
# them the loop has read what there was, so a loop that was busy for a minute does not take that for silence.
_TICKS_PER_KEEPALIVE = 4
_PING_AFTER_TICKS = 2
_DEAD_AFTER_TICKS = 6


class ConnectionLost(Exception):
    """The connection ended, or never came about. `code` is the broker's reason, if it gave one."""

    def __init__(self, detail: str, code: int | None = None) -> None:
        super().__init__(detail)
        self.code = code


class Receiver(asyncio.Protocol):
    """Introduces itself, subscribes, hands deliveries over, and keeps the connection alive.

    However the connection ends, what waits for an answer and `wait_lost` raise why: `ConnectionLost` or
    `ProtocolError`. Its owner calls `leave` in the end, also then.
    """

    def __init__(
        self,
        introduction: Introduction,
        *,
        connection: int,
        on_data: Callable[[int], datetime],
        on_deliveries: Callable[[list[Delivery], int], None],
    ) -> None:
        """`on_data(size_bytes)` is called for each chunk of data and says when the first delivery in it was
        received; `on_deliveries(deliveries, size_bytes)` is called with what it completed, if anything.
        """
        self.max_packet_bytes = MAX_VARINT
        """The broker takes no larger packets of us."""
        self._introduction = introduction
        self._parser = Parser(connection=connection, max_packet_bytes=introduction.max_packet_bytes)
        self._on_data = on_data
        self._on_deliveries = on_deliveries
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._connack: asyncio.Future[Connack] = self._loop.create_future()
        self._subacks: dict[int, asyncio.Future[Suback]] = {}
        self._reason: ConnectionLost | ProtocolError | None = None
        self._lost = asyncio.Event()
        self._closed = asyncio.Event()
        self._progress = 0
        """Grows with all that is read, and when reading goes on."""
        self._is_paused = False
        self._is_leaving = False
        self._keepalive_s = introduction.keepalive_s
        self._resumption: asyncio.TimerHandle | None = None
        self._next_tick: asyncio.TimerHandle | None = None
        self._unheard_ticks = 0
        self._unspoken_ticks = 0

    # -- what its owner does ---------------------------------------------------------------------

    async def introduce(self) -> Connack:
        """Send CONNECT; returns when the broker has let us in."""
        self._write(packets.connect_packet(self._introduction))
        connack = await self._answer(self._connack, "CONNACK")
        if connack.code:
            words = reasons.in_words(connack.code, connack.reason_string, connack.server_reference)
            raise ConnectionLost(f"the broker refuses us: {words}", connack.code)
        if connack.max_packet_bytes is not None:
            self.max_packet_bytes = connack.max_packet_bytes
        if connack.keepalive_s is not None:
            self._keepalive_s = connack.keepalive_s
        self._schedule_tick()
        return connack

    async def subscribe(self, packet_id: int, topic_filter: str) -> Suback:
        """Subscribe to one filter with QoS 1; returns the broker's answer, which may be a refusal."""
        packet = packets.subscribe_packet(packet_id, topic_filter)
        return await self._ask(packet_id, packet, f"SUBACK for {topic_filter}")

    async def unsubscribe(self, packet_id: int, topic_filter: str) -> Suback:
        """End the subscription to one filter; returns the broker's answer."""
        packet = packets.unsubscribe_packet(packet_id, topic_filter)
        return await self._ask(packet_id, packet, f"UNSUBACK for {topic_filter}")

    def send(self, data: bytes) -> bool:
        """Write whole packets; False when the connection is known to be gone."""
        if self._reason is not None or self._is_leaving:
            return False
        self._write(data)
        return True

    @property
    def unsent_bytes(self) -> int:
        """Written and not yet taken by the system."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    @property
    def server_certificate(self) -> bytes | None:
        """What the broker showed in the TLS handshake, in DER; None without TLS."""
        link = None if self._transport is None else self._transport.get_extra_info("ssl_object")
        return None if link is None else cast(ssl.SSLObject, link).getpeercert(binary_form=True)

    def pause(self, at_most_s: float | None = None) -> None:
        """Read no more until `resume`, or for so long: what the system's buffers cannot take stays with the
        broker.
        """
        if self._transport is None or self._transport.is_closing():
            return
        if not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()
        self._cancel_resumption()
        if at_most_s is not None:
            self._resumption = self._loop.call_later(at_most_s, self.resume)

    def resume(self) -> None:
        """Read on. Harmless when reading."""
        if self._transport is not None and self._is_paused:
            self._is_paused = False
            self._cancel_resumption()
            self._unheard_ticks = 0
            self._progress += 1
            if not self._transport.is_closing():
                self._transport.resume_reading()

    async def catch_up(self) -> None:
        """Read what came while reading rested for a while, if it does."""
        if self._resumption is not None:
            self.resume()
            await asyncio.sleep(0)  # the loop looks which connections have something,
            await asyncio.sleep(0)  # and has called `data_received` before this returns

    async def wait_lost(self) -> None:
        """Wait for the connection to end, and raise why."""
        await self._lost.wait()
        assert self._reason is not None
        raise self._reason

    async def leave(self) -> None:
        """Say goodbye, if the connection lives, and see it closed within `LEAVE_TIMEOUT_S`."""
        if self._transport is None:
            return
        if self._reason is None:
            self._write(packets.disconnect_packet(reasons.NORMAL_DISCONNECTION))
        self._is_leaving = True
        self._stop_ticking()
        # It is the broker who hangs up, after it has read everything. To close with something unread would
        # send a reset, on which the broker may lose acknowledgements it has not read yet.
        self.resume()
        try:
            async with asyncio.timeout(LEAVE_TIMEOUT_S):
                await self._closed.wait()
        except TimeoutError:
            self._transport.abort()
            await self._closed.wait()

    # -- what the event loop calls ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        _let_tcp_notice_dead_peers(transport.get_extra_info("socket"), self._keepalive_s)

    def data_received(self, data: bytes) -> None:
        self._progress += 1
        self._unheard_ticks = 0
        if self._is_leaving or self._reason is not None:
            return
        try:
            parsed = self._parser.feed(data, self._on_data(len(data)))
            for packet in parsed.packets:
                self._handle(packet)
            if parsed.deliveries:
                if not self._connack.done():
                    raise ProtocolError(reasons.PROTOCOL_VIOLATION, "PUBLISH before CONNACK")
                self._on_deliveries(parsed.deliveries, parsed.size_bytes)
        except ProtocolError as error:
            self._write(packets.disconnect_packet(error.code))
            self._end(error)

    def eof_received(self) -> None:
        """The transport closes itself after this. Mosquitto 2.0 sends no DISCONNECT before."""
        self._end(
            ConnectionLost("the broker closed the connection without saying why; has another our client id?")
        )

    def connection_lost(self, error: Exception | None) -> None:
        self._end(ConnectionLost(f"the connection broke: {error}" if error else "the connection was closed"))
        self._closed.set()

    # -- inside ----------------------------------------------------------------------------------

    async def _ask(self, packet_id: int, packet: bytes, called: str) -> Suback:
        answer: asyncio.Future[Suback] = self._loop.create_future()
        self._subacks[packet_id] = answer
        self._write(packet)
        suback = await self._answer(answer, called)
        if len(suback.codes) != 1:
            raise ProtocolError(reasons.PROTOCOL_VIOLATION, f"{len(suback.codes)} codes for one filter")
        return suback

    def _handle(self, packet: Packet) -> None:
        match packet:
            case Pingresp():
                pass  # it was heard, which is all a ping is for
            case Connack() if not self._connack.done():
                self._connack.set_result(packet)
            case Suback(packet_id=packet_id) if packet_id in self._subacks:
                answer = self._subacks.pop(packet_id)
                if not answer.done():
                    answer.set_result(packet)
            case Disconnect(code=code):
                words = reasons.in_words(code, packet.reason_string, packet.server_reference)
                self._end(ConnectionLost(f"the broker disconnects us: {words}", code))
            case _:
                raise ProtocolError(
                    reasons.PROTOCOL_VIOLATION, f"{type(packet).__name__} that nothing asked for"
                )

    async def _answer(self, answer: asyncio.Future[_T], called: str) -> _T:
        if self._reason is not None:
            raise self._reason
        while not answer.done():
            progress = self._progress
            await asyncio.wait([answer], timeout=ANSWER_TIMEOUT_S)
            # A session's backlog comes before the SUBACK. While it comes, or waits to be read because nobody
            # can store it, the answer is not overdue.
            if not answer.done() and progress == self._progress and not self._is_paused:
                raise ConnectionLost(f"no {called} within {ANSWER_TIMEOUT_S:.0f} s")
        return answer.result()

    def _end(self, reason: ConnectionLost | ProtocolError) -> None:
        """The first reason counts: what follows from it is only how it shows."""
        if self._reason is not None:
            return
        self._reason = reason
        self._stop_ticking()
        answers: list[asyncio.Future[Any]] = [self._connack, *self._subacks.values()]
        for answer in answers:
            if not answer.done():
                answer.set_exception(reason)
                answer.exception()  # whether or not somebody waits for it, `wait_lost` says it
        self._lost.set()
        if self._transport is not None:
            self._transport.close()

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._unspoken_ticks = 0
            self._transport.write(data)

    def _schedule_tick(self) -> None:
        if self._keepalive_s and self._reason is None:
            self._next_tick = self._loop.call_later(self._keepalive_s / _TICKS_PER_KEEPALIVE, self._tick)

    def _cancel_resumption(self) -> None:
        if self._resumption is not None:
            self._resumption.cancel()
            self._resumption = None

    def _stop_ticking(self) -> None:
        if self._next_tick is not None:
            self._next_tick.cancel()

    def _tick(self) -> None:
        self._unspoken_ticks += 1
        if not self._is_paused:  # what we do not read we cannot hear; until we do, TCP watches alone
            self._unheard_ticks += 1
        if self._unheard_ticks >= _DEAD_AFTER_TICKS:
            silent_s = _DEAD_AFTER_TICKS * self._keepalive_s / _TICKS_PER_KEEPALIVE
            self._end(ConnectionLost(f"the broker has been silent for {silent_s:g} s"))
            return
        if self._unheard_ticks == _PING_AFTER_TICKS or self._unspoken_ticks >= _PING_AFTER_TICKS:
            self._write(packets.PINGREQ)
        self._schedule_tick()


def _let_tcp_notice_dead_peers(link: socket.socket | None, keepalive_s: int) -> None:
    """Let the system find out, where it can, that nobody answers for one and a half keep-alive intervals:
    neither to what we wrote (TCP_USER_TIMEOUT) nor, when we write nothing, to probes.
    """
    if link is None or not keepalive_s:
        return
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", max(1, keepalive_s // 2)),
        ("TCP_KEEPINTVL", max(1, keepalive_s // 4)),
        ("TCP_KEEPCNT", 4),
        ("TCP_USER_TIMEOUT", 1500 * keepalive_s),  # in ms
    ):
        if hasattr(socket, name):
            link.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
