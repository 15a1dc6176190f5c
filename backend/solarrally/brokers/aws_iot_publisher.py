"""The connection to AWS IoT Core that commands leave by: MQTT 5, QoS 1, with an expiry that AWS keeps to.

A connection of its own, beside the one that everything arrives by: AWS's limits count per connection (100
messages a second in each direction), so a burst of acknowledgements to devices does not delay a command. And
who reads a Kinesis stream, and has no other connection to AWS IoT Core, uses the same class.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog

from solarrally.brokers import reasons
from solarrally.brokers.aws_iot_endpoint import AwsIotEndpoint, ClientIdentity
from solarrally.brokers.aws_iot_limits import MAX_MESSAGE_EXPIRY_S, aws_backoff, check_message
from solarrally.brokers.backoff import Backoff
from solarrally.brokers.crt_connection import CrtConnection, CrtOptions
from solarrally.brokers.elements import ProtocolError
from solarrally.brokers.receiver import ConnectionLost
from solarrally.brokers.staying_connected import StayingConnected

log = structlog.get_logger()

PUBACK_TIMEOUT_S = 5.0


class AwsIotPublisher(StayingConnected):
    """`ingest.ports.CommandPublisher`, and a way out for messages of QoS 0. Nothing is kept over a
    reconnection: what was not acknowledged is still in the outbox.
    """

    def __init__(
        self,
        endpoint: AwsIotEndpoint,
        identity: ClientIdentity,
        *,
        client_id: str,
        keepalive_s: int = 30,
        backoff: Backoff | None = None,
    ) -> None:
        """`client_id` must not be that of the broker's connection: AWS would end one for the other."""
        super().__init__(
            broker=endpoint,
            client_id=client_id,
            tls=identity,
            backoff=backoff or aws_backoff(),
            when_lost="command_broker_unavailable",
        )
        self.publishes_dropped = 0
        """Messages of QoS 0 that could not leave."""
        self.puback_codes: Counter[int] = Counter()
        """How often each reason code was the answer: 0 taken, 16 taken and nobody listens, from 128 on
        refused.
        """
        self._identity = identity
        self._options = CrtOptions(
            host=endpoint.host,
            port=endpoint.port,
            client_id=client_id,
            cert_file=identity.cert_file,
            key_file=identity.key_file,
            ca_file=identity.ca_file,
            keepalive_s=keepalive_s,
            session_expiry_s=0,
        )
        self._crt: CrtConnection | None = None

    @property
    def is_connected(self) -> bool:
        return self._crt is not None

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AwsIotPublisher]:
        """Keep connected for the length of the block."""
        async with self._kept_connected("aws-iot-commands"):
            yield self

    async def publish(self, topic: str, payload: bytes, *, expires_in_s: int) -> bool:
        crt = self._crt
        if crt is None:
            return False
        try:
            check_message(topic, payload)
        except ValueError as error:
            log.error("command_impossible", error=str(error))
            return False
        expires_in_s = min(expires_in_s, MAX_MESSAGE_EXPIRY_S)
        try:
            puback = await crt.publish(topic, payload, expires_in_s=expires_in_s, timeout_s=PUBACK_TIMEOUT_S)
        except (ConnectionLost, ProtocolError) as error:
            log.warning("command_not_taken", topic=topic, error=str(error))
            crt.abandon("a command was not acknowledged")  # else it may still leave, when it has expired
            return False
        return self._is_taken(topic, puback)

    async def send(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Send each `(topic, payload)` with QoS 0. What cannot be sent now is dropped and counted."""
        crt = self._crt
        if crt is None:
            self.publishes_dropped += len(messages)
            return
        self.publishes_dropped += crt.send(messages, self._note_dropped)

    def _is_taken(self, topic: str, puback: Any) -> bool:
        """What a PUBACK says (MQTT 5, section 3.4.2.1; AWS answers 0, 128, 135, 144, 145 or 151)."""
        code = reasons.FIRST_FAILURE if puback.reason_code is None else int(puback.reason_code)
        self.puback_codes[code] += 1
        words = reasons.in_words(code, puback.reason_string)
        if code >= reasons.FIRST_FAILURE:
            hint = "does the policy of our certificate allow iot:Publish to it?"
            log.error(
                "command_refused",
                topic=topic,
                reason=words,
                hint=hint if code == reasons.NOT_AUTHORISED else None,
            )
            return False
        if code == reasons.NO_MATCHING_SUBSCRIBERS:
            log.info("command_unheard", topic=topic, reason=words)
        return True

    def _note_dropped(self, _error: object) -> None:
        self.publishes_dropped += 1

    async def _until_lost(self) -> None:
        crt = CrtConnection(self._options)
        try:
            await crt.open()
            log.info("command_broker_connected", broker=self._broker, client_id=self._client_id)
            self.certificate_ends = self._identity.ends()
            self._crt = crt
            await crt.wait_lost()
        finally:
            self._crt = None
            await crt.close()
