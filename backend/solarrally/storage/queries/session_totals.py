"""What the sessions of a selection come to, together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from solarrally.storage.queries.connecting import connected
from solarrally.storage.queries.reports import begin_report
from solarrally.storage.queries.sessions import SessionFilter, SessionScope, filtered_sessions
from solarrally.storage.queries.stats import EnergySums, Money
from solarrally.storage.tables import charging_session


@dataclass(slots=True, frozen=True, kw_only=True)
class SessionTotals:
    """Sums over sessions; energies in whole Wh."""

    session_count: int
    active_session_count: int
    energy: EnergySums
    charging_s: float
    peak_power_w: float | None
    """The highest of one session; None where none was measured."""
    money: Sequence[Money]
    """By currency, which are never added."""


async def session_totals(engine: AsyncEngine, scope: SessionScope, where: SessionFilter) -> SessionTotals:
    """The totals of exactly those sessions that `list_sessions` lists."""
    statement = filtered_sessions(scope.restrict(_TOTALS), where)
    async with connected(engine) as connection:
        await begin_report(connection)
        rows = (await connection.execute(statement)).all()
    peaks = [row.peak_power_w for row in rows if row.peak_power_w is not None]
    return SessionTotals(
        session_count=sum(row.session_count for row in rows),
        active_session_count=sum(row.active_session_count for row in rows),
        energy=EnergySums(
            energy_solar_wh=sum(int(row.energy_solar_wh) for row in rows),
            energy_grid_wh=sum(int(row.energy_grid_wh) for row in rows),
            energy_unattributed_wh=sum(int(row.energy_unattributed_wh) for row in rows),
        ),
        charging_s=sum(row.charging_s for row in rows),
        peak_power_w=max(peaks, default=None),
        money=[Money(currency=row.currency, cost=row.cost) for row in rows],
    )


_SESSION: Final = charging_session.c
_TOTALS: Select[Any] = (
    select(
        _SESSION.currency,
        func.count().label("session_count"),
        func.count().filter(_SESSION.status == "ACTIVE").label("active_session_count"),
        func.sum(_SESSION.energy_solar_wh).label("energy_solar_wh"),
        func.sum(_SESSION.energy_grid_wh).label("energy_grid_wh"),
        func.sum(_SESSION.energy_unattributed_wh).label("energy_unattributed_wh"),
        func.sum(_SESSION.charging_s).label("charging_s"),
        func.max(_SESSION.peak_power_w).label("peak_power_w"),
        func.sum(_SESSION.cost).label("cost"),
    )
    .group_by(_SESSION.currency)
    .order_by(_SESSION.currency)
)
