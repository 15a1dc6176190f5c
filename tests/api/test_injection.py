"""Hostile values wherever a request has room for one, as OpenAPI tells: new parameters are in here too."""

from __future__ import annotations

import asyncio
import gzip
from itertools import permutations
from typing import Any, Final
from urllib.parse import quote

import httpx
import pytest

from tests.api.conftest import Serve
from tests.api.openapi import Operation, operations
from tests.api.world import World, session_id

SQL: Final = (
    "id;DROP TABLE evse",
    "' OR 1=1--",
    '" OR ""="',
    "x' UNION SELECT password_hash FROM app_user --",
    "started_at DESC, (SELECT password_hash FROM app_user LIMIT 1)",
    "$1",
    "%s %(x)s",
    "a\x00b",
    "\ud7ff\U0001f50c",
    "'" * 255,
)
NUMBERS: Final = (
    "-1",
    "0",
    "1e9",
    "9223372036854775808",
    "99999999999999999999999",
    "NaN",
    "0x10",
    "1.5",
    "٣",
)
IDS: Final = (
    "{7f0c1c1e-5d3a-4b7e-9d0a-2f6c1b9e8a77}",
    "7f0c1c1e5d3a4b7e9d0a2f6c1b9e8a77",
    "urn:uuid:7f0c1c1e-5d3a-4b7e-9d0a-2f6c1b9e8a77",
    "9223372036854775808",
    "-1",
    "1 OR 1=1",
    "%00",
    "a%00b",
    "%ff%fe",
    "..%2f..%2fetc%2fpasswd",
    "%27%20OR%201=1--",
    "x" * 300,
)
BASE: Final = {"date_from": "2026-03-09T00:00:00Z", "date_to": "2026-03-10T00:00:00Z", "evse_uid": "CP-1"}
"""What some routes cannot do without."""
THERE: Final = {
    "evse_uid": "CP-1",
    "session_id": str(session_id("running")),
    "site_id": "1",
    "tariff_id": "1",
    "user_id": "5",
    "role_name": "user",
}
ALL: Final = operations()
WITH_QUERY: Final = [one for one in ALL if one.method == "GET" and one.named("query")]
WITH_ID: Final = [one for one in ALL if one.named("path")]
WITH_JSON: Final = [
    one for one in ALL if "application/json" in one.described.get("requestBody", {}).get("content", {})
]
LISTS: Final = [one for one in ALL if one.is_list]


def path_of(operation: Operation) -> str:
    """The path about what is there, or about nothing."""
    values = {name: THERE.get(name, str(session_id("absent"))) for name in operation.named("path")}
    return operation.path.format(**values)


def base_of(operation: Operation) -> dict[str, str]:
    """The query without which the route refuses everything."""
    needed = {p["name"] for p in operation.parameters if p["in"] == "query" and p.get("required")}
    return {name: BASE[name] for name in needed}


async def tables(world: World) -> list[Any]:
    """What there is, and how much of it."""
    names = await world.connection.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        " ORDER BY 1"
    )
    kept = ("evse", "charging_session", "app_user", "site", "tariff", "connector")
    counts = [await world.connection.fetchval(f"SELECT count(*) FROM {name}") for name in kept]
    return [*names, *counts]


def check_refusal(answer: httpx.Response, field: str) -> None:
    """422, and it names the field."""
    assert answer.status_code == 422, answer.text
    assert field in {error["field"].partition(".")[0] for error in answer.json()["errors"]}


@pytest.mark.parametrize("operation", WITH_QUERY, ids=str)
async def test_sql_in_a_parameter_is_a_value_and_nothing_else(
    client: httpx.AsyncClient, world: World, operation: Operation
) -> None:
    """It is refused by its name, or finds what the name of nobody finds; and nothing is gone."""
    before = await tables(world)
    headers = world.headers("admin")
    for name in operation.named("query"):
        harmless = await client.get(
            path_of(operation), params={**base_of(operation), name: "nobody"}, headers=headers
        )
        for value in SQL:
            query = {**base_of(operation), name: value}
            answer = await client.get(path_of(operation), params=query, headers=headers)
            if answer.status_code == 404 and operation.named("path"):
                continue
            if answer.status_code == 200:
                assert _found(answer) == _found(harmless), f"{name}={value!r}"
            else:
                check_refusal(answer, name)

    assert await tables(world) == before


def _found(answer: httpx.Response) -> int:
    """How many rows an answer has that are of the database."""
    kind = answer.headers["Content-Type"].partition(";")[0]
    if kind == "application/json":
        body: dict[str, Any] = answer.json()
        return len(body.get("items", ()))
    if kind == "text/csv":
        return max(0, len(answer.text.splitlines()) - 1)
    return 0


@pytest.mark.parametrize("operation", WITH_QUERY, ids=str)
async def test_a_number_out_of_its_range_is_refused_by_its_name(
    client: httpx.AsyncClient, world: World, operation: Operation
) -> None:
    headers = world.headers("admin")
    for parameter in operation.parameters:
        kinds = parameter["schema"].get("anyOf", [parameter["schema"]])
        if parameter["in"] != "query" or not any(kind.get("type") == "integer" for kind in kinds):
            continue
        name = parameter["name"]
        for value in NUMBERS:
            query = {**base_of(operation), name: value}
            answer = await client.get(path_of(operation), params=query, headers=headers)
            may_be = value == "0" and any(kind.get("minimum") == 0 for kind in kinds)
            if answer.status_code == 404 and operation.named("path"):
                continue
            if not may_be:
                check_refusal(answer, name)
            else:
                assert answer.status_code in (200, 422)


@pytest.mark.parametrize("operation", WITH_QUERY, ids=str)
async def test_an_unknown_parameter_is_refused_by_its_name(
    client: httpx.AsyncClient, world: World, operation: Operation
) -> None:
    query = {**base_of(operation), "order_by": "id"}
    answer = await client.get(path_of(operation), params=query, headers=world.headers("admin"))

    if not (answer.status_code == 404 and operation.named("path")):
        check_refusal(answer, "order_by")


@pytest.mark.parametrize("operation", WITH_ID, ids=str)
async def test_a_hostile_id_is_absent_or_refused(
    client: httpx.AsyncClient, world: World, operation: Operation
) -> None:
    before = await tables(world)
    headers = world.headers("admin")
    for name in operation.named("path"):
        for value in IDS:
            values = {other: THERE.get(other, "1") for other in operation.named("path")}
            path = operation.path.format(**{**values, name: value})
            body: dict[str, Any] | None = {} if operation in WITH_JSON else None
            answer = await client.request(operation.method, path, headers=headers, json=body)

            assert answer.status_code in (404, 405, 422), f"{path}: {answer.status_code} {answer.text}"
            assert answer.headers["Content-Type"] == "application/problem+json"

    assert await tables(world) == before


@pytest.mark.parametrize("operation", WITH_JSON, ids=str)
async def test_a_body_of_another_kind_or_too_large_is_refused(
    client: httpx.AsyncClient, world: World, operation: Operation
) -> None:
    path, headers = path_of(operation), world.headers("admin")
    as_json = {**headers, "Content-Type": "application/json"}
    packed = {**as_json, "Content-Encoding": "gzip"}
    for sent, content, statuses in (
        (as_json, b'{"a": "' + b"x" * 70_000 + b'"}', {413}),
        (packed, gzip.compress(b" " * 10_000_000), {415, 422}),  # never unpacked
        (as_json, b"\xef\xbb\xbf{}", {422}),
        (as_json, b'{"a": NaN}', {422}),
        (as_json, b"[" * 50_000, {422}),
        (as_json, b'"text"', {422}),
        ({**headers, "Content-Type": "text/xml"}, b"<a/>", {415, 422}),
        ({**headers, "Content-Type": "multipart/form-data; boundary=x"}, b"--x--", {415, 422}),
    ):
        answer = await client.request(operation.method, path, headers=sent, content=content)

        assert answer.status_code in statuses, f"{content[:20]!r}: {answer.status_code} {answer.text}"
        assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("operation", LISTS, ids=str)
async def test_of_a_parameter_given_twice_the_last_one_counts(
    client: httpx.AsyncClient, world: World, operation: Operation
) -> None:
    path, headers = path_of(operation), world.headers("admin")
    base = list(base_of(operation).items())
    twice = await client.get(path, params=[*base, ("limit", "0"), ("limit", "1")], headers=headers)
    once = await client.get(path, params=[*base, ("limit", "1")], headers=headers)
    refused = await client.get(path, params=[*base, ("limit", "1"), ("limit", "0")], headers=headers)

    assert (twice.status_code, twice.json().get("items")) == (once.status_code, once.json().get("items"))
    if once.status_code == 200:
        check_refusal(refused, "limit")


async def test_a_cursor_is_good_for_its_own_list_only(client: httpx.AsyncClient, world: World) -> None:
    headers = world.headers("admin")
    for number in range(2):
        await world.add_alert(kind="faulted", ended_at=None, session_id=session_id(f"s{number}"))
        await world.add_command()
        await world.add_reading(number)
    cursors: dict[str, str] = {}
    for operation in LISTS:
        query = {**base_of(operation), "limit": "1"}
        answer = await client.get(path_of(operation), params=query, headers=headers)
        if answer.status_code == 200 and answer.json()["next_cursor"] is not None:
            cursors[str(operation)] = answer.json()["next_cursor"]
    by_name = {str(operation): operation for operation in LISTS}

    assert len(cursors) >= 8  # so many lists have a second page here
    for giver, taker in permutations(cursors, 2):
        query = {**base_of(by_name[taker]), "limit": "1", "cursor": cursors[giver]}
        answer = await client.get(path_of(by_name[taker]), params=query, headers=headers)
        check_refusal(answer, "cursor")


@pytest.mark.parametrize("operation", LISTS, ids=str)
async def test_a_forged_cursor_is_refused(
    client: httpx.AsyncClient, world: World, operation: Operation
) -> None:
    for cursor in ("AAAA", "A" * 1024, "A" * 1025, "....", quote("ü"), "eyJpZCI6MX0", "' OR 1=1--"):
        query = {**base_of(operation), "cursor": cursor}
        answer = await client.get(path_of(operation), params=query, headers=world.headers("admin"))
        if answer.status_code == 404 and operation.named("path"):
            continue
        check_refusal(answer, "cursor")


async def raw(address: str, request: bytes) -> bytes:
    """What a server says to these bytes until it closes."""
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(request)
        await writer.drain()
        async with asyncio.timeout(10):
            return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    "name",
    ["Host", "X-Forwarded-Host", "X-Forwarded-For", "Forwarded", "X-Original-URL", "Referer", "Origin"],
)
async def test_nothing_of_a_forged_header_comes_back(serve: Serve, world: World, name: str) -> None:
    address = await serve()
    lines = {
        "Host": address,
        **world.headers("admin"),
        "Connection": "close",
        name: "evil.example",
    }
    head = "".join(f"{key}: {value}\r\n" for key, value in lines.items())
    answer = await raw(address, f"GET /api/v1/evses?limit=1 HTTP/1.1\r\n{head}\r\n".encode())

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"link: " in answer.lower()
    assert b"evil.example" not in answer


@pytest.mark.parametrize(
    "value",
    [b"evil\r\n X-Evil: 1", b"a\tb", b"x" * 5_000, b"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8", b"<script>alert(1)"],
)
async def test_a_request_id_that_is_not_one_is_replaced(serve: Serve, value: bytes) -> None:
    address = await serve()
    answer = await raw(
        address,
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Request-ID: " + value + b"\r\n\r\n",
    )
    head = answer.partition(b"\r\n\r\n")[0].lower()

    assert b"x-evil" not in head
    assert b"<script" not in head
    if answer.startswith(b"HTTP/1.1 200 "):
        [line] = [line for line in head.split(b"\r\n") if line.startswith(b"x-request-id: ")]
        assert len(line) == len(b"x-request-id: ") + 32
    else:
        assert answer.startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: -5\r\n",
        b"Content-Length: 5x\r\n",
    ],
)
async def test_a_request_of_two_lengths_smuggles_nothing(serve: Serve, framing: bytes) -> None:
    """What follows the ambiguous body is never answered as a request of its own."""
    address = await serve()
    request = (
        b"POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n"
        b"0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    )
    answer = await raw(address, request)

    assert b'"alive"' not in answer
    assert b"HTTP/1.1 200" not in answer
