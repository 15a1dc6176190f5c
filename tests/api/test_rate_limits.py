"""How often somebody may ask, and whose address counts."""

from __future__ import annotations

import httpx
import pytest
from starlette.requests import HTTPConnection
from starlette.types import Message, Receive, Scope, Send

from solarrally.api.client_address import TrustedProxies, address_to_limit, client_address
from solarrally.api.errors import ApiProblem
from solarrally.api.rate_limits import MAX_KEYS, RateLimit
from tests.api.conftest import AppMaker, running
from tests.api.world import World

ME = "/api/v1/auth/me"


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_burst_is_allowed_and_then_a_steady_rate() -> None:
    clock = Clock()
    limit = RateLimit(2.0, 3, clock=clock)

    assert [limit.wait_s("key") for _ in range(5)] == [0, 0, 0, 0.5, 0.5]
    clock.now_s += 0.5
    assert [limit.wait_s("key") for _ in range(2)] == [0, 0.5]


def test_who_waits_long_gets_the_burst_again_and_not_more() -> None:
    clock = Clock()
    limit = RateLimit(2.0, 3, clock=clock)
    for _ in range(3):
        limit.wait_s("key")
    clock.now_s += 3600

    assert [limit.wait_s("key") for _ in range(4)] == [0, 0, 0, 0.5]


def test_one_key_does_not_use_up_what_is_anothers() -> None:
    limit = RateLimit(1.0, 1, clock=Clock())

    assert (limit.wait_s("one"), limit.wait_s("other"), limit.wait_s("one")) == (0, 0, 1)


def test_the_memory_of_a_limit_is_bounded_and_keeps_those_who_ask_most() -> None:
    limit = RateLimit(0.001, 1, clock=Clock())
    limit.wait_s("busy")
    for number in range(MAX_KEYS * 2):
        limit.wait_s(number)
        if number % 100 == 0:
            limit.wait_s("busy")

    assert len(limit._buckets) == MAX_KEYS
    assert limit.wait_s("busy") > 0


def test_a_refusal_says_how_many_whole_seconds_to_wait() -> None:
    limit = RateLimit(0.3, 1, clock=Clock())
    limit.take("key")
    with pytest.raises(ApiProblem) as refusal:
        limit.take("key")

    assert refusal.value.status == 429
    assert refusal.value.headers["Retry-After"] == "4"


async def test_a_caller_who_is_too_fast_is_told_when_to_come_back_and_others_are_not(
    make_app: AppMaker, world: World
) -> None:
    async with running(make_app(caller_rate_limit_hz=0.1, caller_rate_burst=3)) as client:
        answers = [await client.get(ME, headers=world.headers("guest")) for _ in range(4)]
        others = await client.get(ME, headers=world.headers("operator"))

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 1 <= int(answers[3].headers["Retry-After"]) <= 10
    assert answers[3].headers["Content-Type"] == "application/problem+json"
    assert others.status_code == 200


async def test_being_too_fast_is_no_refused_access(make_app: AppMaker, world: World) -> None:
    async with running(make_app(caller_rate_limit_hz=0.1, caller_rate_burst=1)) as client:
        for _ in range(3):
            await client.get(ME, headers=world.headers("guest"))

    assert await world.connection.fetchval("SELECT count(*) FROM audit_log") == 0


async def test_every_route_with_a_caller_documents_that_it_may_be_too_fast(
    client: httpx.AsyncClient, world: World
) -> None:
    paths = (await client.get("/api/v1/openapi.json", headers=world.headers("admin"))).json()["paths"]
    silent = [
        f"{method} {path}"
        for path, routes in paths.items()
        for method, route in routes.items()
        if route.get("security") and "429" not in route["responses"]
    ]

    assert silent == []
    answer = paths["/api/v1/users"]["get"]["responses"]["429"]
    assert "Retry-After" in answer["headers"]


async def seen(
    peer: str | None, networks: tuple[str, ...], *headers: tuple[str, str]
) -> tuple[str, str, str]:
    """Address, limited address and scheme of a request as the application sees it."""
    found: list[tuple[str, str, str]] = []

    async def application(scope: Scope, _receive: Receive, _send: Send) -> None:
        connection = HTTPConnection(scope)
        found.append((client_address(connection), address_to_limit(connection), scope["scheme"]))

    async def nothing() -> Message:
        return {"type": "http.disconnect"}

    async def nowhere(_message: Message) -> None:
        return None

    scope: Scope = {
        "type": "http",
        "scheme": "http",
        "path": "/",
        "client": None if peer is None else (peer, 4711),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
    }
    await TrustedProxies(application, networks=networks)(scope, nothing, nowhere)
    return found[0]


FORWARDED = "X-Forwarded-For"


@pytest.mark.parametrize(
    ("peer", "networks", "headers", "address"),
    [
        ("192.0.2.1", (), [], "192.0.2.1"),
        ("192.0.2.1", (), [(FORWARDED, "203.0.113.9")], "192.0.2.1"),
        ("192.0.2.1", ("10.0.0.0/8",), [(FORWARDED, "203.0.113.9")], "192.0.2.1"),
        ("10.0.0.1", ("10.0.0.0/8",), [(FORWARDED, "203.0.113.9")], "203.0.113.9"),
        ("10.0.0.1", ("10.0.0.0/8",), [(FORWARDED, "1.1.1.1, 203.0.113.9")], "203.0.113.9"),
        ("10.0.0.1", ("10.0.0.0/8",), [(FORWARDED, "1.1.1.1, 203.0.113.9, 10.0.0.2")], "203.0.113.9"),
        ("10.0.0.1", ("10.0.0.0/8",), [(FORWARDED, "1.1.1.1"), (FORWARDED, "203.0.113.9")], "203.0.113.9"),
        ("10.0.0.1", ("10.0.0.0/8",), [(FORWARDED, "203.0.113.9, nonsense")], "10.0.0.1"),
        ("10.0.0.1", ("10.0.0.0/8",), [(FORWARDED, "fe80::1%<script>")], "10.0.0.1"),
        ("10.0.0.1", ("10.0.0.0/8",), [(FORWARDED, "")], "10.0.0.1"),
        ("10.0.0.1", ("10.0.0.0/8",), [], "10.0.0.1"),
        ("::ffff:10.0.0.1", ("10.0.0.0/8",), [(FORWARDED, "203.0.113.9")], "203.0.113.9"),
        (None, ("10.0.0.0/8",), [(FORWARDED, "203.0.113.9")], "unknown"),
    ],
)
async def test_only_our_own_proxies_are_believed_and_only_about_the_last_stranger(
    peer: str | None, networks: tuple[str, ...], headers: list[tuple[str, str]], address: str
) -> None:
    assert (await seen(peer, networks, *headers))[0] == address


@pytest.mark.parametrize(("peer", "scheme"), [("10.0.0.1", "https"), ("192.0.2.1", "http")])
async def test_only_our_own_proxies_say_that_tls_ended_there(peer: str, scheme: str) -> None:
    assert (await seen(peer, ("10.0.0.0/8",), ("X-Forwarded-Proto", "https")))[2] == scheme


async def test_an_ipv6_customer_is_limited_as_one_whatever_address_is_picked() -> None:
    one = await seen("2001:db8:1:2:aaaa::1", ())
    other = await seen("2001:db8:1:2:bbbb::9", ())

    assert one[0] != other[0]
    assert one[1] == other[1] == "2001:db8:1:2::/64"
    assert (await seen("192.0.2.1", ()))[1] == "192.0.2.1"


async def test_a_forged_address_does_not_get_around_the_brake_on_guessing(
    make_app: AppMaker, world: World
) -> None:
    wrong = {"username": "operator", "password": "wrong"}
    async with running(make_app()) as client:
        statuses = [
            (
                await client.post("/api/v1/auth/login", data=wrong, headers={FORWARDED: f"203.0.113.{n}"})
            ).status_code
            for n in range(7)
        ]

    assert statuses == [401] * 5 + [429] * 2


async def test_behind_our_proxy_one_guesser_does_not_slow_down_another_client(
    make_app: AppMaker, world: World
) -> None:
    wrong = {"username": "operator", "password": "wrong"}
    async with running(make_app(trusted_proxies=["127.0.0.1/32"])) as client:
        for _ in range(6):
            await client.post("/api/v1/auth/login", data=wrong, headers={FORWARDED: "203.0.113.1"})
        guesser = await client.post("/api/v1/auth/login", data=wrong, headers={FORWARDED: "203.0.113.1"})
        other = await client.post("/api/v1/auth/login", data=wrong, headers={FORWARDED: "203.0.113.2"})

    assert (guesser.status_code, other.status_code) == (429, 401)
