"""Who the broker lets in: by certificate, by password, and nobody else."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from solarrally.provisioning.pki import device_pair, new_authority
from tests.support.mqtt_person import Refused, connected
from tests.support.secured_broker import SecuredBroker, save_pair
from tests.support.secured_doors import DENIED, Connect, give_password


@pytest.fixture
def broker(standing_broker: SecuredBroker) -> SecuredBroker:
    return standing_broker


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
