"""Payloads of devices that publish a value a topic, as values. Each raises `RejectedMessage` with what it
wanted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from solarrally.dialects.family import Said, Value
from solarrally.errors import RejectedMessage

_NUMBER: Final = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_LARGEST: Final = 1e9  # of any number of `native.Telemetry`, so that what is told can always be read
_MAX_TEXT: Final = 128
_any = msgspec.json.Decoder()

Convert: TypeAlias = Callable[[bytes], Value]


class Field(NamedTuple):
    """One row of a family's table: what a topic says, and where that is written."""

    name: str
    """Of `native.Telemetry`, of `family.FACTS`, or the family's own."""
    convert: Convert
    unit: str
    """The vendor's."""
    source: str


def read_field(fields: Mapping[str, Field | None], key: str, payload: bytes) -> Said | None:
    """What a message says by the table; None in the table: known, and of no use to us."""
    if key not in fields:
        return None
    field = fields[key]
    if field is None:
        return {}
    return {field.name: in_field(field.convert, payload, key)}


def in_field(convert: Convert, payload: bytes, key: str) -> Value:
    """The value, or `RejectedMessage` that names the key."""
    try:
        return convert(payload)
    except RejectedMessage as error:
        raise RejectedMessage(error.reason, error.detail, key) from None


def number(payload: bytes) -> float | None:
    """A decimal number; empty, `null`, `nan` and `false` are "not said"."""
    text = payload.strip()
    if not text or text.lower() in (b"null", b"nan", b"false", b"none", b"-nan"):
        return None
    if len(text) > 40 or not _NUMBER.fullmatch(text):
        raise RejectedMessage("invalid_field", f"expected a number, got {shown(payload)}")
    return bounded(float(text))


def bounded(value: float) -> float:
    """A number that can be a measurement."""
    if not math.isfinite(value) or abs(value) > _LARGEST:
        raise RejectedMessage("invalid_field", f"{value!r} cannot be a measurement")
    return value


def scaled(factor: float) -> Convert:
    """A number in another unit, times this factor."""

    def convert(payload: bytes) -> float | None:
        value = number(payload)
        return None if value is None else bounded(value * factor)

    return convert


def flag(payload: bytes) -> bool | None:
    """`true`/`false`, `1`/`0`, `on`/`off`, in any case; empty and `null` are "not said"."""
    word = payload.strip().lower()
    if word in (b"true", b"1", b"on", b"yes"):
        return True
    if word in (b"false", b"0", b"off", b"no"):
        return False
    if word in (b"", b"null"):
        return None
    raise RejectedMessage("invalid_field", f"expected true or false, got {shown(payload)}")


def text(payload: bytes) -> str | None:
    """Text of at most 128 characters, with or without JSON's quotes; empty and `null` are "not said"."""
    try:
        plain = payload.decode().strip()
    except UnicodeDecodeError as error:
        raise RejectedMessage("invalid_field", "expected text in UTF-8") from error
    if plain[:1] == '"':
        plain = str(document(payload))
    return checked_text(None if plain in ("", "null") else plain)


def checked_text(value: str | None) -> str | None:
    """Text that can be stored."""
    if value is not None and ("\0" in value or len(value) > _MAX_TEXT):
        raise RejectedMessage("invalid_field", f"expected up to {_MAX_TEXT} characters without NUL")
    return value or None


def document(payload: bytes) -> Any:
    """Any JSON."""
    if not payload.strip():
        raise RejectedMessage("empty_payload", "the payload is empty")
    try:
        return _any.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RejectedMessage("malformed_json", str(error)) from error


def json_object(payload: bytes) -> dict[str, Any]:
    """A JSON object."""
    said = document(payload)
    if not isinstance(said, dict):
        raise RejectedMessage("invalid_field", f"expected an object, got {shown(payload)}")
    return said


def json_number(value: object, field: str) -> float | None:
    """A number of a JSON document; `null` is "not said"."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RejectedMessage("invalid_field", f"expected a number, got {str(value)[:40]!r}", field)
    try:
        return bounded(float(value))
    except (OverflowError, RejectedMessage) as error:
        raise RejectedMessage("invalid_field", f"{str(value)[:40]} cannot be a measurement", field) from error


def shown(payload: bytes) -> str:
    """The beginning of a payload, for a message."""
    return repr(payload[:40])
