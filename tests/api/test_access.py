"""Every route for every role, as data: a route that is missing here fails the test."""

from __future__ import annotations

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from solarrally.api.app import create_app
from solarrally.api.options import ApiOptions
from solarrally.hub import Hub
from solarrally.storage.engine import create_engine
from tests.api.conftest import AppMaker, running
from tests.api.world import ROLES, World, session_id

OWN, ANOTHERS = session_id("running"), session_id("of-eric")
NEW_USER = {"username": "new", "password": "long enough", "role": "guest"}

#        route                                   nobody admin operator user guest
TABLE: dict[tuple[str, str], tuple[int, int, int, int, int]] = {
    ("GET", "/healthz"): (200, 200, 200, 200, 200),
    ("GET", "/readyz"): (200, 200, 200, 200, 200),
    ("POST", "/api/v1/auth/login"): (422, 422, 422, 422, 422),  # open: it asks for the form
    ("GET", "/api/v1/auth/me"): (401, 200, 200, 200, 200),
    ("GET", "/api/v1/evses"): (401, 200, 200, 403, 403),
    ("GET", "/api/v1/evses/{evse_uid}"): (401, 200, 200, 403, 403),
    ("GET", "/api/v1/evse-status"): (401, 200, 200, 200, 200),
    ("GET", "/api/v1/sessions"): (401, 200, 200, 200, 403),
    ("GET", "/api/v1/sessions/{session_id}"): (401, 200, 200, 404, 403),  # another's
    ("GET", "/api/v1/sessions/{session_id}/readings"): (401, 200, 200, 404, 403),
    ("GET", "/api/v1/sessions/{session_id}/bills"): (401, 200, 200, 404, 403),
    ("GET", "/api/v1/users"): (401, 200, 403, 403, 403),
    ("POST", "/api/v1/users"): (401, 201, 403, 403, 403),
    ("GET", "/api/v1/rejected-messages"): (401, 200, 200, 403, 403),
    ("POST", "/api/v1/live/tickets"): (401, 201, 201, 201, 201),
    ("GET", "/api/v1/openapi.json"): (401, 200, 200, 200, 200),
    ("GET", "/api/v1/docs"): (401, 200, 200, 200, 200),
    ("GET", "/api/v1/docs/assets/{name}"): (401, 200, 200, 200, 200),
}
WEBSOCKETS = {"/api/v1/live"}
"""Tested in test_live_admission.py."""


class NoFeed:
    """A feed that follows nothing."""

    async def run(self) -> None:
        """Nothing to do."""


def test_the_table_has_every_route_and_no_other() -> None:
    engine = create_engine("postgresql://nobody@127.0.0.1:1/none")
    app = create_app(engine=engine, hub=Hub(), feed=NoFeed(), options=ApiOptions(jwt_secret="x" * 32))
    routes: set[tuple[str, str]] = set()
    sockets: set[str] = set()
    for context in iter_route_contexts(app.routes):
        if context.methods is None:
            sockets.add(str(context.path))
        else:
            routes.update((method, str(context.path)) for method in context.methods)

    assert routes == set(TABLE)
    assert sockets == WEBSOCKETS


@pytest.mark.parametrize("route", TABLE, ids=" ".join)
async def test_a_route_lets_in_whom_it_should(
    client: httpx.AsyncClient, world: World, route: tuple[str, str]
) -> None:
    method, path = route
    path = path.format(evse_uid="CP-1", session_id=ANOTHERS, name="swagger-ui.css")
    answers = []
    for role in (None, *ROLES):
        headers = {} if role is None else world.headers(role)
        body = NEW_USER if route == ("POST", "/api/v1/users") else None
        answers.append((await client.request(method, path, headers=headers, json=body)).status_code)

    assert tuple(answers) == TABLE[route]


async def test_the_docs_are_open_when_they_are_meant_to_be(make_app: AppMaker) -> None:
    async with running(make_app(open_docs=True)) as client:
        assert (await client.get("/api/v1/openapi.json")).status_code == 200
        assert (await client.get("/api/v1/docs")).status_code == 200


@pytest.mark.parametrize("below", ["", "/readings", "/bills"])
async def test_anothers_session_is_as_absent_as_one_that_does_not_exist(
    client: httpx.AsyncClient, world: World, below: str
) -> None:
    headers = world.headers("user")
    own = await client.get(f"/api/v1/sessions/{OWN}{below}", headers=headers)
    anothers = await client.get(f"/api/v1/sessions/{ANOTHERS}{below}", headers=headers)
    absent = await client.get(f"/api/v1/sessions/{session_id('absent')}{below}", headers=headers)

    assert own.status_code == 200
    assert (anothers.status_code, anothers.content) == (absent.status_code, absent.content)


@pytest.mark.parametrize("query", ["", "id_token=token-of-eric", "evse_uid=CP-2", "status=COMPLETED"])
async def test_a_driver_lists_own_sessions_only(client: httpx.AsyncClient, world: World, query: str) -> None:
    await world.add_session("nobody's", id_token=None)
    page = (await client.get(f"/api/v1/sessions?{query}", headers=world.headers("user"))).json()

    assert {session["id_token"] for session in page["items"]} <= {"token-of-dora"}
    assert bool(page["items"]) == (query == "")


async def test_a_driver_without_a_token_has_no_sessions(client: httpx.AsyncClient, world: World) -> None:
    await world.connection.execute("UPDATE app_user SET id_token = NULL WHERE username = 'user'")
    await world.add_session("nobody's", id_token=None)
    headers = world.headers("user")

    assert (await client.get("/api/v1/sessions", headers=headers)).json()["items"] == []
    one = await client.get(f"/api/v1/sessions/{session_id(chr(39).join(('nobody', 's')))}", headers=headers)
    assert one.status_code == 404


async def test_the_public_status_tells_nothing_of_sessions(client: httpx.AsyncClient, world: World) -> None:
    page = (await client.get("/api/v1/evse-status", headers=world.headers("guest"))).json()

    assert page["items"][0] == {
        "evse_uid": "CP-1",
        "site_id": 1,
        "is_online": True,
        "connectors": [{"connector_id": 1, "status": "charging"}],
    }
