"""Logins: listed, ended from elsewhere, and bounded."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx

from solarrally.api.tokens import AccessTokens
from solarrally.storage.audit import Actor
from solarrally.storage.edits.editing import editing
from solarrally.storage.edits.logins import MAX_LOGINS_PER_USER, Client, LoginRules, begin_login
from solarrally.storage.engine import create_engine
from tests.api.logging_in import bearer, logged_in, me_status, refreshed
from tests.api.world import JWT_SECRET, World, login_id

LOGINS = "/api/v1/auth/logins"


async def test_a_user_sees_own_logins_and_which_one_asks(client: httpx.AsyncClient, world: World) -> None:
    tokens = await logged_in(client, "operator")
    await logged_in(client, "admin")
    page = (await client.get(LOGINS, headers=bearer(tokens["access_token"]))).json()

    assert [login["is_current"] for login in page["items"]] == [True, False]  # the newest, and the world's
    current = page["items"][0]
    assert current["address"] == "127.0.0.1"
    assert current["user_agent"].startswith("python-httpx/")
    assert current["ended_at"] is None


async def test_logins_come_in_pages_and_may_be_narrowed_to_those_that_hold(
    client: httpx.AsyncClient, world: World
) -> None:
    first, second = await logged_in(client), await logged_in(client)
    await client.post("/api/v1/auth/logout", headers=bearer(first["access_token"]))
    headers = bearer(second["access_token"])
    page = (await client.get(f"{LOGINS}?limit=2", headers=headers)).json()
    rest = (await client.get(f"{LOGINS}?limit=2&cursor={page['next_cursor']}", headers=headers)).json()
    ended = (await client.get(f"{LOGINS}?is_active=false", headers=headers)).json()["items"]
    holding = (await client.get(f"{LOGINS}?is_active=true", headers=headers)).json()["items"]

    ids = [login["id"] for login in [*page["items"], *rest["items"]]]
    assert len(ids) == len(set(ids)) == 3
    assert rest["next_cursor"] is None
    assert [login["end_reason"] for login in ended] == ["logout"]
    assert len(holding) == 2


async def test_a_cursor_of_ones_own_logins_shows_nobody_elses(
    client: httpx.AsyncClient, world: World
) -> None:
    first, _ = await logged_in(client, "operator"), await logged_in(client, "operator")
    page = (await client.get(f"{LOGINS}?limit=1", headers=bearer(first["access_token"]))).json()
    foreign = await client.get(
        f"{LOGINS}?limit=1&cursor={page['next_cursor']}", headers=world.headers("admin")
    )

    assert foreign.status_code == 422


async def test_a_lost_device_is_logged_out_from_another(client: httpx.AsyncClient, world: World) -> None:
    lost, own = await logged_in(client), await logged_in(client)
    headers = bearer(own["access_token"])
    logins = (await client.get(LOGINS, headers=headers)).json()["items"]
    lost_id = logins[1]["id"]
    answers = [(await client.delete(f"{LOGINS}/{lost_id}", headers=headers)).status_code for _ in range(2)]

    assert answers == [204, 204]
    assert await me_status(client, lost["access_token"]) == 401
    assert (await refreshed(client, lost["refresh_token"])).status_code == 401
    assert await me_status(client, own["access_token"]) == 200
    entries = await world.connection.fetch("SELECT * FROM audit_log WHERE action = 'login.end'")
    assert [(entry["object_id"], entry["actor_name"]) for entry in entries] == [(lost_id, "operator")]


async def test_nobody_ends_anothers_login_here(client: httpx.AsyncClient, world: World) -> None:
    answer = await client.delete(f"{LOGINS}/{login_id('eric')}", headers=world.headers("admin"))

    assert answer.status_code == 404
    assert await me_status(client, world.token("eric")) == 200


async def test_an_admin_sees_and_ends_the_logins_of_a_user(client: httpx.AsyncClient, world: World) -> None:
    path = f"/api/v1/users/{world.user_ids['eric']}/logins"
    headers = world.headers("admin")
    page = (await client.get(path, headers=headers)).json()
    wrong_user = f"/api/v1/users/{world.user_ids['user']}/logins/{login_id('eric')}"

    assert [login["id"] for login in page["items"]] == [str(login_id("eric"))]
    assert (await client.delete(wrong_user, headers=headers)).status_code == 404
    assert (await client.delete(f"{path}/{login_id('eric')}", headers=headers)).status_code == 204
    assert await me_status(client, world.token("eric")) == 401
    assert (await client.get("/api/v1/users/999/logins", headers=headers)).status_code == 404


async def test_a_token_without_its_login_is_worth_nothing(client: httpx.AsyncClient, world: World) -> None:
    token = AccessTokens(JWT_SECRET, 900).issue(
        world.user_ids["operator"], login_id("admin"), datetime.now(UTC)
    )

    assert await me_status(client, token) == 401


async def test_the_logins_of_one_user_are_bounded(client: httpx.AsyncClient, world: World) -> None:
    await world.connection.execute(
        "INSERT INTO login_session (id, user_id, last_used_at, expires_at)"
        " SELECT gen_random_uuid(), $1, now() - n * interval '1 min', now() + interval '1 day'"
        " FROM generate_series(1, $2::int) AS n",
        world.user_ids["operator"],
        MAX_LOGINS_PER_USER + 5,
    )
    tokens = await logged_in(client)
    holding = await world.connection.fetchval(
        "SELECT count(*) FROM login_session WHERE user_id = $1 AND ended_at IS NULL",
        world.user_ids["operator"],
    )

    assert holding == MAX_LOGINS_PER_USER
    assert await me_status(client, tokens["access_token"]) == 200
    assert await me_status(client, world.token("operator")) == 200  # used most recently


async def test_logins_that_ended_long_ago_are_forgotten_at_the_next(
    client: httpx.AsyncClient, world: World
) -> None:
    await world.connection.execute(
        "UPDATE login_session SET ended_at = now() - interval '31 days', end_reason = 'logout'"
    )
    await logged_in(client)
    rows = await world.connection.fetch(
        "SELECT id FROM login_session WHERE user_id = $1", world.user_ids["operator"]
    )

    assert len(rows) == 1


async def test_a_password_that_was_changed_while_it_was_checked_begins_no_login(
    database_url: str, world: World
) -> None:
    engine = create_engine(database_url)
    actor = Actor(user_id=None, name="anonymous")
    try:
        async with editing(engine) as connection:
            granted = await begin_login(
                connection,
                actor,
                world.user_ids["operator"],
                password_hash="the one before",
                client=Client(address=None, user_agent=None),
                rules=LoginRules(),
                now=datetime.now(UTC),
            )
    finally:
        await engine.dispose()

    assert granted is None
    assert await world.connection.fetchval("SELECT count(*) FROM refresh_token") == 0


async def test_a_long_user_agent_is_cut(client: httpx.AsyncClient, world: World) -> None:
    client.headers["User-Agent"] = "x" * 5_000
    tokens = await logged_in(client)
    [login, _] = (await client.get(LOGINS, headers=bearer(tokens["access_token"]))).json()["items"]

    assert login["user_agent"] == "x" * 256
    assert (await refreshed(client, tokens["refresh_token"])).status_code == 200
    assert (await refreshed(client, tokens["refresh_token"])).status_code == 200  # still the same client
