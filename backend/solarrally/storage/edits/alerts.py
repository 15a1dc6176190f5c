"""What people do about alerts: acknowledge and resolve them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from solarrally.domain.alert import AlertStatus
from solarrally.domain.update import AlertUpdate
from solarrally.storage.audit import Actor, record
from solarrally.storage.edits.editing import editing
from solarrally.storage.notice import CHANNEL, encode_notices
from solarrally.storage.queries.alerts import AlertRow, alert_on
from solarrally.storage.tables import alert


class AlertIsResolved(Exception):
    """Nobody can take on what is over."""


async def acknowledge_alert(
    engine: AsyncEngine, actor: Actor, alert_id: int, note: str | None
) -> AlertRow | None:
    """Note that the actor is on it; the alert as it then stands, None when there is none.

    An alert acknowledged before stays as it is: it has the name and the note of whoever was first. Raises
    `AlertIsResolved`.
    """
    async with editing(engine) as connection:
        before = await alert_on(connection, alert_id, is_to_be_changed=True)
        if before is None:
            return None
        if before.status is AlertStatus.RESOLVED:
            raise AlertIsResolved
        if before.status is AlertStatus.ACKNOWLEDGED:
            return before
        changes = {"acknowledged_at": datetime.now(UTC), "acknowledged_by": actor.name}
        return await _changed(connection, actor, "alert.acknowledge", before, changes, note)


async def resolve_alert(
    engine: AsyncEngine, actor: Actor, alert_id: int, note: str | None
) -> AlertRow | None:
    """Note that the actor takes it for settled; the alert as it then stands, None when there is none.

    What it is about may last: then it opens again only after that was over once. A note replaces that of
    whoever acknowledged it. An alert resolved before stays as it is.
    """
    async with editing(engine) as connection:
        before = await alert_on(connection, alert_id, is_to_be_changed=True)
        if before is None:
            return None
        if before.status is AlertStatus.RESOLVED:
            return before
        changes = {"resolved_at": datetime.now(UTC), "resolved_by": actor.name}
        return await _changed(connection, actor, "alert.resolve", before, changes, note)


async def _changed(
    connection: AsyncConnection,
    actor: Actor,
    action: str,
    before: AlertRow,
    changes: dict[str, Any],
    note: str | None,
) -> AlertRow:
    """The alert after the change, which is told and audited."""
    if note is not None and note != before.note:
        changes = {**changes, "note": note}
    await connection.execute(update(alert).where(alert.c.id == before.id).values(**changes))
    after = await alert_on(connection, before.id)
    assert after is not None
    names = ["status", *(["note"] if "note" in changes else [])]
    await record(
        connection,
        actor,
        action,
        "alert",
        before.id,
        before={name: getattr(before, name) for name in names},
        after={name: getattr(after, name) for name in names},
    )
    for text in encode_notices(alerts=[_update(after)]):
        await connection.execute(select(func.pg_notify(CHANNEL, text)))
    return after


def _update(row: AlertRow) -> AlertUpdate:
    return AlertUpdate(
        id=row.id,
        evse_uid=row.evse_uid,
        site_id=row.site_id,
        connector_id=row.connector_id,
        session_id=row.session_id,
        kind=row.kind,
        severity=row.severity,
        status=row.status,
        detail=row.detail,
        opened_at=row.opened_at,
        last_seen_at=row.last_seen_at,
        acknowledged_at=row.acknowledged_at,
        resolved_at=row.resolved_at,
    )
