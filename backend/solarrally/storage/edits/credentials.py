"""Credentials of stations noted and revoked, each with its entry in the audit log. Never a secret.

The credential itself is made and taken away at the broker; here is what was done, by whom and when.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from solarrally.storage.audit import Actor, record
from solarrally.storage.edits.editing import EditConflict
from solarrally.storage.tables import evse, evse_credential

CredentialKind = Literal["certificate", "password", "aws_iot"]


_LOCK_SPACE: Final = 0x43524544
"""Of the advisory locks by station: one on its row would hold up the ingestor while the broker is asked."""
_BROKER_LOCK: Final = 0x44594E53


async def alone_with(connection: AsyncConnection, evse_uid: str) -> None:
    """Until this transaction ends nobody else makes credentials of this station, registered or not."""
    key = func.hashtext(evse_uid)
    await connection.execute(select(func.pg_advisory_xact_lock(_LOCK_SPACE, key)))


async def alone_at_the_broker(connection: AsyncConnection) -> None:
    """Until this transaction ends nobody else administers accounts at the broker.

    There every connection of that account has the same client id, and each ends the one before.
    """
    await connection.execute(select(func.pg_advisory_xact_lock(_BROKER_LOCK)))


async def note_credential(
    connection: AsyncConnection,
    actor: Actor,
    evse_uid: str,
    *,
    kind: CredentialKind,
    reference: str,
    now: datetime,
    is_rotation: bool = False,
    serial_hex: str | None = None,
    not_before: datetime | None = None,
    not_after: datetime | None = None,
) -> int:
    """The id of a credential that the station has from now on. The caller commits.

    A password has one entry for its user name: a new password takes the place of the old one.
    Raises `EditConflict` when the EVSE is not registered.
    """
    await alone_with(connection, evse_uid)
    evse_id = await connection.scalar(select(evse.c.id).where(evse.c.evse_uid == evse_uid))
    if evse_id is None:
        raise EditConflict("evse_uid", f"there is no station {evse_uid}")
    values: dict[str, Any] = {
        "evse_id": evse_id,
        "kind": kind,
        "reference": reference,
        "serial_hex": serial_hex,
        "not_before": not_before,
        "not_after": not_after,
        "created_at": now,
        "created_by": actor.name,
    }
    statement = upsert(evse_credential).values(values)
    if kind == "password":
        statement = statement.on_conflict_do_update(
            index_elements=["kind", "reference"], set_={**values, "revoked_at": None, "revoked_by": None}
        )
    made = await connection.execute(statement.returning(evse_credential.c.id))
    credential_id = int(made.scalar_one())
    action = "evse_credential.rotate" if is_rotation else "evse_credential.create"
    after = {
        "kind": kind,
        "reference": reference,
        "serial_hex": serial_hex,
        "not_after": None if not_after is None else not_after.isoformat(),
    }
    await record(connection, actor, action, "evse", evse_uid, after=after)
    return credential_id


async def revoke_credentials(
    connection: AsyncConnection, actor: Actor, evse_uid: str, ids: Collection[int], *, now: datetime
) -> int:
    """How many of these were revoked only now. The caller commits, and has taken them away at the broker."""
    revoked = await connection.execute(
        update(evse_credential)
        .where(evse_credential.c.id.in_(ids), evse_credential.c.revoked_at.is_(None))
        .values(revoked_at=now, revoked_by=actor.name)
        .returning(evse_credential.c.kind, evse_credential.c.reference, evse_credential.c.serial_hex)
    )
    rows = revoked.all()
    for row in rows:
        await record(
            connection,
            actor,
            "evse_credential.revoke",
            "evse",
            evse_uid,
            before=dict(row._mapping),
            after={"revoked_at": now.isoformat()},
        )
    return len(rows)
