"""A message on its way to the broker, and the topics of a station."""

import json
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What to publish; `ts` is its simulated time, `session_number` the recorded session it belongs to.

    `seq` is the station's number for it, where the station numbers its messages; the payload says it too.
    """

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    ts: datetime | None = None
    session_number: int | None = None
    seq: int | None = None


def telemetry_topic(evse_uid: str) -> str:
    """Where a station publishes its readings."""
    return f"evse/{evse_uid}/telemetry"


def status_topic(evse_uid: str) -> str:
    """Where a station publishes (retained) whether it is online; also the topic of its last will."""
    return f"evse/{evse_uid}/status"


def acks_topic(evse_uid: str) -> str:
    """Where the backend says which of a station's numbered messages are stored."""
    return f"evse/{evse_uid}/acks"


def commands_filter(evse_uid: str) -> str:
    """Where a station hears what it is asked for; the last level is the command's id."""
    return f"evse/{evse_uid}/commands/+"


def result(evse_uid: str, command_id: str, status: str, detail: str | None) -> Message:
    """What a station says of a command."""
    fields = {"status": status} if detail is None else {"status": status, "detail": detail}
    return Message(topic=f"evse/{evse_uid}/results/{command_id}", payload=json.dumps(fields).encode())


def session_event(evse_uid: str, event: str, ts: datetime, **said: str | None) -> Message:
    """An explicit `started` or `ended`, with the fields that are said."""
    fields = {"timestamp": ts.isoformat(timespec="microseconds"), **said}
    known = {name: value for name, value in fields.items() if value is not None}
    return Message(topic=f"evse/{evse_uid}/session/{event}", payload=json.dumps(known).encode())


def station_of(topic: str) -> str:
    """The `evse_uid` of a topic of a station."""
    return topic.split("/", 2)[1]


def numbered(payload: bytes, seq: int) -> bytes:
    """A JSON object with `seq` as its last field; the rest keeps its bytes."""
    return payload[:-1] + b', "seq": %d}' % seq


def online(evse_uid: str, *, vendor: str, model: str, firmware: str, max_power_w: float) -> Message:
    """The retained message of a station that has just connected."""
    fields = {
        "state": "online",
        "model": model,
        "vendor": vendor,
        "firmware": firmware,
        "max_power_w": int(max_power_w) if float(max_power_w).is_integer() else max_power_w,
    }
    return Message(topic=status_topic(evse_uid), payload=json.dumps(fields).encode(), retain=True)


def offline(evse_uid: str) -> Message:
    """The retained message of a station that leaves; also its last will."""
    return Message(topic=status_topic(evse_uid), payload=b'{"state": "offline"}', retain=True)
