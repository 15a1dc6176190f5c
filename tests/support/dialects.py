"""Recorded conversations of devices, played the way of all messages: routes, moments, native decoding.

A file of tests/payloads/<family>/ is one JSON object:

    source      where the messages are from: a repository and path, or a document
    why         the quirk that it holds
    stations    optional: entries of the registry, `{"evse_uid", "dialect", "base_topic"}`
    messages    what the broker delivers: `{"topic", "payload", "retained"?, "after_s"?, "qos"?}`. A payload
                that is text is what is on the wire, anything else is sent as JSON; `after_s`: since the
                message before (0)
    expected    the readings, in order, each whole: `evse_uid` and every field of `Reading` from `device_ts`
                on that is said, `connector_id` where it is not 1, `doubts`: names of `Quality` beside
                CLOCKLESS, and, where it is to be asserted, `at_s`: the receipt, in seconds since the first
                message; null where the reading has the device's time
    facts       optional: what each station named here said of itself in the end, by `evse_uid`
    online      optional: by `evse_uid`, each `is_online` that was told, in order
    rejected    optional: every message that was rejected, `{"topic", "reason", "field"?}`
    unknown     optional: the topics whose key nobody knows
    announced   optional: the base topics that devices announced, and nobody listened to
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from solarrally.dialects.families import FAMILIES
from solarrally.dialects.routes import Routes
from solarrally.domain.command import CommandResult
from solarrally.domain.fleet import StationFacts, StationRoute
from solarrally.domain.reading import FIRST_SAID, UNDATED, Quality, Reading
from solarrally.domain.station import judged_quality
from solarrally.ingest.batch import open_batch
from solarrally.ingest.devices import Devices
from solarrally.ingest.moments import Moments, Sorted
from solarrally.ingest.ports import Delivery
from tests.builders import MAX_POWER_W, T0

PAYLOADS = Path(__file__).resolve().parents[1] / "payloads"
MAX_PAYLOAD_BYTES = 131_072


def recordings() -> list[Path]:
    """Every recorded conversation."""
    return sorted(PAYLOADS.glob("*/*.json"))


@dataclass
class Heard:
    """What some messages turned out to say."""

    readings: list[tuple[str, Reading]] = field(default_factory=list)
    facts: list[tuple[str, StationFacts]] = field(default_factory=list)
    results: list[tuple[str, CommandResult]] = field(default_factory=list)
    rejected: list[tuple[str, str, str | None]] = field(default_factory=list)
    """Topic, reason, field."""
    unknown: list[str] = field(default_factory=list)
    """Topics."""
    acknowledged: int = 0
    """Deliveries with QoS above 0 that will be acknowledged."""


class Conversation:
    """Some devices, a broker between, and a clock that the test sets."""

    def __init__(self, stations: Iterable[StationRoute] = (), *, start: datetime = T0) -> None:
        self.routes = Routes(families=list(FAMILIES.values()), registered=FAMILIES.values())
        self.routes.learn(stations)
        self._first_filters = self.routes.topic_filters
        self.devices = Devices()
        self.heard = Heard()
        self.now = start
        self._moments = Moments(self.routes, self.devices)

    def hear(
        self,
        topic: str,
        payload: bytes | str,
        *,
        after_s: float = 0.0,
        retained: bool = False,
        qos: int = 0,
    ) -> Heard:
        """One message more."""
        self._wait(after_s)
        body = payload.encode() if isinstance(payload, str) else payload
        delivery = Delivery(
            topic=topic,
            payload=body,
            qos=qos,
            retained=retained,
            redelivered=False,
            received_at=self.now,
            packet_id=0,
            connection=1,
        )
        self._open(self._moments.take([delivery], self.now))
        return self.heard

    def _wait(self, seconds: float) -> None:
        """Moments end on time, as `ingest.gathering` looks at the clock."""
        until = self.now + timedelta(seconds=seconds)
        while (end := self._moments.next_end()) is not None and end <= until:
            self._open(self._moments.take([], end))
        self.now = until

    def end(self) -> Heard:
        """Nothing more is said."""
        self._open(self._moments.end_all())
        return self.heard

    def _open(self, came: Sorted) -> None:
        heard = self.heard
        heard.acknowledged += sum(one.qos > 0 for one in (*came.whole, *came.parts))
        for message in open_batch(came.whole, routes=self.routes, max_payload_bytes=MAX_PAYLOAD_BYTES):
            heard.rejected += [(part.topic, part.reason, part.field) for part in message.rejected]
            decoded = message.decoded
            if decoded is None:
                continue
            if decoded.unknown_fields:
                heard.unknown.append(message.delivery.topic)
            heard.readings += [
                (decoded.evse_uid, one._replace(quality=one.quality | judged_quality(one, MAX_POWER_W)))
                for one in decoded.readings
            ]
            if decoded.facts is not None:
                heard.facts.append((decoded.evse_uid, decoded.facts))
            if decoded.result is not None:
                heard.results.append((decoded.evse_uid, decoded.result))

    @property
    def announced(self) -> list[str]:
        """The base topics that devices announced and nobody listened to."""
        new = [one for one in self.routes.topic_filters if one not in self._first_filters]
        return [one.removesuffix("/#") for one in new if not one.startswith("/")]


def play(messages: Sequence[dict[str, Any]], conversation: Conversation) -> Heard:
    """All messages of a recording."""
    for message in messages:
        payload = message["payload"]
        conversation.hear(
            message["topic"],
            payload if isinstance(payload, str) else json.dumps(payload),
            after_s=message.get("after_s", 0.0),
            retained=message.get("retained", False),
            qos=message.get("qos", 0),
        )
    return conversation.end()


def shown(evse_uid: str, reading: Reading, *, start: datetime = T0) -> dict[str, Any]:
    """A reading as the recordings write it."""
    said: dict[str, Any] = {"evse_uid": evse_uid}
    if reading.connector_id != 1:
        said["connector_id"] = reading.connector_id
    for name, value in zip(Reading._fields[FIRST_SAID:], reading[FIRST_SAID:], strict=True):
        if isinstance(value, datetime):
            said[name] = value.isoformat().replace("+00:00", "Z")
        elif value is not None:
            said[name] = value
    doubts = Quality(reading.quality & ~Quality.CLOCKLESS)
    if doubts:
        said["doubts"] = [one.name for one in doubts]
    said["at_s"] = (reading.ts - start).total_seconds() if reading.quality & UNDATED else None
    return said
