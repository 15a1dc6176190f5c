"""Which topics stations with passwords may use, and what their owners are told."""

from __future__ import annotations

import json

import pytest

from solarrally.provisioning.cutting_off import connect_packet
from solarrally.provisioning.handover import (
    Access,
    access_by_certificate,
    access_by_password,
    instructions,
    native_configuration,
    try_it,
)
from solarrally.provisioning.passwords import NameTooLong, check_username, new_password
from solarrally.provisioning.pki_folder import BrokerDoors
from solarrally.provisioning.station_topics import (
    NoBaseTopic,
    check_apart,
    default_base_topic,
    topics_of,
)
from solarrally.storage.queries.credentials import Provisionable

DOORS = BrokerDoors(host="mqtt.example.org")
FAMILIES = ("openevse", "goe", "goe_v1", "smartevse", "warp", "evcc", "tasmota", "everest")


def test_a_native_station_writes_neither_commands_nor_acks() -> None:
    topics = topics_of("native", "CP-1", None)

    assert topics.writes == (
        *("evse/CP-1/telemetry", "evse/CP-1/status"),
        *("evse/CP-1/session/started", "evse/CP-1/session/ended", "evse/CP-1/results/+"),
    )
    assert topics.reads == ("evse/CP-1/commands/#", "evse/CP-1/acks")


@pytest.mark.parametrize("dialect", FAMILIES)
def test_a_device_of_another_family_stays_below_its_base_topic(dialect: str) -> None:
    topics = topics_of(dialect, "W1", "garage/W1")

    for topic in (*topics.writes, *topics.reads):
        if topic != "openevse/announce/#":
            assert "garage" in topic.split("/")
            assert topic.endswith("/#")
            assert "+" not in topic


def test_slashes_and_empty_levels_in_front_make_no_difference() -> None:
    assert topics_of("goe", "W1", "/go-eCharger/123/") == topics_of("goe", "W1", "go-eCharger//123")
    assert "/go-eCharger/123/#" in topics_of("goe", "W1", "go-eCharger/123").writes


def test_tasmota_says_under_two_prefixes_and_hears_under_a_third() -> None:
    for base_topic in ("tele/meter1", "meter1"):
        topics = topics_of("tasmota", "W1", base_topic)
        assert topics.writes == ("tele/meter1/#", "stat/meter1/#")
        assert topics.reads == ("cmnd/meter1/#",)


@pytest.mark.parametrize("base_topic", ["+", "a/#", "a/b+c", "/", "//", "$SYS", "$CONTROL/dynamic-security"])
def test_a_base_topic_that_covers_others_is_refused(base_topic: str) -> None:
    with pytest.raises(NoBaseTopic):
        topics_of("openevse", "W1", base_topic)


@pytest.mark.parametrize(
    "base_topic", ["evse", "evse/CP-2", "/evse//CP-2", "openevse", "openevse/announce/1"]
)
@pytest.mark.parametrize("dialect", ["openevse", "goe"])
def test_a_base_topic_that_is_not_one_stations_own_is_refused(dialect: str, base_topic: str) -> None:
    with pytest.raises(NoBaseTopic, match="--base-topic"):
        topics_of(dialect, "W1", base_topic)


def neighbour(evse_uid: str, dialect: str, base_topic: str | None = None) -> Provisionable:
    return Provisionable(id=1, evse_uid=evse_uid, dialect=dialect, base_topic=base_topic, is_enabled=True)


@pytest.mark.parametrize(
    ("dialect", "base_topic", "other"),
    [
        ("warp", "go-eCharger", neighbour("goe1", "goe")),  # by default at go-eCharger/goe1
        ("warp", "home/box", neighbour("W2", "goe", "home/box")),
        ("warp", "home/box/left", neighbour("W2", "goe", "/home/box/")),
        ("warp", "home", neighbour("W2", "goe", "home/box")),
        ("warp", "cmnd/plug", neighbour("plug", "tasmota", "tele/plug")),
        ("tasmota", "meter", neighbour("W2", "warp", "stat")),
        ("evcc", "evcc/loadpoints/2", neighbour("W2", "warp", "evcc/site")),
        ("evcc", "home/loadpoints/1", neighbour("W2", "evcc", "home/a/loadpoints/1")),
    ],
)
def test_no_station_is_given_what_is_anothers(dialect: str, base_topic: str, other: Provisionable) -> None:
    with pytest.raises(NoBaseTopic, match=f"{other.evse_uid} has"):
        check_apart(dialect, "W1", base_topic, [other])


def test_stations_beside_each_other_are_left_alone() -> None:
    others = [
        neighbour("goe1", "goe"),
        neighbour("W2", "openevse", "home/box"),
        neighbour("W3", "openevse"),
        neighbour("CP-1", "native"),
    ]

    check_apart("warp", "W1", "home/box2", others)
    check_apart("goe", "goe", None, others)
    check_apart("openevse", "W1", None, others)
    check_apart("evcc", "W1", "evcc/loadpoints/2", [neighbour("W2", "evcc", "evcc/loadpoints/1")])


def test_two_stations_have_no_topic_in_common_by_default() -> None:
    for dialect in ("native", *FAMILIES):
        if dialect == "evcc":
            continue  # one connection for all its load points
        one, other = (set(topics_of(dialect, name, None).writes) for name in ("W1", "W2"))
        assert one & other <= {"openevse/announce/#"}
        assert default_base_topic(dialect, "W1") != default_base_topic(dialect, "W2")


def test_native_firmware_is_told_all_that_it_must_know() -> None:
    configuration = json.loads(native_configuration(access_by_certificate("CP-1", DOORS)))

    assert (configuration["host"], configuration["port"]) == ("mqtt.example.org", 8883)
    assert configuration["client_id"] == "CP-1"
    assert configuration["publish"]["telemetry"] == "evse/CP-1/telemetry"
    assert configuration["subscribe"] == ["evse/CP-1/commands/#", "evse/CP-1/acks"]
    assert [configuration[name] for name in ("ca_file", "certificate_file", "key_file")] == [
        *("ca.pem", "CP-1.pem", "CP-1.key")
    ]
    assert configuration["username"] is None


def test_the_line_to_try_names_what_is_there_and_no_password() -> None:
    line = try_it(access_by_password("CP-1", DOORS, "evse/CP-1"))

    assert line.startswith("mosquitto_pub -V 5 -h mqtt.example.org -p 8884 -i CP-1 --cafile ca.pem")
    assert '-P "$(cat CP-1.password)"' in line


@pytest.mark.parametrize("dialect", FAMILIES)
@pytest.mark.parametrize("has_tls", [True, False])
def test_every_family_is_told_host_port_and_base_topic(dialect: str, has_tls: bool) -> None:
    doors = BrokerDoors(host="mqtt.example.org", has_password_tls=has_tls)
    base_topic = default_base_topic(dialect, "W1")
    text = instructions(dialect, access_by_password("W1", doors, base_topic))

    assert "mqtt.example.org" in text
    assert "8884" in text
    assert "W1" in text
    assert base_topic.split("/")[0] in text or dialect == "tasmota"
    assert ("not encrypted" in text) is not has_tls


def test_without_tls_no_authority_is_named() -> None:
    access = Access(evse_uid="CP-1", host="10.0.0.2", port=1883, base_topic="evse/CP-1", has_tls=False)

    assert "cafile" not in try_it(access)
    assert json.loads(native_configuration(access))["ca_file"] is None


def test_passwords_differ_and_need_no_quoting() -> None:
    passwords = {new_password("native") for _ in range(100)}

    assert len(passwords) == 100
    assert all(len(one) == 24 and one.isalnum() and one.isascii() for one in passwords)


def test_what_a_device_can_hold_is_respected() -> None:
    """go-eCharger-API-v1: `mcu` and `mck` are of 16 characters."""
    assert len(new_password("goe_v1")) == 16
    check_username("goe_v1", "x" * 16)
    check_username("native", "x" * 64)
    with pytest.raises(NameTooLong, match="at most 16"):
        check_username("goe_v1", "x" * 17)


def test_a_connect_packet_is_as_the_standard_has_it() -> None:
    """MQTT 3.1.1, section 3.1: protocol name and level, flags, keep-alive, client id."""
    clean = connect_packet("CP-1", clean=True)

    assert clean == b"\x10\x10\x00\x04MQTT\x04\x02\x00\x0a\x00\x04CP-1"
    assert connect_packet("CP-1", clean=False)[9] == 0
    assert connect_packet("x" * 64, clean=True)[1] == 76
