"""The committed state as live updates: what a watcher starts from."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, Select, and_, case, select
from sqlalchemy.ext.asyncio import AsyncEngine

from solarrally.domain.update import AlertUpdate, CommandUpdate, ConnectorUpdate, LiveState, SessionUpdate
from solarrally.storage.queries.connecting import connected
from solarrally.storage.tables import alert, charging_session, command, connector, evse


async def load_snapshot(engine: AsyncEngine) -> LiveState:
    """Every connector of every registered EVSE with its running session, the open alerts and the unfinished
    commands, as committed.
    """
    async with connected(engine) as connection:
        return LiveState(
            connectors=[_update(row) for row in await connection.execute(_CONNECTORS)],
            alerts=[AlertUpdate(**row._mapping) for row in await connection.execute(_ALERTS)],
            commands=[CommandUpdate(**row._mapping) for row in await connection.execute(_COMMANDS)],
        )


_SESSION_COLUMNS = (
    "device_session_id",
    "id_token",
    "started_at",
    "ended_at",
    "end_reason",
    "energy_wh",
    "energy_solar_wh",
    "energy_grid_wh",
    "energy_unattributed_wh",
    "peak_power_w",
    "cost",
    "currency",
)
_CONNECTORS: Select[Any] = (
    select(
        evse.c.evse_uid,
        evse.c.site_id,
        evse.c.is_online,
        *(column for column in connector.c if column.name not in {"fold", "session_id"}),
        charging_session.c.id.label("running_id"),
        charging_session.c.status.label("session_status"),
        *(charging_session.c[name] for name in _SESSION_COLUMNS),
    )
    .join(evse, evse.c.id == connector.c.evse_id)
    .outerjoin(
        charging_session,
        and_(charging_session.c.id == connector.c.session_id, charging_session.c.status == "ACTIVE"),
    )
    .order_by(evse.c.evse_uid, connector.c.connector_id)
)
_ALERTS: Select[Any] = (
    select(
        alert.c.id,
        evse.c.evse_uid,
        evse.c.site_id,
        alert.c.connector_id,
        alert.c.session_id,
        alert.c.kind,
        alert.c.severity,
        case((alert.c.acknowledged_at.is_(None), "open"), else_="acknowledged").label("status"),
        alert.c.detail,
        alert.c.opened_at,
        alert.c.last_seen_at,
        alert.c.acknowledged_at,
        alert.c.resolved_at,
    )
    .join(evse, evse.c.id == alert.c.evse_id)
    .where(alert.c.resolved_at.is_(None))
    .order_by(alert.c.id)
)
_COMMANDS: Select[Any] = (
    select(
        command.c.id,
        evse.c.evse_uid,
        evse.c.site_id,
        command.c.connector_id,
        command.c.command,
        command.c.status,
        command.c.detail,
        command.c.requested_by,
        command.c.requested_by_user_id,
        command.c.created_at,
        command.c.expires_at,
        command.c.sent_at,
        command.c.answered_at,
        command.c.finished_at,
    )
    .join(evse, evse.c.id == command.c.evse_id)
    .where(command.c.finished_at.is_(None))
    .order_by(command.c.created_at, command.c.id)
)


def _update(row: Row[Any]) -> ConnectorUpdate:
    return ConnectorUpdate(
        evse_uid=row.evse_uid,
        site_id=row.site_id,
        connector_id=row.connector_id,
        is_online=row.is_online,
        ts=row.ts,
        received_at=row.received_at,
        status=row.status,
        reported_status=row.reported_status,
        power_w=row.power_w,
        voltage_v=row.voltage_v,
        current_a=row.current_a,
        temperature_c=row.temperature_c,
        soc_percent=row.soc_percent,
        energy_source=row.energy_source,
        error_code=row.error_code,
        quality=row.quality,
        session=None if row.running_id is None else _session(row),
    )


def _session(row: Row[Any]) -> SessionUpdate:
    return SessionUpdate(
        id=row.running_id,
        evse_uid=row.evse_uid,
        connector_id=row.connector_id,
        device_session_id=row.device_session_id,
        id_token=row.id_token,
        status=row.session_status,
        started_at=row.started_at,
        ended_at=row.ended_at,
        end_reason=row.end_reason,
        energy_wh=row.energy_wh,
        energy_solar_wh=row.energy_solar_wh,
        energy_grid_wh=row.energy_grid_wh,
        energy_unattributed_wh=row.energy_unattributed_wh,
        peak_power_w=row.peak_power_w,
        cost=row.cost,
        currency=row.currency,
    )
