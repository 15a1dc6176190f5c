"""Exports and imports: how fast they are, and that memory does not grow with their size.

    ./run bench files [--rows 1000000] [--lines 100000]

A server of its own, filled with readings of ten stations by generate_series; each format is exported as the
API does it, and thrown away. Then the log of one station is uploaded and taken in, once by an empty database
and once by one that has newer readings of that station, so that every line of it is late.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from solarrally.embedded.postgres import EmbeddedPostgres
from solarrally.storage.connections import connect
from solarrally.storage.engine import create_engine
from solarrally.storage.queries import READINGS, ExportFilter, export_rows
from solarrally.tabular import FileFormat, file_pieces, make_writer
from tests.support.offline_logs import import_now, ingest, prepare, upload

STATIONS = [f"CP-{number}" for number in range(10)]
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
ALLOWED_GROWTH_BYTES = 60 * 2**20


def resident_bytes() -> int:
    """How much memory this process has."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * 4096


async def fill(dsn: str, row_count: int) -> None:
    connection = await connect(dsn, statement_timeout_s=None)
    try:
        await connection.execute(
            "INSERT INTO reading (ts, received_at, evse_id, digest, connector_id, quality, status,"
            " energy_source, power_w, session_energy_wh, session_energy_solar_wh, session_energy_grid_wh,"
            " voltage_v, current_a, temperature_c, session_id)"
            " SELECT $1::timestamptz + n / 10 * interval '1 s', $1, 1 + n % 10, n, 1, 0, 3, 1,"
            " 7000 + n % 100, n * 2.0, n, n, 230 + n % 7 * 0.1, 30.4, 35.5, 'session-' || n / 100000"
            " FROM generate_series(1, $2::int) AS n",
            SINCE,
            row_count,
        )
        await connection.execute("VACUUM ANALYZE reading")
    finally:
        await connection.close()


async def export_all(dsn: str, file_format: FileFormat) -> tuple[int, float, int]:
    """Bytes, seconds, and by how much memory grew after the first pieces."""
    engine = create_engine(dsn, pool_size=1, statement_timeout_s=10.0)
    size_bytes, started_s, base, highest = 0, time.perf_counter(), 0, 0
    try:
        async with aclosing(export_rows(engine, READINGS, ExportFilter())) as batches:
            async for piece in file_pieces(batches, make_writer(file_format, READINGS.columns)):
                size_bytes += len(piece)
                base = base or resident_bytes()
                highest = max(highest, resident_bytes())
    finally:
        await engine.dispose()
    return size_bytes, time.perf_counter() - started_s, highest - base


def log_of(line_count: int, since: datetime) -> bytes:
    """Sessions of an hour, a line every 10 s, half an hour between them."""
    lines = []
    for number in range(line_count):
        place, session = number % 360, number // 360
        ts = since + timedelta(hours=1.5) * session + timedelta(seconds=10) * place
        said: dict[str, object] = {"timestamp": ts.isoformat(), "status": "available", "power_w": 0}
        if place < 359:
            said |= {
                "session_id": f"s{session}",
                "status": "charging",
                "power_w": 7200,
                "session_total_energy_kwh": round(place * 0.02, 6),
            }
        lines.append(json.dumps(said).encode())
    return b"\n".join(lines)


async def import_one(dsn: str, evse_uid: str, content: bytes) -> tuple[float, float]:
    """Seconds until it is parked, and from there until it is taken in."""
    started_s = time.perf_counter()
    row = await upload(dsn, evse_uid, content)
    parked_s = time.perf_counter()
    await ingest(dsn)
    now = await import_now(dsn, row)
    assert (now.status, now.stored_count) == ("completed", now.line_count), now
    return parked_s - started_s, time.perf_counter() - parked_s


@asynccontextmanager
async def fresh_server() -> AsyncIterator[str]:
    with tempfile.TemporaryDirectory(prefix="solarrally-bench-") as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres")
        server.start()
        try:
            yield server.dsn
        finally:
            server.stop()


async def main(row_count: int, line_count: int) -> int:
    exit_code = 0
    async with fresh_server() as dsn:
        await prepare(dsn, STATIONS)
        await fill(dsn, row_count)
        for file_format in FileFormat:
            size_bytes, took_s, growth_bytes = await export_all(dsn, file_format)
            print(
                f"export {file_format:8} {row_count:,} rows, {size_bytes / 1e6:,.0f} MB in {took_s:.1f} s"
                f" ({row_count / took_s:,.0f} rows/s), memory grew by {growth_bytes / 2**20:.0f} MiB"
            )
            if growth_bytes > ALLOWED_GROWTH_BYTES:
                exit_code = 1
    async with fresh_server() as dsn:
        await prepare(dsn, STATIONS)
        for what, evse_uid in (("new", "CP-1"), ("late", "CP-2")):
            if what == "late":
                newer = log_of(10, datetime.now(UTC) - timedelta(hours=1))
                await upload(dsn, evse_uid, newer)
                await ingest(dsn)
            content = log_of(line_count, datetime(2026, 6, 1, tzinfo=UTC) - timedelta(days=400))
            parked_s, taken_s = await import_one(dsn, evse_uid, content)
            print(
                f"import {what:8} {line_count:,} lines, {len(content) / 1e6:,.0f} MB: checked and parked in"
                f" {parked_s:.1f} s, taken in {taken_s:.1f} s later ({line_count / taken_s:,.0f} lines/s)"
            )
    return exit_code


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--lines", type=int, default=100_000)
    chosen = parser.parse_args()
    raise SystemExit(asyncio.run(main(chosen.rows, chosen.lines)))
