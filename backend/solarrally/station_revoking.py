"""Credentials taken away where they are checked, connections ended, and only then noted as revoked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from solarrally import wiring
from solarrally.authority_cli import RESERVED, REVOCATION_TIMEOUT_S, door_of, run_reload, unlocked
from solarrally.errors import SolarRallyError
from solarrally.provisioning.access import administration, aws_registry
from solarrally.provisioning.cutting_off import NotCutOff, take_over, wait_for_revocation
from solarrally.provisioning.pki import PROBE_LIFETIME, device_pair, probe_pair
from solarrally.provisioning.pki_folder import DEVICES, PkiFolder
from solarrally.station_registering import CLI
from solarrally.storage.edits.credentials import alone_at_the_broker, revoke_credentials
from solarrally.storage.edits.editing import editing
from solarrally.storage.queries.credentials import (
    CREDENTIAL_ORDERS,
    CredentialRow,
    Provisionable,
    list_credentials,
    provisionable_in,
    revoked_certificates,
    stations_of_serials,
    valid_credentials,
)
from solarrally.storage.queries.window import Window
from solarrally.terminal import say

_MOST: Final = 10_000
"""Certificates of one station."""


@dataclass(slots=True, frozen=True)
class _Outcome:
    """What went wrong after the list was written."""

    failures: Sequence[SolarRallyError] = ()
    may_be_connected: frozenset[str] = frozenset()

    def check(self) -> None:
        """Raises what went wrong; `NotCutOff` for more than one thing."""
        if len(self.failures) > 1:
            raise NotCutOff("\n".join(str(one) for one in self.failures))
        for failure in self.failures:
            raise failure


def chosen_of(
    evse_uid: str, held: list[CredentialRow], serial: str | None, older: bool, everything: bool
) -> list[CredentialRow]:
    if not held:
        raise SolarRallyError(f"{evse_uid} has nothing that holds")
    if serial is not None:
        wanted = serial.replace(":", "").lstrip("0").upper()
        found = [one for one in held if one.serial_hex == wanted]
        if not found:
            raise SolarRallyError(f"{evse_uid} has no certificate {serial} that holds")
        return found
    if older:
        newest = {one.kind: one for one in held}
        found = [one for one in held if one is not newest[one.kind]]
        if not found:
            raise SolarRallyError(f"{evse_uid} has nothing older than what it should use")
        return found
    if everything or len(held) == 1:
        return held
    raise typer.BadParameter(f"{evse_uid} has {len(held)}: say which with --serial, --older or --all")


async def revoke_at_once(
    engine: AsyncEngine,
    pki: PkiFolder,
    work: list[tuple[Provisionable, list[CredentialRow], list[CredentialRow]]],
    reload: str | None,
    via: str | None,
) -> None:
    """First where they are checked, then in the database: what it calls revoked is refused.

    Certificates count as revoked as soon as they are on the list; a broker that has not read it is said.
    """
    certificates = [
        (station, [one for one in chosen if one.kind == "certificate"], left)
        for station, chosen, left in work
    ]
    certificates = [one for one in certificates if one[1]]
    passwords = [station for station, chosen, _ in work if any(one.kind == "password" for one in chosen)]
    at_aws = [(station, one) for station, chosen, _ in work for one in chosen if one.kind == "aws_iot"]
    if passwords:
        await _delete_accounts(engine, pki, [station.evse_uid for station in passwords], via)
    if at_aws:
        registry = aws_registry()
        for station, one in at_aws:
            await asyncio.to_thread(registry.revoke, station.evse_uid, one.reference)
    outcome = _Outcome()
    if certificates:
        outcome = await _cut_off(engine, pki, certificates, reload, via)
    for station, chosen, left in work:
        async with editing(engine) as connection:
            ids = [one.id for one in chosen]
            count = await revoke_credentials(connection, CLI, station.evse_uid, ids, now=wiring.utc_now())
        say(f"{station.evse_uid}: {count} revoked")
        if not left and station.evse_uid in outcome.may_be_connected:
            say(f"{station.evse_uid} may still be connected: repeat this command")
        elif not left:
            say(
                f"{station.evse_uid} has nothing left to connect with, until"
                f" `solarrally stations provision {station.evse_uid}`"
            )
    outcome.check()


async def delete_unknown_account(engine: AsyncEngine, pki: PkiFolder, evse_uid: str, via: str | None) -> bool:
    """Of a station without a noted password, registered or not: whether the broker had an account of it all
    the same, as an interrupted `provision` leaves one.
    """
    if evse_uid in RESERVED or not pki.provisioner_password.exists():
        return False
    if await _delete_accounts(engine, pki, [evse_uid], via) == 0:
        return False
    say(f"{evse_uid} had an account at the broker that was never noted: it is gone")
    return True


async def relist(engine: AsyncEngine, pki: PkiFolder, reload: str | None, via: str | None) -> None:
    """Put on the devices' revocation list what the database calls revoked, and end the connections of those
    that were missing there.

    Raises `NotCutOff` when the broker has not read it.
    """
    now = wiring.utc_now()
    async with editing(engine) as connection:
        known, _ = await revoked_certificates(connection, now=now)
        listed = {one.serial_number for one in pki.crl(DEVICES)} if pki.crl_path(DEVICES).exists() else set()
        missing = [serial for serial, _ in known if serial not in listed]
        names = await stations_of_serials(connection, [f"{serial:X}" for serial in missing])
        stations = [await provisionable_in(connection, name) for name in names]
        held = {
            one.id: await valid_credentials(connection, one.id, now=now)
            for one in stations
            if one is not None
        }
    outcome = await _cut_off(engine, pki, [(one, [], held[one.id]) for one in stations if one], reload, via)
    say(f"{len(known)} certificates are on the list of {DEVICES}, {len(missing)} of them were missing")
    outcome.check()


async def _delete_accounts(engine: AsyncEngine, pki: PkiFolder, names: list[str], via: str | None) -> int:
    """How many there were."""
    async with editing(engine) as connection:
        await alone_at_the_broker(connection)
        async with administration(pki, via) as broker:
            return sum([await broker.delete(name) for name in names])


async def cut_off_again(
    engine: AsyncEngine, pki: PkiFolder, station: Provisionable, reload: str | None, via: str | None
) -> bool:
    """For a station all of whose certificates are revoked already; False when it never had one."""
    window = Window(order=CREDENTIAL_ORDERS["created_at"], is_descending=True, after=None, limit=_MOST)
    had = await list_credentials(engine, station.evse_uid, window) or []
    certificates = [one for one in had if one.kind == "certificate" and one.revoked_at is not None]
    if not certificates:
        return False
    (await _cut_off(engine, pki, [(station, certificates, [])], reload, via)).check()
    say(f"{station.evse_uid} had nothing left; the broker refuses what it had, and its connection is ended")
    return True


async def _cut_off(
    engine: AsyncEngine,
    pki: PkiFolder,
    work: list[tuple[Provisionable, list[CredentialRow], list[CredentialRow]]],
    reload: str | None,
    via: str | None,
) -> _Outcome:
    """On the list with them, and their connections ended."""
    now = wiring.utc_now()
    authority = unlocked(pki, DEVICES)
    async with editing(engine) as connection:
        known, ended = await revoked_certificates(connection, now=now)
    probe = probe_pair(authority, now=now)
    serials = [(int(one.serial_hex or "0", 16), now) for _, chosen, _ in work for one in chosen]
    pki.revoke(
        DEVICES,
        authority,
        [*known, *serials, (probe.certificate.serial_number, now)],
        now=now,
        forget=ended,
    )
    failures: list[SolarRallyError] = []
    try:
        run_reload(reload)
    except SolarRallyError as error:
        failures.append(error)  # the broker may read the list all the same: the probe shows it
    try:
        door = door_of(pki, via)
        await wait_for_revocation(door, probe, REVOCATION_TIMEOUT_S)
    except SolarRallyError as error:
        return _Outcome([*failures, error], frozenset(station.evse_uid for station, _, _ in work))
    may_be_connected = set()
    for station, _, left in work:
        pair = device_pair(authority, station.evse_uid, now=now, lifetime=PROBE_LIFETIME)
        try:
            await take_over(door, station.evse_uid, pair, keep_session=bool(left))
        except NotCutOff as error:
            failures.append(error)
            may_be_connected.add(station.evse_uid)
    return _Outcome(failures, frozenset(may_be_connected))
