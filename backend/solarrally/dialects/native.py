"""The native dialect: JSON on `evse/{evse_uid}/…`, as the first devices send it (docs/wire-formats.md).

Known oddities of devices in the field, all of them legal here:

* `preparing` through a whole charge; only power tells (left to `domain.station`).
* a dead `session_id` on `available` readings after a fault (left to `domain.station`).
* `0.0` volts when idle means "not measured".
* timestamps with whole seconds and `Z`, or with microseconds and `+00:00`.
* integers where floats are usual, and unrounded floats (`0.4459000000000001`).

Duplicate keys in an object: the last one counts (RFC 8259 leaves it open).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from solarrally.dialects.decoded import Decoded
from solarrally.dialects.digest import content_digest, digest_of
from solarrally.domain.clock import effective_time
from solarrally.domain.command import MAX_DETAIL_LENGTH, Answer, CommandResult
from solarrally.domain.fleet import StationFacts
from solarrally.domain.reading import (
    ConnectorStatus,
    EnergySource,
    Reading,
    TransactionEvent,
)
from solarrally.errors import RejectedMessage

Number = Annotated[float, Meta(ge=-1e9, le=1e9)]
Word = Annotated[str, Meta(max_length=128)]
SessionName = Annotated[str, Meta(max_length=128)] | Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
ConnectorId = Annotated[int, Meta(ge=0, le=32767)]
Instant = Annotated[datetime, Meta(tz=True)]


class Telemetry(msgspec.Struct, frozen=True, gc=False):
    """`evse/{evse_uid}/telemetry`. kWh on the wire, Wh inside."""

    timestamp: Instant | None = None
    session_id: SessionName | None = None
    voltage_v: Number | None = None
    current_a: Number | None = None
    power_w: Number | None = None
    session_energy_kwh_solar: Number | None = None
    session_energy_kwh_grid: Number | None = None
    session_total_energy_kwh: Number | None = None
    energy_source: EnergySource | None = None
    temperature_c: Number | None = None
    status: ConnectorStatus | None = None
    seq: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None
    connector_id: ConnectorId = 1
    energy_wh: Annotated[float, Meta(ge=-1e12, le=1e12)] | None = None
    voltage_v_l1: Number | None = None
    voltage_v_l2: Number | None = None
    voltage_v_l3: Number | None = None
    current_a_l1: Number | None = None
    current_a_l2: Number | None = None
    current_a_l3: Number | None = None
    power_offered_w: Number | None = None
    soc_percent: Annotated[float, Meta(ge=0, le=100)] | None = None
    error_code: Word | None = None
    id_token: Word | None = None


class StrictTelemetry(Telemetry, frozen=True, gc=False, forbid_unknown_fields=True):
    """The same, refusing fields we do not know: the first try, so that unknown ones can be counted."""


class Status(msgspec.Struct, frozen=True, gc=False):
    """`evse/{evse_uid}/status`, retained, and the last will."""

    state: Annotated[str, Meta(pattern="^(online|offline)$")]
    vendor: Word | UnsetType | None = UNSET
    model: Word | UnsetType | None = UNSET
    firmware: Word | UnsetType | None = UNSET
    max_power_w: Annotated[float, Meta(gt=0, le=1e8)] | UnsetType | None = UNSET


class SessionEvent(msgspec.Struct, frozen=True, gc=False):
    """`evse/{evse_uid}/session/started` and `…/ended`."""

    session_id: SessionName | None = None
    timestamp: Instant | None = None
    meter_wh: Annotated[float, Meta(ge=-1e12, le=1e12)] | None = None
    id_token: Word | None = None
    reason: Word | None = None
    connector_id: ConnectorId = 1


class Result(msgspec.Struct, frozen=True, gc=False):
    """`evse/{evse_uid}/results/{command_id}`."""

    status: Answer
    detail: Annotated[str, Meta(max_length=4096)] | None = None


_strict_telemetry = msgspec.json.Decoder(StrictTelemetry)
_telemetry = msgspec.json.Decoder(Telemetry)
_objects = msgspec.json.Decoder(list[msgspec.Raw])
_status = msgspec.json.Decoder(Status)
_event = msgspec.json.Decoder(SessionEvent)
_result = msgspec.json.Decoder(Result)
_any_object = msgspec.json.Decoder(dict[str, msgspec.Raw])

_OBJECT = b"{"
_MEASURANDS = [
    name for name in Telemetry.__struct_fields__ if name not in ("timestamp", "seq", "connector_id")
]
_COMMAND_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_T = TypeVar("_T")
_AT_FIELD = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<field>[^`]*)`)?$", re.DOTALL)


def decode_telemetry(evse_uid: str, payload: bytes, received_at: datetime) -> Decoded:
    """One object, or an array of them (a backlog); a bad element of an array does not spoil the others."""
    decoded = Decoded(evse_uid=evse_uid)
    if not payload.startswith(_OBJECT) and payload.lstrip()[:1] == b"[":
        _decode_array(payload, received_at, decoded)
    else:
        decoded.readings.append(_reading(payload, received_at, decoded))
    return decoded


def _decode_array(payload: bytes, received_at: datetime, decoded: Decoded) -> None:
    parts = _decode(_objects, payload)
    if not parts:
        raise RejectedMessage("empty_array", "the array has no readings")
    for index, part in enumerate(parts):
        # Elements without a believable time are filed under the receipt, in the order of the array.
        at = received_at + timedelta(microseconds=index)
        try:
            decoded.readings.append(_reading(bytes(part), at, decoded))
        except RejectedMessage as error:
            field = f"[{index}]" + (f".{error.field}" if error.field else "")
            decoded.rejected.append(RejectedMessage(error.reason, error.detail, field))


def decode_status(evse_uid: str, payload: bytes, received_at: datetime) -> Decoded:
    """Connectivity and what the station is."""
    status = _decode(_status, payload)
    return Decoded(
        evse_uid=evse_uid,
        facts=StationFacts(
            is_online=status.state == "online",
            vendor=_text(_said(status.vendor), "vendor"),
            model=_text(_said(status.model), "model"),
            firmware=_text(_said(status.firmware), "firmware"),
            max_power_w=_said(status.max_power_w),
        ),
    )


def decode_session_started(evse_uid: str, payload: bytes, received_at: datetime) -> Decoded:
    """An explicit start, as a reading that carries the event."""
    return _session_event(evse_uid, TransactionEvent.STARTED, payload, received_at)


def decode_session_ended(evse_uid: str, payload: bytes, received_at: datetime) -> Decoded:
    """An explicit end, as a reading that carries the event."""
    return _session_event(evse_uid, TransactionEvent.ENDED, payload, received_at)


def command_id_of(level: str) -> UUID:
    """The command that a topic level names. We make them, so anything else is `unknown_command`."""
    if _COMMAND_ID.fullmatch(level) is None:
        raise RejectedMessage("unknown_command", "the last topic level is not the id of a command")
    return UUID(level)


def decode_result(command_id: UUID, evse_uid: str, payload: bytes, received_at: datetime) -> Decoded:
    """What the station says of a command."""
    said = _decode(_result, payload)
    detail = _text(said.detail, "detail")
    return Decoded(
        evse_uid=evse_uid,
        result=CommandResult(
            command_id=command_id,
            answer=said.status,
            detail=None if detail is None else detail[:MAX_DETAIL_LENGTH],
        ),
    )


def _session_event(evse_uid: str, kind: TransactionEvent, payload: bytes, received_at: datetime) -> Decoded:
    event = _decode(_event, payload)
    device_ts = _utc(event.timestamp)
    ts, quality = effective_time(device_ts, received_at)
    reading = Reading(
        ts=ts,
        received_at=received_at,
        device_ts=device_ts,
        connector_id=event.connector_id,
        session_id=_name(event.session_id),
        energy_register_wh=event.meter_wh,
        id_token=_text(event.id_token, "id_token"),
        transaction_event=kind,
        stop_reason=_text(event.reason, "reason"),
        quality=quality,
    )
    return Decoded(evse_uid=evse_uid, readings=[reading._replace(digest=content_digest(reading))])


def _reading(payload: bytes, received_at: datetime, decoded: Decoded) -> Reading:
    """One object. Written for speed: it runs once for every message there is."""
    said: Telemetry
    try:
        said = _strict_telemetry.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = _decode(_telemetry, payload)
        decoded.unknown_fields += len(_any_object.decode(payload).keys() - set(Telemetry.__struct_fields__))
    device_ts = said.timestamp
    if device_ts is not None and device_ts.tzinfo is not UTC:
        device_ts = _utc(device_ts)
    ts, quality = effective_time(device_ts, received_at)
    session_id = said.session_id
    total_kwh, solar_kwh, grid_kwh = (
        said.session_total_energy_kwh,
        said.session_energy_kwh_solar,
        said.session_energy_kwh_grid,
    )
    values = (  # in the order of Reading, from device_ts on
        device_ts,
        said.status,
        said.energy_source,
        None,
        said.seq,
        said.power_w,
        None if total_kwh is None else total_kwh * 1000,
        None if solar_kwh is None else solar_kwh * 1000,
        None if grid_kwh is None else grid_kwh * 1000,
        said.voltage_v or None,
        said.current_a,
        said.temperature_c,
        None if session_id is None else _text(str(session_id), "session_id"),
        said.energy_wh,
        said.voltage_v_l1,
        said.voltage_v_l2,
        said.voltage_v_l3,
        said.current_a_l1,
        said.current_a_l2,
        said.current_a_l3,
        said.power_offered_w,
        said.soc_percent,
        None if said.error_code is None else _text(said.error_code, "error_code"),
        None if said.id_token is None else _text(said.id_token, "id_token"),
        None,
    )
    if said.power_w is None and all(getattr(said, name) is None for name in _MEASURANDS):
        raise RejectedMessage("says_nothing", "the object has none of the fields of a reading")
    return Reading._make((ts, received_at, digest_of(values), quality, said.connector_id, *values))


def _decode(decoder: msgspec.json.Decoder[_T], payload: bytes) -> _T:
    if not payload.strip():
        raise RejectedMessage("empty_payload", "the payload is empty")
    try:
        return decoder.decode(payload)
    except msgspec.ValidationError as error:
        match = _AT_FIELD.match(str(error))
        assert match is not None
        raise RejectedMessage("invalid_field", match["what"], match["field"]) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RejectedMessage("malformed_json", str(error)) from error


def _said(value: _T | UnsetType | None) -> _T | None:
    return None if isinstance(value, UnsetType) else value


def _utc(device_ts: datetime | None) -> datetime | None:
    if device_ts is None:
        return None
    try:
        return device_ts.astimezone(UTC)
    except OverflowError as error:
        raise RejectedMessage("invalid_field", "the instant is out of range", "timestamp") from error


def _name(session_id: str | int | None) -> str | None:
    return None if session_id is None else _text(str(session_id), "session_id")


def _text(value: str | None, field: str) -> str | None:
    """Text that PostgreSQL can hold: it refuses NUL."""
    if value is not None and "\0" in value:
        raise RejectedMessage("invalid_field", "contains a NUL character", field)
    return value or None
