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
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509

from solarrally.provisioning.pki import (
    Authority,
    KeyPair,
    PkiError,
    certificate_pem,
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
    def provisioner_password(self) -> Path:
        """Of the account that administers stations with passwords at the broker."""
        return self.services / "provisioner.password"

    def create(self, *, now: datetime, days: int, passphrase: str | None) -> None:
        """Two new authorities with empty revocation lists. Raises `PkiError` when there are any: another
        authority means another certificate for every station.
        """
        if any(self._key(name).exists() for name in (DEVICES, SERVICES)):
            raise PkiError(f"{self.path} holds authorities already; `solarrally stations ca show` shows them")
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
            previous = self.crl(name) if self.crl_path(name).exists() else None
            added = revocation_list(authority, revoked, now=now, previous=previous, forget=forget)
            write_public(self.crl_path(name), certificate_pem(added))

    def write_pair(self, folder: Path, name: str, pair: KeyPair) -> None:
        """`name.key`, then `name.pem`."""
        write_private(folder / f"{name}.key", key_pem(pair.key))
        write_public(folder / f"{name}.pem", certificate_pem(pair.certificate))

    @property
    def doors(self) -> BrokerDoors:
        """Raises `PkiError` while the broker has no certificate."""
        path = self.path / "broker.json"
        if not path.exists():
            raise PkiError(
                "where is the broker? `solarrally stations server-certificate HOST` makes its certificate"
            )
        return BrokerDoors(**json.loads(path.read_text("utf-8")))

    def write_doors(self, doors: BrokerDoors) -> None:
        write_public(self.path / "broker.json", json.dumps(asdict(doors), indent=2) + "\n")

    def _certificate(self, name: str) -> Path:
        return self.broker / f"{name}-ca.pem"

    def _key(self, name: str) -> Path:
        return self.path / f"{name}-ca.key"

    def _read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except FileNotFoundError as error:
            raise PkiError(
                f"{path} is not there: `solarrally stations ca init` makes it; --pki says in which folder"
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
