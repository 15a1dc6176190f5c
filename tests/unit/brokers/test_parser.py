"""However the bytes are cut, the deliveries are the same; what is no MQTT 5 is refused, and that is all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from solarrally.brokers import parser as parser_module
from solarrally.brokers import reasons
from solarrally.brokers.elements import ProtocolError
from solarrally.brokers.packets import Packet, Pingresp
from solarrally.brokers.parser import Parser
from solarrally.ingest.ports import Delivery
from tests.unit.brokers.broker_bytes import (
    PINGRESP,
    PROPERTIES,
    connack,
    disconnect,
    packet,
    publish,
    suback,
    text,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MAX_PACKET_BYTES = 1_000_000


def new_parser() -> Parser:
    return Parser(connection=7, max_packet_bytes=MAX_PACKET_BYTES)


def parsed(*chunks: bytes) -> tuple[list[Delivery], list[Packet]]:
    deliveries: list[Delivery] = []
    packets: list[Packet] = []
    parser = new_parser()
    for chunk in chunks:
        result = parser.feed(chunk, NOW)
        deliveries += result.deliveries
        packets += result.packets
    return deliveries, packets


def only(data: bytes) -> Delivery:
    [delivery], _ = parsed(data)
    return delivery


def refusal(data: bytes) -> int:
    """The code with which bytes are refused."""
    with pytest.raises(ProtocolError) as refused:
        new_parser().feed(data, NOW)
    return refused.value.code


@st.composite
def publishes(draw: st.DrawFn) -> tuple[bytes, Delivery]:
    """A PUBLISH, and the delivery it is."""
    qos = draw(st.integers(0, 1))
    topic = draw(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
    payload = draw(st.binary(max_size=40) | st.integers(0, 20_000).map(lambda size: b"x" * size))
    packet_id = draw(st.integers(1, 65_535)) if qos else 0
    retained, again = draw(st.booleans()), bool(qos) and draw(st.booleans())
    properties = draw(st.sampled_from([b"", b"", PROPERTIES]))
    data = publish(
        payload,
        topic=topic,
        qos=qos,
        packet_id=packet_id,
        retained=retained,
        again=again,
        properties=properties,
    )
    return data, Delivery(topic, payload, qos, retained, again, NOW, packet_id, 7)


@given(st.lists(publishes(), max_size=8), st.lists(st.integers(1, 30_000), max_size=12))
def test_a_stream_cut_anywhere_gives_the_same_deliveries(
    sent: list[tuple[bytes, Delivery]], cuts: list[int]
) -> None:
    stream = PINGRESP.join(data for data, _ in sent)
    chunks, position = [], 0
    for size in [*cuts, len(stream)]:
        chunks.append(stream[position : position + size])
        position += size

    deliveries, packets = parsed(*filter(None, chunks))

    assert [each._replace(received_at=NOW) for each in deliveries] == [delivery for _, delivery in sent]
    assert packets == [Pingresp()] * max(0, len(sent) - 1)


@pytest.mark.parametrize("size_bytes", [0, 1, 100, 127, 128, 16_383, 16_384, 20_000])
def test_a_packet_may_come_byte_by_byte(size_bytes: int) -> None:
    data = publish(b"x" * size_bytes, properties=PROPERTIES) + publish(b"next", packet_id=2)

    deliveries, _ = parsed(*(data[n : n + 1] for n in range(len(data))))

    assert [each.payload for each in deliveries] == [b"x" * size_bytes, b"next"]


def test_the_deliveries_of_a_chunk_are_a_microsecond_apart() -> None:
    deliveries, _ = parsed(publish(b"1") + publish(b"2") + publish(b"3"))

    assert [each.received_at - NOW for each in deliveries] == [timedelta(microseconds=n) for n in range(3)]


def test_what_is_counted_is_what_was_completed() -> None:
    parser, data = new_parser(), publish(b"1")

    sizes = [parser.feed(chunk, NOW).size_bytes for chunk in (data + data[:5], data[5:-1], data[-1:])]

    assert sizes == [len(data), 0, len(data)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"qos": 0}, (0, False, False, 0)),
        ({"qos": 0, "retained": True}, (0, True, False, 0)),
        ({"packet_id": 65_535}, (1, False, False, 65_535)),
        ({"packet_id": 9, "retained": True}, (1, True, False, 9)),
        ({"packet_id": 9, "again": True}, (1, False, True, 9)),
        ({"packet_id": 9, "retained": True, "again": True}, (1, True, True, 9)),
    ],
)
def test_flags_are_what_the_first_byte_says(options: dict, expected: tuple) -> None:
    delivery = only(publish(b"", **options))

    assert (delivery.qos, delivery.retained, delivery.redelivered, delivery.packet_id) == expected
    assert delivery.payload == b""


def test_a_topic_that_is_not_utf_8_is_replaced_and_not_refused() -> None:
    assert (
        only(publish(b"", topic=b"evse/\xff/telemetry")).topic == "evse/\N{REPLACEMENT CHARACTER}/telemetry"
    )


def test_topics_are_right_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser_module, "KNOWN_TOPICS_MAX", 3)
    monkeypatch.setattr(parser_module, "KNOWN_TOPIC_BYTES_MAX", 8)
    topics = [f"evse/{n % 7}/{'x' * (n % 3)}" for n in range(50)]

    deliveries, _ = parsed(b"".join(publish(b"", topic=topic) for topic in topics))

    assert [each.topic for each in deliveries] == topics


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(publish(b"", qos=2), reasons.QOS_NOT_SUPPORTED, id="QoS 2"),
        pytest.param(publish(b"", qos=3), reasons.MALFORMED_PACKET, id="QoS 3"),
        pytest.param(publish(b"", qos=0, again=True), reasons.MALFORMED_PACKET, id="DUP of QoS 0"),
        pytest.param(publish(b"", packet_id=0), reasons.PROTOCOL_VIOLATION, id="packet id 0"),
        pytest.param(publish(b"", topic=""), reasons.PROTOCOL_VIOLATION, id="no topic"),
        pytest.param(
            publish(b"", properties=b"\x23\x00\x01"), reasons.TOPIC_ALIAS_INVALID, id="a topic alias"
        ),
        pytest.param(
            publish(b"", topic="", properties=b"\x23\x00\x01"),
            reasons.PROTOCOL_VIOLATION,
            id="an alias for a topic",
        ),
        pytest.param(publish(b"", properties=b"\x21\x00\x01"), reasons.MALFORMED_PACKET, id="not of PUBLISH"),
        pytest.param(publish(b"", properties=b"\x7e"), reasons.MALFORMED_PACKET, id="unknown property"),
        pytest.param(
            publish(b"", properties=b"\x01\x01\x01\x01"), reasons.PROTOCOL_VIOLATION, id="property twice"
        ),
        pytest.param(
            publish(b"", properties=b"\x03\x00\x09a"), reasons.MALFORMED_PACKET, id="property too long"
        ),
        pytest.param(packet(0x32, text("t") + b"\x00\x01\x05ab"), reasons.MALFORMED_PACKET, id="properties"),
        pytest.param(packet(0x32, text("t") + b"\x00\x01"), reasons.MALFORMED_PACKET, id="no properties"),
        pytest.param(packet(0x32, text("t") + b"\x00"), reasons.MALFORMED_PACKET, id="half a packet id"),
        pytest.param(packet(0x30, text("tt")), reasons.MALFORMED_PACKET, id="QoS 0 without properties"),
        pytest.param(packet(0x32, b"\x00\x09topic"), reasons.MALFORMED_PACKET, id="topic too long"),
        pytest.param(packet(0x32, b"\x00"), reasons.MALFORMED_PACKET, id="one byte"),
        pytest.param(b"\x32\x00", reasons.MALFORMED_PACKET, id="nothing"),
        pytest.param(b"\x32\xff\xff\xff\xff\x01", reasons.MALFORMED_PACKET, id="length of five bytes"),
        pytest.param(b"\x32\xff\xff\xff\x7f", reasons.PACKET_TOO_LARGE, id="too large, when announced"),
        pytest.param(b"\x00\x00", reasons.PROTOCOL_VIOLATION, id="type 0"),
        pytest.param(packet(0x40, b"\x00\x01"), reasons.PROTOCOL_VIOLATION, id="PUBACK"),
        pytest.param(packet(0x10, b""), reasons.PROTOCOL_VIOLATION, id="CONNECT"),
        pytest.param(packet(0xF0, b""), reasons.PROTOCOL_VIOLATION, id="AUTH"),
        pytest.param(packet(0xD1, b""), reasons.PROTOCOL_VIOLATION, id="flags of PINGRESP"),
        pytest.param(packet(0xD0, b"x"), reasons.MALFORMED_PACKET, id="PINGRESP with content"),
    ],
)
def test_what_is_no_mqtt_5_is_refused_with_its_reason(data: bytes, code: int) -> None:
    assert refusal(data) == code


@pytest.mark.parametrize(
    "whole",
    [
        publish(b"payload"),
        publish(b"payload", qos=0),
        publish(b"payload", properties=PROPERTIES),
        connack(properties=b"\x13\x00\x3c\x1f" + text("reason")),
        suback(1, 1, properties=b"\x1f" + text("reason")),
        disconnect(0x8E, properties=b"\x1f" + text("reason")),
    ],
)
def test_a_packet_that_claims_to_be_shorter_is_refused_or_is_another_and_never_crashes(whole: bytes) -> None:
    """Every prefix of a body, under its own length."""
    for size in range(len(whole) - 2):
        _refused_or_parsed(packet(whole[0], whole[2 : 2 + size]))


@given(st.binary(max_size=80))
@example(b"\x32\x80")
@example(b"\x30\x04\x00\x01t\xff")
def test_rubbish_is_refused_and_nothing_else(data: bytes) -> None:
    _refused_or_parsed(data)


@given(st.sampled_from([0x20, 0x30, 0x31, 0x32, 0x33, 0x3A, 0x3B, 0x90, 0xD0, 0xE0]), st.binary(max_size=60))
def test_rubbish_in_a_good_frame_is_refused_and_nothing_else(first_byte: int, body: bytes) -> None:
    _refused_or_parsed(packet(first_byte, body))


@given(publishes(), st.data())
def test_one_changed_byte_is_refused_or_read_and_nothing_else(
    sent: tuple[bytes, Delivery], data: st.DataObject
) -> None:
    changed = bytearray(sent[0])
    changed[data.draw(st.integers(0, min(len(changed), 200) - 1))] = data.draw(st.integers(0, 255))
    _refused_or_parsed(bytes(changed))


def _refused_or_parsed(data: bytes) -> None:
    """Whole and byte by byte alike: the same deliveries, or a `ProtocolError`, whatever is left over."""

    def outcome(chunks: list[bytes]) -> list[tuple[str, bytes]] | str:
        try:
            return [(each.topic, each.payload) for each in parsed(*chunks)[0]]
        except ProtocolError:
            return "refused"

    assert outcome([data]) == outcome([data[n : n + 1] for n in range(len(data))])


def test_a_large_packet_in_small_chunks_arrives_whole_and_with_the_last_of_them() -> None:
    payload = bytes(900_000)
    data = publish(payload)
    parser = new_parser()
    chunks = [data[n : n + 64] for n in range(0, len(data), 64)]

    results = [parser.feed(chunk, NOW) for chunk in chunks]

    assert [len(each.deliveries) for each in results] == [0] * (len(chunks) - 1) + [1]
    assert results[-1].deliveries[0].payload == payload
