"""The route table: which decoder reads which topic.

The station's identity is the topic level that the broker's ACL binds to the connection's credential, never
anything in the payload.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache, partial
from typing import TypeAlias

from solarrally.dialects import native
from solarrally.dialects.decoded import Decoded
from solarrally.domain.fleet import EVSE_UID_PATTERN
from solarrally.errors import RejectedMessage

_STATION_ID = re.compile(EVSE_UID_PATTERN)
_FROM_US = {"commands", "acks"}
_ROUTES_KEPT = 262_144
"""Of the topics heard most recently: a few for each station of a large fleet."""

Decoder: TypeAlias = Callable[[str, bytes, datetime], Decoded]


def decode(topic: str, payload: bytes, received_at: datetime, *, topic_root: str = "evse") -> Decoded:
    """What a message says, or `RejectedMessage` with the reason."""
    evse_uid, decoder = route(topic, topic_root)
    return decoder(evse_uid, payload, received_at)


@lru_cache(maxsize=_ROUTES_KEPT)
def route(topic: str, topic_root: str) -> tuple[str, Decoder]:
    """The station that a topic is of, and what reads its payload; or `RejectedMessage`."""
    levels = topic.split("/")
    if len(levels) < 3 or levels[0] != topic_root:
        raise RejectedMessage("unknown_topic", f"expected {topic_root}/<station>/<kind>")
    evse_uid, kind, rest = levels[1], levels[2], levels[3:]
    if not _STATION_ID.fullmatch(evse_uid):
        raise RejectedMessage(
            "bad_station_id",
            "a station id is 1 to 64 of A-Z a-z 0-9 . _ : @ -, beginning with a letter or digit",
        )
    match (kind, *rest):
        case ("telemetry",):
            return evse_uid, native.decode_telemetry
        case ("status",):
            return evse_uid, native.decode_status
        case ("session", "started"):
            return evse_uid, native.decode_session_started
        case ("session", "ended"):
            return evse_uid, native.decode_session_ended
        case ("results", command_id):
            return evse_uid, partial(native.decode_result, native.command_id_of(command_id))
        case (kind, *_) if kind in _FROM_US:
            return evse_uid, _ignore
        case _:
            raise RejectedMessage(
                "unknown_topic", f"no decoder for {topic_root}/<station>/{'/'.join(levels[2:])}"[:300]
            )


def _ignore(evse_uid: str, payload: bytes, received_at: datetime) -> Decoded:
    return Decoded(evse_uid=evse_uid)
