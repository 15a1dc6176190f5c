"""Our adapters to brokers (`ingest.ports.Broker`): the same rules on the embedded broker, on a real
Mosquitto, and through AWS's SDK.

What is particular to one adapter is elsewhere: `MosquittoBroker` in tests/unit/brokers/test_mosquitto.py and
at the end of this file, `AwsIotBroker` in test_aws_iot_broker.py beside it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from solarrally.brokers.address import parse_address
from solarrally.brokers.aws_iot import AwsIotBroker
from solarrally.brokers.aws_iot_endpoint import ClientIdentity
from solarrally.brokers.mosquitto import MosquittoBroker
from solarrally.ingest.ports import Delivery
from tests.support.broker_places import PLACES, Place, PlainPlace, running_place
from tests.support.tcp_proxy import TcpProxy
from tests.support.tls_mosquitto import running_tls_mosquitto

PATIENCE_S = 15.0
AnyBroker = MosquittoBroker | AwsIotBroker


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with running_place(request.param, tmp_path) as running:
        yield running


def only(*names: str) -> pytest.MarkDecorator:
    """For a rule that the other adapters cannot have; the test says why."""
    return pytest.mark.parametrize("place", names, indirect=True)


@asynccontextmanager
async def connected(place: Place, **changes: Any) -> AsyncIterator[AnyBroker]:
    async with place.adapter(**changes).connection() as broker:
        await until_listening(broker)
        yield broker


async def until_listening(broker: AnyBroker) -> None:
    await until(lambda: broker.listening_since is not None)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():  # noqa: ASYNC110  the port has no event for it: nobody else waits
            await asyncio.sleep(0.01)


async def publish(
    place: Place,
    *payloads: bytes,
    topic: str = "evse/cp1/telemetry",
    qos: int = 1,
    retain: bool = False,
) -> None:
    async with place.device() as client:
        for payload in payloads:
            await client.publish(topic, payload, qos=qos, retain=retain)


async def take(broker: AnyBroker, count: int) -> list[Delivery]:
    """The next so many deliveries."""
    taken: list[Delivery] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(taken) < count:
            taken += await broker.next_batch(count - len(taken), timeout_s=1.0)
    return taken


def numbers(deliveries: list[Delivery]) -> list[int]:
    return [int(delivery.payload) for delivery in deliveries]


async def test_messages_arrive_in_order_with_what_the_pipeline_needs_to_know(place: Place) -> None:
    async with connected(place) as broker:
        await publish(place, *(b"%d" % n for n in range(50)))

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


async def test_what_was_not_acknowledged_comes_again_in_order_and_nothing_else(place: Place) -> None:
    async with connected(place) as broker:
        await publish(place, *(b"%d" % n for n in range(40)))
        deliveries = await take(broker, 40)
        await broker.acknowledge(deliveries[:25])

    async with connected(place) as broker:
        again = await take(broker, 15)
        await broker.acknowledge(again)
        nothing = await broker.next_batch(10, timeout_s=0.5)

    assert numbers(again) == list(range(25, 40))
    assert all(delivery.redelivered for delivery in again)
    assert nothing == []


async def test_messages_published_while_we_are_away_wait_for_us(place: Place) -> None:
    async with connected(place):
        pass
    await publish(place, *(b"%d" % n for n in range(300)))

    async with connected(place) as broker:
        received: list[Delivery] = []
        while len(received) < 300:
            batch = await take(broker, 1)
            await broker.acknowledge(batch)
            received += batch

    assert numbers(received) == list(range(300))


async def test_a_batch_is_what_has_arrived_and_never_waits_to_be_full(place: Place) -> None:
    async with connected(place) as broker:
        await publish(place, b"1")
        [only] = await broker.next_batch(1000, timeout_s=PATIENCE_S)

    assert only.payload == b"1"


async def test_it_comes_back_by_itself_after_the_broker_was_gone(place: Place) -> None:
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(connected(place))
        await publish(place, b"1")
        before = await take(broker, 1)
        await asyncio.to_thread(place.server.restart)
        await until_listening(broker)
        await broker.acknowledge(before)  # of a past connection: must not acknowledge something else
        await publish(place, b"2")

        after = await take(broker, 1)
        while after[-1].payload != b"2":
            after += await take(broker, 1)

    assert broker.reconnects >= 1
    assert after[-1].payload == b"2"


@only("python", "mosquitto", "aws_iot")
async def test_retained_messages_are_told_apart(place: Place) -> None:
    """Not of a group: a shared subscription is sent no retained messages (MQTT 5, 4.8.2)."""
    await publish(place, b'{"state":"online"}', topic="evse/cp1/status", retain=True)

    async with connected(place) as broker:
        [retained] = await take(broker, 1)

    assert retained.retained


@only("python", "mosquitto")
async def test_two_megabytes_arrive_whole_and_what_follows_them_too(place: Place) -> None:
    """AWS IoT Core takes no more than 128 KiB: that is test_aws_iot_broker's."""
    large = bytes(range(250)) * 8_000
    async with connected(place) as broker:
        await publish(place, large, b"1")

        received = await take(broker, 2)

    assert [delivery.payload for delivery in received] == [large, b"1"]


async def test_a_slow_line_that_cuts_packets_anywhere_changes_nothing(place: Place) -> None:
    with TcpProxy(place.server.port) as line:
        line.slow(delay_s=0.0, rate_bytes_per_s=2_000_000)
        async with connected(place, by=line) as broker:
            await publish(place, *(b"%d" % n + b" " * 7_001 * (n % 5) for n in range(50)))

            deliveries = await take(broker, 50)

    assert numbers(deliveries) == list(range(50))


async def test_qos_0_is_delivered_and_needs_no_acknowledgement(place: Place) -> None:
    async with connected(place, receive_maximum=2) as broker:
        await publish(place, *(b"%d" % n for n in range(10)), qos=0)
        deliveries = await take(broker, 10)
        await broker.acknowledge(deliveries)
        await publish(place, b"10")
        deliveries += await take(broker, 1)

    assert numbers(deliveries) == list(range(11))
    assert [delivery.qos for delivery in deliveries] == [0] * 10 + [1]


async def test_no_two_deliveries_are_received_at_the_same_instant(place: Place) -> None:
    async with connected(place, receive_maximum=1000) as broker:
        await publish(place, *(b"%d" % n for n in range(500)))

        deliveries: list[Delivery] = []
        while len(deliveries) < 500:
            batch = await take(broker, 1)
            await broker.acknowledge(batch)  # AWS's window is 100, whatever is asked for
            deliveries += batch

    assert all(one.received_at < another.received_at for one, another in pairwise(deliveries))


async def test_after_a_broken_line_what_was_not_acknowledged_comes_again_in_order(
    place: Place,
) -> None:
    with TcpProxy(place.server.port) as line:
        async with connected(place, by=line) as broker:
            await publish(place, *(b"%d" % n for n in range(60)))
            first = await take(broker, 40)
            await broker.acknowledge(first[:25])
            await broker.hear(["garage/#"])  # answered: by then the acknowledgements have been read, too
            await publish(place, b"60")
            kept = await take(broker, 21)  # the rest, which would be kept over the loss
            line.cut()
            await until(lambda: broker.listening_since is None)
            line.heal()
            await until_listening(broker)
            again = await take(broker, 36)
            await broker.acknowledge(first[25:])  # of the lost connection: these ids are somebody else's now
            nothing = await broker.next_batch(10, timeout_s=0.3)

    assert numbers(kept) == list(range(40, 61))
    assert numbers(again) == list(range(25, 61))
    assert all(delivery.redelivered for delivery in again)
    assert {delivery.connection for delivery in again} != {delivery.connection for delivery in first}
    assert nothing == []


async def test_at_most_the_window_is_delivered_until_we_acknowledge(place: Place) -> None:
    async with connected(place, receive_maximum=20) as broker:
        await publish(place, *(b"%d" % n for n in range(50)))
        window = await take(broker, 20)
        nothing = await broker.next_batch(10, timeout_s=0.3)
        await broker.acknowledge(window)
        rest: list[Delivery] = []
        while len(rest) < 30:
            batch = await take(broker, 1)
            await broker.acknowledge(batch)
            rest += batch

    assert nothing == []
    assert numbers(window + rest) == list(range(50))


async def test_a_backlog_larger_than_we_may_hold_is_read_bit_by_bit_and_whole(place: Place) -> None:
    async with connected(place):
        pass
    await publish(place, *(b"%d" % n + b" " * 2_000 for n in range(3_000)))

    received: list[Delivery] = []
    most_waiting = 0
    async with place.adapter(receive_maximum=1000, max_waiting=200).connection() as broker:
        while len(received) < 3_000:
            batch = await take(broker, 1)
            batch += await broker.next_batch(499, timeout_s=0.001)
            most_waiting = max(most_waiting, broker.waiting)
            await broker.acknowledge(batch)
            received += batch

    assert numbers(received) == list(range(3_000))
    assert most_waiting < 200 + 256_000 / 2_000  # one read may still come on top


async def test_a_line_on_which_nobody_answers_is_noticed_and_left(place: Place) -> None:
    with TcpProxy(place.server.port) as line:
        keepalive_s = place.shortest_keepalive_s
        async with connected(place, by=line, keepalive_s=keepalive_s) as broker:
            line.swallow()
            began_s = asyncio.get_running_loop().time()
            await until(lambda: broker.listening_since is None)
            noticed_s = asyncio.get_running_loop().time() - began_s
            line.heal()
            await until_listening(broker)
            await publish(place, b"1")
            assert numbers(await take(broker, 1)) == [1]

    assert noticed_s < 1.5 * keepalive_s + 1.5


async def test_an_idle_connection_stays(place: Place) -> None:
    keepalive_s = place.shortest_keepalive_s
    async with connected(place, keepalive_s=keepalive_s) as broker:
        assert await broker.next_batch(1, timeout_s=3.0 * keepalive_s) == []
        assert broker.listening_since is not None

    assert broker.reconnects == 0


async def test_who_is_taken_over_says_so_and_leaves_the_session_to_the_other(place: Place) -> None:
    with capture_logs() as logs:
        async with connected(place) as first, connected(place) as second:
            await until(lambda: first.listening_since is None)
            await publish(place, b"1")
            assert numbers(await take(second, 1)) == [1]
            assert second.reconnects == 0

    # Mosquitto 2.0 does not tell whom it throws out why.
    assert any(
        entry["event"] == "session_taken_over" or "has another our client id?" in entry.get("error", "")
        for entry in logs
    )


async def test_devices_hear_what_we_publish(place: Place) -> None:
    async with connected(place) as broker, place.device() as device:
        await device.subscribe("evse/cp1/acks", qos=1)
        await broker.publish([("evse/cp1/acks", b"%d" % n) for n in range(300)])
        async with asyncio.timeout(PATIENCE_S):
            heard = [int(bytes((await anext(device.messages)).payload)) for _ in range(300)]

    assert heard == list(range(300))
    assert broker.publishes_dropped == 0


async def test_it_waits_for_a_broker_that_is_not_there_yet(place: Place) -> None:
    await asyncio.to_thread(place.server.stop)
    async with place.adapter().connection() as broker:
        assert await broker.next_batch(10, timeout_s=0.5) == []
        assert broker.listening_since is None
        await asyncio.to_thread(place.server.start)

        await until_listening(broker)


# -- MosquittoBroker alone: who it is by password, and its own TLS ------------------------------------


@only("python", "mosquitto")
async def test_a_wrong_password_is_said_in_words(place: Place) -> None:
    assert isinstance(place, PlainPlace)
    url = f"mqtt://ingestor:wrong@127.0.0.1:{place.server.port}"
    with capture_logs() as logs:
        async with place.adapter(url=url).connection() as broker:
            await until(lambda: broker.reconnects > 0)

    said = [entry["error"] for entry in logs if entry["event"] == "broker_unavailable"]
    assert "refuses us: " in said[0]
    assert "not authorised" in said[0] or "bad user name or password" in said[0]
    assert "wrong" not in said[0]


async def test_over_tls_each_side_proves_who_it_is(tmp_path: Path) -> None:
    with running_tls_mosquitto(tmp_path) as server:
        options = {"topic_filters": ["evse/#"], "now": lambda: datetime.now(UTC)}
        here = parse_address(f"mqtts://localhost:{server.port}")
        elsewhere = parse_address(f"mqtts://127.1:{server.port}")  # a name that its certificate lacks
        ours = files_of(server.authority.identity("ingestor"))
        good = MosquittoBroker(here, client_id="i", **options, **ours)  # type: ignore[arg-type]
        sender = MosquittoBroker(here, client_id="sender", **options, **ours)  # type: ignore[arg-type]
        async with good.connection(), sender.connection():
            await until_listening(good)
            await until_listening(sender)
            await sender.publish([("evse/cp1/telemetry", b"x" * 500_000), ("evse/cp1/telemetry", b"2")])
            large, small = await take(good, 2)
            assert (len(large.payload), small.payload) == (500_000, b"2")

        unknown = {**ours, "ca_file": None}  # the system's authorities have not signed it
        for refused, address in ((unknown, here), (ours, elsewhere)):
            with capture_logs() as logs:
                broker = MosquittoBroker(address, client_id="i", **options, **refused)  # type: ignore[arg-type]
                async with broker.connection():
                    await until(lambda broker=broker: broker.reconnects > 0)  # type: ignore[misc]
            said = next(entry["error"] for entry in logs if entry["event"] == "broker_unavailable")
            assert "certificate verify failed" in said


def files_of(identity: ClientIdentity) -> dict[str, Path | None]:
    return {"ca_file": identity.ca_file, "cert_file": identity.cert_file, "key_file": identity.key_file}
