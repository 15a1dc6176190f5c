"""The elements MQTT 5 packets are made of: integers, texts and properties, never read beyond their end."""

from __future__ import annotations

from collections.abc import Mapping

from solarrally.brokers import reasons

MAX_VARINT = 268_435_455

SESSION_EXPIRY_INTERVAL = 17
SERVER_KEEP_ALIVE = 19
SERVER_REFERENCE = 28
REASON_STRING = 31
RECEIVE_MAXIMUM = 33
TOPIC_ALIAS = 35
USER_PROPERTY = 38
MAXIMUM_PACKET_SIZE = 39

_REPEATABLE = frozenset({11, USER_PROPERTY})
_ONE_BYTE = frozenset({1, 23, 25, 36, 37, 40, 41, 42})
_TWO_BYTES = frozenset({SERVER_KEEP_ALIVE, RECEIVE_MAXIMUM, 34, TOPIC_ALIAS})
_FOUR_BYTES = frozenset({2, SESSION_EXPIRY_INTERVAL, 24, MAXIMUM_PACKET_SIZE})
_VARINT = frozenset({11})
_TEXT = frozenset({3, 8, 18, 21, 26, SERVER_REFERENCE, REASON_STRING})
_BINARY = frozenset({9, 22})

OF_PUBLISH = frozenset({1, 2, 3, 8, 9, 11, TOPIC_ALIAS, USER_PROPERTY})
OF_CONNACK = frozenset({17, 18, 19, 21, 22, 26, 28, 31, 33, 34, 36, 37, 38, 39, 40, 41, 42})
OF_SUBACK = frozenset({REASON_STRING, USER_PROPERTY})
OF_DISCONNECT = frozenset({SESSION_EXPIRY_INTERVAL, SERVER_REFERENCE, REASON_STRING, USER_PROPERTY})
"""Identifiers of the properties that each packet may carry (section 2.2.2.2)."""

Properties = Mapping[int, int | str | bytes]


class ProtocolError(Exception):
    """The broker broke the protocol: the connection cannot go on. `code` is the reason it is told."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(f"{reasons.in_words(code)}: {detail}")
        self.code = code


class Reader:
    """Takes elements off the front of a packet's body; a body that is too short is a `ProtocolError`."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._position = 0

    @property
    def is_at_end(self) -> bool:
        return self._position >= len(self._body)

    def take(self, size_bytes: int) -> bytes:
        end = self._position + size_bytes
        if end > len(self._body):
            raise ProtocolError(reasons.MALFORMED_PACKET, "a packet ends too early")
        taken = self._body[self._position : end]
        self._position = end
        return taken

    def rest(self) -> bytes:
        return self.take(len(self._body) - self._position)

    def integer(self, size_bytes: int) -> int:
        return int.from_bytes(self.take(size_bytes), "big")

    def varint(self) -> int:
        value = 0
        for place in range(4):
            byte = self.integer(1)
            value |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                return value
        raise ProtocolError(reasons.MALFORMED_PACKET, "a variable byte integer of more than four bytes")

    def text(self) -> str:
        """What is not UTF-8 is replaced: such text goes to the log, and nowhere else."""
        return self.take(self.integer(2)).decode("utf-8", "replace")

    def properties(self, allowed: frozenset[int]) -> Properties:
        """The properties of a packet that may carry those `allowed`; user properties are passed over."""
        block = Reader(self.take(self.varint()))
        found: dict[int, int | str | bytes] = {}
        while not block.is_at_end:
            number = block.varint()
            if number not in allowed:
                raise ProtocolError(reasons.MALFORMED_PACKET, f"property {number} is not one of this packet")
            if number in found and number not in _REPEATABLE:
                raise ProtocolError(reasons.PROTOCOL_VIOLATION, f"property {number} is given twice")
            found[number] = block._property_value(number)
        return found

    def _property_value(self, number: int) -> int | str | bytes:
        for numbers, size_bytes in ((_ONE_BYTE, 1), (_TWO_BYTES, 2), (_FOUR_BYTES, 4)):
            if number in numbers:
                return self.integer(size_bytes)
        if number in _VARINT:
            return self.varint()
        if number in _BINARY:
            return self.take(self.integer(2))
        if number == USER_PROPERTY:
            self.text()
        return self.text()


def varint_bytes(value: int) -> bytes:
    """A variable byte integer. Raises `ValueError` for what does not fit one."""
    if not 0 <= value <= MAX_VARINT:
        raise ValueError(f"{value} does not fit a variable byte integer")
    encoded = bytearray()
    while True:
        value, byte = value >> 7, value & 0x7F
        encoded.append(byte | 0x80 if value else byte)
        if not value:
            return bytes(encoded)


def text_bytes(text: str) -> bytes:
    """UTF-8 with its length in front. Raises `ValueError` for a text of more than 65,535 bytes."""
    return binary_bytes(text.encode())


def binary_bytes(value: bytes) -> bytes:
    """Bytes with their length in front. Raises `ValueError` for more than 65,535."""
    if len(value) > 0xFFFF:
        raise ValueError(f"{len(value)} bytes are too many for one MQTT field")
    return len(value).to_bytes(2, "big") + value
