"""One message composed by hand, sent and acknowledged."""

import asyncio
import json
import queue
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import paho.mqtt.client as paho
import typer
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

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
    answer = await asyncio.to_thread(_publish, address, message)
    typer.echo(f"topic    {message.topic}{' (retained)' if message.retain else ''}")
    typer.echo(f"payload  {message.payload.decode(errors='backslashreplace')}")
    if answer.is_failure:
        typer.echo(f"refused by the broker at {address}: {answer}", err=True)
        return 1
    if message.qos:
        typer.echo(f"acknowledged by the broker at {address}")
    else:
        typer.echo(f"handed to the broker at {address}; QoS 0 is not acknowledged")
    return 0


def _publish(address: BrokerAddress, message: Message) -> ReasonCode:
    """What the broker answers, by MQTT 5: before that no broker could say that it refuses a message.

    aiomqtt keeps the reason to itself, so this is paho's own client.
    """
    answers: queue.Queue[ReasonCode] = queue.Queue()
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.on_publish = lambda _client, _userdata, _mid, reason, _properties: answers.put(reason)
    client.on_connect = lambda _client, _userdata, _flags, reason, _properties: connected.put(reason)
    connected: queue.Queue[ReasonCode] = queue.Queue()
    if address.username is not None:
        client.username_pw_set(address.username, address.password)
    context = address.tls_context()
    if context is not None:
        client.tls_set_context(context)
    client.connect_timeout = CONNECT_TIMEOUT_S
    try:
        client.connect(address.host, address.port)
        client.loop_start()
        welcome = connected.get(timeout=CONNECT_TIMEOUT_S)
        if welcome.is_failure:
            raise BrokerUnreachableError(address, str(welcome))
        client.publish(message.topic, message.payload, message.qos, message.retain)
        return answers.get(timeout=CONNECT_TIMEOUT_S)
    except queue.Empty as error:
        raise BrokerUnreachableError(address, f"no answer within {CONNECT_TIMEOUT_S:g} s") from error
    except (OSError, ValueError) as error:
        raise BrokerUnreachableError(address, str(error)) from error
    finally:
        client.disconnect()
        client.loop_stop()
