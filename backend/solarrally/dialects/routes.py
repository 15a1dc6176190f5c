"""The route table: which decoder reads which topic.

The station's identity is the topic level that the broker's ACL binds to the connection's credential, never
anything in the payload.
"""

from __future__ import annotations

import re
from datetime import datetime

from solarrally.dialects import native
from solarrally.dialects.decoded import Decoded
from solarrally.domain.reading import TransactionEvent
from solarrally.errors import RejectedMessage

_STATION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,63}")
_FROM_US = {"commands", "acks"}
_NOT_YET_READ = {"results"}


def decode(topic: str, payload: bytes, received_at: datetime, *, topic_root: str = "evse") -> Decoded:
    """What a message says, or `RejectedMessage` with the reason."""
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
            return native.decode_telemetry(evse_uid, payload, received_at)
        case ("status",):
            return native.decode_status(evse_uid, payload)
        case ("session", "started" | "ended" as event):
            return native.decode_session_event(evse_uid, TransactionEvent(event), payload, received_at)
        case (kind, _) if kind in _NOT_YET_READ:
            return Decoded(evse_uid=evse_uid)
        case (kind, *_) if kind in _FROM_US:
            return Decoded(evse_uid=evse_uid)
        case _:
            raise RejectedMessage(
                "unknown_topic", f"no decoder for {topic_root}/<station>/{'/'.join(levels[2:])}"[:300]
            )
