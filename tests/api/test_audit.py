"""The audit log: every change and every refused access, and no way to change it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import asyncpg
import httpx
import pytest
from websockets.exceptions import InvalidStatus

from solarrally.api.refusals import ENTRIES, ENTRIES_PER_ADDRESS, WINDOW_S, Refusal, Refusals
from solarrally.storage.audit import Actor
from solarrally.storage.engine import create_engine
from tests.api.conftest import AppMaker, Serve, running
from tests.api.watching import watching_by_ticket
from tests.api.world import World

AUDIT = "/api/v1/audit"


async def refused(client: httpx.AsyncClient, world: World) -> list[dict[str, Any]]:
    """The refusals of the log, once what waits is written."""
    await client._transport.app.state.services.refusals.flush()  # type: ignore[attr-defined]
    rows = await world.connection.fetch("SELECT * FROM audit_log WHERE outcome = 'refused' ORDER BY id")
    return [dict(row) for row in rows]


async def test_who_may_not_do_something_is_in_the_log_by_name(
    client: httpx.AsyncClient, world: World
) -> None:
    answer = await client.delete("/api/v1/users/1?x=1", headers=world.headers("guest"))
    (entry,) = await refused(client, world)

    assert answer.status_code == 403
    assert (entry["action"], entry["object_type"]) == ("access.refuse", "route")
    assert entry["object_id"] == "DELETE /api/v1/users/1"
    assert (entry["actor_name"], entry["actor_user_id"]) == ("guest", world.user_ids["guest"])
    assert entry["request_id"] == answer.headers["X-Request-ID"]
    assert entry["detail"] == "The role guest may not do this."


async def test_a_bad_token_is_in_the_log_and_the_token_is_not(
    client: httpx.AsyncClient, world: World
) -> None:
    token = world.token("admin") + "x"
    answer = await client.get("/api/v1/users", headers={"Authorization": f"Bearer {token}"})
    (entry,) = await refused(client, world)

    assert answer.status_code == 401
    assert (entry["actor_name"], entry["actor_user_id"]) == ("anonymous", None)
    assert entry["address"] == "127.0.0.1"
    assert token not in str(entry)


async def test_a_failed_login_is_in_the_log_and_the_password_is_not(
    client: httpx.AsyncClient, world: World
) -> None:
    await client.post("/api/v1/auth/login", data={"username": "admin", "password": "hunter2hunter2"})
    (entry,) = await refused(client, world)

    assert entry["object_id"] == "POST /api/v1/auth/login"
    assert (entry["actor_name"], entry["actor_user_id"]) == ("admin", world.user_ids["admin"])
    assert "hunter2" not in str(entry)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/v1/users"), ("GET", "/api/v1/auth/me"), ("POST", "/api/v1/auth/refresh")],
)
async def test_who_shows_nothing_is_refused_without_an_entry(
    client: httpx.AsyncClient, world: World, method: str, path: str
) -> None:
    assert (await client.request(method, path)).status_code == 401
    assert await refused(client, world) == []


async def test_a_role_that_is_beyond_the_own_is_refused_with_an_entry(
    client: httpx.AsyncClient, world: World
) -> None:
    await world.insert("role", {"name": "clerk", "permissions": ["user:write"]})
    await world.connection.execute("UPDATE app_user SET role = 'clerk' WHERE username = 'guest'")
    body = {"username": "mine", "password": "long enough", "role": "admin"}
    await client.post("/api/v1/users", json=body, headers=world.headers("guest"))
    (entry,) = await refused(client, world)

    assert (entry["actor_name"], entry["object_id"]) == ("guest", "POST /api/v1/users")


async def test_a_live_websocket_that_is_refused_is_in_the_log_and_the_ticket_is_not(
    serve: Serve, make_app: AppMaker, world: World
) -> None:
    app = make_app()
    with pytest.raises(InvalidStatus):
        async with watching_by_ticket(await serve(app), "A" * 43):
            raise AssertionError("it was let in")
    await app.state.services.refusals.flush()
    entry = await world.audited("access.refuse")

    assert entry["object_id"] == "WEBSOCKET /api/v1/live"
    assert entry["address"] == "127.0.0.1"
    assert "A" * 43 not in str(dict(entry))


async def test_the_running_application_writes_refusals_by_itself(
    client: httpx.AsyncClient, world: World
) -> None:
    await client.get("/api/v1/users", headers=world.headers("guest"))
    async with asyncio.timeout(10):
        while not await world.connection.fetchval("SELECT count(*) FROM audit_log"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_refusal_just_before_the_end_is_written_at_the_end(make_app: AppMaker, world: World) -> None:
    async with running(make_app()) as client:
        await client.get("/api/v1/users", headers=world.headers("guest"))

    assert await world.connection.fetchval("SELECT count(*) FROM audit_log") == 1


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def a_refusal(address: str) -> Refusal:
    actor = Actor(user_id=None, name="anonymous", address=address)
    return Refusal(actor=actor, route="GET /api/v1/users", detail="no")


async def test_a_flood_from_one_address_becomes_one_entry_with_its_number(
    database_url: str, connection: asyncpg.Connection
) -> None:
    engine, clock = create_engine(database_url), Clock()
    refusals = Refusals(engine, clock=clock)
    try:
        for _ in range(1000):
            refusals.note(a_refusal("192.0.2.1"))
        refusals.note(a_refusal("192.0.2.2"))
        clock.now_s += WINDOW_S
        refusals.note(a_refusal("192.0.2.1"))
        await refusals.flush()
    finally:
        await engine.dispose()
    rows = await connection.fetch("SELECT address, object_id, detail FROM audit_log ORDER BY id")

    assert len(rows) == ENTRIES_PER_ADDRESS + 1 + 1 + 1
    (more,) = [row for row in rows if row["object_id"] == "*"]
    assert (more["address"], more["detail"]) == (
        "192.0.2.1",
        f"{1000 - ENTRIES_PER_ADDRESS} more within 60 s",
    )


async def test_a_flood_from_many_addresses_is_bounded_too(
    database_url: str, connection: asyncpg.Connection
) -> None:
    engine, clock = create_engine(database_url), Clock()
    refusals = Refusals(engine, clock=clock)
    try:
        for number in range(5000):
            refusals.note(a_refusal(f"10.0.{number // 256}.{number % 256}"))
        await refusals.flush()
        clock.now_s += WINDOW_S
        refusals.note(a_refusal("192.0.2.1"))
        await refusals.flush()
    finally:
        await engine.dispose()
    rows = await connection.fetch("SELECT address, detail FROM audit_log ORDER BY id")

    assert len(rows) == ENTRIES + 2
    assert ("elsewhere", f"{5000 - ENTRIES} more within 60 s") in [tuple(row) for row in rows]


async def test_without_a_database_a_refusal_is_logged_and_nothing_fails(
    capsys: pytest.CaptureFixture[str],
) -> None:
    engine = create_engine("postgresql://nobody@127.0.0.1:1/none")
    refusals = Refusals(engine)
    try:
        refusals.note(a_refusal("192.0.2.1"))
        await refusals.flush()
    finally:
        await engine.dispose()

    said = capsys.readouterr().out
    assert "refusal_not_recorded" in said
    assert "192.0.2.1" in said


async def add_entry(world: World, action: str, object_id: str, at: str, **more: Any) -> None:
    values = {
        "actor_name": "admin",
        "action": action,
        "object_type": action.partition(".")[0],
        "object_id": object_id,
        "outcome": "done",
        **more,
    }
    columns = ", ".join(values)
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    await world.connection.execute(
        f"INSERT INTO audit_log (at, {columns}) VALUES ('{at}', {places})", *values.values()
    )


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["3", "2", "1"]),
        ("sort=at", ["1", "2", "3"]),
        ("action=user.create", ["1"]),
        ("object_type=user", ["2", "1"]),
        ("object_type=site&object_id=3", ["3"]),
        ("actor=olivia", ["2"]),
        ("actor_user_id=7", ["2"]),
        ("outcome=refused", ["3"]),
        ("date_from=2026-03-02T00:00:00Z&date_to=2026-03-03T00:00:00Z", ["2"]),
    ],
)
async def test_entries_are_found(
    client: httpx.AsyncClient, world: World, query: str, found: list[str]
) -> None:
    await add_entry(world, "user.create", "1", "2026-03-01Z", after=json.dumps({"role": "user"}))
    await add_entry(world, "user.update", "2", "2026-03-02Z", actor_name="olivia", actor_user_id=7)
    await add_entry(world, "site.update", "3", "2026-03-03Z", outcome="refused", detail="no")
    answer = await client.get(f"{AUDIT}?{query}", headers=world.headers("admin"))

    assert answer.status_code == 200
    assert [entry["object_id"] for entry in answer.json()["items"]] == found


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("object_id=3", "object_id"),
        ("outcome=perhaps", "outcome"),
        ("date_from=yesterday", "date_from"),
        ("actor_user_id=0", "actor_user_id"),
        ("action=a%00", "action"),
        ("sort=actor", "sort"),
    ],
)
async def test_a_question_that_cannot_be_answered_is_refused_by_its_field(
    client: httpx.AsyncClient, world: World, query: str, field: str
) -> None:
    answer = await client.get(f"{AUDIT}?{query}", headers=world.headers("admin"))

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_the_pages_of_the_log_follow_each_other(client: httpx.AsyncClient, world: World) -> None:
    for number in range(5):
        await add_entry(world, "user.update", str(number), "2026-03-01Z")
    first = await client.get(f"{AUDIT}?limit=3", headers=world.headers("admin"))
    rest = await client.get(
        AUDIT, params={"limit": 3, "cursor": first.json()["next_cursor"]}, headers=world.headers("admin")
    )

    assert [entry["object_id"] for entry in first.json()["items"]] == ["4", "3", "2"]
    assert [entry["object_id"] for entry in rest.json()["items"]] == ["1", "0"]


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_log SET actor_name = 'me'", "DELETE FROM audit_log", "TRUNCATE audit_log"]
)
async def test_nobody_changes_the_log(world: World, statement: str) -> None:
    await add_entry(world, "user.create", "1", "2026-03-01Z")
    with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
        await world.connection.execute(statement)
    assert await world.connection.fetchval("SELECT count(*) FROM audit_log") == 1
