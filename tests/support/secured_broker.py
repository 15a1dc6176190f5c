"""Mosquitto with the very files of docker/mosquitto, moved to ports and folders of a test's own."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from solarrally.embedded.errors import BinariesMissing
from solarrally.embedded.identity import own_identity
from solarrally.embedded.mosquitto_program import MosquittoProgram, find_mosquitto
from solarrally.embedded.ports import any_free_port
from solarrally.provisioning.cutting_off import Door
from solarrally.provisioning.dynsec_file import first_dynsec_file
from solarrally.provisioning.passwords import new_password
from solarrally.provisioning.pki import (
    Authority,
    KeyPair,
    certificate_pem,
    device_pair,
    key_pem,
    server_pair,
    service_pair,
)
from solarrally.provisioning.pki_folder import DEVICES, SERVICES, BrokerDoors, PkiFolder
from solarrally.provisioning.private_files import write_private, write_public

FILES = Path(__file__).parents[2] / "docker" / "mosquitto"
PLUGIN_IN_IMAGE = "/usr/lib/mosquitto_dynamic_security.so"
PLUGINS = (
    Path("/usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so"),
    Path("/usr/lib/aarch64-linux-gnu/mosquitto_dynamic_security.so"),
    Path(PLUGIN_IN_IMAGE),
)
START_TIMEOUT_S = 10.0
HOST = "localhost"


@dataclass(slots=True, kw_only=True)
class SecuredBroker:
    """A running broker, and the folder of authorities that it goes by."""

    pki: PkiFolder
    folder: Path
    certificate_port: int
    password_port: int
    service_port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def door(self) -> Door:
        return Door(host=HOST, port=self.certificate_port, ca_pem=self.pki.server_ca_pem)

    @property
    def devices(self) -> Authority:
        return self.pki.authority(DEVICES, None)

    @property
    def provisioner_password(self) -> str:
        return self.pki.provisioner_password.read_text().strip()

    @property
    def log(self) -> str:
        return (self.folder / "mosquitto.log").read_text()

    def new_device(self, evse_uid: str, *, lifetime: timedelta = timedelta(days=1)) -> KeyPair:
        return device_pair(self.devices, evse_uid, now=datetime.now(UTC), lifetime=lifetime)

    def new_service(self, name: str) -> KeyPair:
        authority = self.pki.authority(SERVICES, None)
        return service_pair(authority, name, now=datetime.now(UTC), lifetime=timedelta(days=1))

    def stop(self) -> int:
        """SIGTERM to the script, as `docker stop` sends it; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=15)

    def start(self) -> None:
        """Start it (again), and return when all its listeners take connections."""
        with (self.folder / "mosquitto.log").open("ab") as log:
            self.process = subprocess.Popen(
                own_identity().argv_for(
                    ["/bin/sh", str(self.folder / "config" / "start.sh")], death_signal=signal.SIGTERM
                ),
                env={**os.environ, "PATH": f"{os.environ['PATH']}:{_mosquitto().path.parent}"},
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        for port in (self.certificate_port, self.password_port, self.service_port):
            while not _listens(port):
                assert self.process.poll() is None, self.log[-3000:]
                assert time.monotonic() < deadline, self.log[-3000:]
                time.sleep(0.02)


@contextmanager
def secured_broker(folder: Path, *, password_tls: bool = True) -> Iterator[SecuredBroker]:
    """A broker of the test's own, with new authorities; skipped, with the cure, without a Mosquitto."""
    named = os.environ.get("SOLARRALLY_TEST_DYNSEC_PLUGIN")  # of another Mosquitto, first on PATH
    plugin = next((path for path in (*([Path(named)] if named else []), *PLUGINS) if path.exists()), None)
    if plugin is None:
        pytest.skip("no dynamic-security plugin of Mosquitto here: install Debian's package mosquitto")
    _mosquitto()
    now = datetime.now(UTC)
    pki = PkiFolder(folder / "pki")
    pki.create(now=now, days=400, passphrase=None)
    authority = pki.authority(SERVICES, None)
    pki.write_pair(pki.broker, "broker", server_pair(authority, [HOST], now=now, lifetime=timedelta(days=9)))
    ports = [any_free_port() for _ in range(3)]
    pki.write_doors(
        BrokerDoors(
            host=HOST,
            certificate_port=ports[0],
            password_port=ports[1],
            has_password_tls=password_tls,
        )
    )
    password = new_password("native")
    write_private(pki.provisioner_password, password)
    (folder / "data").mkdir()
    write_private(folder / "data" / "dynamic-security.json", first_dynsec_file(password))
    moved = {
        "/mosquitto/config": str(folder / "config"),
        "/mosquitto/certs": str(pki.broker),
        "/mosquitto/data": str(folder / "data"),
        PLUGIN_IN_IMAGE: str(plugin),
        "listener 8883": f"listener {ports[0]} 127.0.0.1",
        "listener 8884": f"listener {ports[1]} 127.0.0.1",
        "listener 8885": f"listener {ports[2]} 127.0.0.1",
    }
    for path in FILES.iterdir():
        text = path.read_text()
        for old, new in moved.items():
            text = text.replace(old, new)
        if path.name == "mosquitto.conf" and _mosquitto().version.startswith("2.0."):
            text = re.sub(r"^memory_limit .*\n", "", text, flags=re.MULTILINE)  # as debian.sh does
        if path.name == "mosquitto.conf" and not password_tls:
            text = _without_tls(text, f"listener {ports[1]} ")
        if path.name == "mosquitto.conf" and os.geteuid() == 0:
            text += "\nuser root\n"  # who else could read what this test has just written
        write_public(folder / "config" / path.name, text)
    broker = SecuredBroker(
        pki=pki,
        folder=folder,
        certificate_port=ports[0],
        password_port=ports[1],
        service_port=ports[2],
    )
    broker.start()
    try:
        yield broker
    finally:
        if broker.process is not None and broker.process.poll() is None:
            broker.stop()


def save_pair(folder: Path, name: str, pair: KeyPair) -> tuple[Path, Path]:
    """Certificate and key as files: what MQTT clients want."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    write_public(certificate, certificate_pem(pair.certificate))
    write_private(key, key_pem(pair.key))
    return certificate, key


def _without_tls(configuration: str, listener: str) -> str:
    """As the configuration says it: leave certfile, keyfile and tls_version of that listener out."""
    before, found, rest = configuration.partition(listener)
    own, following, others = rest.partition("\nlistener ")
    kept = [line for line in own.splitlines() if not line.startswith(("certfile", "keyfile", "tls_version"))]
    return before + found + "\n".join(kept) + following + others


def _mosquitto() -> MosquittoProgram:
    try:
        return find_mosquitto()
    except BinariesMissing as missing:
        pytest.skip(str(missing))


def _listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
