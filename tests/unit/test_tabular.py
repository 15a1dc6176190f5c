"""Files of rows: what is written can be read again as it was, and no cell is a formula."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solarrally import tabular
from solarrally.tabular import FileFormat, Kind, ParquetMissing, TableColumn, file_pieces, make_writer

COLUMNS = [
    TableColumn("evse_uid", Kind.TEXT),
    TableColumn("count", Kind.INTEGER),
    TableColumn("power_w", Kind.REAL),
    TableColumn("is_online", Kind.BOOLEAN),
    TableColumn("ts", Kind.INSTANT),
    TableColumn("cost", Kind.DECIMAL),
    TableColumn("quality", Kind.WORDS),
]
AT = datetime(2026, 3, 9, 12, 0, 0, 123456, tzinfo=UTC)
ROW = ("CP-1", 7, -3.5, True, AT, Decimal("-35.0000"), ["negative", "clockless"])
NOTHING = (None,) * 7


def written(file_format: FileFormat, columns: Sequence[TableColumn], *rows: Sequence[Any]) -> bytes:
    writer = make_writer(file_format, columns)
    return writer.begin() + b"".join(writer.rows([row]) for row in rows) + writer.end()


def test_csv_has_a_header_and_crlf() -> None:
    assert written(FileFormat.CSV, COLUMNS, ROW, NOTHING).decode() == (
        "evse_uid,count,power_w,is_online,ts,cost,quality\r\n"
        "CP-1,7,-3.5,true,2026-03-09T12:00:00.123456Z,-35.0000,negative clockless\r\n"
        ",,,,,,\r\n"
    )


def test_ndjson_has_an_object_a_line_and_decimals_as_text() -> None:
    first, second = written(FileFormat.NDJSON, COLUMNS, ROW, NOTHING).decode().splitlines()

    assert json.loads(first) == {
        "evse_uid": "CP-1",
        "count": 7,
        "power_w": -3.5,
        "is_online": True,
        "ts": "2026-03-09T12:00:00.123456Z",
        "cost": "-35.0000",
        "quality": ["negative", "clockless"],
    }
    assert set(json.loads(second).values()) == {None}


def test_parquet_keeps_kinds_exactly() -> None:
    table = pyarrow.parquet.read_table(io.BytesIO(written(FileFormat.PARQUET, COLUMNS, ROW, NOTHING)))

    assert [tuple(row.values()) for row in table.to_pylist()] == [ROW, NOTHING]
    assert table.schema.field("cost").type == pyarrow.decimal128(18, 4)
    assert table.schema.field("ts").type == pyarrow.timestamp("us", tz="UTC")


def test_parquet_without_a_row_is_a_file_all_the_same() -> None:
    table = pyarrow.parquet.read_table(io.BytesIO(written(FileFormat.PARQUET, COLUMNS)))

    assert (table.num_rows, table.column_names) == (0, [column.name for column in COLUMNS])


def test_parquet_is_written_in_row_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tabular, "ROW_GROUP_ROWS", 100)
    writer = make_writer(FileFormat.PARQUET, COLUMNS)
    sizes = [len(writer.begin())] + [len(writer.rows([ROW] * 50)) for _ in range(4)]
    file = pyarrow.parquet.ParquetFile(io.BytesIO(written(FileFormat.PARQUET, COLUMNS, *[ROW] * 250)))

    assert [size > 0 for size in sizes] == [True, False, True, False, True]
    assert file.metadata.num_row_groups == 3


def test_half_a_parquet_file_cannot_be_read() -> None:
    whole = written(FileFormat.PARQUET, COLUMNS, *[ROW] * 10)

    with pytest.raises(pyarrow.ArrowInvalid):
        pyarrow.parquet.read_table(io.BytesIO(whole[:-1]))


def test_parquet_without_pyarrow_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tabular, "find_spec", lambda name: None)

    with pytest.raises(ParquetMissing, match=r"solarrally\[export\]"):
        make_writer(FileFormat.PARQUET, COLUMNS)


@pytest.mark.parametrize(
    "text", ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "'=1", "''@x"]
)
def test_text_that_looks_like_a_formula_is_guarded(text: str) -> None:
    column = [TableColumn("id_token", Kind.TEXT)]
    (_, (cell,)) = csv.reader(io.StringIO(written(FileFormat.CSV, column, (text,)).decode(), newline=""))

    assert cell == f"'{text}"
    assert tabular.unguarded(cell) == text


@given(st.text())
def test_every_text_comes_back_from_its_cell(text: str) -> None:
    assert tabular.unguarded(tabular.guarded(text)) == text
    assert not tabular.guarded(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_csv_holds_every_text(text: str) -> None:
    columns = [TableColumn("a", Kind.TEXT), TableColumn("b", Kind.TEXT)]
    file = written(FileFormat.CSV, columns, (text, "x")).decode()
    (_, (cell, _)) = csv.reader(io.StringIO(file, newline=""))

    assert tabular.unguarded(cell) == text


@pytest.mark.parametrize("file_format", FileFormat)
async def test_pieces_together_are_the_file(file_format: FileFormat) -> None:
    async def batches() -> AsyncIterator[Sequence[Sequence[Any]]]:
        for _ in range(40):
            yield [ROW] * 100

    pieces = [
        piece async for piece in file_pieces(batches(), make_writer(file_format, COLUMNS), piece_bytes=4096)
    ]

    whole = b"".join(pieces)
    if file_format is FileFormat.PARQUET:
        assert pyarrow.parquet.read_table(io.BytesIO(whole)).num_rows == 4000
    else:
        assert len(pieces) > 20
        assert whole == written(file_format, COLUMNS, *[ROW] * 4000)
