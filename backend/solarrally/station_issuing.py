"""One credential made for a station: by the authority or at the broker, on disk, and in the database.

All in one transaction, with the station's registration if it has none. First comes what may fail, last what
cannot be taken back: the account at the broker, then the commit. Whatever breaks it off, repeating the
command goes on: the folder's mark says whether its files are of an attempt that counts.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from solarrally import wiring
from solarrally.authority_cli import unlocked
from solarrally.errors import SolarRallyError
from solarrally.provisioning.access import administration, aws_registry
from solarrally.provisioning.dynsec import DynamicSecurity
from solarrally.provisioning.handover import (
    CA_FILE,
    Access,
    access_by_certificate,
    access_by_password,
    instructions,
    native_configuration,
)
from solarrally.provisioning.handover_folder import HandoverFolder
from solarrally.provisioning.passwords import check_username, new_password
from solarrally.provisioning.pki import (
    certificate_for_request,
    certificate_pem,
    device_pair,
    fingerprint,
    key_pem,
    load_certificate,
    serial_hex,
)
from solarrally.provisioning.pki_folder import DEVICES, PkiFolder
from solarrally.provisioning.station_topics import NATIVE, check_apart, default_base_topic, topics_of
from solarrally.settings import Settings
from solarrally.station_registering import (
    CLI,
    Applicant,
    Wish,
    applicant,
    enter,
    known_sites,
    registered,
)
from solarrally.storage.edits.credentials import (
    alone_at_the_broker,
    alone_with,
    note_credential,
)
from solarrally.storage.edits.editing import editing
from solarrally.storage.edits.evses import change_evse_in
from solarrally.storage.queries.credentials import CredentialRow, foreign_stations
from solarrally.terminal import day, say

Find = Callable[[AsyncConnection], Awaitable[Applicant]]


class Issue:
    """One credential to be made."""

    def __init__(
        self,
        *,
        evse_uid: str,
        kind: str,
        csr: Path | None,
        days: int,
        pki: PkiFolder,
        via: str | None,
        show: bool,
        folder: Path,
    ) -> None:
        """Sees what is there, and asks for the passphrase, before anything waits for it."""
        self.evse_uid = evse_uid
        self.kind = kind
        self.csr = csr
        self.days = days
        self.pki = pki
        self.via = via
        self.show = show
        self.folder = HandoverFolder(folder, evse_uid)
        match kind:
            case "certificate":
                self._authority = unlocked(pki, DEVICES)
                _ = pki.doors, pki.server_ca_pem
            case "password":
                _ = pki.doors, pki.server_ca_pem, pki.provisioner_secret
            case "aws_iot":
                self._aws = aws_registry()
        self._began_at: datetime | None = None
        self._may_count = False
        """Whether what is on disk may be in use already, or be the only copy of what is."""
        self._told: list[str] = []

    async def provision(self, engine: AsyncEngine, settings: Settings, wish: Wish) -> Applicant:
        """The station, which had no credential of this kind."""
        sites = await known_sites(engine)

        async def find(connection: AsyncConnection) -> Applicant:
            return await applicant(connection, settings, self.evse_uid, wish, sites)

        return await self._issued(engine, find, is_rotation=False)

    async def rotate(self, engine: AsyncEngine) -> list[CredentialRow]:
        """What the station goes on having beside it, the newest last."""

        async def find(connection: AsyncConnection) -> Applicant:
            return await registered(connection, self.evse_uid)

        station = await self._issued(engine, find, is_rotation=True)
        return [
            one
            for one in station.held
            if one.kind == self.kind != "password" and one.created_at != self._began_at
        ]

    async def _issued(self, engine: AsyncEngine, find: Find, *, is_rotation: bool) -> Applicant:
        try:
            async with editing(engine) as connection, self._way_in(connection) as broker:
                station = await find(connection)
                if not self._is_finished(station):
                    self._check_held(station, is_rotation)
                    await self._make(connection, broker, station, is_rotation)
                self._may_count = True
        except BaseException:
            self._give_up(is_rotation)
            raise
        self.folder.finish()
        self._tell(station)
        return station

    @asynccontextmanager
    async def _way_in(self, connection: AsyncConnection) -> AsyncIterator[DynamicSecurity | None]:
        """Nobody else makes this station a credential; the broker, where it is needed, is there."""
        await alone_with(connection, self.evse_uid)
        if self.kind != "password":
            yield None
            return
        await alone_at_the_broker(connection)
        async with administration(self.pki, self.via) as broker:
            yield broker

    def _is_finished(self, station: Applicant) -> bool:
        """Whether an attempt was broken off when all was done but to say so."""
        begun_at = self.folder.begun_at
        if begun_at is None or all(one.created_at != begun_at for one in station.held):
            return False
        self._began_at = begun_at
        self._told.append(f"{self.evse_uid}: what an earlier command made counts")
        return True

    def _check_held(self, station: Applicant, is_rotation: bool) -> None:
        has_one = any(one.kind == self.kind for one in station.held)
        if is_rotation and not has_one:
            raise SolarRallyError(
                f"{self.evse_uid} has nothing that holds: `solarrally stations provision {self.evse_uid}`"
            )
        if has_one and not is_rotation:
            raise SolarRallyError(
                f"{self.evse_uid} has a {in_words(self.kind)} already: `solarrally stations rotate"
                f" {self.evse_uid}` gives it another, `revoke` takes it away"
            )

    async def _make(
        self,
        connection: AsyncConnection,
        broker: DynamicSecurity | None,
        station: Applicant,
        is_rotation: bool,
    ) -> None:
        if broker is not None:
            await self._password(connection, broker, station, is_rotation)
        elif self.kind == "aws_iot":
            await self._at_aws(connection, station, is_rotation)
        else:
            await self._certificate(connection, station, is_rotation)

    def _begin(self, now: datetime) -> None:
        """From now on there is a folder. By this instant it and the database know the attempt."""
        self.folder.begin(now)
        self._began_at = now

    def _give_up(self, is_rotation: bool) -> None:
        if self._began_at is None:
            return
        if not self._may_count:
            self.folder.abandon()
        elif self.kind == "password":
            before = "the one that it had before, or " if is_rotation else "none, or "
            say(
                f"The broker may have done it: {before}the one in {self.folder.path} is {self.evse_uid}'s"
                " password now."
            )
            say("Try the latter; or repeat this command, which makes another.")
        else:
            say(f"What is in {self.folder.path} may count or not: repeat this command.")

    def _tell(self, station: Applicant) -> None:
        if station.registration is not None:
            say(f"{self.evse_uid} is registered now")
        for line in self._told:
            say(line)
        say(f"What the device needs is in {self.folder.path}; README.txt there says what to do with it.")
        if not station.is_enabled:
            say(f"{self.evse_uid} is disabled in the registry: what it sends is rejected")
        if self.show:
            for ending in ("key", "password"):
                path = self.folder.path / f"{self.evse_uid}.{ending}"
                if path.exists():
                    sys.stdout.write(path.read_text("ascii"))

    async def _certificate(self, connection: AsyncConnection, station: Applicant, is_rotation: bool) -> None:
        if station.dialect != NATIVE:
            say(
                f"{self.evse_uid} speaks {station.dialect}: a certificate lets it publish below"
                f" evse/{self.evse_uid} only. Most such devices want `--password`"
            )
        now, lifetime = wiring.utc_now(), timedelta(days=self.days)
        key = None
        if self.csr is None:
            pair = device_pair(self._authority, self.evse_uid, now=now, lifetime=lifetime)
            certificate, key = pair.certificate, pair.key
        else:
            certificate = certificate_for_request(
                self._authority, self.evse_uid, self.csr.read_bytes(), now=now, lifetime=lifetime
            )
        self._begin(now)
        if key is not None:
            self.folder.write_private(f"{self.evse_uid}.key", key_pem(key))
        self.folder.write_public(f"{self.evse_uid}.pem", certificate_pem(certificate))
        self._write_handover(NATIVE, access_by_certificate(self.evse_uid, self.pki.doors))
        await enter(connection, station)
        await note_credential(
            connection,
            CLI,
            self.evse_uid,
            kind="certificate",
            reference=fingerprint(certificate),
            serial_hex=serial_hex(certificate),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            now=now,
            is_rotation=is_rotation,
        )
        self._told.append(
            f"{self.evse_uid}: certificate {serial_hex(certificate)} until"
            f" {day(certificate.not_valid_after_utc)}"
        )

    async def _password(
        self, connection: AsyncConnection, broker: DynamicSecurity, station: Applicant, is_rotation: bool
    ) -> None:
        base_topic = station.base_topic or default_base_topic(station.dialect, self.evse_uid)
        topics = topics_of(station.dialect, self.evse_uid, base_topic)
        if station.dialect != NATIVE:
            others = await foreign_stations(connection, self.evse_uid)
            check_apart(station.dialect, self.evse_uid, base_topic, others)
        check_username(station.dialect, self.evse_uid)
        secret, now = new_password(station.dialect), wiring.utc_now()
        self._begin(now)
        self.folder.write_private(f"{self.evse_uid}.password", secret + "\n")
        access = access_by_password(self.evse_uid, self.pki.doors, base_topic)
        self._write_handover(station.dialect, access)
        await enter(connection, station)
        if station.dialect != NATIVE and station.base_topic is None:
            changes = {"base_topic": base_topic}
            await change_evse_in(connection, CLI, self.evse_uid, changes, rights_follow=True)
        await note_credential(
            connection,
            CLI,
            self.evse_uid,
            kind="password",
            reference=self.evse_uid,
            now=now,
            is_rotation=is_rotation,
        )
        self._may_count = True
        await broker.set_station(self.evse_uid, secret, topics)  # last: it cannot be rolled back
        self._told.append(f"{self.evse_uid}: password made, it may publish below {base_topic}")

    async def _at_aws(self, connection: AsyncConnection, station: Applicant, is_rotation: bool) -> None:
        request = None if self.csr is None else self.csr.read_text("ascii")
        known = [one.reference for one in station.held if one.kind == "aws_iot"]
        now = wiring.utc_now()
        self._begin(now)
        thing = await asyncio.to_thread(self._aws.provision, self.evse_uid, request, known=known)
        certificate = load_certificate(thing.certificate_pem.encode())
        if thing.private_key_pem is not None:
            self.folder.write_private(f"{self.evse_uid}.key", thing.private_key_pem)
        self.folder.write_public(f"{self.evse_uid}.pem", thing.certificate_pem)
        access = Access(
            evse_uid=self.evse_uid,
            host=thing.endpoint,
            port=8883,
            base_topic=f"evse/{self.evse_uid}",
            certificate_file=f"{self.evse_uid}.pem",
            key_file=f"{self.evse_uid}.key",
        )
        self.folder.write_public(f"{self.evse_uid}.json", native_configuration(access))
        self.folder.write_public("README.txt", instructions(NATIVE, access))
        await enter(connection, station)
        await note_credential(
            connection,
            CLI,
            self.evse_uid,
            kind="aws_iot",
            reference=thing.certificate_id,
            serial_hex=serial_hex(certificate),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            now=now,
            is_rotation=is_rotation,
        )
        self._told += [
            f"{self.evse_uid}: certificate {thing.certificate_id} at AWS IoT",
            f"{CA_FILE} is Amazon's: https://www.amazontrust.com/repository/AmazonRootCA1.pem",
        ]

    def _write_handover(self, dialect: str, access: Access) -> None:
        if access.has_tls:
            self.folder.write_public(CA_FILE, self.pki.server_ca_pem)
        if dialect == NATIVE:
            self.folder.write_public(f"{self.evse_uid}.json", native_configuration(access))
        self.folder.write_public("README.txt", instructions(dialect, access))


def in_words(kind: str) -> str:
    return {"aws_iot": "certificate at AWS IoT"}.get(kind, kind)
