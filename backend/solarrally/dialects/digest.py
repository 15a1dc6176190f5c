"""What tells apart two readings of one connector at one instant, so that none is taken for the other."""

from __future__ import annotations

import zlib

import msgspec

from solarrally.domain.reading import FIRST_SAID, Reading

_encode = msgspec.msgpack.Encoder().encode
_ARRAY_HEADER_SIZE_BYTES = 3  # of 16 to 65,535 elements
_NIL = b"\xc0"


def content_digest(reading: Reading) -> int:
    """The digest of what the device said (not of when or how it reached us)."""
    return digest_of(reading[FIRST_SAID:])


def digest_of(said: tuple[object, ...]) -> int:
    """CRC-32 of the fields of a reading from `device_ts` on, as a signed 32-bit integer.

    It is stored: a log imported twice must give the same digests after an upgrade too. So a field that is
    added to the end of `Reading` changes none of those that do not say it.
    """
    crc = zlib.crc32(_encode(said)[_ARRAY_HEADER_SIZE_BYTES:].rstrip(_NIL))
    return crc - 2**32 if crc >= 2**31 else crc
