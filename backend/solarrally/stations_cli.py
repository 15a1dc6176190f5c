"""`solarrally stations`: what stations prove their identity with, made, rotated, revoked and listed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from solarrally import database_wiring, wiring
from solarrally.authority_cli import (
    MAX_DAYS,
    RESERVED,
    Pki,
    Reload,
    Via,
    ca,
    server_certificate,
    service_certificate,
)
from solarrally.domain.fleet import EVSE_UID_PATTERN, is_base_topic, without_empty_levels
from solarrally.errors import SolarRallyError
from solarrally.provisioning.pki import DEVICE_DAYS
from solarrally.provisioning.pki_folder import PkiFolder
from solarrally.provisioning.station_topics import NATIVE, NoBaseTopic
from solarrally.settings import Settings, load_settings
from solarrally.station_issuing import Issue, in_words
from solarrally.station_moving import set_base_topic as move
from solarrally.station_registering import Wish, registered, station_in
from solarrally.station_revoking import chosen_of, cut_off_again, delete_unknown_account, revoke_at_once
from solarrally.station_revoking import relist as relist_
from solarrally.storage.edits.editing import editing
from solarrally.storage.engine import create_engine
from solarrally.storage.queries.credentials import (
    CREDENTIAL_ORDERS,
    CredentialRow,
    list_credentials,
    list_station_credentials,
    provisionable_in,
    valid_credentials,
)
from solarrally.storage.queries.window import Window
from solarrally.terminal import day, plain, print_json, print_table, say, table, utc

stations = typer.Typer(
    help="What stations prove their identity with: certificates and passwords.", no_args_is_help=True
)
stations.add_typer(ca, name="ca")
stations.command("server-certificate")(server_certificate)
stations.command("service-certificate")(service_certificate)

OVERLAP_DAYS: Final = 14
_MAX_ROWS: Final = 100_000

_T = TypeVar("_T")

EvseUid = Annotated[str, typer.Argument(metavar="ID", help="The station's evse_uid.")]
Days = Annotated[int, typer.Option(min=1, max=MAX_DAYS, help="How long the certificate holds.")]
Request = Annotated[
    Path | None,
    typer.Option(
        "--csr",
        dir_okay=False,
        exists=True,
        help="A signing request that the device made (PEM): its key then never leaves it.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(file_okay=False, help="Folder for what the device needs; default: stations/ID."),
]
Show = Annotated[bool, typer.Option("--show", help="Write the secret to standard output too.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]


@ca.command("relist")
def relist(pki: Pki = Path("pki"), reload: Reload = None, via: Via = None) -> None:
    """Write the devices' revocation list from the database: after an old copy of the folder was restored.

    What the list has stays on it. Certificates of the backend, and those that `ca revoke` took by their file,
    are in no database: revoke them again.
    """
    _run(lambda engine, settings: relist_(engine, PkiFolder(pki), reload, via))


@stations.command("provision")
def provision(
    evse_uid: EvseUid,
    csr: Request = None,
    password: Annotated[
        bool, typer.Option("--password", help="A password, for devices that cannot have a certificate.")
    ] = False,
    aws: Annotated[bool, typer.Option("--aws", help="A thing and a certificate at AWS IoT Core.")] = False,
    out: Out = None,
    site: Annotated[
        str | None,
        typer.Option(help="Name of the site where it stands; default: SOLARRALLY_SITE_NAME, or the oldest."),
    ] = None,
    dialect: Annotated[
        str | None, typer.Option(help=f"What it speaks, such as openevse; default: {NATIVE}.")
    ] = None,
    base_topic: Annotated[
        str | None, typer.Option(help="Where a device of another family publishes; default: by its family.")
    ] = None,
    days: Days = DEVICE_DAYS,
    pki: Pki = Path("pki"),
    via: Via = None,
    show: Show = False,
) -> None:
    """Give a station its identity, and write what the device needs to a folder. Registers it if need be."""
    _check_id(evse_uid)
    if password and (csr is not None or aws):
        raise typer.BadParameter("--password goes with neither --csr nor --aws")
    wish = Wish(site=site, dialect=_checked_dialect(dialect), base_topic=_checked_base_topic(base_topic))
    issue = Issue(
        evse_uid=evse_uid,
        kind="password" if password else "aws_iot" if aws else "certificate",
        csr=csr,
        days=days,
        pki=PkiFolder(pki),
        via=via,
        show=show,
        folder=out or Path("stations") / evse_uid,
    )
    _run(lambda engine, settings: issue.provision(engine, settings, wish))


@stations.command("rotate")
def rotate(
    evse_uid: EvseUid,
    csr: Request = None,
    certificate: Annotated[
        bool, typer.Option("--certificate", help="The certificate, where it has a password too.")
    ] = False,
    password: Annotated[
        bool, typer.Option("--password", help="The password, where it has a certificate too.")
    ] = False,
    aws: Annotated[
        bool, typer.Option("--aws", help="The certificate at AWS IoT, where it has more.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Folder for what the device needs; default: a new one beside."),
    ] = None,
    days: Days = DEVICE_DAYS,
    pki: Pki = Path("pki"),
    via: Via = None,
    show: Show = False,
) -> None:
    """Give a station another certificate or password.

    The certificate it has goes on holding beside the new one until `revoke ID --older`, `end-overlaps`, or
    its own end. A password has no overlap: the old one is worth nothing at once, and the connection ends.
    """
    if certificate + password + aws > 1:
        raise typer.BadParameter("one of --certificate, --password and --aws")
    wanted = "certificate" if certificate else "password" if password else "aws_iot" if aws else None
    folder = out or Path("stations") / f"{evse_uid}.{wiring.utc_now():%Y%m%d-%H%M%S}"

    async def work(engine: AsyncEngine, settings: Settings) -> None:
        async with editing(engine) as connection:
            held = (await registered(connection, evse_uid)).held
        kind = _kind_to_rotate(evse_uid, {one.kind for one in held}, wanted)
        if kind == "password" and csr is not None:
            raise typer.BadParameter("--csr is for a certificate, and this is a password")
        issue = Issue(
            evse_uid=evse_uid,
            kind=kind,
            csr=csr,
            days=days,
            pki=PkiFolder(pki),
            via=via,
            show=show,
            folder=folder,
        )
        older = await issue.rotate(engine)
        if older:
            say(f"The older one holds until {_until(older[-1])}. When the device is seen with the new one:")
            say(f"    solarrally stations revoke {evse_uid} --older")

    _run(work)


@stations.command("set-base-topic")
def set_base_topic(
    evse_uid: EvseUid,
    base_topic: Annotated[
        str | None, typer.Argument(metavar="[TOPIC]", help="None: as it is, or by its family.")
    ] = None,
    dialect: Annotated[str | None, typer.Option(help="What it speaks from now on, such as openevse.")] = None,
    pki: Pki = Path("pki"),
    via: Via = None,
) -> None:
    """Say where a station publishes: in the registry and, where it has a password, at the broker.

    Password and certificates stay as they are. The rights below the old topic end at once. Without TOPIC the
    broker is brought to what the registry says.
    """
    wanted, speaks = _checked_base_topic(base_topic), _checked_dialect(dialect)
    say(_run(lambda engine, settings: move(engine, PkiFolder(pki), via, evse_uid, speaks, wanted)))


@stations.command("revoke")
def revoke(
    evse_uid: EvseUid,
    serial: Annotated[str | None, typer.Option(help="Only the certificate with this serial number.")] = None,
    older: Annotated[bool, typer.Option("--older", help="All but the newest: ends a rotation.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Everything it has.")] = False,
    pki: Pki = Path("pki"),
    reload: Reload = None,
    via: Via = None,
) -> None:
    """Take credentials away, and end the station's connection now. Nothing else about it changes.

    Of a station that has nothing left the connection is ended once more: when the broker was away before.
    With --all, or nothing left, an account at the broker goes too that an interrupted `provision` left.
    """
    if sum((serial is not None, older, everything)) > 1:
        raise typer.BadParameter("one of --serial, --older and --all")

    async def work(engine: AsyncEngine, settings: Settings) -> None:
        async with editing(engine) as connection:
            is_known = await provisionable_in(connection, evse_uid) is not None
        if not is_known and await delete_unknown_account(engine, PkiFolder(pki), evse_uid, via):
            return
        async with editing(engine) as connection:
            station = await station_in(connection, evse_uid)
            held = await valid_credentials(connection, station.id, now=wiring.utc_now())
        if not held:
            was_cut_off = await cut_off_again(engine, PkiFolder(pki), station, reload, via)
            if await delete_unknown_account(engine, PkiFolder(pki), evse_uid, via) or was_cut_off:
                return
        chosen = chosen_of(evse_uid, held, serial, older, everything)
        left = [one for one in held if one not in chosen]
        await revoke_at_once(engine, PkiFolder(pki), [(station, chosen, left)], reload, via)
        if everything and all(one.kind != "password" for one in chosen):
            await delete_unknown_account(engine, PkiFolder(pki), evse_uid, via)

    _run(work)


@stations.command("end-overlaps")
def end_overlaps(
    days: Annotated[
        int, typer.Option(min=0, max=MAX_DAYS, help="How long both certificates may hold.")
    ] = OVERLAP_DAYS,
    pki: Pki = Path("pki"),
    reload: Reload = None,
    via: Via = None,
) -> None:
    """Revoke every certificate whose successor is older than this. For a timer, once a day.

    A device that was never given its new certificate is out then: `stations list` shows it as not heard of.
    """

    async def work(engine: AsyncEngine, settings: Settings) -> None:
        now = wiring.utc_now()
        overdue = []
        for row in await list_station_credentials(engine, now=now):
            if row.valid_count < 2 or "certificate" not in row.kinds:
                continue
            async with editing(engine) as connection:
                station = await station_in(connection, row.evse_uid)
                held = await valid_credentials(connection, station.id, now=now)
            certificates = [one for one in held if one.kind == "certificate"]
            successors = [one for one in certificates if one.created_at <= now - timedelta(days=days)]
            if successors[:-1]:
                chosen = successors[:-1]
                overdue.append((station, chosen, [one for one in held if one not in chosen]))
        if not overdue:
            say("no rotation is overdue")
            return
        await revoke_at_once(engine, PkiFolder(pki), overdue, reload, via)

    _run(work)


@stations.command("list")
def list_(
    expiring: Annotated[
        int | None,
        typer.Option(
            metavar="DAYS", min=0, help="Only stations whose last certificate has ended, or ends within DAYS."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the stations: what they have, when it ends, and when they were last heard of."""
    now = wiring.utc_now()
    before = None if expiring is None else now + timedelta(days=expiring)
    found = _run(lambda engine, settings: list_station_credentials(engine, now=now, ends_before=before))
    if as_json:
        print_json([plain(row) for row in found])
        return
    shown = table("station", "speaks", "has", "ends (UTC)", "in days", "last heard of (UTC)", "state")
    for row in found:
        shown.add_row(
            row.evse_uid,
            row.dialect,
            f"{row.valid_count} {', '.join(map(in_words, row.kinds))}" if row.kinds else "nothing",
            utc(row.ends_at),
            "" if row.ends_at is None else str((row.ends_at - now).days),
            utc(row.last_heard_at) or "never",
            ("online" if row.is_online else "offline") + ("" if row.is_enabled else ", disabled"),
        )
    print_table(shown, f"{len(found)} stations")


@stations.command("show")
def show_(evse_uid: EvseUid, as_json: AsJson = False) -> None:
    """Show all that a station has and had, newest first."""
    window = Window(order=CREDENTIAL_ORDERS["created_at"], is_descending=True, after=None, limit=_MAX_ROWS)
    found = _run(lambda engine, settings: list_credentials(engine, evse_uid, window))
    if found is None:
        raise SolarRallyError(f"there is no station {evse_uid}")
    if as_json:
        print_json([plain(row) for row in found])
        return
    now = wiring.utc_now()
    shown = table("kind", "serial, user name or id", "made (UTC)", "by", "ends (UTC)", "state")
    for row in found:
        shown.add_row(
            in_words(row.kind),
            row.serial_hex or row.reference,
            utc(row.created_at),
            row.created_by,
            utc(row.not_after),
            "holds"
            if row.holds(now)
            else "ended"
            if row.revoked_at is None
            else f"revoked {utc(row.revoked_at)} by {row.revoked_by}",
        )
    print_table(shown, f"{len(found)} credentials of {evse_uid}")


def _checked_dialect(dialect: str | None) -> str | None:
    if dialect is not None and dialect not in wiring.dialects():
        raise typer.BadParameter(f"--dialect: there are {', '.join(wiring.dialects())}")
    return dialect


def _kind_to_rotate(evse_uid: str, held: Collection[str], wanted: str | None) -> str:
    """Of these kinds of credentials. Raises when the station has none, or several and none was named."""
    if not held:
        raise SolarRallyError(
            f"{evse_uid} has nothing that holds: `solarrally stations provision {evse_uid}`"
        )
    if wanted is None and len(held) > 1:
        raise typer.BadParameter(
            f"{evse_uid} has {' and '.join(in_words(kind) for kind in sorted(held))}: say which with"
            " --certificate, --password or --aws"
        )
    if wanted is not None and wanted not in held:
        raise SolarRallyError(f"{evse_uid} has no {in_words(wanted)} that holds")
    return wanted or min(held)


def _checked_base_topic(base_topic: str | None) -> str | None:
    """Without empty levels."""
    if base_topic is None:
        return None
    wanted = without_empty_levels(base_topic)
    if not is_base_topic(wanted):
        raise NoBaseTopic(f"{base_topic!r} cannot be the base topic of one station")
    return wanted


def _check_id(evse_uid: str) -> None:
    if re.fullmatch(EVSE_UID_PATTERN, evse_uid) is None:
        raise typer.BadParameter(
            "an ID is 1 to 64 of A-Z a-z 0-9 . _ : @ -, beginning with a letter or digit"
        )
    if evse_uid in RESERVED or evse_uid.startswith("solarrally-"):
        raise typer.BadParameter(f"{evse_uid} is a name of the backend's own")


def _run(work: Callable[[AsyncEngine, Settings], Coroutine[Any, Any, _T]]) -> _T:
    """Do the work with an engine of its own."""
    settings = load_settings()

    async def connected() -> _T:
        engine = create_engine(
            wiring.database_dsn(settings), pool_size=1, application_name="solarrally-stations"
        )
        try:
            with database_wiring.reaching_database(settings):
                return await work(engine, settings)
        finally:
            await engine.dispose()

    return asyncio.run(connected())


def _until(credential: CredentialRow) -> str:
    return "it is revoked" if credential.not_after is None else day(credential.not_after)
