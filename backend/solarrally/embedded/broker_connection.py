"""One client's connection to the embedded broker: bytes in, decisions of the core, bytes out."""

import asyncio
import secrets
import socket
import time
from typing import NoReturn, Protocol

import structlog

from solarrally.embedded import mqtt_packets as mqtt
from solarrally.embedded.broker_core import BrokerCore
from solarrally.embedded.broker_session import Session
from solarrally.embedded.mqtt_packets import MQTT_5, Connect, Message, Reason
from solarrally.embedded.mqtt_wire import Frames, MalformedPacket, PacketTooLarge, Property, PropertyValue

log: structlog.stdlib.BoundLogger = structlog.get_logger()

READ_SIZE_BYTES = 65536
SEND_SIZE_BYTES = 65536
KEEP_ALIVE_TOLERANCE = 1.5  # MQTT 3.1.2.10
NEVER_EXPIRES = 0xFFFFFFFF
NO_RECEIVE_MAXIMUM = 65535


class Goodbye(Exception):
    """The broker ends the connection, and why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.name)
        self.reason = reason


class Neighbours(Protocol):
    """The other connections of the broker."""

    def enter(self, connection: "BrokerConnection", client_id: str) -> None:
        """The connection speaks for this client from now on; an older one of the same client ends."""

    def leave(self, connection: "BrokerConnection") -> None:
        """The connection has ended."""

    def wake(self, sessions: list[Session]) -> None:
        """These sessions have something to send."""


class BrokerConnection:
    """Serves one connection until either side ends it, then publishes the last will if there is reason to."""

    def __init__(
        self,
        core: BrokerCore,
        neighbours: Neighbours,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._core = core
        self._neighbours = neighbours
        self._reader = reader
        self._writer = writer
        self._frames = Frames(core.limits.max_packet_size_bytes)
        self._something_to_send = asyncio.Event()
        self._session: Session | None = None
        self._level = MQTT_5
        self._will: Message | None = None
        self._session_expiry_s: float | None = 0.0
        self._silence_limit_s: float | None = None
        self._max_packet_size_bytes: int | None = None
        self._is_over = False

    @property
    def session(self) -> Session:
        """The client's session. Raises RuntimeError before it has introduced itself."""
        if self._session is None:
            raise RuntimeError("no client has introduced itself on this connection")
        return self._session

    def wake(self) -> None:
        """There may be something to send."""
        self._something_to_send.set()

    def end(self, reason: Reason) -> None:
        """End the connection now; a client of MQTT 5 is told why. The session goes on as agreed with the
        client.
        """
        if self._is_over:
            return
        self._is_over = True
        if self._session is not None and self._level == MQTT_5 and reason != Reason.SUCCESS:
            self._writer.write(mqtt.disconnect_bytes(reason))
        self._writer.close()
        if self._session is not None:
            self._leave(self._session)

    def abort(self) -> None:
        """Cut the connection without waiting for the client to read what was sent."""
        self._writer.transport.abort()

    async def serve(self) -> None:
        """Speak with the client until it is over. Whatever a client does ends only its own connection."""
        tcp: socket.socket | None = self._writer.get_extra_info("socket")
        if tcp is not None:
            tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reason = Reason.SUCCESS
        try:
            packets = await self._first_packets()
            self._welcome(packets[0])
            sender = asyncio.create_task(self._send_waiting(), name=f"mqtt sender {self.session.client_id}")
            sender.add_done_callback(self._sender_ended)
            try:
                await self._converse(packets[1:])
            finally:
                sender.cancel()
                await asyncio.wait([sender])
        except Goodbye as goodbye:
            reason = goodbye.reason
        except PacketTooLarge:
            reason = Reason.PACKET_TOO_LARGE
        except MalformedPacket as error:
            reason = Reason.MALFORMED_PACKET
            log.info("mqtt_malformed_packet", error=str(error))
        except (ConnectionError, TimeoutError) as error:
            log.debug("mqtt_connection_lost", error=repr(error))
        finally:
            self.end(reason)

    # -- receiving -------------------------------------------------------------------------------------

    async def _first_packets(self) -> list[tuple[int, bytes]]:
        """What the client sends first: at least one whole packet, perhaps more behind it."""
        async with asyncio.timeout(self._core.limits.connect_timeout_s):
            while True:
                chunk = await self._reader.read(READ_SIZE_BYTES)
                if not chunk:
                    raise ConnectionError("closed before CONNECT")
                packets = self._frames.feed(chunk)
                if packets:
                    return packets

    async def _converse(self, packets: list[tuple[int, bytes]]) -> None:
        """Answer packets until the client leaves. Raises Goodbye when it breaks a rule or falls silent."""
        while True:
            for first_byte, body in packets:
                if self._is_over or not self._answer(mqtt.decode(first_byte, body, self._level)):
                    return
            async with asyncio.timeout(self._core.limits.write_timeout_s):
                await self._writer.drain()
            try:
                async with asyncio.timeout(self._silence_limit_s):
                    chunk = await self._reader.read(READ_SIZE_BYTES)
            except TimeoutError:
                raise Goodbye(Reason.KEEP_ALIVE_TIMEOUT) from None
            if not chunk:
                return
            packets = self._frames.feed(chunk)

    def _answer(self, packet: mqtt.Packet) -> bool:
        """Do what one packet asks for; False when it was the client's goodbye."""
        match packet:
            case mqtt.Publish():
                self._take(packet)
            case mqtt.Puback(packet_id=packet_id):
                self.session.acknowledge(packet_id)
                self.wake()
            case mqtt.Subscribe():
                now_s = time.monotonic()
                codes = [self._core.subscribe(self.session, each, now_s) for each in packet.subscriptions]
                self._writer.write(mqtt.suback_bytes(packet.packet_id, self._level, codes))
                self.wake()
            case mqtt.Unsubscribe():
                reasons = [self._core.unsubscribe(self.session, each) for each in packet.topic_filters]
                self._writer.write(mqtt.unsuback_bytes(packet.packet_id, self._level, list(reasons)))
            case mqtt.Pingreq():
                self._writer.write(mqtt.pingresp_bytes())
            case mqtt.Disconnect():
                self._see_off(packet)
                return False
            case mqtt.Connect():
                raise Goodbye(Reason.PROTOCOL_ERROR)
        return True

    def _take(self, publish: mqtt.Publish) -> None:
        """Route a message and acknowledge it: by then it is in every queue it belongs to."""
        if publish.message.qos == 2:
            raise Goodbye(Reason.QOS_NOT_SUPPORTED)
        if Property.TOPIC_ALIAS in publish.message.properties:  # we announced that we take none
            raise Goodbye(Reason.TOPIC_ALIAS_INVALID)
        reason, receivers = self._core.publish(publish.message, self.session, time.monotonic())
        if reason == Reason.TOPIC_NAME_INVALID:
            raise Goodbye(reason)
        if publish.message.qos == 1:
            self._writer.write(mqtt.puback_bytes(publish.packet_id, self._level, reason))
        self._neighbours.wake(receivers)

    def _see_off(self, disconnect: mqtt.Disconnect) -> None:
        """A client's own goodbye cancels its will, unless it says otherwise, and may change the session's
        expiry.
        """
        if disconnect.reason != Reason.DISCONNECT_WITH_WILL:
            self._will = None
        expiry_s = disconnect.properties.get(Property.SESSION_EXPIRY_INTERVAL)
        if isinstance(expiry_s, int):
            if self._session_expiry_s == 0 and expiry_s != 0:  # MQTT 5, 3.14.2.2.2
                raise Goodbye(Reason.PROTOCOL_ERROR)
            self._session_expiry_s = None if expiry_s == NEVER_EXPIRES else expiry_s

    # -- the beginning and the end --------------------------------------------------------------------------

    def _welcome(self, first: tuple[int, bytes]) -> None:
        """Let the client in and tell it the conditions. Raises Goodbye after a refusal."""
        if first[0] >> 4 != mqtt.PacketType.CONNECT:
            raise MalformedPacket("the first packet is not CONNECT")
        try:
            decoded = mqtt.decode(*first, MQTT_5)
        except mqtt.UnsupportedVersion:
            self._refuse(mqtt.MQTT_311, Reason.UNSUPPORTED_PROTOCOL_VERSION)
        if not isinstance(decoded, Connect):
            raise MalformedPacket("the first packet is not CONNECT")
        connect = decoded
        self._level = connect.level
        user = self._core.login(connect.username, connect.password)
        if user is None:
            log.info("mqtt_login_refused", username=connect.username, client_id=connect.client_id)
            self._refuse(connect.level, Reason.BAD_USER_NAME_OR_PASSWORD)
        if not connect.client_id and connect.level < MQTT_5 and not connect.clean_start:
            self._refuse(connect.level, Reason.CLIENT_IDENTIFIER_NOT_VALID)
        if connect.will is not None and connect.will.qos == 2:
            self._refuse(connect.level, Reason.QOS_NOT_SUPPORTED)
        client_id = connect.client_id or f"auto-{secrets.token_hex(8)}"
        self._agree(connect)
        if not self._core.has_room_for(client_id):
            self._refuse(connect.level, Reason.QUOTA_EXCEEDED)
        self._neighbours.enter(self, client_id)
        session, was_there = self._core.open_session(client_id, user, clean_start=connect.clean_start)
        session.connected(self._number(connect, Property.RECEIVE_MAXIMUM) or NO_RECEIVE_MAXIMUM)
        self._session = session
        self._will = None if connect.will is None else mqtt.without_connection_properties(connect.will)
        conditions: dict[Property, PropertyValue] = {
            Property.MAXIMUM_QOS: 1,
            Property.MAXIMUM_PACKET_SIZE: self._core.limits.max_packet_size_bytes,
            Property.SHARED_SUBSCRIPTION_AVAILABLE: 0,
        }
        if not connect.client_id:
            conditions[Property.ASSIGNED_CLIENT_IDENTIFIER] = client_id
        answer = mqtt.connack_bytes(
            self._level, Reason.SUCCESS, session_present=was_there, properties=conditions
        )
        self._writer.write(answer)

    def _agree(self, connect: Connect) -> None:
        """Take over what the client asks for this connection."""
        if connect.keep_alive_s:
            self._silence_limit_s = connect.keep_alive_s * KEEP_ALIVE_TOLERANCE
        self._max_packet_size_bytes = self._number(connect, Property.MAXIMUM_PACKET_SIZE)
        if connect.level == MQTT_5:
            expiry_s = self._number(connect, Property.SESSION_EXPIRY_INTERVAL) or 0
            self._session_expiry_s = None if expiry_s == NEVER_EXPIRES else expiry_s
        elif not connect.clean_start:
            self._session_expiry_s = self._core.limits.default_session_expiry_s

    def _number(self, connect: Connect, name: Property) -> int | None:
        """A numeric property of the CONNECT."""
        value = connect.properties.get(name)
        return value if isinstance(value, int) else None

    def _refuse(self, level: int, reason: Reason) -> NoReturn:
        """Say no to a CONNECT."""
        self._writer.write(mqtt.connack_bytes(level, reason, session_present=False, properties={}))
        raise Goodbye(reason)

    def _leave(self, session: Session) -> None:
        """Settle the session and publish the last will."""
        now_s = time.monotonic()
        session.disconnected(None if self._session_expiry_s is None else now_s + self._session_expiry_s)
        if self._session_expiry_s == 0:
            self._core.close_session(session)
        self._neighbours.leave(self)
        if self._will is not None:
            _, receivers = self._core.publish(self._will, session, now_s)
            self._neighbours.wake(receivers)

    # -- sending -----------------------------------------------------------------------------------

    async def _send_waiting(self) -> None:
        """Send what waits for the client, as far as its window and its network take it, for ever."""
        while True:
            self._something_to_send.clear()
            chunk = bytearray()
            while (publish := self.session.next_to_send(time.monotonic())) is not None:
                encoded = mqtt.publish_bytes(publish, self._level)
                if self._max_packet_size_bytes is not None and len(encoded) > self._max_packet_size_bytes:
                    self.session.acknowledge(publish.packet_id)  # MQTT 5, 3.1.2.11.4: as if it had been sent
                    self.session.dropped += 1
                    continue
                chunk += encoded
                if len(chunk) >= SEND_SIZE_BYTES:
                    await self._send(chunk)
                    chunk = bytearray()
            if chunk:
                await self._send(chunk)
            await self._something_to_send.wait()

    async def _send(self, chunk: bytearray) -> None:
        """Write, and wait until the network has taken most of it."""
        self._writer.write(chunk)
        async with asyncio.timeout(self._core.limits.write_timeout_s):
            await self._writer.drain()

    def _sender_ended(self, sender: asyncio.Task[None]) -> None:
        """Nothing can be sent any more: end the receiving side as well."""
        if sender.cancelled():
            return
        error = sender.exception()
        if not isinstance(error, ConnectionError | TimeoutError):
            log.error("mqtt_sender_failed", error=repr(error))
        self._writer.transport.abort()
