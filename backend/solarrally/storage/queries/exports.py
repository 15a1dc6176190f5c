"""Whole tables as streams of plain rows: what exports are made of.

Each export is one statement, read through a cursor in one read-only snapshot: however long it takes, its rows
are those of one moment, and only a few of them are in memory.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntFlag
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Double,
    Integer,
    Select,
    Text,
    and_,
    case,
    cast,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlalchemy.ext.asyncio import AsyncEngine

from solarrally.domain.energy import SessionQuality
from solarrally.domain.reading import Quality
from solarrally.storage.codes import EVENT_OF_CODE, SOURCE_OF_CODE, STATUS_OF_CODE
from solarrally.storage.queries.connecting import connected
from solarrally.storage.tables import bill, charging_session, connector, evse, reading, station_event
from solarrally.tabular import Kind, TableColumn

ROWS_AT_ONCE: Final = 500
STATEMENT_TIMEOUT_S: Final = 120
"""For one piece of an export; the first one may have to sort."""


@dataclass(slots=True, frozen=True, kw_only=True)
class ExportFilter:
    """Which rows; None does not restrict, and no export has all of these."""

    evse_uid: str | None = None
    connector_id: int | None = None
    site_id: int | None = None
    status: str | None = None
    device_session_id: str | None = None
    id_token: str | None = None
    is_online: bool | None = None
    kind: str | None = None
    date_from: datetime | None = None
    """Inclusive."""
    date_to: datetime | None = None
    """Exclusive."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Export:
    """A file that can be asked for: its columns, and the statement that gives them in this order."""

    name: str
    columns: Sequence[TableColumn]
    statement: Select[Any]
    filters: dict[str, ColumnElement[Any]]
    """What each field of `ExportFilter` is compared with; `date_from` and `date_to` with `dated`."""
    dated: ColumnElement[Any] | None

    def of(self, where: ExportFilter) -> Select[Any]:
        """The statement for these rows."""
        statement = self.statement
        for name, column in self.filters.items():
            value = getattr(where, name)
            if value is not None:
                statement = statement.where(column == value)
        if self.dated is not None:
            if where.date_from is not None:
                statement = statement.where(self.dated >= where.date_from)
            if where.date_to is not None:
                statement = statement.where(self.dated < where.date_to)
        return statement


async def export_rows(
    engine: AsyncEngine, export: Export, where: ExportFilter
) -> AsyncGenerator[Sequence[Sequence[Any]]]:
    """The rows in pieces of at most `ROWS_AT_ONCE`. Close it when it is not read to its end.

    Raises `StoreUnavailable`, also in the middle.
    """
    async with connected(engine) as connection:
        await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        await connection.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT_S}s'"))
        statement = export.of(where).execution_options(yield_per=ROWS_AT_ONCE)
        async with connection.stream(statement) as result:
            async for rows in result.partitions():
                yield rows


def _words(column: ColumnElement[int], flags: type[IntFlag], only: Sequence[str]) -> ColumnElement[Any]:
    """The names of the bits that are set, as an array."""
    names = [
        case((column.op("&")(cast(literal_column(str(int(flags[name]))), Integer)) != 0, name.lower()))
        for name in only
    ]
    nothing = cast(array([], type_=Text), ARRAY(Text))
    return case((column == 0, nothing), else_=func.array_remove(array(names), None))


def _word(column: ColumnElement[Any], words: dict[int, Any]) -> ColumnElement[Any]:
    """The word that a stored code stands for."""
    return case({code: literal_column(f"'{word.value}'", Text) for code, word in words.items()}, value=column)


def _as_measured(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A REAL as it was written: 230.1, not 230.10000610351562."""
    return cast(cast(column, Text), Double)


def _text(name: str) -> TableColumn:
    return TableColumn(name, Kind.TEXT)


def _integer(name: str) -> TableColumn:
    return TableColumn(name, Kind.INTEGER)


def _real(name: str) -> TableColumn:
    return TableColumn(name, Kind.REAL)


def _instant(name: str) -> TableColumn:
    return TableColumn(name, Kind.INSTANT)


def _decimal(name: str, scale: int = 4) -> TableColumn:
    return TableColumn(name, Kind.DECIMAL, scale)


def _export(
    name: str,
    columns: Sequence[tuple[TableColumn, ColumnElement[Any]]],
    tables: Any,
    order: Sequence[ColumnElement[Any]],
    filters: dict[str, ColumnElement[Any]],
    dated: ColumnElement[Any] | None,
) -> Export:
    statement = select(*(value.label(column.name) for column, value in columns))
    return Export(
        name=name,
        columns=[column for column, _ in columns],
        statement=statement.select_from(tables).order_by(*order),
        filters=filters,
        dated=dated,
    )


_session = charging_session.c
SESSIONS: Final = _export(
    "sessions",
    [
        (_text("id"), cast(_session.id, Text)),
        (_text("evse_uid"), evse.c.evse_uid),
        (_integer("connector_id"), _session.connector_id),
        (_integer("site_id"), _session.site_id),
        (_text("device_session_id"), _session.device_session_id),
        (_text("id_token"), _session.id_token),
        (_text("status"), _session.status),
        (_instant("started_at"), _session.started_at),
        (_instant("ended_at"), _session.ended_at),
        (_text("end_reason"), _session.end_reason),
        (_instant("last_reading_at"), _session.last_reading_at),
        (_integer("reading_count"), _session.reading_count),
        (_integer("energy_wh"), _session.energy_wh),
        (_integer("energy_solar_wh"), _session.energy_solar_wh),
        (_integer("energy_grid_wh"), _session.energy_grid_wh),
        (_integer("energy_unattributed_wh"), _session.energy_unattributed_wh),
        (_text("energy_method"), _session.energy_method),
        (_real("peak_power_w"), _session.peak_power_w),
        (_real("charging_s"), _session.charging_s),
        (
            TableColumn("quality", Kind.WORDS),
            _words(_session.quality, SessionQuality, [flag.name for flag in SessionQuality if flag.name]),
        ),
        (_integer("tariff_id"), _session.tariff_id),
        (_text("currency"), _session.currency),
        (_decimal("cost"), _session.cost),
        (_instant("updated_at"), _session.updated_at),
    ],
    charging_session.join(evse, evse.c.id == _session.evse_id),
    (_session.started_at, _session.id),
    {
        "evse_uid": evse.c.evse_uid,
        "connector_id": _session.connector_id,
        "site_id": _session.site_id,
        "status": _session.status,
        "device_session_id": _session.device_session_id,
        "id_token": _session.id_token,
    },
    _session.started_at,
)

_reading = reading.c
READINGS: Final = _export(
    "readings",
    [
        (_text("evse_uid"), evse.c.evse_uid),
        (_integer("connector_id"), _reading.connector_id),
        (_instant("ts"), _reading.ts),
        (_instant("received_at"), _reading.received_at),
        (
            _instant("device_ts"),
            case(
                (
                    and_(
                        _reading.device_ts.is_(None),
                        _reading.quality.op("&")(cast(literal_column(str(int(Quality.CLOCKLESS))), Integer))
                        == 0,
                    ),
                    _reading.ts,
                ),
                else_=_reading.device_ts,
            ),
        ),
        (_integer("seq"), _reading.seq),
        (_text("session_id"), _reading.session_id),
        (_text("status"), _word(_reading.status, STATUS_OF_CODE)),
        (_text("energy_source"), _word(_reading.energy_source, SOURCE_OF_CODE)),
        (_real("power_w"), _reading.power_w),
        (_real("energy_register_wh"), _reading.energy_register_wh),
        (_real("session_energy_wh"), _reading.session_energy_wh),
        (_real("session_energy_solar_wh"), _reading.session_energy_solar_wh),
        (_real("session_energy_grid_wh"), _reading.session_energy_grid_wh),
        *(
            (_real(name), _as_measured(_reading[name]))
            for name in (
                "voltage_v",
                "current_a",
                "voltage_l1_v",
                "voltage_l2_v",
                "voltage_l3_v",
                "current_l1_a",
                "current_l2_a",
                "current_l3_a",
                "power_offered_w",
                "temperature_c",
                "soc_percent",
            )
        ),
        (_text("error_code"), _reading.error_code),
        (_text("id_token"), _reading.id_token),
        (_text("transaction_event"), _word(_reading.transaction_event, EVENT_OF_CODE)),
        (_text("stop_reason"), _reading.stop_reason),
        (
            TableColumn("quality", Kind.WORDS),
            _words(
                _reading.quality,
                Quality,
                ["CLOCK_DISTRUSTED", "CLOCKLESS", "NEGATIVE", "ABOVE_MAXIMUM", "POWER_MISMATCH"],
            ),
        ),
    ],
    reading.join(evse, evse.c.id == _reading.evse_id),
    (_reading.evse_id, _reading.connector_id, _reading.ts, _reading.digest),
    {"evse_uid": evse.c.evse_uid, "connector_id": _reading.connector_id, "site_id": evse.c.site_id},
    _reading.ts,
)

_bill = bill.c
BILLS: Final = _export(
    "bills",
    [
        (_integer("number"), _bill.number),
        (_text("id"), cast(_bill.id, Text)),
        (_text("session_id"), cast(_bill.session_id, Text)),
        (_integer("revision"), _bill.revision),
        (_text("kind"), _bill.kind),
        (_text("credits_bill_id"), cast(_bill.credits_bill_id, Text)),
        (_text("evse_uid"), _bill.evse_uid),
        (_integer("connector_id"), _bill.connector_id),
        (_text("id_token"), _bill.id_token),
        (_instant("started_at"), _bill.started_at),
        (_instant("ended_at"), _bill.ended_at),
        (_integer("energy_solar_wh"), _bill.energy_solar_wh),
        (_integer("energy_grid_wh"), _bill.energy_grid_wh),
        (_integer("energy_unattributed_wh"), _bill.energy_unattributed_wh),
        (_integer("tariff_id"), _bill.tariff_id),
        (_decimal("price_solar_per_kwh"), _bill.price_solar_per_kwh),
        (_decimal("price_grid_per_kwh"), _bill.price_grid_per_kwh),
        (_text("currency"), _bill.currency),
        (_decimal("total"), _bill.total),
        (_decimal("vat_percent", 2), _bill.vat_percent),
        (_decimal("vat"), _bill.vat),
        (_instant("issued_at"), _bill.issued_at),
    ],
    bill.outerjoin(evse, evse.c.evse_uid == _bill.evse_uid),
    (_bill.number,),
    {
        "evse_uid": _bill.evse_uid,
        "site_id": evse.c.site_id,
        "id_token": _bill.id_token,
        "kind": _bill.kind,
    },
    _bill.issued_at,
)

_evse = evse.c
EVSES: Final = _export(
    "evses",
    [
        (_text("evse_uid"), _evse.evse_uid),
        (_integer("connector_id"), connector.c.connector_id),
        (_integer("site_id"), _evse.site_id),
        (_text("name"), _evse.name),
        (_text("dialect"), _evse.dialect),
        (_text("vendor"), _evse.vendor),
        (_text("model"), _evse.model),
        (_text("firmware"), _evse.firmware),
        (_real("max_power_w"), _evse.max_power_w),
        (TableColumn("is_enabled", Kind.BOOLEAN), _evse.is_enabled),
        (TableColumn("is_online", Kind.BOOLEAN), _evse.is_online),
        (_instant("online_changed_at"), _evse.online_changed_at),
        (_text("status"), connector.c.status),
        (_text("standard"), connector.c.standard),
        (_text("format"), connector.c.format),
        (_text("power_type"), connector.c.power_type),
        (_instant("ts"), connector.c.ts),
        (_instant("created_at"), _evse.created_at),
    ],
    evse.outerjoin(connector, connector.c.evse_id == _evse.id),
    (_evse.evse_uid, connector.c.connector_id),
    {
        "evse_uid": _evse.evse_uid,
        "site_id": _evse.site_id,
        "is_online": _evse.is_online,
        "status": connector.c.status,
    },
    None,
)

_event = station_event.c
EVENTS: Final = _export(
    "events",
    [
        (_integer("id"), _event.id),
        (_text("evse_uid"), evse.c.evse_uid),
        (_integer("connector_id"), _event.connector_id),
        (_instant("ts"), _event.ts),
        (_text("kind"), _event.kind),
        (_text("detail"), _event.detail),
    ],
    station_event.join(evse, evse.c.id == _event.evse_id),
    (_event.id,),
    {"evse_uid": evse.c.evse_uid, "site_id": evse.c.site_id, "kind": _event.kind},
    _event.ts,
)

EXPORTS: Final = {export.name: export for export in (SESSIONS, READINGS, BILLS, EVSES, EVENTS)}
