"""Every route for every role, as data: a route that is missing here fails the test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from solarrally.api.app import create_app
from solarrally.api.options import ApiOptions
from solarrally.hub import Hub
from solarrally.storage.engine import create_engine
from tests.api.conftest import AppMaker, running
from tests.api.world import ERIC_TOKEN, PASSWORD, ROLES, World, login_id, session_id

OWN, ANOTHERS = session_id("running"), session_id("of-eric")
NEW_USER = {"username": "new", "password": "long enough", "role": "guest"}
TOKEN = "A" * 43
BODIES: dict[tuple[str, str], object] = {
    ("POST", "/api/v1/commands"): {"evse_uid": "CP-2", "command": "start"},
    ("POST", "/api/v1/sites"): {
        "name": "West",
        "timezone": "UTC",
        "currency": "JMD",
        "price_solar_per_kwh": "1",
        "price_grid_per_kwh": "2",
    },
    ("PATCH", "/api/v1/sites/{site_id}"): {"city": "Negril"},
    ("POST", "/api/v1/evses"): {"evse_uid": "CP-9", "site_id": 1},
    ("PATCH", "/api/v1/evses/{evse_uid}"): {"is_enabled": False},
    ("POST", "/api/v1/auth/password"): {"current_password": PASSWORD, "new_password": "another horse"},
    ("POST", "/api/v1/auth/password-reset"): {"email": "nobody@example.org"},
    ("POST", "/api/v1/auth/password-reset/confirm"): {"token": TOKEN, "new_password": "another horse"},
    ("POST", "/api/v1/auth/register"): {"username": "new", "password": "long enough"},
    ("POST", "/api/v1/auth/invitations"): {"email": "new@example.org", "role": "user"},
    ("POST", "/api/v1/auth/invitations/accept"): {
        "token": TOKEN,
        "username": "new",
        "password": "long enough",
    },
    ("POST", "/api/v1/api-keys"): {
        "name": "Grafana",
        "scopes": ["evse:read"],
        "expires_at": (datetime.now(UTC) + timedelta(days=30)).isoformat(),
    },
    ("POST", "/api/v1/users"): NEW_USER,
    ("PATCH", "/api/v1/users/{user_id}"): {"is_active": False},
    ("POST", "/api/v1/roles"): {"name": "crew", "permissions": ["evse:read"]},
    ("PATCH", "/api/v1/roles/{role_name}"): {"description": "Another."},
    ("POST", "/api/v1/tariffs"): {"site_id": 1, "price_solar_per_kwh": "1", "price_grid_per_kwh": "2"},
    ("POST", "/api/v1/tariffs/preview"): {
        "session_id": str(ANOTHERS),
        "price_solar_per_kwh": "1",
        "price_grid_per_kwh": "2",
    },
}
"""JSON for the routes that take some."""

#        route                                   nobody admin operator user guest
TABLE: dict[tuple[str, str], tuple[int, int, int, int, int]] = {
    ("GET", "/healthz"): (200, 200, 200, 200, 200),
    ("GET", "/readyz"): (200, 200, 200, 200, 200),
    ("GET", "/api/v1/public/status"): (404, 404, 404, 404, 404),  # not wanted; test_public.py has it wanted
    ("GET", "/api/v1/public/config"): (200, 200, 200, 200, 200),
    ("POST", "/api/v1/auth/login"): (422, 422, 422, 422, 422),  # open: it asks for the form
    ("POST", "/api/v1/auth/refresh"): (401, 401, 401, 401, 401),  # an access token is no refresh token
    ("POST", "/api/v1/auth/logout"): (401, 204, 204, 204, 204),
    ("GET", "/api/v1/auth/me"): (401, 200, 200, 200, 200),
    ("GET", "/api/v1/auth/logins"): (401, 200, 200, 200, 200),
    ("DELETE", "/api/v1/auth/logins/{login_id}"): (401, 404, 404, 404, 404),  # another's
    ("POST", "/api/v1/auth/password"): (401, 204, 204, 204, 204),
    ("POST", "/api/v1/auth/password-reset"): (202, 202, 202, 202, 202),
    ("POST", "/api/v1/auth/password-reset/confirm"): (422, 422, 422, 422, 422),  # no such token
    ("POST", "/api/v1/auth/register"): (403, 403, 403, 403, 403),  # not open
    ("POST", "/api/v1/auth/invitations"): (401, 503, 403, 403, 403),  # no mailer
    ("POST", "/api/v1/auth/invitations/accept"): (422, 422, 422, 422, 422),  # no such token
    ("GET", "/api/v1/api-keys"): (401, 200, 200, 200, 200),
    ("POST", "/api/v1/api-keys"): (401, 201, 201, 403, 403),  # to read EVSEs
    ("GET", "/api/v1/api-keys/{api_key_id}"): (401, 404, 404, 404, 404),  # there is none
    ("DELETE", "/api/v1/api-keys/{api_key_id}"): (401, 404, 404, 404, 404),
    ("GET", "/api/v1/sites"): (401, 200, 200, 403, 403),
    ("POST", "/api/v1/sites"): (401, 201, 403, 403, 403),
    ("GET", "/api/v1/sites/{site_id}"): (401, 200, 200, 403, 403),
    ("PATCH", "/api/v1/sites/{site_id}"): (401, 200, 403, 403, 403),
    ("DELETE", "/api/v1/sites/{site_id}"): (401, 409, 403, 403, 403),  # EVSEs stand there
    ("GET", "/api/v1/evses"): (401, 200, 200, 403, 403),
    ("POST", "/api/v1/evses"): (401, 201, 403, 403, 403),
    ("PATCH", "/api/v1/evses/{evse_uid}"): (401, 200, 403, 403, 403),
    ("DELETE", "/api/v1/evses/{evse_uid}"): (401, 409, 403, 403, 403),  # it was heard of
    ("GET", "/api/v1/evses/{evse_uid}/events"): (401, 200, 200, 403, 403),
    ("GET", "/api/v1/evses/{evse_uid}/credentials"): (401, 200, 200, 403, 403),
    ("GET", "/api/v1/evses/{evse_uid}/online-history"): (401, 422, 422, 403, 403),  # of which time?
    ("GET", "/api/v1/evses/{evse_uid}/telemetry"): (401, 422, 422, 403, 403),  # of which time?
    ("GET", "/api/v1/latest"): (401, 200, 200, 403, 403),
    ("GET", "/api/v1/evses/{evse_uid}"): (401, 200, 200, 403, 403),
    ("GET", "/api/v1/evse-status"): (401, 200, 200, 200, 200),
    ("GET", "/api/v1/sessions"): (401, 200, 200, 200, 403),
    ("GET", "/api/v1/sessions/totals"): (401, 200, 200, 200, 403),
    ("GET", "/api/v1/sessions/{session_id}"): (401, 200, 200, 404, 403),  # another's
    ("GET", "/api/v1/sessions/{session_id}/readings"): (401, 200, 200, 404, 403),
    ("GET", "/api/v1/sessions/{session_id}/bills"): (401, 200, 200, 404, 403),
    ("GET", "/api/v1/users"): (401, 200, 403, 403, 403),
    ("POST", "/api/v1/users"): (401, 201, 403, 403, 403),
    ("GET", "/api/v1/users/{user_id}/logins"): (401, 200, 403, 403, 403),
    ("DELETE", "/api/v1/users/{user_id}/logins/{login_id}"): (401, 204, 403, 403, 403),
    ("GET", "/api/v1/users/{user_id}"): (401, 200, 403, 403, 403),
    ("PATCH", "/api/v1/users/{user_id}"): (401, 200, 403, 403, 403),
    ("DELETE", "/api/v1/users/{user_id}"): (401, 204, 403, 403, 403),
    ("GET", "/api/v1/permissions"): (401, 200, 403, 403, 403),
    ("GET", "/api/v1/roles"): (401, 200, 403, 403, 403),
    ("POST", "/api/v1/roles"): (401, 201, 403, 403, 403),
    ("GET", "/api/v1/roles/{role_name}"): (401, 200, 403, 403, 403),
    ("PATCH", "/api/v1/roles/{role_name}"): (401, 409, 403, 403, 403),  # a built-in one
    ("DELETE", "/api/v1/roles/{role_name}"): (401, 409, 403, 403, 403),
    ("GET", "/api/v1/audit"): (401, 200, 403, 403, 403),
    ("GET", "/api/v1/alerts"): (401, 200, 200, 403, 403),
    ("GET", "/api/v1/alerts/{alert_id}"): (401, 200, 200, 403, 403),
    ("POST", "/api/v1/alerts/{alert_id}/acknowledge"): (401, 200, 200, 403, 403),
    ("POST", "/api/v1/alerts/{alert_id}/resolve"): (401, 200, 200, 403, 403),
    ("GET", "/api/v1/stats"): (401, 200, 200, 403, 403),
    ("GET", "/api/v1/stats/utilisation"): (401, 200, 200, 403, 403),
    ("GET", "/api/v1/stats/now"): (401, 200, 200, 403, 403),
    ("GET", "/api/v1/exports/sessions"): (401, 200, 200, 403, 403),
    ("GET", "/api/v1/exports/readings"): (401, 422, 422, 403, 403),  # it asks for a range
    ("GET", "/api/v1/exports/bills"): (401, 200, 200, 403, 403),
    ("GET", "/api/v1/exports/evses"): (401, 200, 200, 403, 403),
    ("GET", "/api/v1/exports/events"): (401, 200, 200, 403, 403),
    ("POST", "/api/v1/imports"): (401, 422, 422, 403, 403),  # it asks for the station
    ("GET", "/api/v1/imports"): (401, 200, 200, 403, 403),
    ("GET", "/api/v1/imports/{import_id}"): (401, 404, 404, 403, 403),  # there is none
    ("GET", "/api/v1/commands"): (401, 200, 200, 200, 403),
    ("POST", "/api/v1/commands"): (401, 201, 201, 201, 403),
    ("GET", "/api/v1/commands/{command_id}"): (401, 200, 200, 404, 403),  # another's
    ("POST", "/api/v1/commands/{command_id}/cancel"): (401, 200, 409, 404, 403),
    ("GET", "/api/v1/rejected-messages"): (401, 200, 200, 403, 403),
    ("GET", "/api/v1/rejected-messages/summary"): (401, 200, 200, 403, 403),
    ("GET", "/api/v1/tariffs"): (401, 200, 200, 200, 403),
    ("POST", "/api/v1/tariffs"): (401, 201, 403, 403, 403),
    ("GET", "/api/v1/tariffs/{tariff_id}"): (401, 200, 200, 200, 403),
    ("DELETE", "/api/v1/tariffs/{tariff_id}"): (401, 409, 403, 403, 403),  # it is in force
    ("POST", "/api/v1/tariffs/preview"): (401, 200, 403, 403, 403),
    ("GET", "/api/v1/bills"): (401, 200, 200, 200, 403),
    ("GET", "/api/v1/bills/{bill_id}"): (401, 200, 200, 404, 403),  # another's
    ("GET", "/api/v1/bills/{bill_id}/cdr"): (401, 200, 200, 404, 403),
    ("GET", "/api/v1/bills/{bill_id}/pdf"): (401, 200, 200, 404, 403),
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
    path = path.format(
        evse_uid="CP-1",
        site_id=1,
        session_id=ANOTHERS,
        alert_id=await world.add_alert(),
        command_id=await world.add_command(),
        name="swagger-ui.css",
        user_id=world.user_ids["eric"],
        role_name="guest",
        login_id=login_id("eric"),
        api_key_id=1,
        tariff_id=1,
        bill_id=await world.add_bill("of-eric", id_token=ERIC_TOKEN),
        import_id=session_id("no import"),
    )
    answers = []
    for role in (None, *ROLES):
        headers = {} if role is None else world.headers(role)
        body = BODIES.get(route)
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
        "name": None,
        "site_id": 1,
        "site_name": "North",
        "timezone": "America/Jamaica",
        "is_online": True,
        "connectors": [{"connector_id": 1, "status": "charging"}],
    }
