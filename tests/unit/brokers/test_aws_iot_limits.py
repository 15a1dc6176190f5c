"""What AWS IoT Core would end the connection for is refused before it is sent."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solarrally.brokers.aws_iot_endpoint import ClientIdentity, parse_endpoint
from solarrally.brokers.aws_iot_limits import aws_backoff, check_filters, check_message, in_packets, shared
from solarrally.errors import SettingsError


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("a/b/c/d/e/f/g/h", b"seven slashes"),
        ("t" * 256, b""),
        ("ä" * 128, b"256 bytes"),
        ("evse/cp1/telemetry", bytes(128 * 1024)),
        ("$aws/rules/telemetry/" + "t" * 256, b"Basic Ingest: its levels are not counted"),
        ("$aws/rules/telemetry/a/b/c/d/e/f/g/h", b""),
    ],
    ids=["seven slashes", "256 characters", "256 bytes", "128 KiB", "basic ingest", "basic ingest, deep"],
)
def test_what_is_just_within_the_limits_passes(topic: str, payload: bytes) -> None:
    check_message(topic, payload)


@pytest.mark.parametrize(
    ("topic", "payload", "said"),
    [
        ("a/b/c/d/e/f/g/h/i", b"", "8 slashes; AWS IoT Core takes 7"),
        ("t" * 257, b"", "257 bytes; AWS IoT Core takes 256"),
        ("ä" * 129, b"", "258 bytes; AWS IoT Core takes 256"),
        ("a", bytes(128 * 1024 + 1), r"131073 bytes; AWS IoT Core takes 131072 \(128 KiB\)"),
        ("evse/+/acks", b"", "no wildcards"),
        ("evse/#", b"", "no wildcards"),
        ("", b"", "is no topic"),
        ("$aws/rules/telemetry", b"", "is no topic"),
    ],
)
def test_what_is_beyond_them_is_refused_with_the_figures(topic: str, payload: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_message(topic, payload)


def test_a_connection_has_at_most_fifty_filters() -> None:
    check_filters([f"evse/{n}/#" for n in range(50)])
    with pytest.raises(ValueError, match="51 topic filters; AWS IoT Core takes 50"):
        check_filters([f"evse/{n}/#" for n in range(51)])


@given(st.lists(st.text(min_size=1), max_size=60))
def test_no_subscribe_has_more_than_eight_filters_and_none_is_left_out(filters: list[str]) -> None:
    packets = in_packets(filters)

    assert [one for packet in packets for one in packet] == filters
    assert all(1 <= len(packet) <= 8 for packet in packets)


def test_a_group_subscribes_to_the_same_filter_under_its_name() -> None:
    assert shared("evse/#", None) == "evse/#"
    assert shared("evse/#", "ingestors") == "$share/ingestors/evse/#"
    for wrong in ("", "a/b", "a+", "#", "x" * 129):
        with pytest.raises(ValueError, match="cannot name a shared subscription"):
            shared("evse/#", wrong)


def test_no_two_attempts_to_connect_come_within_a_second() -> None:
    backoff = aws_backoff()
    assert all(1.0 <= backoff.pause_s() <= 30.0 for _ in range(20))


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("a1b2-ats.iot.eu-west-1.amazonaws.com", "a1b2-ats.iot.eu-west-1.amazonaws.com", 8883),
        ("a1b2-ats.iot.eu-west-1.amazonaws.com:443", "a1b2-ats.iot.eu-west-1.amazonaws.com", 443),
        ("LOCALHOST:18883", "localhost", 18883),
    ],
)
def test_an_endpoint_is_a_host_name_and_perhaps_a_port(text: str, host: str, port: int) -> None:
    endpoint = parse_endpoint(text)
    assert (endpoint.host, endpoint.port, str(endpoint)) == (host, port, f"{host}:{port}")


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "https://a.example",
        "a.example/mqtt",
        "a.example:mqtt",
        "a.example:99999",
        "ann@a.example",
        "10.0.0.1",
    ],
)
def test_another_endpoint_is_refused_by_the_settings_name(wrong: str) -> None:
    with pytest.raises(SettingsError, match="SOLARRALLY_AWS_IOT_ENDPOINT"):
        parse_endpoint(wrong)


def test_certificates_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    identity = ClientIdentity(cert_file=tmp_path / "our.pem", key_file=tmp_path / "our.key")
    with pytest.raises(SettingsError, match=r"for there:8883 cannot be used \(.*our\.pem.*our\.key\)"):
        identity.check("there:8883")
