"""What the API asks the database, as the data grows: sessions far back in the list, the newest of all
stations, a day of one station's history.

PostgreSQL with its defaults and fsync, filled by SQL. Each question is asked with the product's own
functions, 15 times, after one time that is not counted: the median, in ms, with driver and rows but without
HTTP. What PostgreSQL alone says of it (EXPLAIN ANALYZE) at the largest scale stands in the last column, and
some plans below. Then some of them over HTTP, in this process.

    ./run bench api [--sessions 1000000] [--readings 6000000] [--stations 10000]
    ./run bench api --quick
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from solarrally.api.app import create_app
from solarrally.api.options import ApiOptions, default_rollup_rules
from solarrally.api.tokens import AccessTokens
from solarrally.embedded.temporary import temporary_postgres
from solarrally.hub import Hub
from solarrally.storage.engine import create_engine
from solarrally.storage.queries import (
    BUCKET_ORDERS,
    LATEST_ORDERS,
    READING_ORDERS,
    SESSION_ORDERS,
    SessionFilter,
    SessionScope,
    Window,
    buckets_between,
    list_latest,
    list_sessions,
    readings_between,
    station_key_of,
)
from tests.benchmarks import _report as report
from tests.benchmarks._filling import END, READING_EVERY_S, SITES, fill_readings, fill_sessions, fill_stations
from tests.benchmarks._stack import migrate, prepare, progress

PAGE: Final = 100
REPEATS: Final = 15
DAYS: Final = 30
OFFSET: Final = "the last page by OFFSET"
EVERYONE: Final = SessionScope(everyone=True)
SECRET: Final = "a secret of the benchmark, long enough for the algorithm"

Question = Callable[[AsyncEngine], Awaitable[list[Any]]]


def main() -> None:
    options = parsed()
    prepare()
    result: dict[str, Any] = {"machine": report.machine()}
    with temporary_postgres({}) as postgres:
        migrate(postgres.dsn)
        asyncio.run(measure(postgres.superuser_dsn, options, result))
    report.save(result, options.json)
    print(summary(result))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=1_000_000, help="at last (1,000,000)")
    parser.add_argument(
        "--readings", type=int, default=6_000_000, help="of 30 days, in as many partitions (6,000,000)"
    )
    parser.add_argument("--stations", type=int, default=10_000, help="(10,000)")
    parser.add_argument("--quick", action="store_true", help="20,000 sessions, 500,000 readings")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the result for scripts")
    options = parser.parse_args()
    if options.quick:
        options.sessions, options.readings, options.stations = 20_000, 500_000, 1_000
    return options


@dataclass(slots=True)
class Ledger:
    """The answers: milliseconds by question and scale, and the plan at the last one."""

    ms: dict[str, dict[str, float]] = field(default_factory=dict)
    database_ms: dict[str, float] = field(default_factory=dict)
    plans: dict[str, list[str]] = field(default_factory=dict)

    async def ask(
        self, engine: AsyncEngine, scale: str, name: str, question: Question, repeats: int = REPEATS
    ) -> list[Any]:
        """Time it, and have its statements explained."""
        statements: list[tuple[str, Any]] = []

        def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
            statements.append((statement, parameters))

        event.listen(engine.sync_engine, "before_cursor_execute", note)
        try:
            rows = await question(engine)
        finally:
            event.remove(engine.sync_engine, "before_cursor_execute", note)
        spent_ms = []
        for _ in range(repeats):
            started_s = time.perf_counter()
            await question(engine)
            spent_ms.append((time.perf_counter() - started_s) * 1e3)
        self.ms.setdefault(name, {})[scale] = statistics.median(spent_ms)
        plan: list[str] = []
        for statement, parameters in statements:
            plan += await explained(engine, statement, parameters)
        self.plans[name] = plan
        took = [float(line.split()[-2]) for line in plan if line.startswith("Execution Time")]
        self.database_ms[name] = sum(took)
        return rows


async def explained(engine: AsyncEngine, statement: str, parameters: Any) -> list[str]:
    """The plan of a statement, run once more."""
    async with engine.connect() as connection:
        rows = await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, COSTS OFF) {statement}", parameters)
        return [row[0] for row in rows]


# -- sessions and the newest of all stations -----------------------------------------------------------


def a_page(
    order: str = "started_at", *, after: Any = None, scope: SessionScope = EVERYONE, **where: Any
) -> Question:
    """A page of sessions, newest first."""
    window = Window(order=SESSION_ORDERS[order], is_descending=True, after=after, limit=PAGE + 1)

    async def ask(engine: AsyncEngine) -> list[Any]:
        return list(await list_sessions(engine, scope, SessionFilter(**where), window))

    return ask


def by_offset(offset: int) -> Question:
    """The same page as many would ask for it."""

    async def ask(engine: AsyncEngine) -> list[Any]:
        async with engine.connect() as connection:
            found = await connection.exec_driver_sql(
                "SELECT s.*, e.evse_uid FROM charging_session s JOIN evse e ON e.id = s.evse_id "
                "ORDER BY s.started_at DESC, s.id DESC OFFSET $1 LIMIT $2",
                (offset, PAGE),
            )
            return list(found)

    return ask


def all_latest(limit: int) -> Question:
    window = Window(order=LATEST_ORDERS["evse_uid"], is_descending=False, after=None, limit=limit + 1)

    async def ask(engine: AsyncEngine) -> list[Any]:
        return list(await list_latest(engine, None, window))

    return ask


async def ask_about_sessions(
    engine: AsyncEngine, connection: asyncpg.Connection, ledger: Ledger, sessions: int, stations: int
) -> None:
    """All of them at one scale."""
    scale, deep = f"{sessions:,}", sessions - PAGE
    position = "SELECT {0}, id FROM charging_session ORDER BY {0} DESC, id DESC OFFSET $1 LIMIT 1"
    [after] = await connection.fetch(position.format("started_at"), deep - 1)
    [after_update] = await connection.fetch(position.format("updated_at"), deep - 1)
    week = END - timedelta(days=7)
    rows = await ledger.ask(engine, scale, "sessions: page 1", a_page())
    a_session = rows[0]
    questions: dict[str, Question] = {
        "sessions: the last page": a_page(after=tuple(after)),
        OFFSET: by_offset(deep),
        "by change: page 1": a_page("updated_at"),
        "by change: the last page": a_page("updated_at", after=tuple(after_update)),
        "by change: of a week, page 1": a_page("updated_at", updated_from=week),
        "of a site with half of the stations": a_page(site_id=1),
        "of a site with 5 stations": a_page(site_id=SITES),
        "the same, by change": a_page("updated_at", site_id=SITES),
        "of an EVSE": a_page(evse_uid=a_session.evse_uid),
        "of a driver": a_page(scope=SessionScope(everyone=False, id_token=a_session.id_token)),
        "of a device session id": a_page(device_session_id=a_session.device_session_id),
        "running": a_page(status=["ACTIVE"]),
        "running at a site with 5 stations": a_page(status=["ACTIVE"], site_id=SITES),
        "completed, of a week": a_page(status=["COMPLETED"], date_from=week),
        "of an EVSE that has none": a_page(evse_uid="nobody"),
        f"latest of {stations:,} connectors": all_latest(stations),
    }
    for name, question in questions.items():
        await ledger.ask(engine, scale, name, question, 2 if name == OFFSET else REPEATS)


# -- the history of a station --------------------------------------------------------------------------


async def ask_about_history(engine: AsyncEngine, ledger: Ledger, readings: int) -> None:
    """A day, a month and a minute of one station, in the middle of the days that are there."""
    scale, rules = f"{readings:,}", default_rollup_rules()
    station = await station_key_of(engine, "CP-000003")
    assert station is not None
    noon = END - timedelta(days=DAYS // 2)

    def raw(days: int, limit: int) -> Question:
        window = Window(order=READING_ORDERS["ts"], is_descending=False, after=None, limit=limit)

        async def ask(engine: AsyncEngine) -> list[Any]:
            return list(await readings_between(engine, station, 1, noon, noon + timedelta(days=days), window))

        return ask

    def buckets(size: Any, days: int) -> Question:
        window = Window(order=BUCKET_ORDERS["ts"], is_descending=False, after=None, limit=501)

        async def ask(engine: AsyncEngine) -> list[Any]:
            return await buckets_between(
                engine,
                station,
                1,
                size,
                noon - timedelta(days=days - 1),
                noon + timedelta(days=1),
                window,
                rules=rules,
                now=datetime.now(UTC),
            )

        return ask

    a_day = 86_400 // READING_EVERY_S
    for name, question in {
        "a day in quarters of an hour": buckets("15min", 1),
        "a month in days": buckets("1d", DAYS // 2),
        "two weeks in hours": buckets("1h", 14),
        f"a day of readings, all {a_day:,}": raw(1, a_day),
        "a week of readings, page 1 (500)": raw(7, 501),
        "a day in minutes, page 1 (500)": buckets("1min", 1),
    }.items():
        rows = await ledger.ask(engine, scale, name, question)
        assert rows, name


# -- over HTTP -----------------------------------------------------------------------------------------


class NoFeed:
    """A feed that follows nothing."""

    async def run(self) -> None:
        """Nothing to do."""


async def over_http(dsn: str, connection: asyncpg.Connection, stations: int) -> dict[str, float]:
    """Medians in ms through the application in this process: everything but the network."""
    user_id = await connection.fetchval(
        "INSERT INTO app_user (username, password_hash, role) VALUES ('bench', '-', 'operator') RETURNING id"
    )
    login_id = await connection.fetchval(
        "INSERT INTO login_session (id, user_id, expires_at)"
        " VALUES (gen_random_uuid(), $1, now() + interval '1 day') RETURNING id",
        user_id,
    )
    options = ApiOptions(jwt_secret=SECRET, caller_rate_limit_hz=1e6, caller_rate_burst=1_000_000)
    app = create_app(engine=create_engine(dsn), hub=Hub(), feed=NoFeed(), options=options)
    token = AccessTokens(SECRET, 900).issue(user_id, login_id, datetime.now(UTC))
    headers = {"Authorization": f"Bearer {token}"}
    spent: dict[str, float] = {}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url="http://bench", headers=headers
        ) as client,
    ):
        for name, path in (
            ("sessions: page 1", f"/api/v1/sessions?limit={PAGE}"),
            (f"latest of {stations:,} connectors", f"/api/v1/latest?limit={stations}"),
            ("a day in quarters of an hour", _history_path()),
        ):
            times_ms = []
            for _ in range(REPEATS + 1):
                started_s = time.perf_counter()
                answer = await client.get(path)
                times_ms.append((time.perf_counter() - started_s) * 1e3)
                assert answer.status_code == 200, answer.text[:500]
            spent[name] = statistics.median(times_ms[1:])
    return spent


def _history_path() -> str:
    day = END - timedelta(days=DAYS // 2)
    following = day + timedelta(days=1)
    return (
        f"/api/v1/evses/CP-000003/telemetry?date_from={day:%Y-%m-%dT%H:%M:%SZ}"
        f"&date_to={following:%Y-%m-%dT%H:%M:%SZ}"
    )


# -- the run -------------------------------------------------------------------------------------------


async def measure(dsn: str, options: argparse.Namespace, result: dict[str, Any]) -> None:
    engine = create_engine(dsn, pool_size=2)
    connection = await asyncpg.connect(dsn)
    ledger, history = Ledger(), Ledger()
    try:
        # SQL alone: no triggers and foreign keys for rows that agree already.
        await connection.execute("SET session_replication_role = replica")
        progress(f"{options.stations:,} stations")
        await fill_stations(connection, options.stations)
        await connection.execute("VACUUM ANALYZE")
        filled = 0
        for sessions in (options.sessions // 100, options.sessions // 10, options.sessions):
            started_s = time.monotonic()
            await fill_sessions(connection, filled + 1, sessions, options.stations)
            filled = sessions
            progress(f"{sessions:,} sessions, after {time.monotonic() - started_s:.0f} s")
            await ask_about_sessions(engine, connection, ledger, sessions, options.stations)
        per_station = DAYS * 86_400 // READING_EVERY_S
        for share in (10, 3, 1):
            tracked = max(3, options.readings // per_station // share)
            started_s = time.monotonic()
            await connection.execute("TRUNCATE reading, reading_15min")
            count = await fill_readings(connection, (END - timedelta(days=DAYS)).date(), DAYS, tracked)
            progress(f"{count:,} readings of {tracked} stations, after {time.monotonic() - started_s:.0f} s")
            await ask_about_history(engine, history, count)
        result["http_ms"] = await over_http(dsn, connection, options.stations)
        result["size_bytes"] = await connection.fetchval("SELECT pg_database_size(current_database())")
    finally:
        await connection.close()
        await engine.dispose()
    result["sessions"], result["history"] = _saved(ledger), _saved(history)


def _saved(ledger: Ledger) -> dict[str, Any]:
    return {"ms": ledger.ms, "database_ms": ledger.database_ms, "plans": ledger.plans}


def summary(result: dict[str, Any]) -> str:
    parts = [report.machine_line(result["machine"]), ""]
    for title, part in (("sessions", result["sessions"]), ("readings", result["history"])):
        scales = list(next(iter(part["ms"].values())))
        rows = [
            [name, *(by_scale.get(scale) for scale in scales), part["database_ms"][name]]
            for name, by_scale in part["ms"].items()
        ]
        headings = [f"ms, by {title}", *scales, "of it PostgreSQL"]
        parts += [report.table(headings, rows), ""]
    ms = result["sessions"]["ms"]
    last_scale = list(ms["sessions: page 1"])[-1]
    ratio = ms["sessions: the last page"][last_scale] / ms["sessions: page 1"][last_scale]
    parts.append(f"last page / page 1 at {last_scale} sessions: {ratio:.2f}")
    parts.append(f"database: {result['size_bytes'] / 2**30:.1f} GiB")
    parts += ["", report.table(["over HTTP, in this process", "ms"], list(result["http_ms"].items())), ""]
    for part, names in (
        (result["sessions"], ["sessions: page 1", "sessions: the last page", "of a site with 5 stations"]),
        (result["sessions"], ["by change: the last page"]),
        (result["history"], ["a day in quarters of an hour"]),
    ):
        for name in names:
            parts += [name, *(f"    {line}" for line in part["plans"][name][:24]), ""]
    return "\n".join(parts)


if __name__ == "__main__":
    main()
