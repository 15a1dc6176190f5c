"""The sessions that a set of readings makes, by the plain domain rules and nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from solarrally.domain.reading import Reading
from solarrally.domain.session import Session
from solarrally.domain.station import ConnectorState, SessionRules, observe
from solarrally.domain.tariff import Tariff

MAX_POWER_W = 500_000.0
"""As the ingestor assumes of a station that has not said its own."""
TARIFF = Tariff(
    id=0,
    valid_from=datetime(1970, 1, 1, tzinfo=UTC),
    currency="JMD",
    price_solar_per_kwh=Decimal(10),
    price_grid_per_kwh=Decimal(50),
)
"""As `migrate` seeds it by default."""


class Connector(NamedTuple):
    """Where a reading comes from."""

    evse_uid: str
    connector_id: int


class SessionFigures(NamedTuple):
    """All that a session says to those who look at it or pay for it, save its id: late data may keep one."""

    connector: Connector
    started_at: datetime
    ended_at: datetime | None
    end_reason: str | None
    status: str
    device_session_id: str | None
    energy_wh: int
    energy_solar_wh: int
    energy_grid_wh: int
    energy_unattributed_wh: int
    energy_method: str
    peak_power_w: float | None
    reading_count: int
    cost: Decimal


def reference_fold(readings: Iterable[tuple[Connector, Reading]]) -> list[SessionFigures]:
    """Fold every connector's readings in their order, from scratch; the sessions in order."""
    by_connector: dict[Connector, list[Reading]] = defaultdict(list)
    for connector, reading in readings:
        by_connector[connector].append(reading)
    found = []
    for connector, own in by_connector.items():
        state = ConnectorState(evse_uid=connector.evse_uid, connector_id=connector.connector_id)
        sessions: dict[int, Session] = {}
        for reading in sorted(own, key=lambda reading: reading.order_key):
            for session in observe(state, reading, SessionRules(), MAX_POWER_W):
                sessions[id(session)] = session
        found += [figures_of(connector, session) for session in sessions.values()]
    return sorted(found, key=lambda figures: figures[:2])


def figures_of(connector: Connector, session: Session) -> SessionFigures:
    energy = session.energy.figures()
    return SessionFigures(
        connector=connector,
        started_at=session.started_at,
        ended_at=session.ended_at,
        end_reason=None if session.end_reason is None else str(session.end_reason),
        status=session.status,
        device_session_id=session.device_session_id,
        energy_wh=energy.energy_wh,
        energy_solar_wh=energy.solar_wh,
        energy_grid_wh=energy.grid_wh,
        energy_unattributed_wh=energy.unattributed_wh,
        energy_method=energy.method.value,
        peak_power_w=session.energy.peak_power_w,
        reading_count=session.reading_count,
        cost=TARIFF.cost(
            solar_wh=energy.solar_wh, grid_wh=energy.grid_wh, unattributed_wh=energy.unattributed_wh
        ),
    )
