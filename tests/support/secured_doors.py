"""Who knocks at a secured broker's doors: stations, parts of the backend, and whoever administers."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from solarrally.provisioning.cutting_off import take_over, wait_for_revocation
from solarrally.provisioning.dynsec import DynamicSecurity, dynamic_security
from solarrally.provisioning.dynsec_file import PROVISIONER
from solarrally.provisioning.pki import KeyPair, probe_pair
from solarrally.provisioning.pki_folder import DEVICES
from solarrally.provisioning.station_topics import topics_of
from tests.support.mqtt_person import Person, connected
from tests.support.secured_broker import SecuredBroker, save_pair

PATIENCE_S = 15.0
DENIED = "Not authorized"
HEARD_BY_NOBODY = "No matching subscribers"
TAKEN = {"Success", HEARD_BY_NOBODY}

Connection: TypeAlias = AbstractContextManager[Person]
Connect: TypeAlias = Callable[..., Connection]


def stations_of(broker: SecuredBroker, folder: Path) -> Connect:
    """A station with a certificate of its own, or with the one given."""

    def opened(evse_uid: str, pair: KeyPair | None = None, **options: Any) -> Connection:
        files = save_pair(folder, evse_uid, pair or broker.new_device(evse_uid))
        return connected(
            broker.certificate_port,
            ca_file=broker.pki.server_ca,
            certificate=files,
            client_id=options.pop("client_id", evse_uid),
            **options,
        )

    return opened


def services_of(broker: SecuredBroker, folder: Path) -> Connect:
    """A part of the backend, behind its own door."""

    def opened(name: str, **options: Any) -> Connection:
        files = save_pair(folder, name, broker.new_service(name))
        return connected(
            broker.service_port,
            ca_file=broker.pki.server_ca,
            certificate=files,
            client_id=options.pop("client_id", f"solarrally-{name}"),
            **options,
        )

    return opened


def typed_stations_of(broker: SecuredBroker) -> Connect:
    """A station with a password."""

    def opened(username: str, password: str | None, **options: Any) -> Connection:
        return connected(
            broker.password_port,
            ca_file=broker.pki.server_ca,
            username=username,
            password=password,
            client_id=options.pop("client_id", username),
            **options,
        )

    return opened


@asynccontextmanager
async def administration(
    broker: SecuredBroker, username: str = PROVISIONER, password: str | None = None
) -> AsyncIterator[DynamicSecurity]:
    """Of accounts, as whoever may, or as another."""
    async with dynamic_security(
        "localhost",
        broker.password_port,
        username=username,
        password=broker.provisioner_password if password is None else password,
        tls=ssl.create_default_context(cafile=broker.pki.server_ca),
    ) as accounts:
        yield accounts


def give_password(broker: SecuredBroker, evse_uid: str, password: str, dialect: str = "native") -> None:
    async def give() -> None:
        async with administration(broker) as accounts:
            await accounts.set_station(evse_uid, password, topics_of(dialect, evse_uid, None))

    asyncio.run(give())


def revoke(broker: SecuredBroker, evse_uid: str, pair: KeyPair, *, keep_session: bool = False) -> float:
    """As `solarrally stations revoke` does it; the seconds that it took."""
    now, authority = datetime.now(UTC), broker.devices
    began_at = time.monotonic()
    probe = probe_pair(authority, now=now)
    broker.pki.revoke(
        DEVICES, authority, [(one.certificate.serial_number, now) for one in (probe, pair)], now=now
    )

    async def cut_off() -> None:
        await wait_for_revocation(broker.door, probe, PATIENCE_S)
        await take_over(broker.door, evse_uid, broker.new_device(evse_uid), keep_session=keep_session)

    asyncio.run(cut_off())
    return time.monotonic() - began_at


def clear(broker: SecuredBroker, folder: Path) -> None:
    """No account but the one that makes others, and nothing retained: as it was when it started."""

    async def forget() -> None:
        async with administration(broker) as accounts:
            for name in await accounts.stations():
                if name != PROVISIONER:
                    await accounts.delete(name)

    asyncio.run(forget())
    with services_of(broker, folder)("janitor", client_id="janitor-of-the-tests") as janitor:
        janitor.subscribe("#")
        janitor.publish("cleared")  # comes after what was retained
        while (heard := janitor.next()) is not None and heard[0] != "cleared":
            janitor.publish(heard[0], b"", retain=True)
