"""AWS IoT Core as a source of deliveries: MQTT 5 with mutual TLS, over AWS's own SDK.

As with Mosquitto: QoS 1, a fixed client id and a session that outlives the connection; a message is
acknowledged after its commit, and what was not acknowledged comes again. AWS delivers at most 100 messages
that we have not acknowledged and then waits, which is the back-pressure. It differs in what it does not tell:
there is no DUP flag, so the first messages on a session that goes on all count as "perhaps sent before".
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import structlog

from solarrally.brokers import reasons
from solarrally.brokers.aws_iot_endpoint import AwsIotEndpoint, ClientIdentity
from solarrally.brokers.aws_iot_limits import (
    MAX_FILTERS_PER_CONNECTION,
    MAX_UNACKNOWLEDGED,
    aws_backoff,
    check_filters,
    shared,
)
from solarrally.brokers.backoff import Backoff
from solarrally.brokers.crt_connection import CrtConnection, CrtOptions
from solarrally.brokers.elements import ProtocolError
from solarrally.brokers.inbox import Inbox
from solarrally.brokers.listening import ListeningBroker
from solarrally.brokers.receiver import ConnectionLost
from solarrally.ingest.ports import Delivery

log = structlog.get_logger()

MAX_WAITING = 20_000
MAX_WAITING_BYTES = 256 * 1024 * 1024
_SOON = datetime.min.replace(tzinfo=UTC)
"""In place of the instant of receipt, until the inbox gives one."""


class AwsIotBroker(ListeningBroker):
    """`ingest.ports.Broker` over one MQTT 5 connection to AWS IoT Core. Use `connection()` around it: it
    connects, and reconnects with jitter.
    """

    def __init__(
        self,
        endpoint: AwsIotEndpoint,
        identity: ClientIdentity,
        *,
        client_id: str,
        topic_filters: Iterable[str],
        now: Callable[[], datetime],
        shared_group: str | None = None,
        receive_maximum: int = MAX_UNACKNOWLEDGED,
        session_expiry_s: int = 3600,
        keepalive_s: int = 30,
        max_waiting: int = MAX_WAITING,
        max_waiting_bytes: int = MAX_WAITING_BYTES,
        backoff: Backoff | None = None,
    ) -> None:
        """`shared_group`: subscribe as a member of it (`$share/<group>/…`). A larger `receive_maximum` than
        AWS grants is brought down to that. Raises `ValueError` for filters beyond AWS's limits.
        """
        super().__init__(
            broker=endpoint,
            client_id=client_id,
            tls=identity,
            backoff=backoff or aws_backoff(),
            topic_filters=topic_filters,
            session_expiry_s=session_expiry_s,
            now=now,
        )
        check_filters(self._topic_filters)
        shared("", shared_group)
        self._shared_group = shared_group
        self._heard: set[str] = set()
        """The further filters of this connection that were asked for."""
        self._window = min(receive_maximum, MAX_UNACKNOWLEDGED)
        self._options = CrtOptions(
            host=endpoint.host,
            port=endpoint.port,
            client_id=client_id,
            cert_file=identity.cert_file,
            key_file=identity.key_file,
            ca_file=identity.ca_file,
            keepalive_s=keepalive_s,
            session_expiry_s=session_expiry_s,
            receive_maximum=self._window,
        )
        self._inbox = Inbox(max_count=max_waiting, max_bytes=max_waiting_bytes, now=now)
        self._crt: CrtConnection | None = None
        self._incoming: _Incoming | None = None

    @property
    def waiting(self) -> int:
        """Deliveries received and not yet taken."""
        return self._inbox.count

    @property
    def received_messages(self) -> int:
        return self._inbox.received_messages

    @property
    def received_bytes(self) -> int:
        """Of topics and payloads: the rest stays inside the SDK."""
        return self._inbox.received_bytes

    @property
    def messages_dropped(self) -> int:
        """Of QoS 0, received while nobody could store them and no room was left."""
        return self._inbox.dropped_messages

    @property
    def last_heard_at(self) -> datetime | None:
        """When the last message came."""
        return self._inbox.last_heard_at

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AwsIotBroker]:
        """Keep connected for the length of the block. Raises `SettingsError` for unusable TLS files."""
        self.check_certificates()
        self._inbox.open()
        async with self._kept_connected("aws-iot") as task:
            task.add_done_callback(self._note_failure)
            try:
                yield self
            finally:
                self._inbox.shut()  # left to the broker: nobody here will acknowledge it

    async def hear(self, topic_filters: Collection[str]) -> None:
        wanted = [one for one in topic_filters if one not in self._topic_filters]
        self._further_filters = self._as_many_as_fit(wanted)
        if self._crt is not None:
            with suppress(ConnectionLost, ProtocolError):  # whoever keeps us connected deals with it
                await self._adjust(self._crt)

    async def next_batch(self, limit: int, timeout_s: float) -> list[Delivery]:
        if not await self._inbox.wait(timeout_s):
            return []
        if self._failure is not None:
            raise self._failure
        return self._inbox.take(limit)

    async def acknowledge(self, deliveries: Iterable[Delivery]) -> None:
        incoming, connection = self._incoming, self._connection
        if incoming is None or incoming.crt is None:
            return
        for delivery in deliveries:
            if delivery.connection == connection and delivery.qos:
                handle = incoming.handles.pop(delivery.packet_id, None)
                if handle is not None:
                    incoming.crt.acknowledge(handle)

    async def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Send each `(topic, payload)` with QoS 0. What cannot be sent now is dropped and counted."""
        crt = self._crt
        if crt is None:
            self.publishes_dropped += len(messages)
            return
        self.publishes_dropped += crt.send(messages, self._note_dropped)

    # -- staying connected -----------------------------------------------------------------------

    async def _listen_until_lost(self) -> None:
        incoming = _Incoming(self._inbox, connection=self._connection, window=self._window)
        crt = CrtConnection(self._options, incoming.hear)
        incoming.crt = crt
        self._incoming = incoming  # before `open` returns: what waited comes right behind the CONNACK
        try:
            negotiated = await crt.open()
            self._crt = crt
            await self._subscribe(crt)
            self._heard.clear()
            await self._adjust_or_do_without(crt)
            with self._listening(
                session_present=negotiated.rejoined_session,
                session_expiry_s=negotiated.session_expiry_interval_sec,
            ):
                await crt.wait_lost()
        finally:
            self._crt = self._incoming = None
            # What came and was not taken yet stays: it is delivered again, and then it is a repetition.
            await crt.close()

    async def _subscribe(self, crt: CrtConnection) -> None:
        for topic_filter, code in await crt.subscribe(self._shared(self._topic_filters)):
            self._check_granted(
                topic_filter,
                code,
                reasons.in_words(code),
                hint="does the policy of our certificate allow iot:Subscribe to it?",
            )

    async def _adjust_or_do_without(self, crt: CrtConnection) -> None:
        """AWS may answer a subscription that the policy does not allow with the end of the connection: asked
        for again on the next one, it would end that, too, and nobody would be heard.
        """
        try:
            await self._adjust(crt)
        except ConnectionLost as error:
            if error.code == reasons.NOT_AUTHORISED:
                log.error(
                    "stations_unheard",
                    not_subscribed=self._further_filters,
                    hint="does the policy of our certificate allow iot:Subscribe to these? Without such "
                    "devices set SOLARRALLY_DIALECTS=none",
                )
                self._further_filters = []
            raise

    async def _adjust(self, crt: CrtConnection) -> None:
        """Subscribe to what is wanted further, and no longer to what was."""
        async with self._subscribing:
            wanted = set(self._further_filters)
            gone, new = sorted(self._heard - wanted), sorted(wanted - self._heard)
            self._heard = wanted
            if gone:
                await crt.unsubscribe(self._shared(gone))
            for topic_filter, code in await crt.subscribe(self._shared(new)):
                if code >= reasons.FIRST_FAILURE:
                    words = reasons.in_words(code)
                    log.warning("subscription_refused", topic_filter=topic_filter, reason=words)

    def _as_many_as_fit(self, topic_filters: list[str]) -> list[str]:
        """AWS ends a connection that asks for more: what it may ask for is heard, and the rest is said."""
        fitting = topic_filters[: MAX_FILTERS_PER_CONNECTION - len(self._topic_filters)]
        for topic_filter in list(fitting):
            try:
                check_filters([topic_filter])
            except ValueError as error:
                log.error("subscription_impossible", error=str(error))
                fitting.remove(topic_filter)
        if len(fitting) < len(topic_filters):
            log.error(
                "stations_unheard",
                not_subscribed=sorted(set(topic_filters) - set(fitting)),
                hint=f"AWS IoT Core takes {MAX_FILTERS_PER_CONNECTION} topic filters on one connection: give "
                "their base topics a common first level",
            )
        return fitting

    def _shared(self, topic_filters: Iterable[str]) -> list[str]:
        return [shared(each, self._shared_group) for each in topic_filters]

    def _note_dropped(self, _error: object) -> None:
        self.publishes_dropped += 1

    def _wake(self) -> None:
        self._inbox.wake()


class _Incoming:
    """What one connection brings: deliveries, and the handles that acknowledge them."""

    def __init__(self, inbox: Inbox, *, connection: int, window: int) -> None:
        self.handles: dict[int, Any] = {}
        self.crt: CrtConnection | None = None
        self._inbox = inbox
        self._connection = connection
        self._window = window
        self._count = 0

    def hear(self, data: Any) -> None:
        """Called on the SDK's thread: take control of the acknowledgement, and hand over."""
        packet, packet_id = data.publish_packet, 0
        if data.acquire_publish_acknowledgement_control is not None:
            self._count = packet_id = self._count + 1
            self.handles[packet_id] = data.acquire_publish_acknowledgement_control()
        self._inbox.put(
            Delivery(
                topic=packet.topic,
                payload=packet.payload or b"",
                qos=1 if packet_id else 0,
                retained=bool(packet.retain),
                redelivered=self._is_perhaps_repeated(packet_id),
                received_at=_SOON,
                packet_id=packet_id,
                connection=self._connection,
            )
        )

    def _is_perhaps_repeated(self, packet_id: int) -> bool:
        """What was not acknowledged on the last connection comes first on this one, and it is at most a
        window. AWS does not mark it ("The MQTT DUP flag is not supported", developer guide, MQTT), nor would
        the SDK say so. To count a first delivery among them costs little: a reading without a time of its own
        is dropped if the very same one was stored within the last hours.
        """
        return self.crt is not None and self.crt.rejoined_session and 0 < packet_id <= self._window
