"""Certificates and authorities that follow one another while the broker runs."""

from __future__ import annotations

import socket
import ssl
import time
from datetime import UTC, datetime, timedelta

import pytest

from solarrally.provisioning.pki import (
    certificate_pem,
    device_pair,
    new_authority,
    revocation_list,
    server_pair,
)
from solarrally.provisioning.pki_folder import SERVICES
from solarrally.provisioning.private_files import write_public
from tests.support.mqtt_person import Refused
from tests.support.secured_broker import SecuredBroker
from tests.support.secured_doors import PATIENCE_S, TAKEN, Connect, revoke


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
