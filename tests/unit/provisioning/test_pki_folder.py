"""What is left in the folder of authorities when the machine stops in the middle."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path

import pytest

from solarrally.provisioning.pki import (
    KeyPair,
    PkiError,
    certificate_pem,
    key_pem,
    load_certificate,
    server_pair,
)
from solarrally.provisioning.pki_folder import DEVICES, SERVICES, PkiFolder
from solarrally.provisioning.private_files import write_private, write_public
from tests.builders import T0

A_DAY = timedelta(days=1)
STEPS_OF_A_PAIR = 4


class Stopped(Exception):
    """As if by SIGKILL: nothing cleans up."""


def stop_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Before the rename with this number, from 0, of those that put files and folders in their places."""
    left = [step]

    def counted(name: str) -> None:
        original = getattr(Path, name)

        def renamed(path: Path, target: Path) -> Path:
            if left[0] == 0:
                raise Stopped
            left[0] -= 1
            moved: Path = original(path, target)
            return moved

        monkeypatch.setattr(Path, name, renamed)

    counted("replace")
    counted("rename")


@pytest.fixture
def folder(tmp_path: Path) -> PkiFolder:
    return PkiFolder(tmp_path / "pki")


@pytest.mark.parametrize("step", range(15))
def test_an_interrupted_beginning_is_completed_by_repeating_it(
    folder: PkiFolder, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    with monkeypatch.context() as patched:
        stop_at(patched, step)
        with pytest.raises(Stopped):
            folder.create(now=T0, days=400, passphrase=None)

    folder.create(now=T0, days=400, passphrase=None)

    for name in (DEVICES, SERVICES):
        assert folder.authority(name, None).certificate == folder.authority_certificate(name)
        assert len(folder.crl(name)) == 0
    assert load_certificate(folder.server_ca.read_bytes()) == folder.authority_certificate(SERVICES)
    assert sorted(path.name for path in folder.path.iterdir()) == [
        *("broker", "devices-ca.key", "services", "services-ca.key")
    ]
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    with pytest.raises(PkiError, match="holds authorities already"):
        folder.create(now=T0, days=400, passphrase=None)


def test_the_devices_key_is_in_its_place_only_when_all_is(
    folder: PkiFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        stop_at(patched, 14)
        with pytest.raises(Stopped):
            folder.create(now=T0, days=400, passphrase=None)

    assert not (folder.path / "devices-ca.key").exists()
    assert (folder.path / "services-ca.key").exists()


def a_pair(folder: PkiFolder) -> KeyPair:
    return server_pair(folder.authority(SERVICES, None), ["localhost"], now=T0, lifetime=A_DAY)


@pytest.mark.parametrize("step", range(STEPS_OF_A_PAIR))
def test_key_and_certificate_belong_together_after_an_interrupted_renewal(
    folder: PkiFolder, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    folder.create(now=T0, days=400, passphrase=None)
    old, new = a_pair(folder), a_pair(folder)
    folder.write_pair(folder.broker, "broker", old)
    with monkeypatch.context() as patched:
        stop_at(patched, step)
        with pytest.raises(Stopped):
            folder.write_pair(folder.broker, "broker", new)

    folder.revoke(DEVICES, folder.authority(DEVICES, None), [], now=T0)  # has the broker read all of it

    there = load_certificate((folder.broker / "broker.pem").read_bytes())
    wanted = old if step < STEPS_OF_A_PAIR - 1 else new
    assert there == wanted.certificate
    assert (folder.broker / "broker.key").read_text() == key_pem(wanted.key)


def test_no_list_is_written_beside_a_key_that_is_not_the_certificates(folder: PkiFolder) -> None:
    folder.create(now=T0, days=400, passphrase=None)
    write_private(folder.broker / "broker.key", key_pem(a_pair(folder).key))
    write_public(folder.broker / "broker.pem", certificate_pem(a_pair(folder).certificate))
    before = folder.crl_path(DEVICES).read_bytes()

    with pytest.raises(PkiError, match="repeat `solarrally stations server-certificate"):
        folder.revoke(DEVICES, folder.authority(DEVICES, None), [], now=T0)

    assert folder.crl_path(DEVICES).read_bytes() == before
    folder.write_pair(folder.broker, "broker", a_pair(folder))
    folder.revoke(DEVICES, folder.authority(DEVICES, None), [], now=T0)
