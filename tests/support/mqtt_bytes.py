"""The few MQTT 3.1.1 packets that a device needs: written apart from the product's own, to judge it."""

from __future__ import annotations

import struct
from typing import NamedTuple

CONNACK, PUBLISH, PUBACK, SUBACK = 2, 3, 4, 9
"""Packet types, as in the upper half of the first byte."""
DISCONNECT = b"\xe0\x00"


class Will(NamedTuple):
    """What the broker publishes, retained and with QoS 1, when the connection dies."""

    topic: str
    payload: bytes


def connect(client_id: str, username: str | None, password: str | None, will: Will | None = None) -> bytes:
    """CONNECT with a clean session and without a keep-alive."""
    flags, fields = 0x02, [_text(client_id)]
    if will is not None:
        flags |= 0x04 | 0x08 | 0x20
        fields += [_text(will.topic), struct.pack("!H", len(will.payload)) + will.payload]
    for bit, value in ((0x80, username), (0x40, password)):
        if value is not None:
            flags |= bit
            fields.append(_text(value))
    return _packet(0x10, _text("MQTT") + bytes([4, flags, 0, 0]) + b"".join(fields))


def publish(
    topic: str, payload: bytes, packet_id: int, *, is_again: bool = False, is_retained: bool = False
) -> bytes:
    """PUBLISH with QoS 1; `is_again` sets DUP."""
    first = 0x32 | (0x08 if is_again else 0) | (0x01 if is_retained else 0)
    return _packet(first, _text(topic) + struct.pack("!H", packet_id) + payload)


def subscribe(topic_filter: str) -> bytes:
    """SUBSCRIBE to one filter, QoS 0."""
    return _packet(0x82, b"\x00\x01" + _text(topic_filter) + b"\x00")


class Arrived:
    """Cuts a stream of bytes into packets."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The packets that are complete now: type and body."""
        self._rest += data
        packets = []
        while (found := self._first()) is not None:
            kind, start, end = found
            packets.append((kind, bytes(self._rest[start:end])))
            del self._rest[:end]
        return packets

    def _first(self) -> tuple[int, int, int] | None:
        length, shift = 0, 0
        for place in range(1, min(5, len(self._rest))):
            byte = self._rest[place]
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                end = place + 1 + length
                return (self._rest[0] >> 4, place + 1, end) if len(self._rest) >= end else None
        return None


def packet_id_of(body: bytes) -> int:
    """Of a PUBACK."""
    return int.from_bytes(body[:2])


def topic_and_payload(body: bytes) -> tuple[str, bytes]:
    """Of a PUBLISH with QoS 0."""
    end = 2 + int.from_bytes(body[:2])
    return body[2:end].decode(), body[end:]


def _packet(first: int, body: bytes) -> bytes:
    length, digits = len(body), bytearray()
    while True:
        length, digit = divmod(length, 128)
        digits.append(digit | (0x80 if length else 0))
        if not length:
            return bytes([first]) + bytes(digits) + body


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack("!H", len(encoded)) + encoded
