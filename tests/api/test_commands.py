"""Commands over the API: who may ask for what, once for each key, and what is told about it."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from solarrally.storage.commands import COMMANDS_CHANNEL
from solarrally.storage.notice import CHANNEL, decode_notice
from tests.api.conftest import AppMaker, running
from tests.api.world import DORA_TOKEN, ERIC_TOKEN, World, session_id

LIMIT = {"evse_uid": "CP-1", "command": "set_current_limit", "params": {"limit_a": 16}}
STOP = {"evse_uid": "CP-1", "command": "stop"}


async def ask(
    client: httpx.AsyncClient, world: World, body: Any, who: str = "operator", key: str | None = None
) -> httpx.Response:
    headers = world.headers(who) | ({} if key is None else {"Idempotency-Key": key})
    return await client.post("/api/v1/commands", json=body, headers=headers)


async def commands_in(world: World) -> list[asyncpg.Record]:
    return list(await world.connection.fetch("SELECT * FROM command ORDER BY created_at"))


def fields_of(answer: httpx.Response) -> list[str]:
    return [error["field"] for error in answer.json().get("errors", [])]


async def test_a_command_waits_to_be_sent_and_expires_after_its_timeout(
    client: httpx.AsyncClient, world: World
) -> None:
    answer = await ask(client, world, {**LIMIT, "timeout_s": 60})

    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert answer.headers["Location"] == f"/api/v1/commands/{made['id']}"
    assert (made["status"], made["evse_uid"], made["site_id"]) == ("pending", "CP-1", 1)
    assert (made["command"], made["params"]) == ("set_current_limit", {"limit_a": 16})
    assert made["requested_by"] == "operator"
    [row] = await commands_in(world)
    assert (row["expires_at"] - row["created_at"]).total_seconds() == 60
    one = await client.get(f"/api/v1/commands/{made['id']}", headers=world.headers("operator"))
    assert one.json() == made


async def test_a_command_is_in_the_audit_log_and_told_to_the_ingestor_and_to_watchers(
    client: httpx.AsyncClient, world: World, admin_connection: asyncpg.Connection
) -> None:
    heard: list[tuple[str, str]] = []
    for channel in (CHANNEL, COMMANDS_CHANNEL):
        await admin_connection.add_listener(channel, lambda _c, _p, name, text: heard.append((name, text)))
    body = {
        "evse_uid": "CP-1",
        "command": "update_firmware",
        "params": {"url": "https://firmware.example.com/a.bin?signature=hidden", "version": "2"},
    }

    made = (await ask(client, world, body)).json()
    async with asyncio.timeout(5):
        while len(heard) < 2:  # the listener is called by the driver
            await admin_connection.execute("SELECT 1")

    [entry] = await world.connection.fetch("SELECT * FROM audit_log WHERE action = 'command.create'")
    assert (entry["actor_name"], entry["object_type"], entry["object_id"]) == (
        "operator",
        "command",
        made["id"],
    )
    after = json.loads(entry["after"])
    assert (after["evse_uid"], after["command"]) == ("CP-1", "update_firmware")
    assert made["params"] == after["params"] == {"url": "https://firmware.example.com/a.bin", "version": "2"}
    told = dict(heard)
    [update] = decode_notice(told[CHANNEL]).commands
    assert (str(update.id), update.status, update.evse_uid) == (made["id"], "pending", "CP-1")
    assert told[COMMANDS_CHANNEL] == ""
    [row] = await commands_in(world)
    assert json.loads(row["params"])["url"].endswith("?signature=hidden")  # the station needs it whole


async def test_the_same_key_and_request_give_the_same_command(
    client: httpx.AsyncClient, world: World
) -> None:
    first = await ask(client, world, LIMIT, key="once")
    await world.connection.execute("UPDATE evse SET is_online = false")  # which would refuse a new one
    again = await ask(client, world, {**LIMIT, "params": {"limit_a": 16.0}, "timeout_s": 30}, key="once")

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert len(await commands_in(world)) == 1


async def test_the_same_key_for_another_request_is_refused(client: httpx.AsyncClient, world: World) -> None:
    await ask(client, world, LIMIT, key="once")
    other = await ask(client, world, {**LIMIT, "params": {"limit_a": 20}}, key="once")

    assert other.status_code == 409
    assert fields_of(other) == ["Idempotency-Key"]


async def test_a_key_is_its_users_own(client: httpx.AsyncClient, world: World) -> None:
    await ask(client, world, LIMIT, key="once")

    assert (await ask(client, world, LIMIT, who="admin", key="once")).status_code == 201


async def test_many_requests_with_one_key_at_once_make_one_command(
    client: httpx.AsyncClient, world: World
) -> None:
    answers = await asyncio.gather(*(ask(client, world, LIMIT, key="at once") for _ in range(1)))
    assert answers[0].status_code == 422  # a space is no part of a key
    answers = await asyncio.gather(*(ask(client, world, LIMIT, key="at-once") for _ in range(8)))

    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_an_offline_station_is_refused_unless_the_command_may_wait(
    client: httpx.AsyncClient, world: World
) -> None:
    await world.connection.execute("UPDATE evse SET is_online = false WHERE evse_uid = 'CP-1'")
    refused = await ask(client, world, LIMIT)

    assert refused.status_code == 409
    assert fields_of(refused) == ["evse_uid"]
    assert (await ask(client, world, {**LIMIT, "queue_if_offline": True})).status_code == 201


async def test_a_disabled_station_is_refused(client: httpx.AsyncClient, world: World) -> None:
    await world.connection.execute("UPDATE evse SET is_enabled = false WHERE evse_uid = 'CP-1'")

    assert (await ask(client, world, {**LIMIT, "queue_if_offline": True})).status_code == 409


async def test_an_unknown_station_is_absent(client: httpx.AsyncClient, world: World) -> None:
    assert (await ask(client, world, {**LIMIT, "evse_uid": "CP-9"})).status_code == 404


async def test_a_connector_that_the_station_does_not_have_is_refused(
    client: httpx.AsyncClient, world: World
) -> None:
    refused = await ask(client, world, {"evse_uid": "CP-1", "command": "unlock", "connector_id": 2})

    assert (refused.status_code, fields_of(refused)) == (409, ["connector_id"])


async def test_a_station_has_so_many_open_commands_at_most(make_app: AppMaker, world: World) -> None:
    async with running(make_app(account_cache_s=0.0, max_open_commands=2)) as client:
        answers = await asyncio.gather(*(ask(client, world, LIMIT) for _ in range(5)))
        elsewhere = await ask(client, world, {**LIMIT, "evse_uid": "CP-2"})
        await world.connection.execute(
            "UPDATE command SET status = 'completed', finished_at = now() WHERE evse_id = $1",
            world.evse_ids["CP-1"],
        )
        later = await ask(client, world, LIMIT)

    assert sorted(answer.status_code for answer in answers) == [201, 201, 429, 429, 429]
    assert (elsewhere.status_code, later.status_code) == (201, 201)


async def test_a_session_is_stopped_by_its_id_in_the_stations_own_words(
    client: httpx.AsyncClient, world: World
) -> None:
    made = (await ask(client, world, {**STOP, "params": {"session_id": str(session_id("running"))}})).json()

    assert (made["connector_id"], made["params"]) == (1, {"session_id": "running"})


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"session_id": str(uuid4())}, 404),
        ({"session_id": str(session_id("of-eric"))}, 404),  # at another station
    ],
)
async def test_a_session_that_is_not_there_cannot_be_stopped(
    client: httpx.AsyncClient, world: World, params: dict[str, str], status: int
) -> None:
    assert (await ask(client, world, {**STOP, "params": params})).status_code == status


async def test_a_session_that_is_over_cannot_be_stopped(client: httpx.AsyncClient, world: World) -> None:
    params = {"session_id": str(session_id("of-eric"))}
    refused = await ask(client, world, {"evse_uid": "CP-2", "command": "stop", "params": params})

    assert (refused.status_code, fields_of(refused)) == (409, ["params.session_id"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"evse_uid": "CP-1", "command": "explode"}, "body"),
        ({"evse_uid": "CP-1", "command": "start", "params": {"limit_a": 1}}, "start.params.limit_a"),
        ({"evse_uid": "CP-1\0", "command": "start"}, "start.evse_uid"),
        ({"evse_uid": "CP-1", "command": "start", "params": {"id_token": ""}}, "start.params.id_token"),
        ({"evse_uid": "CP-1", "command": "start", "connector_id": 0}, "start.connector_id"),
        ({"evse_uid": "CP-1", "command": "stop", "params": {"session_id": "{}"}}, "stop.params.session_id"),
        ({"evse_uid": "CP-1", "command": "reset"}, "reset.params"),
        ({"evse_uid": "CP-1", "command": "reset", "params": {"kind": "Soft"}}, "reset.params.kind"),
        ({**LIMIT, "params": {"limit_a": 5.9}}, "set_current_limit.params.limit_a"),
        ({**LIMIT, "params": {"limit_a": 80.1}}, "set_current_limit.params.limit_a"),
        ({**LIMIT, "params": {"limit_a": "16"}}, "set_current_limit.params.limit_a"),
        ({**LIMIT, "timeout_s": 4}, "set_current_limit.timeout_s"),
        ({**LIMIT, "timeout_s": 3601}, "set_current_limit.timeout_s"),
        ({**LIMIT, "extra": 1}, "set_current_limit.extra"),
        *(
            (
                {"evse_uid": "CP-1", "command": "update_firmware", "params": {"url": url}},
                "update_firmware.params.url",
            )
            for url in (
                "http://firmware.example.com/a",
                "https://user:secret@firmware.example.com/a",
                "https:///a",
                "file:///etc/passwd",
                "https://a b",
            )
        ),
    ],
)
async def test_a_request_that_makes_no_sense_is_refused_by_the_fields_name(
    client: httpx.AsyncClient, world: World, body: Any, field: str
) -> None:
    answer = await ask(client, world, body)

    assert answer.status_code == 422
    assert fields_of(answer) == [field]
    assert await commands_in(world) == []


async def test_a_driver_stops_pauses_and_resumes_the_own_session(
    client: httpx.AsyncClient, world: World
) -> None:
    for word in ("stop", "pause", "resume"):
        answer = await ask(client, world, {"evse_uid": "CP-1", "command": word}, who="user")
        assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("word", ["stop", "pause", "resume"])
async def test_anothers_session_is_absent_for_a_driver(
    client: httpx.AsyncClient, world: World, word: str
) -> None:
    answer = await ask(client, world, {"evse_uid": "CP-1", "command": word}, who="eric")

    assert answer.status_code == 404
    by_id = {**STOP, "params": {"session_id": str(session_id("running"))}}
    assert (await ask(client, world, by_id, who="eric")).status_code == 404
    assert await commands_in(world) == []


async def test_a_driver_starts_for_the_own_token_on_a_free_connector(
    client: httpx.AsyncClient, world: World
) -> None:
    start = {"evse_uid": "CP-2", "command": "start"}
    made = (await ask(client, world, start, who="user")).json()

    assert made["params"] == {"id_token": DORA_TOKEN}
    with_own = await ask(client, world, {**start, "params": {"id_token": DORA_TOKEN}}, who="user")
    assert with_own.status_code == 201
    with_anothers = await ask(client, world, {**start, "params": {"id_token": ERIC_TOKEN}}, who="user")
    assert with_anothers.status_code == 403


async def test_a_driver_cannot_start_where_somebody_charges(client: httpx.AsyncClient, world: World) -> None:
    refused = await ask(client, world, {"evse_uid": "CP-1", "command": "start"}, who="eric")

    assert (refused.status_code, fields_of(refused)) == (409, ["connector_id"])


async def test_a_driver_can_start_after_plugging_in(client: httpx.AsyncClient, world: World) -> None:
    await world.connection.execute(
        "UPDATE charging_session SET id_token = NULL; UPDATE connector SET status = 'preparing'"
    )

    answer = await ask(client, world, {"evse_uid": "CP-1", "command": "start"}, who="eric")

    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    "body",
    [
        LIMIT,
        {"evse_uid": "CP-1", "command": "reset", "params": {"kind": "hard"}},
        {"evse_uid": "CP-1", "command": "unlock"},
        {"evse_uid": "CP-1", "command": "update_firmware", "params": {"url": "https://example.com/a"}},
    ],
    ids=lambda body: body["command"],
)
async def test_what_is_the_operators_is_not_the_drivers(
    client: httpx.AsyncClient, world: World, body: Any
) -> None:
    assert (await ask(client, world, body, who="user")).status_code == 403
    assert (await ask(client, world, body, who="operator")).status_code == 201


async def test_a_driver_without_a_token_controls_nothing(client: httpx.AsyncClient, world: World) -> None:
    await world.connection.execute("UPDATE app_user SET id_token = NULL")

    for word in ("start", "stop"):
        answer = await ask(client, world, {"evse_uid": "CP-1", "command": word}, who="user")
        assert answer.status_code == 403


async def test_a_driver_sees_and_cancels_only_own_commands(client: httpx.AsyncClient, world: World) -> None:
    operators = (await ask(client, world, LIMIT)).json()["id"]
    own = (await ask(client, world, STOP, who="user")).json()["id"]
    headers = world.headers("user")

    page = (await client.get("/api/v1/commands", headers=headers)).json()
    assert [one["id"] for one in page["items"]] == [own]
    assert (await client.get(f"/api/v1/commands/{operators}", headers=headers)).status_code == 404
    assert (await client.post(f"/api/v1/commands/{operators}/cancel", headers=headers)).status_code == 404
    assert (await client.post(f"/api/v1/commands/{own}/cancel", headers=headers)).status_code == 200


async def test_a_waiting_command_is_taken_back_and_one_on_its_way_is_not(
    client: httpx.AsyncClient, world: World
) -> None:
    headers = world.headers("operator")
    made = (await ask(client, world, LIMIT)).json()["id"]

    cancelled = await client.post(f"/api/v1/commands/{made}/cancel", headers=headers)
    again = await client.post(f"/api/v1/commands/{made}/cancel", headers=headers)

    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert cancelled.json()["finished_at"] is not None
    assert (again.status_code, fields_of(again)) == (409, ["command_id"])
    [entry] = await world.connection.fetch("SELECT * FROM audit_log WHERE action = 'command.cancel'")
    assert json.loads(entry["after"]) == {"status": "cancelled"}
    other = (await ask(client, world, LIMIT)).json()["id"]
    await world.connection.execute("UPDATE command SET tried_at = now() WHERE id = $1", UUID(other))
    assert (await client.post(f"/api/v1/commands/{other}/cancel", headers=headers)).status_code == 409


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["unlock", "set_current_limit", "stop"]),
        ("sort=created_at", ["stop", "set_current_limit", "unlock"]),
        ("evse_uid=CP-1", ["set_current_limit", "stop"]),
        ("site_id=2", ["unlock"]),
        ("command=stop", ["stop"]),
        ("status=completed", ["stop"]),
        ("date_to=2026-01-01T00:00:00Z", []),
        ("date_from=2026-01-01T00:00:00Z&limit=1", ["unlock"]),
    ],
)
async def test_commands_are_found_by_what_they_are(
    client: httpx.AsyncClient, world: World, query: str, expected: list[str]
) -> None:
    await ask(client, world, STOP)
    await world.connection.execute("UPDATE command SET status = 'completed', finished_at = now()")
    await ask(client, world, LIMIT)
    await ask(client, world, {"evse_uid": "CP-3", "command": "unlock"})

    page = await client.get(f"/api/v1/commands?{query}", headers=world.headers("operator"))

    assert [one["command"] for one in page.json()["items"]] == expected
