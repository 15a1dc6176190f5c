"""`solarrally stations ca`, `server-certificate` and `service-certificate`: who signs, and for the broker."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

import typer
from cryptography.exceptions import InvalidSignature

from solarrally import wiring
from solarrally.errors import SolarRallyError
from solarrally.provisioning.cutting_off import Door, take_over, wait_for_revocation
from solarrally.provisioning.dynsec_file import PROVISIONER, first_dynsec_file
from solarrally.provisioning.passwords import new_password
from solarrally.provisioning.pki import (
    CA_DAYS,
    PROBE_LIFETIME,
    PROBE_NAME,
    SERVICE_DAYS,
    Authority,
    KeyPair,
    PassphraseNeeded,
    PkiError,
    common_name,
    device_pair,
    fingerprint,
    load_certificate,
    probe_pair,
    serial_hex,
    server_pair,
    service_pair,
)
from solarrally.provisioning.pki_folder import DEVICES, SERVICES, BrokerDoors, PkiFolder
from solarrally.provisioning.private_files import write_private
from solarrally.terminal import day, say

ca = typer.Typer(help="The authorities that sign stations, the broker and the backend.", no_args_is_help=True)

PASSPHRASE_VARIABLE: Final = "SOLARRALLY_CA_PASSPHRASE"
INGESTOR: Final = "ingestor"
RESERVED: Final = frozenset({INGESTOR, PROVISIONER, PROBE_NAME, "admin", "fleet"})
"""Names that stations cannot have: the backend's own, at some broker of ours."""
_SERVICE_NAME: Final = r"[a-z][a-z0-9_-]{0,63}"
_NO_SERVICES: Final = frozenset({"ca", PROVISIONER})
"""Files of the folder for services that are something else."""
MAX_DAYS: Final = 3650
REVOCATION_TIMEOUT_S: Final = 10.0

Pki = Annotated[
    Path,
    typer.Option(
        "--pki", envvar="SOLARRALLY_CA_DIR", help="The folder with the authorities.", file_okay=False
    ),
]
Reload = Annotated[
    str | None,
    typer.Option(
        envvar="SOLARRALLY_CA_RELOAD",
        metavar="COMMAND",
        help="Run when a revocation list was written, to have the broker read it, such as"
        " 'systemctl reload mosquitto'. docker/mosquitto/start.sh needs none.",
    ),
]
Via = Annotated[
    str | None,
    typer.Option(
        envvar="SOLARRALLY_CA_VIA",
        metavar="HOST",
        help="Where we reach the broker, when that is not the name that stations use. Its certificate must"
        " name both.",
    ),
]


@ca.command("init")
def ca_init(
    pki: Pki = Path("pki"),
    days: Annotated[int, typer.Option(min=1, max=36_500, help="How long the authorities hold.")] = CA_DAYS,
    encrypt: Annotated[
        bool,
        typer.Option(
            help=f"Encrypt the authorities' keys with a passphrase: {PASSPHRASE_VARIABLE}, or asked for."
        ),
    ] = True,
) -> None:
    """Make the two authorities: one signs stations, one the broker and the backend. Once, ever."""
    passphrase = None
    folder = PkiFolder(pki)
    if encrypt and not folder.is_half_made:
        passphrase = os.environ.get(PASSPHRASE_VARIABLE) or typer.prompt(
            "Passphrase for the authorities' keys", hide_input=True, confirmation_prompt=True, err=True
        )
    if folder.is_half_made:
        say("an earlier `ca init` was interrupted: it is completed, with the passphrase that was given then")
    folder.create(now=wiring.utc_now(), days=days, passphrase=passphrase)
    _show(folder)
    say("")
    say("Keep a copy of this folder where only you reach it: whoever has the keys can be any station, and")
    say("without them no station can be added, rotated or revoked. Next:")
    say("    solarrally stations server-certificate HOST    # the name that stations reach the broker by")


@ca.command("show")
def ca_show(pki: Pki = Path("pki")) -> None:
    """Show the authorities: what they are known by, how long they hold, how much they revoked."""
    _show(PkiFolder(pki))


@ca.command("revoke")
def ca_revoke(
    certificate: Annotated[Path, typer.Argument(dir_okay=False, exists=True, help="PEM.")],
    pki: Pki = Path("pki"),
    reload: Reload = None,
    via: Via = None,
) -> None:
    """Revoke a certificate that is no registered station's: the ingestor's, or one whose entry is lost.

    A station's connection is ended. The ingestor's goes on until it ends: restart the broker for a key that
    was stolen.
    """
    folder, revoked = PkiFolder(pki), load_certificate(certificate.read_bytes())
    now = wiring.utc_now()
    if any(revoked == folder.authority_certificate(name) for name in (DEVICES, SERVICES)):
        raise PkiError(
            f"{certificate} is the authority itself, which no list of its own revokes: what to do when its"
            " key was stolen is in docs/device-security.md"
        )
    for name in (DEVICES, SERVICES):
        try:
            revoked.verify_directly_issued_by(folder.authority_certificate(name))
        except (ValueError, TypeError, InvalidSignature):
            continue
        authority = unlocked(folder, name)
        probe = probe_pair(authority, now=now)
        serials = [(one.serial_number, now) for one in (revoked, probe.certificate)]
        folder.revoke(name, authority, serials, now=now)
        say(f"{serial_hex(revoked)} is on the list of {name}")
        run_reload(reload)
        if name == DEVICES:
            evse_uid = common_name(revoked)
            pair = device_pair(authority, evse_uid, now=now, lifetime=PROBE_LIFETIME)
            asyncio.run(_cut_off(door_of(folder, via), probe, evse_uid, pair))
            say(f"the broker refuses it, and {evse_uid} is disconnected")
        return
    raise PkiError(f"{certificate} is signed by neither of the authorities in {pki}")


async def _cut_off(door: Door, probe: KeyPair, evse_uid: str, pair: KeyPair) -> None:
    await wait_for_revocation(door, probe, REVOCATION_TIMEOUT_S)
    await take_over(door, evse_uid, pair, keep_session=True)


def server_certificate(
    hosts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[HOST]...",
            help="Names and addresses that the broker is reached by; stations are told the first."
            " None: those of its present certificate.",
        ),
    ] = None,
    pki: Pki = Path("pki"),
    days: Annotated[int, typer.Option(min=1, max=MAX_DAYS, help="How long it holds.")] = SERVICE_DAYS,
    certificate_port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65535,
            help=f"For stations with a certificate; default: as it is, first {BrokerDoors.certificate_port}.",
        ),
    ] = None,
    password_port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65535,
            help=f"For stations with a password; default: as it is, first {BrokerDoors.password_port}.",
        ),
    ] = None,
    password_tls: Annotated[
        bool | None,
        typer.Option(help="Whether the port for passwords speaks TLS; default: as it is, first it does."),
    ] = None,
) -> None:
    """Make the broker's key and certificate, again before it ends. The broker takes a new one while it runs.

    The first time also the account that administers stations with passwords.
    """
    folder = PkiFolder(pki)
    hosts = hosts or folder.broker_names
    doors = folder.doors if folder.has_doors else BrokerDoors(host=hosts[0])
    pair = server_pair(unlocked(folder, SERVICES), hosts, now=wiring.utc_now(), lifetime=timedelta(days=days))
    folder.write_pair(folder.broker, "broker", pair)
    folder.write_doors(
        BrokerDoors(
            host=hosts[0],
            certificate_port=certificate_port or doors.certificate_port,
            password_port=password_port or doors.password_port,
            has_password_tls=doors.has_password_tls if password_tls is None else password_tls,
        )
    )
    accounts = folder.broker / "dynamic-security.json"
    if not folder.provisioner_password.exists():
        password = new_password("native")
        write_private(accounts, first_dynsec_file(password))
        write_private(folder.provisioner_password, password + "\n")  # last: it says that both are there
    elif not accounts.exists():
        write_private(accounts, first_dynsec_file(folder.provisioner_password.read_text("ascii").strip()))
    say(
        f"{folder.broker}/broker.pem is for {', '.join(hosts)},"
        f" until {day(pair.certificate.not_valid_after_utc)}"
    )
    say(
        f"The broker reads {folder.broker} as /mosquitto/certs; copy dynamic-security.json to its data folder"
    )
    say("before its first start (docker/mosquitto/README.md). Next:")
    say("    solarrally stations service-certificate ingestor")


def service_certificate(
    name: Annotated[str, typer.Argument(help="As docker/mosquitto/services.acl knows it.")] = INGESTOR,
    pki: Pki = Path("pki"),
    days: Annotated[int, typer.Option(min=1, max=MAX_DAYS, help="How long it holds.")] = SERVICE_DAYS,
) -> None:
    """Make key and certificate for the ingestor, again before it ends, and say which settings name them."""
    if re.fullmatch(_SERVICE_NAME, name) is None or name in _NO_SERVICES:
        raise typer.BadParameter(
            "a name is 1 to 64 lower-case letters, digits, _ and -, beginning with a letter, and not"
            f" {' or '.join(sorted(_NO_SERVICES))}"
        )
    folder = PkiFolder(pki)
    pair = service_pair(unlocked(folder, SERVICES), name, now=wiring.utc_now(), lifetime=timedelta(days=days))
    folder.write_pair(folder.services, name, pair)
    say(f"{folder.services}/{name}.pem until {day(pair.certificate.not_valid_after_utc)}. The settings:")
    sys.stdout.write(
        f"SOLARRALLY_MQTT_URL=mqtts://{folder.doors.host}:8885\n"
        f"SOLARRALLY_MQTT_CA_FILE={folder.server_ca}\n"
        f"SOLARRALLY_MQTT_CERT_FILE={folder.services / name}.pem\n"
        f"SOLARRALLY_MQTT_KEY_FILE={folder.services / name}.key\n"
    )


# -- shared with the verbs about stations -----------------------------------------------------------------


def unlocked(folder: PkiFolder, name: str) -> Authority:
    """The authority with its key; asks for the passphrase where there is one and nobody has said it."""
    passphrase = os.environ.get(PASSPHRASE_VARIABLE) or None
    try:
        return folder.authority(name, passphrase)
    except PassphraseNeeded:
        if not sys.stdin.isatty():
            raise PkiError(
                f"the key of the authority for {name} is encrypted: set {PASSPHRASE_VARIABLE}"
            ) from None
    return folder.authority(name, typer.prompt("Passphrase", hide_input=True, err=True))


def door_of(folder: PkiFolder, via: str | None) -> Door:
    doors = folder.doors
    return Door(host=doors.host, port=doors.certificate_port, ca_pem=folder.server_ca_pem, address=via)


def run_reload(command: str | None) -> None:
    """Raises `SolarRallyError` when it fails: the broker does not know then what was revoked."""
    if command is None:
        return
    try:
        subprocess.run(shlex.split(command), check=True, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or str(error)
        raise SolarRallyError(f"`{command}` failed: {said.strip()}") from error


def _show(folder: PkiFolder) -> None:
    for name in (DEVICES, SERVICES):
        certificate, crl = folder.authority_certificate(name), folder.crl(name)
        sys.stdout.write(
            f"{name:9} SHA-256 {fingerprint(certificate)}\n"
            f"{'':9} until {day(certificate.not_valid_after_utc)}, {len(list(crl))} revoked\n"
        )
