"""Exports: everything once, in three formats, streamed; and never half a file that looks whole."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import asyncpg
import httpx
import pyarrow.parquet
import pytest
from sqlalchemy import select

from solarrally import tabular
from solarrally.api import exports
from solarrally.domain.reading import ConnectorStatus
from solarrally.errors import StoreUnavailable
from solarrally.storage.codes import STATUS_CODE
from solarrally.storage.queries import Export
from tests.api.conftest import AppMaker, Serve
from tests.api.world import T0, World, eventually

RANGE = "date_from=2026-03-09T00:00:00Z&date_to=2026-03-10T00:00:00Z"
KINDS = ["sessions", "readings", "bills", "evses", "events"]


async def exported(client: httpx.AsyncClient, world: World, path: str) -> httpx.Response:
    answer = await client.get(f"/api/v1/exports/{path}", headers=world.headers("operator"))
    assert answer.status_code == 200, answer.text
    return answer


def rows_of(answer: httpx.Response, file_format: str) -> list[dict[str, Any]]:
    match file_format:
        case "csv":
            return list(csv.DictReader(io.StringIO(answer.text, newline="")))
        case "ndjson":
            return [json.loads(line) for line in answer.text.splitlines()]
        case _:
            rows: list[dict[str, Any]] = pyarrow.parquet.read_table(io.BytesIO(answer.content)).to_pylist()
            return rows


async def fill(world: World, count: int, evse_uid: str = "CP-1") -> None:
    """So many readings, a second apart."""
    await world.connection.execute(
        "INSERT INTO reading (ts, received_at, evse_id, digest, connector_id, quality, status, power_w,"
        " session_energy_wh, voltage_v, session_id)"
        " SELECT $1::timestamptz + n * interval '1 s', $1, $2, n, 1, 0, 3, 7000 + n % 100, n * 2.0, 230.1,"
        " 's' FROM generate_series(1, $3::int) AS n",
        T0,
        world.evse_ids[evse_uid],
        count,
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("file_format", ["csv", "ndjson", "parquet"])
async def test_every_export_is_there_in_every_format(
    client: httpx.AsyncClient, world: World, kind: str, file_format: str
) -> None:
    await world.add_reading(1, quality=5, status=STATUS_CODE[ConnectorStatus.FAULTED], voltage_v=230.1)
    await world.insert(
        "station_event", {"evse_id": world.evse_ids["CP-1"], "ts": T0, "kind": "faulted", "detail": "x"}
    )
    answer = await exported(
        client, world, f"{kind}?format={file_format}{'&' + RANGE if kind == 'readings' else ''}"
    )

    rows = rows_of(answer, file_format)
    assert len(rows) == {"sessions": 2, "readings": 1, "bills": 0, "evses": 3, "events": 1}[kind]
    assert answer.headers["content-disposition"].startswith(f'attachment; filename="solarrally-{kind}-2')
    assert answer.headers["content-disposition"].endswith(f'.{file_format}"')
    assert "content-length" not in answer.headers
    for row in rows:
        if "evse_uid" in row:
            assert row["evse_uid"].startswith("CP-")


async def test_a_reading_is_exported_in_words_and_as_it_was_measured(
    client: httpx.AsyncClient, world: World
) -> None:
    await world.add_reading(1, quality=4, status=STATUS_CODE[ConnectorStatus.FAULTED], voltage_v=230.1)
    (row,) = rows_of(await exported(client, world, f"readings?format=ndjson&{RANGE}"), "ndjson")

    assert (row["status"], row["voltage_v"], row["quality"]) == ("faulted", 230.1, ["negative"])
    assert row["ts"] == row["device_ts"] == "2026-03-09T12:00:01Z"


@pytest.mark.parametrize("file_format", ["csv", "ndjson", "parquet"])
async def test_an_export_has_every_row_once_and_in_order(
    client: httpx.AsyncClient, world: World, file_format: str
) -> None:
    await fill(world, 1234)
    rows = rows_of(await exported(client, world, f"readings?format={file_format}&{RANGE}"), file_format)

    assert [float(row["session_energy_wh"]) for row in rows] == [2.0 * n for n in range(1, 1235)]


async def test_money_is_exact_in_every_format(client: httpx.AsyncClient, world: World) -> None:
    for file_format in ("csv", "ndjson", "parquet"):
        rows = rows_of(await exported(client, world, f"sessions?format={file_format}"), file_format)
        assert {str(row["cost"]) for row in rows} == {"35.0000"}


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("sessions?evse_uid=CP-1", 1),
        ("sessions?site_id=2", 0),
        ("sessions?status=ACTIVE", 1),
        ("sessions?id_token=token-of-eric", 1),
        ("sessions?date_to=2026-03-09T12:00:00Z", 0),
        ("sessions?date_from=2026-03-09T12:00:00Z", 2),
        ("evses?site_id=1", 2),
        ("evses?status=charging", 1),
        ("evses?is_online=false", 0),
        ("events?kind=online", 0),
        ("bills?kind=credit", 0),
        (f"readings?{RANGE}&evse_uid=CP-2", 1),
        (f"readings?{RANGE}&site_id=2", 0),
        (f"readings?{RANGE}&connector_id=2", 0),
    ],
)
async def test_filters_restrict(client: httpx.AsyncClient, world: World, path: str, count: int) -> None:
    await world.add_reading(1, "CP-2")

    assert len(rows_of(await exported(client, world, path), "csv")) == count


async def test_a_formula_in_a_token_is_only_text(client: httpx.AsyncClient, world: World) -> None:
    await world.connection.execute("UPDATE charging_session SET id_token = '=1+1' WHERE id_token IS NOT NULL")
    rows = rows_of(await exported(client, world, "sessions"), "csv")

    assert {row["id_token"] for row in rows} == {"'=1+1"}


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("readings", "date_from"),
        ("readings?date_from=2026-01-01T00:00:00Z&date_to=2026-02-02T00:00:00Z", "date_to"),
        ("readings?date_from=2025-01-01T00:00:00Z&date_to=2026-02-02T00:00:00Z&evse_uid=CP-1", "date_to"),
        ("sessions?format=xlsx", "format"),
        ("sessions?limit=5", "limit"),
        ("bills?kind=other", "kind"),
    ],
)
async def test_a_wrong_parameter_is_named(
    client: httpx.AsyncClient, world: World, path: str, field: str
) -> None:
    answer = await client.get(f"/api/v1/exports/{path}", headers=world.headers("operator"))

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


async def test_a_year_of_one_station_may_be_exported(client: httpx.AsyncClient, world: World) -> None:
    await exported(
        client, world, "readings?date_from=2025-04-01T00:00:00Z&date_to=2026-04-01T00:00:00Z&evse_uid=CP-1"
    )


async def test_without_pyarrow_parquet_is_not_implemented(
    client: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tabular, "find_spec", lambda name: None)
    answer = await client.get("/api/v1/exports/sessions?format=parquet", headers=world.headers("admin"))

    assert answer.status_code == 501
    assert "pip install" in answer.json()["detail"]


async def _cut_off(engine: object, export: Export, where: object) -> AsyncGenerator[Sequence[Any]]:
    yield [["CP-1"] * len(export.columns)] * 2000
    raise StoreUnavailable("the server closed the connection")


async def test_an_error_in_the_middle_breaks_the_connection_off(
    serve: Serve, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = [tabular.TableColumn("a", tabular.Kind.TEXT)] * 10
    broken = Export(name="events", columns=columns, statement=select(), filters={}, dated=None)
    monkeypatch.setattr(exports, "export_rows", _cut_off)
    monkeypatch.setattr(exports, "EVENTS", broken)
    address = await serve()
    received = b""
    async with httpx.AsyncClient(base_url=f"http://{address}") as client:
        with pytest.raises(httpx.RemoteProtocolError):  # noqa: PT012  it comes in the middle of the body
            async with client.stream(
                "GET", "/api/v1/exports/events", headers=world.headers("admin")
            ) as answer:
                assert answer.status_code == 200
                async for piece in answer.aiter_bytes():
                    received += piece

    assert received.count(b"\r\n") > 1000


async def test_an_error_before_the_first_piece_is_a_problem_document(
    client: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(engine: object, *_: object) -> AsyncGenerator[Sequence[Any]]:
        if engine is not None:
            raise StoreUnavailable("refused")
        yield []

    monkeypatch.setattr(exports, "export_rows", refused)
    answer = await client.get("/api/v1/exports/events", headers=world.headers("admin"))

    assert answer.status_code == 503
    assert (await client.get("/api/v1/exports/events", headers=world.headers("admin"))).status_code == 503


async def _running_exports(connection: asyncpg.Connection) -> int:
    count: int = await connection.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'solarrally-api'"
        " AND datname = current_database() AND backend_xmin IS NOT NULL"
    )
    return count


async def test_only_so_many_exports_run_at_once_and_a_client_that_leaves_makes_room(
    serve: Serve, world: World, make_app: AppMaker
) -> None:
    await fill(world, 40_000)
    app = make_app(max_exports=1)
    address = await serve(app)
    path = f"/api/v1/exports/readings?format=ndjson&{RANGE}"
    headers = world.headers("admin")
    async with httpx.AsyncClient(base_url=f"http://{address}") as client:
        async with client.stream("GET", path, headers=headers) as answer:
            assert answer.status_code == 200
            second = await client.get(path, headers=headers)
            assert second.status_code == 429
            assert int(second.headers["retry-after"]) > 0
            assert await _running_exports(world.connection) == 1
        services = app.state.services
        await eventually(lambda: services.exports.taken == 0)
        assert await _running_exports(world.connection) == 0
        whole = await client.get(path, headers=headers)
        assert whole.text.count("\n") == 40_000


async def test_what_changes_during_an_export_is_not_in_it(
    serve: Serve, world: World, make_app: AppMaker
) -> None:
    await fill(world, 30_000)
    address = await serve(make_app())
    async with (
        httpx.AsyncClient(base_url=f"http://{address}") as client,
        client.stream(
            "GET", f"/api/v1/exports/readings?format=ndjson&{RANGE}", headers=world.headers("admin")
        ) as answer,
    ):
        await world.connection.execute("DELETE FROM reading")
        text = b"".join([piece async for piece in answer.aiter_bytes()])

    assert text.count(b"\n") == 30_000
