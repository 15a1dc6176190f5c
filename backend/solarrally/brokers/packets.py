"""The MQTT 5 packets a receiver exchanges with its broker, values to bytes and back. Pure.

OASIS MQTT 5.0, https://docs.oasis-open.org/mqtt/mqtt/v5.0/mqtt-v5.0.html; what is said of PUBLISH on its way
in is in `parser`, which is the hot path.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from solarrally.brokers import elements, reasons
from solarrally.brokers.elements import ProtocolError, Reader, binary_bytes, text_bytes, varint_bytes

PINGREQ = b"\xc0\x00"
_PUBACK_HEAD = 0x4002_0000
"""PUBACK without a reason is four bytes: type 4, length 2, and the packet id."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Introduction:
    """What CONNECT says about us."""

    client_id: str
    username: str | None
    password: str | None
    keepalive_s: int
    session_expiry_s: int
    receive_maximum: int
    max_packet_bytes: int
    """The broker discards what is larger, and does not send it."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Connack:
    """The broker's answer to CONNECT. None: it left it as we asked for."""

    session_present: bool
    code: int
    reason_string: str | None = None
    server_reference: str | None = None
    keepalive_s: int | None = None
    session_expiry_s: int | None = None
    max_packet_bytes: int | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class Suback:
    """The broker's answer to a SUBSCRIBE (the granted QoS, or a reason from 0x80 on, for each filter) or to
    an UNSUBSCRIBE, which has the same shape.
    """

    packet_id: int
    codes: Sequence[int]
    reason_string: str | None = None


@dataclass(slots=True, frozen=True)
class Pingresp:
    """The broker is there."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Disconnect:
    """The broker ends the connection."""

    code: int
    reason_string: str | None = None
    server_reference: str | None = None


Packet = Connack | Suback | Pingresp | Disconnect


def connect_packet(introduction: Introduction) -> bytes:
    """CONNECT that takes up the session, if there is one (clean start 0), without a will (section 3.1)."""
    flags = 0
    fields = [text_bytes(introduction.client_id)]
    if introduction.username is not None:
        flags |= 0x80
        fields.append(text_bytes(introduction.username))
    if introduction.password is not None:
        flags |= 0x40
        fields.append(binary_bytes(introduction.password.encode()))
    properties = struct.pack(
        ">BIBHBI",
        elements.SESSION_EXPIRY_INTERVAL,
        introduction.session_expiry_s,
        elements.RECEIVE_MAXIMUM,
        introduction.receive_maximum,
        elements.MAXIMUM_PACKET_SIZE,
        introduction.max_packet_bytes,
    )
    head = text_bytes("MQTT") + struct.pack(">BBH", 5, flags, introduction.keepalive_s)
    return _packet(0x10, head + varint_bytes(len(properties)) + properties + b"".join(fields))


def subscribe_packet(packet_id: int, topic_filter: str) -> bytes:
    """SUBSCRIBE to one filter with QoS 1, but not to what we publish ourselves; retained messages are sent
    each time (section 3.8).
    """
    options = b"\x05"  # QoS 1, No Local
    return _packet(0x82, packet_id.to_bytes(2, "big") + b"\x00" + text_bytes(topic_filter) + options)


def unsubscribe_packet(packet_id: int, topic_filter: str) -> bytes:
    """UNSUBSCRIBE from one filter (section 3.10)."""
    return _packet(0xA2, packet_id.to_bytes(2, "big") + b"\x00" + text_bytes(topic_filter))


def puback_packets(packet_ids: Sequence[int]) -> bytes:
    """A PUBACK for each, in order (section 3.4)."""
    return struct.pack(f">{len(packet_ids)}I", *[_PUBACK_HEAD | packet_id for packet_id in packet_ids])


def publish_packet(topic: str, payload: bytes) -> bytes:
    """PUBLISH with QoS 0, not retained (section 3.3). Raises `ValueError` for what is no topic name: a broker
    would end the connection for it.
    """
    if not topic or "+" in topic or "#" in topic or "\0" in topic:
        raise ValueError(f"{topic!r} is not a topic name")
    return _packet(0x30, text_bytes(topic) + b"\x00" + payload)


def disconnect_packet(code: int) -> bytes:
    """DISCONNECT that leaves the session as it is (section 3.14)."""
    return _packet(0xE0, b"" if code == reasons.NORMAL_DISCONNECTION else bytes([code]))


def decode_packet(first_byte: int, body: bytes) -> Packet:
    """What the broker sent, other than PUBLISH. Raises `ProtocolError`."""
    reader = Reader(body)
    match first_byte:
        case 0x20:
            packet: Packet = _connack(reader)
        case 0x90 | 0xB0:
            packet = _suback(reader)
        case 0xD0:
            packet = Pingresp()
        case 0xE0:
            packet = _disconnect(reader)
        case _:
            raise ProtocolError(
                reasons.PROTOCOL_VIOLATION, f"a packet starts with 0x{first_byte:02X}: not for a receiver"
            )
    if not reader.is_at_end:
        raise ProtocolError(reasons.MALFORMED_PACKET, f"{type(packet).__name__} is longer than its content")
    return packet


def _connack(reader: Reader) -> Connack:
    flags, code = reader.integer(1), reader.integer(1)
    if flags > 1:
        raise ProtocolError(reasons.MALFORMED_PACKET, "reserved flags of CONNACK are set")
    # A broker that knows no MQTT 5 answers as MQTT 3.1.1 does: a code, and no properties.
    properties: elements.Properties = {}
    if not reader.is_at_end or code < reasons.FIRST_FAILURE:
        if reader.is_at_end:
            raise ProtocolError(reasons.MALFORMED_PACKET, f"the broker answers in MQTT 3.1.1: code {code}")
        properties = reader.properties(elements.OF_CONNACK)
    return Connack(
        session_present=flags == 1,
        code=code,
        reason_string=_text(properties, elements.REASON_STRING),
        server_reference=_text(properties, elements.SERVER_REFERENCE),
        keepalive_s=_number(properties, elements.SERVER_KEEP_ALIVE),
        session_expiry_s=_number(properties, elements.SESSION_EXPIRY_INTERVAL),
        max_packet_bytes=_number(properties, elements.MAXIMUM_PACKET_SIZE),
    )


def _suback(reader: Reader) -> Suback:
    packet_id = reader.integer(2)
    properties = reader.properties(elements.OF_SUBACK)
    codes = tuple(reader.rest())
    if not codes:
        raise ProtocolError(reasons.MALFORMED_PACKET, "SUBACK without a code")
    return Suback(packet_id=packet_id, codes=codes, reason_string=_text(properties, elements.REASON_STRING))


def _disconnect(reader: Reader) -> Disconnect:
    """Code and properties may both be left out (section 3.14.2)."""
    code = reasons.NORMAL_DISCONNECTION if reader.is_at_end else reader.integer(1)
    properties = {} if reader.is_at_end else reader.properties(elements.OF_DISCONNECT)
    return Disconnect(
        code=code,
        reason_string=_text(properties, elements.REASON_STRING),
        server_reference=_text(properties, elements.SERVER_REFERENCE),
    )


def _text(properties: elements.Properties, number: int) -> str | None:
    value = properties.get(number)
    return value if isinstance(value, str) else None


def _number(properties: elements.Properties, number: int) -> int | None:
    value = properties.get(number)
    return value if isinstance(value, int) else None


def _packet(first_byte: int, body: bytes) -> bytes:
    return bytes((first_byte,)) + varint_bytes(len(body)) + body
