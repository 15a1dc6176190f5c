"""An open live WebSocket ends when what opened it no longer holds."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from solarrally.api.live_limits import LiveLimits
from solarrally.live_client import LiveRefused
from tests.api.conftest import Serve
from tests.api.logging_in import bearer
from tests.api.watching import Watch, new_ticket, watching, watching_by_ticket
from tests.api.world import World, an_update, login_id

PROMPT = LiveLimits(recheck_interval_s=0.05)


async def serve_prompt(serve: Serve) -> str:
    """An application that looks again so soon that a test can wait for it."""
    return await serve(live_limits=PROMPT, account_cache_s=0.05)


async def new_key(address: str, world: World, by: str, *scopes: str) -> str:
    body = {
        "name": "live",
        "scopes": scopes,
        "expires_at": (datetime.now(UTC) + timedelta(days=1)).isoformat(),
    }
    async with httpx.AsyncClient(base_url=f"http://{address}") as client:
        answer = await client.post("/api/v1/api-keys", headers=world.headers(by), json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["secret"])


async def ended_after(
    opening: AbstractAsyncContextManager[Watch], world: World, change: str
) -> tuple[int | None, str]:
    """Close code and reason of a connection after the change; one that does not end fails the test."""
    async with opening as watch:
        await watch.say(type="subscribe", all=True)
        await watch.hear("snapshot")
        await world.connection.execute(change)
        code, bye = await watch.end()
    return code, str(bye["reason"])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE login_session SET ended_at = now(), end_reason = 'revoked'", "login_ended"),
        ("UPDATE login_session SET expires_at = now()", "login_ended"),
        ("UPDATE app_user SET is_active = false", "user_disabled"),
        ("UPDATE app_user SET role = 'guest'", "role_changed"),
        ("DELETE FROM app_user WHERE username = 'operator'", "user_disabled"),
    ],
)
@pytest.mark.parametrize("by_ticket", [True, False])
async def test_a_login_that_ends_takes_its_sockets_along(
    serve: Serve, world: World, by_ticket: bool, change: str, reason: str
) -> None:
    address = await serve_prompt(serve)
    if by_ticket:
        opening = watching_by_ticket(address, await new_ticket(address, world))
    else:
        opening = watching(address, world.token("operator"))

    assert await ended_after(opening, world, change) == (4401, reason)


async def test_another_permission_of_an_own_role_ends_the_sockets_of_those_who_have_it(
    serve: Serve, world: World
) -> None:
    await world.connection.execute(
        "INSERT INTO role (name, permissions) VALUES ('crew', ARRAY['live:subscribe', 'session:read'])"
    )
    await world.connection.execute("UPDATE app_user SET role = 'crew' WHERE username = 'operator'")
    address = await serve_prompt(serve)
    change = "UPDATE role SET permissions = ARRAY['live:subscribe'] WHERE name = 'crew'"

    ended = await ended_after(watching(address, world.token("operator")), world, change)
    assert ended == (4401, "role_changed")


async def test_anothers_login_that_ends_leaves_the_socket_alone(serve: Serve, world: World) -> None:
    address = await serve_prompt(serve)
    async with (
        watching(address, world.token("operator"), all=True) as watch,
        watching(address, world.token("admin"), all=True) as other,
    ):
        await watch.hear("snapshot")
        await other.hear("snapshot")
        await world.connection.execute(
            "UPDATE login_session SET ended_at = now() WHERE id = $1", login_id("operator")
        )
        await watch.end()
        await world.notify(an_update(status="faulted"))
        await other.hear("frame")


async def test_a_ticket_is_worth_nothing_once_its_login_has_ended(serve: Serve, world: World) -> None:
    address = await serve(account_cache_s=0.0)
    ticket = await new_ticket(address, world)
    await world.connection.execute("UPDATE login_session SET ended_at = now()")

    with pytest.raises(InvalidStatus, match="403"):
        async with watching_by_ticket(address, ticket):
            pass


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE api_key SET revoked_at = now()", "key_ended"),
        ("UPDATE api_key SET expires_at = now()", "key_ended"),
        ("UPDATE app_user SET is_active = false", "user_disabled"),
        ("UPDATE app_user SET role = 'guest'", "role_changed"),
    ],
)
async def test_a_key_opens_it_and_takes_it_along(
    serve: Serve, world: World, change: str, reason: str
) -> None:
    address = await serve_prompt(serve)
    key = await new_key(address, world, "operator", "live:subscribe", "session:read")

    assert await ended_after(watching(address, key), world, change) == (4401, reason)


async def test_a_key_sees_no_more_than_it_is_scoped_for(serve: Serve, world: World) -> None:
    address = await serve()
    key = await new_key(address, world, "operator", "live:subscribe")
    async with (
        watching(address, key, all=True) as narrow,
        watching(address, world.token("operator"), all=True) as wide,
    ):
        seen = [(await watch.hear("snapshot"))["updates"][0] for watch in (narrow, wide)]

    assert "session" not in seen[0]
    assert seen[1]["session"] is not None


async def test_a_key_without_the_scope_does_not_get_in(serve: Serve, world: World) -> None:
    address = await serve()
    key = await new_key(address, world, "operator", "evse:read")

    with pytest.raises(LiveRefused, match="403"):
        async with watching(address, key):
            pass


async def test_too_many_tickets_are_refused_for_a_while(serve: Serve, world: World) -> None:
    address = await serve()
    async with httpx.AsyncClient(base_url=f"http://{address}") as client:
        answers: list[int] = []
        while len(answers) < 300 and 429 not in answers:  # a slow machine gets some back meanwhile
            answer = await client.post("/api/v1/live/tickets", headers=bearer(world.token("operator")))
            answers.append(answer.status_code)

    assert set(answers[:30]) == {201}
    assert answers[-1] == 429
