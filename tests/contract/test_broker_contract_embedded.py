"""What is particular to the embedded Python broker: its bounds, its clock, and what it refuses to do."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solarrally.embedded.broker import PythonBroker
from solarrally.embedded.broker_core import BrokerCore
from solarrally.embedded.broker_limits import BrokerLimits
from solarrally.embedded.broker_session import Session
from solarrally.embedded.broker_users import fleet_user, ingestor_user
from solarrally.embedded.mqtt_packets import (
    MQTT_5,
    Connect,
    Message,
    Publish,
    Reason,
    Subscription,
    connect_bytes,
    decode,
    publish_bytes,
)
from solarrally.embedded.mqtt_topics import is_topic_filter, matches
from solarrally.embedded.mqtt_wire import Frames, MalformedPacket, PacketTooLarge, Property

INGESTOR, FLEET = ingestor_user("i"), fleet_user("f")


def session_of(**limits: Any) -> Session:
    return Session("client", INGESTOR, BrokerLimits(**limits))


def telemetry(payload: str = "x", *, qos: int = 1, expires_in_s: int | None = None) -> Message:
    properties = {} if expires_in_s is None else {Property.MESSAGE_EXPIRY_INTERVAL: expires_in_s}
    return Message(topic="evse/s1/telemetry", payload=payload.encode(), qos=qos, properties=properties)


@pytest.mark.parametrize(
    ("limits", "kept"),
    [({"max_queued_messages": 3}, 3), ({"max_queued_size_bytes": 5}, 5)],
    ids=["count", "size"],
)
def test_a_full_queue_drops_the_newest_and_counts_them(limits: dict[str, int], kept: int) -> None:
    session = session_of(**limits)
    taken = [session.offer(telemetry(), now_s=0) for _ in range(10)]
    assert taken == [True] * kept + [False] * (10 - kept)
    assert (session.waiting, session.dropped) == (kept, 10 - kept)


def test_an_expired_message_is_dropped_and_a_living_one_tells_the_time_left() -> None:
    session = session_of()
    session.offer(telemetry("old", expires_in_s=5), now_s=0)
    session.offer(telemetry("good", expires_in_s=60), now_s=0)
    session.connected(receive_maximum=10)
    publish = session.next_to_send(now_s=10)
    assert publish is not None
    assert publish.message.payload == b"good"
    assert publish.message.properties[Property.MESSAGE_EXPIRY_INTERVAL] == 50


def test_qos_0_is_not_kept_for_a_client_that_is_away() -> None:
    session = session_of()
    assert not session.offer(telemetry(qos=0), now_s=0)
    assert session.dropped == 0


def test_a_session_is_forgotten_when_its_time_is_over() -> None:
    core = BrokerCore([INGESTOR], BrokerLimits())
    session, _ = core.open_session("c", INGESTOR, clean_start=False)
    session.disconnected(expires_at_s=100)
    assert core.expire_sessions(now_s=99) == 0
    assert core.expire_sessions(now_s=100) == 1
    assert core.open_session("c", INGESTOR, clean_start=False)[1] is False


def test_another_user_cannot_take_over_a_session_with_its_messages() -> None:
    core = BrokerCore([INGESTOR, FLEET], BrokerLimits())
    session, _ = core.open_session("c", INGESTOR, clean_start=False)
    core.subscribe(session, Subscription(topic_filter="evse/#", qos=1), now_s=0)
    stolen, was_there = core.open_session("c", FLEET, clean_start=False)
    assert not was_there
    assert stolen.subscriptions == {}


def test_overlapping_subscriptions_deliver_once_at_the_higher_qos() -> None:
    core = BrokerCore([INGESTOR], BrokerLimits())
    session, _ = core.open_session("c", INGESTOR, clean_start=True)
    session.connected(receive_maximum=10)
    core.subscribe(session, Subscription(topic_filter="evse/#", qos=0), now_s=0)
    core.subscribe(session, Subscription(topic_filter="evse/+/telemetry", qos=1), now_s=0)
    core.publish(telemetry(), session, now_s=0)
    assert session.waiting == 1
    publish = session.next_to_send(now_s=0)
    assert publish is not None
    assert publish.message.qos == 1


def test_shared_subscriptions_are_refused() -> None:
    core = BrokerCore([INGESTOR], BrokerLimits())
    session, _ = core.open_session("c", INGESTOR, clean_start=True)
    code = core.subscribe(session, Subscription(topic_filter="$share/g/evse/#", qos=1), now_s=0)
    assert code == Reason.SHARED_SUBSCRIPTIONS_NOT_SUPPORTED


async def test_publishing_with_qos_2_is_refused_with_its_reason() -> None:
    async with PythonBroker([INGESTOR]) as broker:
        reader, writer = await asyncio.open_connection("127.0.0.1", broker.port)
        hello = Connect(
            level=MQTT_5, client_id="c", clean_start=True, keep_alive_s=10, username="ingestor", password=b"i"
        )
        writer.write(connect_bytes(hello))
        writer.write(publish_bytes(Publish(message=telemetry(qos=2), packet_id=1), MQTT_5))
        async with asyncio.timeout(5):
            answer = await reader.read()  # CONNACK, then DISCONNECT with the reason, then the end
        writer.close()
        await writer.wait_closed()
    assert answer.endswith(bytes([0xE0, 2, Reason.QOS_NOT_SUPPORTED, 0]))


async def test_above_the_limit_of_sessions_a_client_is_refused() -> None:
    async with PythonBroker([INGESTOR], limits=BrokerLimits(max_sessions=0)) as broker:
        reader, writer = await asyncio.open_connection("127.0.0.1", broker.port)
        hello = Connect(
            level=MQTT_5, client_id="c", clean_start=True, keep_alive_s=10, username="ingestor", password=b"i"
        )
        writer.write(connect_bytes(hello))
        async with asyncio.timeout(5):
            answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    assert answer[3] == Reason.QUOTA_EXCEEDED


@pytest.mark.parametrize(
    ("topic_filter", "name", "expected"),
    [
        ("evse/+/telemetry", "evse/s1/telemetry", True),
        ("evse/+/telemetry", "evse/s1/x/telemetry", False),
        ("evse/#", "evse", True),
        ("evse/#", "evse/a/b", True),
        ("#", "evse/a", True),
        ("#", "$SYS/uptime", False),
        ("+/uptime", "$SYS/uptime", False),
        ("$SYS/#", "$SYS/uptime", True),
        ("evse/+", "evse/", True),
        ("evse/+", "evse", False),
    ],
)
def test_filters_match_as_the_specification_says(topic_filter: str, name: str, expected: bool) -> None:
    assert matches(topic_filter, name) is expected


@pytest.mark.parametrize("wrong", ["", "a/#/b", "a#", "a+/b", "a\0b"])
def test_malformed_filters_are_known(wrong: str) -> None:
    assert not is_topic_filter(wrong)


@given(st.binary(max_size=200), st.lists(st.integers(1, 40), max_size=10))
def test_however_the_bytes_are_cut_the_packets_are_the_same(payload: bytes, cuts: list[int]) -> None:
    message = Message(
        topic="evse/s1/telemetry", payload=payload, qos=1, properties={Property.CONTENT_TYPE: "t"}
    )
    stream = publish_bytes(Publish(message=message, packet_id=7), MQTT_5) * 2
    frames, packets, position = Frames(10_000), [], 0
    for size in [*cuts, len(stream)]:
        packets += frames.feed(stream[position : position + size])
        position += size
    assert [decode(*packet, MQTT_5) for packet in packets] == [Publish(message=message, packet_id=7)] * 2


@given(st.integers(0, 255), st.binary(max_size=60), st.sampled_from([4, 5]))
def test_rubbish_is_refused_and_never_crashes_the_decoder(first_byte: int, body: bytes, level: int) -> None:
    try:
        decode(first_byte, body, level)
    except MalformedPacket:
        return


def test_a_too_large_packet_is_refused_when_it_is_announced() -> None:
    with pytest.raises(PacketTooLarge):
        Frames(100).feed(b"\x30\x80\x01")
