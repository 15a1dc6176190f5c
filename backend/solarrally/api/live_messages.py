"""What a client may say on the live WebSocket, and how a connection is ended."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

import msgspec

from solarrally.hub import DEFAULT_RATE_HZ, MAX_RATE_HZ, MIN_RATE_HZ, Interest

MAX_NAMED: Final = 1_000
"""EVSEs, sites or sessions that one subscription may name."""

_Evses = Annotated[
    list[Annotated[str, msgspec.Meta(min_length=1, max_length=255)]], msgspec.Meta(max_length=MAX_NAMED)
]
_Sites = Annotated[list[Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]], msgspec.Meta(max_length=MAX_NAMED)]
_Sessions = Annotated[list[UUID], msgspec.Meta(max_length=MAX_NAMED)]
_Rate = Annotated[float, msgspec.Meta(ge=MIN_RATE_HZ, le=MAX_RATE_HZ)]


class Subscribe(msgspec.Struct, tag="subscribe", forbid_unknown_fields=True, kw_only=True):
    """What the client wants to see: everything, or the union of the lists. It replaces the one before."""

    all: bool = False
    evses: _Evses = []
    sites: _Sites = []
    sessions: _Sessions = []
    max_rate_hz: _Rate = DEFAULT_RATE_HZ

    @property
    def interest(self) -> Interest:
        return Interest(
            everything=self.all,
            evses=frozenset(self.evses),
            sites=frozenset(self.sites),
            sessions=frozenset(self.sessions),
        )


class Ping(msgspec.Struct, tag="ping", forbid_unknown_fields=True):
    """Answered with a pong."""


class Pong(msgspec.Struct, tag="pong", forbid_unknown_fields=True):
    """The answer to our ping."""


ClientMessage = Subscribe | Ping | Pong
_decoder: msgspec.json.Decoder[ClientMessage] = msgspec.json.Decoder(ClientMessage)


@dataclass
class Goodbye(Exception):
    """The connection ends: this is what the client is told."""

    reason: str
    detail: str = ""
    field: str | None = None

    @property
    def code(self) -> int:
        return CLOSE_CODES[self.reason]

    @property
    def text(self) -> str:
        message = {"type": "bye", "reason": self.reason}
        if self.detail:
            message["detail"] = self.detail
        if self.field is not None:
            message["field"] = self.field
        return msgspec.json.encode(message).decode()


CLOSE_CODES: Final = {
    "going_away": 1001,
    "too_slow": 1013,
    "busy": 1013,
    "unavailable": 1013,
    "invalid_message": 4400,
    "token_expired": 4401,
    "user_disabled": 4401,
    "role_changed": 4401,
    "login_ended": 4401,
    "key_ended": 4401,
    "no_subscribe": 4408,
    "silent": 4408,
    "too_big": 4413,
    "too_many_messages": 4413,
}


def parse_client_message(text: str) -> ClientMessage:
    """The message. Raises `Goodbye` that names the field when it is not one."""
    try:
        message = _decoder.decode(text)
    except msgspec.ValidationError as error:
        raise Goodbye("invalid_message", str(error), _field_in(str(error))) from error
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise Goodbye("invalid_message", "not valid JSON") from error
    if isinstance(message, Subscribe):
        if not (message.all or message.evses or message.sites or message.sessions):
            raise Goodbye("invalid_message", "say all, or which evses, sites or sessions", "all")
        if any("\0" in evse_uid for evse_uid in message.evses):
            raise Goodbye("invalid_message", "must not contain NUL", "evses")
    return message


def _field_in(message: str) -> str | None:
    """The field that msgspec's message speaks of: a path, or an unknown field's name."""
    path = re.search(r"at `(?:key in )?\$\.([A-Za-z_]+)", message)
    unknown = re.search(r"(?:unknown|required) field `(.{1,64}?)`", message)
    found = path or unknown
    return None if found is None else found[1]
