"""What the IoT rule puts on the stream, read back: the message, its topic, and when it was received.

The rule's statement (infra/, docs/aws-kinesis.md) makes `{"topic": "evse/cp1/telemetry", "payload":
"<base64>", "received_at_ms": 1700000000000}` of each message: `encode(*, 'base64')` takes the whole payload,
JSON or not, and `timestamp()` is the service's clock in milliseconds (AWS IoT Core developer guide, "SQL
reference", "Functions", "Working with binary payloads").
"""

from __future__ import annotations

import binascii
from datetime import UTC, datetime, timedelta
from typing import Annotated, NamedTuple

import msgspec

from solarrally.ingest.ports import RejectedPart

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST_MS, _LATEST_MS = 0, 253_402_300_799_999
"""1970 to the end of 9999: what a datetime can hold."""
BAD_RECORD = "bad_record"


class _Record(msgspec.Struct):
    topic: Annotated[str, msgspec.Meta(max_length=65_535)]
    payload: str
    received_at_ms: Annotated[int, msgspec.Meta(ge=_EARLIEST_MS, le=_LATEST_MS)]


_decode = msgspec.json.Decoder(_Record).decode


class StreamMessage(NamedTuple):
    """One message as AWS IoT received it."""

    topic: str
    payload: bytes
    received_at: datetime
    """By the clock of AWS IoT, to the millisecond."""


def message_of(data: bytes, *, partition_key: str, arrived_at: datetime) -> StreamMessage | RejectedPart:
    """The message in a record, or the record as something to be kept that is none.

    `arrived_at` is when the stream took it; the partition key stands in for the topic that it does not have.
    """
    try:
        record = _decode(data)
        payload = binascii.a2b_base64(record.payload, strict_mode=True)
    except (msgspec.DecodeError, UnicodeDecodeError, binascii.Error, ValueError) as error:
        return RejectedPart(
            received_at=arrived_at,
            topic=partition_key.replace("\0", "\ufffd")[:512],
            reason=BAD_RECORD,
            field=None,
            detail=f"no record of the IoT rule: {error}".replace("\0", "\ufffd")[:500],
            payload=data,
        )
    return StreamMessage(record.topic, payload, _EPOCH + timedelta(milliseconds=record.received_at_ms))


class StreamReceipts:
    """Instants of receipt, from the records alone: never from our clock, and the same when they are read
    again.

    AWS IoT's clock counts milliseconds, and readings without a time of their own are filed under their
    receipt. So messages of one station in the same millisecond get a microsecond each, in the order of the
    shard. One that the stream holds twice (a rule's action may be repeated) gets the instant it had.
    """

    def __init__(self) -> None:
        self._heard: dict[str, tuple[datetime, list[int]]] = {}
        """By the station's topic level: its newest millisecond, and what it said then."""

    def next(self, message: StreamMessage) -> datetime:
        station = message.topic.split("/", 2)[1] if "/" in message.topic else message.topic
        said = hash((message.topic, message.payload))
        known = self._heard.get(station)
        if known is None or known[0] != message.received_at:
            self._heard[station] = (message.received_at, [said])
            return message.received_at
        before = known[1]
        if said not in before:
            before.append(said)
        return message.received_at + timedelta(microseconds=before.index(said))
