"""Readings, sessions and connector states as rows, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from solarrally.domain.reading import OrderKey, Quality, Reading
from solarrally.domain.session import Session
from solarrally.domain.station import Held
from solarrally.ingest.ports import StationReading
from solarrally.storage.codes import (
    EVENT_CODE,
    EVENT_OF_CODE,
    SOURCE_CODE,
    SOURCE_OF_CODE,
    STATUS_CODE,
    STATUS_OF_CODE,
)

_SAME_NAME = """
    ts received_at digest connector_id seq
    power_w energy_register_wh session_energy_wh session_energy_solar_wh session_energy_grid_wh
    voltage_v current_a voltage_l1_v voltage_l2_v voltage_l3_v current_l1_a current_l2_a current_l3_a
    power_offered_w temperature_c soc_percent session_id error_code id_token stop_reason
""".split()  # noqa: SIM905  a list of words reads better than quotes and commas
_TYPE = {
    "ts": "timestamptz",
    "received_at": "timestamptz",
    "device_ts": "timestamptz",
    "evse_id": "int4",
    "digest": "int4",
    "connector_id": "int2",
    "quality": "int2",
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
_TAKE: dict[str, Callable[[StationReading], Any]] = {
    "evse_id": lambda row: row.station.evse_id,
    # The device's time is kept apart only where it is not the effective one.
    "device_ts": lambda row: None if row.reading.device_ts == row.reading.ts else row.reading.device_ts,
    "quality": lambda row: int(row.reading.quality),
    "status": lambda row: None if row.reading.status is None else STATUS_CODE[row.reading.status],
    "energy_source": lambda row: (
        None if row.reading.energy_source is None else SOURCE_CODE[row.reading.energy_source]
    ),
    "transaction_event": lambda row: (
        None if row.reading.transaction_event is None else EVENT_CODE[row.reading.transaction_event]
    ),
}
READING_COLUMNS = [*_TAKE, *_SAME_NAME]

_ARRAYS = ", ".join(f"${n}::{_TYPE.get(name, 'float4')}[]" for n, name in enumerate(READING_COLUMNS, 1))
INSERT_READINGS = (
    f"INSERT INTO reading ({', '.join(READING_COLUMNS)}) SELECT * FROM unnest({_ARRAYS}) "
    "ON CONFLICT (evse_id, connector_id, ts, digest) DO NOTHING"
)
SELECT_READINGS = f"SELECT {', '.join(READING_COLUMNS)} FROM reading"


def reading_arrays(rows: Sequence[StationReading]) -> list[list[Any]]:
    """One array a column, in the order of `READING_COLUMNS`."""
    arrays = [[take(row) for row in rows] for take in _TAKE.values()]
    readings = [row.reading for row in rows]
    arrays += [[getattr(reading, name) for reading in readings] for name in _SAME_NAME]
    return arrays


def reading_of(row: Mapping[str, Any]) -> Reading:
    """A stored reading. Single-precision columns come back rounded; nothing in the fold reads them."""
    quality = Quality(row["quality"])
    device_ts = row["device_ts"]
    if device_ts is None and not quality & Quality.CLOCKLESS:
        device_ts = row["ts"]
    status, source, event = row["status"], row["energy_source"], row["transaction_event"]
    return Reading(
        device_ts=device_ts,
        quality=quality,
        status=None if status is None else STATUS_OF_CODE[status],
        energy_source=None if source is None else SOURCE_OF_CODE[source],
        transaction_event=None if event is None else EVENT_OF_CODE[event],
        **{name: row[name] for name in _SAME_NAME},
    )


@dataclass(slots=True)
class ConnectorFold:
    """What the fold of a connector remembers beside its last session."""

    newest: OrderKey | None
    newest_digests: list[int]
    held: Held


_session_decoder = msgspec.json.Decoder(Session)
_fold_decoder = msgspec.json.Decoder(ConnectorFold)
_encode = msgspec.json.Encoder().encode


def session_json(session: Session) -> str:
    return _encode(session).decode()


def session_of(text: str) -> Session:
    return _session_decoder.decode(text)


def fold_json(fold: ConnectorFold) -> str:
    return _encode(fold).decode()


def fold_of(text: str) -> ConnectorFold:
    return _fold_decoder.decode(text)
