"""Imports: a log goes in as the station's own messages would have; bad lines never lose the good ones."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from solarrally.api.import_rules import ImportRules
from solarrally.dialects.offline_log import LineLog
from tests.api.conftest import AppMaker, Serve, running
from tests.api.world import T0, World

PATH = "/api/v1/imports?evse_uid=CP-1"
NDJSON = {"Content-Type": "application/x-ndjson"}


def line(seconds: float, **said: Any) -> bytes:
    said = {"power_w": 7000.0, **said}
    return json.dumps({"timestamp": (T0 + timedelta(seconds=seconds)).isoformat(), **said}).encode() + b"\n"


def log_of(count: int) -> bytes:
    return b"".join(line(n) for n in range(count))


async def sent(
    client: httpx.AsyncClient,
    world: World,
    body: bytes | AsyncIterator[bytes],
    path: str = PATH,
    username: str = "operator",
    **headers: str,
) -> httpx.Response:
    return await client.post(path, content=body, headers={**world.headers(username), **NDJSON, **headers})


async def parked(world: World) -> list[Any]:
    return await world.connection.fetch("SELECT * FROM parked_message ORDER BY id")


async def test_a_log_waits_for_the_ingestor(client: httpx.AsyncClient, world: World) -> None:
    answer = await sent(client, world, log_of(500), f"{PATH}&file_name=card.ndjson")

    assert answer.status_code == 201
    made = answer.json()
    assert answer.headers["location"] == f"/api/v1/imports/{made['id']}"
    assert {name: made[name] for name in ("status", "line_count", "waiting_count", "rejected_count")} == {
        "status": "queued",
        "line_count": 500,
        "waiting_count": 500,
        "rejected_count": 0,
    }
    assert (made["created_by"], made["file_name"]) == ("operator", "card.ndjson")
    messages = await parked(world)
    assert {(m["evse_uid"], m["topic"], m["retained"]) for m in messages} == {
        ("CP-1", "evse/CP-1/telemetry", True)
    }
    assert {str(m["import_id"]) for m in messages} == {made["id"]}
    assert sum(len(json.loads(m["payload"])) for m in messages) == 500
    assert max(len(m["payload"]) for m in messages) <= 16_384  # kept whole, should it be rejected
    assert (await client.get(answer.headers["location"], headers=world.headers("admin"))).json() == made


async def test_the_same_file_again_is_the_same_import(client: httpx.AsyncClient, world: World) -> None:
    first = await sent(client, world, log_of(3))
    again = await sent(client, world, log_of(3))
    packed = await sent(client, world, gzip.compress(log_of(3)), **{"Content-Encoding": "gzip"})
    of_another = await sent(client, world, log_of(3), "/api/v1/imports?evse_uid=CP-2")

    assert [answer.status_code for answer in (first, again, packed, of_another)] == [201, 200, 200, 201]
    assert again.json() == packed.json() == first.json()
    assert len(await parked(world)) == 2


async def test_two_uploads_of_one_file_at_once_are_one_import(
    client: httpx.AsyncClient, world: World
) -> None:
    answers = await asyncio.gather(*(sent(client, world, log_of(2000)) for _ in range(2)))

    assert sorted(answer.status_code for answer in answers) == [200, 201]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert sum(len(json.loads(m["payload"])) for m in await parked(world)) == 2000


async def test_bad_lines_are_named_and_the_good_ones_go_in(client: httpx.AsyncClient, world: World) -> None:
    body = b"".join(
        [
            line(0),
            b"{\n",
            line(1, power_w="7"),
            b"\n",
            b'{"power_w":1}\n',
            line(2, colour="blue"),
            b'{"timestamp":"1970-01-01T00:00:00Z","power_w":1}\n',
            b'{"timestamp":"2026-03-09T12:00:00","power_w":1}\n',
            line(3)[:30],
        ]
    )
    made = (await sent(client, world, body)).json()

    assert (made["line_count"], made["rejected_count"], made["waiting_count"]) == (8, 6, 2)
    assert [(one["line"], one["reason"], one["field"]) for one in made["rejected_lines"]] == [
        (2, "malformed_json", None),
        (3, "invalid_field", "power_w"),
        (5, "no_timestamp", "timestamp"),
        (7, "unbelievable_time", "timestamp"),
        (8, "invalid_field", "timestamp"),
        (9, "malformed_json", None),
    ]


async def test_a_file_without_a_good_line_is_refused(client: httpx.AsyncClient, world: World) -> None:
    answer = await sent(client, world, b'{"power_w":1}\nnonsense\n')

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["body.line 1", "body.line 2"]
    assert await parked(world) == []
    assert await world.connection.fetchval("SELECT count(*) FROM import_job") == 0


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "empty"),
        (b"\n\r\n  \n", "no lines"),
        (b'[{"timestamp":"2026-03-09T12:00:00Z"}]', "array"),
        (b"\x00\x01\x02", "neither"),
        (b"time,power_w\n1,2\n", "timestamp"),
        (b"timestamp,power_w,power_w\n1,2,3\n", "twice"),
        (b"timestamp,power_w\n", "no lines"),
    ],
)
async def test_what_is_no_log_is_refused(
    client: httpx.AsyncClient, world: World, body: bytes, message: str
) -> None:
    answer = await sent(client, world, body, **{"Content-Type": "application/octet-stream"})

    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == "body"
    assert message in error["message"]


async def test_a_log_of_a_station_nobody_knows_is_not_found(client: httpx.AsyncClient, world: World) -> None:
    answer = await sent(client, world, log_of(1), "/api/v1/imports?evse_uid=CP-99")

    assert answer.status_code == 404


async def test_a_log_of_a_disabled_station_is_a_conflict(client: httpx.AsyncClient, world: World) -> None:
    await world.connection.execute("UPDATE evse SET is_enabled = false WHERE evse_uid = 'CP-1'")
    answer = await sent(client, world, log_of(1))

    assert answer.status_code == 409
    assert answer.json()["errors"][0]["field"] == "evse_uid"


async def test_a_body_of_another_type_is_refused(client: httpx.AsyncClient, world: World) -> None:
    assert (await sent(client, world, b"x", **{"Content-Type": "image/png"})).status_code == 415
    assert (await sent(client, world, b"x", **{"Content-Encoding": "br"})).status_code == 415


async def test_a_log_larger_than_allowed_is_refused_before_and_while_it_comes(
    make_app: AppMaker, world: World
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield line(0) * 20

    async with running(make_app(import_rules=ImportRules(open_log=LineLog, max_bytes=70_000))) as client:
        known = await sent(client, world, line(0) * 2000)
        unknown = await sent(client, world, pieces())

    assert [known.status_code, unknown.status_code] == [413, 413]
    assert await parked(world) == []


async def test_a_bomb_is_stopped_at_the_limit(make_app: AppMaker, world: World) -> None:
    bomb = gzip.compress(b" " * 200_000_000)
    assert len(bomb) < 200_000
    async with running(make_app(import_rules=ImportRules(open_log=LineLog, max_bytes=1_000_000))) as client:
        answer = await sent(client, world, bomb, **{"Content-Encoding": "gzip"})

    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("packed", "message"),
    [(b"not gzip at all", "not gzip"), (gzip.compress(log_of(5000))[:-9], "too early")],
)
async def test_broken_gzip_is_refused(
    client: httpx.AsyncClient, world: World, packed: bytes, message: str
) -> None:
    answer = await sent(client, world, packed, **{"Content-Encoding": "gzip"})

    assert answer.status_code == 422
    assert message in answer.json()["errors"][0]["message"]


async def test_gzip_of_several_members_is_read_to_its_end(client: httpx.AsyncClient, world: World) -> None:
    packed = b"".join(gzip.compress(line(n) * 1) for n in range(50))
    answer = await sent(client, world, packed, **{"Content-Encoding": "gzip"})

    assert answer.json()["line_count"] == 50


async def test_a_body_that_hardly_comes_is_given_up(serve: Serve, make_app: AppMaker, world: World) -> None:
    rules = ImportRules(open_log=LineLog, patience_s=0.2)
    host, port = (await serve(make_app(import_rules=rules))).split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = [
        f"POST {PATH} HTTP/1.1",
        f"Host: {host}",
        f"Authorization: {world.headers('operator')['Authorization']}",
        "Content-Type: text/csv",
        "Content-Length: 1000",
    ]
    writer.write("\r\n".join([*head, "", "t"]).encode())
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert await parked(world) == []


async def test_a_large_log_goes_over_the_wire(serve: Serve, world: World) -> None:
    """Larger than what other routes take, in chunks."""

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(200):
            yield b"".join(line(number * 100 + n) for n in range(100))

    async with httpx.AsyncClient(base_url=f"http://{await serve()}", timeout=60) as client:
        answer = await sent(client, world, pieces())
        refused = await client.post(PATH, content=b"x" * 1_000_000)  # by nobody: its body is not read

    assert answer.status_code == 201
    assert answer.json()["waiting_count"] == 20_000
    assert refused.status_code == 401


async def test_csv_is_taken_in_like_ndjson(client: httpx.AsyncClient, world: World) -> None:
    body = (
        b"\xef\xbb\xbftimestamp,session_id,power_w,status,note\r\n"
        b'2026-03-09T12:00:00Z,\'-1,7000.5,charging,"a, b"\r\n'
        b"2026-03-09T12:00:01Z,,7e3,,\r\n"
        b"2026-03-09T12:00:02Z,1,seven,,\r\n"
        b"2026-03-09T12:00:03Z,1\r\n"
    )
    made = (await sent(client, world, body, f"{PATH}&connector_id=2", **{"Content-Type": "text/csv"})).json()

    assert [(one["line"], one["reason"], one["field"]) for one in made["rejected_lines"]] == [
        (4, "invalid_field", "power_w"),
        (5, "malformed_csv", None),
    ]
    (message,) = await parked(world)
    assert json.loads(message["payload"]) == [
        {
            "timestamp": "2026-03-09T12:00:00Z",
            "session_id": "-1",
            "power_w": 7000.5,
            "status": "charging",
            "connector_id": 2,
        },
        {"timestamp": "2026-03-09T12:00:01Z", "power_w": 7000.0, "connector_id": 2},
    ]


async def test_an_import_is_in_the_audit_log(client: httpx.AsyncClient, world: World) -> None:
    made = (await sent(client, world, log_of(2), username="admin")).json()
    entry = await world.connection.fetchrow("SELECT * FROM audit_log WHERE action = 'import.create'")

    assert entry is not None
    assert (entry["actor_name"], entry["object_id"]) == ("admin", made["id"])
    assert json.loads(entry["after"])["line_count"] == 2


async def test_the_list_shows_imports_newest_first(client: httpx.AsyncClient, world: World) -> None:
    ids = [(await sent(client, world, log_of(n))).json()["id"] for n in range(1, 4)]
    other = (await sent(client, world, log_of(1), "/api/v1/imports?evse_uid=CP-2")).json()["id"]
    headers = world.headers("operator")

    first = (await client.get("/api/v1/imports?limit=3", headers=headers)).json()
    rest = (
        await client.get(f"/api/v1/imports?limit=3&cursor={first['next_cursor']}", headers=headers)
    ).json()
    of_one = (await client.get("/api/v1/imports?evse_uid=CP-2", headers=headers)).json()
    done = (await client.get("/api/v1/imports?status=completed", headers=headers)).json()

    assert [one["id"] for one in first["items"] + rest["items"]] == [other, *reversed(ids)]
    assert [one["id"] for one in of_one["items"]] == [other]
    assert done["items"] == []


async def test_a_server_without_a_reader_takes_no_imports(make_app: AppMaker, world: World) -> None:
    async with running(make_app(import_rules=ImportRules())) as client:
        assert (await sent(client, world, log_of(1))).status_code == 501


async def test_only_so_many_imports_come_in_at_once(make_app: AppMaker, world: World) -> None:
    app = make_app()
    async with running(app) as client:
        slots = app.state.services.imports
        slots.taken = slots.count
        refused = await sent(client, world, log_of(1))
        slots.taken = 0
        taken = await sent(client, world, log_of(1))

    assert (refused.status_code, taken.status_code) == (429, 201)
    assert slots.taken == 0


async def test_a_clock_ahead_is_refused_as_its_reading_would_come_twice(
    client: httpx.AsyncClient, world: World
) -> None:
    ahead = {"timestamp": (datetime.now(UTC) + timedelta(minutes=6)).isoformat(), "power_w": 1}
    answer = await sent(client, world, json.dumps(ahead).encode())

    assert answer.status_code == 422
    assert "unbelievable_time" in answer.json()["errors"][0]["message"]
