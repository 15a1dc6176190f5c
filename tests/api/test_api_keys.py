"""API keys: what they open, what they do not, and how they end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from solarrally.storage.secret_text import hash_of
from tests.api.conftest import AppMaker, running
from tests.api.logging_in import bearer
from tests.api.world import World

KEYS = "/api/v1/api-keys"
EVSES = "/api/v1/evses"


def in_days(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


async def make_key(
    client: httpx.AsyncClient, world: World, by: str = "admin", /, **changes: Any
) -> httpx.Response:
    body = {"name": "Grafana", "scopes": ["evse:read"], "expires_at": in_days(30), **changes}
    return await client.post(KEYS, headers=world.headers(by), json=body)


async def new_key(client: httpx.AsyncClient, world: World, by: str = "admin", **changes: Any) -> str:
    """The secret of a new key."""
    answer = await make_key(client, world, by, **changes)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["secret"])


async def status(client: httpx.AsyncClient, key: str, path: str = EVSES) -> int:
    return (await client.get(path, headers=bearer(key))).status_code


async def test_a_key_opens_what_it_is_scoped_for_and_nothing_else(
    client: httpx.AsyncClient, world: World
) -> None:
    key = await new_key(client, world)

    assert await status(client, key) == 200
    assert await status(client, key, "/api/v1/sessions") == 403
    assert await status(client, key, "/api/v1/users") == 403


async def test_a_key_may_no_more_than_its_owner(client: httpx.AsyncClient, world: World) -> None:
    key = await new_key(client, world, "operator")
    assert await status(client, key) == 200
    await world.connection.execute("UPDATE app_user SET role = 'guest' WHERE username = 'operator'")

    assert await status(client, key) == 403


async def test_a_drivers_key_sees_only_own_sessions(client: httpx.AsyncClient, world: World) -> None:
    key = await new_key(client, world, "user", scopes=["session:read_own"])
    page = (await client.get("/api/v1/sessions", headers=bearer(key))).json()

    assert {session["id_token"] for session in page["items"]} == {"token-of-dora"}


async def test_the_secret_is_shown_once_and_stored_as_its_hash(
    client: httpx.AsyncClient, world: World
) -> None:
    made = (await make_key(client, world)).json()
    secret, key = made["secret"], made["api_key"]
    listed = await client.get(KEYS, headers=world.headers("admin"))
    one = await client.get(f"{KEYS}/{key['id']}", headers=world.headers("admin"))
    rows = await world.connection.fetch("SELECT api_key::text AS row FROM api_key")
    entries = await world.connection.fetch("SELECT audit_log::text AS row FROM audit_log")

    assert secret.startswith(f"{key['prefix']}_")
    assert len(secret) == len("srk_") + 8 + 1 + 43
    for text in (listed.text, one.text, *(row["row"] for row in (*rows, *entries))):
        assert secret not in text
        assert secret.rpartition("_")[2] not in text
    assert listed.json()["items"] == [one.json()] == [key]


@pytest.mark.parametrize(
    "change",
    ["revoked_at = now()", "expires_at = now() - interval '1 s'", "key_hash = sha256('another')"],
)
async def test_a_key_that_holds_no_longer_is_refused(
    client: httpx.AsyncClient, world: World, change: str
) -> None:
    key = await new_key(client, world)
    assert await status(client, key) == 200
    await world.connection.execute(f"UPDATE api_key SET {change}")

    assert await status(client, key) == 401


async def test_the_key_of_a_disabled_user_is_refused(client: httpx.AsyncClient, world: World) -> None:
    key = await new_key(client, world, "operator")
    await world.connection.execute("UPDATE app_user SET is_active = false WHERE username = 'operator'")

    assert await status(client, key) == 401


async def test_a_key_ends_on_time_also_while_it_is_remembered(make_app: AppMaker, world: World) -> None:
    app = make_app(account_cache_s=3_600.0)
    async with running(app) as client:
        key = await new_key(client, world)
        assert await status(client, key) == 200
        remembered = app.state.services.accounts._cached
        read_at_s, standing = remembered[hash_of(key)]
        remembered[hash_of(key)] = (read_at_s, replace(standing, expires_at=datetime.now(UTC)))

        assert await status(client, key) == 401


@pytest.mark.parametrize(
    "key",
    [
        "srk_",
        "srk_Zk81mQpA",
        "srk_Zk81mQpA_" + "A" * 43,
        "srk_Zk81mQpA_" + "A" * 44,
        "srk_Zk81mQpA-" + "A" * 43,
        "SRK_Zk81mQpA_" + "A" * 43,
        "srk_" + "A" * 10_000,
        "srk_%00",
    ],
)
async def test_what_is_no_key_is_refused(client: httpx.AsyncClient, world: World, key: str) -> None:
    assert await status(client, key) == 401


async def test_keys_that_are_none_are_not_remembered(make_app: AppMaker, world: World) -> None:
    app = make_app(account_cache_s=3_600.0)
    async with running(app) as client:
        for number in range(5):
            assert await status(client, f"srk_Zk81mQp{number}_" + "A" * 43) == 401

        assert len(app.state.services.accounts._cached) == 0


async def test_revoking_takes_effect_at_once_where_it_was_said(make_app: AppMaker, world: World) -> None:
    async with running(make_app(account_cache_s=3_600.0)) as client:
        made = (await make_key(client, world)).json()
        assert await status(client, made["secret"]) == 200
        path = f"{KEYS}/{made['api_key']['id']}"
        answers = [(await client.delete(path, headers=world.headers("admin"))).status_code for _ in range(2)]

        assert answers == [204, 204]
        assert await status(client, made["secret"]) == 401
    actions = await world.connection.fetch("SELECT action FROM audit_log WHERE object_type = 'api_key'")
    assert [row["action"] for row in actions] == ["api_key.create", "api_key.revoke"]


async def test_nobody_makes_a_key_that_may_more_than_they_do(client: httpx.AsyncClient, world: World) -> None:
    answer = await make_key(client, world, "operator", scopes=["evse:read", "user:write"])

    assert answer.status_code == 403
    assert "user:write" in answer.json()["detail"]


async def test_a_key_makes_no_key_that_may_more_than_it_does(client: httpx.AsyncClient, world: World) -> None:
    key = await new_key(client, world, scopes=["api_key:write"])
    body = {"name": "n", "scopes": ["user:write"], "expires_at": in_days(1)}

    assert (await client.post(KEYS, headers=bearer(key), json=body)).status_code == 403


async def test_a_key_that_is_not_scoped_for_keys_does_not_deal_with_them(
    client: httpx.AsyncClient, world: World
) -> None:
    key = await new_key(client, world, scopes=["account:read_own", "account:write_own"])
    body = {"name": "n", "scopes": ["account:read_own"], "expires_at": in_days(1)}

    assert await status(client, key, KEYS) == 403
    assert (await client.post(KEYS, headers=bearer(key), json=body)).status_code == 403


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/v1/auth/me", None),
        ("GET", "/api/v1/auth/logins", None),
        ("POST", "/api/v1/auth/logout", None),
        (
            "POST",
            "/api/v1/auth/password",
            {"current_password": "correct horse", "new_password": "another horse"},
        ),
        ("POST", "/api/v1/auth/invitations", {"email": "a@example.org", "role": "guest"}),
        ("POST", "/api/v1/live/tickets", None),
    ],
)
async def test_what_is_for_people_refuses_a_key_whatever_its_scopes(
    client: httpx.AsyncClient, world: World, method: str, path: str, body: object
) -> None:
    scopes = ["account:read_own", "account:write_own", "user:write", "live:subscribe"]
    key = await new_key(client, world, scopes=scopes)

    assert (await client.request(method, path, headers=bearer(key), json=body)).status_code == 403


async def test_a_user_deals_with_own_keys_only(client: httpx.AsyncClient, world: World) -> None:
    own = (await make_key(client, world, "user", scopes=["session:read_own"])).json()["api_key"]
    anothers = (await make_key(client, world, "eric", scopes=["session:read_own"])).json()["api_key"]
    headers = world.headers("user")
    listed = (await client.get(f"{KEYS}?user_id={world.user_ids['eric']}", headers=headers)).json()["items"]

    assert [key["id"] for key in (await client.get(KEYS, headers=headers)).json()["items"]] == [own["id"]]
    assert listed == []
    assert (await client.get(f"{KEYS}/{anothers['id']}", headers=headers)).status_code == 404
    assert (await client.delete(f"{KEYS}/{anothers['id']}", headers=headers)).status_code == 404
    assert (await client.delete(f"{KEYS}/{own['id']}", headers=headers)).status_code == 204


async def test_an_admin_makes_a_key_for_a_machines_account(client: httpx.AsyncClient, world: World) -> None:
    made = await make_key(client, world, user_id=world.user_ids["operator"])
    refused = await make_key(client, world, "operator", user_id=world.user_ids["admin"])
    unknown = await make_key(client, world, user_id=999)

    assert made.json()["api_key"]["username"] == "operator"
    assert refused.status_code == 403
    assert unknown.status_code == 422
    assert unknown.json()["errors"][0]["field"] == "user_id"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["evse:everything"]}, "scopes"),
        ({"scopes": "evse:read"}, "scopes"),
        ({"name": ""}, "name"),
        ({"name": "a\0"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"expires_at": in_days(-1)}, "expires_at"),
        ({"expires_at": in_days(400)}, "expires_at"),
        ({"expires_at": None}, "expires_at"),
        ({"expires_at": "2026-12-01"}, "expires_at"),
        ({"expires_at": 1_800_000_000}, "expires_at"),
        ({"user_id": "1"}, "user_id"),
        ({"secret": "mine"}, "secret"),
    ],
)
async def test_a_bad_key_is_refused_by_its_field(
    client: httpx.AsyncClient, world: World, changes: dict[str, Any], field: str
) -> None:
    answer = await make_key(client, world, **changes)

    assert answer.status_code == 422
    assert {error["field"].partition(".")[0] for error in answer.json()["errors"]} == {field}


async def test_its_use_is_noted_to_the_minute(client: httpx.AsyncClient, world: World) -> None:
    key = await new_key(client, world)
    read = "SELECT last_used_at FROM api_key"
    assert await world.connection.fetchval(read) is None
    await status(client, key)
    first = await world.connection.fetchval(read)
    await status(client, key)
    second = await world.connection.fetchval(read)
    await world.connection.execute("UPDATE api_key SET last_used_at = last_used_at - interval '61 s'")
    await status(client, key)

    assert first is not None
    assert second == first
    assert await world.connection.fetchval(read) > first


async def test_the_log_says_which_key_did_it(client: httpx.AsyncClient, world: World) -> None:
    made = (await make_key(client, world, scopes=["user:write", *_everything_of_a_guest()])).json()
    body = {"username": "new", "password": "long enough", "role": "guest"}
    answer = await client.post("/api/v1/users", headers=bearer(made["secret"]), json=body)
    entry = await world.connection.fetchrow("SELECT * FROM audit_log WHERE action = 'user.create'")

    assert answer.status_code == 201, answer.text
    assert entry is not None
    assert (entry["actor_name"], entry["actor_api_key_id"]) == ("admin", made["api_key"]["id"])


async def test_a_key_scoped_for_users_grants_no_more_than_its_scopes(
    client: httpx.AsyncClient, world: World
) -> None:
    key = await new_key(client, world, scopes=["user:write", "user:read"])
    body = {"username": "new", "password": "long enough", "role": "admin"}

    assert (await client.post("/api/v1/users", headers=bearer(key), json=body)).status_code == 403


def _everything_of_a_guest() -> list[str]:
    return ["account:read_own", "account:write_own", "docs:read", "live:subscribe", "status:read"]
