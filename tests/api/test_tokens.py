"""Access tokens: only those we made, that still hold, and for a user who is still active."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx
import jwt
import pytest

from solarrally.api.tokens import AccessTokens
from tests.api.conftest import AppMaker, running
from tests.api.world import JWT_SECRET, World, login_id


def claims(**changes: Any) -> dict[str, Any]:
    """Good claims of the admin (the first user), changed; None leaves one out."""
    now_s = int(time.time())
    good = {
        "iss": "solarrally",
        "aud": "solarrally-api",
        "sub": "1",
        "sid": str(login_id("admin")),
        "typ": "access",
        "jti": "j",
        "iat": now_s,
        "exp": now_s + 600,
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def signed(algorithm: str = "HS256", secret: str = JWT_SECRET, **changes: Any) -> str:
    """A token with these claims, also those that PyJWT would refuse to make."""
    return jwt.PyJWS().encode(json.dumps(claims(**changes)).encode(), secret, algorithm=algorithm)


def headed(secret: str = JWT_SECRET, payload: bytes | None = None, **header: Any) -> str:
    """A token with good claims and this header, signed with HMAC-SHA256 whatever the header says."""
    told = json.dumps({"alg": "HS256", "typ": "JWT", **header}).encode()
    body = json.dumps(claims()).encode() if payload is None else payload
    parts = [base64.urlsafe_b64encode(part).rstrip(b"=") for part in (told, body)]
    mac = hmac.new(secret.encode(), b".".join(parts), hashlib.sha256).digest()
    return b".".join([*parts, base64.urlsafe_b64encode(mac).rstrip(b"=")]).decode()


def unsigned() -> str:
    parts = [{"alg": "none", "typ": "JWT"}, claims()]
    return (
        ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
        + "."
    )


async def status_with(client: httpx.AsyncClient, token: str) -> int:
    answer = await client.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {token}"})
    return answer.status_code


def without(name: str) -> str:
    return jwt.encode(claims(**{name: None}), JWT_SECRET, algorithm="HS256")


BAD_TOKENS: dict[str, Callable[[], str]] = {
    "algorithm none": unsigned,
    "algorithm none with our signature": lambda: signed().replace(
        signed().split(".")[0], unsigned().split(".")[0]
    ),
    "another algorithm": lambda: signed("HS512"),
    "HS256 said to be RS256": lambda: headed(alg="RS256"),
    "HS256 said to be hs256": lambda: headed(alg="hs256"),
    "a key of its own in the header": lambda: headed("mine", jwk={"kty": "oct", "k": "bWluZQ"}),
    "a key named by its file": lambda: headed("", kid="../../../../dev/null"),
    "a key named by its address": lambda: headed("mine", jku="https://evil.example/keys", kid="1"),
    "a critical extension": lambda: headed(crit=["exp"]),
    "claims that are no object": lambda: headed(payload=b"[]"),
    "another key": lambda: signed(secret="another secret of at least 32 characters"),
    "an empty signature": lambda: signed().rpartition(".")[0] + ".",
    "another audience": lambda: signed(aud="someone-else"),
    "another issuer": lambda: signed(iss="someone-else"),
    "another type": lambda: signed(typ="refresh"),
    "expired": lambda: signed(iat=int(time.time()) - 700, exp=int(time.time()) - 100),
    "from the future": lambda: signed(iat=int(time.time()) + 100, exp=int(time.time()) + 700),
    "too long a life": lambda: signed(exp=int(time.time()) + 10**6),
    "endless life": lambda: signed(exp=10**400),
    "a number as subject": lambda: signed(sub=1),
    "no number as subject": lambda: signed(sub="admin"),
    "a subject beyond int": lambda: signed(sub="9" * 30),
    "a subject in other digits": lambda: signed(sub="\u0661"),
    "another user's login": lambda: signed(sid=str(login_id("guest"))),
    "an unknown login": lambda: signed(sid=str(login_id("nobody"))),
    "a login that is no UUID": lambda: signed(sid="admin"),
    "a number as login": lambda: signed(sid=1),
    "an unknown user": lambda: signed(sub="999999"),
    "garbage": lambda: "garbage",
    "a megabyte": lambda: "x" * 2**20,
    **{f"no {name}": partial(without, name) for name in claims()},
}


async def test_our_own_signature_is_recognized(client: httpx.AsyncClient, world: World) -> None:
    assert await status_with(client, headed()) == 200


@pytest.mark.parametrize("kind", BAD_TOKENS)
async def test_a_token_that_is_not_ours_or_no_longer_holds_is_refused(
    client: httpx.AsyncClient, world: World, kind: str
) -> None:
    assert await status_with(client, signed()) == 200
    assert await status_with(client, BAD_TOKENS[kind]()) == 401


async def test_a_disabled_user_is_refused_with_a_token_that_holds(
    client: httpx.AsyncClient, world: World
) -> None:
    token = world.token("operator")
    assert await status_with(client, token) == 200
    await world.connection.execute("UPDATE app_user SET is_active = false WHERE username = 'operator'")

    assert await status_with(client, token) == 401


async def test_a_changed_role_counts_and_not_the_one_at_login(
    client: httpx.AsyncClient, world: World
) -> None:
    headers = world.headers("admin")
    assert (await client.get("/api/v1/users", headers=headers)).status_code == 200
    await world.connection.execute("UPDATE app_user SET role = 'guest' WHERE username = 'admin'")

    assert (await client.get("/api/v1/users", headers=headers)).status_code == 403


async def test_an_account_is_not_read_again_for_every_request(make_app: AppMaker, world: World) -> None:
    app = make_app(account_cache_s=15.0)
    async with running(app) as client:
        assert await status_with(client, world.token("admin")) == 200
        await world.connection.execute("UPDATE app_user SET is_active = false")
        assert await status_with(client, world.token("admin")) == 200
        app.state.services.accounts._ttl_s = 0.0
        assert await status_with(client, world.token("admin")) == 401


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "bearer x y", "Token abc"])
async def test_other_authorization_is_refused(client: httpx.AsyncClient, world: World, header: str) -> None:
    answer = await client.get("/api/v1/auth/me", headers={"Authorization": header})

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="32 characters"):
        AccessTokens("short", 900)


def test_two_tokens_of_the_same_second_differ() -> None:
    tokens, now = AccessTokens(JWT_SECRET, 900), datetime.now(UTC)

    one, another = (tokens.issue(1, login_id("admin"), now) for _ in range(2))

    assert one != another
    assert tokens.identify(one).user_id == 1
    assert tokens.identify(one).login_id == login_id("admin")
