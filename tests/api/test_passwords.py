"""Passwords changed, and reset by mail."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import FastAPI

from solarrally.api.account_rules import AccountRules
from tests.api.conftest import AppMaker, running
from tests.api.logging_in import LOGIN, bearer, logged_in, me_status, refreshed
from tests.api.mailbox import Mailbox
from tests.api.world import PASSWORD, World

CHANGE = "/api/v1/auth/password"
ASK = "/api/v1/auth/password-reset"
CONFIRM = "/api/v1/auth/password-reset/confirm"
NEW = "another horse"


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def app(make_app: AppMaker, mailbox: Mailbox) -> FastAPI:
    return make_app(mailer=mailbox, account_cache_s=0.0)


@pytest.fixture
async def client(app: FastAPI, world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application that can send mails; the operator has an address."""
    await world.connection.execute(
        "UPDATE app_user SET email = 'operator@example.org' WHERE username = 'operator'"
    )
    async with running(app) as opened:
        yield opened


async def ask(client: httpx.AsyncClient, app: FastAPI, email: str = "operator@example.org") -> httpx.Response:
    """Ask for a reset, and wait until what follows the answer is done."""
    answer = await client.post(ASK, json={"email": email})
    await app.state.services.mailroom.idle()
    return answer


async def login_status(client: httpx.AsyncClient, password: str) -> int:
    return (await client.post(LOGIN, data={"username": "operator", "password": password})).status_code


async def test_the_password_is_changed_by_who_knows_it(client: httpx.AsyncClient, world: World) -> None:
    own, other = await logged_in(client), await logged_in(client)
    answer = await client.post(
        CHANGE,
        headers=bearer(own["access_token"]),
        json={"current_password": PASSWORD, "new_password": NEW},
    )

    assert answer.status_code == 204
    assert await login_status(client, PASSWORD) == 401
    assert await login_status(client, NEW) == 200
    assert await me_status(client, own["access_token"]) == 200
    assert await me_status(client, other["access_token"]) == 401
    assert (await refreshed(client, other["refresh_token"])).status_code == 401
    changed_at = await world.connection.fetchval(
        "SELECT password_changed_at FROM app_user WHERE username = 'operator'"
    )
    assert datetime.now(UTC) - changed_at < timedelta(minutes=1)


async def test_a_change_of_password_is_recorded_without_the_password(
    client: httpx.AsyncClient, world: World
) -> None:
    await client.post(
        CHANGE, headers=world.headers("user"), json={"current_password": PASSWORD, "new_password": NEW}
    )
    entries = await world.connection.fetch("SELECT * FROM audit_log")

    assert [entry["action"] for entry in entries] == ["password.change"]
    text = json.dumps([dict(entry) for entry in entries], default=str)
    assert PASSWORD not in text
    assert NEW not in text
    assert "argon2" not in text


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"current_password": "wrong", "new_password": NEW}, "current_password"),
        ({"current_password": PASSWORD, "new_password": PASSWORD}, "new_password"),
        ({"current_password": PASSWORD, "new_password": "short"}, "new_password"),
        ({"current_password": PASSWORD, "new_password": "x" * 129}, "new_password"),
        ({"new_password": NEW}, "current_password"),
        ({"current_password": PASSWORD, "new_password": NEW, "user_id": 1}, "user_id"),
    ],
)
async def test_a_bad_change_is_refused_by_its_field(
    client: httpx.AsyncClient, world: World, body: dict[str, object], field: str
) -> None:
    answer = await client.post(CHANGE, headers=world.headers("operator"), json=body)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert await login_status(client, PASSWORD) == 200


async def test_guessing_the_current_password_is_slowed_down(client: httpx.AsyncClient, world: World) -> None:
    wrong = {"current_password": "wrong", "new_password": NEW}
    answers = [await client.post(CHANGE, headers=world.headers("operator"), json=wrong) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [422] * 5 + [429]
    assert int(answers[-1].headers["Retry-After"]) >= 1


async def test_a_forgotten_password_is_reset_by_mail(
    client: httpx.AsyncClient, app: FastAPI, mailbox: Mailbox, world: World
) -> None:
    before = await logged_in(client)
    assert (await ask(client, app, "Operator@Example.org")).status_code == 202
    [mail] = mailbox.mails
    assert mail.to == "operator@example.org"
    assert "operator" in mail.text
    answer = await client.post(CONFIRM, json={"token": mailbox.token, "new_password": NEW})

    assert answer.status_code == 204
    assert await login_status(client, NEW) == 200
    assert await login_status(client, PASSWORD) == 401
    assert await me_status(client, before["access_token"]) == 401
    entries = await world.connection.fetch("SELECT action, actor_name FROM audit_log ORDER BY id")
    assert ("password.ask_reset", "anonymous") in [tuple(entry) for entry in entries]
    assert ("password.reset", "operator") in [tuple(entry) for entry in entries]


async def test_a_reset_is_good_once(
    client: httpx.AsyncClient, app: FastAPI, mailbox: Mailbox, world: World
) -> None:
    await ask(client, app)
    first = mailbox.token
    await ask(client, app)
    second = mailbox.token
    bodies = [{"token": token, "new_password": NEW} for token in (second, second, first)]
    answers = [await client.post(CONFIRM, json=body) for body in bodies]

    assert [answer.status_code for answer in answers] == [204, 422, 422]
    assert answers[1].json()["errors"][0]["field"] == "token"


async def test_a_change_of_password_makes_mailed_tokens_worthless(
    client: httpx.AsyncClient, app: FastAPI, mailbox: Mailbox, world: World
) -> None:
    await ask(client, app)
    await client.post(
        CHANGE, headers=world.headers("operator"), json={"current_password": PASSWORD, "new_password": NEW}
    )
    answer = await client.post(CONFIRM, json={"token": mailbox.token, "new_password": "a third horse"})

    assert answer.status_code == 422


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE mailed_token SET expires_at = now() - interval '1 s'",
        "UPDATE app_user SET is_active = false",
        "UPDATE mailed_token SET kind = 'invitation'",
        "DELETE FROM app_user WHERE username = 'operator'",
    ],
)
async def test_a_reset_that_holds_no_longer_is_refused(
    client: httpx.AsyncClient, app: FastAPI, mailbox: Mailbox, world: World, change: str
) -> None:
    await ask(client, app)
    await world.connection.execute(change)

    answer = await client.post(CONFIRM, json={"token": mailbox.token, "new_password": NEW})
    assert answer.status_code == 422


async def test_the_answer_tells_nobody_whether_there_is_such_a_user(
    client: httpx.AsyncClient, app: FastAPI, mailbox: Mailbox, world: World
) -> None:
    known, unknown = await ask(client, app), await ask(client, app, "nobody@example.org")

    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    assert [mail.to for mail in mailbox.mails] == ["operator@example.org"]


async def test_the_answer_waits_for_no_mail_server(
    client: httpx.AsyncClient, app: FastAPI, mailbox: Mailbox, world: World
) -> None:
    mailbox.is_broken = True

    assert (await ask(client, app)).status_code == 202
    assert mailbox.mails == []


async def test_a_disabled_user_gets_no_mail(
    client: httpx.AsyncClient, app: FastAPI, mailbox: Mailbox, world: World
) -> None:
    await world.connection.execute("UPDATE app_user SET is_active = false")
    await ask(client, app)

    assert mailbox.mails == []


async def test_nobodys_mailbox_is_filled(
    client: httpx.AsyncClient, app: FastAPI, mailbox: Mailbox, world: World
) -> None:
    answers = [await ask(client, app) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [202] * 5 + [429]
    assert len(mailbox.mails) == 3


async def test_the_token_is_stored_only_as_its_hash(
    client: httpx.AsyncClient, app: FastAPI, mailbox: Mailbox, world: World
) -> None:
    await ask(client, app)
    [row] = await world.connection.fetch("SELECT token_hash, mailed_token::text AS row FROM mailed_token")

    assert len(row["token_hash"]) == 32
    assert mailbox.token not in row["row"]


async def test_a_link_keeps_its_token_out_of_the_logs_of_servers(
    make_app: AppMaker, mailbox: Mailbox, world: World
) -> None:
    await world.connection.execute(
        "UPDATE app_user SET email = 'operator@example.org' WHERE username = 'operator'"
    )
    app = make_app(mailer=mailbox, account_rules=AccountRules(public_url="https://ops.example/"))
    async with running(app) as client:
        await ask(client, app)

    assert f"https://ops.example/reset-password#token={mailbox.token}\n" in mailbox.mails[0].text


async def test_without_a_mailer_nothing_is_made_and_the_answer_is_the_same(
    make_app: AppMaker, world: World
) -> None:
    await world.connection.execute(
        "UPDATE app_user SET email = 'operator@example.org' WHERE username = 'operator'"
    )
    app = make_app()
    async with running(app) as client:
        answer = await ask(client, app)

    assert answer.status_code == 202
    assert await world.connection.fetchval("SELECT count(*) FROM mailed_token") == 0


@pytest.mark.parametrize("email", ["", "operator", "a@b@c", "a b@example.org", "x@" + "y" * 400, 1, None])
async def test_what_is_no_mail_address_is_refused(
    client: httpx.AsyncClient, world: World, email: object
) -> None:
    answer = await client.post(ASK, json={"email": email})

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["email"]
