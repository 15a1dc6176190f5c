"""What our receiver does on a connection, against a broker that follows a script."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from solarrally.brokers import mosquitto, receiver
from solarrally.brokers.address import parse_address
from solarrally.brokers.backoff import Backoff
from solarrally.brokers.mosquitto import MosquittoBroker
from solarrally.errors import SettingsError
from solarrally.ingest.ports import Delivery
from tests.unit.brokers.broker_bytes import PINGRESP, connack, disconnect, publish, suback, text
from tests.unit.brokers.scripted_broker import (
    CONNECT,
    DISCONNECT,
    PATIENCE_S,
    PINGREQ,
    PUBACK,
    PUBLISH,
    SUBSCRIBE,
    Link,
    ScriptedBroker,
    scripted_broker,
)


@pytest.fixture
async def server() -> AsyncIterator[ScriptedBroker]:
    async with scripted_broker() as running:
        yield running


def adapter(server: ScriptedBroker, **changes: object) -> MosquittoBroker:
    options = {
        "client_id": "ingestor",
        "topic_filters": ["evse/#"],
        "receive_maximum": 100,
        "backoff": Backoff(first_s=0.001, longest_s=0.002),
        **changes,
    }
    return MosquittoBroker(
        parse_address(f"mqtt://127.0.0.1:{server.port}"),
        now=lambda: datetime.now(UTC),
        **options,  # type: ignore[arg-type]
    )


@asynccontextmanager
async def connected(server: ScriptedBroker, **changes: object) -> AsyncIterator[tuple[MosquittoBroker, Link]]:
    """An adapter and its connection, after the handshake."""
    async with adapter(server, **changes).connection() as broker:
        link = await server.link()
        await link.let_in()
        yield broker, link
        link.hang_up()  # a real one does so when we leave; this one does not read any more


async def take(broker: MosquittoBroker, count: int) -> list[Delivery]:
    taken: list[Delivery] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(taken) < count:
            taken += await broker.next_batch(count - len(taken), timeout_s=1)
    return taken


def numbered(*numbers: int, **options: object) -> bytes:
    return b"".join(publish(b"%d" % n, packet_id=n, **options) for n in numbers)  # type: ignore[arg-type]


def payloads(deliveries: list[Delivery]) -> list[int]:
    return [int(delivery.payload) for delivery in deliveries]


# -- handing over and acknowledging ------------------------------------------------------------------


async def test_deliveries_come_in_order_each_with_an_instant_of_its_own(server: ScriptedBroker) -> None:
    async with connected(server) as (broker, link):
        link.send(numbered(1, 2, 3))
        first = await take(broker, 3)
        link.send(numbered(4, 5))
        deliveries = first + await take(broker, 2)

    assert payloads(deliveries) == [1, 2, 3, 4, 5]
    assert all(one.received_at < next_one.received_at for one, next_one in pairwise(deliveries))
    assert broker.received_messages == 5
    assert broker.received_bytes == len(connack() + suback(1, 1) + numbered(1, 2, 3, 4, 5))
    assert broker.last_heard_at is not None


async def test_a_batch_is_at_most_what_was_asked_for(server: ScriptedBroker) -> None:
    async with connected(server) as (broker, link):
        link.send(numbered(*range(1, 11)))
        assert len(await take(broker, 1)) == 1

        assert payloads(await broker.next_batch(4, timeout_s=1)) == [2, 3, 4, 5]
        assert broker.waiting == 5


async def test_what_came_while_reading_rested_is_in_the_next_batch(
    server: ScriptedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mosquitto, "GATHER_S", 3600)  # it rests until it is asked
    async with connected(server) as (broker, link):
        for number in (1, 2):
            link.send(numbered(number))
            await _until_waiting(broker, number)
        link.send(numbered(3))

        assert payloads(await broker.next_batch(10, timeout_s=1)) == [1, 2, 3]


async def test_reading_that_rests_goes_on_by_itself(server: ScriptedBroker) -> None:
    async with connected(server) as (broker, link):
        for number in (1, 2, 3, 4):
            link.send(numbered(number))
            await _until_waiting(broker, number)


async def test_a_batch_is_acknowledged_in_order_but_for_qos_0(server: ScriptedBroker) -> None:
    async with connected(server) as (broker, link):
        link.send(numbered(5, 6) + publish(b"7", qos=0) + numbered(8))
        await broker.acknowledge(await take(broker, 4))

        assert await link.acknowledged(3) == [5, 6, 8]


async def test_what_a_past_connection_brought_is_not_acknowledged_on_the_next(server: ScriptedBroker) -> None:
    async with connected(server) as (broker, link):
        link.send(numbered(1, 2, 3))
        old = await take(broker, 3)
        link.hang_up()

        second = await server.link()
        await second.let_in()
        second.send(numbered(1, 2, 3, again=True))
        again = await take(broker, 3)
        await broker.acknowledge(old + again[:1])

        assert await second.acknowledged(1) == [1]
        assert [each.connection - old[0].connection for each in again] == [1, 1, 1]
        assert all(each.redelivered for each in again)
        await broker.acknowledge(again[1:])
        assert await second.acknowledged(2) == [2, 3]
        second.hang_up()


async def test_what_waits_when_the_connection_is_lost_is_kept(server: ScriptedBroker) -> None:
    """A broker that was killed may have forgotten it; a living one repeats it."""
    async with connected(server) as (broker, link):
        link.send(numbered(1, 2, 3) + publish(b"4", qos=0))
        await _until(lambda: broker.waiting == 4)
        link.hang_up()
        second = await server.link()
        await second.let_in()
        second.send(numbered(1, again=True))

        taken = await take(broker, 5)
        await broker.acknowledge(taken)

        assert payloads(taken) == [1, 2, 3, 4, 1]
        assert await second.acknowledged(1) == [1]
        second.hang_up()


async def test_what_waits_at_the_end_is_left_to_the_broker(server: ScriptedBroker) -> None:
    async with connected(server) as (broker, link):
        link.send(numbered(1, 2, 3))
        await _until(lambda: broker.waiting == 3)

    assert broker.waiting == 0


async def test_nothing_in_time_is_an_empty_batch(server: ScriptedBroker) -> None:
    async with connected(server) as (broker, _):
        assert await broker.next_batch(10, timeout_s=0.01) == []


# -- introducing ourselves ---------------------------------------------------------------------------


async def test_each_filter_is_subscribed_by_a_packet_of_its_own(server: ScriptedBroker) -> None:
    async with adapter(server, topic_filters=["a/#", "b/#"]).connection() as broker:
        link = await server.link()
        await link.expect(CONNECT)
        link.send(connack())
        assert broker.listening_since is None
        first = await link.expect(SUBSCRIBE)
        link.send(suback(1, 1))
        second = await link.expect(SUBSCRIBE)
        link.send(suback(2, 1))
        await _until(lambda: broker.listening_since is not None)
        link.hang_up()

    assert first == b"\x00\x01\x00" + text("a/#") + b"\x05"
    assert second == b"\x00\x02\x00" + text("b/#") + b"\x05"


async def test_what_the_session_kept_may_come_before_the_subscription_is_answered(
    server: ScriptedBroker,
) -> None:
    async with adapter(server).connection() as broker:
        link = await server.link()
        await link.expect(CONNECT)
        link.send(connack(session_present=True) + numbered(1, 2))

        assert payloads(await take(broker, 2)) == [1, 2]
        link.hang_up()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0x86, "bad user name or password (0x86)"),
        (0x87, "not authorised (0x87)"),
        (3, "unknown reason (0x03)"),
    ],
)
async def test_a_refusal_is_said_in_words_and_tried_again(
    server: ScriptedBroker, code: int, words: str
) -> None:
    with capture_logs() as logs:
        async with adapter(server).connection():
            link = await server.link()
            await link.expect(CONNECT)
            link.send(connack(code, properties=b"\x1f" + text("says the broker")))
            link.hang_up()
            second = await server.link()
            second.hang_up()

    said = next(entry for entry in logs if entry["event"] == "broker_unavailable")
    assert f"{words}: says the broker" in said["error"]


async def test_a_refused_subscription_is_an_error_that_names_the_filter_and_is_tried_again(
    server: ScriptedBroker,
) -> None:
    with capture_logs() as logs:
        async with adapter(server).connection() as broker:
            link = await server.link()
            await link.let_in(0x87)
            assert await link.expect(DISCONNECT) == b""
            link.hang_up()
            second = await server.link()
            assert broker.listening_since is None
            second.hang_up()

    said = next(entry for entry in logs if entry["event"] == "subscription_refused")
    assert said["log_level"] == "error"
    assert (said["topic_filter"], said["reason"]) == ("evse/#", "not authorised (0x87)")


async def test_a_subscription_that_loses_messages_is_said_loudly(server: ScriptedBroker) -> None:
    with capture_logs() as logs:
        async with adapter(server).connection() as broker:
            link = await server.link()
            await link.let_in(0)
            await _until(lambda: broker.listening_since is not None)
            link.hang_up()

    assert "subscription_without_acknowledgement" in [entry["event"] for entry in logs]


async def test_a_session_the_broker_forgot_is_said_loudly(server: ScriptedBroker) -> None:
    with capture_logs() as logs:
        async with connected(server) as (broker, link):
            await _until(lambda: broker.listening_since is not None)
            link.hang_up()
            second = await server.link()
            await second.let_in(session_present=False)
            await _until(lambda: broker.listening_since is not None)
            second.hang_up()

    assert [entry["log_level"] for entry in logs if entry["event"] == "broker_session_lost"] == ["error"]


async def test_a_broker_that_never_answers_is_given_up(
    server: ScriptedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "ANSWER_TIMEOUT_S", 0.05)
    monkeypatch.setattr(receiver, "LEAVE_TIMEOUT_S", 0.05)
    async with adapter(server).connection():
        first, second = await server.link(), await server.link()
        await first.expect(CONNECT)
        await second.expect(CONNECT)
        first.hang_up()
        second.hang_up()


async def test_a_subscription_may_be_answered_after_a_backlog_that_nobody_can_store_yet(
    server: ScriptedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "ANSWER_TIMEOUT_S", 0.4)
    async with adapter(server, max_waiting=2).connection() as broker:
        link = await server.link()
        await link.expect(CONNECT)
        link.send(connack(session_present=True))
        await link.expect(SUBSCRIBE)
        link.send(numbered(1, 2))
        await _until_waiting(broker, 2)  # from here on nothing is read
        link.send(suback(1, 1))
        await asyncio.sleep(1.0)
        assert broker.listening_since is None

        assert payloads(await take(broker, 2)) == [1, 2]
        await _until(lambda: broker.listening_since is not None)
        assert broker.reconnects == 0
        link.hang_up()


# -- losing the connection ---------------------------------------------------------------------------


async def test_who_is_taken_over_says_so_and_gives_way(server: ScriptedBroker) -> None:
    with capture_logs() as logs:
        async with connected(server, backoff=Backoff(first_s=0.001, longest_s=600)) as (_, link):
            link.send(disconnect(0x8E))
            assert await link.is_over()
            await _until(lambda: any(entry["event"] == "broker_unavailable" for entry in logs))

    [said] = [entry for entry in logs if entry["event"] == "session_taken_over"]
    assert said["client_id"] == "ingestor"
    [lost] = [entry for entry in logs if entry["event"] == "broker_unavailable"]
    assert lost["retry_in_s"] >= 300
    assert server.nobody_came


async def test_the_brokers_reason_to_disconnect_is_logged(server: ScriptedBroker) -> None:
    with capture_logs() as logs:
        async with connected(server) as (broker, link):
            link.send(disconnect(0x8B, b"\x1f" + text("back soon")))
            second = await server.link()
            await second.let_in()
            await _until(lambda: broker.listening_since is not None)
            second.hang_up()

    [lost] = [entry for entry in logs if entry["event"] == "broker_unavailable"][:1]
    assert "server shutting down (0x8B): back soon" in lost["error"]
    assert broker.reconnects == 1


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (publish(b"", qos=2), 0x9B),
        (publish(b"", properties=b"\x23\x00\x01"), 0x94),
        (b"\x32\xff\xff\xff\xff\x01", 0x81),
        (connack(), 0x82),
        (suback(9, 1), 0x82),
    ],
    ids=["QoS 2", "topic alias", "malformed", "second CONNACK", "SUBACK for nothing"],
)
async def test_what_is_no_mqtt_5_is_told_the_broker_counted_and_connected_anew(
    server: ScriptedBroker, data: bytes, code: int
) -> None:
    async with connected(server) as (broker, link):
        await _until(lambda: broker.listening_since is not None)
        link.send(data)

        assert await link.expect(DISCONNECT) == bytes([code])
        link.hang_up()
        second = await server.link()
        await second.let_in()
        second.send(numbered(1))
        assert payloads(await take(broker, 1)) == [1]
        assert broker.protocol_errors == 1
        second.hang_up()


async def test_a_subscription_answered_with_the_wrong_number_of_codes_is_a_protocol_error(
    server: ScriptedBroker,
) -> None:
    async with adapter(server).connection() as broker:
        link = await server.link()
        await link.expect(CONNECT)
        link.send(connack())
        await link.expect(SUBSCRIBE)
        link.send(suback(1, 1, 1))
        await link.expect(DISCONNECT)
        link.hang_up()
        second = await server.link()
        assert broker.protocol_errors == 1
        second.hang_up()


async def test_nothing_is_taken_from_a_broker_that_has_not_let_us_in(server: ScriptedBroker) -> None:
    async with adapter(server).connection() as broker:
        link = await server.link()
        await link.expect(CONNECT)
        link.send(numbered(1))
        assert await link.expect(DISCONNECT) == b"\x82"
        link.hang_up()
        assert broker.waiting == 0


async def test_an_error_of_our_own_reaches_whoever_waits(
    server: ScriptedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(self: MosquittoBroker) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(MosquittoBroker, "_listen_until_lost", fail)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        async with adapter(server).connection() as broker:
            await broker.next_batch(1, timeout_s=PATIENCE_S)


# -- keeping alive -----------------------------------------------------------------------------------


async def test_an_idle_connection_is_kept_alive_with_pings(server: ScriptedBroker) -> None:
    async with connected(server, keepalive_s=1) as (broker, link):
        for _ in range(4):
            assert await link.expect(PINGREQ) == b""
            link.send(PINGRESP)
        assert broker.reconnects == 0
        assert broker.listening_since is not None


async def test_a_broker_that_is_silent_for_one_and_a_half_intervals_is_left_though_we_write_to_it(
    server: ScriptedBroker,
) -> None:
    async with connected(server, keepalive_s=1) as (broker, link):
        link.send(numbered(1))
        [delivery] = await take(broker, 1)
        began_s = time.monotonic()
        while server.nobody_came:
            await broker.acknowledge([delivery])
            await asyncio.sleep(0.05)
        silent_s = time.monotonic() - began_s
        second = await server.link()
        second.hang_up()

    assert 1.0 < silent_s < 2.5


async def test_the_brokers_own_keep_alive_interval_is_taken(server: ScriptedBroker) -> None:
    async with adapter(server, keepalive_s=600).connection():
        link = await server.link()
        await link.let_in(properties=b"\x13\x00\x01")

        assert await link.expect(PINGREQ) == b""
        link.hang_up()


async def test_an_event_loop_that_was_busy_is_not_taken_for_a_silent_broker(server: ScriptedBroker) -> None:
    async with connected(server, keepalive_s=1) as (broker, link):
        for _ in range(2):
            time.sleep(1.6)  # noqa: ASYNC251  it is the point: nothing is read meanwhile
            assert await link.expect(PINGREQ) == b""
            link.send(PINGRESP)
        assert broker.reconnects == 0
        assert broker.listening_since is not None


async def test_a_paused_reader_pings_and_is_not_taken_for_deaf(server: ScriptedBroker) -> None:
    async with connected(server, keepalive_s=1, max_waiting=1) as (broker, link):
        link.send(numbered(1))
        await _until(lambda: broker.waiting == 1)
        for _ in range(4):  # two seconds
            assert await link.expect(PINGREQ) == b""
        link.send(numbered(2))

        assert payloads(await take(broker, 2)) == [1, 2]
        assert broker.reconnects == 0


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the system has no TCP_USER_TIMEOUT")
async def test_the_system_is_told_to_notice_a_dead_peer_as_soon_as_we_would(
    server: ScriptedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[socket.socket] = []
    tell = receiver._let_tcp_notice_dead_peers

    def see(link: socket.socket, keepalive_s: int) -> None:
        seen.append(link)
        tell(link, keepalive_s)

    monkeypatch.setattr(receiver, "_let_tcp_notice_dead_peers", see)
    async with connected(server, keepalive_s=30):
        [link] = seen
        assert link.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 45_000
        idle_s = link.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
        interval_s = link.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL)
        probes = link.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT)
        assert link.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert idle_s + probes * interval_s <= 45


# -- bounds ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bound", [{"max_waiting": 50}, {"max_waiting_bytes": 50_000}], ids=["count", "size"])
async def test_a_broker_that_sends_more_than_agreed_is_read_only_as_far_as_there_is_room(
    server: ScriptedBroker, bound: dict[str, int]
) -> None:
    """64 MB in packets of a kilobyte, ignoring the window: they stay in the broker and in its socket."""
    async with connected(server, **bound) as (broker, link):
        expected = 64_000
        for number in range(expected):
            link.send(publish(b"%01000d" % number, packet_id=1 + number % 65_535))
        await asyncio.sleep(0.3)
        assert 0 < broker.waiting < 2_000

        taken: list[int] = []
        while len(taken) < expected:
            batch = await broker.next_batch(1_000, timeout_s=PATIENCE_S)
            taken += payloads(batch)
            assert broker.waiting < 2_000

    assert taken == list(range(expected))


def test_by_default_four_windows_may_wait_and_never_less_than_a_bound() -> None:
    address = parse_address("mqtt://127.0.0.1")

    def max_waiting(receive_maximum: int) -> int:
        broker = MosquittoBroker(
            address,
            client_id="i",
            topic_filters=[],
            now=lambda: datetime.now(UTC),
            receive_maximum=receive_maximum,
        )
        return broker._arrivals._max_count

    assert (max_waiting(100), max_waiting(65_535)) == (20_000, 262_140)


async def test_a_packet_larger_than_any_we_want_is_refused_when_it_is_announced(
    server: ScriptedBroker,
) -> None:
    async with connected(server) as (_, link):
        link.send(b"\x32" + b"\x80\x80\x80\x21")

        assert await link.expect(DISCONNECT) == b"\x95"


# -- publishing --------------------------------------------------------------------------------------


async def test_messages_to_devices_go_out_in_order_with_qos_0(server: ScriptedBroker) -> None:
    async with connected(server) as (broker, link):
        await _until(lambda: broker.listening_since is not None)
        await broker.publish([("evse/a/acks", b"1"), ("evse/b/acks", b"")])

        assert await link.expect(PUBLISH) == text("evse/a/acks") + b"\x001"
        assert await link.expect(PUBLISH) == text("evse/b/acks") + b"\x00"
        assert broker.publishes_dropped == 0


async def test_what_cannot_be_sent_is_dropped_and_counted(server: ScriptedBroker) -> None:
    broker = adapter(server)
    await broker.publish([("a", b"1"), ("a", b"2")])
    assert broker.publishes_dropped == 2

    async with broker.connection():
        link = await server.link()
        await link.let_in(properties=b"\x27\x00\x00\x00\x10")  # the broker takes no more than 16 bytes
        await _until(lambda: broker.listening_since is not None)
        await broker.publish([("a/#", b"no topic"), ("a", b"x" * 20), ("a", b"good")])
        assert await link.expect(PUBLISH) == text("a") + b"\x00good"
        assert broker.publishes_dropped == 4
        link.hang_up()
        await _until(lambda: broker.listening_since is None)
        await broker.publish([("a", b"too late")])
    assert broker.publishes_dropped == 5


async def test_a_broker_that_does_not_read_gets_no_more(
    server: ScriptedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mosquitto, "UNSENT_BYTES_MAX", 100_000)
    async with connected(server) as (broker, link):
        await _until(lambda: broker.listening_since is not None)
        for _ in range(200):
            await broker.publish([("a", bytes(100_000))])
        assert 0 < broker.publishes_dropped < 200

        sent = 200 - broker.publishes_dropped
        for _ in range(sent):
            await link.expect(PUBLISH)


# -- leaving -----------------------------------------------------------------------------------------


async def test_we_leave_with_our_acknowledgements_and_a_goodbye(server: ScriptedBroker) -> None:
    async def served() -> list[tuple[int, bytes]]:
        said = [await link.packet() for _ in range(3)]
        link.send(numbered(3))  # under way while we leave: not ours any more
        link.hang_up()
        return said

    async with adapter(server).connection() as broker:
        link = await server.link()
        await link.let_in()
        link.send(numbered(1, 2))
        await broker.acknowledge(await take(broker, 2))
        serving = asyncio.create_task(served())

    assert await serving == [(PUBACK, b"\x00\x01"), (PUBACK, b"\x00\x02"), (DISCONNECT, b"")]
    assert broker.waiting == 0
    assert broker.listening_since is None


async def test_we_leave_at_once_also_when_we_had_stopped_reading(
    server: ScriptedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "LEAVE_TIMEOUT_S", 3600)

    async def served() -> None:
        await link.expect(DISCONNECT)
        link.hang_up()

    async with asyncio.timeout(PATIENCE_S):
        async with adapter(server, max_waiting=1).connection() as broker:
            link = await server.link()
            await link.let_in()
            await _until(lambda: broker.listening_since is not None)
            link.send(numbered(1))
            await _until_waiting(broker, 1)
            link.send(numbered(2))
            serving = asyncio.create_task(served())
        await serving


async def test_a_broker_that_does_not_hang_up_delays_us_no_longer_than_we_allow(
    server: ScriptedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "LEAVE_TIMEOUT_S", 0.05)
    async with asyncio.timeout(PATIENCE_S), adapter(server).connection():
        link = await server.link()
        await link.let_in()

    assert await link.expect(DISCONNECT) == b""


async def test_certificates_that_cannot_be_used_stop_the_start(tmp_path: Path) -> None:
    broker = MosquittoBroker(
        parse_address("mqtts://127.0.0.1"),
        client_id="ingestor",
        topic_filters=[],
        now=lambda: datetime.now(UTC),
        ca_file=tmp_path / "nowhere.pem",
    )
    with pytest.raises(SettingsError, match=r"mqtts://127\.0\.0\.1:8883"):
        async with broker.connection():
            raise AssertionError("it started")


async def _until_waiting(broker: MosquittoBroker, count: int) -> None:
    await _until(lambda: broker.waiting == count)


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():  # noqa: ASYNC110  what is waited for has no event of its own
            await asyncio.sleep(0.001)


async def test_a_refused_further_filter_is_said_and_the_rest_goes_on(server: ScriptedBroker) -> None:
    with capture_logs() as logs:
        async with connected(server) as (broker, link):
            await _until(lambda: broker.listening_since is not None)
            asking = asyncio.create_task(broker.hear(["home/#"]))
            body = await link.expect(SUBSCRIBE)
            link.send(suback(int.from_bytes(body[:2], "big"), 0x87))
            await asking
            link.send(numbered(1))

            assert payloads(await take(broker, 1)) == [1]
            link.hang_up()

    said = [entry for entry in logs if entry["event"] == "subscription_refused"]
    assert [(entry["log_level"], entry["topic_filter"]) for entry in said] == [("warning", "home/#")]
