"""Rows as files: CSV, NDJSON and Parquet, piece by piece, so that no file is ever in memory as a whole.

* CSV is RFC 4180 in UTF-8 with a header line. Text that a spreadsheet would take for a formula (it begins
  with `=`, `+`, `-`, `@`, a tab or a line end) is written with a `'` before it; numbers as they are.
* NDJSON is one object a line. Decimals are text, as everywhere in our JSON.
* Parquet has decimals as decimals and instants in UTC to the microsecond. Without its last bytes it cannot
  be read, so half a file is never taken for a whole one. The other two do not have that: whoever reads them
  must see to it that the transfer ended well.
"""

from __future__ import annotations

import asyncio
import csv
import io
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from solarrally.errors import SolarRallyError

if TYPE_CHECKING:
    import pyarrow

ROW_GROUP_ROWS: Final = 50_000
"""Of Parquet: enough for good compression, and a few MB before they are written."""
_FORMULA: Final = re.compile(r"'*[=+\-@\t\r\n]")
_GUARDED: Final = re.compile(r"'(?='*[=+\-@\t\r\n])")


class Kind(StrEnum):
    """What the values of a column are."""

    TEXT = "text"
    INTEGER = "integer"
    REAL = "real"
    BOOLEAN = "boolean"
    INSTANT = "instant"
    DECIMAL = "decimal"
    WORDS = "words"
    """Several words; in CSV with spaces between them."""


@dataclass(slots=True, frozen=True)
class TableColumn:
    """A column of a file. Its name ends in its unit."""

    name: str
    kind: Kind
    scale: int = 4
    """Digits behind the point, of a DECIMAL."""


class FileFormat(StrEnum):
    """How rows are written."""

    CSV = "csv"
    NDJSON = "ndjson"
    PARQUET = "parquet"

    @property
    def media_type(self) -> str:
        return _MEDIA_TYPES[self]


_MEDIA_TYPES: Final = {
    FileFormat.CSV: "text/csv; charset=utf-8; header=present",
    FileFormat.NDJSON: "application/x-ndjson",
    FileFormat.PARQUET: "application/vnd.apache.parquet",
}


class ParquetMissing(SolarRallyError):
    """Parquet is asked for and pyarrow is not installed."""

    def __init__(self) -> None:
        super().__init__("Parquet needs pyarrow: pip install 'solarrally[export]'")


class TableWriter(Protocol):
    """Turns rows into the bytes of one file; the pieces, one after the other, are the file."""

    def begin(self) -> bytes:
        """What comes before the first row."""

    def rows(self, rows: Sequence[Sequence[Any]]) -> bytes:
        """These rows; perhaps nothing yet, when they are kept for a larger piece."""

    def end(self) -> bytes:
        """What comes behind the last row."""


def make_writer(file_format: FileFormat, columns: Sequence[TableColumn]) -> TableWriter:
    """A writer for one file. Raises `ParquetMissing`."""
    match file_format:
        case FileFormat.CSV:
            return CsvWriter(columns)
        case FileFormat.NDJSON:
            return NdjsonWriter(columns)
        case FileFormat.PARQUET:
            if find_spec("pyarrow") is None:
                raise ParquetMissing
            return ParquetWriter(columns)


async def file_pieces(
    batches: AsyncIterator[Sequence[Sequence[Any]]], writer: TableWriter, *, piece_bytes: int = 32_768
) -> AsyncIterator[bytes]:
    """The file of these rows in pieces of about `piece_bytes`, made as they are asked for."""
    piece = bytearray(writer.begin())
    async for rows in batches:
        piece += await asyncio.to_thread(writer.rows, rows)
        if len(piece) >= piece_bytes:
            yield bytes(piece)
            piece.clear()
    piece += await asyncio.to_thread(writer.end)
    yield bytes(piece)


class CsvWriter:
    """RFC 4180, with guarded formulas."""

    def __init__(self, columns: Sequence[TableColumn]) -> None:
        self._names = [column.name for column in columns]
        self._cells = [_CSV_CELL.get(column.kind) for column in columns]

    def begin(self) -> bytes:
        return self._lines([self._names])

    def rows(self, rows: Sequence[Sequence[Any]]) -> bytes:
        cells = self._cells
        return self._lines(
            [
                value if cell is None or value is None else cell(value)
                for value, cell in zip(row, cells, strict=True)
            ]
            for row in rows
        )

    def end(self) -> bytes:
        return b""

    def _lines(self, rows: Iterable[Sequence[Any]]) -> bytes:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\r\n").writerows(rows)
        return text.getvalue().encode()


class NdjsonWriter:
    """One object a line."""

    def __init__(self, columns: Sequence[TableColumn]) -> None:
        self._names = [column.name for column in columns]
        self._encoder = msgspec.json.Encoder(decimal_format="string")

    def begin(self) -> bytes:
        return b""

    def rows(self, rows: Sequence[Sequence[Any]]) -> bytes:
        names = self._names
        return self._encoder.encode_lines([dict(zip(names, row, strict=True)) for row in rows])

    def end(self) -> bytes:
        return b""


class ParquetWriter:
    """Parquet, a row group at a time."""

    def __init__(self, columns: Sequence[TableColumn]) -> None:
        import pyarrow.parquet

        self._pyarrow = pyarrow
        self._schema: pyarrow.Schema = pyarrow.schema([_arrow_field(pyarrow, column) for column in columns])
        self._sink = _Sink()
        self._batches: list[pyarrow.RecordBatch] = []
        self._waiting = 0
        self._writer = pyarrow.parquet.ParquetWriter(self._sink, self._schema, compression="zstd")

    def begin(self) -> bytes:
        return self._sink.take()

    def rows(self, rows: Sequence[Sequence[Any]]) -> bytes:
        if rows:
            arrays = [
                self._pyarrow.array(values, type=field.type)
                for values, field in zip(zip(*rows, strict=True), self._schema, strict=True)
            ]
            self._batches.append(self._pyarrow.record_batch(arrays, schema=self._schema))
            self._waiting += len(rows)
        if self._waiting >= ROW_GROUP_ROWS:
            self._write()
        return self._sink.take()

    def end(self) -> bytes:
        self._write()
        self._writer.close()
        return self._sink.take()

    def _write(self) -> None:
        if self._batches:
            table = self._pyarrow.Table.from_batches(self._batches, schema=self._schema)
            self._writer.write_table(table, row_group_size=ROW_GROUP_ROWS * 2)
            self._batches, self._waiting = [], 0


class _Sink:
    """What pyarrow writes into: it only goes forward, and is emptied in between."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._position = 0

    def write(self, piece: Any) -> int:
        data = bytes(piece)
        self._pieces.append(data)
        self._position += len(data)
        return len(data)

    def tell(self) -> int:
        return self._position

    def take(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)

    def flush(self) -> None:
        """Nothing is behind us."""

    def close(self) -> None:
        self.closed = True

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False


def guarded(text: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula; `unguarded` takes it back."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(cell: str) -> str:
    """The text of a cell that `guarded` made."""
    return cell[1:] if _GUARDED.match(cell) else cell


def _instant(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _words(value: Sequence[str]) -> str:
    return guarded(" ".join(value))


_CSV_CELL: Final[Mapping[Kind, Any]] = {
    Kind.TEXT: guarded,
    Kind.WORDS: _words,
    Kind.INSTANT: _instant,
    Kind.BOOLEAN: lambda value: "true" if value else "false",
}


def _arrow_field(pa: Any, column: TableColumn) -> Any:
    types = {
        Kind.TEXT: pa.string(),
        Kind.INTEGER: pa.int64(),
        Kind.REAL: pa.float64(),
        Kind.BOOLEAN: pa.bool_(),
        Kind.INSTANT: pa.timestamp("us", tz="UTC"),
        Kind.DECIMAL: pa.decimal128(18, column.scale),
        Kind.WORDS: pa.list_(pa.string()),
    }
    return pa.field(column.name, types[column.kind])
