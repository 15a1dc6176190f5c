"""Who may say and hear what at the broker, proven on a real Mosquitto with the files of docker/mosquitto."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import pytest

from solarrally.embedded.mosquitto_program import find_mosquitto
from solarrally.embedded.ports import any_free_port
from solarrally.provisioning.cutting_off import NotCutOff, connect_packet, take_over, wait_for_revocation
from solarrally.provisioning.dynsec import BrokerRefused, dynamic_security
from solarrally.provisioning.pki import (
    KeyPair,
    certificate_pem,
    device_pair,
    new_authority,
    probe_pair,
    revocation_list,
    server_pair,
)
from solarrally.provisioning.pki_folder import DEVICES, SERVICES
from solarrally.provisioning.private_files import write_public
from solarrally.provisioning.station_topics import topics_of
from solarrally.storage.engine import connect
from tests.support.ingestor import IngestorProcess
from tests.support.mqtt_person import Person, Refused, connected
from tests.support.secured_broker import SecuredBroker, save_pair, secured_broker

A_SECOND: float = 1.0
PATIENCE_S = 15.0
DENIED = "Not authorized"
HEARD_BY_NOBODY = "No matching subscribers"
TAKEN = {"Success", HEARD_BY_NOBODY}
READING = b'{"status":"available","power_w":0}'

Connection: TypeAlias = AbstractContextManager[Person]
Connect: TypeAlias = Callable[..., Connection]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[SecuredBroker]:
    with secured_broker(tmp_path) as running:
        yield running


@pytest.fixture
def station(broker: SecuredBroker, tmp_path: Path) -> Connect:
    """A station with a certificate of its own, or with the one given."""

    def opened(evse_uid: str, pair: KeyPair | None = None, **options: Any) -> Connection:
        files = save_pair(tmp_path / "held", evse_uid, pair or broker.new_device(evse_uid))
        return connected(
            broker.certificate_port,
            ca_file=broker.pki.server_ca,
            certificate=files,
            client_id=options.pop("client_id", evse_uid),
            **options,
        )

    return opened


@pytest.fixture
def service(broker: SecuredBroker, tmp_path: Path) -> Connect:
    """A part of the backend, behind its own door."""

    def opened(name: str, **options: Any) -> Connection:
        files = save_pair(tmp_path / "held", name, broker.new_service(name))
        return connected(
            broker.service_port,
            ca_file=broker.pki.server_ca,
            certificate=files,
            client_id=options.pop("client_id", f"solarrally-{name}"),
            **options,
        )

    return opened


@pytest.fixture
def typed(broker: SecuredBroker) -> Connect:
    """A station with a password."""

    def opened(username: str, password: str | None, **options: Any) -> Connection:
        return connected(
            broker.password_port,
            ca_file=broker.pki.server_ca,
            username=username,
            password=password,
            client_id=options.pop("client_id", username),
            **options,
        )

    return opened


def give_password(broker: SecuredBroker, evse_uid: str, password: str, dialect: str = "native") -> None:
    async def give() -> None:
        async with administration(broker) as accounts:
            await accounts.set_station(evse_uid, password, topics_of(dialect, evse_uid, None))

    asyncio.run(give())


def administration(broker: SecuredBroker) -> Any:
    return dynamic_security(
        "localhost",
        broker.password_port,
        username="provisioner",
        password=broker.provisioner_password,
        tls=ssl.create_default_context(cafile=broker.pki.server_ca),
    )


def revoke(broker: SecuredBroker, evse_uid: str, pair: KeyPair, *, keep_session: bool = False) -> float:
    """As `solarrally stations revoke` does it; the seconds that it took."""
    now, authority = datetime.now(UTC), broker.devices
    began_at = time.monotonic()
    probe = probe_pair(authority, now=now)
    broker.pki.revoke(
        DEVICES, authority, [(one.certificate.serial_number, now) for one in (probe, pair)], now=now
    )

    async def cut_off() -> None:
        await wait_for_revocation(broker.door, probe, PATIENCE_S)
        await take_over(broker.door, evse_uid, broker.new_device(evse_uid), keep_session=keep_session)

    asyncio.run(cut_off())
    return time.monotonic() - began_at


# -- what a station may ------------------------------------------------------------------------------------


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


def test_a_station_cannot_have_anothers_client_id(station: Connect, service: Connect) -> None:
    """A second connection under a client id ends the first, and inherits what waits for it."""
    with (
        service("ingestor", client_id="solarrally-ingestor") as ingestor,
        station("CP-2", session_expiry_s=60) as other,
    ):
        other.subscribe("evse/CP-2/commands/#")
        for wanted in ("CP-2", "solarrally-ingestor"):
            with station("CP-1", client_id=wanted, clean_start=False) as mine:
                assert not mine.session_present
                assert mine.publish("evse/CP-1/telemetry") in TAKEN
                assert other.is_connected
                assert ingestor.is_connected
        assert ingestor.publish("evse/CP-2/commands/7", b"stop") == "Success"
        assert other.next() == ("evse/CP-2/commands/7", b"stop")


def test_who_signs_stations_takes_a_session_whose_client_id_is_known(
    station: Connect, service: Connect
) -> None:
    """As docs/device-security.md says it: the doors share client ids, so the ingestor's is secret."""
    with service("ingestor", client_id="solarrally-ingestor-0123456789abcdef") as ingestor:
        with station("solarrally-ingestor"):
            assert ingestor.is_connected
        with station("solarrally-ingestor-0123456789abcdef"):
            assert ingestor.lost_within(PATIENCE_S)


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


# -- who gets in -------------------------------------------------------------------------------------------


def test_a_certificate_of_another_authority_is_refused(station: Connect) -> None:
    now = datetime.now(UTC)
    other = new_authority("SolarRally devices", now=now)
    with pytest.raises(Refused), station("CP-1", device_pair(other, "CP-1", now=now, lifetime=timedelta(1))):
        pass


@pytest.mark.parametrize(
    ("made_ago", "lifetime"),
    [(timedelta(days=2), timedelta(days=1)), (timedelta(days=-2), timedelta(days=9))],
    ids=["expired", "not yet valid"],
)
def test_a_certificate_outside_its_time_is_refused(
    broker: SecuredBroker, station: Connect, made_ago: timedelta, lifetime: timedelta
) -> None:
    pair = device_pair(broker.devices, "CP-1", now=datetime.now(UTC) - made_ago, lifetime=lifetime)
    with pytest.raises(Refused), station("CP-1", pair):
        pass


def test_nobody_gets_in_without_a_certificate_or_without_tls(broker: SecuredBroker) -> None:
    for port in (broker.certificate_port, broker.service_port):
        with pytest.raises(Refused), connected(port, ca_file=broker.pki.server_ca, client_id="CP-1"):
            pass
        with pytest.raises(Refused), connected(port, client_id="CP-1"):
            pass


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_tls_1_1_is_refused(broker: SecuredBroker) -> None:
    context = ssl.create_default_context(cafile=broker.pki.server_ca)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    for port in (broker.certificate_port, broker.password_port, broker.service_port):
        with (
            socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
            pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"),
        ):
            context.wrap_socket(plain, server_hostname="localhost")


def test_a_stations_certificate_does_not_open_the_backends_door(
    broker: SecuredBroker, tmp_path: Path
) -> None:
    for name in ("CP-1", "ingestor"):
        files = save_pair(tmp_path / "held", name, broker.new_device(name))
        with (
            pytest.raises(Refused),
            connected(broker.service_port, ca_file=broker.pki.server_ca, certificate=files),
        ):
            pass


def test_a_station_called_ingestor_would_have_no_rights_of_the_backend(station: Connect) -> None:
    """The authority for stations signs no such name; were it stolen, this is what is left to stop it."""
    with station("ingestor") as mine:
        assert mine.publish("evse/CP-1/commands/7") == DENIED


@pytest.mark.parametrize("password", ["wrong", "", None, "a password "])
def test_a_wrong_password_is_refused(broker: SecuredBroker, typed: Connect, password: str | None) -> None:
    give_password(broker, "CP-1", "a password")
    with typed("CP-1", "a password"):
        pass
    with pytest.raises(Refused, match=DENIED), typed("CP-1", password):
        pass


def test_who_has_no_account_is_refused(broker: SecuredBroker, typed: Connect) -> None:
    for name in ("CP-9", "ingestor"):
        with pytest.raises(Refused, match=DENIED), typed(name, "a password"):
            pass
    with (
        pytest.raises(Refused, match=DENIED),
        connected(broker.password_port, ca_file=broker.pki.server_ca, client_id="CP-9"),
    ):
        pass


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


# -- the backend -------------------------------------------------------------------------------------------


def test_the_ingestor_speaks_to_stations_and_never_as_one(service: Connect) -> None:
    with service("ingestor") as ingestor:
        for kind in ("telemetry", "status", "session/started", "results/7"):
            assert ingestor.publish(f"evse/CP-1/{kind}") == DENIED
        for topic in ("$CONTROL/dynamic-security/v1", "$SYS/broker/uptime", "anything"):
            assert ingestor.publish(topic) == DENIED
        for topic in (  # of the shapes that other families are told something by
            *("set", "session/set", "session/started/set", "restart", "reboot", "cmd/req", "cmd/x"),
            *("Set/telemetry", "evse/start_charging"),
        ):
            assert ingestor.publish(f"evse/CP-1/{topic}") == DENIED
        assert ingestor.publish("evse/restart") == DENIED
        assert ingestor.publish("evse/CP-1/commands/7") in TAKEN
        assert ingestor.publish("evse/CP-1/acks") in TAKEN


@pytest.mark.parametrize(
    "topic",
    [
        *("openevse-1a2b/override/set", "garage/left/claim/set", "openevse-1a2b/restart"),
        *("go-eCharger/000123/frc/set", "/go-eCharger/000123/amp/set", "go-eCharger/000123/cmd/req"),
        *("SmartEVSE/6360/Set/Mode", "SmartEVSE-6360/Set/CurrentOverride"),
        *("warp3/AbC/evse/stop_charging", "warp/AbC/evse/external_current_update", "warp2/AbC/reboot"),
        *("everest_api/evse_manager/cmd/stop_charging", "evcc/loadpoints/1/mode/set"),
        "wallbox_1234/charging_enable/set",
    ],
)
def test_the_ingestor_may_send_the_commands_of_every_family(service: Connect, topic: str) -> None:
    with service("ingestor") as ingestor:
        assert ingestor.publish(topic) in TAKEN


def test_the_ingestor_never_speaks_as_a_device_of_another_family(service: Connect) -> None:
    with service("ingestor") as ingestor:
        for topic in (
            *("openevse-1a2b/amp", "openevse/announce/1a2b", "go-eCharger/000123/nrg", "/go-eCharger/1/car"),
            *("SmartEVSE/6360/State", "warp3/AbC/evse/state", "everest_api/evse_manager/var/powermeter"),
            *("evcc/loadpoints/1/chargePower", "tele/meter/SENSOR", "wallbox_1234/status/state"),
        ):
            assert ingestor.publish(topic) == DENIED


def test_who_provisions_neither_hears_nor_speaks_as_a_station(
    broker: SecuredBroker, typed: Connect, station: Connect
) -> None:
    with typed("provisioner", broker.provisioner_password) as provisioner, station("CP-1") as mine:
        assert provisioner.subscribe("#", "evse/#", "$SYS/#") == [DENIED] * 3
        assert provisioner.publish("evse/CP-1/telemetry") == DENIED
        assert provisioner.publish("evse/CP-1/commands/7") == DENIED
        mine.publish("evse/CP-1/telemetry")
        assert provisioner.next(0.3) is None


def test_another_service_may_nothing(service: Connect) -> None:
    with service("reporting") as other:
        assert other.publish("evse/CP-1/commands/7") == DENIED


def test_who_may_not_administer_is_told(broker: SecuredBroker) -> None:
    give_password(broker, "CP-1", "a password")

    async def try_as(username: str, password: str) -> None:
        async with dynamic_security(
            "localhost",
            broker.password_port,
            username=username,
            password=password,
            tls=ssl.create_default_context(cafile=broker.pki.server_ca),
        ):
            pass

    with pytest.raises(BrokerRefused, match="may not administer"):
        asyncio.run(try_as("CP-1", "a password"))
    with pytest.raises(BrokerRefused, match="does not let provisioner in"):
        asyncio.run(try_as("provisioner", "guessed"))


# -- revoked, rotated --------------------------------------------------------------------------------------


def test_a_revoked_certificate_is_cut_off_within_a_second_and_stays_out(
    broker: SecuredBroker, station: Connect, typed: Connect, service: Connect
) -> None:
    """Of three the fastest counts: on a machine with other things to do, one may take longer."""
    give_password(broker, "CP-9", "a password")
    took_s = []
    with (
        station("CP-8") as other,
        typed("CP-9", "a password") as third,
        service("ingestor") as ingestor,
    ):
        for evse_uid in ("CP-1", "CP-2", "CP-3"):
            pair = broker.new_device(evse_uid)
            with station(evse_uid, pair) as mine:
                began_at = time.monotonic()
                revoke(broker, evse_uid, pair)

                assert mine.lost_within(PATIENCE_S)
                assert mine.lost_at is not None
                took_s.append(mine.lost_at - began_at)
            for _ in range(2):
                with pytest.raises(Refused), station(evse_uid, pair):
                    pass
        sys.stdout.write(f"certificates were cut off after {', '.join(f'{one:.3f}' for one in took_s)} s\n")
        assert min(took_s) < A_SECOND
        assert other.is_connected
        assert third.publish("evse/CP-9/telemetry") in TAKEN  # the reload threw nobody else out
        assert ingestor.is_connected


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_a_saved_tls_session_does_not_bring_a_revoked_station_back(
    broker: SecuredBroker, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    """A resumed handshake shows no certificate: were tickets still good, the list would not be asked."""
    pair = broker.new_device("CP-1")
    context = ssl.create_default_context(cafile=broker.pki.server_ca)
    context.minimum_version = context.maximum_version = version
    context.load_cert_chain(*save_pair(tmp_path / "held", "CP-1", pair))

    def let_in(session: ssl.SSLSession | None) -> tuple[bytes, bool | None, ssl.SSLSession | None]:
        with (
            socket.create_connection(("127.0.0.1", broker.certificate_port), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname="localhost", session=session) as secured,
        ):
            secured.sendall(connect_packet("CP-1", clean=True))
            return secured.recv(4), secured.session_reused, secured.session

    _, _, saved = let_in(None)
    accepted, reused, saved = let_in(saved)
    assert (accepted, reused) == (b"\x20\x02\x00\x00", True)

    revoke(broker, "CP-1", pair)

    with pytest.raises((ssl.SSLError, ConnectionError)):
        let_in(saved)


def test_a_disabled_password_is_cut_off_within_a_second_and_stays_out(
    broker: SecuredBroker, typed: Connect
) -> None:
    give_password(broker, "CP-1", "a password")
    give_password(broker, "CP-2", "another")

    async def disable() -> float:
        async with administration(broker) as accounts:
            began_at = time.monotonic()
            await accounts.disable("CP-1")
            return began_at

    with typed("CP-1", "a password") as mine, typed("CP-2", "another") as other:
        began_at = asyncio.run(disable())

        assert mine.lost_within(PATIENCE_S)
        assert mine.lost_at is not None
        sys.stdout.write(f"a password was cut off after {mine.lost_at - began_at:.3f} s\n")
        assert mine.lost_at - began_at < A_SECOND
        assert other.is_connected
    with pytest.raises(Refused, match=DENIED), typed("CP-1", "a password"):
        pass


def test_a_rotated_station_works_with_both_and_then_with_the_new_one_only(
    broker: SecuredBroker, station: Connect, service: Connect
) -> None:
    old, new = broker.new_device("CP-1"), broker.new_device("CP-1")
    keeping = {"session_expiry_s": 600, "clean_start": False}
    with service("ingestor") as ingestor:
        with station("CP-1", old, **keeping) as mine:
            mine.subscribe("evse/CP-1/commands/#")
            assert mine.publish("evse/CP-1/telemetry") in TAKEN
        with station("CP-1", new, **keeping) as mine:
            assert mine.session_present
            assert mine.publish("evse/CP-1/telemetry") in TAKEN
        assert ingestor.publish("evse/CP-1/commands/7", b"waits") == "Success"

        revoke(broker, "CP-1", old, keep_session=True)

        with pytest.raises(Refused), station("CP-1", old, **keeping):
            pass
        with station("CP-1", new, **keeping) as mine:
            assert mine.session_present
            assert mine.next() == ("evse/CP-1/commands/7", b"waits")


def test_a_revoked_station_leaves_no_subscription_behind(
    broker: SecuredBroker, station: Connect, service: Connect
) -> None:
    old, new = broker.new_device("CP-1"), broker.new_device("CP-1")
    with station("CP-1", old, session_expiry_s=600) as mine, service("ingestor") as ingestor:
        mine.subscribe("evse/CP-1/commands/#")
        revoke(broker, "CP-1", old)
        assert ingestor.publish("evse/CP-1/commands/7") == HEARD_BY_NOBODY
    with station("CP-1", new, clean_start=False) as mine:
        assert not mine.session_present


def test_many_are_revoked_one_after_the_other_and_each_is_refused(
    broker: SecuredBroker, station: Connect
) -> None:
    """Lists made within one second: a broker that goes by their dates must see each as newer."""
    pairs = {f"CP-{number}": broker.new_device(f"CP-{number}") for number in range(6)}
    for evse_uid, pair in pairs.items():
        revoke(broker, evse_uid, pair)
    for evse_uid, pair in pairs.items():
        with pytest.raises(Refused), station(evse_uid, pair):
            pass
    with station("CP-0"):
        pass


def test_two_authorities_for_stations_hold_while_one_replaces_the_other(
    broker: SecuredBroker, station: Connect
) -> None:
    """Both in one file, and both lists in one: as docs/device-security.md says it for a stolen key."""
    now = datetime.now(UTC)
    old = broker.new_device("CP-1")
    revoked = broker.new_device("CP-2")
    revoke(broker, "CP-2", revoked)
    authority = new_authority("SolarRally devices", now=now)
    empty = certificate_pem(revocation_list(authority, [], now=now))
    for name, text in (("ca", certificate_pem(authority.certificate)), ("crl", empty)):
        path = broker.pki.broker / f"devices-{name}.pem"
        write_public(path, path.read_text() + text)
    new = device_pair(authority, "CP-3", now=now, lifetime=timedelta(days=1))
    broker.stop()  # Mosquitto reads `cafile` at its start only
    broker.start()

    for evse_uid, pair in (("CP-1", old), ("CP-3", new)):
        with station(evse_uid, pair) as mine:
            assert mine.publish(f"evse/{evse_uid}/telemetry") in TAKEN
    with pytest.raises(Refused), station("CP-2", revoked):
        pass


def test_a_broker_that_reads_no_list_is_said(broker: SecuredBroker) -> None:
    """Nothing was revoked here: as it looks when the broker reads another file, or gets no SIGHUP."""
    probe = probe_pair(broker.devices, now=datetime.now(UTC))

    with pytest.raises(NotCutOff, match="has not read the new revocation list"):
        asyncio.run(wait_for_revocation(broker.door, probe, 0.3))
    broker.stop()
    with pytest.raises(NotCutOff, match="cannot be reached"):
        asyncio.run(wait_for_revocation(broker.door, probe, 0.3))
    with pytest.raises(NotCutOff, match="may still talk to"):
        asyncio.run(take_over(broker.door, "CP-1", probe, keep_session=False))


def test_the_broker_takes_a_new_certificate_of_its_own_while_it_runs(
    broker: SecuredBroker, station: Connect
) -> None:
    now = datetime.now(UTC)
    pair = server_pair(
        broker.pki.authority(SERVICES, None), ["localhost"], now=now, lifetime=timedelta(days=5)
    )
    with station("CP-1") as mine:
        broker.pki.write_pair(broker.pki.broker, "broker", pair)
        deadline = time.monotonic() + PATIENCE_S
        context = ssl.create_default_context(cafile=broker.pki.server_ca)
        seen = None
        while seen != pair.certificate.serial_number and time.monotonic() < deadline:
            with (
                socket.create_connection(("127.0.0.1", broker.password_port), timeout=5) as plain,
                context.wrap_socket(plain, server_hostname="localhost") as secured,
            ):
                shown = secured.getpeercert()
                assert shown is not None
                seen = int(str(shown["serialNumber"]), 16)
            time.sleep(0.05)
        assert seen == pair.certificate.serial_number
        assert mine.is_connected


def test_what_waits_for_the_ingestor_survives_a_restart_of_the_broker(
    broker: SecuredBroker, station: Connect, service: Connect
) -> None:
    keeping = {"session_expiry_s": 3600, "clean_start": False}
    with service("ingestor", **keeping) as ingestor:
        ingestor.subscribe("evse/#")
    with station("CP-1") as mine:
        for number in range(20):
            assert mine.publish("evse/CP-1/telemetry", str(number)) == "Success"

    assert broker.stop() == 0
    broker.start()

    with service("ingestor", **keeping) as ingestor:
        assert ingestor.session_present
        assert [ingestor.next() for _ in range(20)] == [
            ("evse/CP-1/telemetry", str(number).encode()) for number in range(20)
        ]


def test_accounts_survive_a_restart_of_the_broker(broker: SecuredBroker, typed: Connect) -> None:
    give_password(broker, "CP-1", "a password")
    broker.stop()
    broker.start()
    with typed("CP-1", "a password") as mine:
        assert mine.publish("evse/CP-1/telemetry") in TAKEN
        assert mine.publish("evse/CP-2/telemetry") == DENIED


# -- the ingestor behind it --------------------------------------------------------------------------------


@contextmanager
def ingesting(database_url: str, mqtt_url: str, folder: Path, **settings: str) -> Iterator[IngestorProcess]:
    environment = {**os.environ, "SOLARRALLY_DATABASE_URL": database_url}
    migrated = subprocess.run(
        [sys.executable, "-m", "solarrally", "migrate"],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert migrated.returncode == 0, migrated.stderr
    with IngestorProcess(
        database_url=database_url, mqtt_url=mqtt_url, log_file=folder / "ingestor.log", **settings
    ) as ingestor:
        yield ingestor


async def _register(database_url: str, *stations: tuple[str, bool]) -> None:
    connection = await connect(database_url, application_name="test")
    try:
        for evse_uid, is_enabled in stations:
            await connection.execute(
                "INSERT INTO evse (evse_uid, site_id, is_enabled) SELECT $1, min(id), $2 FROM site",
                evse_uid,
                is_enabled,
            )
    finally:
        await connection.close()


async def _rows(database_url: str, statement: str) -> list[asyncpg.Record]:
    connection = await connect(database_url, application_name="test")
    try:
        return list(await connection.fetch(statement))
    finally:
        await connection.close()


def until(database_url: str, statement: str, expected: list[tuple[Any, ...]]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    found: list[tuple[Any, ...]] = []
    while time.monotonic() < deadline:
        found = [tuple(row) for row in asyncio.run(_rows(database_url, statement))]
        if found == expected:
            return
        time.sleep(0.05)
    raise AssertionError(f"{found} instead of {expected}")


def test_the_ingestor_works_with_a_certificate_both_ways(
    broker: SecuredBroker, station: Connect, database_url: str, tmp_path: Path
) -> None:
    """What a station says arrives in the database, and a command from the database at the station."""
    cert_file, key_file = save_pair(tmp_path / "held", "ingestor", broker.new_service("ingestor"))
    with ingesting(
        database_url,
        f"mqtts://localhost:{broker.service_port}",
        tmp_path,
        mqtt_ca_file=str(broker.pki.server_ca),
        mqtt_cert_file=str(cert_file),
        mqtt_key_file=str(key_file),
        register_unknown_stations="false",
    ) as ingestor:
        asyncio.run(_register(database_url, ("CP-1", True)))
        ingestor.wait_connected()
        with station("CP-1") as mine:
            mine.subscribe("evse/CP-1/commands/#", "evse/CP-1/acks")
            assert mine.publish("evse/CP-1/telemetry", b'{"seq":41,' + READING[1:]) == "Success"
            until(database_url, "SELECT power_w FROM connector", [(0.0,)])
            assert mine.next() == ("evse/CP-1/acks", b'{"seq":41}')

            asyncio.run(
                _rows(
                    database_url,
                    "WITH made AS (INSERT INTO command"
                    " (id, evse_id, command, params, status, requested_by, expires_at)"
                    " SELECT gen_random_uuid(), id, 'pause', '{}', 'pending', 'olga', now() + interval '60 s'"
                    " FROM evse RETURNING id) SELECT pg_notify('solarrally_commands', '') FROM made",
                )
            )
            told = mine.next(PATIENCE_S)
            assert told is not None
            assert re.fullmatch(r"evse/CP-1/commands/[0-9a-f-]{36}", told[0])
            assert b'"pause"' in told[1]
        assert ingestor.stop() == 0


def test_an_ingestor_without_its_certificate_waits_and_says_so(
    broker: SecuredBroker, database_url: str, tmp_path: Path
) -> None:
    with ingesting(
        database_url,
        f"mqtts://localhost:{broker.service_port}",
        tmp_path,
        mqtt_ca_file=str(broker.pki.server_ca),
    ) as ingestor:
        deadline = time.monotonic() + PATIENCE_S
        while "broker_unavailable" not in ingestor.log_file.read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert "broker_unavailable" in ingestor.log_file.read_text()
        assert ingestor.is_running
        assert ingestor.counters().get("solarrally_broker_connected") == 0


@pytest.fixture
def open_broker(tmp_path: Path) -> Iterator[int]:
    """A Mosquitto that lets anybody say anything: the port."""
    port = any_free_port()
    configuration = tmp_path / "open.conf"
    configuration.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    process = subprocess.Popen(
        [find_mosquitto().path, "-c", configuration], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            with contextlib.suppress(Refused), connected(port):
                break
            time.sleep(0.02)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)


def test_the_ingestor_refuses_unregistered_and_disabled_stations_even_if_the_broker_would_not(
    open_broker: int, database_url: str, tmp_path: Path
) -> None:
    with ingesting(
        database_url, f"mqtt://127.0.0.1:{open_broker}", tmp_path, register_unknown_stations="false"
    ) as ingestor:
        asyncio.run(_register(database_url, ("CP-1", True), ("CP-2", False)))
        ingestor.wait_connected()
        with connected(open_broker) as anybody:
            for evse_uid in ("UNKNOWN", "CP-2", "CP-1"):
                assert anybody.publish(f"evse/{evse_uid}/telemetry", READING) == "Success"
                assert (
                    anybody.publish(f"evse/{evse_uid}/session/started", b'{"session_id":"s1"}') == "Success"
                )

        until(
            database_url,
            "SELECT reason, topic FROM rejected_message ORDER BY id",
            [
                ("unknown_station", "evse/UNKNOWN/telemetry"),
                ("unknown_station", "evse/UNKNOWN/session/started"),
                ("station_disabled", "evse/CP-2/telemetry"),
                ("station_disabled", "evse/CP-2/session/started"),
            ],
        )
        until(
            database_url,
            "SELECT e.evse_uid, c.status FROM connector c JOIN evse e ON e.id = c.evse_id",
            [("CP-1", "available")],
        )
        until(database_url, "SELECT evse_uid FROM evse ORDER BY evse_uid", [("CP-1",), ("CP-2",)])
        until(
            database_url,
            "SELECT DISTINCT e.evse_uid FROM reading r JOIN evse e ON e.id = r.evse_id",
            [("CP-1",)],
        )
