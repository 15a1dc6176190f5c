"""MQTT packets, bytes to values and back, for 3.1.1 (level 4) and 5 (level 5). Pure: no sockets, no time."""

from dataclasses import dataclass, field, replace
from enum import IntEnum

from solarrally.embedded.mqtt_topics import is_topic_filter
from solarrally.embedded.mqtt_wire import (
    MalformedPacket,
    Properties,
    Property,
    PropertyValue,
    Reader,
    binary_bytes,
    properties_bytes,
    text_bytes,
    varint_bytes,
)

MQTT_311 = 4
MQTT_5 = 5


class PacketType(IntEnum):
    """The upper four bits of a packet's first byte."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14


class Reason(IntEnum):
    """MQTT 5 reason codes this broker uses (section 2.4)."""

    SUCCESS = 0x00
    DISCONNECT_WITH_WILL = 0x04
    NO_MATCHING_SUBSCRIBERS = 0x10
    NO_SUBSCRIPTION_EXISTED = 0x11
    UNSPECIFIED_ERROR = 0x80
    MALFORMED_PACKET = 0x81
    PROTOCOL_ERROR = 0x82
    UNSUPPORTED_PROTOCOL_VERSION = 0x84
    CLIENT_IDENTIFIER_NOT_VALID = 0x85
    BAD_USER_NAME_OR_PASSWORD = 0x86
    NOT_AUTHORIZED = 0x87
    SERVER_SHUTTING_DOWN = 0x8B
    KEEP_ALIVE_TIMEOUT = 0x8D
    SESSION_TAKEN_OVER = 0x8E
    TOPIC_FILTER_INVALID = 0x8F
    TOPIC_NAME_INVALID = 0x90
    RECEIVE_MAXIMUM_EXCEEDED = 0x93
    TOPIC_ALIAS_INVALID = 0x94
    PACKET_TOO_LARGE = 0x95
    QUOTA_EXCEEDED = 0x97
    QOS_NOT_SUPPORTED = 0x9B
    SHARED_SUBSCRIPTIONS_NOT_SUPPORTED = 0x9E


# What 3.1.1 can say in a CONNACK (section 3.2.2.3).
CONNACK_CODE_311 = {
    Reason.SUCCESS: 0,
    Reason.UNSUPPORTED_PROTOCOL_VERSION: 1,
    Reason.CLIENT_IDENTIFIER_NOT_VALID: 2,
    Reason.BAD_USER_NAME_OR_PASSWORD: 4,
    Reason.NOT_AUTHORIZED: 5,
}


class UnsupportedVersion(MalformedPacket):
    """A CONNECT of a protocol level other than 4 and 5."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is published, apart from the mechanics of delivering it."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """A client introduces itself."""

    level: int
    client_id: str
    clean_start: bool
    keep_alive_s: int
    username: str | None = None
    password: bytes | None = None
    will: Message | None = None
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """A message on its way. `packet_id` is 0 at QoS 0."""

    message: Message
    packet_id: int = 0
    is_duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Puback:
    """A QoS 1 message has been taken."""

    packet_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One filter of a SUBSCRIBE with its options; the last three are MQTT 5's."""

    topic_filter: str
    qos: int
    no_local: bool = False
    retain_as_published: bool = False
    retain_handling: int = 0


@dataclass(frozen=True, slots=True)
class Subscribe:
    """A client asks for messages."""

    packet_id: int
    subscriptions: tuple[Subscription, ...]
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """A client no longer wants messages."""

    packet_id: int
    topic_filters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pingreq:
    """A client is still there."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """A client says goodbye."""

    reason: int = Reason.SUCCESS
    properties: Properties = field(default_factory=dict)


Packet = Connect | Publish | Puback | Subscribe | Unsubscribe | Pingreq | Disconnect


def decode(first_byte: int, body: bytes, level: int) -> Packet:
    """The packet that a client sent. Raises MalformedPacket; `level` is ignored for CONNECT, which brings
    its own.
    """
    reader = Reader(body)
    match first_byte >> 4:
        case PacketType.CONNECT:
            return decode_connect(reader)
        case PacketType.PUBLISH:
            return decode_publish(reader, first_byte & 0x0F, level)
        case PacketType.PUBACK:
            return Puback(reader.integer(2))
        case PacketType.SUBSCRIBE:
            require_flags(first_byte)
            return decode_subscribe(reader, level)
        case PacketType.UNSUBSCRIBE:
            require_flags(first_byte)
            return decode_unsubscribe(reader, level)
        case PacketType.PINGREQ:
            return Pingreq()
        case PacketType.DISCONNECT:
            reason = Reason.SUCCESS if reader.is_at_end else reader.integer(1)
            return Disconnect(reason, {} if reader.is_at_end or level < MQTT_5 else reader.properties())
        case other:
            raise MalformedPacket(f"packet type {other} is not one that a QoS 0 or 1 client sends")


def require_flags(first_byte: int) -> None:
    """SUBSCRIBE and UNSUBSCRIBE carry the flags 0010."""
    if first_byte & 0x0F != 0b0010:
        raise MalformedPacket("wrong flags")


def decode_connect(reader: Reader) -> Connect:
    """Section 3.1. Raises UnsupportedVersion for other protocol levels."""
    name, level = reader.text(), reader.integer(1)
    if name != "MQTT" or level not in (MQTT_311, MQTT_5):
        raise UnsupportedVersion(f"{name} level {level}")
    flags, keep_alive_s = reader.integer(1), reader.integer(2)
    if flags & 0x01:
        raise MalformedPacket("reserved flag set")
    properties = reader.properties() if level == MQTT_5 else {}
    client_id = reader.text()
    will = None
    if flags & 0x04:
        will_properties = reader.properties() if level == MQTT_5 else {}
        will = Message(
            topic=reader.text(),
            payload=reader.binary(),
            qos=(flags >> 3) & 0x03,
            retain=bool(flags & 0x20),
            properties=will_properties,
        )
    return Connect(
        level=level,
        client_id=client_id,
        clean_start=bool(flags & 0x02),
        keep_alive_s=keep_alive_s,
        username=reader.text() if flags & 0x80 else None,
        password=reader.binary() if flags & 0x40 else None,
        will=will,
        properties=properties,
    )


def decode_publish(reader: Reader, flags: int, level: int) -> Publish:
    """Section 3.3. QoS 2 is decoded; refusing it is for the broker."""
    qos = (flags >> 1) & 0x03
    if qos == 3:
        raise MalformedPacket("QoS 3")
    topic = reader.text()
    packet_id = reader.integer(2) if qos else 0
    if qos and packet_id == 0:
        raise MalformedPacket("packet id 0")
    properties = reader.properties() if level == MQTT_5 else {}
    message = Message(
        topic=topic, payload=reader.rest(), qos=qos, retain=bool(flags & 0x01), properties=properties
    )
    return Publish(message=message, packet_id=packet_id, is_duplicate=bool(flags & 0x08))


def decode_subscribe(reader: Reader, level: int) -> Subscribe:
    """Section 3.8."""
    packet_id = reader.integer(2)
    properties = reader.properties() if level == MQTT_5 else {}
    subscriptions = []
    while not reader.is_at_end:
        topic_filter, options = reader.text(), reader.integer(1)
        if options & 0x03 == 3:
            raise MalformedPacket("QoS 3")
        subscriptions.append(
            Subscription(
                topic_filter=topic_filter,
                qos=options & 0x03,
                no_local=bool(options & 0x04),
                retain_as_published=bool(options & 0x08),
                retain_handling=(options >> 4) & 0x03,
            )
        )
    if not subscriptions:
        raise MalformedPacket("SUBSCRIBE without a filter")
    return Subscribe(packet_id, tuple(subscriptions), properties)


def decode_unsubscribe(reader: Reader, level: int) -> Unsubscribe:
    """Section 3.10."""
    packet_id = reader.integer(2)
    if level == MQTT_5:
        reader.properties()
    topic_filters = []
    while not reader.is_at_end:
        topic_filters.append(reader.text())
    if not topic_filters or not all(map(is_topic_filter, topic_filters)):
        raise MalformedPacket("UNSUBSCRIBE without a valid filter")
    return Unsubscribe(packet_id, tuple(topic_filters))


def framed(packet_type: PacketType, flags: int, body: bytes) -> bytes:
    """A whole packet: first byte, length, body."""
    return bytes([packet_type << 4 | flags]) + varint_bytes(len(body)) + body


def connect_bytes(connect: Connect) -> bytes:
    """What a client sends first; for probes and tests."""
    is_v5 = connect.level == MQTT_5
    flags = 0x02 if connect.clean_start else 0
    body = b""
    if is_v5:
        body += properties_bytes(connect.properties)
    body += text_bytes(connect.client_id)
    if connect.will is not None:
        flags |= 0x04 | connect.will.qos << 3 | (0x20 if connect.will.retain else 0)
        body += properties_bytes(connect.will.properties) if is_v5 else b""
        body += text_bytes(connect.will.topic) + binary_bytes(connect.will.payload)
    if connect.username is not None:
        flags |= 0x80
        body += text_bytes(connect.username)
    if connect.password is not None:
        flags |= 0x40
        body += binary_bytes(connect.password)
    head = text_bytes("MQTT") + bytes([connect.level, flags]) + connect.keep_alive_s.to_bytes(2, "big")
    return framed(PacketType.CONNECT, 0, head + body)


def connack_bytes(level: int, reason: Reason, *, session_present: bool, properties: Properties) -> bytes:
    """Section 3.2; the nearest code that 3.1.1 knows, at that level."""
    present = 1 if session_present and reason == Reason.SUCCESS else 0
    if level == MQTT_5:
        return framed(PacketType.CONNACK, 0, bytes([present, reason]) + properties_bytes(properties))
    return framed(PacketType.CONNACK, 0, bytes([present, CONNACK_CODE_311.get(reason, 3)]))


def publish_bytes(publish: Publish, level: int) -> bytes:
    """Section 3.3."""
    message = publish.message
    flags = (0x08 if publish.is_duplicate else 0) | message.qos << 1 | (0x01 if message.retain else 0)
    body = text_bytes(message.topic)
    if message.qos:
        body += publish.packet_id.to_bytes(2, "big")
    if level == MQTT_5:
        body += properties_bytes(message.properties)
    return framed(PacketType.PUBLISH, flags, body + message.payload)


def puback_bytes(packet_id: int, level: int, reason: Reason = Reason.SUCCESS) -> bytes:
    """Section 3.4; 3.1.1 has no way to say no."""
    body = packet_id.to_bytes(2, "big")
    if level == MQTT_5 and reason != Reason.SUCCESS:
        body += bytes([reason])
    return framed(PacketType.PUBACK, 0, body)


def suback_bytes(packet_id: int, level: int, codes: list[int]) -> bytes:
    """Section 3.9: per filter the granted QoS or a reason (128 for every refusal, in 3.1.1)."""
    properties = properties_bytes({}) if level == MQTT_5 else b""
    spoken = codes if level == MQTT_5 else [min(code, 0x80) for code in codes]
    return framed(PacketType.SUBACK, 0, packet_id.to_bytes(2, "big") + properties + bytes(spoken))


def unsuback_bytes(packet_id: int, level: int, codes: list[int]) -> bytes:
    """Section 3.11; 3.1.1 carries no codes."""
    body = packet_id.to_bytes(2, "big")
    if level == MQTT_5:
        body += properties_bytes({}) + bytes(codes)
    return framed(PacketType.UNSUBACK, 0, body)


def pingresp_bytes() -> bytes:
    """Section 3.13."""
    return framed(PacketType.PINGRESP, 0, b"")


def disconnect_bytes(reason: Reason = Reason.SUCCESS) -> bytes:
    """A client's goodbye, or the broker's with a reason (MQTT 5 only)."""
    return framed(PacketType.DISCONNECT, 0, b"" if reason == Reason.SUCCESS else bytes([reason, 0]))


def without_connection_properties(message: Message) -> Message:
    """A will as it is published: without what was meant for the broker alone."""
    kept: dict[Property, PropertyValue] = {
        name: value for name, value in message.properties.items() if name != Property.WILL_DELAY_INTERVAL
    }
    return replace(message, properties=kept)
