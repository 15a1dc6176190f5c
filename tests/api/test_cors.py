"""Pages of other origins: those that are allowed by name may do what ours may, others nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from tests.api.conftest import AppMaker, running
from tests.api.world import PASSWORD, World

OURS, FOREIGN = "https://dashboard.example.org", "https://evil.example"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@pytest.fixture
async def api(make_app: AppMaker, world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an API at api.example.org whose dashboard is at dashboard.example.org."""
    async with running(make_app(allowed_origins=[OURS], has_public_status=True)) as client:
        client.base_url = "https://api.example.org"
        yield client


def allows(answer: httpx.Response, origin: str) -> bool:
    """Whether a browser would let a page of that origin read the answer to a request with credentials."""
    return (
        answer.headers.get("Access-Control-Allow-Origin") == origin
        and answer.headers.get("Access-Control-Allow-Credentials") == "true"
    )


async def preflight(client: httpx.AsyncClient, origin: str, method: str, headers: str) -> httpx.Response:
    return await client.options(
        "/api/v1/evses",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": headers,
        },
    )


@pytest.mark.parametrize("method", METHODS)
async def test_a_page_that_is_allowed_may_ask_with_what_the_dashboard_sends(
    api: httpx.AsyncClient, method: str
) -> None:
    sent = "authorization,content-type,content-encoding,idempotency-key"
    answer = await preflight(api, OURS, method, sent)

    assert answer.status_code == 200
    assert allows(answer, OURS)
    assert method in answer.headers["Access-Control-Allow-Methods"].split(", ")
    allowed = answer.headers["Access-Control-Allow-Headers"].lower().split(", ")
    assert set(sent.split(",")) <= set(allowed)


@pytest.mark.parametrize(
    ("origin", "method", "headers"),
    [
        (FOREIGN, "GET", "authorization"),
        ("null", "GET", "authorization"),
        (OURS.upper(), "GET", "authorization"),
        (f"{OURS}.evil.example", "GET", "authorization"),
        ("http://dashboard.example.org", "GET", "authorization"),
        (OURS, "TRACE", "authorization"),
        (OURS, "GET", "x-forwarded-for"),
    ],
)
async def test_a_browser_is_told_no_before_it_asks(
    api: httpx.AsyncClient, origin: str, method: str, headers: str
) -> None:
    answer = await preflight(api, origin, method, headers)

    assert answer.status_code == 400
    if origin != OURS:
        assert "Access-Control-Allow-Origin" not in answer.headers


async def test_only_a_page_that_is_allowed_may_read_answers(api: httpx.AsyncClient, world: World) -> None:
    headers = world.headers("admin")
    ours = await api.get("/api/v1/evses", headers={**headers, "Origin": OURS})
    foreign = await api.get("/api/v1/evses", headers={**headers, "Origin": FOREIGN})

    assert allows(ours, OURS)
    assert ours.headers["Access-Control-Expose-Headers"].split(", ") == [
        "Link",
        "Retry-After",
        "X-Request-ID",
        "Content-Disposition",
    ]
    assert "Access-Control-Allow-Origin" not in foreign.headers
    assert "Origin" in ours.headers["Vary"]
    assert "Origin" in foreign.headers["Vary"]


@pytest.mark.parametrize("path", ["/api/v1/public/status", "/api/v1/public/config", "/api/v1/auth/me"])
async def test_answers_without_a_login_and_refusals_can_be_read_too(
    api: httpx.AsyncClient, path: str
) -> None:
    answer = await api.get(path, headers={"Origin": OURS})

    assert answer.status_code in (200, 401)
    assert allows(answer, OURS)
    assert "Origin" in answer.headers["Vary"]


async def test_that_a_body_is_too_large_can_be_read(api: httpx.AsyncClient) -> None:
    answer = await api.post("/api/v1/commands", content=b"x" * 70_000, headers={"Origin": OURS})

    assert answer.status_code == 413
    assert allows(answer, OURS)


async def test_that_something_went_wrong_can_be_read(make_app: AppMaker, world: World) -> None:
    app: FastAPI = make_app(allowed_origins=[OURS])

    @app.get("/boom")
    async def boom() -> None:
        raise RuntimeError("boom")

    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="https://api.example.org") as client:
            ours = await client.get("/boom", headers={"Origin": OURS})
            foreign = await client.get("/boom", headers={"Origin": FOREIGN})

    assert (ours.status_code, foreign.status_code) == (500, 500)
    assert allows(ours, OURS)
    assert "Access-Control-Allow-Origin" not in foreign.headers


async def test_a_login_from_a_page_that_is_allowed_lasts_by_the_cookie(
    api: httpx.AsyncClient, world: World
) -> None:
    """A browser sends the SameSite=Strict cookie: dashboard.example.org and api.example.org are one site."""
    form = {"username": "operator", "password": PASSWORD, "cookie": "true"}
    login = await api.post("/api/v1/auth/login", data=form, headers={"Origin": OURS})
    foreign = await api.post("/api/v1/auth/refresh", headers={"Origin": FOREIGN})
    refreshed = await api.post("/api/v1/auth/refresh", headers={"Origin": OURS})

    assert login.status_code == 200
    assert allows(login, OURS)
    assert {"samesite=strict", "httponly", "secure"} <= set(login.headers["Set-Cookie"].lower().split("; "))
    assert "domain" not in login.headers["Set-Cookie"].lower()
    assert foreign.status_code == 403
    assert refreshed.status_code == 200
    assert allows(refreshed, OURS)


@pytest.mark.parametrize("origins", [["*"], [OURS, "*"], ["https://*.example.org"]])
def test_a_wildcard_is_refused_at_the_start(make_app: AppMaker, origins: list[str]) -> None:
    with pytest.raises(ValueError, match="never by a wildcard"):
        make_app(allowed_origins=origins)


async def test_by_default_cors_is_closed(client: httpx.AsyncClient, world: World) -> None:
    headers = {"Origin": FOREIGN, "Access-Control-Request-Method": "GET"}
    asked = await client.options("/api/v1/evses", headers=headers)
    answer = await client.get("/api/v1/evses", headers={**world.headers("admin"), "Origin": FOREIGN})

    assert answer.status_code == 200
    for one in (asked, answer):
        assert not [name for name in one.headers if name.lower().startswith("access-control")]
