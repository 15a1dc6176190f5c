"""Refresh tokens: good once, and what happens when one comes again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from solarrally.storage.edits.logins import LoginRules
from tests.api.conftest import AppMaker, running
from tests.api.logging_in import LOGIN, LOGOUT, REFRESH, bearer, logged_in, me_status, refreshed
from tests.api.world import PASSWORD, World

OURS = {"Origin": "http://api.test"}
COOKIE = "solarrally_refresh"


async def age_used_tokens(world: World, seconds: float) -> None:
    """Let so much time pass since refresh tokens were used."""
    await world.connection.execute(
        "UPDATE refresh_token SET used_at = used_at - $1::interval WHERE used_at IS NOT NULL",
        timedelta(seconds=seconds),
    )


async def end_reasons(world: World) -> list[str]:
    rows = await world.connection.fetch("SELECT end_reason FROM login_session WHERE ended_at IS NOT NULL")
    return [row["end_reason"] for row in rows]


async def test_a_refresh_token_gives_new_tokens_that_work(client: httpx.AsyncClient, world: World) -> None:
    first = await logged_in(client)
    answer = await refreshed(client, first["refresh_token"])

    assert answer.status_code == 200
    second = answer.json()
    assert second["refresh_token"] != first["refresh_token"]
    assert await me_status(client, second["access_token"]) == 200
    third = await refreshed(client, second["refresh_token"])
    assert third.status_code == 200


async def test_refresh_tokens_are_stored_only_as_hashes(client: httpx.AsyncClient, world: World) -> None:
    tokens = await logged_in(client)
    [row] = await world.connection.fetch("SELECT token_hash, refresh_token::text AS row FROM refresh_token")

    assert len(row["token_hash"]) == 32
    assert tokens["refresh_token"] not in row["row"]


async def test_a_token_used_again_ends_the_login_and_is_recorded(
    client: httpx.AsyncClient, world: World
) -> None:
    first = await logged_in(client)
    second = (await refreshed(client, first["refresh_token"])).json()
    await age_used_tokens(world, 11)
    again = await refreshed(client, first["refresh_token"])

    assert again.status_code == 401
    assert await end_reasons(world) == ["reuse"]
    assert (await refreshed(client, second["refresh_token"])).status_code == 401
    assert await me_status(client, second["access_token"]) == 401
    [entry] = await world.connection.fetch("SELECT * FROM audit_log WHERE action = 'login.end'")
    assert (entry["outcome"], entry["actor_name"]) == ("refused", "anonymous")
    assert entry["address"] == "127.0.0.1"


async def test_only_that_login_ends(client: httpx.AsyncClient, world: World) -> None:
    stolen, other = await logged_in(client), await logged_in(client)
    await refreshed(client, stolen["refresh_token"])
    await age_used_tokens(world, 11)
    await refreshed(client, stolen["refresh_token"])

    assert (await refreshed(client, other["refresh_token"])).status_code == 200


async def test_a_client_that_lost_the_answer_may_repeat_its_request_once(
    client: httpx.AsyncClient, world: World
) -> None:
    first = await logged_in(client)
    await refreshed(client, first["refresh_token"])  # the answer is lost
    repeated = await refreshed(client, first["refresh_token"])

    assert repeated.status_code == 200
    assert (await refreshed(client, repeated.json()["refresh_token"])).status_code == 200


async def test_a_second_repetition_ends_the_login(client: httpx.AsyncClient, world: World) -> None:
    first = await logged_in(client)
    answers = [(await refreshed(client, first["refresh_token"])).status_code for _ in range(3)]

    assert answers == [200, 200, 401]
    assert await end_reasons(world) == ["reuse"]


async def test_what_the_lost_answer_held_ends_the_login_when_it_turns_up(
    client: httpx.AsyncClient, world: World
) -> None:
    """So a thief who repeats within the grace is found out by the next request of the one who was robbed."""
    first = await logged_in(client)
    lost = (await refreshed(client, first["refresh_token"])).json()
    newest = (await refreshed(client, first["refresh_token"])).json()

    assert (await refreshed(client, lost["refresh_token"])).status_code == 401
    assert (await refreshed(client, newest["refresh_token"])).status_code == 401
    assert await end_reasons(world) == ["reuse"]


async def test_once_the_successor_was_used_there_is_no_repetition(
    client: httpx.AsyncClient, world: World
) -> None:
    first = await logged_in(client)
    second = (await refreshed(client, first["refresh_token"])).json()
    await refreshed(client, second["refresh_token"])

    assert (await refreshed(client, first["refresh_token"])).status_code == 401
    assert await end_reasons(world) == ["reuse"]


async def test_another_client_may_not_repeat(client: httpx.AsyncClient, world: World) -> None:
    first = await logged_in(client)
    await refreshed(client, first["refresh_token"])
    stranger = await refreshed(client, first["refresh_token"], **{"User-Agent": "another"})

    assert stranger.status_code == 401
    assert await end_reasons(world) == ["reuse"]


async def test_of_many_who_come_at_once_at_most_two_are_let_in_and_the_login_ends(
    client: httpx.AsyncClient, world: World
) -> None:
    first = await logged_in(client)
    answers = await asyncio.gather(*(refreshed(client, first["refresh_token"]) for _ in range(8)))

    assert sorted(answer.status_code for answer in answers) == [200] * 2 + [401] * 6
    assert await end_reasons(world) == ["reuse"]


async def test_a_login_ends_after_its_time_however_often_it_is_used(make_app: AppMaker, world: World) -> None:
    async with running(make_app(account_cache_s=0.0)) as client:
        tokens = await logged_in(client)
        await world.connection.execute("UPDATE login_session SET expires_at = now() - interval '1 s'")

        assert (await refreshed(client, tokens["refresh_token"])).status_code == 401
        assert await me_status(client, tokens["access_token"]) == 401


async def test_a_login_that_is_not_used_ends(make_app: AppMaker, world: World) -> None:
    rules = LoginRules(max_s=86_400.0, idle_s=3_600.0)
    async with running(make_app(login_rules=rules)) as client:
        tokens = await logged_in(client)
        expires_at = datetime.fromisoformat(tokens["refresh_expires_at"])
        assert timedelta(minutes=59) < expires_at - datetime.now(UTC) <= timedelta(hours=1)
        await world.connection.execute("UPDATE refresh_token SET expires_at = now() - interval '1 s'")

        assert (await refreshed(client, tokens["refresh_token"])).status_code == 401


async def test_a_refresh_token_never_outlives_its_login(make_app: AppMaker, world: World) -> None:
    rules = LoginRules(max_s=3_600.0, idle_s=86_400.0)
    async with running(make_app(login_rules=rules)) as client:
        tokens = await logged_in(client)

    assert datetime.fromisoformat(tokens["refresh_expires_at"]) <= datetime.now(UTC) + timedelta(hours=1)


async def test_a_disabled_user_gets_no_new_tokens(client: httpx.AsyncClient, world: World) -> None:
    tokens = await logged_in(client)
    await world.connection.execute("UPDATE app_user SET is_active = false")

    assert (await refreshed(client, tokens["refresh_token"])).status_code == 401


@pytest.mark.parametrize("token", ["A" * 43, "x"])
async def test_an_unknown_token_is_refused_and_ends_nothing(
    client: httpx.AsyncClient, world: World, token: str
) -> None:
    await logged_in(client)

    assert (await refreshed(client, token)).status_code == 401
    assert await end_reasons(world) == []


async def test_an_access_token_is_no_refresh_token_and_the_other_way_round(
    client: httpx.AsyncClient, world: World
) -> None:
    tokens = await logged_in(client)

    assert (await refreshed(client, tokens["access_token"])).status_code == 422  # no token looks like that
    assert await me_status(client, tokens["refresh_token"]) == 401


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "refresh_token"),
        ({"refresh_token": 1}, "refresh_token"),
        ({"refresh_token": ""}, "refresh_token"),
        ({"refresh_token": "a b"}, "refresh_token"),
        ({"refresh_token": "A" * 129}, "refresh_token"),
        ({"refresh_token": "A" * 43, "user_id": 1}, "user_id"),
    ],
)
async def test_a_bad_body_is_refused_by_its_field(
    client: httpx.AsyncClient, world: World, body: object, field: str
) -> None:
    answer = await client.post(REFRESH, json=body)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_refreshing_without_end_is_slowed_down(client: httpx.AsyncClient, world: World) -> None:
    answers = [await refreshed(client, "A" * 43)]
    while answers[-1].status_code == 401 and len(answers) < 120:  # two more are free in every second
        answers.append(await refreshed(client, "A" * 43))

    assert len(answers) > 60
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) >= 1


async def test_the_cookie_is_one_that_no_script_and_no_other_site_can_use(
    client: httpx.AsyncClient, world: World
) -> None:
    answer = await client.post(LOGIN, data={"username": "operator", "password": PASSWORD, "cookie": "true"})

    assert answer.json()["refresh_token"] is None
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/api/v1/auth" in cookie
    assert "Secure" not in cookie  # this came over plain HTTP


async def test_over_tls_the_cookie_stays_on_tls(make_app: AppMaker, world: World) -> None:
    app = make_app()
    async with running(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="https://api.test") as client:
            form = {"username": "operator", "password": PASSWORD, "cookie": "true"}
            answer = await client.post(LOGIN, data=form)

    assert "; Secure" in answer.headers["Set-Cookie"]


async def test_the_cookie_is_rotated_too(client: httpx.AsyncClient, world: World) -> None:
    await logged_in(client, cookie="true")
    first = client.cookies[COOKIE]
    answer = await client.post(REFRESH, headers=OURS)

    assert answer.status_code == 200
    assert answer.json()["refresh_token"] is None
    assert client.cookies[COOKIE] != first
    assert await me_status(client, answer.json()["access_token"]) == 200


@pytest.mark.parametrize("origin", [None, "https://evil.example", "http://api.test:81", "null"])
@pytest.mark.parametrize("path", [REFRESH, LOGOUT])
async def test_the_cookie_counts_only_for_pages_of_our_own(
    client: httpx.AsyncClient, world: World, path: str, origin: str | None
) -> None:
    await logged_in(client, cookie="true")
    answer = await client.post(path, headers={} if origin is None else {"Origin": origin})

    assert answer.status_code == 403
    assert (await client.post(REFRESH, headers=OURS)).status_code == 200


async def test_a_cookie_that_is_refused_is_dropped(client: httpx.AsyncClient, world: World) -> None:
    await logged_in(client, cookie="true")
    await world.connection.execute("UPDATE login_session SET ended_at = now(), end_reason = 'revoked'")

    assert (await client.post(REFRESH, headers=OURS)).status_code == 401
    assert COOKIE not in client.cookies


async def test_logging_out_ends_the_login_with_all_its_tokens(
    client: httpx.AsyncClient, world: World
) -> None:
    tokens, other = await logged_in(client), await logged_in(client)
    answer = await client.post(LOGOUT, headers=bearer(tokens["access_token"]))

    assert answer.status_code == 204
    assert await me_status(client, tokens["access_token"]) == 401
    assert (await refreshed(client, tokens["refresh_token"])).status_code == 401
    assert await me_status(client, other["access_token"]) == 200


async def test_logging_out_works_with_the_refresh_token_alone(
    client: httpx.AsyncClient, world: World
) -> None:
    tokens = await logged_in(client)
    answer = await client.post(LOGOUT, json={"refresh_token": tokens["refresh_token"]})

    assert answer.status_code == 204
    assert await me_status(client, tokens["access_token"]) == 401
    [entry] = await world.connection.fetch("SELECT * FROM audit_log WHERE action = 'login.end'")
    assert (entry["outcome"], entry["actor_name"]) == ("done", "operator")


async def test_logging_out_with_the_cookie_drops_it(client: httpx.AsyncClient, world: World) -> None:
    tokens = await logged_in(client, cookie="true")
    answer = await client.post(LOGOUT, headers=OURS)

    assert answer.status_code == 204
    assert COOKIE not in client.cookies
    assert await me_status(client, tokens["access_token"]) == 401


async def test_logging_out_takes_effect_at_once_where_it_was_said(make_app: AppMaker, world: World) -> None:
    async with running(make_app(account_cache_s=3_600.0)) as client:
        tokens = await logged_in(client)
        assert await me_status(client, tokens["access_token"]) == 200
        await client.post(LOGOUT, headers=bearer(tokens["access_token"]))

        assert await me_status(client, tokens["access_token"]) == 401


async def test_logging_out_as_nobody_is_refused(client: httpx.AsyncClient, world: World) -> None:
    assert (await client.post(LOGOUT)).status_code == 401
    assert (await client.post(LOGOUT, json={"refresh_token": "A" * 43})).status_code == 401
    assert (await client.post(LOGOUT, headers=bearer("garbage"))).status_code == 401
