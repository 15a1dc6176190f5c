"""A Mosquitto that lets in who has a certificate, as AWS IoT Core does, and the certificates for it."""

from __future__ import annotations

import ipaddress
import json
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from solarrally.brokers.aws_iot_endpoint import ClientIdentity
from solarrally.embedded.errors import BinariesMissing
from solarrally.embedded.mosquitto_program import find_mosquitto
from solarrally.embedded.ports import any_free_port

START_TIMEOUT_S = 10.0
ACCESS = """
user ingestor
topic readwrite evse/#
topic read garage/#
user fleet
topic readwrite evse/#
topic readwrite garage/#
user commands
topic write evse/+/commands/#
topic read evse/#
"""
"""Who may do what, by the name in the certificate; a `stranger` nothing."""


class Authority:
    """Signs certificates; its own and theirs are PEM files in `folder`."""

    def __init__(self, folder: Path, name: str = "test ca", *, ends_at: datetime | None = None) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.ca_file = folder / f"{name.replace(' ', '-')}.pem"
        certificate = self._signed(self._name, self._key.public_key(), ends_at, is_authority=True)
        self.ca_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def identity(self, name: str, *, ends_at: datetime | None = None) -> ClientIdentity:
        """A certificate with this common name, good for `localhost` too, with its key; it replaces the one of
        that name.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._signed(subject, key.public_key(), ends_at, is_authority=False)
        identity = ClientIdentity(
            cert_file=self._folder / f"{name}.pem",
            key_file=self._folder / f"{name}.key",
            ca_file=self.ca_file,
        )
        identity.cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        identity.key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return identity

    def _signed(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        ends_at: datetime | None,
        *,
        is_authority: bool,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        names: list[x509.GeneralName] = [
            x509.DNSName("localhost"),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        ]
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(ends_at or now + timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )
        if not is_authority:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256())


class TlsMosquitto:
    """A Mosquitto on a loopback port whose clients are known by their certificates alone."""

    def __init__(self, folder: Path, authority: Authority, *, roles: Mapping[str, str] | None = None) -> None:
        """`roles`: instead of the access list, clients that may use one topic filter each, by the
        dynamic-security plugin, which refuses what else they subscribe to, as AWS does.
        """
        self.port = any_free_port()
        self.plain_port = any_free_port()
        """Without TLS and without a password, for whoever speaks for the devices."""
        self.authority = authority
        server = authority.identity("server")
        self._config_file = folder / "mosquitto.conf"
        self._log_file = folder / "mosquitto.log"
        self._process: subprocess.Popen[bytes] | None = None
        lines = [
            f"listener {self.port} 127.0.0.1",
            f"cafile {authority.ca_file}",
            f"certfile {server.cert_file}",
            f"keyfile {server.key_file}",
            "require_certificate true",
            "use_identity_as_username true",
            f"listener {self.plain_port} 127.0.0.1",
            "allow_anonymous true",
            "persistence true",
            f"persistence_location {folder}/",
            "max_queued_messages 100000",
            "max_inflight_messages 65535",
            "set_tcp_nodelay true",
            "user root",
        ]
        if roles is None:
            (folder / "access").write_text(ACCESS)
            lines.append(f"acl_file {folder / 'access'}")
        else:
            (folder / "dynamic.json").write_text(json.dumps(_dynamic_security(roles)))
            lines += [f"plugin {_plugin()}", f"plugin_opt_config_file {folder / 'dynamic.json'}"]
        self._config_file.write_text("\n".join(lines) + "\n")

    def url_for(self, name: str) -> str:
        """The address without TLS, as this user."""
        return f"mqtt://{name}:none@127.0.0.1:{self.plain_port}"

    def start(self) -> None:
        try:
            program = find_mosquitto()
        except BinariesMissing as missing:
            pytest.skip(str(missing))
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [program.path, "-c", str(self._config_file)], stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self._process.poll() is not None:
                break
            time.sleep(0.01)
        raise AssertionError(f"Mosquitto did not start:\n{self._log_file.read_text()[-2000:]}")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=START_TIMEOUT_S)
            self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()


@contextmanager
def running_tls_mosquitto(folder: Path, *, roles: Mapping[str, str] | None = None) -> Iterator[TlsMosquitto]:
    server = TlsMosquitto(folder, Authority(folder), roles=roles)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _plugin() -> Path:
    """Mosquitto's own package brings it."""
    for place in ("/usr/lib/*/", "/usr/lib/", "/usr/local/lib/", "/opt/homebrew/lib/"):
        for found in Path("/").glob(place.lstrip("/") + "mosquitto_dynamic_security.so"):
            return found
    pytest.skip("no mosquitto_dynamic_security.so here: install the package mosquitto")


def _dynamic_security(roles: Mapping[str, str]) -> dict[str, object]:
    """Clients that may subscribe and publish to one filter each, and nothing else."""
    kinds = ("publishClientSend", "publishClientReceive", "subscribePattern")
    return {
        "defaultACLAccess": {
            "publishClientSend": False,
            "publishClientReceive": False,
            "subscribe": False,
            "unsubscribe": True,
        },
        "clients": [{"username": name, "roles": [{"rolename": name}]} for name in roles],
        "roles": [
            {
                "rolename": name,
                "acls": [{"acltype": kind, "topic": topic_filter, "allow": True} for kind in kinds],
            }
            for name, topic_filter in roles.items()
        ],
    }
