"""Cutting a station with a certificate off at once: a revocation list alone refuses only its next connection.

Two things only whoever holds the devices' authority can do, with certificates that hold for minutes:

1. Knock with one that is on the new list already, until the broker refuses it: then the broker has the list.
2. Connect as the station. The broker gives it the station's session (a client id has one connection; ours is
   the certificate's name) and ends the station's own. The station comes back, and is refused.

In this order nothing gets in between. It needs no account at the broker and no plugin, and works on any
broker that takes the client id from the certificate.
"""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from solarrally.errors import SolarRallyError
from solarrally.provisioning.pki import KeyPair, certificate_pem, key_pem
from solarrally.provisioning.private_files import write_private

CONNECT_TIMEOUT_S: Final = 5.0
KNOCK_EVERY_S: Final = 0.05
_PINGREQ: Final = b"\xc0\x00"
_ACCEPTED: Final = b"\x20\x02"


class NotCutOff(SolarRallyError):
    """The broker may still be talking to the station; the message says what to do."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Door:
    """The broker's listener for certificates."""

    host: str
    """As its certificate says."""
    port: int
    ca_pem: str
    """Who signed that."""
    address: str | None = None
    """Where to connect to, when that is not what the name resolves to."""


async def wait_for_revocation(door: Door, revoked: KeyPair, timeout_s: float) -> None:
    """Return when the broker refuses this certificate, which is on the newest list.

    Raises `NotCutOff` when it has not after `timeout_s`, or cannot be reached.
    """
    context = _context(door, revoked)
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + timeout_s
    while not await _is_refused(door, context):
        if loop.time() > deadline_s:
            raise NotCutOff(
                f"the broker at {door.host}:{door.port} has not read the new revocation list after"
                f" {timeout_s:.0f} s: is it the file that its `crlfile` names? Send the broker SIGHUP, then"
                " repeat this command"
            )
        await asyncio.sleep(KNOCK_EVERY_S)


async def take_over(door: Door, evse_uid: str, pair: KeyPair, *, keep_session: bool) -> None:
    """End the station's connection by being the station for a moment. Its last will is sent.

    Without `keep_session` the broker forgets what it has subscribed to and what waits for it.
    """
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            reader, writer = await _open(door, _context(door, pair))
            try:
                writer.write(connect_packet(evse_uid, clean=not keep_session))
                answer = await reader.readexactly(4)
            finally:
                writer.transport.abort()  # so that we take nothing that waits for the station
    except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
        raise NotCutOff(
            f"the broker at {door.host}:{door.port} did not let us in as {evse_uid}, and may still talk to"
            f" the station: {str(error) or type(error).__name__}"
        ) from error
    if answer[:2] != _ACCEPTED or answer[3]:
        raise NotCutOff(f"the broker refused to let us in as {evse_uid}, with code {answer[3]}")


def connect_packet(client_id: str, *, clean: bool) -> bytes:
    """CONNECT of MQTT 3.1.1 (section 3.1), without a will, keep-alive 10 s."""
    name = client_id.encode()
    body = b"\x00\x04MQTT\x04" + (b"\x02" if clean else b"\x00") + b"\x00\x0a"
    body += len(name).to_bytes(2, "big") + name
    return b"\x10" + bytes([len(body)]) + body


async def _is_refused(door: Door, context: ssl.SSLContext) -> bool:
    """With TLS 1.3 a client learns only after the handshake that its certificate was not taken.

    Whoever was let in and says what is no CONNECT is hung up on without an alert.
    """
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            reader, writer = await _open(door, context)
            try:
                writer.write(_PINGREQ)
                await reader.read(1)
            finally:
                writer.transport.abort()
    except ssl.SSLError as error:
        if _REVOKED in (error.reason or ""):
            return True
        raise NotCutOff(f"TLS with the broker at {door.host}:{door.port} failed: {error}") from error
    except TimeoutError:
        return False
    except ConnectionResetError:
        return False
    except OSError as error:
        raise NotCutOff(f"the broker at {door.host}:{door.port} cannot be reached: {error}") from error
    return False


_REVOKED: Final = "ALERT_CERTIFICATE_REVOKED"
"""How OpenSSL calls the alert 44 of RFC 8446, with something in front that depends on its version."""


async def _open(door: Door, context: ssl.SSLContext) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(
        door.address or door.host, door.port, ssl=context, server_hostname=door.host
    )


def _context(door: Door, pair: KeyPair) -> ssl.SSLContext:
    """Python's ssl reads keys from files only."""
    context = ssl.create_default_context(cadata=door.ca_pem)
    with tempfile.TemporaryDirectory(prefix="solarrally-") as folder:
        certificate, key = Path(folder) / "certificate.pem", Path(folder) / "key.pem"
        write_private(certificate, certificate_pem(pair.certificate))
        write_private(key, key_pem(pair.key))
        context.load_cert_chain(certificate, key)
    return context
