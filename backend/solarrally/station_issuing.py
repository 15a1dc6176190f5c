"""One credential made for a station: by the authority or at the broker, on disk, and in the database."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from solarrally import wiring
from solarrally.authority_cli import day, say, unlocked
from solarrally.errors import SolarRallyError
from solarrally.provisioning.access import administration, aws_registry
from solarrally.provisioning.handover import (
    CA_FILE,
    Access,
    access_by_certificate,
    access_by_password,
    instructions,
    native_configuration,
)
from solarrally.provisioning.passwords import check_username, new_password
from solarrally.provisioning.pki import (
    Authority,
    certificate_for_request,
    certificate_pem,
    device_pair,
    fingerprint,
    key_pem,
    load_certificate,
    serial_hex,
)
from solarrally.provisioning.pki_folder import DEVICES, PkiFolder
from solarrally.provisioning.private_files import write_private, write_public
from solarrally.provisioning.station_topics import NATIVE, check_apart, default_base_topic, topics_of
from solarrally.settings import Settings
from solarrally.storage.audit import Actor
from solarrally.storage.edits.credentials import alone_at_the_broker, note_credential, set_base_topic
from solarrally.storage.edits.editing import EditConflict, editing
from solarrally.storage.edits.evses import add_evse
from solarrally.storage.queries.credentials import (
    Provisionable,
    foreign_stations,
    provisionable_in,
    valid_credentials,
)
from solarrally.storage.queries.sites import SITE_ORDERS, list_sites
from solarrally.storage.queries.window import Window

CLI: Final = Actor(user_id=None, name="cli")
_MAX_SITES: Final = 10_000


class Issue:
    """One credential to be made: in the broker or by the authority, on disk, and in the database."""

    def __init__(
        self, *, evse_uid: str, csr: Path | None, days: int, pki: PkiFolder, via: str | None, show: bool
    ) -> None:
        self.evse_uid = evse_uid
        self.csr = csr
        self.days = days
        self.pki = pki
        self.via = via
        self.show = show
        self._authority: Authority | None = None
        self._was_asked = False
        """Whether the broker was told a password: then what is on disk may be the only copy."""

    def prepare(self, kind: str) -> None:
        """See what is there, and ask for the passphrase, before anything is registered or waits for it."""
        if kind == "certificate":
            self._authority = unlocked(self.pki, DEVICES)
        if kind != "aws_iot":
            _ = self.pki.doors

    async def make(
        self,
        connection: AsyncConnection,
        station: Provisionable,
        kind: str,
        folder: Path,
        *,
        is_rotation: bool = False,
    ) -> None:
        """The caller commits: a credential that the database does not know of is not left behind on disk."""
        if kind == "password" and not is_rotation:
            self._clear_unfinished(folder)
        if _is_taken(folder):
            raise SolarRallyError(f"{folder} holds something already: name another with --out")
        try:
            match kind:
                case "password":
                    await self._password(connection, station, folder, is_rotation)
                case "aws_iot":
                    await self._aws(connection, station, folder, is_rotation)
                case _:
                    await self._certificate(connection, station, folder, is_rotation)
        except BaseException:
            if not self._was_asked:
                _remove(folder)
                raise
            before = "the one that it had before, or " if is_rotation else "none, or "
            say(
                f"The broker may have done it: {before}the one in {folder} is {self.evse_uid}'s password now."
            )
            say("Try the latter; or repeat this command, which makes another.")
            raise

    def _clear_unfinished(self, folder: Path) -> None:
        """Of an attempt that was interrupted: no password of it is noted, and the account gets another."""
        own = {f"{self.evse_uid}.password", f"{self.evse_uid}.json", "README.txt", CA_FILE}
        names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
        if names and names <= own | {f".{name}.unfinished" for name in own}:
            say(f"{folder} is of an attempt that was not finished: it is written anew")
            _remove(folder)

    async def _certificate(
        self, connection: AsyncConnection, station: Provisionable, folder: Path, is_rotation: bool
    ) -> None:
        now, lifetime = wiring.utc_now(), timedelta(days=self.days)
        doors = self.pki.doors
        authority = self._authority or unlocked(self.pki, DEVICES)
        if station.dialect != NATIVE:
            say(
                f"{self.evse_uid} speaks {station.dialect}: a certificate lets it publish below"
                f" evse/{self.evse_uid} only. Most such devices want `--password`"
            )
        if self.csr is None:
            pair = device_pair(authority, self.evse_uid, now=now, lifetime=lifetime)
            certificate = pair.certificate
            write_private(folder / f"{self.evse_uid}.key", key_pem(pair.key))
            if self.show:
                sys.stdout.write(key_pem(pair.key))
        else:
            certificate = certificate_for_request(
                authority, self.evse_uid, self.csr.read_bytes(), now=now, lifetime=lifetime
            )
        write_public(folder / f"{self.evse_uid}.pem", certificate_pem(certificate))
        access = access_by_certificate(self.evse_uid, doors)
        self._write_handover(folder, NATIVE, access)
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
        say(
            f"{self.evse_uid}: certificate {serial_hex(certificate)} until"
            f" {day(certificate.not_valid_after_utc)}"
        )
        self._say_what_next(folder)

    async def _password(
        self, connection: AsyncConnection, station: Provisionable, folder: Path, is_rotation: bool
    ) -> None:
        doors = self.pki.doors
        base_topic = station.base_topic or default_base_topic(station.dialect, self.evse_uid)
        topics = topics_of(station.dialect, self.evse_uid, base_topic)
        if station.dialect != NATIVE:
            others = await foreign_stations(connection, self.evse_uid)
            check_apart(station.dialect, self.evse_uid, base_topic, others)
        check_username(station.dialect, self.evse_uid)
        secret = new_password(station.dialect)
        write_private(folder / f"{self.evse_uid}.password", secret + "\n")
        self._write_handover(folder, station.dialect, access_by_password(self.evse_uid, doors, base_topic))
        if station.dialect != NATIVE and station.base_topic is None:
            await set_base_topic(connection, CLI, self.evse_uid, base_topic)
        await note_credential(
            connection,
            CLI,
            self.evse_uid,
            kind="password",
            reference=self.evse_uid,
            now=wiring.utc_now(),
            is_rotation=is_rotation,
        )
        await alone_at_the_broker(connection)
        async with administration(self.pki, self.via) as broker:  # last: it cannot be rolled back
            self._was_asked = True
            await broker.set_station(self.evse_uid, secret, topics)
        if self.show:
            sys.stdout.write(secret + "\n")
        say(f"{self.evse_uid}: password made, it may publish below {base_topic}")
        self._say_what_next(folder)

    async def _aws(
        self, connection: AsyncConnection, station: Provisionable, folder: Path, is_rotation: bool
    ) -> None:
        registry = aws_registry()
        request = None if self.csr is None else self.csr.read_text("ascii")
        held = await valid_credentials(connection, station.id, now=wiring.utc_now())
        known = [one.reference for one in held if one.kind == "aws_iot"]
        thing = await asyncio.to_thread(registry.provision, self.evse_uid, request, known=known)
        certificate = load_certificate(thing.certificate_pem.encode())
        if thing.private_key_pem is not None:
            write_private(folder / f"{self.evse_uid}.key", thing.private_key_pem)
            if self.show:
                sys.stdout.write(thing.private_key_pem)
        write_public(folder / f"{self.evse_uid}.pem", thing.certificate_pem)
        access = Access(
            evse_uid=self.evse_uid,
            host=thing.endpoint,
            port=8883,
            base_topic=f"evse/{self.evse_uid}",
            certificate_file=f"{self.evse_uid}.pem",
            key_file=f"{self.evse_uid}.key",
        )
        write_public(folder / f"{self.evse_uid}.json", native_configuration(access))
        write_public(folder / "README.txt", instructions(NATIVE, access))
        await note_credential(
            connection,
            CLI,
            self.evse_uid,
            kind="aws_iot",
            reference=thing.certificate_id,
            serial_hex=serial_hex(certificate),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            now=wiring.utc_now(),
            is_rotation=is_rotation,
        )
        say(f"{self.evse_uid}: certificate {thing.certificate_id} at AWS IoT")
        say(f"{CA_FILE} is Amazon's: https://www.amazontrust.com/repository/AmazonRootCA1.pem")
        self._say_what_next(folder)

    def _write_handover(self, folder: Path, dialect: str, access: Access) -> None:
        if access.has_tls:
            write_public(folder / CA_FILE, self.pki.server_ca.read_text("ascii"))
        if dialect == NATIVE:
            write_public(folder / f"{self.evse_uid}.json", native_configuration(access))
        write_public(folder / "README.txt", instructions(dialect, access))

    def _say_what_next(self, folder: Path) -> None:
        say(f"What the device needs is in {folder}; README.txt there says what to do with it.")


async def registered(
    engine: AsyncEngine,
    settings: Settings,
    evse_uid: str,
    site: str | None,
    dialect: str | None,
    base_topic: str | None,
) -> Provisionable:
    """The registry's entry, made if there is none."""
    async with editing(engine) as connection:
        station = await provisionable_in(connection, evse_uid)
    if station is None:
        speaks = dialect or NATIVE
        values = {
            "evse_uid": evse_uid,
            "site_id": await _site_id(engine, settings, site),
            "dialect": speaks,
            "base_topic": None if speaks == NATIVE else base_topic or default_base_topic(speaks, evse_uid),
        }
        check_username(speaks, evse_uid)  # all said now, before anything is registered
        topics_of(speaks, evse_uid, base_topic)
        if speaks != NATIVE:
            async with editing(engine) as connection:
                check_apart(speaks, evse_uid, base_topic, await foreign_stations(connection, evse_uid))
        await add_evse(engine, CLI, values, [])
        say(f"{evse_uid} is registered now")
        async with editing(engine) as connection:
            return await station_in(connection, evse_uid)
    for name, wanted, there in (
        ("--dialect", dialect, station.dialect),
        ("--base-topic", base_topic, station.base_topic),
    ):
        if wanted is not None and wanted != there:
            raise SolarRallyError(
                f"{evse_uid} is registered with {there or 'none'}, not with {name} {wanted}: change the"
                " registry first (PATCH /api/v1/evses/ID)"
            )
    if site is not None:
        say(f"{evse_uid} is registered already: --site changes nothing")
    return station


async def station_in(connection: AsyncConnection, evse_uid: str) -> Provisionable:
    station = await provisionable_in(connection, evse_uid)
    if station is None:
        raise EditConflict("evse_uid", f"there is no station {evse_uid}")
    return station


async def _site_id(engine: AsyncEngine, settings: Settings, name: str | None) -> int:
    window = Window(order=SITE_ORDERS["id"], is_descending=False, after=None, limit=_MAX_SITES)
    sites = await list_sites(engine, window)
    for site in sites:
        if site.name == (name or settings.site_name):
            return site.id
    if name is not None:
        known = ", ".join(site.name for site in sites) or "none"
        raise SolarRallyError(f"there is no site {name!r}; there are: {known}")
    if not sites:
        raise SolarRallyError("there is no site yet: run `solarrally migrate`")
    return sites[0].id


def _remove(folder: Path) -> None:
    """What was written for a device that does not get it."""
    if folder.is_dir():
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def _is_taken(folder: Path) -> bool:
    return folder.exists() and any(folder.iterdir())
