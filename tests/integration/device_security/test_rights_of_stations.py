"""What a station may say and hear at the broker: its own, and nothing else."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from tests.support.secured_broker import SecuredBroker, save_pair
from tests.support.secured_doors import (
    DENIED,
    HEARD_BY_NOBODY,
    PATIENCE_S,
    TAKEN,
    Connect,
    administration,
    give_password,
)


@pytest.fixture
def broker(standing_broker: SecuredBroker) -> SecuredBroker:
    return standing_broker


def test_a_station_says_and_hears_what_is_its_own(station: Connect, service: Connect) -> None:
    with service("ingestor") as ingestor, station("CP-1") as mine:
        assert ingestor.subscribe("#") == ["Granted QoS 1"]
        said = [f"evse/CP-1/{kind}" for kind in ("telemetry", "status", "session/started", "results/1")]
        assert [mine.publish(topic) for topic in said] == ["Success"] * 4
        assert [ingestor.next() for _ in said] == [(topic, b"{}") for topic in said]

        mine.subscribe("evse/CP-1/commands/#", "evse/CP-1/acks")
        assert ingestor.publish("evse/CP-1/commands/7", b"stop") == "Success"
        assert ingestor.publish("evse/CP-1/acks", b"9") == "Success"
        assert [mine.next(), mine.next()] == [("evse/CP-1/commands/7", b"stop"), ("evse/CP-1/acks", b"9")]


@pytest.mark.parametrize("kind", ["telemetry", "status", "session/ended", "results/7", "commands/7", "acks"])
def test_a_station_cannot_publish_as_another(station: Connect, service: Connect, kind: str) -> None:
    with service("ingestor") as ingestor, station("CP-1") as mine:
        ingestor.subscribe("#")

        assert mine.publish(f"evse/CP-2/{kind}") == DENIED
        assert mine.publish("evse/CP-1/telemetry") == "Success"

        assert ingestor.next() == ("evse/CP-1/telemetry", b"{}")  # and nothing before it


@pytest.mark.parametrize("topic", ["commands/7", "acks", "commands", "telemetri"])
def test_a_station_writes_no_commands_and_acks_not_even_its_own(station: Connect, topic: str) -> None:
    with station("CP-1") as mine:
        assert mine.publish(f"evse/CP-1/{topic}") == DENIED


@pytest.mark.parametrize(
    "topic_filter",
    ["#", "evse/#", "evse/+/commands/#", "evse/CP-2/commands/#", "+/CP-2/+", "$share/group/evse/#"],
)
def test_a_station_hears_neither_commands_nor_readings_of_another(
    station: Connect, service: Connect, topic_filter: str
) -> None:
    with service("ingestor") as ingestor, station("CP-2") as other, station("CP-1") as mine:
        assert other.publish("evse/CP-2/status", b"kept", retain=True) in TAKEN
        mine.subscribe(topic_filter, "evse/CP-1/acks")

        ingestor.publish("evse/CP-2/commands/7", b"for another")
        ingestor.publish("evse/CP-2/acks", b"for another")
        other.publish("evse/CP-2/telemetry", b"another's")
        ingestor.publish("evse/CP-1/acks", b"for me")

        assert mine.next() == ("evse/CP-1/acks", b"for me")


def test_a_station_with_a_password_is_bound_to_its_name_too(
    broker: SecuredBroker, typed: Connect, service: Connect
) -> None:
    for name in ("CP-1", "CP-2"):
        give_password(broker, name, f"password of {name}")
    with (
        service("ingestor") as ingestor,
        typed("CP-2", "password of CP-2") as other,
        typed("CP-1", "password of CP-1", client_id="CP-2") as mine,
    ):
        ingestor.subscribe("#")
        for kind in ("telemetry", "status", "commands/7", "acks"):
            assert mine.publish(f"evse/CP-2/{kind}") == DENIED
        assert [mine.publish(f"evse/CP-1/{kind}") for kind in ("commands/7", "acks")] == [DENIED] * 2
        assert mine.publish("evse/CP-1/telemetry") == "Success"
        assert ingestor.next() == ("evse/CP-1/telemetry", b"{}")

        foreign = ("#", "evse/+/commands/#", "evse/CP-2/commands/#", "evse/CP-2/telemetry", "$share/g/#")
        assert mine.subscribe(*foreign) == [DENIED] * len(foreign)
        assert mine.subscribe("evse/CP-1/commands/#", "evse/CP-1/acks") == ["Granted QoS 1"] * 2
        other.publish("evse/CP-2/telemetry")
        ingestor.publish("evse/CP-2/commands/7")
        ingestor.publish("evse/CP-1/acks", b"for me")
        assert mine.next() == ("evse/CP-1/acks", b"for me")
        assert other.is_connected


@pytest.mark.parametrize(
    "topic", ["session/x", "session/started/x", "results", "results/7/x", "telemetry/x", "status/x", "x"]
)
def test_a_station_writes_no_topic_that_firmware_has_no_use_for(station: Connect, topic: str) -> None:
    """Each could hold a retained message that somebody would have to clear."""
    with station("CP-1") as mine:
        assert mine.publish(f"evse/CP-1/{topic}") == DENIED


def test_what_is_larger_than_256_kib_is_not_taken(
    broker: SecuredBroker, station: Connect, tmp_path: Path
) -> None:
    """As a device of MQTT 3.1.1 sends it, which is not told the limit."""
    with station("CP-1") as mine:
        assert mine.publish("evse/CP-1/telemetry", b"x" * 131072) in TAKEN
    cert_file, key_file = save_pair(tmp_path / "sends", "CP-1", broker.new_device("CP-1"))
    payload = tmp_path / "payload"
    for size_bytes, is_taken in ((200_000, True), (270_000, False)):
        payload.write_bytes(b"x" * size_bytes)
        sent = subprocess.run(
            [
                *("mosquitto_pub", "-h", "localhost", "-p", str(broker.certificate_port), "-q", "1"),
                *("--cafile", broker.pki.server_ca, "--cert", cert_file, "--key", key_file),
                *("-t", "evse/CP-1/telemetry", "-f", payload),
            ],
            check=False,
            capture_output=True,
            timeout=PATIENCE_S,
        )
        assert (sent.returncode == 0) == is_taken, sent.stderr
    assert "oversize packet" in broker.log


def test_the_janitor_clears_what_a_station_left(station: Connect, service: Connect) -> None:
    left = ["evse/CP-1/status", "evse/CP-1/results/7"]
    with station("CP-1") as mine:
        for topic in left:
            assert mine.publish(topic, b"left behind", retain=True) in TAKEN
    with service("ingestor") as ingestor:
        assert [ingestor.publish(topic, b"", retain=True) for topic in left] == [DENIED] * 2
    with service("janitor") as janitor:
        assert [janitor.publish(topic, b"", retain=True) for topic in left] == [HEARD_BY_NOBODY] * 2
        janitor.subscribe("evse/#")
        assert janitor.next(0.3) is None


def test_a_last_will_as_another_is_not_sent(station: Connect, service: Connect) -> None:
    with service("ingestor") as ingestor:
        ingestor.subscribe("#")
        for evse_uid in ("CP-2", "CP-1"):
            with station("CP-1", will_topic=f"evse/{evse_uid}/status") as mine:
                mine.break_off()
        assert ingestor.next() == ("evse/CP-1/status", b'{"state":"offline"}')


@pytest.mark.parametrize("kind", ["certificate", "password"])
def test_a_station_reaches_neither_the_brokers_accounts_nor_its_figures(
    broker: SecuredBroker, station: Connect, typed: Connect, kind: str
) -> None:
    give_password(broker, "CP-1", "a password")
    make_account = (
        b'{"commands":[{"command":"createClient","username":"evil","password":"evil"},'
        b'{"command":"setDefaultACLAccess","acls":[{"acltype":"publishClientSend","allow":true}]}]}'
    )
    with station("CP-1") if kind == "certificate" else typed("CP-1", "a password") as mine:
        mine.subscribe("$SYS/#", "$CONTROL/#", "$CONTROL/dynamic-security/v1/response")
        assert mine.publish("$CONTROL/dynamic-security/v1", make_account) == DENIED
        assert mine.publish("$SYS/broker/clients/total", b"1") == DENIED
        assert mine.next(0.5) is None  # $SYS topics are retained: they would be here at once

    async def accounts() -> list[str]:
        async with administration(broker) as opened:
            return sorted(await opened.stations())

    assert asyncio.run(accounts()) == ["CP-1", "provisioner"]
