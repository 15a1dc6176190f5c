"""What stations prove their identity with, and which of it ends soon."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from solarrally.storage.queries.connecting import connected
from solarrally.storage.queries.evses import key_of
from solarrally.storage.queries.window import Order, Window
from solarrally.storage.tables import connector, evse, evse_credential


@dataclass(slots=True, frozen=True, kw_only=True)
class CredentialRow:
    """One certificate or password of a station; nothing in it is secret."""

    id: int
    kind: str
    """`certificate`, `password` or `aws_iot`."""
    reference: str
    """SHA-256 of the certificate, the user name, or the certificate's id at AWS IoT."""
    serial_hex: str | None
    not_before: datetime | None
    not_after: datetime | None
    """Exclusive; None: it holds until it is revoked."""
    created_at: datetime
    created_by: str
    revoked_at: datetime | None
    revoked_by: str | None

    def holds(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.not_after is None or self.not_after > now)


@dataclass(slots=True, frozen=True, kw_only=True)
class StationCredentials:
    """A station by what it may connect with."""

    evse_uid: str
    dialect: str
    is_enabled: bool
    is_online: bool
    last_heard_at: datetime | None
    """The newest receipt of a reading."""
    kinds: tuple[str, ...]
    """Of the credentials that hold."""
    valid_count: int
    ends_at: datetime | None
    """When the last of its certificates ends; None where none does, or there is none."""


CREDENTIAL_ORDERS: Final[dict[str, Order[CredentialRow]]] = {
    "created_at": Order(
        columns=(evse_credential.c.created_at, evse_credential.c.id),
        kinds=(datetime, int),
        position=lambda row: (row.created_at, row.id),
    )
}
_COLUMNS: Final = [evse_credential.c[name] for name in CredentialRow.__dataclass_fields__]


@dataclass(slots=True, frozen=True, kw_only=True)
class Provisionable:
    """What matters of a registered station when it is given a credential."""

    id: int
    evse_uid: str
    dialect: str
    base_topic: str | None
    is_enabled: bool


async def provisionable_in(connection: AsyncConnection, evse_uid: str) -> Provisionable | None:
    """None when the station is not registered."""
    columns = [evse.c[name] for name in Provisionable.__dataclass_fields__]
    row = (await connection.execute(select(*columns).where(evse.c.evse_uid == evse_uid))).one_or_none()
    return None if row is None else Provisionable(**row._mapping)


async def foreign_stations(connection: AsyncConnection, evse_uid: str) -> list[Provisionable]:
    """All other stations that do not speak our own format."""
    columns = [evse.c[name] for name in Provisionable.__dataclass_fields__]
    statement = select(*columns).where(evse.c.dialect != "native", evse.c.evse_uid != evse_uid)
    return [Provisionable(**row._mapping) for row in await connection.execute(statement)]


async def stations_of_serials(connection: AsyncConnection, serials_hex: Collection[str]) -> list[str]:
    """Whose certificates these are, by name."""
    statement = (
        select(evse.c.evse_uid)
        .join(evse_credential, evse_credential.c.evse_id == evse.c.id)
        .where(evse_credential.c.kind == "certificate", evse_credential.c.serial_hex.in_(serials_hex))
        .distinct()
        .order_by(evse.c.evse_uid)
    )
    return list((await connection.scalars(statement)).all())


async def list_credentials(
    engine: AsyncEngine, evse_uid: str, window: Window[CredentialRow]
) -> list[CredentialRow] | None:
    """The credentials of the window, revoked ones too; None when the EVSE is not registered."""
    async with connected(engine) as connection:
        evse_id = await key_of(connection, evse_uid)
        if evse_id is None:
            return None
        statement = select(*_COLUMNS).where(evse_credential.c.evse_id == evse_id)
        return [CredentialRow(**row._mapping) for row in await connection.execute(window.of(statement))]


async def valid_credentials(
    connection: AsyncConnection, evse_id: int, *, now: datetime
) -> list[CredentialRow]:
    """Those that hold, the newest last."""
    statement = (
        select(*_COLUMNS)
        .where(evse_credential.c.evse_id == evse_id, *_holds(now))
        .order_by(evse_credential.c.created_at, evse_credential.c.id)
    )
    return [CredentialRow(**row._mapping) for row in await connection.execute(statement)]


async def revoked_certificates(
    connection: AsyncConnection, *, now: datetime
) -> tuple[list[tuple[int, datetime]], list[int]]:
    """Serial numbers for the revocation list (with the instant of each), and those that need not be on it any
    more because the certificate has ended.
    """
    statement = select(
        evse_credential.c.serial_hex, evse_credential.c.revoked_at, evse_credential.c.not_after
    ).where(evse_credential.c.kind == "certificate", evse_credential.c.revoked_at.is_not(None))
    rows = (await connection.execute(statement)).all()
    listed = [(int(row.serial_hex, 16), row.revoked_at) for row in rows if row.not_after > now]
    return listed, [int(row.serial_hex, 16) for row in rows if row.not_after <= now]


async def list_station_credentials(
    engine: AsyncEngine, *, now: datetime, ends_before: datetime | None = None
) -> list[StationCredentials]:
    """All stations by name; with `ends_before` only those whose last certificate ends before it, or has
    ended.
    """
    held = (
        select(
            evse_credential.c.evse_id,
            func.array_agg(func.distinct(evse_credential.c.kind)).label("kinds"),
            func.count().label("valid_count"),
        )
        .where(*_holds(now))
        .group_by(evse_credential.c.evse_id)
        .subquery()
    )
    ends = (
        select(evse_credential.c.evse_id, func.max(evse_credential.c.not_after).label("ends_at"))
        .where(evse_credential.c.revoked_at.is_(None))
        .group_by(evse_credential.c.evse_id)
        .subquery()
    )
    heard = (
        select(connector.c.evse_id, func.max(connector.c.received_at).label("last_heard_at"))
        .group_by(connector.c.evse_id)
        .subquery()
    )
    statement = (
        select(
            evse.c.evse_uid,
            evse.c.dialect,
            evse.c.is_enabled,
            evse.c.is_online,
            heard.c.last_heard_at,
            held.c.kinds,
            func.coalesce(held.c.valid_count, 0).label("valid_count"),
            ends.c.ends_at,
        )
        .outerjoin(held, held.c.evse_id == evse.c.id)
        .outerjoin(ends, ends.c.evse_id == evse.c.id)
        .outerjoin(heard, heard.c.evse_id == evse.c.id)
        .order_by(evse.c.evse_uid)
    )
    if ends_before is not None:
        statement = statement.where(ends.c.ends_at < ends_before)
    async with connected(engine) as connection:
        rows = (await connection.execute(statement)).all()
    return [StationCredentials(**{**row._mapping, "kinds": tuple(sorted(row.kinds or ()))}) for row in rows]


def _holds(now: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    not_after = evse_credential.c.not_after
    return evse_credential.c.revoked_at.is_(None), not_after.is_(None) | (not_after > now)
