"""The packets we write are what the specification says, and what a broker answers is understood."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solarrally.brokers import packets, reasons
from solarrally.brokers.elements import ProtocolError
from solarrally.brokers.packets import Connack, Disconnect, Introduction, Suback, decode_packet
from tests.unit.brokers.broker_bytes import connack, disconnect, suback, text

WHO = Introduction(
    client_id="ingestor",
    username="user",
    password="pässword",
    keepalive_s=30,
    session_expiry_s=604_800,
    receive_maximum=65_535,
    max_packet_bytes=1_000_000,
)


def test_connect_takes_up_the_session_and_states_our_limits() -> None:
    body = (
        text("MQTT")
        + bytes([5, 0b1100_0000])  # level 5; user name and password, no clean start, no will
        + b"\x00\x1e"  # keep-alive
        + bytes([13])
        + b"\x11\x00\x09\x3a\x80"  # session expiry
        + b"\x21\xff\xff"  # receive maximum
        + b"\x27\x00\x0f\x42\x40"  # maximum packet size
        + text("ingestor")
        + text("user")
        + text("pässword")
    )
    assert packets.connect_packet(WHO) == bytes([0x10, len(body)]) + body


def test_subscribe_asks_for_qos_1() -> None:
    assert packets.subscribe_packet(3, "evse/#") == b"\x82\x0c\x00\x03\x00" + text("evse/#") + b"\x05"


@given(st.lists(st.integers(1, 65_535), max_size=50))
def test_acknowledgements_are_four_bytes_each_in_order(packet_ids: list[int]) -> None:
    expected = b"".join(b"\x40\x02" + packet_id.to_bytes(2, "big") for packet_id in packet_ids)

    assert packets.puback_packets(packet_ids) == expected


def test_publish_is_qos_0_and_may_be_long() -> None:
    assert packets.publish_packet("a/b", b"x" * 200) == b"\x30\xce\x01" + text("a/b") + b"\x00" + b"x" * 200


@pytest.mark.parametrize("topic", ["", "a/+/b", "#", "a\0b", "x" * 65_536, "\ud800"])
def test_nothing_is_published_under_what_is_no_topic(topic: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        packets.publish_packet(topic, b"")


def test_goodbye_has_a_reason_only_when_there_is_one() -> None:
    assert packets.disconnect_packet(reasons.NORMAL_DISCONNECTION) == b"\xe0\x00"
    assert packets.disconnect_packet(reasons.MALFORMED_PACKET) == b"\xe0\x01\x81"


def decoded(data: bytes) -> packets.Packet:
    return decode_packet(data[0], data[2:])


def test_connack_says_what_the_broker_changed() -> None:
    properties = (
        b"\x11\x00\x00\x0e\x10"  # session expiry
        + b"\x13\x00\x3c"  # keep-alive
        + b"\x27\x00\x02\x00\x00"  # maximum packet size
        + b"\x1f"
        + text("welcome")
        + b"\x21\x00\x64\x24\x01\x25\x00\x26"  # receive maximum, QoS, retain, a user property
        + text("a")
        + text("b")
    )
    assert decoded(connack(session_present=True, properties=properties)) == Connack(
        session_present=True,
        code=0,
        reason_string="welcome",
        keepalive_s=60,
        session_expiry_s=3600,
        max_packet_bytes=131_072,
    )


def test_a_refusal_may_come_without_properties() -> None:
    assert decode_packet(0x20, b"\x00\x84") == Connack(session_present=False, code=0x84)


def test_a_broker_that_speaks_mqtt_3_1_1_is_named() -> None:
    with pytest.raises(ProtocolError, match=r"MQTT 3\.1\.1"):
        decode_packet(0x20, b"\x00\x01")


def test_suback_may_say_why() -> None:
    assert decoded(suback(2, 0x87, properties=b"\x1f" + text("no"))) == Suback(
        packet_id=2, codes=(0x87,), reason_string="no"
    )


def test_a_disconnect_without_content_is_a_normal_one() -> None:
    assert decode_packet(0xE0, b"") == Disconnect(code=0)
    assert decode_packet(0xE0, b"\x8b") == Disconnect(code=0x8B)


def test_a_disconnect_may_name_another_server() -> None:
    assert decoded(disconnect(0x9D, b"\x1c" + text("there"))) == Disconnect(
        code=0x9D, server_reference="there"
    )


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0x86, "bad user name or password (0x86)"),
        (0x87, "not authorised (0x87)"),
        (0x8E, "session taken over (0x8E)"),
        (0xC7, "unknown reason (0xC7)"),
    ],
)
def test_reasons_are_said_in_words(code: int, words: str) -> None:
    assert reasons.in_words(code) == words
