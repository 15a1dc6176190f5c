"""docker/mosquitto/debian.sh: what it puts where, in folders of the test's own."""

from __future__ import annotations

import getpass
import os
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from solarrally.provisioning.pki import server_pair
from solarrally.provisioning.pki_folder import SERVICES, PkiFolder
from tests.support.secured_broker import FILES


@pytest.fixture
def pki(tmp_path: Path) -> PkiFolder:
    listed = subprocess.run(["sh", "-c", "dpkg -L mosquitto"], check=False, capture_output=True)
    if listed.returncode != 0:
        pytest.skip("Debian's package mosquitto is not here: apt install mosquitto")
    folder, now = PkiFolder(tmp_path / "pki"), datetime.now(UTC)
    folder.create(now=now, days=400, passphrase=None)
    _give_broker_certificate(folder)
    (folder.broker / "dynamic-security.json").write_text("{}")
    return folder


def _give_broker_certificate(folder: PkiFolder) -> None:
    pair = server_pair(
        folder.authority(SERVICES, None), ["localhost"], now=datetime.now(UTC), lifetime=timedelta(days=9)
    )
    folder.write_pair(folder.broker, "broker", pair)


def _run(pki: PkiFolder) -> str:
    folder = pki.path.parent
    done = subprocess.run(
        ["/bin/sh", FILES / "debian.sh", pki.path],
        env={
            **os.environ,
            "OWNER": getpass.getuser(),
            "CONFIG": str(folder / "etc"),
            "DATA": str(folder / "data"),
            "RELOAD": "echo reloads",
            "RESTART": "echo restarts",
        },
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_file_that_the_configuration_names_is_there(pki: PkiFolder, tmp_path: Path) -> None:
    _run(pki)

    text = (tmp_path / "etc" / "mosquitto.conf").read_text()
    named = re.findall(r"^(?:\w*file|plugin|plugin_opt_config_file|persistence_location) (/\S+)", text, re.M)
    assert len(named) == 15
    assert [path for path in named if not Path(path).exists()] == []


def test_no_key_of_an_authority_comes_to_the_broker_and_its_own_is_read_by_nobody_else(
    pki: PkiFolder, tmp_path: Path
) -> None:
    _run(pki)

    certs = tmp_path / "etc" / "certs"
    assert [path.name for path in certs.glob("*.key")] == ["broker.key"]
    assert (certs / "broker.key").stat().st_mode & 0o777 == 0o600
    assert certs.stat().st_mode & 0o777 == 0o700


def test_accounts_stay_what_they_are(pki: PkiFolder, tmp_path: Path) -> None:
    _run(pki)
    accounts = tmp_path / "data" / "dynamic-security.json"
    accounts.write_text('{"clients": []}')

    _run(pki)

    assert accounts.read_text() == '{"clients": []}'


def test_the_broker_is_restarted_only_for_what_it_reads_at_its_start(pki: PkiFolder) -> None:
    assert _run(pki) == "restarts"
    assert _run(pki) == "reloads"
    _give_broker_certificate(pki)
    assert _run(pki) == "reloads"
    authority = pki.broker / "devices-ca.pem"
    authority.write_text(authority.read_text() + (pki.broker / "services-ca.pem").read_text())
    assert _run(pki) == "restarts"


@pytest.mark.parametrize(("version", "is_kept"), [("2.0.11", False), ("2.1.2", True)])
def test_the_memory_limit_is_left_out_where_mosquitto_counts_wrongly(
    pki: PkiFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, is_kept: bool
) -> None:
    program = tmp_path / "bin" / "mosquitto"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho mosquitto version {version}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")

    _run(pki)

    text = (tmp_path / "etc" / "mosquitto.conf").read_text()
    assert bool(re.search(r"^memory_limit \d+$", text, re.M)) == is_kept
    assert re.search(r"^max_packet_size \d+$", text, re.M)
