"""Live updates: what a watcher is told about a connector, a session, an alert or a command after a commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID


@dataclass(slots=True, frozen=True, kw_only=True)
class SessionUpdate:
    """A session as it stands after a commit. Energies in whole Wh; cost is exact, in `currency`."""

    id: UUID
    evse_uid: str
    connector_id: int
    device_session_id: str | None
    id_token: str | None
    status: str
    """OCPI: ACTIVE or COMPLETED; INVALID when late data dissolved it."""
    started_at: datetime
    ended_at: datetime | None
    end_reason: str | None
    energy_wh: int
    energy_solar_wh: int
    energy_grid_wh: int
    energy_unattributed_wh: int
    peak_power_w: float | None
    cost: Decimal
    currency: str


@dataclass(slots=True, frozen=True, kw_only=True)
class ConnectorUpdate:
    """The newest of one connector. `None` is not said. `session` is the running one, if any."""

    evse_uid: str
    site_id: int
    connector_id: int
    is_online: bool
    ts: datetime | None
    """Instant of the newest reading; late data never moves it back."""
    received_at: datetime | None
    status: str | None
    """What the connector does, by power and energy where they contradict the device's word."""
    reported_status: str | None
    """The device's word."""
    power_w: float | None
    voltage_v: float | None
    current_a: float | None
    temperature_c: float | None
    soc_percent: float | None
    energy_source: str | None
    error_code: str | None
    quality: int
    session: SessionUpdate | None


@dataclass(slots=True, frozen=True, kw_only=True)
class AlertUpdate:
    """An alert as it stands after a commit."""

    id: int
    evse_uid: str
    site_id: int
    connector_id: int | None
    session_id: UUID | None
    kind: str
    severity: str
    """critical, warning or info."""
    status: str
    """open, acknowledged or resolved."""
    detail: str | None
    opened_at: datetime
    last_seen_at: datetime
    acknowledged_at: datetime | None
    resolved_at: datetime | None


@dataclass(slots=True, frozen=True, kw_only=True)
class CommandUpdate:
    """A command to a station as it stands after a commit."""

    id: UUID
    evse_uid: str
    site_id: int
    connector_id: int | None
    command: str
    status: str
    """pending, sent, accepted, completed, rejected, failed, timed_out or expired."""
    detail: str | None
    requested_by: str
    requested_by_user_id: int | None
    created_at: datetime
    expires_at: datetime
    sent_at: datetime | None
    answered_at: datetime | None
    finished_at: datetime | None


@dataclass(slots=True, frozen=True, kw_only=True)
class LiveState:
    """The committed state that watchers start from."""

    connectors: Sequence[ConnectorUpdate] = ()
    """Every connector of every registered EVSE."""
    alerts: Sequence[AlertUpdate] = ()
    """Those that are not resolved."""
    commands: Sequence[CommandUpdate] = ()
    """Those that are not finished."""
