"""`solarrally stations` as somebody types it, on a real database and a real broker."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import shlex
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import moto
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from solarrally.errors import SolarRallyError
from solarrally.provisioning.cutting_off import NotCutOff
from solarrally.provisioning.dynsec import AnswerLost, DynamicSecurity
from solarrally.provisioning.passwords import NameTooLong
from solarrally.provisioning.pki import PkiError, common_name, load_certificate
from solarrally.provisioning.station_topics import NoBaseTopic
from tests.support.command_line import Cli, Rows, done, rows_of
from tests.support.mqtt_person import Person, connected
from tests.support.secured_broker import SecuredBroker, secured_broker
from tests.support.stations_command import command_line, tried, try_line


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[SecuredBroker]:
    with secured_broker(tmp_path) as running:
        yield running


@pytest.fixture
def cli(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    return command_line(database_url, tmp_path, monkeypatch)


@pytest.fixture
def rows(database_url: str) -> Rows:
    return rows_of(database_url)


def plugged_in(broker: SecuredBroker, folder: Path) -> AbstractContextManager[Person]:
    """A device with what the folder holds: its name is the station's."""
    certificate = (folder / f"{folder.name}.pem", folder / f"{folder.name}.key")
    return connected(broker.certificate_port, ca_file=folder / "ca.pem", certificate=certificate)


def certificate(path: Path) -> x509.Certificate:
    return load_certificate(path.read_bytes())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def a_request(name: str, folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .sign(key, hashes.SHA256())
    )
    path = folder / "request.csr"
    path.write_bytes(request.public_bytes(serialization.Encoding.PEM))
    return path


# -- the authorities --------------------------------------------------------------------------------------


def test_authorities_are_made_once_with_keys_that_only_their_owner_reads(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOLARRALLY_CA_PASSPHRASE", "a long passphrase")
    done(cli("ca", "init"))

    for name in ("devices-ca.key", "services-ca.key"):
        assert mode(tmp_path / "pki" / name) == 0o600
        assert "ENCRYPTED" in (tmp_path / "pki" / name).read_text()
    assert mode(tmp_path / "pki") == 0o700
    assert cli("ca", "show").stdout.count("0 revoked") == 2
    with pytest.raises(PkiError, match="holds authorities already"):
        cli("ca", "init")


def test_an_encrypted_authority_signs_for_nobody_without_its_passphrase(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    done(cli("ca", "init", given="a long passphrase\na long passphrase\n"))

    with pytest.raises(PkiError, match="set SOLARRALLY_CA_PASSPHRASE"):
        cli("server-certificate", "mqtt.example.org")
    monkeypatch.setenv("SOLARRALLY_CA_PASSPHRASE", "another")
    with pytest.raises(PkiError, match="wrong passphrase"):
        cli("server-certificate", "mqtt.example.org")
    monkeypatch.setenv("SOLARRALLY_CA_PASSPHRASE", "a long passphrase")
    assert cli("server-certificate", "mqtt.example.org").exit_code == 0


def test_the_broker_gets_everything_that_its_configuration_names(cli: Cli, tmp_path: Path) -> None:
    done(cli("ca", "init", "--no-encrypt"))
    done(cli("server-certificate", "mqtt.example.org", "mosquitto", "192.0.2.7"))
    settings = done(cli("service-certificate", "ingestor")).stdout

    pki = tmp_path / "pki"
    assert sorted(path.name for path in (pki / "broker").iterdir()) == [
        *("broker.key", "broker.pem", "devices-ca.pem", "devices-crl.pem"),
        *("dynamic-security.json", "services-ca.pem", "services-crl.pem"),
    ]
    names = certificate(pki / "broker" / "broker.pem").extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert names.value.get_values_for_type(x509.DNSName) == ["mqtt.example.org", "mosquitto"]
    assert [str(one) for one in names.value.get_values_for_type(x509.IPAddress)] == ["192.0.2.7"]
    assert "SOLARRALLY_MQTT_URL=mqtts://mqtt.example.org:8885" in settings
    for line in settings.splitlines()[1:]:
        assert (tmp_path / line.partition("=")[2]).is_file()
    password = (pki / "services" / "provisioner.password").read_text().strip()
    assert password not in (pki / "broker" / "dynamic-security.json").read_text()


def test_another_certificate_of_the_broker_is_for_the_same_names_and_doors(cli: Cli, tmp_path: Path) -> None:
    done(cli("ca", "init", "--no-encrypt"))
    with pytest.raises(PkiError, match="server-certificate HOST"):
        cli("server-certificate")
    hosts = ["mqtt.example.org", "192.0.2.7", "mosquitto"]
    done(cli("server-certificate", *hosts, "--password-port", "1884", "--no-password-tls"))
    made = certificate(tmp_path / "pki" / "broker" / "broker.pem")

    assert "is for mqtt.example.org, 192.0.2.7, mosquitto," in done(cli("server-certificate")).output
    done(cli("server-certificate", "--certificate-port", "8893"))

    again = certificate(tmp_path / "pki" / "broker" / "broker.pem")
    assert again.serial_number != made.serial_number
    kind = x509.SubjectAlternativeName
    assert again.extensions.get_extension_for_class(kind) == made.extensions.get_extension_for_class(kind)
    assert json.loads((tmp_path / "pki" / "broker.json").read_text()) == {
        "host": "mqtt.example.org",
        "certificate_port": 8893,
        "password_port": 1884,
        "has_password_tls": False,
    }


@pytest.mark.parametrize("name", ["ca", "provisioner", "../broker/broker", "../../x", "a/b", ""])
def test_a_services_certificate_takes_no_other_files_place(cli: Cli, tmp_path: Path, name: str) -> None:
    done(cli("ca", "init", "--no-encrypt"))
    done(cli("server-certificate", "mqtt.example.org"))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    assert cli("service-certificate", name).exit_code == 2

    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_the_account_at_the_broker_is_completed_by_repeating(cli: Cli, tmp_path: Path) -> None:
    done(cli("ca", "init", "--no-encrypt"))
    done(cli("server-certificate", "mqtt.example.org"))
    password = tmp_path / "pki" / "services" / "provisioner.password"
    accounts = tmp_path / "pki" / "broker" / "dynamic-security.json"
    said = password.read_text()

    accounts.unlink()
    done(cli("server-certificate", "mqtt.example.org"))
    assert password.read_text() == said
    assert is_password_of_provisioner(said.strip(), accounts)
    password.unlink()
    done(cli("server-certificate", "mqtt.example.org"))
    assert password.read_text() != said
    assert is_password_of_provisioner(password.read_text().strip(), accounts)


def is_password_of_provisioner(password: str, accounts: Path) -> bool:
    [account] = json.loads(accounts.read_text())["clients"]
    salt = base64.b64decode(account["salt"])
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, account["iterations"])
    return digest == base64.b64decode(account["password"])


def test_an_authority_is_not_put_on_its_own_list(cli: Cli, tmp_path: Path) -> None:
    done(cli("ca", "init", "--no-encrypt"))

    for name in ("devices", "services"):
        with pytest.raises(PkiError, match="is the authority itself"):
            cli("ca", "revoke", str(tmp_path / "pki" / "broker" / f"{name}-ca.pem"))
    assert cli("ca", "show").stdout.count("0 revoked") == 2


def test_an_empty_passphrase_in_the_environment_is_none(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLARRALLY_CA_PASSPHRASE", "")
    done(cli("ca", "init", given="a long passphrase\na long passphrase\n"))

    with pytest.raises(PkiError, match="set SOLARRALLY_CA_PASSPHRASE"):
        cli("server-certificate", "mqtt.example.org")


# -- certificates -----------------------------------------------------------------------------------------


def test_a_station_is_registered_and_connects_with_what_it_is_given(
    cli: Cli, rows: Rows, broker: SecuredBroker, tmp_path: Path
) -> None:
    result = done(cli("provision", "CP-1", "--days", "30"))
    folder = tmp_path / "stations" / "CP-1"

    assert sorted(path.name for path in folder.iterdir()) == [
        *("CP-1.json", "CP-1.key", "CP-1.pem", "README.txt", "ca.pem")
    ]
    assert mode(folder / "CP-1.key") == 0o600
    assert "PRIVATE KEY" not in result.output
    configuration = json.loads((folder / "CP-1.json").read_text())
    assert (configuration["host"], configuration["port"]) == ("localhost", broker.certificate_port)
    assert configuration["client_id"] == "CP-1"
    assert tried(folder).returncode == 0
    [station] = rows("SELECT evse_uid, is_enabled, dialect FROM evse")
    assert tuple(station) == ("CP-1", True, "native")
    [credential] = rows("SELECT * FROM evse_credential")
    issued = certificate(folder / "CP-1.pem")
    assert credential["serial_hex"] == f"{issued.serial_number:X}"
    assert credential["not_after"] == issued.not_valid_after_utc
    assert [entry["action"] for entry in rows("SELECT action FROM audit_log ORDER BY id")] == [
        "evse.create",
        "evse_credential.create",
    ]


def test_no_secret_reaches_the_database(cli: Cli, rows: Rows, broker: SecuredBroker, tmp_path: Path) -> None:
    done(cli("provision", "CP-1"))
    done(cli("provision", "CP-1", "--password", "--out", "typed"))
    secrets = [
        (tmp_path / "stations" / "CP-1" / "CP-1.key").read_text(),
        (tmp_path / "typed" / "CP-1.password").read_text().strip(),
    ]

    stored = str(rows("SELECT to_jsonb(c) AS row FROM evse_credential c"))
    stored += str(rows("SELECT to_jsonb(a) AS row FROM audit_log a"))
    stored += str(rows("SELECT to_jsonb(e) AS row FROM evse e"))

    assert "CP-1" in stored
    assert not [secret for secret in secrets if secret in stored]


def test_a_devices_own_key_never_leaves_it(cli: Cli, broker: SecuredBroker, tmp_path: Path) -> None:
    request = a_request("CP-OTHER", tmp_path)
    done(cli("provision", "CP-1", "--csr", str(request)))
    folder = tmp_path / "stations" / "CP-1"

    assert not list(folder.glob("*.key"))
    issued = certificate(folder / "CP-1.pem")
    assert common_name(issued) == "CP-1"
    assert issued.public_key() == x509.load_pem_x509_csr(request.read_bytes()).public_key()


def test_a_secret_is_shown_only_when_asked_for(cli: Cli, broker: SecuredBroker, tmp_path: Path) -> None:
    shown = done(cli("provision", "CP-1", "--show")).stdout

    assert shown == (tmp_path / "stations" / "CP-1" / "CP-1.key").read_text()


@pytest.mark.parametrize(
    "evse_uid", ["ingestor", "provisioner", "solarrally-ingestor", "revocation-check", "a/b", "+", "é"]
)
def test_a_name_that_would_be_somebody_else_is_refused(cli: Cli, rows: Rows, evse_uid: str) -> None:
    assert cli("provision", evse_uid).exit_code == 2
    assert rows("SELECT * FROM evse") == []


def test_what_failed_leaves_nothing_behind(
    cli: Cli, rows: Rows, broker: SecuredBroker, tmp_path: Path
) -> None:
    (tmp_path / "bad.csr").write_text("no request")
    with pytest.raises(PkiError, match="no certificate signing request"):
        cli("provision", "CP-1", "--csr", "bad.csr")
    broker.stop()
    with pytest.raises(SolarRallyError, match="does not let provisioner in"):
        cli("provision", "CP-2", "--password")
    with pytest.raises(NoBaseTopic):
        cli("provision", "CP-3", "--password", "--dialect", "openevse", "--base-topic", "a/+/b")

    assert rows("SELECT * FROM evse") == []
    assert not [path for path in (tmp_path / "stations").rglob("*") if path.is_file()]


def test_a_second_identity_is_made_by_rotation_only(cli: Cli, broker: SecuredBroker) -> None:
    done(cli("provision", "CP-1"))

    with pytest.raises(SolarRallyError, match="rotate CP-1"):
        cli("provision", "CP-1", "--out", "again")
    done(cli("provision", "CP-2", "--password"))
    done(cli("revoke", "CP-2"))
    with pytest.raises(SolarRallyError, match="has nothing that holds"):
        cli("rotate", "CP-2")


def test_a_rotated_station_has_two_certificates_until_the_older_is_revoked(
    cli: Cli, rows: Rows, broker: SecuredBroker, tmp_path: Path
) -> None:
    old, new = tmp_path / "stations" / "CP-1", tmp_path / "new"
    done(cli("provision", "CP-1"))
    done(cli("rotate", "CP-1", "--out", "new"))
    assert tried(old).returncode == tried(new).returncode == 0
    assert cli("revoke", "CP-1").exit_code == 2  # which?

    said = done(cli("revoke", "CP-1", "--older")).output

    assert "CP-1: 1 revoked" in said
    assert "nothing left" not in said
    assert tried(old).returncode != 0
    assert tried(new).returncode == 0
    states = rows("SELECT revoked_at IS NULL AS holds, revoked_by FROM evse_credential ORDER BY id")
    assert [tuple(row) for row in states] == [(False, "cli"), (True, None)]
    actions = [entry["action"] for entry in rows("SELECT action FROM audit_log ORDER BY id")]
    assert actions[2:] == ["evse_credential.rotate", "evse_credential.revoke"]


def test_a_station_whose_last_credential_is_revoked_is_said_so_and_stays_enabled(
    cli: Cli, rows: Rows, broker: SecuredBroker, tmp_path: Path
) -> None:
    done(cli("provision", "CP-1"))
    said = done(cli("revoke", "CP-1")).output

    assert "CP-1 has nothing left to connect with" in said
    assert tried(tmp_path / "stations" / "CP-1").returncode != 0
    assert rows("SELECT is_enabled FROM evse")[0]["is_enabled"]
    done(cli("provision", "CP-1", "--out", "again"))
    assert tried(tmp_path / "again").returncode == 0


def test_a_certificate_is_revoked_by_its_serial_number(
    cli: Cli, broker: SecuredBroker, tmp_path: Path
) -> None:
    done(cli("provision", "CP-1"))
    done(cli("rotate", "CP-1", "--out", "new"))
    serial = f"{certificate(tmp_path / 'new' / 'CP-1.pem').serial_number:X}"

    with pytest.raises(SolarRallyError, match="no certificate 1234"):
        cli("revoke", "CP-1", "--serial", "1234")
    done(cli("revoke", "CP-1", "--serial", serial.lower()))

    assert tried(tmp_path / "new").returncode != 0
    assert tried(tmp_path / "stations" / "CP-1").returncode == 0


def test_overlaps_end_when_their_time_is_over(
    cli: Cli, rows: Rows, broker: SecuredBroker, tmp_path: Path
) -> None:
    done(cli("provision", "CP-1"))
    done(cli("rotate", "CP-1", "--out", "new"))
    done(cli("provision", "CP-2"))

    assert "no rotation is overdue" in done(cli("end-overlaps", "--days", "1")).output
    done(cli("end-overlaps", "--days", "0"))

    assert tried(tmp_path / "stations" / "CP-1").returncode != 0
    assert tried(tmp_path / "new").returncode == 0
    assert tried(tmp_path / "stations" / "CP-2").returncode == 0


def test_a_broker_that_does_not_take_the_list_is_said_and_the_certificate_is_on_it(
    cli: Cli, rows: Rows, broker: SecuredBroker, tmp_path: Path
) -> None:
    done(cli("provision", "CP-1"))
    broker.stop()

    with pytest.raises(NotCutOff, match="cannot be reached"):
        cli("revoke", "CP-1")

    assert rows("SELECT revoked_at FROM evse_credential")[0]["revoked_at"] is not None
    broker.start()
    assert tried(tmp_path / "stations" / "CP-1").returncode != 0
    assert "its connection is ended" in done(cli("revoke", "CP-1")).output
    assert len(rows("SELECT * FROM audit_log WHERE action = 'evse_credential.revoke'")) == 1


def test_a_reload_command_that_fails_is_said_after_the_station_was_cut_off(
    cli: Cli, broker: SecuredBroker, tmp_path: Path
) -> None:
    done(cli("provision", "CP-1"))
    folder = tmp_path / "stations" / "CP-1"

    with plugged_in(broker, folder) as station:
        with pytest.raises(SolarRallyError, match="`false` failed"):
            cli("revoke", "CP-1", "--reload", "false")
        assert station.lost_within(1.0)


def test_a_station_that_was_not_cut_off_is_not_said_to_be(
    cli: Cli, broker: SecuredBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("solarrally.station_revoking.say", said.append)
    done(cli("provision", "CP-1"))
    broker.stop()

    with pytest.raises(NotCutOff, match=r"(?s)`false` failed.*cannot be reached"):
        cli("revoke", "CP-1", "--reload", "false")

    assert said == ["CP-1: 1 revoked", "CP-1 may still be connected: repeat this command"]


def test_without_the_authority_of_the_broker_its_file_is_named(
    cli: Cli, broker: SecuredBroker, tmp_path: Path
) -> None:
    done(cli("provision", "CP-1"))
    done(cli("provision", "W1", "--password", "--dialect", "openevse"))
    broker.pki.server_ca.unlink()

    for name in ("CP-1", "W1"):
        with pytest.raises(SolarRallyError, match=r"services/ca\.pem is not there"):
            cli("revoke", name)


def test_a_certificate_without_an_entry_is_revoked_by_its_file(
    cli: Cli, broker: SecuredBroker, tmp_path: Path, rows: Rows
) -> None:
    done(cli("provision", "CP-1"))
    rows("DELETE FROM evse_credential")
    folder = tmp_path / "stations" / "CP-1"

    with plugged_in(broker, folder) as station:
        said = done(cli("ca", "revoke", str(folder / "CP-1.pem"))).output
        assert station.lost_within(1.0)
    assert "the broker refuses it" in said
    assert tried(folder).returncode != 0
    done(cli("ca", "init", "--no-encrypt", "--pki", "others"))
    with pytest.raises(PkiError, match="neither of the authorities"):
        cli("ca", "revoke", str(folder / "CP-1.pem"), "--pki", "others")


def test_what_the_database_calls_revoked_is_put_on_a_restored_list(
    cli: Cli, broker: SecuredBroker, tmp_path: Path
) -> None:
    crl = broker.pki.crl_path("devices")
    for name in ("CP-1", "CP-2"):
        done(cli("provision", name))
    old_list = crl.read_text()
    done(cli("revoke", "CP-1"))
    broker.stop()
    crl.write_text(old_list)
    broker.start()
    folder = tmp_path / "stations" / "CP-1"
    with plugged_in(broker, folder) as station:
        said = done(cli("ca", "relist")).output
        assert station.lost_within(1.0)

    assert "1 certificates are on the list of devices, 1 of them were missing" in said
    assert tried(folder).returncode != 0
    assert tried(tmp_path / "stations" / "CP-2").returncode == 0
    assert "0 of them were missing" in done(cli("ca", "relist")).output


# -- passwords --------------------------------------------------------------------------------------------


def test_a_station_with_a_password_connects_until_it_is_rotated(
    cli: Cli, broker: SecuredBroker, tmp_path: Path
) -> None:
    done(cli("provision", "CP-1", "--password"))
    old, new = tmp_path / "stations" / "CP-1", tmp_path / "new"
    assert mode(old / "CP-1.password") == 0o600
    assert tried(old).returncode == 0

    done(cli("rotate", "CP-1", "--out", "new"))

    assert tried(old).returncode != 0
    assert tried(new).returncode == 0
    done(cli("revoke", "CP-1"))
    assert tried(new).returncode != 0


@pytest.mark.parametrize(
    ("dialect", "base_topic", "own", "said"),
    [
        ("openevse", "garage/left", "garage/left/amp", "Base-topic"),
        ("goe", None, "/go-eCharger/W1/nrg", "mqtts://W1:PASSWORD@localhost"),
        ("smartevse", None, "SmartEVSE/W1/ChargeCurrent", "Topic prefix"),
        ("warp", "warp2/AbC", "warp2/AbC/evse/state", "Broker hostname"),
        ("evcc", None, "evcc/loadpoints/1/chargePower", "broker: tls://localhost"),
        ("tasmota", None, "tele/W1/SENSOR", "MqttUser W1"),
    ],
)
def test_a_device_of_another_family_is_told_what_to_type_and_may_publish_below_its_base_topic(
    cli: Cli,
    rows: Rows,
    broker: SecuredBroker,
    tmp_path: Path,
    dialect: str,
    base_topic: str | None,
    own: str,
    said: str,
) -> None:
    more = ["--base-topic", base_topic] if base_topic else []
    done(cli("provision", "W1", "--password", "--dialect", dialect, *more))
    folder = tmp_path / "stations" / "W1"
    password = (folder / "W1.password").read_text().strip()

    def published(topic: str) -> bool:
        words = f"mosquitto_pub -V 5 -h localhost -p {broker.password_port} --cafile ca.pem -u W1 -i W1"
        result = subprocess.run(
            [*shlex.split(words), "-P", password, "-q", "1", "-t", topic, "-m", "1"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
        return "Not authorized" not in result.stderr

    readme = (folder / "README.txt").read_text()
    assert said in readme
    assert password not in readme
    assert published(own)
    assert not published("evse/W1/telemetry")
    assert not published("other/W1/amp")
    [row] = rows("SELECT dialect, base_topic FROM evse")
    assert row["dialect"] == dialect
    assert own.strip("/").startswith(row["base_topic"])


def test_a_charger_without_tls_gets_in_where_the_door_for_passwords_does_without(
    cli: Cli, tmp_path: Path
) -> None:
    with secured_broker(tmp_path, password_tls=False):
        done(cli("provision", "CP-1", "--password"))
        folder = tmp_path / "stations" / "CP-1"

        assert "--cafile" not in try_line(folder)[0]
        assert not (folder / "ca.pem").exists()
        assert tried(folder).returncode == 0
        done(cli("revoke", "CP-1"))
        assert tried(folder).returncode != 0


def test_a_name_that_the_device_cannot_hold_is_refused_before_anything_is_registered(
    cli: Cli, rows: Rows, broker: SecuredBroker
) -> None:
    with pytest.raises(NameTooLong, match="at most 16 characters"):
        cli("provision", "a-charger-of-2019", "--password", "--dialect", "goe_v1")
    assert rows("SELECT * FROM evse") == []


def test_a_registered_station_without_a_base_topic_gets_the_one_it_is_told(
    cli: Cli, rows: Rows, broker: SecuredBroker
) -> None:
    rows(
        "INSERT INTO evse (evse_uid, site_id, dialect, is_enabled)"
        " SELECT 'W1', id, 'openevse', false FROM site"
    )
    said = done(cli("provision", "W1", "--password")).output

    assert rows("SELECT base_topic FROM evse")[0]["base_topic"] == "W1"
    assert "W1 is disabled in the registry" in said
    with pytest.raises(SolarRallyError, match="registered with openevse"):
        cli("provision", "W1", "--dialect", "warp")


@contextmanager
def typed(broker: SecuredBroker, folder: Path) -> Iterator[Person]:
    """The station with the password in the folder."""
    [name] = [path.stem for path in folder.glob("*.password")]
    with connected(
        broker.password_port,
        ca_file=broker.pki.server_ca,
        username=name,
        password=(folder / f"{name}.password").read_text().strip(),
        client_id=name,
    ) as station:
        yield station


def may_publish(broker: SecuredBroker, folder: Path, topic: str) -> bool:
    with typed(broker, folder) as station:
        return station.publish(topic) != "Not authorized"


def test_another_base_topic_comes_with_the_rights_to_it_and_without_those_to_the_old_one(
    cli: Cli, rows: Rows, broker: SecuredBroker, tmp_path: Path
) -> None:
    done(cli("provision", "W1", "--password", "--dialect", "openevse", "--base-topic", "garage/left"))

    with typed(broker, tmp_path / "stations" / "W1") as station:
        assert station.publish("garage/right/amp") == "Not authorized"
        said = done(cli("set-base-topic", "W1", "garage//right/")).output

        assert station.is_connected
        assert station.publish("garage/left/amp") == "Not authorized"
        assert station.publish("garage/right/amp") == "No matching subscribers"
    assert "W1 may publish below garage/right: the device must be set to it too" in said
    assert [row["base_topic"] for row in rows("SELECT base_topic FROM evse")] == ["garage/right"]
    [changed] = rows("SELECT before, after FROM audit_log WHERE action = 'evse.update'")
    assert (json.loads(changed["before"]), json.loads(changed["after"])) == (
        {"base_topic": "garage/left"},
        {"base_topic": "garage/right"},
    )


def test_another_dialect_comes_with_the_topics_of_its_family(
    cli: Cli, rows: Rows, broker: SecuredBroker, tmp_path: Path
) -> None:
    done(cli("provision", "W1", "--password"))
    folder = tmp_path / "stations" / "W1"

    done(cli("set-base-topic", "W1", "--dialect", "goe"))

    assert tuple(rows("SELECT dialect, base_topic FROM evse")[0]) == ("goe", "go-eCharger/W1")
    assert may_publish(broker, folder, "go-eCharger/W1/nrg")
    assert not may_publish(broker, folder, "evse/W1/telemetry")
    done(cli("set-base-topic", "W1", "--dialect", "native"))
    assert tuple(rows("SELECT dialect, base_topic FROM evse")[0]) == ("native", None)
    assert may_publish(broker, folder, "evse/W1/telemetry")


def test_rights_that_are_not_the_registrys_are_made_so_with_the_same_password(
    cli: Cli, rows: Rows, broker: SecuredBroker, tmp_path: Path
) -> None:
    done(cli("provision", "W1", "--password", "--dialect", "openevse", "--base-topic", "garage/left"))
    rows("UPDATE evse SET base_topic = 'garage/right'")
    folder = tmp_path / "stations" / "W1"
    assert not may_publish(broker, folder, "garage/right/amp")

    done(cli("set-base-topic", "W1"))

    assert may_publish(broker, folder, "garage/right/amp")
    assert not may_publish(broker, folder, "garage/left/amp")


def test_a_base_topic_that_the_broker_was_not_told_stays_as_it_was(
    cli: Cli, rows: Rows, broker: SecuredBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    done(cli("provision", "W1", "--password", "--dialect", "openevse", "--base-topic", "garage/left"))
    done(cli("provision", "W2", "--password", "--dialect", "openevse", "--base-topic", "garage/right"))

    for inside in ("garage/right", "garage", "garage/right/1"):
        with pytest.raises(NoBaseTopic, match="W2 has garage/right"):
            cli("set-base-topic", "W1", inside)

    async def lost(*_: Any) -> None:
        raise AnswerLost("the connection to the broker was lost")

    with monkeypatch.context() as patched:
        patched.setattr(DynamicSecurity, "set_topics", lost)
        with pytest.raises(AnswerLost):
            cli("set-base-topic", "W1", "garage/middle")
    broker.stop()
    with pytest.raises(SolarRallyError, match="does not let provisioner in"):
        cli("set-base-topic", "W1", "garage/middle")
    assert [row["base_topic"] for row in rows("SELECT base_topic FROM evse ORDER BY id")] == [
        "garage/left",
        "garage/right",
    ]


def test_the_base_topic_of_a_station_without_a_password_is_the_registrys_alone(cli: Cli, rows: Rows) -> None:
    rows("INSERT INTO evse (evse_uid, site_id, dialect) SELECT 'W1', id, 'openevse' FROM site")

    done(cli("set-base-topic", "W1", "garage/left"))  # there is no broker

    assert rows("SELECT base_topic FROM evse")[0]["base_topic"] == "garage/left"
    with pytest.raises(SolarRallyError, match="no station W9"):
        cli("set-base-topic", "W9", "garage/right")


def test_nobody_waits_for_a_stations_row_while_the_broker_is_asked(
    cli: Cli, rows: Rows, broker: SecuredBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    done(cli("provision", "W1", "--password", "--dialect", "openevse", "--base-topic", "garage/left"))
    ask = DynamicSecurity._ask
    free: list[str] = []

    async def asked(self: DynamicSecurity, command: str, **arguments: Any) -> dict[str, Any]:
        look = "SELECT evse_uid FROM evse FOR UPDATE SKIP LOCKED"
        free.extend(row["evse_uid"] for row in await asyncio.to_thread(rows, look))
        return await ask(self, command, **arguments)

    monkeypatch.setattr(DynamicSecurity, "_ask", asked)
    done(cli("set-base-topic", "W1", "garage/right"))

    assert free == ["W1"]
    assert rows("SELECT base_topic FROM evse")[0]["base_topic"] == "garage/right"
    assert len(rows("SELECT * FROM audit_log WHERE action = 'evse.update'")) == 1


def test_a_topic_that_the_registry_refuses_never_reaches_the_broker(
    cli: Cli, rows: Rows, broker: SecuredBroker, tmp_path: Path
) -> None:
    done(cli("provision", "W1", "--password"))

    with pytest.raises(SolarRallyError, match="a native station publishes below the topic root"):
        cli("set-base-topic", "W1", "garage/left")
    with pytest.raises(SolarRallyError, match="a native station publishes below the topic root"):
        cli("provision", "W2", "--password", "--base-topic", "garage/left")

    assert may_publish(broker, tmp_path / "stations" / "W1", "evse/W1/telemetry")
    assert [row["evse_uid"] for row in rows("SELECT evse_uid FROM evse")] == ["W1"]


def test_a_certificate_is_not_said_to_have_rights_below_a_base_topic(cli: Cli, broker: SecuredBroker) -> None:
    done(cli("provision", "W1"))

    said = done(cli("set-base-topic", "W1", "garage/left", "--dialect", "openevse")).output

    assert "may publish below garage/left" not in said
    assert "Its certificate lets it publish below evse/W1 only" in said


def test_a_dialect_that_nobody_speaks_is_refused_with_those_there_are(cli: Cli, rows: Rows) -> None:
    for words in (("provision", "W1"), ("set-base-topic", "W1")):
        refused = cli(*words, "--dialect", "opnevse")
        assert refused.exit_code == 2
        assert "native, openevse, goe" in refused.output
    assert rows("SELECT * FROM evse") == []


def test_of_a_password_and_a_certificate_only_the_one_that_is_named_is_rotated(
    cli: Cli, rows: Rows, broker: SecuredBroker, tmp_path: Path
) -> None:
    done(cli("provision", "CP-1", "--password"))
    done(cli("provision", "CP-1", "--out", "certificate"))
    request = str(a_request("CP-1", tmp_path))

    unclear = cli("rotate", "CP-1")
    assert unclear.exit_code == 2
    assert "certificate and password" in unclear.output
    assert cli("rotate", "CP-1", "--password", "--csr", request).exit_code == 2
    with pytest.raises(SolarRallyError, match="no certificate at AWS IoT"):
        cli("rotate", "CP-1", "--aws")
    done(cli("rotate", "CP-1", "--password", "--out", "new"))

    assert sorted(path.suffix for path in (tmp_path / "new").glob("CP-1.*")) == [".json", ".password"]
    done(cli("rotate", "CP-1", "--certificate", "--csr", request, "--out", "newer"))
    assert (tmp_path / "newer" / "CP-1.pem").exists()


@pytest.mark.parametrize("base_topic", ["evse", "evse/CP-2", "go-eCharger", "go-eCharger/goe1/x", "openevse"])
def test_a_base_topic_that_covers_others_is_refused_before_anything_is_registered(
    cli: Cli, rows: Rows, broker: SecuredBroker, base_topic: str
) -> None:
    rows("INSERT INTO evse (evse_uid, site_id, dialect) SELECT 'goe1', id, 'goe' FROM site")

    with pytest.raises(NoBaseTopic, match="--base-topic"):
        cli("provision", "W1", "--password", "--dialect", "openevse", "--base-topic", base_topic)
    with pytest.raises(NoBaseTopic, match="--base-topic"):
        cli("provision", "evse", "--password", "--dialect", "openevse")

    assert [row["evse_uid"] for row in rows("SELECT evse_uid FROM evse")] == ["goe1"]


def test_passwords_made_at_the_same_time_are_all_made(
    cli: Cli, rows: Rows, broker: SecuredBroker, tmp_path: Path
) -> None:
    names = [f"CP-{number}" for number in range(4)]
    words = [sys.executable, "-m", "solarrally", "stations", "provision", "--password"]
    processes = [
        subprocess.Popen([*words, name], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        for name in names
    ]

    ended = [(process.communicate(timeout=60)[1], process.returncode) for process in processes]

    assert [said for said, code in ended if code != 0] == []
    assert [tried(tmp_path / "stations" / name).returncode for name in names] == [0] * len(names)


def test_a_password_whose_answer_is_lost_stays_on_disk(
    cli: Cli, rows: Rows, broker: SecuredBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done(cli("provision", "CP-1", "--password"))
    ask = DynamicSecurity._ask

    async def lost(self: DynamicSecurity, command: str, **arguments: Any) -> dict[str, Any]:
        answer = await ask(self, command, **arguments)
        if command in ("createClient", "modifyClient") and "error" not in answer:
            raise AnswerLost("the connection to the broker was lost")
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(DynamicSecurity, "_ask", lost)
        for words in (("rotate", "CP-1", "--out", "new"), ("provision", "CP-2", "--password")):
            with pytest.raises(AnswerLost):
                cli(*words)

    assert tried(tmp_path / "new").returncode == 0
    assert tried(tmp_path / "stations" / "CP-2").returncode == 0
    assert [row["reference"] for row in rows("SELECT reference FROM evse_credential")] == ["CP-1"]
    done(cli("rotate", "CP-1", "--out", "newer"))
    assert tried(tmp_path / "new").returncode != 0
    assert tried(tmp_path / "newer").returncode == 0


def test_the_account_that_makes_the_others_is_no_stations(
    cli: Cli, rows: Rows, broker: SecuredBroker
) -> None:
    with pytest.raises(SolarRallyError, match="no station provisioner"):
        cli("revoke", "provisioner")
    rows("INSERT INTO evse (evse_uid, site_id) SELECT 'provisioner', id FROM site")
    with pytest.raises(SolarRallyError, match="has nothing that holds"):
        cli("revoke", "provisioner", "--all")

    done(cli("provision", "CP-1", "--password"))


def test_everything_of_a_station_includes_an_account_that_was_not_noted(
    cli: Cli, rows: Rows, broker: SecuredBroker, tmp_path: Path
) -> None:
    done(cli("provision", "CP-1", "--password"))
    rows("DELETE FROM evse_credential")
    done(cli("provision", "CP-1", "--out", "certified"))

    done(cli("revoke", "CP-1", "--all"))

    assert tried(tmp_path / "stations" / "CP-1").returncode != 0
    assert tried(tmp_path / "certified").returncode != 0


# -- what there is ----------------------------------------------------------------------------------------


def test_stations_are_listed_with_when_their_certificates_end(
    cli: Cli, rows: Rows, broker: SecuredBroker
) -> None:
    done(cli("provision", "CP-1", "--days", "20"))
    done(cli("provision", "CP-2", "--days", "300"))
    done(cli("provision", "CP-3", "--password"))
    done(cli("provision", "CP-4", "--days", "10"))
    done(cli("rotate", "CP-4", "--days", "300"))
    rows(
        "INSERT INTO connector (evse_id, connector_id, received_at)"
        " SELECT id, 1, '2026-11-21T07:00:00Z' FROM evse WHERE evse_uid = 'CP-1'"
    )

    everything = json.loads(cli("list", "--json").stdout)
    soon = json.loads(cli("list", "--json", "--expiring", "30").stdout)

    assert [(row["evse_uid"], row["kinds"], row["valid_count"]) for row in everything] == [
        ("CP-1", ["certificate"], 1),
        ("CP-2", ["certificate"], 1),
        ("CP-3", ["password"], 1),
        ("CP-4", ["certificate"], 2),
    ]
    assert [row["evse_uid"] for row in soon] == ["CP-1"]
    assert datetime.fromisoformat(soon[0]["ends_at"]) - datetime.now(UTC) < timedelta(days=20)
    assert "2026-11-21 07:00" in cli("list").stdout
    assert "never" in cli("list").stdout


def test_everything_that_a_station_had_is_shown(cli: Cli, broker: SecuredBroker) -> None:
    done(cli("provision", "CP-1"))
    done(cli("rotate", "CP-1", "--out", "new"))
    done(cli("revoke", "CP-1", "--older"))

    shown = cli("show", "CP-1").stdout

    assert [line.count("holds") + line.count("revoked") for line in shown.splitlines()[1:]] == [1, 1]
    assert len(json.loads(cli("show", "CP-1", "--json").stdout)) == 2
    with pytest.raises(SolarRallyError, match="no station CP-9"):
        cli("show", "CP-9")


def test_sites_are_named(cli: Cli, rows: Rows, broker: SecuredBroker) -> None:
    rows("INSERT INTO site (name, timezone, currency) VALUES ('Harbour', 'UTC', 'EUR')")

    done(cli("provision", "CP-1", "--site", "Harbour"))

    [row] = rows("SELECT s.name FROM evse e JOIN site s ON s.id = e.site_id")
    assert row["name"] == "Harbour"
    with pytest.raises(SolarRallyError, match="no site 'Beach'; there are: Main site, Harbour"):
        cli("provision", "CP-2", "--site", "Beach")


def test_without_a_broker_of_ours_the_next_step_is_named(cli: Cli, rows: Rows) -> None:
    for words in (("provision", "CP-1"), ("ca", "show"), ("server-certificate", "mqtt.example.org")):
        with pytest.raises(PkiError, match="ca init"):
            cli(*words)
    assert os.listdir() == []
    done(cli("ca", "init", "--no-encrypt"))
    for more in ((), ("--password",)):
        with pytest.raises(PkiError, match="server-certificate HOST"):
            cli("provision", "CP-1", *more)
    assert rows("SELECT * FROM evse") == []


# -- AWS IoT Core -----------------------------------------------------------------------------------------


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with moto.mock_aws():
        yield


def test_at_aws_a_station_is_a_thing_with_certificates_that_are_revoked_there(
    cli: Cli, rows: Rows, aws: None, tmp_path: Path
) -> None:
    done(cli("provision", "CP-1", "--aws"))
    done(cli("rotate", "CP-1", "--out", "new"))
    folder = tmp_path / "stations" / "CP-1"

    assert json.loads((folder / "CP-1.json").read_text())["host"].endswith(".amazonaws.com")
    assert mode(folder / "CP-1.key") == 0o600
    done(cli("revoke", "CP-1", "--older"))
    iot = boto3.client("iot")
    states = [
        iot.describe_certificate(certificateId=row["reference"])["certificateDescription"]["status"]
        for row in rows("SELECT reference FROM evse_credential WHERE kind = 'aws_iot' ORDER BY id")
    ]
    assert states == ["REVOKED", "ACTIVE"]
    [revoked, holds] = rows("SELECT revoked_at, not_after FROM evse_credential ORDER BY id")
    assert revoked["revoked_at"] is not None
    assert holds["revoked_at"] is None
    assert holds["not_after"] == certificate(tmp_path / "new" / "CP-1.pem").not_valid_after_utc


def test_a_devices_own_key_is_signed_at_aws_too(cli: Cli, aws: None, tmp_path: Path) -> None:
    request = a_request("CP-1", tmp_path)

    done(cli("provision", "CP-1", "--aws", "--csr", str(request)))

    assert not list((tmp_path / "stations" / "CP-1").glob("*.key"))


def test_without_the_extra_aws_says_how_to_install_it(
    cli: Cli, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)  # as it is when nobody has installed it

    with pytest.raises(SolarRallyError, match=r"pip install 'solarrally\[aws\]'"):
        cli("provision", "CP-1", "--aws")
    assert rows("SELECT * FROM evse") == []
