"""The connection to the broker: nothing lost, nothing overtaken, wills and farewells."""

import asyncio
import random

import pytest

from solarrally_sim.broker_address import BrokerAddress, parse_broker
from solarrally_sim.message import Message, offline, online
from solarrally_sim.wire import (
    BACKOFF_MOST_S,
    BrokerUnreachableError,
    Publisher,
    backoff_s,
    pass_over_closed_sockets,
)
from tests.unit.sim.fake_broker import FakeBroker, Fate


def at(port: int) -> BrokerAddress:
    return BrokerAddress(host="127.0.0.1", port=port)


def numbered(count: int, stations: int = 1) -> list[Message]:
    return [Message(topic=f"evse/s{n % stations}/telemetry", payload=b"%d" % n) for n in range(count)]


async def test_messages_arrive_in_the_order_they_were_sent() -> None:
    messages = numbered(1000, stations=3)
    acknowledged: list[Message] = []
    async with (
        FakeBroker() as broker,
        Publisher(at(broker.port), "test", on_acknowledged=acknowledged.append) as publisher,
    ):
        for message in messages:
            await publisher.send(message)
        assert await publisher.close(5) == 0
    assert broker.received == [(message.topic, message.payload) for message in messages]
    assert acknowledged == messages


@pytest.mark.parametrize("how", [Fate.LOST, Fate.ACK_LOST])
async def test_broken_connections_neither_lose_nor_reorder_a_message(how: Fate) -> None:
    rng = random.Random(1)
    breaks = {rng.randrange(1, 900) for _ in range(6)}
    messages = numbered(900, stations=3)
    acknowledged: list[Message] = []
    async with (
        FakeBroker(fate_of=lambda n: how if n in breaks else Fate.ACKNOWLEDGED) as broker,
        Publisher(at(broker.port), "test", window=50, on_acknowledged=acknowledged.append) as publisher,
    ):
        for message in messages:
            await publisher.send(message)
        assert await publisher.close(10) == 0
    assert broker.connections == 1 + len(breaks)
    assert sorted(acknowledged, key=lambda message: int(message.payload)) == messages
    for topic in {message.topic for message in messages}:
        first_arrivals = list(dict.fromkeys(broker.received_on(topic)))  # repeats are allowed by QoS 1
        assert first_arrivals == [message.payload for message in messages if message.topic == topic]


async def test_what_is_sent_during_a_reconnection_does_not_overtake_what_is_sent_again() -> None:
    messages = numbered(400)
    async with (
        FakeBroker(fate_of=lambda n: Fate.LOST if n in (20, 150) else Fate.ACKNOWLEDGED) as broker,
        Publisher(at(broker.port), "test", window=1000) as publisher,
    ):
        for message in messages:  # the window never fills, so sending goes on all the time
            await publisher.send(message)
            await asyncio.sleep(0.002)
        assert await publisher.close(10) == 0
    assert broker.connections == 3
    first_arrivals = list(dict.fromkeys(broker.received_on("evse/s0/telemetry")))
    assert first_arrivals == [message.payload for message in messages]


async def test_messages_sent_while_the_broker_is_away_arrive_when_it_is_back() -> None:
    async with FakeBroker() as first:
        port = first.port
        publisher = Publisher(at(port), "test")
        await publisher.__aenter__()
        await publisher.send(Message(topic="t", payload=b"before"))
        await publisher.connected.wait()
    await publisher.send(Message(topic="t", payload=b"during"))
    async with FakeBroker(port=port) as second:
        assert await publisher.close(10) == 0
        assert second.received_on("t")[-1] == b"during"
    await publisher.__aexit__(None, None, None)


async def test_a_full_window_makes_the_sender_wait() -> None:
    async with Publisher(at(1), "test", window=2) as publisher:  # nobody listens on port 1
        for message in numbered(2):
            await publisher.send(message)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(publisher.send(Message(topic="t", payload=b"3")), 0.05)
        assert publisher.unacknowledged_count == 2
        assert await publisher.close(0.05) == 2


async def test_every_connect_begins_with_the_births_and_a_clean_end_says_farewell() -> None:
    birth = online("s0", vendor="v", model="m", firmware="1", max_power_w=7360)
    async with (
        FakeBroker(fate_of=lambda n: Fate.LOST if n == 3 else Fate.ACKNOWLEDGED) as broker,
        Publisher(at(broker.port), "test", births=[birth], farewells=[offline("s0")]) as publisher,
    ):
        for message in numbered(3):
            await publisher.send(message)
        assert await publisher.close(5) == 0
    assert broker.received_on("evse/s0/status") == [birth.payload, birth.payload, b'{"state": "offline"}']
    assert broker.received[-1] == ("evse/s0/status", b'{"state": "offline"}')


async def test_without_waiting_an_absent_broker_is_an_error_with_its_address() -> None:
    async with Publisher(at(1), "test", gives_up=True) as publisher:
        with pytest.raises(BrokerUnreachableError, match=r"127\.0\.0\.1:1"):
            await publisher.link


@pytest.mark.parametrize(("error", "is_shown"), [(OSError(9, "closed"), False), (OSError(5, "io"), True)])
async def test_only_the_traceback_about_a_closed_socket_is_kept_from_the_terminal(
    error: OSError, is_shown: bool, caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.get_running_loop()
    pass_over_closed_sockets(loop)
    try:
        loop.call_exception_handler({"message": "in a callback", "exception": error})
    finally:
        loop.set_exception_handler(None)
    assert ("in a callback" in caplog.text) is is_shown


def test_the_wait_between_attempts_doubles_up_to_its_limit() -> None:
    assert [backoff_s(n, 1.0) for n in range(4)] == [0.25, 0.5, 1.0, 2.0]
    assert backoff_s(50, 1.0) == BACKOFF_MOST_S
    assert backoff_s(3, 0.0) == 1.0


@pytest.mark.parametrize(
    ("url", "host", "port", "username", "password", "is_tls"),
    [
        ("mqtt://127.0.0.1", "127.0.0.1", 1883, None, None, False),
        ("mqtt://dev:p%40ss@broker:1884", "broker", 1884, "dev", "p@ss", False),
        ("mqtts://broker", "broker", 8883, None, None, True),
        ("mqtt://[::1]:1883/", "::1", 1883, None, None, False),
    ],
)
def test_a_broker_url_is_read(
    url: str, host: str, port: int, username: str | None, password: str | None, is_tls: bool
) -> None:
    assert parse_broker(url) == BrokerAddress(
        host=host, port=port, username=username, password=password, is_tls=is_tls
    )


@pytest.mark.parametrize(
    "url", ["", "broker:1883", "http://broker", "mqtt://", "mqtt://u:secret@b:x", "mqtt://b/t"]
)
def test_a_wrong_broker_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match="broker") as refusal:
        parse_broker(url)
    assert "secret" not in str(refusal.value)


def test_a_broker_is_shown_without_its_password() -> None:
    address = parse_broker("mqtt://dev:secret@broker")
    assert "secret" not in f"{address} {address!r}"
