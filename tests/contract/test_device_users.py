"""Devices that speak another format share one user of `up`: any topic but ours. And what the ingestor listens
to follows the registry while it is connected.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import aiomqtt
import pytest

from solarrally.brokers.address import parse_address
from solarrally.brokers.mosquitto import MosquittoBroker
from solarrally.embedded.broker_process import BrokerProcess
from tests.support.brokers import running_broker

PATIENCE_S = 15.0


@pytest.fixture(scope="module", params=["python", "mosquitto"])
def server(request: pytest.FixtureRequest) -> Iterator[BrokerProcess]:
    with running_broker(request.param) as running:
        yield running


def client(server: BrokerProcess, user: str) -> aiomqtt.Client:
    address = parse_address(server.url_for(user))
    return aiomqtt.Client(address.host, address.port, username=address.username, password=address.password)


def ingestor(server: BrokerProcess, name: str) -> MosquittoBroker:
    return MosquittoBroker(
        parse_address(server.url_for("ingestor")),
        client_id=f"ingestor-{name}",
        topic_filters=["evse/#"],
        now=lambda: datetime.now(UTC),
    )


async def until_listening(broker: MosquittoBroker) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while broker.listening_since is None:  # noqa: ASYNC110  nobody else waits for it
            await asyncio.sleep(0.01)


async def topics_heard(broker: MosquittoBroker, until: str) -> list[str]:
    """The topics of what arrives, up to the one that is waited for."""
    heard: list[str] = []
    async with asyncio.timeout(PATIENCE_S):
        while until not in heard:
            deliveries = await broker.next_batch(100, timeout_s=0.2)
            await broker.acknowledge(deliveries)
            heard += [delivery.topic for delivery in deliveries]
    return heard


async def test_devices_may_use_any_topic_but_ours(server: BrokerProcess) -> None:
    broker = ingestor(server, "acl")
    async with broker.connection():
        await until_listening(broker)
        await broker.hear(["home/#", "/home/#"])
        async with client(server, "devices") as devices:
            await devices.publish("evse/cp1/telemetry", b"forged", qos=1)
            await devices.publish("evse/cp1/commands/1", b"forged", qos=1)
            await devices.publish("home/wallbox/amp", b"1", qos=1)
            await devices.publish("/home/wallbox/amp", b"2", qos=1)

        assert await topics_heard(broker, "/home/wallbox/amp") == ["home/wallbox/amp", "/home/wallbox/amp"]


async def test_devices_hear_what_is_sent_to_them_and_nothing_of_ours(server: BrokerProcess) -> None:
    async with client(server, "devices") as devices, client(server, "ingestor") as backend:
        await devices.subscribe("#")
        await backend.publish("evse/cp1/commands/1", b"secret", qos=1)
        await backend.publish("home/wallbox/override/set", b"clear", qos=1)
        async with asyncio.timeout(PATIENCE_S):
            first = await anext(aiter(devices.messages))

    assert str(first.topic) == "home/wallbox/override/set"


async def test_what_is_listened_to_changes_while_connected(server: BrokerProcess) -> None:
    broker = ingestor(server, "changes")
    async with broker.connection(), client(server, "devices") as devices:
        await until_listening(broker)
        await broker.hear(["attic/#"])
        await devices.publish("attic/box/amp", b"1", qos=1)
        first = await topics_heard(broker, "attic/box/amp")
        await broker.hear(["cellar/#"])
        await devices.publish("attic/box/amp", b"2", qos=1)
        await devices.publish("cellar/box/amp", b"3", qos=1)

        assert first == ["attic/box/amp"]
        assert await topics_heard(broker, "cellar/box/amp") == ["cellar/box/amp"]


async def test_what_was_asked_for_before_the_connection_is_heard_with_it(server: BrokerProcess) -> None:
    broker = ingestor(server, "early")
    await broker.hear(["shed/#"])
    async with broker.connection(), client(server, "devices") as devices:
        await until_listening(broker)
        await devices.publish("shed/box/amp", b"1", qos=1)

        assert await topics_heard(broker, "shed/box/amp") == ["shed/box/amp"]
