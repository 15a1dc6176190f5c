"""Bad input is ordinary: it is refused by the field's name, and nothing answers 500."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from solarrally.api.bodies import BoundedBodies
from tests.api.world import T0, World, session_id

BIG = str(2**63)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("evses?limit=0", "limit"),
        ("evses?limit=-1", "limit"),
        ("evses?limit=501", "limit"),
        (f"evses?limit={BIG}", "limit"),
        (f"evses?limit={'9' * 5000}", "limit"),
        ("evses?limit=ten", "limit"),
        ("evses?limit=", "limit"),
        ("evses?site_id=0", "site_id"),
        (f"evses?site_id={BIG}", "site_id"),
        ("evses?site_id=1;drop%20table", "site_id"),
        ("evses?status=on%20fire", "status"),
        ("evses?is_online=perhaps", "is_online"),
        ("evses?sort=power_w", "sort"),
        ("evses?Limit=5", "Limit"),
        ("evses/CP-1?x=", "x"),
        ("evses/CP%00-1", "evse_uid"),
        (f"evses/{'x' * 256}", "evse_uid"),
        ("sessions?evse_uid=%00", "evse_uid"),
        ("sessions?evse_uid=", "evse_uid"),
        (f"sessions?id_token={'x' * 256}", "id_token"),
        ("sessions?device_session_id=a%00b", "device_session_id"),
        ("sessions?connector_id=-1", "connector_id"),
        ("sessions?connector_id=32768", "connector_id"),
        (f"sessions?connector_id=-{BIG}", "connector_id"),
        ("sessions?status=active", "status.0"),
        ("sessions?date_from=2026-03-09", "date_from"),
        ("sessions?date_from=2026-03-09T12:00:00", "date_from"),
        ("sessions?date_from=2026-03-09T12:00:00+00:00", "date_from"),  # an unescaped + is a space
        ("sessions?date_from=2026-02-30T12:00:00Z", "date_from"),
        ("sessions?date_from=2026-03-09T12:00:60Z", "date_from"),
        ("sessions?date_from=1773057600", "date_from"),
        ("sessions?date_to=0001-01-01T00:00:00%2B14:00", "date_to"),
        ("sessions?date_to=9999-12-31T23:59:59-14:00", "date_to"),
        ("sessions?date_to=now", "date_to"),
        ("sessions/1", "session_id"),
        ("sessions/%7B7f0c1c1e-5d3a-4b7e-9d0a-2f6c1b9e8a77%7D", "session_id"),
        ("sessions/7f0c1c1e5d3a4b7e9d0a2f6c1b9e8a77", "session_id"),
        ("sessions/%00/readings", "session_id"),
        ("sessions/x/bills", "session_id"),
        (f"sessions/{session_id('running')}/readings?limit=501", "limit"),
        (f"sessions/{session_id('running')}/bills?limit=1", "limit"),
        ("users?role=Admin", "role"),
        ("rejected-messages?reason=%00", "reason"),
        ("rejected-messages?cursor=x", "cursor"),
        ("evse-status?cursor=%00", "cursor"),
        ("sessions?cursor=%F0%9F%94%8C", "cursor"),
        (f"sessions?cursor={'A' * 1025}", "cursor"),
        ("sessions?cursor=AAAAAAAAAAAAAAAAAAAAAAAAAAAA", "cursor"),
        ("auth/me?verbose=1", "verbose"),
    ],
)
async def test_a_bad_parameter_is_refused_by_its_name(
    client: httpx.AsyncClient, world: World, path: str, field: str
) -> None:
    answer = await client.get(f"/api/v1/{path}", headers=world.headers("admin"))

    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["title"]) == (422, "Unprocessable Entity")
    assert [error["field"] for error in problem["errors"]] == [field]
    assert all(error["message"] for error in problem["errors"])


async def test_all_wrong_parameters_are_named_at_once(client: httpx.AsyncClient, world: World) -> None:
    answer = await client.get("/api/v1/evses?limit=x&site_id=y&z=1", headers=world.headers("admin"))

    assert {error["field"] for error in answer.json()["errors"]} == {"limit", "site_id", "z"}


async def test_a_cursor_is_bound_to_its_list_and_filters(client: httpx.AsyncClient, world: World) -> None:
    headers = world.headers("admin")
    cursor = (await client.get("/api/v1/evses?limit=1&site_id=1", headers=headers)).json()["next_cursor"]

    async def status(query: str) -> int:
        return (await client.get(f"/api/v1/{query}", headers=headers)).status_code

    assert await status(f"evses?limit=2&site_id=1&cursor={cursor}") == 200
    assert await status(f"evses?limit=1&site_id=2&cursor={cursor}") == 422
    assert await status(f"evses?limit=1&cursor={cursor}") == 422
    assert await status(f"evse-status?limit=1&site_id=1&cursor={cursor}") == 422
    flipped = cursor[:5] + ("A" if cursor[5] != "A" else "B") + cursor[6:]
    assert await status(f"evses?limit=1&site_id=1&cursor={flipped}") == 422


NEW_USER = {"username": "new", "password": "long enough", "role": "guest"}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"", ["body"]),
        (b"{", ["body"]),
        (b"null", ["body"]),
        (b"[]", ["body"]),
        (b'"text"', ["body"]),
        ({}, ["password", "role", "username"]),
        ({**NEW_USER, "username": "Admin"}, ["username"]),
        ({**NEW_USER, "username": "аdmin"}, ["username"]),  # a Cyrillic a
        ({**NEW_USER, "username": "new\n"}, ["username"]),
        ({**NEW_USER, "username": "x" * 65}, ["username"]),
        ({**NEW_USER, "username": 7}, ["username"]),
        ({**NEW_USER, "password": "short"}, ["password"]),
        ({**NEW_USER, "password": "x" * 129}, ["password"]),
        ({**NEW_USER, "role": "root"}, ["role"]),
        ({**NEW_USER, "role": ["admin"]}, ["role"]),
        ({**NEW_USER, "id_token": ""}, ["id_token"]),
        ({**NEW_USER, "id_token": "a\0b"}, ["id_token"]),
        ({**NEW_USER, "id_token": "x" * 256}, ["id_token"]),
        ({**NEW_USER, "is_active": False}, ["is_active"]),
        (b'{"username":"\\ud800","password":"long enough","role":"guest"}', ["username"]),
        (b'{"username":"new","password":"\\ud800long enough","role":"guest"}', ["password"]),
    ],
)
async def test_a_bad_body_is_refused_by_its_fields(
    client: httpx.AsyncClient, world: World, body: Any, fields: list[str]
) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {**world.headers("admin"), "Content-Type": "application/json"}
    answer = await client.post("/api/v1/users", headers=headers, content=content)

    assert answer.status_code == 422, answer.text
    assert sorted(error["field"] for error in answer.json()["errors"]) == fields


@pytest.mark.parametrize(
    "content",
    [b"[" * 60_000, b'{"username":' + b"9" * 5_000 + b"}", b"\xff\xfe", b"\x1f\x8b\x08\x00", b"{}" * 2],
)
async def test_a_body_that_is_no_json_is_refused(
    client: httpx.AsyncClient, world: World, content: bytes
) -> None:
    headers = {**world.headers("admin"), "Content-Type": "application/json"}
    answer = await client.post("/api/v1/users", headers=headers, content=content)

    assert answer.status_code in (400, 422)
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_a_body_too_large_is_refused_with_and_without_a_length(
    client: httpx.AsyncClient, world: World
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 1_000

    for content in (b"x" * 65_537, chunks()):
        answer = await client.post("/api/v1/users", headers=world.headers("admin"), content=content)
        assert answer.status_code == 413
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_body_that_never_comes_is_not_waited_for() -> None:
    sent: list[Message] = []

    async def application(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise AssertionError("must not be reached")

    async def receive() -> Message:
        await asyncio.sleep(60)
        raise AssertionError("must not be reached")

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"content-length", b"5")]}
    await BoundedBodies(application, timeout_s=0.01)(scope, receive, send)

    assert sent[0]["status"] == 408


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/", 404),
        ("GET", "/docs", 404),
        ("GET", "/openapi.json", 404),
        ("GET", "/api/v1/evses/", 404),
        ("GET", "/api/v1/evses/..%2f..%2fetc", 404),
        ("DELETE", "/api/v1/sessions", 405),
        ("GET", "/api/v1/auth/login", 405),
        ("TRACE", "/api/v1/evses", 405),
    ],
)
async def test_what_is_not_there_is_a_problem_document_too(
    client: httpx.AsyncClient, world: World, method: str, path: str, status: int
) -> None:
    answer = await client.request(method, path, headers=world.headers("admin"))

    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status


async def test_every_time_that_is_allowed_works(client: httpx.AsyncClient, world: World) -> None:
    for instant in (
        "1970-01-01T00:00:00%2B14:00",
        "2199-12-31T23:59:59.999999999-14:00",
        "2026-03-09t12:00:00z",
    ):
        answer = await client.get(f"/api/v1/sessions?date_from={instant}", headers=world.headers("admin"))
        assert answer.status_code == 200, answer.text


async def test_every_sort_of_text_is_searched_for_without_harm(
    client: httpx.AsyncClient, world: World
) -> None:
    await world.add_session("'; DROP TABLE bill; --", started_at=T0)
    for text in ("'; DROP TABLE bill; --", "%", "_", "\\", "' OR 1=1 --", "$1", ":x", "\u202e", "\U0001f50c"):
        answer = await client.get(
            "/api/v1/sessions", params={"device_session_id": text}, headers=world.headers("admin")
        )
        assert answer.status_code == 200
        assert len(answer.json()["items"]) == (1 if text.startswith("'; DROP") else 0)
