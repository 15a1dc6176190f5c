"""One message composed by hand, sent and acknowledged."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import aiomqtt
import typer

from solarrally_sim.broker_address import BrokerAddress
from solarrally_sim.message import Message, telemetry_topic
from solarrally_sim.wire import CONNECT_TIMEOUT_S, BrokerUnreachableError


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """What was asked for: exactly one of `json_text`, `raw`, `file` and `fields`."""

    evse_uid: str | None = None
    topic: str | None = None
    json_text: str | None = None
    raw: str | None = None
    file: Path | None = None
    fields: Mapping[str, str | float] = field(default_factory=dict)
    qos: int = 1
    retain: bool = False


def compose(asked: Composition, *, now: datetime) -> Message:
    """The message; raises `ValueError` with what is missing or too much. Fields get `now` as timestamp."""
    if (asked.evse_uid is None) == (asked.topic is None):
        raise ValueError("give either EVSE_UID or --topic")
    ways = [asked.json_text is not None, asked.raw is not None, asked.file is not None, bool(asked.fields)]
    if sum(ways) != 1:
        raise ValueError("give the payload in one way: as field options, --json, --raw or --file")
    topic = asked.topic if asked.topic is not None else telemetry_topic(str(asked.evse_uid))
    if not topic or "+" in topic or "#" in topic:
        raise ValueError(f"nothing can be published to the topic {topic!r}")
    return Message(topic=topic, payload=_payload(asked, now), qos=asked.qos, retain=asked.retain)


def _payload(asked: Composition, now: datetime) -> bytes:
    if asked.raw is not None:
        return asked.raw.encode()
    if asked.file is not None:
        return asked.file.read_bytes()
    if asked.json_text is not None:
        try:
            json.loads(asked.json_text)
        except ValueError as error:
            raise ValueError(f"--json is not JSON ({error}); --raw sends anything") from error
        return asked.json_text.encode()
    return json.dumps({"timestamp": now.isoformat(timespec="microseconds"), **asked.fields}).encode()


async def publish_one(address: BrokerAddress, message: Message) -> int:
    """Send it and say so; returns the exit code. Raises `BrokerUnreachableError`."""
    try:
        async with aiomqtt.Client(
            address.host,
            address.port,
            username=address.username,
            password=address.password,
            tls_context=address.tls_context(),
            timeout=CONNECT_TIMEOUT_S,
        ) as client:
            await client.publish(message.topic, message.payload, message.qos, message.retain)
    except aiomqtt.MqttError as error:
        raise BrokerUnreachableError(address, str(error)) from error
    typer.echo(f"topic    {message.topic}{' (retained)' if message.retain else ''}")
    typer.echo(f"payload  {message.payload.decode(errors='backslashreplace')}")
    if message.qos:
        typer.echo(f"acknowledged by the broker at {address}")
    else:
        typer.echo(f"handed to the broker at {address}; QoS 0 is not acknowledged")
    return 0
