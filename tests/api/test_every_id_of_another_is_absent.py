"""What belongs to another user is as absent as what does not exist, wherever an id stands in a path."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx
import pytest

from tests.api.openapi import Operation, operations
from tests.api.world import ERIC_TOKEN, World, login_id, session_id

ALL: Final = {str(operation): operation for operation in operations() if operation.named("path")}
OF_SOMEBODY: Final = {
    "DELETE /api/v1/auth/logins/{login_id}",
    "GET /api/v1/api-keys/{api_key_id}",
    "DELETE /api/v1/api-keys/{api_key_id}",
    "GET /api/v1/commands/{command_id}",
    "POST /api/v1/commands/{command_id}/cancel",
    "GET /api/v1/sessions/{session_id}",
    "GET /api/v1/sessions/{session_id}/readings",
    "GET /api/v1/sessions/{session_id}/bills",
    "GET /api/v1/bills/{bill_id}",
    "GET /api/v1/bills/{bill_id}/cdr",
    "GET /api/v1/bills/{bill_id}/pdf",
}
"""What a driver may ask for, of their own."""
OF_EVERYBODY: Final = {
    "GET /api/v1/tariffs/{tariff_id}",
}
"""What all drivers see alike."""
NOT_FOR_DRIVERS: Final = {
    "GET /api/v1/alerts/{alert_id}",
    "POST /api/v1/alerts/{alert_id}/acknowledge",
    "POST /api/v1/alerts/{alert_id}/resolve",
    "GET /api/v1/users/{user_id}",
    "PATCH /api/v1/users/{user_id}",
    "DELETE /api/v1/users/{user_id}",
    "GET /api/v1/users/{user_id}/logins",
    "DELETE /api/v1/users/{user_id}/logins/{login_id}",
    "GET /api/v1/roles/{role_name}",
    "PATCH /api/v1/roles/{role_name}",
    "DELETE /api/v1/roles/{role_name}",
    "GET /api/v1/sites/{site_id}",
    "PATCH /api/v1/sites/{site_id}",
    "DELETE /api/v1/sites/{site_id}",
    "GET /api/v1/evses/{evse_uid}",
    "PATCH /api/v1/evses/{evse_uid}",
    "DELETE /api/v1/evses/{evse_uid}",
    "GET /api/v1/evses/{evse_uid}/events",
    "GET /api/v1/evses/{evse_uid}/credentials",
    "GET /api/v1/evses/{evse_uid}/online-history",
    "GET /api/v1/evses/{evse_uid}/telemetry",
    "GET /api/v1/imports/{import_id}",
    "DELETE /api/v1/tariffs/{tariff_id}",
}
"""What a driver gets 403 for, whatever the id."""


async def of(world: World, username: str, session: str, id_token: str) -> dict[str, Any]:
    """An id of each kind of thing that belongs to that user."""
    user_id = world.user_ids[username]
    in_an_hour = datetime.now(UTC) + timedelta(hours=1)
    api_key_id = await world.connection.fetchval(
        "INSERT INTO api_key (name, prefix, key_hash, user_id, scopes, expires_at)"
        " VALUES ('a key', $1, $2, $3, '{}', $4) RETURNING id",
        username,
        username.encode(),
        user_id,
        in_an_hour,
    )
    return {
        "session_id": session_id(session),
        "bill_id": await world.add_bill(session, id_token=id_token),
        "command_id": await world.add_command(requested_by=username, requested_by_user_id=user_id),
        "login_id": login_id(username),
        "api_key_id": api_key_id,
    }


def absent_of(kind: str) -> Any:
    """An id of nobody's."""
    return 2_000_000_000 if kind == "api_key_id" else session_id("of nobody")


def test_every_route_with_an_id_is_classified() -> None:
    assert set(ALL) == OF_SOMEBODY | OF_EVERYBODY | NOT_FOR_DRIVERS


def test_a_route_is_classified_once() -> None:
    assert len(ALL) == len(OF_SOMEBODY) + len(OF_EVERYBODY) + len(NOT_FOR_DRIVERS)


@pytest.mark.parametrize("name", sorted(OF_SOMEBODY))
async def test_what_is_anothers_is_absent(client: httpx.AsyncClient, world: World, name: str) -> None:
    operation: Operation = ALL[name]
    own = await of(world, "user", "running", "token-of-dora")
    anothers = await of(world, "eric", "of-eric", ERIC_TOKEN)
    [kind] = operation.named("path")
    answers = []
    for value in (anothers[kind], absent_of(kind), own[kind]):  # the own last: it may end the login
        path = operation.path.format(**{kind: value})
        answers.append(await client.request(operation.method, path, headers=world.headers("user")))
    of_another, of_nobody, of_own = answers

    assert of_another.status_code == 404
    assert (of_another.status_code, of_another.content) == (of_nobody.status_code, of_nobody.content)
    assert of_own.status_code < 300


@pytest.mark.parametrize("name", sorted(OF_SOMEBODY))
async def test_asking_for_what_is_anothers_changes_nothing(
    client: httpx.AsyncClient, world: World, name: str
) -> None:
    operation = ALL[name]
    anothers = await of(world, "eric", "of-eric", ERIC_TOKEN)
    [kind] = operation.named("path")
    before = await everything(world)
    await client.request(
        operation.method, operation.path.format(**{kind: anothers[kind]}), headers=world.headers("user")
    )

    assert await everything(world) == before


async def everything(world: World) -> list[Any]:
    tables = ("charging_session", "bill", "command", "login_session", "api_key")
    return [
        await world.connection.fetch(f"SELECT xmin, t::text FROM {table} t ORDER BY 2") for table in tables
    ]


@pytest.mark.parametrize("name", sorted(NOT_FOR_DRIVERS))
async def test_what_is_not_for_drivers_is_refused_whatever_the_id(
    client: httpx.AsyncClient, world: World, name: str
) -> None:
    operation = ALL[name]
    there: dict[str, Any] = {
        "alert_id": await world.add_alert(),
        "user_id": world.user_ids["user"],  # even the own
        "login_id": login_id("user"),
        "role_name": "user",
        "site_id": 1,
        "evse_uid": "CP-1",
        "import_id": session_id("an import"),
        "tariff_id": 1,
    }
    path = operation.path.format(**there)
    answer = await client.request(operation.method, path, headers=world.headers("user"))

    assert answer.status_code == 403


@pytest.mark.parametrize("name", sorted(OF_EVERYBODY))
async def test_what_is_everybodys_is_the_same_for_all_drivers(
    client: httpx.AsyncClient, world: World, name: str
) -> None:
    path = ALL[name].path.format(tariff_id=1)
    answers = [await client.get(path, headers=world.headers(who)) for who in ("user", "eric", "operator")]

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
