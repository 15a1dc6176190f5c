"""The folder that holds our authorities, and what the broker and the backend are given of them.

pki/                     nobody but its owner
    devices-ca.key       signs stations          the two worth stealing: 0600, encrypted when a
    services-ca.key      signs broker, ingestor  passphrase was given, best kept off the broker's machine
    broker.json          how stations reach the broker
    broker/              the broker reads it, as /mosquitto/certs
    services/            keys of the backend itself
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from solarrally.provisioning.pki import (
    Authority,
    KeyPair,
    PkiError,
    certificate_pem,
    host_names,
    key_pem,
    load_authority,
    load_certificate,
    new_authority,
    revocation_list,
)
from solarrally.provisioning.private_files import write_private, write_public

DEVICES: Final = "devices"
SERVICES: Final = "services"


@dataclass(frozen=True, kw_only=True)
class BrokerDoors:
    """Where stations find the broker."""

    host: str
    certificate_port: int = 8883
    password_port: int = 8884
    has_password_tls: bool = True


class PkiFolder:
    """Nothing is read before it is asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def broker(self) -> Path:
        return self.path / "broker"

    @property
    def services(self) -> Path:
        return self.path / "services"

    @property
    def server_ca(self) -> Path:
        """Who signed the broker's certificate: what every client checks it against."""
        return self.services / "ca.pem"

    @property
    def server_ca_pem(self) -> str:
        return self._read(self.server_ca).decode("ascii")

    @property
    def provisioner_password(self) -> Path:
        """Of the account that administers stations with passwords at the broker."""
        return self.services / "provisioner.password"

    @property
    def provisioner_secret(self) -> str:
        return self._read(self.provisioner_password, "server-certificate HOST").decode("ascii").strip()

    def create(self, *, now: datetime, days: int, passphrase: str | None) -> None:
        """Two new authorities with empty revocation lists. Raises `PkiError` when there are any: another
        authority means another certificate for every station. One that was interrupted is done from the
        beginning, or completed.
        """
        if not self.is_half_made:
            if any(self._key(name).exists() for name in (DEVICES, SERVICES)):
                raise PkiError(
                    f"{self.path} holds authorities already; `solarrally stations ca show` shows them"
                )
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            making = PkiFolder(self.path / ".making")
            shutil.rmtree(making.path, ignore_errors=True)
            making._make(now=now, days=days, passphrase=passphrase)
            making.path.rename(self._made)
        files = [path for path in self._made.rglob("*") if path.is_file()]
        for path in sorted(files, key=lambda path: (path.suffix != ".key", path.name), reverse=True):
            place = self.path / path.relative_to(self._made)
            place.parent.mkdir(mode=0o700, exist_ok=True)
            path.replace(place)  # the keys last, of them the devices': whoever sees that has all
        shutil.rmtree(self._made)

    @property
    def is_half_made(self) -> bool:
        """Whether all files were made, and not all are in their places: `create` completes that."""
        return self._made.exists()

    @property
    def _made(self) -> Path:
        return self.path / ".made"

    def _make(self, *, now: datetime, days: int, passphrase: str | None) -> None:
        for name in (DEVICES, SERVICES):
            authority = new_authority(f"SolarRally {name}", now=now, days=days)
            write_private(self._key(name), key_pem(authority.key, passphrase))
            write_public(self._certificate(name), certificate_pem(authority.certificate))
            write_public(self.crl_path(name), certificate_pem(revocation_list(authority, [], now=now)))
        write_public(self.server_ca, self._certificate(SERVICES).read_text("ascii"))

    def authority(self, name: str, passphrase: str | None) -> Authority:
        """With its key. Raises `PkiError`; `PassphraseNeeded` where one is missing."""
        return load_authority(self._read(self._certificate(name)), self._read(self._key(name)), passphrase)

    def authority_certificate(self, name: str) -> x509.Certificate:
        return load_certificate(self._read(self._certificate(name)))

    def crl_path(self, name: str) -> Path:
        return self.broker / f"{name}-crl.pem"

    def crl(self, name: str) -> x509.CertificateRevocationList:
        try:
            return x509.load_pem_x509_crl(self._read(self.crl_path(name)))
        except ValueError as error:
            raise PkiError(f"{self.crl_path(name)} is no revocation list: {error}") from error

    def revoke(
        self,
        name: str,
        authority: Authority,
        revoked: Iterable[tuple[int, datetime]],
        *,
        now: datetime,
        forget: Iterable[int] = (),
    ) -> None:
        """Add serial numbers to the authority's revocation list. Two that do so at once do it in turn."""
        with self._alone():
            self.settle_pair(self.broker, "broker")  # a broker that reads the list reads its certificate too
            previous = self.crl(name) if self.crl_path(name).exists() else None
            added = revocation_list(authority, revoked, now=now, previous=previous, forget=forget)
            write_public(self.crl_path(name), certificate_pem(added))

    def write_pair(self, folder: Path, name: str, pair: KeyPair) -> None:
        """Both files, or neither; `settle_pair` completes what a crash left between the two."""
        certificate, key = _staged(folder, name)
        with self._alone():
            write_public(certificate, certificate_pem(pair.certificate))
            write_private(key, key_pem(pair.key))
            key.replace(folder / f"{name}.key")
            certificate.replace(folder / f"{name}.pem")

    def settle_pair(self, folder: Path, name: str) -> None:
        """Complete an interrupted `write_pair`. Raises `PkiError` when key and certificate do not match.

        Nothing is said of a pair that was never made. The caller holds the lock.
        """
        key_file = folder / f"{name}.key"
        if not key_file.exists():
            return
        key = serialization.load_pem_private_key(key_file.read_bytes(), None).public_key()
        staged, _ = _staged(folder, name)
        if staged.exists() and load_certificate(staged.read_bytes()).public_key() == key:
            staged.replace(folder / f"{name}.pem")
        if load_certificate(self._read(folder / f"{name}.pem")).public_key() != key:
            raise PkiError(
                f"{name}.key and {name}.pem in {folder} do not belong together, and a broker that reads them"
                " now takes no connection: repeat `solarrally stations server-certificate HOST`"
            )

    @property
    def broker_names(self) -> list[str]:
        """What its certificate is for, first what stations are told. Raises `PkiError` without one."""
        host = self.doors.host
        names = host_names(
            load_certificate(self._read(self.broker / "broker.pem", "server-certificate HOST"))
        )
        return [host, *(name for name in names if name != host)]

    @property
    def has_doors(self) -> bool:
        return self._doors.exists()

    @property
    def _doors(self) -> Path:
        return self.path / "broker.json"

    @property
    def doors(self) -> BrokerDoors:
        """Raises `PkiError` while the broker has no certificate."""
        if not self.has_doors:
            raise PkiError(
                "where is the broker? `solarrally stations server-certificate HOST` makes its certificate"
            )
        return BrokerDoors(**json.loads(self._doors.read_text("utf-8")))

    def write_doors(self, doors: BrokerDoors) -> None:
        write_public(self._doors, json.dumps(asdict(doors), indent=2) + "\n")

    def _certificate(self, name: str) -> Path:
        return self.broker / f"{name}-ca.pem"

    def _key(self, name: str) -> Path:
        return self.path / f"{name}-ca.key"

    def _read(self, path: Path, made_by: str = "ca init") -> bytes:
        try:
            return path.read_bytes()
        except FileNotFoundError as error:
            raise PkiError(
                f"{path} is not there: `solarrally stations {made_by}` makes it; --pki says in which folder"
            ) from error
        except OSError as error:
            raise PkiError(f"{path} cannot be read: {error.strerror}") from error

    @contextmanager
    def _alone(self) -> Iterator[None]:
        descriptor = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _staged(folder: Path, name: str) -> tuple[Path, Path]:
    """Where a new certificate and its key wait until both are written. Not `*.pem`: a broker's script looks
    at those.
    """
    return folder / f".{name}.pem.new", folder / f".{name}.key.new"
