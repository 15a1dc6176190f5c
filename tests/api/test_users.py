"""Users administered over the API: nobody rises above those who administer, and one admin stays."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.api.conftest import AppMaker, running
from tests.api.world import PASSWORD, World, login_id

USERS = "/api/v1/users"


async def add_role(world: World, name: str, *permissions: str) -> None:
    await world.insert("role", {"name": name, "permissions": list(permissions)})


async def give_role(world: World, username: str, role: str) -> None:
    await world.connection.execute("UPDATE app_user SET role = $1 WHERE username = $2", role, username)


async def test_a_new_user_can_log_in_and_is_in_the_audit_log(client: httpx.AsyncClient, world: World) -> None:
    body = {
        "username": "olivia",
        "password": "long enough",
        "role": "operator",
        "email": "Olivia@Example.org",
    }
    answer = await client.post(USERS, json=body, headers=world.headers("admin"))

    assert answer.status_code == 201
    user = answer.json()
    assert (user["username"], user["role"], user["email"]) == ("olivia", "operator", "olivia@example.org")
    assert user["is_active"] is True
    assert user["password_changed_at"] == user["created_at"]
    login = await client.post("/api/v1/auth/login", data={"username": "olivia", "password": "long enough"})
    assert login.status_code == 200
    entry = await world.audited("user.create")
    assert (entry["actor_name"], entry["object_id"]) == ("admin", str(user["id"]))
    assert "long enough" not in str(dict(entry))
    assert '"role": "operator"' in entry["after"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"username": "Olivia"}, "username"),
        ({"password": "short"}, "password"),
        ({"role": "no-such-role"}, "role"),
        ({"role": "Admin"}, "role"),
        ({"email": "nobody"}, "email"),
        ({"email": "a\0@example.org"}, "email"),
        ({"id_token": "a\0"}, "id_token"),
        ({"is_admin": True}, "is_admin"),
    ],
)
async def test_a_new_user_that_cannot_be_is_refused_by_its_field(
    client: httpx.AsyncClient, world: World, changes: dict[str, object], field: str
) -> None:
    body = {"username": "olivia", "password": "long enough", "role": "operator", **changes}
    answer = await client.post(USERS, json=body, headers=world.headers("admin"))

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"username": "eric"}, "username"),
        ({"id_token": "token-of-eric"}, "id_token"),
        ({"email": "ERIC@example.org"}, "email"),
    ],
)
async def test_what_another_user_has_is_a_conflict_that_names_the_field(
    client: httpx.AsyncClient, world: World, changes: dict[str, str], field: str
) -> None:
    await world.connection.execute("UPDATE app_user SET email = 'eric@example.org' WHERE username = 'eric'")
    body = {"username": "olivia", "password": "long enough", "role": "user", **changes}
    answer = await client.post(USERS, json=body, headers=world.headers("admin"))

    assert answer.status_code == 409
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("role=user", ["user", "eric"]),
        ("is_active=false", ["guest"]),
        ("is_active=true&role=guest", []),
        ("q=ER", ["eric"]),
        ("q=op", ["operator"]),
        ("q=%25", []),
        ("q=mail-of", ["operator"]),
        ("sort=-username&limit=2", ["user", "operator"]),
    ],
)
async def test_users_are_found(client: httpx.AsyncClient, world: World, query: str, names: list[str]) -> None:
    await world.connection.execute("UPDATE app_user SET is_active = false WHERE username = 'guest'")
    await world.connection.execute(
        "UPDATE app_user SET email = 'mail-of@example.org' WHERE username = 'operator'"
    )
    answer = await client.get(f"{USERS}?{query}", headers=world.headers("admin"))

    assert [user["username"] for user in answer.json()["items"]] == names


async def test_only_what_is_named_changes(client: httpx.AsyncClient, world: World) -> None:
    url = f"{USERS}/{world.user_ids['eric']}"
    before = (await client.get(url, headers=world.headers("admin"))).json()
    answer = await client.patch(url, json={"id_token": None}, headers=world.headers("admin"))

    assert answer.status_code == 200
    assert answer.json() == {**before, "id_token": None}
    entry = await world.audited("user.update")
    assert entry["before"] == '{"id_token": "token-of-eric"}'
    assert entry["after"] == '{"id_token": null}'


async def test_a_change_that_changes_nothing_is_no_entry(client: httpx.AsyncClient, world: World) -> None:
    url = f"{USERS}/{world.user_ids['eric']}"
    answer = await client.patch(url, json={"role": "user"}, headers=world.headers("admin"))

    assert answer.status_code == 200
    assert await world.connection.fetchval("SELECT count(*) FROM audit_log") == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({}, "body"),
        ({"role": None}, "role"),
        ({"is_active": "no"}, "is_active"),
        ({"is_active": None}, "is_active"),
        ({"username": "other"}, "username"),
        ({"password": "long enough"}, "password"),
        ({"id_token": ""}, "id_token"),
        ({"role": "no-such-role"}, "role"),
    ],
)
async def test_a_change_that_cannot_be_is_refused_by_its_field(
    client: httpx.AsyncClient, world: World, change: dict[str, object], field: str
) -> None:
    url = f"{USERS}/{world.user_ids['eric']}"
    answer = await client.patch(url, json=change, headers=world.headers("admin"))

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_a_user_that_does_not_exist_is_not_found(
    client: httpx.AsyncClient, world: World, method: str
) -> None:
    body = {"is_active": True} if method == "PATCH" else None
    answer = await client.request(method, f"{USERS}/2147483647", json=body, headers=world.headers("admin"))

    assert answer.status_code == 404


async def test_a_disabled_user_is_out_at_once_here_and_has_to_log_in_again(
    make_app: AppMaker, world: World
) -> None:
    url = f"{USERS}/{world.user_ids['eric']}"
    async with running(make_app(account_cache_s=15.0)) as client:
        assert (await client.get("/api/v1/auth/me", headers=world.headers("eric"))).status_code == 200
        await client.patch(url, json={"is_active": False}, headers=world.headers("admin"))
        while_disabled = await client.get("/api/v1/auth/me", headers=world.headers("eric"))
        login = await client.post("/api/v1/auth/login", data={"username": "eric", "password": PASSWORD})
        await client.patch(url, json={"is_active": True}, headers=world.headers("admin"))
        after = await client.get("/api/v1/auth/me", headers=world.headers("eric"))

    assert (while_disabled.status_code, login.status_code, after.status_code) == (401, 401, 401)
    ended = await world.connection.fetchval(
        "SELECT end_reason FROM login_session WHERE id = $1", login_id("eric")
    )
    assert ended == "revoked"


async def test_another_role_counts_at_once_in_the_process_that_gave_it(
    make_app: AppMaker, world: World
) -> None:
    async with running(make_app(account_cache_s=15.0)) as client:
        assert (await client.get("/api/v1/evses", headers=world.headers("eric"))).status_code == 403
        await client.patch(
            f"{USERS}/{world.user_ids['eric']}", json={"role": "operator"}, headers=world.headers("admin")
        )
        assert (await client.get("/api/v1/evses", headers=world.headers("eric"))).status_code == 200


async def test_sessions_and_bills_outlive_their_user(client: httpx.AsyncClient, world: World) -> None:
    answer = await client.delete(f"{USERS}/{world.user_ids['eric']}", headers=world.headers("admin"))

    assert (answer.status_code, answer.content) == (204, b"")
    assert (await client.get("/api/v1/auth/me", headers=world.headers("eric"))).status_code == 401
    kept = await world.connection.fetchval(
        "SELECT count(*) FROM charging_session WHERE id_token = 'token-of-eric'"
    )
    assert kept == 1
    entry = await world.audited("user.delete")
    assert '"username": "eric"' in entry["before"]


@pytest.mark.parametrize(
    ("method", "body", "field"),
    [
        ("PATCH", {"is_active": False}, "is_active"),
        ("PATCH", {"role": "operator"}, "role"),
        ("DELETE", None, "user_id"),
    ],
)
async def test_the_last_active_admin_stays(
    client: httpx.AsyncClient, world: World, method: str, body: object, field: str
) -> None:
    url = f"{USERS}/{world.user_ids['admin']}"
    await give_role(world, "eric", "admin")
    await world.connection.execute("UPDATE app_user SET is_active = false WHERE username = 'eric'")
    refused = await client.request(method, url, json=body, headers=world.headers("admin"))
    await world.connection.execute("UPDATE app_user SET is_active = true WHERE username = 'eric'")
    allowed = await client.request(method, url, json=body, headers=world.headers("admin"))

    assert refused.status_code == 409
    assert [error["field"] for error in refused.json()["errors"]] == [field]
    assert allowed.status_code in (200, 204)


async def test_two_admins_who_disable_each_other_leave_one(client: httpx.AsyncClient, world: World) -> None:
    await give_role(world, "eric", "admin")
    answers = await asyncio.gather(
        *(
            client.patch(
                f"{USERS}/{world.user_ids[other]}", json={"is_active": False}, headers=world.headers(one)
            )
            for one, other in (("admin", "eric"), ("eric", "admin"))
        )
    )

    assert [answer.status_code for answer in answers].count(200) == 1
    active = await world.connection.fetchval(
        "SELECT count(*) FROM app_user WHERE role = 'admin' AND is_active"
    )
    assert active == 1


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "", {"username": "new", "password": "long enough", "role": "admin"}),
        ("PATCH", "/{eric}", {"role": "admin"}),
        ("PATCH", "/{eric}", {"role": "operator"}),
        ("PATCH", "/{guest}", {"role": "operator"}),
        ("PATCH", "/{admin}", {"email": "mine@example.org"}),
        ("PATCH", "/{admin}", {"is_active": False}),
        ("DELETE", "/{admin}", None),
        ("PATCH", "/{operator}", {"role": "guest"}),
    ],
)
async def test_nobody_gives_or_takes_what_is_beyond_the_own_permissions(
    client: httpx.AsyncClient, world: World, method: str, path: str, body: object
) -> None:
    """`guest` has the role of a help desk here: it may administer drivers and guests, and no more."""
    await add_role(
        world, "help-desk", "user:read", "user:write", "session:read", "bill:read", "command:read",
        "evse:control", "telemetry:read", "tariff:read", "account:read_own", "account:write_own",
        "docs:read", "live:subscribe", "status:read",
    )  # fmt: skip
    await give_role(world, "guest", "help-desk")
    url = USERS + path.format(**world.user_ids)
    before = await world.connection.fetch("SELECT * FROM app_user ORDER BY id")
    answer = await client.request(method, url, json=body, headers=world.headers("guest"))

    assert answer.status_code == 403
    assert "permissions that you do not have" in answer.json()["detail"]
    assert await world.connection.fetch("SELECT * FROM app_user ORDER BY id") == before
    allowed = await client.patch(
        f"{USERS}/{world.user_ids['eric']}", json={"role": "guest"}, headers=world.headers("guest")
    )
    assert allowed.status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "", {"username": "new", "password": "long enough", "role": "clerk", "id_token": "04FF"}),
        ("PATCH", "/{guest}", {"id_token": "04FF"}),
    ],
)
async def test_only_who_sees_all_sessions_says_whose_they_are(
    client: httpx.AsyncClient, world: World, method: str, path: str, body: object
) -> None:
    await add_role(world, "clerk", "user:read", "user:write")
    await give_role(world, "guest", "clerk")
    url = USERS + path.format(**world.user_ids)
    refused = await client.request(method, url, json=body, headers=world.headers("guest"))
    await world.connection.execute(
        "UPDATE role SET permissions = permissions || '{session:read}' WHERE name = 'clerk'"
    )
    allowed = await client.request(method, url, json=body, headers=world.headers("guest"))

    assert refused.status_code == 403
    assert "session:read" in refused.json()["detail"]
    assert allowed.status_code in (200, 201)
