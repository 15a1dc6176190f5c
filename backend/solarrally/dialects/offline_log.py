"""The offline log of a station: NDJSON or CSV, read line by line, into the messages it could not send.

A line is what the station would have sent on `evse/{evse_uid}/telemetry` (docs/wire-formats.md), with these
differences:

* `timestamp` is required and must be one we believe: readings filed under their receipt could not be
  recognised when the log comes again.
* CSV has the fields' names in its first line; an empty cell is "not said".
* The names of our own exports are understood too (`ts`, `session_energy_wh`, `energy_register_wh`,
  `voltage_l1_v`, …), so that exported readings can be imported; `evse_uid`, where given, must be the
  station's.
* `transaction_event` (`started`, `ended`) makes the line an explicit event, as on
  `evse/{evse_uid}/session/…`.

Lines are told good from bad by the decoder of the wire itself: what is accepted here is accepted there.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from solarrally.dialects.native import (
    SessionEvent,
    Telemetry,
    decode_session_ended,
    decode_session_started,
    decode_telemetry,
)
from solarrally.domain.clock import AHEAD_LIMIT, EARLIEST
from solarrally.domain.offline_log import (
    PACKED_BYTES,
    LogFormat,
    PackedLines,
    RejectedLine,
    UnreadableLog,
)
from solarrally.domain.reading import UNDATED
from solarrally.errors import RejectedMessage

KEPT_REJECTED: Final = 100
MAX_LINE_BYTES: Final = PACKED_BYTES - 2
MAX_UNKNOWN_FIELDS: Final = 50
_BOM: Final = b"\xef\xbb\xbf"
_NUMBER: Final = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_GUARDED: Final = re.compile(r"'(?='*[=+\-@\t\r\n])")

_WIRE: Final = frozenset(Telemetry.__struct_fields__)
_EVENT: Final = frozenset(SessionEvent.__struct_fields__)
_TEXTS: Final = {
    "timestamp", "ts", "session_id", "energy_source", "status", "error_code", "id_token", "evse_uid",
    "transaction_event", "stop_reason", "reason",
}  # fmt: skip
_RENAMED: Final = {
    "ts": "timestamp",
    "energy_register_wh": "energy_wh",
    "stop_reason": "reason",
    **{f"{what}_l{n}_{unit}": f"{what}_{unit}_l{n}" for what, unit in (("voltage", "v"), ("current", "a"))
       for n in (1, 2, 3)},
}  # fmt: skip
_IN_WH: Final = {
    "session_energy_wh": "session_total_energy_kwh",
    "session_energy_solar_wh": "session_energy_kwh_solar",
    "session_energy_grid_wh": "session_energy_kwh_grid",
}
_PASSED_OVER: Final = {"received_at", "device_ts", "quality", "site_id"}
"""Of our own exports: what we found out, not what the station said."""
_KNOWN: Final = _WIRE | _EVENT | _RENAMED.keys() | _IN_WH.keys() | {"evse_uid", "transaction_event"}
_OURS_ONLY: Final = _RENAMED.keys() | _IN_WH.keys() | _PASSED_OVER | {"evse_uid", "transaction_event"}

_EVENT_DECODERS: Final = {"started": decode_session_started, "ended": decode_session_ended}
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode
_text = msgspec.json.Decoder(str)
_number = msgspec.json.Decoder(float)
_NULL: Final = b"null"


class LineLog:
    """`domain.offline_log.OfflineLog` of one station."""

    def __init__(
        self, *, evse_uid: str, connector_id: int | None, log_format: LogFormat, received_at: datetime
    ) -> None:
        self._evse_uid = evse_uid
        self._connector_id = connector_id
        self._received_at = received_at
        self._format = log_format
        self._header: list[str] | None = None
        self._tail = b""
        self._is_skipping = False
        """Within a line that is too long already."""
        self._line = 0
        self._packed: list[bytes] = []
        self._packed_bytes = 0
        self._unknown: dict[str, None] = {}
        self._line_count = 0
        self._rejected_count = 0
        self._rejected: list[RejectedLine] = []

    @property
    def line_count(self) -> int:
        return self._line_count

    @property
    def rejected_count(self) -> int:
        return self._rejected_count

    @property
    def rejected(self) -> Sequence[RejectedLine]:
        return self._rejected

    @property
    def unknown_fields(self) -> Sequence[str]:
        return list(self._unknown)

    def feed(self, piece: bytes) -> list[PackedLines]:
        *lines, self._tail = (self._tail + piece).split(b"\n")
        made: list[PackedLines] = []
        for line in lines:
            if self._is_skipping:
                self._is_skipping = False  # this is its end
                continue
            self._take(line, made)
        if len(self._tail) > MAX_LINE_BYTES + 1:
            if not self._is_skipping:
                self._take(self._tail, made)
                self._is_skipping = True
            self._tail = b""
        return made

    def finish(self) -> list[PackedLines]:
        made: list[PackedLines] = []
        tail, self._tail = self._tail, b""
        if tail.strip() and not self._is_skipping:
            self._take(tail, made)
        if self._line_count == 0:
            raise UnreadableLog("the file has no lines")
        self._pack(made)
        return made

    def _take(self, line: bytes, made: list[PackedLines]) -> None:
        self._line += 1
        if self._line == 1:
            line = line.removeprefix(_BOM)
        line = line.removesuffix(b"\r")
        if not line.strip():
            return
        if self._format == "auto":
            self._format = _format_of(line)
        if self._format == "csv" and self._header is None:
            self._header = self._header_of(line)
            return
        self._line_count += 1
        try:
            if len(line) > MAX_LINE_BYTES:
                raise RejectedMessage("line_too_long", f"a line may have at most {MAX_LINE_BYTES} bytes")
            if b"\0" in line:
                raise RejectedMessage("not_text", "contains a NUL character")
            self._read(line, made)
        except RejectedMessage as error:
            self._rejected_count += 1
            if len(self._rejected) < KEPT_REJECTED:
                field = None if error.field is None else error.field.removeprefix("[0].")[:200]
                self._rejected.append(RejectedLine(self._line, error.reason, field, error.detail[:300]))

    def _read(self, line: bytes, made: list[PackedLines]) -> None:
        """Check one line and put it with the others, as the wire has it."""
        values = _objects_of(line) if self._header is None else self._cells(line)
        if not values.keys() <= _WIRE:
            for name in values.keys() - _KNOWN - _PASSED_OVER:
                if len(self._unknown) < MAX_UNKNOWN_FIELDS:
                    self._unknown[name[:100]] = None
            values = {name: value for name, value in values.items() if name in _KNOWN}
            if values.keys() & _OURS_ONLY:
                values = self._in_words_of_the_wire(values)
        if self._connector_id is not None and values.get("connector_id", _NULL) == _NULL:
            values["connector_id"] = str(self._connector_id).encode()
        if values.get("connector_id") == _NULL:
            del values["connector_id"]
        if values.get("timestamp", _NULL) == _NULL:
            raise RejectedMessage("no_timestamp", "a line of a log needs its time", "timestamp")
        event = values.pop("transaction_event", _NULL)
        if event != _NULL:
            self._take_event(event, values, made)
            return
        payload = _joined({name: value for name, value in values.items() if name in _WIRE})
        self._check(decode_telemetry, payload)
        if self._packed_bytes + len(payload) + 2 > PACKED_BYTES:
            self._pack(made)
        self._packed.append(payload)
        self._packed_bytes += len(payload) + 2

    def _take_event(self, event: bytes, values: dict[str, bytes], made: list[PackedLines]) -> None:
        try:
            kind = _text.decode(event)
            decoder = _EVENT_DECODERS[kind]
        except (msgspec.DecodeError, KeyError) as error:
            raise RejectedMessage("invalid_field", "must be started or ended", "transaction_event") from error
        said = {name: value for name, value in values.items() if name in _EVENT}
        if "energy_wh" in values:
            said["meter_wh"] = values["energy_wh"]
        payload = _joined(said)
        self._check(decoder, payload)
        self._pack(made)  # what was said before it stays before it
        made.append(PackedLines(f"session/{kind}", payload, 1))

    def _check(self, decode: Callable[[str, bytes, datetime], Any], payload: bytes) -> None:
        if len(payload) > MAX_LINE_BYTES:
            raise RejectedMessage("line_too_long", f"says more than {MAX_LINE_BYTES} bytes")
        decoded = decode(self._evse_uid, payload, self._received_at)
        if decoded.readings[0].quality & UNDATED:
            raise RejectedMessage(
                "unbelievable_time",
                f"before {EARLIEST:%Y} or more than {AHEAD_LIMIT / timedelta(minutes=1):.0f} minutes ahead",
                "timestamp",
            )

    def _pack(self, made: list[PackedLines]) -> None:
        if self._packed:
            payload = b"[" + b",\n".join(self._packed) + b"]"
            made.append(PackedLines("telemetry", payload, len(self._packed)))
            self._packed, self._packed_bytes = [], 0

    def _in_words_of_the_wire(self, values: dict[str, bytes]) -> dict[str, bytes]:
        station = values.pop("evse_uid", _NULL)
        if station != _NULL and station != _encode(self._evse_uid):
            raise RejectedMessage("another_station", "the line is of another station", "evse_uid")
        said = {}
        for name, value in values.items():
            if name in _IN_WH:
                if value != _NULL:
                    said[_IN_WH[name]] = _in_kwh(value, name)
            elif name not in _PASSED_OVER:
                said[_RENAMED.get(name, name)] = value
        return said

    def _header_of(self, line: bytes) -> list[str]:
        names = [name.strip() for name in _csv_cells(line, UnreadableLog)]
        if len(set(names)) != len(names):
            raise UnreadableLog("the header names a column twice")
        if not {"timestamp", "ts"} & set(names):
            raise UnreadableLog("neither an object nor a CSV header with the column timestamp")
        return names

    def _cells(self, line: bytes) -> dict[str, bytes]:
        assert self._header is not None
        cells = _csv_cells(line, _bad_csv)
        if len(cells) != len(self._header):
            raise RejectedMessage(
                "malformed_csv", f"{len(cells)} cells; the header has {len(self._header)} columns"
            )
        values = {}
        for name, cell in zip(self._header, cells, strict=True):
            if not cell:
                continue
            if name not in _KNOWN or name in _TEXTS:
                values[name] = _encode(cell[1:] if _GUARDED.match(cell) else cell)
            elif _NUMBER.fullmatch(cell.strip()):
                values[name] = cell.strip().encode()
            else:
                raise RejectedMessage("invalid_field", "not a number", name)
        return values


def _format_of(line: bytes) -> LogFormat:
    start = line.lstrip()[:1]
    if start == b"[":
        raise UnreadableLog("a JSON array; a log has one object in each line")
    return "ndjson" if start == b"{" else "csv"


def _objects_of(line: bytes) -> dict[str, bytes]:
    try:
        return {name: bytes(value) for name, value in _object.decode(line).items()}
    except msgspec.ValidationError as error:
        raise RejectedMessage("malformed_json", "not an object") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RejectedMessage("malformed_json", str(error)) from error


def _bad_csv(detail: str) -> RejectedMessage:
    return RejectedMessage("malformed_csv", detail)


def _csv_cells(line: bytes, error_of: Callable[[str], Exception]) -> list[str]:
    try:
        rows = list(csv.reader([line.decode()], strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise error_of(str(error)[:200]) from error
    return rows[0] if rows else []


def _joined(values: Mapping[str, bytes]) -> bytes:
    """The object, on one line: JSON has no line ends but between its parts."""
    parts = (_encode(name) + b":" + value for name, value in values.items())
    return (b"{" + b",".join(parts) + b"}").replace(b"\r", b" ").replace(b"\n", b" ")


def _in_kwh(value_wh: bytes, name: str) -> bytes:
    """The kWh that the wire's decoder makes exactly these Wh of again."""
    try:
        energy_wh = _number.decode(value_wh)
    except msgspec.DecodeError as error:
        raise RejectedMessage("invalid_field", "not a number", name) from error
    near = energy_wh / 1000
    for kwh in (near, math.nextafter(near, math.inf), math.nextafter(near, -math.inf)):
        if kwh * 1000 == energy_wh:
            return _encode(kwh)
    return _encode(near)
