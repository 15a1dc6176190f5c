"""A simulated device's connection: the firmware's client id, will, subscriptions and QoS.

What is published while it is down is lost, as the firmwares lose it. Unlike `wire.Publisher` it can be cut
without a DISCONNECT, which makes the broker publish the will. paho's own client, in its own thread:
everything it calls back comes into the event loop.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from solarrally_sim.broker_address import BrokerAddress
from solarrally_sim.vendors.device import Device
from solarrally_sim.vendors.outgoing import Outgoing
from solarrally_sim.wire import SUBSCRIPTION_REFUSED, BrokerUnreachableError

TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A message for the device."""

    topic: str
    payload: bytes
    retained: bool


class Connection:
    """One connection at a time. `lost` is set when it is down without `close` or `cut`."""

    def __init__(
        self,
        address: BrokerAddress,
        device: Device,
        *,
        tls: ssl.SSLContext | None,
        on_heard: Callable[[Heard], None],
    ) -> None:
        self._address = address
        self._device = device
        self._tls = tls
        self._on_heard = on_heard
        self._loop = asyncio.get_running_loop()
        self._client: paho.Client | None = None
        self._welcome: asyncio.Future[str | None] = self._loop.create_future()
        self._granted: asyncio.Future[list[int]] = self._loop.create_future()
        self._gone = asyncio.Event()
        self._unheard = asyncio.Event()
        self.lost = asyncio.Event()
        self.published = 0
        self.dropped = 0

    @property
    def is_up(self) -> bool:
        """Whether there is a connection."""
        return self._client is not None and not self.lost.is_set()

    async def open(self) -> None:
        """Connect. Raises `BrokerUnreachableError`."""
        self._welcome, self._granted = self._loop.create_future(), self._loop.create_future()
        self._gone, self._unheard, self.lost = asyncio.Event(), asyncio.Event(), asyncio.Event()
        client = self._new_client()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await asyncio.to_thread(
                    client.connect, self._address.host, self._address.port, self._device.keepalive_s
                )
                client.loop_start()
                refusal = await self._welcome
                if refusal is not None:
                    raise BrokerUnreachableError(self._address, refusal)
        except BaseException as error:
            client.on_disconnect = None
            _shut(client)
            await asyncio.to_thread(client.loop_stop)
            if isinstance(error, OSError | ValueError):  # a TimeoutError is an OSError
                reason = str(error) or f"no answer within {TIMEOUT_S:g} s"
                raise BrokerUnreachableError(self._address, reason) from error
            raise
        self._client = client
        if self._gone.is_set():
            self.lost.set()

    async def listen(self) -> bool:
        """Subscribe, after what the firmware says first; whether everything was granted."""
        filters = [(each.topic_filter, each.qos) for each in self._device.subscriptions]
        if self._client is None or not filters:
            return True
        self._client.subscribe(filters)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TIMEOUT_S):
                return SUBSCRIPTION_REFUSED not in await self._granted
        return False

    def publish(self, outgoing: Outgoing) -> None:
        """Hand it over; lost, and counted, while there is no connection."""
        if self._client is None or self.lost.is_set():
            self.dropped += 1
            return
        self._client.publish(outgoing.topic, outgoing.payload, outgoing.qos, outgoing.retain)
        self.published += 1

    async def flush(self) -> None:
        """Wait until the broker has everything; at most `TIMEOUT_S`. Nothing is heard from then on.

        A broker answers in order: its UNSUBACK says that it has read all before it, QoS 0 too. And what it
        still sends to a closed socket would make the operating system throw away what it has not read.
        """
        filters = [each.topic_filter for each in self._device.subscriptions]
        if not self.is_up or self._client is None or not filters:
            return
        self._client.unsubscribe(filters)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TIMEOUT_S):
                await self._unheard.wait()

    async def close(self) -> None:
        """Send a DISCONNECT after everything else: no will."""
        await self._end(lambda client: client.disconnect())

    async def cut(self) -> None:
        """Close the socket: to the broker the device has vanished."""
        await self._end(_shut)

    async def _end(self, by: Callable[[paho.Client], object]) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        by(client)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TIMEOUT_S):
                await self._gone.wait()
        await asyncio.to_thread(client.loop_stop)

    def _new_client(self) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=self._device.client_id, reconnect_on_failure=False
        )
        client.connect_timeout = TIMEOUT_S
        if self._address.username is not None:
            client.username_pw_set(self._address.username, self._address.password)
        if self._tls is not None:
            client.tls_set_context(self._tls)
        will = self._device.will
        if will is not None:
            client.will_set(will.topic, will.payload, will.qos, will.retain)
        client.on_connect = self._told_connect
        client.on_subscribe = self._told_subscribe
        client.on_unsubscribe = self._told_unsubscribe
        client.on_message = self._told_message
        client.on_disconnect = self._told_disconnect
        return client

    # paho's thread from here on

    def _told_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._soon(_settle, self._welcome, str(reason) if reason.is_failure else None)

    def _told_subscribe(self, _client: Any, _data: Any, _mid: Any, reasons: Any, _properties: Any) -> None:
        self._soon(_settle, self._granted, [reason.value for reason in reasons])

    def _told_unsubscribe(self, _client: Any, _data: Any, _mid: Any, _reasons: Any, _properties: Any) -> None:
        self._soon(self._unheard.set)

    def _told_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        heard = Heard(topic=message.topic, payload=bytes(message.payload), retained=message.retain)
        self._soon(self._on_heard, heard)

    def _told_disconnect(self, client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._soon(self._notice_end, client, str(reason))

    def _soon(self, call: Callable[..., object], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(call, *arguments)

    def _notice_end(self, client: paho.Client, reason: str) -> None:
        self._gone.set()
        self._unheard.set()
        _settle(self._welcome, reason)
        _settle(self._granted, [])
        if client is self._client:
            self.lost.set()


def _settle(future: asyncio.Future[Any], result: object) -> None:
    if not future.done():
        future.set_result(result)


def _shut(client: paho.Client) -> None:
    connection = client.socket()
    if isinstance(connection, socket.socket):
        with contextlib.suppress(OSError):  # closed by the broker already
            connection.shutdown(socket.SHUT_RDWR)
