"""Readings in their order: of one session, or of a connector over a range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from solarrally.domain.reading import Quality
from solarrally.storage.codes import SOURCE_OF_CODE, STATUS_OF_CODE
from solarrally.storage.queries.connecting import connected
from solarrally.storage.queries.evses import StationKey
from solarrally.storage.queries.rounding import real
from solarrally.storage.queries.sessions import SessionRow
from solarrally.storage.queries.window import Order, Window
from solarrally.storage.tables import evse, reading


@dataclass(slots=True, frozen=True, kw_only=True)
class ReadingRow:
    """One reading as stored, codes turned back into words."""

    ts: datetime
    digest: int
    received_at: datetime
    device_ts: datetime | None
    seq: int | None
    status: str | None
    energy_source: str | None
    power_w: float | None
    energy_register_wh: float | None
    session_energy_wh: float | None
    session_energy_solar_wh: float | None
    session_energy_grid_wh: float | None
    voltage_v: float | None
    current_a: float | None
    voltage_l1_v: float | None
    voltage_l2_v: float | None
    voltage_l3_v: float | None
    current_l1_a: float | None
    current_l2_a: float | None
    current_l3_a: float | None
    power_offered_w: float | None
    temperature_c: float | None
    soc_percent: float | None
    error_code: str | None
    quality: int


READING_ORDERS: Final[dict[str, Order[ReadingRow]]] = {
    "ts": Order(
        columns=(reading.c.ts, reading.c.digest),
        kinds=(datetime, int),
        position=lambda row: (row.ts, row.digest),
    )
}


async def readings_of(
    engine: AsyncEngine, session: SessionRow, window: Window[ReadingRow]
) -> list[ReadingRow]:
    """The readings of the session in the window.

    They are those of its connector from its start to its end, both inclusive; a running one has no end yet.
    """
    evse_id = select(evse.c.id).where(evse.c.evse_uid == session.evse_uid).scalar_subquery()
    conditions = [
        reading.c.evse_id == evse_id,
        reading.c.connector_id == session.connector_id,
        reading.c.ts >= session.started_at,
    ]
    if session.ended_at is not None:
        conditions.append(reading.c.ts <= session.ended_at)
    async with connected(engine) as connection:
        return await _window(connection, conditions, window)


async def readings_between(
    engine: AsyncEngine,
    station: StationKey,
    connector_id: int,
    date_from: datetime,
    date_to: datetime,
    window: Window[ReadingRow],
) -> list[ReadingRow]:
    """The readings of a connector in the window, from `date_from` to before `date_to`."""
    conditions = [
        reading.c.evse_id == station.evse_id,
        reading.c.connector_id == connector_id,
        reading.c.ts >= date_from,
        reading.c.ts < date_to,
    ]
    async with connected(engine) as connection:
        return await _window(connection, conditions, window)


async def _window(
    connection: AsyncConnection, conditions: Sequence[ColumnElement[bool]], window: Window[ReadingRow]
) -> list[ReadingRow]:
    statement = window.of(select(reading).where(*conditions))
    if window.after is not None:  # lets PostgreSQL skip whole partitions
        ts = window.after[0]
        statement = statement.where(reading.c.ts <= ts if window.is_descending else reading.c.ts >= ts)
    return [_reading_row(row) for row in await connection.execute(statement)]


def _device_ts(row: Row[Any]) -> datetime | None:
    """What the device's clock said: stored only where it differs from the effective time."""
    if row.device_ts is None and not row.quality & Quality.CLOCKLESS:
        ts: datetime = row.ts
        return ts
    said: datetime | None = row.device_ts
    return said


def _reading_row(row: Row[Any]) -> ReadingRow:
    return ReadingRow(
        ts=row.ts,
        digest=row.digest,
        received_at=row.received_at,
        device_ts=_device_ts(row),
        seq=row.seq,
        status=None if row.status is None else STATUS_OF_CODE[row.status],
        energy_source=None if row.energy_source is None else SOURCE_OF_CODE[row.energy_source],
        power_w=row.power_w,
        energy_register_wh=row.energy_register_wh,
        session_energy_wh=row.session_energy_wh,
        session_energy_solar_wh=row.session_energy_solar_wh,
        session_energy_grid_wh=row.session_energy_grid_wh,
        voltage_v=real(row.voltage_v),
        current_a=real(row.current_a),
        voltage_l1_v=real(row.voltage_l1_v),
        voltage_l2_v=real(row.voltage_l2_v),
        voltage_l3_v=real(row.voltage_l3_v),
        current_l1_a=real(row.current_l1_a),
        current_l2_a=real(row.current_l2_a),
        current_l3_a=real(row.current_l3_a),
        power_offered_w=real(row.power_offered_w),
        temperature_c=real(row.temperature_c),
        soc_percent=real(row.soc_percent),
        error_code=row.error_code,
        quality=row.quality,
    )
