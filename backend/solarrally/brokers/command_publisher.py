"""The connection that commands leave by: MQTT 5, QoS 1, with an expiry that the broker keeps to.

A connection of its own, beside the one that everything arrives by: commands are rare, and aiomqtt does for
them (docs/decisions/0011).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt
import structlog
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from solarrally.brokers.address import BrokerAddress
from solarrally.brokers.backoff import Backoff
from solarrally.brokers.receiver import ConnectionLost
from solarrally.brokers.staying_connected import StayingConnected
from solarrally.brokers.tls_files import TlsFiles

log = structlog.get_logger()

CONNECT_TIMEOUT_S = 10.0
PUBACK_TIMEOUT_S = 5.0
MOST_IN_FLIGHT = 200


class MqttCommandPublisher(StayingConnected):
    """`ingest.ports.CommandPublisher`. Nothing is kept over a reconnection: what was not acknowledged is
    still in the outbox.
    """

    def __init__(
        self,
        address: BrokerAddress,
        *,
        client_id: str,
        keepalive_s: int = 30,
        ca_file: Path | None = None,
        cert_file: Path | None = None,
        key_file: Path | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        super().__init__(
            broker=address,
            client_id=client_id,
            tls=TlsFiles(ca_file=ca_file, cert_file=cert_file, key_file=key_file) if address.tls else None,
            backoff=backoff or Backoff(),
            when_lost="command_broker_unavailable",
        )
        self._address = address
        self._keepalive_s = keepalive_s
        self._client: aiomqtt.Client | None = None
        self._lost = asyncio.Event()

    @property
    def is_connected(self) -> bool:
        return self._client is not None

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[MqttCommandPublisher]:
        """Keep connected for the length of the block."""
        async with self._kept_connected("mqtt-commands"):
            yield self

    async def publish(self, topic: str, payload: bytes, *, expires_in_s: int) -> bool:
        client = self._client
        if client is None:
            return False
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.MessageExpiryInterval = expires_in_s
        try:
            await client.publish(topic, payload, qos=1, properties=properties, timeout=PUBACK_TIMEOUT_S)
        except aiomqtt.MqttError as error:
            log.warning("command_not_taken", topic=topic, error=str(error))
            self._lost.set()  # paho would send it again by itself, when it may have expired
            return False
        return True

    async def _until_lost(self) -> None:
        try:
            await self._serve_until_lost()
        except aiomqtt.MqttError as error:
            raise ConnectionLost(str(error) or type(error).__name__) from error
        raise ConnectionLost("a command was not acknowledged")

    async def _serve_until_lost(self) -> None:
        """Returns when a command was not acknowledged; raises when the connection is lost otherwise."""
        self._lost.clear()
        async with self._new_client() as client:
            log.info("command_broker_connected", broker=self._broker, client_id=self._client_id)
            self._client = client
            listening = asyncio.create_task(self._listen(client))
            lost = asyncio.create_task(self._lost.wait())
            try:
                done, _ = await asyncio.wait({listening, lost}, return_when=asyncio.FIRST_COMPLETED)
                if listening in done:
                    listening.result()
            finally:
                self._client = None
                listening.cancel()
                lost.cancel()
                await asyncio.gather(listening, lost, return_exceptions=True)

    async def _listen(self, client: aiomqtt.Client) -> None:
        """Nothing arrives, as nothing is subscribed to; raises when the connection is lost."""
        async for _ in client.messages:
            continue

    def _new_client(self) -> aiomqtt.Client:
        connect = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        connect.SessionExpiryInterval = 0
        client = aiomqtt.Client(
            self._address.host,
            self._address.port,
            username=self._address.username,
            password=self._address.password,
            identifier=self._client_id,
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=True,
            properties=connect,
            tls_context=None if self._tls is None else self._tls.context(),
            timeout=CONNECT_TIMEOUT_S,
            keepalive=self._keepalive_s,
            max_inflight_messages=MOST_IN_FLIGHT,
            logger=_quiet_logger(),
        )
        client.pending_calls_threshold = MOST_IN_FLIGHT
        return client


def _quiet_logger() -> logging.Logger:
    """aiomqtt and paho say themselves what we say in our own words."""
    logger = logging.getLogger("solarrally.mqtt.commands")
    logger.setLevel(logging.CRITICAL)
    return logger
