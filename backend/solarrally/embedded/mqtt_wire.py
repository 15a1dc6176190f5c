"""The elements MQTT packets are made of: integers, strings, properties. MQTT 3.1.1 section 1.5, MQTT 5
sections 1.5, 2.2.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum


class MalformedPacket(ValueError):
    """The bytes are not an MQTT packet."""


class Property(IntEnum):
    """Identifiers of MQTT 5 properties (section 2.2.2.2)."""

    PAYLOAD_FORMAT_INDICATOR = 1
    MESSAGE_EXPIRY_INTERVAL = 2
    CONTENT_TYPE = 3
    RESPONSE_TOPIC = 8
    CORRELATION_DATA = 9
    SUBSCRIPTION_IDENTIFIER = 11
    SESSION_EXPIRY_INTERVAL = 17
    ASSIGNED_CLIENT_IDENTIFIER = 18
    SERVER_KEEP_ALIVE = 19
    AUTHENTICATION_METHOD = 21
    AUTHENTICATION_DATA = 22
    REQUEST_PROBLEM_INFORMATION = 23
    WILL_DELAY_INTERVAL = 24
    REQUEST_RESPONSE_INFORMATION = 25
    RESPONSE_INFORMATION = 26
    SERVER_REFERENCE = 28
    REASON_STRING = 31
    RECEIVE_MAXIMUM = 33
    TOPIC_ALIAS_MAXIMUM = 34
    TOPIC_ALIAS = 35
    MAXIMUM_QOS = 36
    RETAIN_AVAILABLE = 37
    USER_PROPERTY = 38
    MAXIMUM_PACKET_SIZE = 39
    WILDCARD_SUBSCRIPTION_AVAILABLE = 40
    SUBSCRIPTION_IDENTIFIER_AVAILABLE = 41
    SHARED_SUBSCRIPTION_AVAILABLE = 42


PropertyValue = int | str | bytes | list[int] | list[tuple[str, str]]
Properties = Mapping[Property, PropertyValue]

ONE_BYTE = frozenset({1, 23, 25, 36, 37, 40, 41, 42})
TWO_BYTES = frozenset({19, 33, 34, 35})
FOUR_BYTES = frozenset({2, 17, 24, 39})
TEXT = frozenset({3, 8, 18, 21, 26, 28, 31})
BINARY = frozenset({9, 22})

MAX_VARINT = 268_435_455


@dataclass(slots=True)
class Reader:
    """Takes elements off the front of a packet's body. Every method raises MalformedPacket when it is too
    short.
    """

    body: bytes
    position: int = 0

    @property
    def is_at_end(self) -> bool:
        """Whether nothing is left."""
        return self.position >= len(self.body)

    def take(self, size_bytes: int) -> bytes:
        """The next bytes."""
        end = self.position + size_bytes
        if end > len(self.body):
            raise MalformedPacket("packet ends too early")
        taken = self.body[self.position : end]
        self.position = end
        return taken

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self.body) - self.position)

    def integer(self, size_bytes: int) -> int:
        """An unsigned big-endian integer."""
        return int.from_bytes(self.take(size_bytes), "big")

    def varint(self) -> int:
        """A variable byte integer of at most four bytes."""
        value = 0
        for place in range(4):
            byte = self.integer(1)
            value |= (byte & 0x7F) << (7 * place)
            if not byte & 0x80:
                return value
        raise MalformedPacket("variable byte integer of more than four bytes")

    def binary(self) -> bytes:
        """Bytes with their length in front."""
        return self.take(self.integer(2))

    def text(self) -> str:
        """UTF-8 text with its length in front; no NUL (section 1.5.4)."""
        try:
            decoded = self.binary().decode()
        except UnicodeDecodeError as error:
            raise MalformedPacket("text is not UTF-8") from error
        if "\0" in decoded:
            raise MalformedPacket("NUL in text")
        return decoded

    def properties(self) -> dict[Property, PropertyValue]:
        """The properties of an MQTT 5 packet."""
        block = Reader(self.take(self.varint()))
        found: dict[Property, PropertyValue] = {}
        pairs: list[tuple[str, str]] = []
        identifiers: list[int] = []
        while not block.is_at_end:
            number = block.varint()
            if number == Property.USER_PROPERTY:
                pairs.append((block.text(), block.text()))
            elif number == Property.SUBSCRIPTION_IDENTIFIER:
                identifiers.append(block.varint())
            else:
                found[known_property(number, found)] = block.property_value(number)
        if pairs:
            found[Property.USER_PROPERTY] = pairs
        if identifiers:
            found[Property.SUBSCRIPTION_IDENTIFIER] = identifiers
        return found

    def property_value(self, number: int) -> PropertyValue:
        """The value of one property, by the type its identifier implies."""
        for numbers, size_bytes in ((ONE_BYTE, 1), (TWO_BYTES, 2), (FOUR_BYTES, 4)):
            if number in numbers:
                return self.integer(size_bytes)
        return self.binary() if number in BINARY else self.text()


def known_property(number: int, found: Properties) -> Property:
    """The property with this identifier. Raises MalformedPacket if there is none, or if it came before."""
    try:
        name = Property(number)
    except ValueError as error:
        raise MalformedPacket(f"unknown property {number}") from error
    if name in found:
        raise MalformedPacket(f"{name.name} given twice")
    return name


def varint_bytes(value: int) -> bytes:
    """A variable byte integer. Raises ValueError above 268,435,455."""
    if not 0 <= value <= MAX_VARINT:
        raise ValueError(f"{value} does not fit a variable byte integer")
    encoded = bytearray()
    while True:
        value, byte = value >> 7, value & 0x7F
        encoded.append(byte | 0x80 if value else byte)
        if not value:
            return bytes(encoded)


def binary_bytes(value: bytes) -> bytes:
    """Bytes with their length in front."""
    return len(value).to_bytes(2, "big") + value


def text_bytes(value: str) -> bytes:
    """UTF-8 text with its length in front."""
    return binary_bytes(value.encode())


def properties_bytes(properties: Properties) -> bytes:
    """A block of MQTT 5 properties with its length in front."""
    block = b"".join(property_bytes(name, value) for name, value in properties.items())
    return varint_bytes(len(block)) + block


def property_bytes(name: Property, value: PropertyValue) -> bytes:
    """One property (or, for a list, as many as it has entries)."""
    if isinstance(value, list):
        return b"".join(
            bytes([name])
            + (varint_bytes(item) if isinstance(item, int) else text_bytes(item[0]) + text_bytes(item[1]))
            for item in value
        )
    if isinstance(value, str):
        return bytes([name]) + text_bytes(value)
    if isinstance(value, bytes):
        return bytes([name]) + binary_bytes(value)
    size_bytes = 1 if name in ONE_BYTE else 2 if name in TWO_BYTES else 4
    return bytes([name]) + value.to_bytes(size_bytes, "big")


class PacketTooLarge(ValueError):
    """A packet's announced length is above what we take."""


class Frames:
    """Cuts a stream of bytes into packets. Holds at most one unfinished packet, whose size is bounded."""

    def __init__(self, max_packet_size_bytes: int) -> None:
        self._max_packet_size_bytes = max_packet_size_bytes
        self._buffer = bytearray()

    def feed(self, chunk: bytes) -> list[tuple[int, bytes]]:
        """The packets that are whole now: first byte and body of each.

        Raises PacketTooLarge as soon as a length is announced, MalformedPacket for a length that is none.
        """
        self._buffer += chunk
        packets = []
        start = 0
        while True:
            head = self._body_bounds(start)
            if head is None:
                break
            body_start, body_end = head
            if body_end > len(self._buffer):
                break
            packets.append((self._buffer[start], bytes(self._buffer[body_start:body_end])))
            start = body_end
        del self._buffer[:start]
        return packets

    def _body_bounds(self, start: int) -> tuple[int, int] | None:
        """Where the body of the packet at `start` begins and ends; None while its length is not complete."""
        size_bytes = 0
        for place in range(4):
            position = start + 1 + place
            if position >= len(self._buffer):
                return None
            byte = self._buffer[position]
            size_bytes |= (byte & 0x7F) << (7 * place)
            if not byte & 0x80:
                if size_bytes > self._max_packet_size_bytes:
                    raise PacketTooLarge(f"{size_bytes} bytes")
                return position + 1, position + 1 + size_bytes
        raise MalformedPacket("length of more than four bytes")
