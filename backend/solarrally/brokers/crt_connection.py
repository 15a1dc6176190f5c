"""One MQTT 5 connection of the AWS Common Runtime (CRT), seen from an asyncio loop.

The runtime has threads of its own and calls us on them. Its lifecycle events cross over to the loop in one
place (`_tell`); messages are given to `on_publish` on the runtime's thread, which hands them over itself. A
client of the runtime reconnects by itself: we use it for one connection only, so that certificates may be
replaced while we run, so that a late event is not taken for one of the next connection, and so that who was
taken over can stand back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from awscrt import io, mqtt5  # type: ignore[import-untyped]
from awscrt.exceptions import AwsCrtError  # type: ignore[import-untyped]
from awsiot import mqtt5_client_builder  # type: ignore[import-untyped]

from solarrally.brokers import reasons
from solarrally.brokers.aws_iot_limits import check_message, in_packets
from solarrally.brokers.elements import ProtocolError
from solarrally.brokers.receiver import ConnectionLost

log = structlog.get_logger()

CONNECT_TIMEOUT_S = 45.0
"""A failed TLS handshake is told after 10 to 30 s: s2n waits on purpose, so that timing tells nothing."""
CONNACK_TIMEOUT_MS = 10_000
ANSWER_TIMEOUT_S = 10
LEAVE_TIMEOUT_S = 5.0
FLUSH_TIMEOUT_S = 2.0
_NOBODYS_FILTER = "solarrally/goodbye"
MAX_UNSENT = 1_000
"""Messages to devices that may wait to leave: the runtime sends no more than 100 a second, as AWS allows."""
_NEVER_MS = 3_600_000
"""The runtime's own reconnection: we have stopped it long before."""


@dataclass(slots=True, frozen=True, kw_only=True)
class CrtOptions:
    """Where to connect, as whom, and what to agree on."""

    host: str
    """A name, not an address: AWS tells accounts apart by it (SNI)."""
    port: int
    client_id: str
    cert_file: Path
    key_file: Path
    ca_file: Path | None
    """Who signed the server's certificate; None: the system's list."""
    keepalive_s: int
    session_expiry_s: int
    """0: nothing is kept, and a connection begins anew."""
    receive_maximum: int | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class CrtConnection:
    """Connects once. Its owner calls `close` in the end, however it ended."""

    def __init__(self, options: CrtOptions, on_publish: Callable[[Any], None] | None = None) -> None:
        """`on_publish` is called on a thread of the runtime, with an `mqtt5.PublishReceivedData`."""
        self._options = options
        self._on_publish = on_publish
        self._loop = asyncio.get_running_loop()
        self.rejoined_session = False
        """Whether the broker remembers us; known before the first message is handed over."""
        self._client: Any = None
        self._connected: asyncio.Future[Any] = self._loop.create_future()
        self._lost: asyncio.Future[None] = self._loop.create_future()
        self._stopped = asyncio.Event()
        self._has_spoken = False

    async def open(self) -> Any:
        """Connect; what was negotiated (`mqtt5.NegotiatedSettings`). Raises `ConnectionLost`, or
        `ProtocolError` for a broker that does not speak MQTT 5.
        """
        try:
            self._client = self._new_client()
        except (AwsCrtError, RuntimeError, OSError) as error:
            raise ConnectionLost(f"the certificates cannot be used: {error}") from error
        self._client.start()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                return await asyncio.shield(self._connected)
        except TimeoutError as error:
            raise ConnectionLost(f"no connection within {CONNECT_TIMEOUT_S:.0f} s") from error

    async def subscribe(self, topic_filters: Sequence[str]) -> list[tuple[str, int]]:
        """Subscribe with QoS 1; the broker's answer for each filter, which may be a refusal."""
        answers: list[tuple[str, int]] = []
        qos = mqtt5.QoS.AT_LEAST_ONCE
        for some in in_packets(topic_filters):
            packet = mqtt5.SubscribePacket(
                subscriptions=[mqtt5.Subscription(topic_filter=each, qos=qos) for each in some]
            )
            asked = self._crossing(self._client.subscribe(packet))
            suback = await self._answer(asked, f"SUBACK for {', '.join(some)}")
            codes = [reasons.FIRST_FAILURE if code is None else int(code) for code in suback.reason_codes]
            answers += zip(some, codes, strict=True)
        return answers

    async def unsubscribe(self, topic_filters: Sequence[str]) -> None:
        """End these subscriptions."""
        for some in in_packets(topic_filters):
            packet = mqtt5.UnsubscribePacket(topic_filters=some)
            asked = self._crossing(self._client.unsubscribe(packet))
            await self._answer(asked, f"UNSUBACK for {', '.join(some)}")

    async def publish(self, topic: str, payload: bytes, *, expires_in_s: int, timeout_s: float) -> Any:
        """Send with QoS 1; the broker's answer (`mqtt5.PubackPacket`), which may be a refusal. Raises
        `ConnectionLost` when there is none in time.
        """
        sent = self._crossing(self._publish(topic, payload, qos=1, expires_in_s=expires_in_s))
        completed = await self._answer(sent, f"PUBACK for {topic}", timeout_s)
        return completed.puback

    def send(self, messages: Sequence[tuple[str, bytes]], on_dropped: Callable[[object], None]) -> int:
        """Send each `(topic, payload)` with QoS 0; how many were dropped at once. `on_dropped` is called on
        the loop for each of the others that could not leave after all.
        """
        room, dropped = MAX_UNSENT - self._client.get_stats().incomplete_operation_count, 0
        for topic, payload in messages:
            try:
                check_message(topic, payload)
            except ValueError as error:
                log.warning("publish_refused", error=str(error))
                dropped += 1
                continue
            if room <= 0:
                dropped += 1
                continue
            room -= 1
            future = self._publish(topic, payload, qos=0)
            future.add_done_callback(lambda done: self._hear_sent(done, on_dropped))
        return dropped

    def acknowledge(self, handle: Any) -> None:
        """Acknowledge a message. Of a connection that ended meanwhile it does nothing: it comes again."""
        self._has_spoken = True
        with suppress(AwsCrtError):
            self._client.invoke_publish_acknowledgement(handle)

    async def wait_lost(self) -> None:
        """Wait for the connection to end, and raise why."""
        await asyncio.shield(self._lost)

    def abandon(self, reason: str) -> None:
        """Have `wait_lost` raise: its owner has seen that the connection is of no use."""
        self._end(ConnectionLost(reason))

    async def close(self) -> None:
        """Say goodbye, if the connection lives, and see the runtime done with it."""
        client = self._client
        if client is None:
            return
        try:
            async with asyncio.timeout(LEAVE_TIMEOUT_S):
                await self._leave(client)
        except TimeoutError:
            client.stop()  # it hangs in a handshake; nothing of it is heard any more
        self._client = None

    async def _leave(self, client: Any) -> None:
        # Stopped within a handshake, the runtime may never say that it has stopped.
        await asyncio.wait({self._connected})
        if self._has_spoken and not self._lost.done():
            await self._flush()
        goodbye = None
        if not self._lost.done():
            goodbye = mqtt5.DisconnectPacket(reason_code=mqtt5.DisconnectReasonCode.NORMAL_DISCONNECTION)
        self._end(ConnectionLost("we left"))
        client.stop(goodbye)
        await self._stopped.wait()

    # -- what the runtime calls, on its threads ---------------------------------------------------

    def _tell(self, event: Callable[[Any], None], data: Any) -> None:
        """The one way into the loop."""
        with suppress(RuntimeError):  # the loop has ended, and nobody is left who would want to know
            self._loop.call_soon_threadsafe(event, data)

    def _hear_connected(self, data: Any) -> None:
        self.rejoined_session = data.negotiated_settings.rejoined_session
        self._tell(self._note_connected, data)

    def _hear_sent(self, future: Future[Any], on_dropped: Callable[[object], None]) -> None:
        if future.exception() is not None:
            self._tell(on_dropped, future.exception())

    # -- on the loop ------------------------------------------------------------------------------

    def _note_connected(self, data: Any) -> None:
        if not self._connected.done():
            self._connected.set_result(data.negotiated_settings)

    def _note_failed(self, data: Any) -> None:
        packet = data.connack_packet
        if packet is not None and packet.reason_code is not None:
            words = reasons.in_words(int(packet.reason_code), packet.reason_string)
            self._end(ConnectionLost(f"the broker refuses us: {words}", int(packet.reason_code)))
        else:
            self._end(_why(data.exception))

    def _note_disconnected(self, data: Any) -> None:
        packet = data.disconnect_packet
        if packet is not None and packet.reason_code is not None:
            code = int(packet.reason_code)
            words = reasons.in_words(code, packet.reason_string, packet.server_reference)
            self._end(ConnectionLost(f"the broker disconnects us: {words}", code))
        else:
            self._end(_why(data.exception))

    def _note_stopped(self, _data: Any) -> None:
        self._stopped.set()

    def _end(self, reason: ConnectionLost | ProtocolError) -> None:
        """The first reason counts."""
        for waiting in (self._connected, self._lost):
            if not waiting.done():
                waiting.set_exception(reason)
                waiting.exception()  # whether or not somebody waits for it

    def _publish(
        self, topic: str, payload: bytes, *, qos: int, expires_in_s: int | None = None
    ) -> Future[Any]:
        self._has_spoken = True
        packet = mqtt5.PublishPacket(
            topic=topic, payload=payload, qos=mqtt5.QoS(qos), message_expiry_interval_sec=expires_in_s
        )
        try:
            future: Future[Any] = self._client.publish(packet)
        except AwsCrtError as error:
            future = Future()
            future.set_exception(error)
        return future

    def _crossing(self, future: Future[Any]) -> asyncio.Future[Any]:
        """The runtime's future as one of the loop. To cancel it leaves the runtime's alone, which would not
        bear it.
        """
        here: asyncio.Future[Any] = self._loop.create_future()

        def settle(there: Future[Any]) -> None:
            if here.done():
                return
            error = there.exception()
            if error is None:
                here.set_result(there.result())
            else:
                here.set_exception(error)
                here.exception()  # whether or not somebody still waits for it

        future.add_done_callback(lambda there: self._tell(settle, there))
        return here

    async def _answer(
        self, answer: asyncio.Future[Any], called: str, timeout_s: float = ANSWER_TIMEOUT_S
    ) -> Any:
        """The answer, or why there will be none."""
        await self._first_of(answer, timeout_s)
        if self._lost.done():
            self._lost.result()
        if not answer.done():
            raise ConnectionLost(f"no {called} within {timeout_s:g} s")
        try:
            return answer.result()
        except AwsCrtError as error:
            raise ConnectionLost(f"no {called}: {_in_words(error)}") from error

    async def _flush(self) -> None:
        """See the broker read what was given to the runtime, acknowledgements above all: a DISCONNECT
        overtakes them, and they would be lost. Whatever it answers to this, it has read what came before.
        """
        packet = mqtt5.UnsubscribePacket(topic_filters=[_NOBODYS_FILTER])
        await self._first_of(self._crossing(self._client.unsubscribe(packet)), FLUSH_TIMEOUT_S)

    async def _first_of(self, answer: asyncio.Future[Any], timeout_s: float) -> None:
        """Wait for it, for the loss of the connection, or for so long."""
        await asyncio.wait({answer, self._lost}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)

    def _new_client(self) -> Any:
        options = self._options
        keeps_session = options.session_expiry_s > 0
        session = mqtt5.ClientSessionBehaviorType
        return mqtt5_client_builder.mtls_from_path(
            cert_filepath=str(options.cert_file),
            pri_key_filepath=str(options.key_file),
            ca_filepath=None if options.ca_file is None else str(options.ca_file),
            endpoint=options.host,
            port=options.port,
            client_id=options.client_id,
            keep_alive_interval_sec=options.keepalive_s,
            ping_timeout_ms=max(500, options.keepalive_s * 500),  # so 1.5 times the interval in all
            session_expiry_interval_sec=options.session_expiry_s,
            session_behavior=session.REJOIN_ALWAYS if keeps_session else session.CLEAN,
            receive_maximum=options.receive_maximum,
            offline_queue_behavior=mqtt5.ClientOperationQueueBehaviorType.FAIL_ALL_ON_DISCONNECT,
            retry_jitter_mode=mqtt5.ExponentialBackoffJitterMode.NONE,
            min_reconnect_delay_ms=_NEVER_MS,
            max_reconnect_delay_ms=_NEVER_MS,
            connack_timeout_ms=CONNACK_TIMEOUT_MS,
            ack_timeout_sec=ANSWER_TIMEOUT_S,
            socket_options=_socket_options(options.keepalive_s),
            enable_metrics_collection=False,
            on_publish_received=self._on_publish,
            on_lifecycle_connection_success=self._hear_connected,
            on_lifecycle_connection_failure=lambda data: self._tell(self._note_failed, data),
            on_lifecycle_disconnection=lambda data: self._tell(self._note_disconnected, data),
            on_lifecycle_stopped=lambda data: self._tell(self._note_stopped, data),
        )


def _socket_options(keepalive_s: int) -> Any:
    """TCP finds dead peers too, where we have nothing to say."""
    options = io.SocketOptions()
    options.connect_timeout_ms = 10_000
    options.keep_alive = True
    options.keep_alive_interval_secs = max(1, keepalive_s // 4)
    options.keep_alive_timeout_secs = max(1, keepalive_s // 2)
    options.keep_alive_max_probes = 4
    return options


_HINTS = {
    "AWS_ERROR_MQTT_UNEXPECTED_HANGUP": "is our certificate registered and active, and does its policy let "
    "us connect with this client id, and has another our client id?",
    "AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE": "is it the broker we think, signed by the authority we trust, "
    "and is our certificate one that it knows?",
    "AWS_IO_TLS_ERROR_READ_FAILURE": "does the broker know our certificate, and is it not revoked?",
    "AWS_IO_DNS_QUERY_FAILED": "is the endpoint's name right?",
    "AWS_IO_DNS_INVALID_NAME": "is the endpoint's name right?",
}


def _why(error: Any) -> ConnectionLost | ProtocolError:
    """What an error of the runtime means for the connection."""
    if getattr(error, "name", "").startswith("AWS_ERROR_MQTT5_DECODE"):
        return ProtocolError(reasons.PROTOCOL_VIOLATION, _in_words(error))
    return ConnectionLost(_in_words(error))


def _in_words(error: Any) -> str:
    """An error of the runtime, with what is most often behind it."""
    name = getattr(error, "name", type(error).__name__)
    words = f"{name}: {getattr(error, 'message', error)}"
    hint = _HINTS.get(name)
    return words if hint is None else f"{words.rstrip('.')}; {hint}"
