"""Bytes of one connection, cut anywhere, to deliveries: the hot path, about a microsecond a message. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from solarrally.brokers import elements, reasons
from solarrally.brokers.elements import ProtocolError, Reader
from solarrally.brokers.packets import Packet, decode_packet
from solarrally.ingest.ports import Delivery

KNOWN_TOPICS_MAX = 200_000
"""Topic names kept decoded; beyond, all are forgotten and learned again. A fleet has a few per station."""
KNOWN_TOPIC_BYTES_MAX = 256
"""Longer ones are decoded each time: what is kept has a bound, whatever names devices invent."""

_STEP = timedelta(microseconds=1)

# First byte of a PUBLISH we may get -> QoS, retained, redelivered. DUP on QoS 0 is malformed.
_PUBLISH = {
    0x30: (0, False, False),
    0x31: (0, True, False),
    0x32: (1, False, False),
    0x33: (1, True, False),
    0x3A: (1, False, True),
    0x3B: (1, True, True),
}


class Parsed(NamedTuple):
    """What a chunk completed."""

    deliveries: list[Delivery]
    """In order; `received_at` grows by a microsecond from one to the next, so it keeps the order."""
    packets: list[Packet]
    """Everything else, in order among itself."""
    size_bytes: int
    """Of all these, on the wire."""


class Parser:
    """Keeps an unfinished packet from one chunk to the next, and nothing else but topic names."""

    def __init__(self, *, connection: int, max_packet_bytes: int) -> None:
        self._connection = connection
        self._max_packet_bytes = max_packet_bytes
        self._topics: dict[bytes, str] = {}
        self._unfinished: list[bytes] = []
        """The start of a packet, as it came: joined once, when it is whole, however large it is."""
        self._unfinished_bytes = 0
        self._needed_bytes = 0
        """So many must have come before it is worth to look again."""

    def feed(self, data: bytes, received_at: datetime) -> Parsed:
        """What is complete now, the first delivery received at `received_at`. After a `ProtocolError` the
        connection is useless.

        Slices of `bytes` are what makes this cheap: one copy for each payload, no views, no calls.
        """
        deliveries: list[Delivery] = []
        packets: list[Packet] = []
        if self._unfinished:
            self._unfinished.append(data)
            self._unfinished_bytes += len(data)
            if self._unfinished_bytes < self._needed_bytes:
                return Parsed(deliveries, packets, 0)
            data = b"".join(self._unfinished)
            self._unfinished.clear()

        make, deliver = tuple.__new__, deliveries.append
        kind_of, topic_of = _PUBLISH.get, self._topics.get
        connection, step = self._connection, _STEP
        start, end = 0, len(data)
        needed = 2
        while start + 2 <= end:
            first_byte = data[start]
            length = data[start + 1]
            body = start + 2
            if length > 127:
                if body >= end:
                    needed = 3
                    break
                second = data[body]
                body += 1
                length += (second << 7) - 128
                if second > 127:
                    found = self._long_length(data, start)
                    if found is None:
                        needed = end - start + 1
                        break
                    length, body = found
                if length > self._max_packet_bytes:
                    raise ProtocolError(reasons.PACKET_TOO_LARGE, f"a packet of {length} bytes is announced")
            stop = body + length
            if stop > end:
                needed = stop - start
                break

            kind = kind_of(first_byte)
            if kind is None:
                packets.append(_other_packet(first_byte, data[body:stop]))
                start = stop
                continue
            if length < 4:
                raise ProtocolError(reasons.MALFORMED_PACKET, f"PUBLISH of {length} bytes")
            qos, retained, redelivered = kind
            at = body + 2 + (data[body] << 8 | data[body + 1])
            if at + qos + qos >= stop:  # packet id, and at least the length of the properties, follow
                raise ProtocolError(reasons.MALFORMED_PACKET, "the topic of a PUBLISH is longer than itself")
            name = data[body + 2 : at]
            topic = topic_of(name)
            if topic is None:
                topic = self._learn_topic(name)
            packet_id = 0
            if qos:
                packet_id = data[at] << 8 | data[at + 1]
                at += 2
                if not packet_id:
                    raise ProtocolError(reasons.PROTOCOL_VIOLATION, "QoS 1 with packet id 0")
            payload = _after_properties(data[at:stop]) if data[at] else data[at + 1 : stop]
            deliver(
                make(
                    Delivery,
                    (topic, payload, qos, retained, redelivered, received_at, packet_id, connection),
                )
            )
            received_at += step
            start = stop

        if start < end:
            self._unfinished.append(data[start:])
            self._unfinished_bytes = end - start
            self._needed_bytes = needed
        return Parsed(deliveries, packets, start)

    def _long_length(self, data: bytes, start: int) -> tuple[int, int] | None:
        """A remaining length of three or four bytes and where the body begins; None: incomplete."""
        length = 0
        for place in range(4):
            at = start + 1 + place
            if at >= len(data):
                return None
            byte = data[at]
            length |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                return length, at + 1
        raise ProtocolError(reasons.MALFORMED_PACKET, "a remaining length of more than four bytes")

    def _learn_topic(self, name: bytes) -> str:
        if not name:
            raise ProtocolError(reasons.PROTOCOL_VIOLATION, "PUBLISH without a topic")
        topic = name.decode("utf-8", "replace")
        if len(name) <= KNOWN_TOPIC_BYTES_MAX:
            if len(self._topics) >= KNOWN_TOPICS_MAX:
                self._topics.clear()
            self._topics[name] = topic
        return topic


def _after_properties(rest: bytes) -> bytes:
    """The payload after properties, none of which is of use to us. What is no property is not guessed at."""
    reader = Reader(rest)
    if elements.TOPIC_ALIAS in reader.properties(elements.OF_PUBLISH):
        raise ProtocolError(reasons.TOPIC_ALIAS_INVALID, "we offered no topic aliases")
    return reader.rest()


def _other_packet(first_byte: int, body: bytes) -> Packet:
    if first_byte >> 4 == 3:
        if first_byte & 0x06 == 0x04:
            raise ProtocolError(reasons.QOS_NOT_SUPPORTED, "PUBLISH with QoS 2: we subscribe with QoS 1")
        raise ProtocolError(reasons.MALFORMED_PACKET, f"PUBLISH with flags 0x{first_byte & 0x0F:X}")
    return decode_packet(first_byte, body)
