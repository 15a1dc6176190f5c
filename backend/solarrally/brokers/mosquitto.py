"""Mosquitto, or any MQTT 5 broker, as a source of deliveries: connected, and connected again.

QoS 1, a fixed client id and a session that outlives the connection: what we have not acknowledged, the broker
delivers again, in order. At most `receive_maximum` messages are unacknowledged at a time, which bounds a
batch, our memory, and what is delivered twice after a crash. Mosquitto 2.0.11 does not keep to it while it is
acknowledged in bursts: beyond a bound of our own we stop reading.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from itertools import count
from pathlib import Path

import structlog

from solarrally.brokers import reasons
from solarrally.brokers.address import BrokerAddress
from solarrally.brokers.arrivals import Arrivals
from solarrally.brokers.backoff import Backoff
from solarrally.brokers.elements import ProtocolError
from solarrally.brokers.listening import ListeningBroker
from solarrally.brokers.packets import Introduction, puback_packets, publish_packet
from solarrally.brokers.receipts import Receipts
from solarrally.brokers.receiver import ConnectionLost, Receiver
from solarrally.brokers.tls_files import TlsFiles, end_of_shown
from solarrally.ingest.ports import Delivery

log = structlog.get_logger()

CONNECT_TIMEOUT_S = 10.0
MAX_PACKET_BYTES = 64 * 1024 * 1024
"""The broker is told to discard what is larger: nothing that a station says is."""
MAX_WAITING_BYTES = 256 * 1024 * 1024
GATHER_S = 0.002
"""While nobody has time for what was received already, we read only so often. Mosquitto writes message by
message: to wake up for every two or three of them cost more than to decode them (7.5 against 2.8 us of CPU).
"""
UNSENT_BYTES_MAX = 4 * 1024 * 1024
"""A broker that leaves so much of ours unread gets no further QoS 0 messages."""


class MosquittoBroker(ListeningBroker):
    """`ingest.ports.Broker` over our own MQTT 5 receiver. Use `connection()` around it: it connects, and
    reconnects with jitter.
    """

    def __init__(
        self,
        address: BrokerAddress,
        *,
        client_id: str,
        topic_filters: Iterable[str],
        now: Callable[[], datetime],
        receive_maximum: int = 1000,
        session_expiry_s: int = 7 * 86400,
        keepalive_s: int = 30,
        ca_file: Path | None = None,
        cert_file: Path | None = None,
        key_file: Path | None = None,
        max_waiting: int | None = None,
        max_waiting_bytes: int = MAX_WAITING_BYTES,
        backoff: Backoff | None = None,
    ) -> None:
        """`ca_file` replaces the system's authorities; `cert_file` with `key_file` is our own certificate."""
        super().__init__(
            broker=address,
            client_id=client_id,
            tls=TlsFiles(ca_file=ca_file, cert_file=cert_file, key_file=key_file) if address.tls else None,
            backoff=backoff or Backoff(),
            topic_filters=topic_filters,
            session_expiry_s=session_expiry_s,
            now=now,
        )
        self.received_messages = 0
        self.received_bytes = 0
        """All that came off the wire."""
        self.messages_dropped = 0
        """Never any: what there is no room for is not read."""
        self.last_heard_at: datetime | None = None
        """When the broker last sent anything at all."""
        self._address = address
        self._introduction = Introduction(
            client_id=client_id,
            username=address.username,
            password=address.password,
            keepalive_s=keepalive_s,
            session_expiry_s=session_expiry_s,
            receive_maximum=receive_maximum,
            max_packet_bytes=MAX_PACKET_BYTES,
        )
        self._heard: dict[str, None] = {}
        """The further filters of this connection that were asked for."""
        self._packet_ids = count(1)
        self._receipts = Receipts(now)
        self._arrivals = Arrivals(
            max_count=max_waiting or max(4 * receive_maximum, 20_000), max_bytes=max_waiting_bytes
        )
        self._something_arrived = asyncio.Event()
        self._receiver: Receiver | None = None

    @property
    def waiting(self) -> int:
        """Deliveries received and not yet taken."""
        return self._arrivals.count

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[MosquittoBroker]:
        """Keep connected for the length of the block. Raises `SettingsError` for unusable TLS files."""
        self.check_certificates()
        try:
            async with self._kept_connected("mqtt") as task:
                task.add_done_callback(self._note_failure)
                yield self
        finally:
            self._arrivals.clear()  # left to the broker: nobody here will acknowledge it
            self._something_arrived.clear()

    async def hear(self, topic_filters: Collection[str]) -> None:
        self._further_filters = [one for one in topic_filters if one not in self._topic_filters]
        if self._receiver is not None:
            with suppress(ConnectionLost, ProtocolError):  # whoever keeps us connected deals with it
                await self._adjust(self._receiver)

    async def next_batch(self, limit: int, timeout_s: float) -> list[Delivery]:
        if self._arrivals.count and self._receiver is not None:
            await self._receiver.catch_up()
        if not self._arrivals.count:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._something_arrived.wait()
            except TimeoutError:
                return []
        if self._failure is not None:
            raise self._failure
        batch = self._arrivals.take(limit)
        if not self._arrivals.count:
            self._something_arrived.clear()
        if self._receiver is not None and self._arrivals.has_room:
            self._receiver.resume()
        return batch

    async def acknowledge(self, deliveries: Iterable[Delivery]) -> None:
        receiver, connection = self._receiver, self._connection
        if receiver is None:
            return
        packet_ids = [each.packet_id for each in deliveries if each.connection == connection and each.qos]
        if packet_ids:
            receiver.send(puback_packets(packet_ids))  # if it is gone, the next one brings them again

    async def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Send each `(topic, payload)` with QoS 0. What cannot be sent now is dropped and counted."""
        receiver = self._receiver
        if receiver is None or receiver.unsent_bytes > UNSENT_BYTES_MAX:
            self.publishes_dropped += len(messages)
            return
        sent = []
        for topic, payload in messages:
            try:
                packet = publish_packet(topic, payload)
            except ValueError as error:
                log.warning("publish_refused", error=str(error))
                self.publishes_dropped += 1
                continue
            if len(packet) > receiver.max_packet_bytes:
                self.publishes_dropped += 1
                continue
            sent.append(packet)
        if sent and not receiver.send(b"".join(sent)):
            self.publishes_dropped += len(sent)

    # -- staying connected -----------------------------------------------------------------------

    async def _listen_until_lost(self) -> None:
        receiver = await self._connect()
        try:
            connack = await receiver.introduce()
            self._heard.clear()
            self._packet_ids = count(1)
            self._receiver = receiver
            await self._subscribe(receiver)
            await self._adjust(receiver)
            with self._listening(
                session_present=connack.session_present,
                session_expiry_s=connack.session_expiry_s,
                server_ends_at=end_of_shown(receiver.server_certificate),
            ):
                await receiver.wait_lost()
        finally:
            self._receiver = None
            # What came and was not taken yet stays: a broker that was killed may not have it any more. A
            # living one delivers it again, and then it is a repetition.
            await receiver.leave()

    async def _connect(self) -> Receiver:
        address = self._address
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                _, receiver = await asyncio.get_running_loop().create_connection(
                    lambda: Receiver(
                        self._introduction,
                        connection=self._connection,
                        on_data=self._note_data,
                        on_deliveries=self._take,
                    ),
                    address.host,
                    address.port,
                    ssl=None if self._tls is None else self._tls.context(),
                )
        except TimeoutError as error:
            raise ConnectionLost(f"no connection within {CONNECT_TIMEOUT_S:.0f} s") from error
        return receiver

    async def _subscribe(self, receiver: Receiver) -> None:
        """One filter a packet: with several, some brokers deliver retained messages twice."""
        for topic_filter in self._topic_filters:
            answer = await receiver.subscribe(next(self._packet_ids), topic_filter)
            [code] = answer.codes
            self._check_granted(topic_filter, code, reasons.in_words(code, answer.reason_string))

    async def _adjust(self, receiver: Receiver) -> None:
        """Subscribe to what is wanted further, and no longer to what was. A session keeps its subscriptions:
        one that was dropped while we were away stays until the registry names it again.
        """
        async with self._subscribing:
            wanted = self._further_filters
            for topic_filter in [one for one in self._heard if one not in wanted]:
                del self._heard[topic_filter]
                await receiver.unsubscribe(next(self._packet_ids), topic_filter)
            for topic_filter in [one for one in wanted if one not in self._heard]:
                self._heard[topic_filter] = None
                answer = await receiver.subscribe(next(self._packet_ids), topic_filter)
                if answer.codes[0] >= reasons.FIRST_FAILURE:
                    words = reasons.in_words(answer.codes[0], answer.reason_string)
                    log.warning("subscription_refused", topic_filter=topic_filter, reason=words)

    def _note_data(self, size_bytes: int) -> datetime:
        self.received_bytes += size_bytes
        self.last_heard_at = receipt = self._receipts.next()
        return receipt

    def _take(self, deliveries: list[Delivery], size_bytes: int) -> None:
        self._receipts.used(deliveries[-1].received_at)
        self.received_messages += len(deliveries)
        is_busy = self._arrivals.count > 0
        self._arrivals.put(deliveries, size_bytes)
        self._something_arrived.set()
        if self._receiver is not None:
            if self._arrivals.is_full:
                self._receiver.pause()
            elif is_busy:
                self._receiver.pause(GATHER_S)

    def _wake(self) -> None:
        self._something_arrived.set()
