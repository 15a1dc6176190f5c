"""Our adapter to a broker (`ingest.ports.Broker`), on the embedded broker and on a real Mosquitto alike.

It fails, too, when a new aiomqtt or paho changes the private parts that `brokers.acking_client` uses.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

import aiomqtt
import pytest

from solarrally.brokers.address import parse_address
from solarrally.brokers.mosquitto import MosquittoBroker
from solarrally.embedded.broker_process import BrokerProcess
from solarrally.ingest.ports import Delivery
from tests.support.brokers import running_broker

PATIENCE_S = 15.0


@pytest.fixture(params=["python", "mosquitto"])
def server(request: pytest.FixtureRequest) -> Iterator[BrokerProcess]:
    with running_broker(request.param) as running:
        yield running


def adapter(server: BrokerProcess, **changes: object) -> MosquittoBroker:
    options = {
        "client_id": "ingestor-under-test",
        "topic_filters": ["evse/#"],
        "receive_maximum": 100,
        **changes,
    }
    return MosquittoBroker(
        parse_address(server.url_for("ingestor")),
        now=lambda: datetime.now(UTC),
        **options,  # type: ignore[arg-type]
    )


@asynccontextmanager
async def connected(server: BrokerProcess, **changes: object) -> AsyncIterator[MosquittoBroker]:
    async with adapter(server, **changes).connection() as broker:
        await until_listening(broker)
        yield broker


async def until_listening(broker: MosquittoBroker) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while broker.listening_since is None:  # noqa: ASYNC110  the port has no event for it: nobody else waits
            await asyncio.sleep(0.01)


async def publish(
    server: BrokerProcess, *payloads: bytes, topic: str = "evse/cp1/telemetry", retain: bool = False
) -> None:
    address = parse_address(server.url_for("fleet"))
    async with aiomqtt.Client(
        address.host, address.port, username=address.username, password=address.password
    ) as client:
        for payload in payloads:
            await client.publish(topic, payload, qos=1, retain=retain)


async def take(broker: MosquittoBroker, count: int) -> list[Delivery]:
    """The next so many deliveries."""
    taken: list[Delivery] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(taken) < count:
            taken += await broker.next_batch(count - len(taken), timeout_s=1.0)
    return taken


def numbers(deliveries: list[Delivery]) -> list[int]:
    return [int(delivery.payload) for delivery in deliveries]


async def test_messages_arrive_in_order_with_what_the_pipeline_needs_to_know(server: BrokerProcess) -> None:
    async with connected(server) as broker:
        await publish(server, *(b"%d" % n for n in range(50)))

        deliveries = await take(broker, 50)

    assert numbers(deliveries) == list(range(50))
    first = deliveries[0]
    assert (first.topic, first.qos, first.retained, first.redelivered) == (
        "evse/cp1/telemetry",
        1,
        False,
        False,
    )
    assert first.received_at.tzinfo is UTC


async def test_what_was_not_acknowledged_comes_again_in_order_and_nothing_else(server: BrokerProcess) -> None:
    async with connected(server) as broker:
        await publish(server, *(b"%d" % n for n in range(40)))
        deliveries = await take(broker, 40)
        await broker.acknowledge(deliveries[:25])

    async with connected(server) as broker:
        again = await take(broker, 15)
        await broker.acknowledge(again)
        nothing = await broker.next_batch(10, timeout_s=0.5)

    assert numbers(again) == list(range(25, 40))
    assert all(delivery.redelivered for delivery in again)
    assert nothing == []


async def test_messages_published_while_we_are_away_wait_for_us(server: BrokerProcess) -> None:
    async with connected(server):
        pass
    await publish(server, *(b"%d" % n for n in range(300)))

    async with connected(server) as broker:
        received: list[Delivery] = []
        while len(received) < 300:
            batch = await take(broker, 1)
            await broker.acknowledge(batch)
            received += batch

    assert numbers(received) == list(range(300))


async def test_a_batch_is_what_has_arrived_and_never_waits_to_be_full(server: BrokerProcess) -> None:
    async with connected(server) as broker:
        await publish(server, b"1")
        [only] = await broker.next_batch(1000, timeout_s=PATIENCE_S)

    assert only.payload == b"1"


async def test_it_comes_back_by_itself_after_the_broker_was_gone(server: BrokerProcess) -> None:
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(connected(server))
        await publish(server, b"1")
        before = await take(broker, 1)
        await asyncio.to_thread(server.restart)
        await until_listening(broker)
        await broker.acknowledge(before)  # of a past connection: must not acknowledge something else
        await publish(server, b"2")

        after = await take(broker, 1)
        while after[-1].payload != b"2":
            after += await take(broker, 1)

    assert broker.reconnects >= 1
    assert after[-1].payload == b"2"


async def test_retained_messages_are_told_apart(server: BrokerProcess) -> None:
    await publish(server, b'{"state":"online"}', topic="evse/cp1/status", retain=True)

    async with connected(server) as broker:
        [retained] = await take(broker, 1)

    assert retained.retained


async def test_a_megabyte_arrives_whole(server: BrokerProcess) -> None:
    async with connected(server) as broker:
        await publish(server, b"x" * 1_000_000)

        [large] = await take(broker, 1)

    assert len(large.payload) == 1_000_000


async def test_it_waits_for_a_broker_that_is_not_there_yet(server: BrokerProcess) -> None:
    await asyncio.to_thread(server.stop)
    async with adapter(server).connection() as broker:
        assert await broker.next_batch(10, timeout_s=0.5) == []
        assert broker.listening_since is None
        await asyncio.to_thread(server.start)

        await until_listening(broker)
