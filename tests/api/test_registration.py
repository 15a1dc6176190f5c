"""How one becomes a user: invited, by oneself, or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from solarrally.api.account_rules import AccountRules
from tests.api.conftest import AppMaker, running
from tests.api.logging_in import logged_in, me_status
from tests.api.mailbox import Mailbox
from tests.api.world import World

REGISTER = "/api/v1/auth/register"
INVITE = "/api/v1/auth/invitations"
ACCEPT = "/api/v1/auth/invitations/accept"
FRIDA = {"username": "frida", "password": "a good password"}
INVITATION = {"email": "frida@example.org", "role": "user", "id_token": "token-of-frida"}


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def app(make_app: AppMaker, mailbox: Mailbox) -> FastAPI:
    return make_app(mailer=mailbox, account_cache_s=0.0)


@pytest.fixture
async def client(app: FastAPI, world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application that invites."""
    async with running(app) as opened:
        yield opened


@pytest.fixture
async def open_client(make_app: AppMaker, world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application where anybody may register."""
    async with running(make_app(account_rules=AccountRules(registration="open"))) as opened:
        yield opened


async def invite(
    client: httpx.AsyncClient, world: World, by: str = "admin", /, **changes: object
) -> httpx.Response:
    return await client.post(INVITE, headers=world.headers(by), json={**INVITATION, **changes})


async def accept(client: httpx.AsyncClient, token: str, **changes: object) -> httpx.Response:
    return await client.post(ACCEPT, json={"token": token, **FRIDA, **changes})


async def test_who_is_invited_becomes_what_the_invitation_says(
    client: httpx.AsyncClient, mailbox: Mailbox, world: World
) -> None:
    invited = await invite(client, world, email="Frida@Example.org")
    assert invited.status_code == 201
    assert mailbox.mails[0].to == "frida@example.org"
    assert mailbox.token not in invited.text
    accepted = await accept(client, mailbox.token)

    assert accepted.status_code == 201
    user = accepted.json()
    assert (user["username"], user["email"]) == ("frida", "frida@example.org")
    assert (user["role"], user["id_token"]) == ("user", "token-of-frida")
    tokens = await logged_in(client, "frida", FRIDA["password"])
    assert await me_status(client, tokens["access_token"]) == 200
    actions = await world.connection.fetch("SELECT action, actor_name FROM audit_log ORDER BY id LIMIT 2")
    assert [tuple(row) for row in actions] == [("invitation.create", "admin"), ("invitation.accept", "frida")]


async def test_an_invitation_is_good_once(client: httpx.AsyncClient, mailbox: Mailbox, world: World) -> None:
    await invite(client, world, id_token=None)
    await accept(client, mailbox.token)
    again = await accept(client, mailbox.token, username="gerda")

    assert again.status_code == 422
    assert again.json()["errors"][0]["field"] == "token"


async def test_a_newer_invitation_replaces_the_older(
    client: httpx.AsyncClient, mailbox: Mailbox, world: World
) -> None:
    await invite(client, world, role="operator", id_token=None)
    older = mailbox.token
    await invite(client, world)

    assert (await accept(client, older)).status_code == 422
    assert (await accept(client, mailbox.token)).json()["role"] == "user"


async def test_a_taken_username_leaves_the_invitation_good(
    client: httpx.AsyncClient, mailbox: Mailbox, world: World
) -> None:
    await invite(client, world)
    taken = await accept(client, mailbox.token, username="operator")

    assert taken.status_code == 409
    assert taken.json()["errors"][0]["field"] == "username"
    assert (await accept(client, mailbox.token)).status_code == 201


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE mailed_token SET expires_at = now() - interval '1 s'",
        "UPDATE mailed_token SET kind = 'password_reset'",
        "UPDATE app_user SET is_active = false WHERE username = 'admin'",
    ],
)
async def test_an_invitation_that_holds_no_longer_is_refused(
    client: httpx.AsyncClient, mailbox: Mailbox, world: World, change: str
) -> None:
    await invite(client, world)
    await world.connection.execute(change)

    assert (await accept(client, mailbox.token)).status_code == 422


@pytest.mark.parametrize(("field", "taken"), [("email", "eric@example.org"), ("id_token", "token-of-eric")])
async def test_what_another_user_has_cannot_be_promised(
    client: httpx.AsyncClient, world: World, field: str, taken: str
) -> None:
    await world.connection.execute("UPDATE app_user SET email = 'eric@example.org' WHERE username = 'eric'")
    answer = await invite(client, world, **{field: taken})

    assert answer.status_code == 409
    assert answer.json()["errors"][0]["field"] == field


async def test_nobody_invites_to_more_than_they_may_do_themselves(
    client: httpx.AsyncClient, mailbox: Mailbox, world: World
) -> None:
    await world.connection.execute(
        "INSERT INTO role (name, permissions) VALUES ('host', ARRAY['user:write', 'evse:read'])"
    )
    await world.connection.execute("UPDATE app_user SET role = 'host' WHERE username = 'operator'")
    answer = await invite(client, world, "operator", role="admin")

    assert answer.status_code == 403
    assert mailbox.mails == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"role": "nobody-knows"}, "role"),
        ({"email": "frida"}, "email"),
        ({"id_token": ""}, "id_token"),
        ({"id_token": "a\0"}, "id_token"),
        ({"password": "a good password"}, "password"),
    ],
)
async def test_a_bad_invitation_is_refused_by_its_field(
    client: httpx.AsyncClient, world: World, changes: dict[str, object], field: str
) -> None:
    answer = await invite(client, world, **changes)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_who_invites_learns_that_the_mail_could_not_be_sent(
    client: httpx.AsyncClient, mailbox: Mailbox, world: World
) -> None:
    mailbox.is_broken = True
    answer = await invite(client, world)

    assert answer.status_code == 503
    assert "mail" in answer.json()["detail"]


async def test_where_registration_is_closed_nobody_registers_or_is_invited(
    make_app: AppMaker, mailbox: Mailbox, world: World
) -> None:
    closed = make_app(mailer=mailbox, account_rules=AccountRules(registration="closed"))
    async with running(closed) as client:
        statuses = [
            (await client.post(REGISTER, json=FRIDA)).status_code,
            (await invite(client, world)).status_code,
            (await accept(client, "A" * 43)).status_code,
        ]

    assert statuses == [403, 403, 403]


async def test_by_default_nobody_registers_without_an_invitation(
    client: httpx.AsyncClient, world: World
) -> None:
    assert (await client.post(REGISTER, json=FRIDA)).status_code == 403


async def test_where_registration_is_open_one_becomes_a_user_without_sessions(
    open_client: httpx.AsyncClient, world: World
) -> None:
    answer = await open_client.post(REGISTER, json={**FRIDA, "email": "frida@example.org"})
    tokens = await logged_in(open_client, "frida", FRIDA["password"])
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    sessions = await open_client.get("/api/v1/sessions", headers=headers)

    assert answer.status_code == 201
    assert (answer.json()["role"], answer.json()["id_token"]) == ("user", None)
    assert sessions.json()["items"] == []
    action = await world.connection.fetchval("SELECT action FROM audit_log ORDER BY id LIMIT 1")
    assert action == "user.register"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"role": "admin"}, "role"),
        ({"id_token": "token-of-eric"}, "id_token"),
        ({"is_active": True}, "is_active"),
        ({"username": "Frida"}, "username"),
        ({"username": "frida\0"}, "username"),
        ({"password": "short"}, "password"),
        ({"email": "frida"}, "email"),
    ],
)
async def test_nobody_registers_as_more_than_a_user(
    open_client: httpx.AsyncClient, world: World, changes: dict[str, object], field: str
) -> None:
    answer = await open_client.post(REGISTER, json={**FRIDA, **changes})

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_a_taken_username_is_named(open_client: httpx.AsyncClient, world: World) -> None:
    answer = await open_client.post(REGISTER, json={**FRIDA, "username": "eric"})

    assert answer.status_code == 409
    assert answer.json()["errors"][0]["field"] == "username"


async def test_registering_without_end_is_slowed_down(open_client: httpx.AsyncClient, world: World) -> None:
    answers = [
        (await open_client.post(REGISTER, json={**FRIDA, "username": "eric"})).status_code for _ in range(11)
    ]

    assert answers == [409] * 10 + [429]
