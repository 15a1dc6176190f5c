"""What a station and the ingestor may do at AWS IoT Core, as policy documents.

One policy serves all stations: AWS puts the name of the thing that the certificate is attached to in its
place (docs.aws.amazon.com/iot/latest/developerguide/thing-policy-variables.html, connect-policy.html). In the
ARN of a topic `+` and `#` are letters like others, and `*` is the only wildcard; it crosses levels. A
persistent session and a last will must be allowed by name (`iot:ConnectAttributes`, mqtt.html), a retained
message too (`iot:RetainPublish`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

MAX_POLICY_BYTES: Final = 2048
"""docs.aws.amazon.com/general/latest/gr/iot-core.html, without counting white space."""
THING: Final = "${iot:Connection.Thing.ThingName}"
_SAYS: Final = ("telemetry", "status", "session/*", "results/*")
_HEARS: Final = ("commands/*", "acks")

Document = Mapping[str, Any]


def station_policy(arn_prefix: str, *, topic_root: str = "evse") -> Document:
    """Of every station, each under its own name. `arn_prefix`: `arn:aws:iot:<region>:<account>`."""
    own = f"{topic_root}/{THING}"
    return _document(
        {
            "Sid": "AsItself",
            "Effect": "Allow",
            "Action": "iot:Connect",
            "Resource": f"{arn_prefix}:client/{THING}",
            "Condition": {
                "Bool": {"iot:Connection.Thing.IsAttached": "true"},
                **_connect_attributes("LastWill", "PersistentConnect"),
            },
        },
        _allow("Says", "iot:Publish", [f"{arn_prefix}:topic/{own}/{topic}" for topic in _SAYS]),
        _allow("IsRemembered", "iot:RetainPublish", [f"{arn_prefix}:topic/{own}/status"]),
        _allow("AsksFor", "iot:Subscribe", [f"{arn_prefix}:topicfilter/{own}/{topic}" for topic in _HEARS]),
        _allow("Hears", "iot:Receive", [f"{arn_prefix}:topic/{own}/{topic}" for topic in _HEARS]),
    )


def ingestor_policy(
    arn_prefix: str, *, client_id: str, topic_root: str = "evse", hears_stations: bool = True
) -> Document:
    """Of the ingestor, whose connections are `client_id` and what begins with it and a hyphen. With
    `hears_stations` False it only speaks: it reads a Kinesis stream instead.
    """
    clients = [f"{arn_prefix}:client/{client_id}-*"]
    to_stations = [f"{arn_prefix}:topic/{topic_root}/*/{topic}" for topic in _HEARS]
    if not hears_stations:
        return _document(
            _allow("AsIngestor", "iot:Connect", clients),
            _allow("SpeaksToStations", "iot:Publish", to_stations),
        )
    connect = {
        **_allow("AsIngestor", "iot:Connect", [f"{arn_prefix}:client/{client_id}", *clients]),
        "Condition": _connect_attributes("PersistentConnect"),
    }
    filters = [f"{arn_prefix}:topicfilter/{place}{topic_root}/*" for place in ("", "$share/*/")]
    return _document(
        connect,
        _allow("AsksFor", "iot:Subscribe", filters),
        _allow("HearsStations", "iot:Receive", [f"{arn_prefix}:topic/{topic_root}/*"]),
        _allow("SpeaksToStations", "iot:Publish", to_stations),
    )


def document_text(document: Document) -> str:
    """As AWS is given it. Raises `ValueError` for one that is too long."""
    text = json.dumps(document, separators=(",", ":"))
    if len(text.encode()) > MAX_POLICY_BYTES:
        raise ValueError(f"a policy of {len(text.encode())} bytes; AWS IoT Core takes {MAX_POLICY_BYTES}")
    return text


def _document(*statements: Document) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _allow(sid: str, action: str, resources: Sequence[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": action, "Resource": list(resources)}


def _connect_attributes(*allowed: str) -> dict[str, Any]:
    return {"ForAllValues:StringEquals": {"iot:ConnectAttributes": list(allowed)}}
