"""What an MQTT 5 broker sends, as bytes: written apart from the product, to judge it."""

from __future__ import annotations

import struct

PINGRESP = b"\xd0\x00"


def length_bytes(value: int) -> bytes:
    """A variable byte integer."""
    encoded = bytearray()
    while True:
        value, byte = divmod(value, 128)
        encoded.append(byte + 128 if value else byte)
        if not value:
            return bytes(encoded)


def packet(first_byte: int, body: bytes) -> bytes:
    return bytes([first_byte]) + length_bytes(len(body)) + body


def text(value: str | bytes) -> bytes:
    encoded = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(encoded)) + encoded


def connack(code: int = 0, *, session_present: bool = False, properties: bytes = b"") -> bytes:
    return packet(0x20, bytes([session_present, code]) + length_bytes(len(properties)) + properties)


def suback(packet_id: int, *codes: int, properties: bytes = b"") -> bytes:
    return packet(
        0x90, struct.pack(">H", packet_id) + length_bytes(len(properties)) + properties + bytes(codes)
    )


def disconnect(code: int, properties: bytes = b"") -> bytes:
    return packet(0xE0, bytes([code]) + length_bytes(len(properties)) + properties)


def publish(
    payload: bytes,
    *,
    topic: str | bytes = "evse/cp1/telemetry",
    qos: int = 1,
    packet_id: int = 1,
    retained: bool = False,
    again: bool = False,
    properties: bytes = b"",
) -> bytes:
    first_byte = 0x30 | again << 3 | qos << 1 | retained
    identity = struct.pack(">H", packet_id) if qos else b""
    return packet(first_byte, text(topic) + identity + length_bytes(len(properties)) + properties + payload)


PROPERTIES = (
    b"\x01\x01"  # payload format: text
    + b"\x02\x00\x00\x00\x3c"  # expires in 60 s
    + b"\x03" + text("application/json")  # content type
    + b"\x08" + text("answers/here")  # response topic
    + b"\x09" + text(b"\x00\xff")  # correlation data
    + b"\x0b\xff\x7f"  # subscription identifier, twice
    + b"\x0b\x01"
    + b"\x26" + text("name") + text("value")  # user property, twice
    + b"\x26" + text("name") + text("another")
)  # fmt: skip
"""One of each kind that a PUBLISH may carry, but a topic alias."""
