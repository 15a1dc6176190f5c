"""Thousands of stations, each with a connection of its own, that all connect at once."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

from tests.support import mqtt_bytes
from tests.support.charging_fleet import Message
from tests.support.tcp_proxy import reset

SPARE_DESCRIPTORS = 500
CONNECT_TIMEOUT_S = 60.0


def all_at_once(mqtt_url: str, waves: Sequence[Sequence[Message]], *, timeout_s: float) -> None:
    """One wave after the other: every station of it connects, says that it is online, and sends its message.

    Before the next wave all of them are cut off, without a word: the broker publishes their wills.
    """
    _allow_descriptors(max(len(wave) for wave in waves) + SPARE_DESCRIPTORS)
    asyncio.run(asyncio.wait_for(_waves(mqtt_url, waves), timeout_s))


async def _waves(mqtt_url: str, waves: Sequence[Sequence[Message]]) -> None:
    for number, wave in enumerate(waves, 1):
        links = await asyncio.gather(*(_one(mqtt_url, message) for message in wave))
        for link in links:
            if number < len(waves):
                reset(link)
            else:
                link.write(mqtt_bytes.DISCONNECT)
                link.close()


async def _one(mqtt_url: str, message: Message) -> asyncio.StreamWriter:
    """The connection, after the broker has acknowledged both messages."""
    address = urlsplit(mqtt_url)
    reader, writer = await asyncio.wait_for(
        asyncio.open_connection(address.hostname, address.port), CONNECT_TIMEOUT_S
    )
    status = f"evse/{message.evse_uid}/status"
    writer.write(
        mqtt_bytes.connect(
            f"station-{message.evse_uid}",
            unquote(address.username or ""),
            unquote(address.password or ""),
            mqtt_bytes.Will(status, b'{"state": "offline"}'),
        )
        + mqtt_bytes.publish(status, b'{"state": "online"}', 1, is_retained=True)
        + mqtt_bytes.publish(message.topic, message.payload, 2)
    )
    arrived, acknowledged = mqtt_bytes.Arrived(), 0
    while acknowledged < 2:
        data = await reader.read(4096)
        if not data:
            raise ConnectionError(f"the broker closed the connection of {message.evse_uid}")
        acknowledged += sum(kind == mqtt_bytes.PUBACK for kind, _ in arrived.feed(data))
    return writer


def _allow_descriptors(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count:
        raise OSError(f"{count} connections need as many file descriptors; the hard limit is {hard}")
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
