"""What a reading costs on disk: heap, key, toast, rollups and write-ahead log, and what would make it less.

Some days of readings go through the real ingestor: stations that charge all day and report every 10 s, and
four times as many idle ones that report every 60 s (20 % charging, as in a fleet on a usual day). Then, after
VACUUM and CHECKPOINT, bytes per reading:

    as ingested            what the live days cost
    after `maintain`       days that are over, their keys built anew
    after retention        what is left of a reading when only rollups, sessions and bills are kept

and a table of experiments on the readings of the charging stations, in the order in which they arrived: what
each change of a type, a column or the key would save. Nothing of the schema is changed.

    ./run bench storage [--days 2] [--charging 20]
    ./run bench storage --quick
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from solarrally.storage.connections import connect
from solarrally.storage.partitions import ensure_partitions
from tests.benchmarks import _report as report
from tests.benchmarks._flood import flood
from tests.benchmarks._stack import Failed, Stack, prepare, progress, query, running_stack
from tests.benchmarks._verdict import committed, verify

CHARGING_CADENCE_S = 10
IDLE_CADENCE_S = 60
IDLE_FOR_EACH_CHARGING = 4
DAY_S = 86_400
AHEAD = 50_000
NO_LIMIT = "100000000"
EXPERIMENT_ROWS = 200_000
ROLLUP_TABLES = ("reading_15min", "reading_daily")


def main() -> None:
    options = parsed()
    prepare()
    result: dict[str, Any] = {"machine": report.machine()}
    try:
        with running_stack() as stack:
            fill(stack, options, result)
            measure(stack, result)
            result["experiments"] = experiments(stack)
            retain(stack, result)
    except Failed as error:
        report.save({**result, "failed": str(error)}, options.json)
        raise SystemExit(f"THIS RUN DOES NOT COUNT: {error}") from None
    report.save(result, options.json)
    print(summary(result))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=int, default=2, help="whole days of readings (2)")
    parser.add_argument("--charging", type=int, default=20, help="stations that charge all day (20)")
    parser.add_argument("--quick", action="store_true", help="one day of 4 charging and 16 idle stations")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the result for scripts")
    options = parser.parse_args()
    if options.quick:
        options.days, options.charging = 1, 4
    if not 1 <= options.days <= 5:
        parser.error("--days: from 1 to 5; a station's session must fit into its counters' width")
    return options


# -- days of readings ------------------------------------------------------------------------------


def fill(stack: Stack, options: argparse.Namespace, result: dict[str, Any]) -> None:
    """Through the ingestor; each kind of station in the order of its own times. The days end with the one
    before yesterday, so that retention of one day can drop them all.
    """
    idle = options.charging * IDLE_FOR_EACH_CHARGING
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = midnight - timedelta(days=options.days + 1)
    first_at_us = int(first.timestamp() * 1e6)
    asyncio.run(
        make_partitions(stack.postgres.dsn, [first.date() + timedelta(n) for n in range(options.days)])
    )
    wal_from = query(stack.postgres.superuser_dsn, "SELECT pg_current_wal_lsn()::text")[0][0]
    published = 0
    with stack.ingestor(station_rate_limit_hz=NO_LIMIT) as ingestor:
        ingestor.wait_connected()
        for name, stations, cadence_s in (
            ("charging", options.charging, CHARGING_CADENCE_S),
            ("idle", idle, IDLE_CADENCE_S),
        ):
            messages = options.days * DAY_S // cadence_s * stations
            progress(f"{messages:,} readings of {stations} {name} stations")
            with stack.publisher(
                stations,
                name=name,
                is_charging=name == "charging",
                cadence_s=cadence_s,
                first_at_us=first_at_us,
                step_us=round(cadence_s * 1e6 / stations),
            ) as publisher:
                already = published
                ran = flood(
                    publisher,
                    lambda already=already: committed(ingestor.counters()) - already,  # type: ignore[misc]
                    seconds=900.0,
                    ahead=AHEAD,
                    pids={"ingestor": ingestor.pid},
                    most=messages,
                    say=name,
                )
            result[f"{name}_readings"] = ran.published
            published += ran.published
        verify(
            stack, ingestor, published=published, stations=options.charging + idle, sessions=options.charging
        )
        ingestor.stop()
    result["readings"] = published
    wal_bytes = query(
        stack.postgres.superuser_dsn,
        "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), $1::text::pg_lsn)",
        wal_from,
    )[0][0]
    result["wal_bytes_per_reading"] = float(wal_bytes) / published


async def make_partitions(dsn: str, days: list[date]) -> None:
    """As they would have been made ahead, had the days been lived through."""
    connection = await connect(dsn)
    try:
        await ensure_partitions(connection, days)
    finally:
        await connection.close()


def measure(stack: Stack, result: dict[str, Any]) -> None:
    result["as_ingested"] = sizes(stack, result["readings"])
    progress("solarrally maintain")
    maintain(stack)
    result["after_maintain"] = sizes(stack, result["readings"])


def retain(stack: Stack, result: dict[str, Any]) -> None:
    """What is left when the raw readings are gone."""
    progress("solarrally maintain, raw readings kept for 1 day")
    maintain(stack, SOLARRALLY_RAW_KEEP_DAYS="1")
    result["after_retention"] = sizes(stack, result["readings"])


def maintain(stack: Stack, **settings: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SOLARRALLY_")}
    done = subprocess.run(
        [sys.executable, "-m", "solarrally", "maintain"],
        env={**environment, "SOLARRALLY_DATABASE_URL": stack.postgres.dsn, **settings},
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
    )
    if done.returncode != 0:
        raise Failed(f"solarrally maintain: {done.stdout}{done.stderr}")


def sizes(stack: Stack, readings: int) -> dict[str, Any]:
    """Bytes, after everything has been vacuumed and written out."""
    dsn = stack.postgres.superuser_dsn
    for statement in ("VACUUM (ANALYZE)", "CHECKPOINT"):
        query(dsn, statement)
    rows = query(
        dsn,
        "SELECT coalesce(parent.relname, c.relname) AS name,"
        " sum(pg_relation_size(c.oid))::bigint AS heap_bytes,"
        " sum(pg_indexes_size(c.oid))::bigint AS index_bytes,"
        " sum(pg_total_relation_size(c.oid) - pg_relation_size(c.oid) - pg_indexes_size(c.oid))::bigint"
        " AS toast_and_maps_bytes"
        " FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class parent"
        " ON parent.oid = i.inhparent WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace"
        " GROUP BY 1 ORDER BY 1",
    )
    found = {row["name"]: {key: value for key, value in row.items() if key != "name"} for row in rows}
    for table, size in found.items():
        size["rows"] = query(dsn, f'SELECT count(*) FROM "{table}"')[0][0]
    return {"tables": found, "bytes": sum(total(size) for size in found.values()), "of_readings": readings}


def total(size: dict[str, int]) -> int:
    return size["heap_bytes"] + size["index_bytes"] + size["toast_and_maps_bytes"]


# -- experiments -----------------------------------------------------------------------------------


@dataclass(slots=True, frozen=True, kw_only=True)
class Column:
    """One column of a variant."""

    name: str
    type: str
    expression: str
    is_wide: bool
    """Aligned to 8 bytes."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Variant:
    """Another way to store the same readings."""

    title: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ("evse_id", "connector_id", "ts", "digest")
    fillfactor: int = 90
    is_key_rebuilt: bool = True
    brin: bool = False

    def having(self, title: str, **types: tuple[str, str]) -> Variant:
        """Some columns with another type and expression; those that do not exist are passed over."""
        changed = tuple(
            replace(column, type=types[column.name][0], expression=types[column.name][1], is_wide=False)
            if column.name in types
            else column
            for column in self.columns
        )
        return replace(self, title=title, columns=changed)

    def without(self, title: str, *names: str) -> Variant:
        return replace(
            self, title=title, columns=tuple(column for column in self.columns if column.name not in names)
        )


CODES = ("status", "energy_source", "transaction_event", "quality")
EXACT_ENERGIES = (
    "power_w", "energy_register_wh", "session_energy_wh", "session_energy_solar_wh", "session_energy_grid_wh",
)  # fmt: skip


def variants(present: Variant, never_said: list[str]) -> list[Variant]:
    """Each change alone, then one upon the other."""
    session = {"session_id": ("int4", "dense_rank() OVER (ORDER BY session_id)::int4")}
    seq = {"seq": ("int4", "seq::int4")}
    receipt = {
        "received_at": ("int4", "least(2147483647, extract(epoch FROM received_at - ts) * 1000)::int4")
    }
    codes = {name: ('"char"', f'{name}::int4::"char"') for name in CODES}
    singles = {name: ("float4", f"{name}::float4") for name in EXACT_ENERGIES}
    lossless = present.having(
        "session id, seq, receipt, codes together", **session, **seq, **receipt, **codes
    )
    narrow = lossless.having("  + power and energies as real", **singles)
    bare = narrow.without("  + without columns that are never said (no NULL bitmap)", *never_said)
    return [
        replace(present, title="as it is, key as the live day leaves it", is_key_rebuilt=False),
        replace(present, title="as it is, key built anew"),
        replace(present, title="key built anew, fillfactor 100", fillfactor=100),
        present.having("session_id as int4 of a dictionary", **session),
        present.having("seq as int4", **seq),
        present.having("received_at as int4, ms after ts", **receipt),
        present.having('status, source, event, quality as "char"', **codes),
        present.having("power and energies as real", **singles),
        present.without("without columns that are never said here", *never_said),
        replace(present, title="key without the digest", key=("evse_id", "connector_id", "ts")),
        replace(present.without("no digest at all", "digest"), key=("evse_id", "connector_id", "ts")),
        replace(present, title="no key, BRIN on ts instead (no repetition is found)", key=(), brin=True),
        lossless,
        narrow,
        bare,
        replace(
            bare.without("    + no digest at all, fillfactor 100", "digest"),
            key=("evse_id", "connector_id", "ts"),
            fillfactor=100,
        ),
    ]


def experiments(stack: Stack) -> list[dict[str, Any]]:
    """Bytes per reading of each variant, the readings written in the order of their arrival."""
    dsn = stack.postgres.superuser_dsn
    query(
        dsn,
        "CREATE TABLE sample AS SELECT r.* FROM reading r JOIN evse e ON e.id = r.evse_id"
        f" WHERE e.evse_uid LIKE 'charging%' ORDER BY r.received_at LIMIT {EXPERIMENT_ROWS}",
    )
    rows = query(dsn, "SELECT count(*) FROM sample")[0][0]
    columns = tuple(
        Column(
            name=row["attname"], type=row["type"], expression=row["attname"], is_wide=row["attalign"] == b"d"
        )
        for row in query(
            dsn,
            "SELECT attname, format_type(atttypid, atttypmod) AS type, attalign FROM pg_attribute"
            " WHERE attrelid = 'sample'::regclass AND attnum > 0 ORDER BY attnum",
        )
    )
    never_said = [
        column.name
        for column in columns
        if query(dsn, f'SELECT NOT EXISTS (SELECT FROM sample WHERE "{column.name}" IS NOT NULL)')[0][0]
    ]
    found = []
    for variant in variants(Variant(title="", columns=columns), never_said):
        progress(f"experiment: {variant.title.strip()}")
        heap_bytes, index_bytes = sizes_of(dsn, variant)
        found.append(
            {"variant": variant.title, "heap": heap_bytes / rows, "index": index_bytes / rows,
             "total": (heap_bytes + index_bytes) / rows}
        )  # fmt: skip
    title = "one row per connector and hour, columns as compressed arrays"
    packed_bytes = packed_size(dsn, columns)
    found.append({"variant": title, "heap": None, "index": None, "total": packed_bytes / rows})
    query(dsn, "DROP TABLE sample")
    return found


def sizes_of(dsn: str, variant: Variant) -> tuple[int, int]:
    """Heap with toast, and indexes, of the sample stored that way."""
    ordered = sorted(variant.columns, key=lambda column: not column.is_wide)  # the wide first: no padding
    names = ", ".join(f'"{column.name}"' for column in ordered)
    columns = ", ".join(f'"{column.name}" {column.type}' for column in ordered)
    chosen = ", ".join(f'{column.expression} AS "{column.name}"' for column in ordered)
    query(dsn, f"CREATE TABLE variant ({columns})")
    if variant.key:
        query(
            dsn,
            f"ALTER TABLE variant ADD PRIMARY KEY ({', '.join(variant.key)})"
            f" WITH (fillfactor = {variant.fillfactor})",
        )
    if variant.brin:
        query(dsn, "CREATE INDEX ON variant USING brin (ts)")
    query(
        dsn,
        f"INSERT INTO variant ({names}) SELECT {names} FROM"
        f" (SELECT {chosen}, received_at AS arrived FROM sample) AS s ORDER BY arrived"
        if any(column.name == "received_at" and column.expression != "received_at" for column in ordered)
        else f"INSERT INTO variant ({names}) SELECT {chosen} FROM sample ORDER BY received_at",
    )
    if variant.key and variant.is_key_rebuilt:
        query(dsn, "REINDEX TABLE variant")
    query(dsn, "VACUUM (ANALYZE) variant")
    row = query(dsn, "SELECT pg_table_size('variant'), pg_indexes_size('variant')")[0]
    query(dsn, "DROP TABLE variant")
    return row[0], row[1]


def packed_size(dsn: str, columns: tuple[Column, ...]) -> int:
    """Bytes of all with each hour of a connector in one row, its columns as compressed arrays."""
    inside = [column for column in columns if column.name not in ("evse_id", "connector_id")]
    query(
        dsn,
        "CREATE TABLE packed (evse_id int4, connector_id int2, hour timestamptz, "
        + ", ".join(f'"{column.name}" {column.type}[]' for column in inside)
        + ", PRIMARY KEY (evse_id, connector_id, hour))",
    )
    # An array of NULLs only is no array.
    arrays = ", ".join(
        f'CASE WHEN count("{column.name}") > 0 THEN array_agg("{column.name}" ORDER BY ts) END'
        for column in inside
    )
    query(
        dsn,
        f"INSERT INTO packed SELECT evse_id, connector_id, date_trunc('hour', ts), {arrays} FROM sample"
        " GROUP BY 1, 2, 3",
    )
    query(dsn, "VACUUM packed")
    size: int = query(dsn, "SELECT pg_total_relation_size('packed')")[0][0]
    query(dsn, "DROP TABLE packed")
    return size


# -- the result ------------------------------------------------------------------------------------


def summary(result: dict[str, Any]) -> str:
    readings = result["readings"]
    rows: list[list[object]] = []
    for when in ("as_ingested", "after_maintain", "after_retention"):
        tables = result[when]["tables"]
        for name in ("reading", *ROLLUP_TABLES):
            size = tables.get(name)
            if size:
                rows.append(
                    [
                        f"{when.replace('_', ' ')}: {name}",
                        size["rows"],
                        *(
                            size[key] / readings
                            for key in ("heap_bytes", "index_bytes", "toast_and_maps_bytes")
                        ),
                        total(size) / readings,
                    ]
                )
        others = sum(total(size) for name, size in tables.items() if name not in ("reading", *ROLLUP_TABLES))
        rows.append(
            [f"{when.replace('_', ' ')}: all other tables", None, None, None, None, others / readings]
        )
        rows.append(
            [f"{when.replace('_', ' ')}: ALL", None, None, None, None, result[when]["bytes"] / readings]
        )
    return "\n".join(
        [
            report.machine_line(result["machine"]),
            f"{readings:,} readings through the ingestor: {result['charging_readings']:,} of charging"
            f" stations, {result['idle_readings']:,} of idle ones;"
            f" write-ahead log {result['wal_bytes_per_reading']:.0f} bytes a reading",
            "",
            report.table(
                ["bytes per reading taken in", "rows", "heap", "index", "toast, maps", "total"], rows
            ),
            "",
            report.table(
                ["experiment: bytes per reading of a charging station", "heap", "index", "total"],
                [
                    [each["variant"], each["heap"], each["index"], each["total"]]
                    for each in result["experiments"]
                ],
            ),
        ]
    )


if __name__ == "__main__":
    started_s = time.monotonic()
    main()
    progress(f"took {time.monotonic() - started_s:.0f} s")
