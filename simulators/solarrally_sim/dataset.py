"""Real charging sessions read from the two public files.

EPFL: DESL-EPFL/Level-3-EV-charging-dataset, `Session_data.xlsx` as CSV: commas, `YYYY-MM-DD HH:MM:SS` at
minute resolution, Europe/Zurich; energy in Wh, Pmax in W; "Stay (min)" counts both the first and last minute.
Trondheim: Sørensen et al., Data in Brief 36:107105 (2021): `;`-separated, decimal comma, `dd.mm.yyyy HH:MM`,
Europe/Oslo; energy in kWh, no maximum power; some rows have no plug-out.
Local times are converted with daylight saving; where a time occurs twice, the stated duration decides.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from itertools import product
from zoneinfo import ZoneInfo

HOME_ASSUMED_PMAX_W = 7360.0  # 230 V x 32 A: the Trondheim file states no maximum power
DURATION_TOLERANCE = timedelta(minutes=1)


class Format(StrEnum):
    """The layouts that can be read."""

    EPFL = "epfl"
    TRONDHEIM = "trondheim"


class DatasetError(ValueError):
    """The file as a whole cannot be read; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSession:
    """One row: a car at a plug. `plug` names the station it belongs to, before overlaps are resolved."""

    number: int
    plug: str
    arrival: datetime
    departure: datetime
    energy_mwh: int
    pmax_w: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedRow:
    """A row that is no session, and why."""

    number: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A whole file. `sessions` are in order of arrival."""

    format: Format
    zone: ZoneInfo
    sessions: tuple[RecordedSession, ...]
    skipped: tuple[SkippedRow, ...]
    duration_disagrees: tuple[int, ...]  # sessions with a stated duration other than local end - start
    pmax_is_assumed: bool


class _RowProblem(ValueError):
    pass


def detect_format(text: str) -> Format:
    """Which layout the header line belongs to; raises `DatasetError` when neither."""
    header = text.lstrip("\ufeff").split("\n", 1)[0]
    if header.startswith("Session,CCS,"):
        return Format.EPFL
    if header.startswith("session_ID;Garage_ID;"):
        return Format.TRONDHEIM
    raise DatasetError(f"neither the EPFL nor the Trondheim layout; the file starts with {header[:60]!r}")


def read_recording(text: str, layout: Format | None = None) -> Recording:
    """Read a file's text; rows that are no session are skipped and listed. Raises `DatasetError`."""
    found = detect_format(text)
    if layout is not None and layout is not found:
        raise DatasetError(f"this is a file in the {found} format, not {layout}")
    rows = csv.DictReader(io.StringIO(text.lstrip("\ufeff")), delimiter="," if found is Format.EPFL else ";")
    if found is Format.EPFL:
        return _read(rows, Format.EPFL, ZoneInfo("Europe/Zurich"))
    return _read(rows, Format.TRONDHEIM, ZoneInfo("Europe/Oslo"))


def _read(rows: Iterable[Mapping[str, str]], layout: Format, zone: ZoneInfo) -> Recording:
    sessions: list[RecordedSession] = []
    skipped: list[SkippedRow] = []
    disagreeing: list[int] = []
    for row in rows:
        try:
            session, duration_agrees = _epfl(row, zone) if layout is Format.EPFL else _trondheim(row, zone)
        except _RowProblem as problem:
            number = row.get("Session") or row.get("session_ID") or "?"
            skipped.append(SkippedRow(number=number, reason=str(problem)))
            continue
        sessions.append(session)
        if not duration_agrees:
            disagreeing.append(session.number)
    numbers = {session.number for session in sessions}
    if len(numbers) != len(sessions):
        raise DatasetError("session numbers are not unique, so sessions could not be told apart")
    sessions.sort(key=lambda session: (session.arrival, session.departure, session.number))
    return Recording(
        format=layout,
        zone=zone,
        sessions=tuple(sessions),
        skipped=tuple(skipped),
        duration_disagrees=tuple(disagreeing),
        pmax_is_assumed=layout is Format.TRONDHEIM,
    )


def _epfl(row: Mapping[str, str], zone: ZoneInfo) -> tuple[RecordedSession, bool]:
    start = _local_time(row, "Arrival", "%Y-%m-%d %H:%M:%S")
    end = _local_time(row, "Departure", "%Y-%m-%d %H:%M:%S")
    stay = timedelta(minutes=float(_number(row, "Stay (min)")) - 1)  # both end minutes are counted
    arrival, departure = _to_utc(start, end, zone, stay)
    if departure <= arrival:
        raise _RowProblem("departure is not after arrival")
    session = RecordedSession(
        number=int(_number(row, "Session")),
        plug=f"epfl-{_name(row, 'CCS')}",
        arrival=arrival,
        departure=departure,
        energy_mwh=_energy_mwh(row, "Energy (Wh)", mwh_per_unit=1_000),
        pmax_w=float(_number(row, "Pmax (W)")),
    )
    return session, abs((end - start) - stay) <= DURATION_TOLERANCE


def _trondheim(row: Mapping[str, str], zone: ZoneInfo) -> tuple[RecordedSession, bool]:
    if row.get("End_plugout", "NA") in ("NA", ""):
        raise _RowProblem("no plug-out time")
    start = _local_time(row, "Start_plugin", "%d.%m.%Y %H:%M")
    end = _local_time(row, "End_plugout", "%d.%m.%Y %H:%M")
    stated = timedelta(hours=float(_number(row, "Duration_hours")))
    arrival, departure = _to_utc(start, end, zone, stated)
    notes: tuple[str, ...] = ()
    if departure == arrival:  # plugged out within the same minute: the stated duration has the seconds
        departure = arrival + timedelta(seconds=max(2, min(59, round(stated.total_seconds()))))
        notes = ("arrival and departure in the same minute; departure from the stated duration",)
    if departure < arrival:
        raise _RowProblem("plug-out is before plug-in")
    session = RecordedSession(
        number=int(_number(row, "session_ID")),
        plug=f"trondheim-{_name(row, 'User_ID')}",
        arrival=arrival,
        departure=departure,
        energy_mwh=_energy_mwh(row, "El_kWh", mwh_per_unit=1_000_000),
        pmax_w=HOME_ASSUMED_PMAX_W,
        notes=notes,
    )
    return session, abs((end - start) - stated) <= DURATION_TOLERANCE


def _to_utc(start: datetime, end: datetime, zone: ZoneInfo, stated: timedelta) -> tuple[datetime, datetime]:
    """Both instants in UTC; of the readings of an ambiguous hour the one nearest to the stated duration."""
    pairs = [
        (start.replace(tzinfo=zone, fold=a).astimezone(UTC), end.replace(tzinfo=zone, fold=b).astimezone(UTC))
        for a, b in product((0, 1), repeat=2)
    ]
    return min(pairs, key=lambda pair: abs((pair[1] - pair[0]) - stated))


def _local_time(row: Mapping[str, str], column: str, layout: str) -> datetime:
    try:
        return datetime.strptime(row[column], layout)  # noqa: DTZ007 - its zone is put on in _to_utc
    except (KeyError, TypeError, ValueError) as error:
        raise _RowProblem(f"{column} is no time: {row.get(column)!r}") from error


def _number(row: Mapping[str, str], column: str) -> Decimal:
    try:
        number = Decimal(row[column].replace(",", "."))
    except (KeyError, AttributeError, InvalidOperation) as error:
        raise _RowProblem(f"{column} is no number: {row.get(column)!r}") from error
    if not number.is_finite() or number < 0:
        raise _RowProblem(f"{column} is out of range: {row[column]!r}")
    return number


def _energy_mwh(row: Mapping[str, str], column: str, *, mwh_per_unit: int) -> int:
    return round(_number(row, column) * mwh_per_unit)


def _name(row: Mapping[str, str], column: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", (row.get(column) or "").lower()).strip("-")
    if not name:
        raise _RowProblem(f"{column} is empty")
    return name
