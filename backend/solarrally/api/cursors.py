"""Opaque page cursors, bound to their list and its filters."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Final, TypeVar

import msgspec

from solarrally.api.errors import invalid_field

_MAC_BYTES: Final = 16
MAX_CURSOR_LENGTH: Final = 1_024
_Position = TypeVar("_Position")


class Cursors:
    """Makes and reads cursors. A cursor that was altered, or belongs to other filters, is refused."""

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), b"solarrally page cursors", "sha256")

    def make(self, list_name: str, filters: Mapping[str, object], position: object) -> str:
        """The cursor of a position, which is anything msgspec can write."""
        body = msgspec.json.encode(position)
        return base64.urlsafe_b64encode(self._mac(list_name, filters, body) + body).decode().rstrip("=")

    def read(
        self, list_name: str, filters: Mapping[str, object], cursor: str, kind: type[_Position]
    ) -> _Position:
        """The position. Raises `ApiProblem` (422) that names the cursor."""
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise invalid_field("cursor", "not one of ours") from error
        mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(list_name, filters, body)):
            raise invalid_field("cursor", "not one of ours, or made for other filters")
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.DecodeError as error:  # made by another version of us
            raise invalid_field("cursor", "no longer valid") from error

    def _mac(self, list_name: str, filters: Mapping[str, object], body: bytes) -> bytes:
        bound = msgspec.json.encode([list_name, sorted(filters.items())])
        return hmac.digest(self._key, bound + b"\0" + body, hashlib.sha256)[:_MAC_BYTES]
