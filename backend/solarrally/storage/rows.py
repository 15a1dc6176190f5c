"""Readings, sessions and connector states as rows, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from solarrally.domain.energy import SessionEnergy
from solarrally.domain.periods import PricedPeriod
from solarrally.domain.reading import FIRST_SAID, OrderKey, Quality, Reading
from solarrally.domain.session import Session
from solarrally.domain.station import Held
from solarrally.domain.tariff import Tariff, TariffElement
from solarrally.ingest.ports import StationReading
from solarrally.storage.codes import (
    EVENT_CODE,
    EVENT_OF_CODE,
    SOURCE_CODE,
    SOURCE_OF_CODE,
    STATUS_CODE,
    STATUS_OF_CODE,
)

_TYPE = {
    "evse_id": "int4",
    "ts": "timestamptz",
    "received_at": "timestamptz",
    "digest": "int4",
    "quality": "int2",
    "connector_id": "int2",
    "device_ts": "timestamptz",
    "status": "int2",
    "energy_source": "int2",
    "transaction_event": "int2",
    "seq": "int8",
    "power_w": "float8",
    "energy_register_wh": "float8",
    "session_energy_wh": "float8",
    "session_energy_solar_wh": "float8",
    "session_energy_grid_wh": "float8",
    "session_id": "text",
    "error_code": "text",
    "id_token": "text",
    "stop_reason": "text",
}
READING_COLUMNS = ["evse_id", *Reading._fields]
assert Reading._fields[:FIRST_SAID] == ("ts", "received_at", "digest", "quality", "connector_id")
_CODED = {"device_ts", "status", "energy_source", "transaction_event"}
"""Stored in other words than the reading's; they are neighbours in it."""
_AFTER_CODED = FIRST_SAID + len(_CODED)
assert set(Reading._fields[FIRST_SAID:_AFTER_CODED]) == _CODED
_FIRST_RARE = Reading._fields.index("voltage_l1_v")
"""From this field on most stations say nothing: where nobody does, it costs nothing."""
_NOTHING_RARE = (None,) * (len(Reading._fields) - _FIRST_RARE)
_PLAIN = [name for name in Reading._fields if name not in _CODED]


@lru_cache(maxsize=4)
def insert_readings(columns: tuple[str, ...]) -> str:
    """INSERT of rows given as one array a column."""
    arrays = ", ".join(f"${n}::{_TYPE.get(name, 'float4')}[]" for n, name in enumerate(columns, 1))
    return f"INSERT INTO reading ({', '.join(columns)}) SELECT * FROM unnest({arrays})"


INSERT_READINGS = (
    f"{insert_readings(tuple(READING_COLUMNS))} ON CONFLICT (evse_id, connector_id, ts, digest) DO NOTHING"
)
SELECT_READINGS = f"SELECT {', '.join(READING_COLUMNS)} FROM reading"

_status_code = STATUS_CODE.get
_source_code = SOURCE_CODE.get
_event_code = EVENT_CODE.get


def reading_record(row: StationReading) -> tuple[Any, ...]:
    """A row, in the order of `READING_COLUMNS`."""
    return (*_usual_record(row), *row.reading[_FIRST_RARE:])


def reading_records(rows: Sequence[StationReading]) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    """Rows with as many columns as they need, and which those are."""
    if all(row.reading[_FIRST_RARE:] == _NOTHING_RARE for row in rows):
        return READING_COLUMNS[: 1 + _FIRST_RARE], map(_usual_record, rows)
    return READING_COLUMNS, map(reading_record, rows)


def _usual_record(row: StationReading) -> tuple[Any, ...]:
    station, reading = row
    device_ts = reading.device_ts
    return (
        station.evse_id,
        reading.ts,
        reading.received_at,
        reading.digest,
        int(reading.quality),  # an IntFlag is iterable: the driver would take it for an array
        reading.connector_id,
        # The device's time is kept apart only where it is not the effective one.
        None if device_ts == reading.ts else device_ts,
        _status_code(reading.status),  # type: ignore[arg-type]  # None has no code, and None is stored
        _source_code(reading.energy_source),  # type: ignore[arg-type]
        _event_code(reading.transaction_event),  # type: ignore[arg-type]
        *reading[_AFTER_CODED:_FIRST_RARE],
    )


def reading_arrays(rows: Sequence[StationReading]) -> list[tuple[Any, ...]]:
    """One array a column, in the order of `READING_COLUMNS`."""
    return list(zip(*map(reading_record, rows), strict=True))


def reading_of(row: Mapping[str, Any]) -> Reading:
    """A stored reading. Single-precision columns come back rounded; nothing in the fold reads them."""
    quality = row["quality"]
    device_ts = row["device_ts"]
    if device_ts is None and not quality & Quality.CLOCKLESS:
        device_ts = row["ts"]
    status, source, event = row["status"], row["energy_source"], row["transaction_event"]
    return Reading(
        device_ts=device_ts,
        status=None if status is None else STATUS_OF_CODE[status],
        energy_source=None if source is None else SOURCE_OF_CODE[source],
        transaction_event=None if event is None else EVENT_OF_CODE[event],
        **{name: row[name] for name in _PLAIN},
    )


@dataclass(slots=True)
class ConnectorFold:
    """What the fold of a connector remembers beside its last session."""

    newest: OrderKey | None
    newest_digests: list[int]
    held: Held


_session_decoder = msgspec.json.Decoder(Session)
_fold_decoder = msgspec.json.Decoder(ConnectorFold)
_lines_decoder = msgspec.json.Decoder(tuple[PricedPeriod, ...])
_energy_decoder = msgspec.json.Decoder(SessionEnergy)
_elements_decoder = msgspec.json.Decoder(tuple[TariffElement, ...])
_encode = msgspec.json.Encoder().encode


def session_json(session: Session) -> str:
    return _encode(session).decode()


def session_of(text: str) -> Session:
    return _session_decoder.decode(text)


def energy_of(text: str) -> SessionEnergy:
    """The `energy` of a stored session."""
    return _energy_decoder.decode(text)


def fold_json(fold: ConnectorFold) -> str:
    return _encode(fold).decode()


def fold_of(text: str) -> ConnectorFold:
    return _fold_decoder.decode(text)


def lines_json(lines: Sequence[PricedPeriod]) -> str:
    return _encode(lines).decode()


def lines_of(text: str) -> tuple[PricedPeriod, ...]:
    return _lines_decoder.decode(text)


def elements_json(elements: Sequence[TariffElement]) -> str:
    return _encode(elements).decode()


def elements_of(text: str) -> tuple[TariffElement, ...]:
    return _elements_decoder.decode(text)


def tariff_of(row: Mapping[str, Any]) -> Tariff:
    """The tariff of a row that has `elements` as text and `timezone`, which may be the site's."""
    return Tariff(
        id=row["id"],
        valid_from=row["valid_from"],
        currency=row["currency"],
        price_solar_per_kwh=row["price_solar_per_kwh"],
        price_grid_per_kwh=row["price_grid_per_kwh"],
        vat_percent=row["vat_percent"],
        elements=elements_of(row["elements"]),
        timezone=row["timezone"],
    )
