"""The newest of all connectors in short: thousands of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncEngine

from solarrally.domain.reading import Quality
from solarrally.storage.queries.connecting import connected
from solarrally.storage.queries.window import Order, Window
from solarrally.storage.tables import connector, evse


class LatestRow(msgspec.Struct, frozen=True, gc=False):
    """The newest of one connector, in short. `quality` in words. A struct: ten thousand are made at once."""

    evse_uid: str
    connector_id: int
    site_id: int
    is_online: bool
    ts: datetime | None
    status: str | None
    power_w: float | None
    energy_source: str | None
    temperature_c: float | None
    soc_percent: float | None
    error_code: str | None
    quality: Sequence[str]
    session_id: UUID | None


LATEST_ORDERS: Final[dict[str, Order[LatestRow]]] = {
    "evse_uid": Order(
        columns=(evse.c.evse_uid, connector.c.connector_id),
        kinds=(str, int),
        position=lambda row: (row.evse_uid, row.connector_id),
    )
}


async def list_latest(engine: AsyncEngine, site_id: int | None, window: Window[LatestRow]) -> list[LatestRow]:
    """The connectors of the window, at one site or at all."""
    statement = window.of(_LATEST)
    if site_id is not None:
        statement = statement.where(evse.c.site_id == site_id)
    async with connected(engine) as connection:
        return [_latest_row(row) for row in await connection.execute(statement)]


_LATEST: Select[Any] = select(
    evse.c.evse_uid,
    connector.c.connector_id,
    evse.c.site_id,
    evse.c.is_online,
    connector.c.ts,
    connector.c.status,
    connector.c.power_w,
    connector.c.energy_source,
    connector.c.temperature_c,
    connector.c.soc_percent,
    connector.c.error_code,
    connector.c.quality,
    connector.c.session_id,
).join(connector, connector.c.evse_id == evse.c.id)
_WORDS: Final = {flag: flag.name.lower() for flag in Quality if flag.name is not None}


def _latest_row(row: Row[Any]) -> LatestRow:
    values: tuple[Any, ...] = tuple(row)  # in the order of the columns, which is that of the fields
    *said, quality, session_id = values
    words = [word for flag, word in _WORDS.items() if quality & flag] if quality else ()
    return LatestRow(*(*said, words, session_id))
