"""Roles made here: what they allow counts at once, and they hold nothing that their maker has not."""

from __future__ import annotations

import httpx
import pytest

from solarrally.api.permissions import PERMISSIONS_IN_WORDS, PERMISSIONS_OF_ROLE, Permission
from solarrally.domain.permission import Role, beyond, permissions_of
from tests.api.world import World

ROLES = "/api/v1/roles"
ACCOUNTANT = {"name": "accountant", "description": "Sees bills.", "permissions": ["bill:read", "user:read"]}


async def test_a_role_that_was_made_here_allows_what_it_lists_and_nothing_else(
    client: httpx.AsyncClient, world: World
) -> None:
    made = await client.post(ROLES, json=ACCOUNTANT, headers=world.headers("admin"))
    await client.patch(
        f"/api/v1/users/{world.user_ids['guest']}",
        json={"role": "accountant"},
        headers=world.headers("admin"),
    )
    headers = world.headers("guest")

    assert made.status_code == 201
    assert {**made.json(), "created_at": None} == {**ACCOUNTANT, "is_built_in": False, "created_at": None}
    assert (await client.get("/api/v1/users", headers=headers)).status_code == 200
    assert (await client.get("/api/v1/sessions", headers=headers)).status_code == 403
    assert (await client.get("/api/v1/evse-status", headers=headers)).status_code == 403


async def test_a_changed_role_counts_for_those_who_have_it(client: httpx.AsyncClient, world: World) -> None:
    await world.insert("role", {"name": "crew", "permissions": ["evse:read"]})
    await world.connection.execute("UPDATE app_user SET role = 'crew' WHERE username = 'guest'")
    headers = world.headers("guest")
    before = [
        (await client.get(path, headers=headers)).status_code
        for path in ("/api/v1/evses", "/api/v1/sessions")
    ]
    answer = await client.patch(
        f"{ROLES}/crew", json={"permissions": ["session:read"]}, headers=world.headers("admin")
    )
    after = [
        (await client.get(path, headers=headers)).status_code
        for path in ("/api/v1/evses", "/api/v1/sessions")
    ]

    assert answer.status_code == 200
    assert answer.json()["permissions"] == ["session:read"]
    assert (before, after) == ([200, 403], [403, 200])
    entry = await world.audited("role.update")
    assert (entry["before"], entry["after"]) == (
        '{"permissions": ["evse:read"]}',
        '{"permissions": ["session:read"]}',
    )


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**ACCOUNTANT, "permissions": ["bill:burn"]}, "permissions"),
        ({**ACCOUNTANT, "permissions": "bill:read"}, "permissions"),
        ({**ACCOUNTANT, "name": "Accountant"}, "name"),
        ({**ACCOUNTANT, "name": "x" * 33}, "name"),
        ({**ACCOUNTANT, "description": "a\0"}, "description"),
        ({**ACCOUNTANT, "description": "x" * 501}, "description"),
        ({**ACCOUNTANT, "is_built_in": True}, "is_built_in"),
        ({"name": "accountant"}, "permissions"),
    ],
)
async def test_a_role_that_cannot_be_is_refused_by_its_field(
    client: httpx.AsyncClient, world: World, body: dict[str, object], field: str
) -> None:
    answer = await client.post(ROLES, json=body, headers=world.headers("admin"))

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_a_taken_name_is_a_conflict(client: httpx.AsyncClient, world: World) -> None:
    body = {**ACCOUNTANT, "name": "guest"}
    answer = await client.post(ROLES, json=body, headers=world.headers("admin"))

    assert answer.status_code == 409
    assert answer.json()["errors"] == [{"field": "name", "message": "another role has this name"}]


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_a_built_in_role_stays_as_it_is(
    client: httpx.AsyncClient, world: World, method: str, role: str
) -> None:
    body: object = {"permissions": []} if method == "PATCH" else None
    answer = await client.request(method, f"{ROLES}/{role}", json=body, headers=world.headers("admin"))

    assert answer.status_code == 409
    assert await world.connection.fetchval("SELECT permissions FROM role WHERE name = $1", role) is None


async def test_a_role_goes_when_nobody_has_it(client: httpx.AsyncClient, world: World) -> None:
    await world.insert("role", {"name": "crew", "permissions": ["evse:read"]})
    await world.connection.execute("UPDATE app_user SET role = 'crew' WHERE username = 'guest'")
    in_use = await client.delete(f"{ROLES}/crew", headers=world.headers("admin"))
    await world.connection.execute("UPDATE app_user SET role = 'guest' WHERE username = 'guest'")
    free = await client.delete(f"{ROLES}/crew", headers=world.headers("admin"))
    gone = await client.delete(f"{ROLES}/crew", headers=world.headers("admin"))

    assert (in_use.status_code, free.status_code, gone.status_code) == (409, 204, 404)
    assert in_use.json()["errors"][0]["field"] == "role_name"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "", {"name": "mine", "permissions": ["role:write", "user:write"]}),
        ("PATCH", "/crew", {"permissions": ["evse:read", "evse:write"]}),
        ("PATCH", "/bosses", {"permissions": []}),
        ("PATCH", "/bosses", {"description": "Mine."}),
        ("DELETE", "/bosses", None),
    ],
)
async def test_nobody_makes_or_changes_a_role_beyond_the_own_permissions(
    client: httpx.AsyncClient, world: World, method: str, path: str, body: object
) -> None:
    for name, permissions in (
        ("role-maker", ["role:read", "role:write", "evse:read"]),
        ("crew", ["evse:read"]),
        ("bosses", ["user:write"]),
    ):
        await world.insert("role", {"name": name, "permissions": permissions})
    await world.connection.execute("UPDATE app_user SET role = 'role-maker' WHERE username = 'guest'")
    headers = world.headers("guest")
    refused = await client.request(method, ROLES + path, json=body, headers=headers)
    allowed = await client.post(ROLES, json={"name": "more", "permissions": ["evse:read"]}, headers=headers)

    assert refused.status_code == 403
    assert allowed.status_code == 201


async def test_every_permission_is_told_in_words_with_who_has_it(
    client: httpx.AsyncClient, world: World
) -> None:
    items = (await client.get("/api/v1/permissions", headers=world.headers("admin"))).json()["items"]

    assert [item["name"] for item in items] == sorted(Permission)
    assert PERMISSIONS_IN_WORDS.keys() == set(Permission)
    by_name = {item["name"]: item for item in items}
    assert by_name["user:write"]["built_in_roles"] == ["admin"]
    assert by_name["session:read_own"]["built_in_roles"] == ["user"]


async def test_the_roles_are_listed_by_name(client: httpx.AsyncClient, world: World) -> None:
    first = await client.get(f"{ROLES}?limit=3", headers=world.headers("admin"))
    rest = await client.get(
        ROLES, params={"limit": 3, "cursor": first.json()["next_cursor"]}, headers=world.headers("admin")
    )

    assert [role["name"] for role in first.json()["items"]] == ["admin", "guest", "operator"]
    assert [role["name"] for role in rest.json()["items"]] == ["user"]


@pytest.mark.parametrize("role", list(Role))
def test_an_admin_may_give_every_built_in_role(role: Role) -> None:
    assert beyond(PERMISSIONS_OF_ROLE[role], PERMISSIONS_OF_ROLE[Role.ADMIN]) == frozenset()


def test_who_may_for_everybody_may_let_others_do_it_for_themselves_but_not_the_other_way() -> None:
    assert beyond({"bill:read_own"}, {"bill:read"}) == frozenset()
    assert beyond({"bill:read"}, {"bill:read_own"}) == {"bill:read"}


def test_words_that_are_no_permission_allow_nothing() -> None:
    assert permissions_of("crew", ["evse:read", "evse:fly"]) == {"evse:read"}
