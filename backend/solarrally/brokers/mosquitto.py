"""Mosquitto, or any MQTT 5 broker, as a source of deliveries.

QoS 1, a fixed client id and a session that outlives the connection: what we have not acknowledged, the broker
delivers again, in order. At most `receive_maximum` messages are unacknowledged at a time, which bounds a
batch, our memory, and what is delivered twice after a crash.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from itertools import islice

import aiomqtt
import structlog
from paho.mqtt.client import MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from solarrally.brokers.acking_client import AckingClient
from solarrally.brokers.address import BrokerAddress
from solarrally.ingest.ports import Delivery

log = structlog.get_logger()

CONNECT_TIMEOUT_S = 10.0
RETRY_FIRST_S = 0.2
RETRY_LONGEST_S = 15.0


class MosquittoBroker:
    """`ingest.ports.Broker` over aiomqtt. Use `connection()` around it: it connects, and reconnects with
    jitter.
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
    ) -> None:
        self.reconnects = 0
        self._address = address
        self._client_id = client_id
        self._topic_filters = list(topic_filters)
        self._now = now
        self._receive_maximum = receive_maximum
        self._session_expiry_s = session_expiry_s
        self._keepalive_s = keepalive_s
        self._arrived: deque[Delivery] = deque()
        self._something_arrived = asyncio.Event()
        self._client: AckingClient | None = None
        self._connection = 0
        self._listening_since: datetime | None = None

    @property
    def listening_since(self) -> datetime | None:
        return self._listening_since

    @property
    def waiting(self) -> int:
        """Deliveries received and not yet taken."""
        return len(self._arrived)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[MosquittoBroker]:
        """Keep connected for the length of the block."""
        task = asyncio.create_task(self._stay_connected(), name="mqtt")
        try:
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def next_batch(self, limit: int, timeout_s: float) -> list[Delivery]:
        if not self._arrived:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._something_arrived.wait()
            except TimeoutError:
                return []
        batch = list(islice(self._arrived, limit))
        for _ in batch:
            self._arrived.popleft()
        if not self._arrived:
            self._something_arrived.clear()
        return batch

    async def acknowledge(self, deliveries: Iterable[Delivery]) -> None:
        client = self._client
        if client is None:
            return
        for delivery in deliveries:
            if delivery.qos and delivery.connection == self._connection:
                client.puback(delivery.packet_id, delivery.qos)

    async def _stay_connected(self) -> None:
        pause_s = RETRY_FIRST_S
        while True:
            try:
                async with self._client_for_connection() as client:
                    pause_s = RETRY_FIRST_S
                    async for _ in client.messages:
                        raise AssertionError("messages go to on_arrival")
            except (aiomqtt.MqttError, OSError, TimeoutError) as error:
                wait_s = pause_s * random.uniform(0.5, 1.0)
                log.warning(
                    "broker_unavailable",
                    broker=str(self._address),
                    error=_cause(error),
                    retry_in_s=round(wait_s, 2),
                )
                pause_s = min(pause_s * 2, RETRY_LONGEST_S)
                await asyncio.sleep(wait_s)
                self.reconnects += 1

    @asynccontextmanager
    async def _client_for_connection(self) -> AsyncIterator[AckingClient]:
        address = self._address
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = self._session_expiry_s
        properties.ReceiveMaximum = self._receive_maximum
        self._connection += 1
        # What came by the last connection and was not taken will be delivered again by this one.
        self._arrived.clear()
        self._something_arrived.clear()
        client = AckingClient(
            address.host,
            address.port,
            username=address.username,
            password=address.password,
            identifier=self._client_id,
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=False,
            properties=properties,
            keepalive=self._keepalive_s,
            timeout=CONNECT_TIMEOUT_S,
            tls_context=ssl.create_default_context() if address.tls else None,
            on_arrival=self._take,
        )
        async with client:
            self._client = client
            try:
                # One subscription a packet: with several, some brokers deliver retained messages twice.
                for topic_filter in self._topic_filters:
                    await client.subscribe(topic_filter, qos=1, timeout=CONNECT_TIMEOUT_S)
                self._listening_since = self._now()
                log.info("broker_connected", broker=str(address), client_id=self._client_id)
                yield client
            finally:
                self._client = None
                self._listening_since = None

    def _take(self, topic: str, message: MQTTMessage) -> None:
        self._arrived.append(
            Delivery(
                topic=topic,
                payload=bytes(message.payload),
                qos=message.qos,
                retained=message.retain,
                redelivered=message.dup,
                received_at=self._now(),
                packet_id=message.mid,
                connection=self._connection,
            )
        )
        self._something_arrived.set()


def _cause(error: BaseException) -> str:
    """The reason as the broker or the system gave it: aiomqtt may say no more than 'Operation timed out'."""
    cause = error.__cause__ or error.__context__
    return f"{error}" if cause is None else f"{error} ({type(cause).__name__}: {cause})"
