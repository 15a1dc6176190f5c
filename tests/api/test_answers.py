"""What all answers have in common: headers, problem documents, OpenAPI; and answers without a database."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from solarrally.wiring import build_store
from tests.api.conftest import AppMaker
from tests.api.world import World
from tests.builders import make_settings


@pytest.mark.parametrize(
    "path", ["/healthz", "/api/v1/evses", "/api/v1/auth/me?x", "/api/v1/nothing", "/api/v1/docs"]
)
@pytest.mark.parametrize("username", [None, "admin"])
async def test_security_headers_are_on_every_answer(
    client: httpx.AsyncClient, world: World, path: str, username: str | None
) -> None:
    answer = await client.get(path, headers={} if username is None else world.headers(username))

    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self';")
    assert "frame-ancestors 'none'" in policy
    assert ("unsafe-inline" in policy) == (path == "/api/v1/docs" and username == "admin")
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in answer.headers["Permissions-Policy"]


async def test_an_unexpected_error_is_a_problem_document_with_headers(
    make_app: AppMaker, world: World
) -> None:
    app: FastAPI = make_app()

    @app.get("/boom")
    async def boom() -> None:
        raise RuntimeError("the secret is 42")

    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
            answer = await client.get("/boom")

    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "42" not in answer.text


async def test_ready_is_database_and_feed_and_the_ingestor_is_told(
    client: httpx.AsyncClient, world: World, database_url: str
) -> None:
    alone = await client.get("/readyz")
    store = build_store(make_settings(database_url=database_url), must_lead=True)
    try:
        await store.lead()
        led = await client.get("/readyz")
    finally:
        await store.close()

    ready = {"is_ready": True, "database": "ok", "feed": "ok"}
    assert (alone.status_code, alone.json()) == (200, {**ready, "ingestor": "absent"})
    assert (led.status_code, led.json()) == (200, {**ready, "ingestor": "at work"})


@pytest.mark.parametrize("port", [1, 0])
async def test_without_a_database_it_lives_and_says_so(make_app: AppMaker, world: World, port: int) -> None:
    app = make_app(f"postgresql://nobody:nothing@127.0.0.1:{port or 1}/none")
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
            alive = await client.get("/healthz")
            ready = await client.get("/readyz")
            evses = await client.get("/api/v1/evses", headers=world.headers("admin"))

    assert alive.status_code == 200
    assert (ready.status_code, ready.json()) == (
        503,
        {"is_ready": False, "database": "unavailable", "feed": "lost", "ingestor": "unknown"},
    )
    assert evses.status_code == 503
    assert evses.headers["Retry-After"] == "2"
    assert evses.json()["detail"] == "The database cannot be reached at the moment."


async def test_terminated_connections_cost_nobody_a_request(client: httpx.AsyncClient, world: World) -> None:
    headers = world.headers("admin")
    assert (await client.get("/api/v1/evses", headers=headers)).status_code == 200
    await world.connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'solarrally-api'"
    )

    assert (await client.get("/api/v1/evses", headers=headers)).status_code == 200


async def openapi(client: httpx.AsyncClient, world: World) -> dict[str, Any]:
    document: dict[str, Any] = (
        await client.get("/api/v1/openapi.json", headers=world.headers("admin"))
    ).json()
    return document


OPEN_PATHS = {
    "/healthz",
    "/readyz",
    "/api/v1/public/status",
    "/api/v1/public/config",
    "/api/v1/auth/login",
    "/api/v1/auth/refresh",
    "/api/v1/auth/password-reset",
    "/api/v1/auth/password-reset/confirm",
    "/api/v1/auth/register",
    "/api/v1/auth/invitations/accept",
}
"""Of routes that need no access token: they take another proof, or none."""


async def test_every_operation_is_described(client: httpx.AsyncClient, world: World) -> None:
    document = await openapi(client, world)
    schemas = document["components"]["schemas"]
    operation_ids = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            name = f"{method} {path}"
            operation_ids.append(operation["operationId"])
            assert operation["tags"], name
            assert operation["description"], name
            good = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
            if "application/json" in good.get("content", {}):
                shape = good["content"]["application/json"]["schema"]
                for one in shape.get("anyOf", [shape]):
                    assert schemas[one["$ref"].rpartition("/")[2]]["examples"], name
            is_open = path in OPEN_PATHS
            assert ("security" in operation) is not is_open, name
            for status, answer in operation["responses"].items():
                if status[0] in "45" and path != "/readyz":
                    assert list(answer["content"]) == ["application/problem+json"], (name, status)
    assert len(operation_ids) == len(set(operation_ids))


async def test_examples_are_answers_that_could_be_given(client: httpx.AsyncClient, world: World) -> None:
    """The keys of the example of a session are those of a real one."""
    schemas = (await openapi(client, world))["components"]["schemas"]
    for name, path in {
        "SessionPage": "sessions",
        "EvsePage": "evses",
        "UserPage": "users",
        "EvseStatusPage": "evse-status",
        "Me": "auth/me",
    }.items():
        real = (await client.get(f"/api/v1/{path}", headers=world.headers("admin"))).json()
        example = schemas[name]["examples"][0]
        assert _keys(example) == _keys(real), name


def _keys(value: Any) -> Any:
    """The keys of objects, and of the first of each list, all the way down."""
    if isinstance(value, dict):
        return {key: _keys(inner) for key, inner in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [_keys(value[0])]
    return None
