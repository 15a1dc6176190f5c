"""Tariffs over the API: versions that come into force, never change, and can be tried on a session."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from solarrally.domain.station import ConnectorState, SessionRules, observe
from solarrally.storage.rows import session_json
from tests.api.world import T0, World, session_id
from tests.builders import reading

EVENING = {
    "day_of_week": ["MONDAY"],
    "start_time": "17:00",
    "end_time": "21:00",
    "price_solar_per_kwh": "10",
    "price_grid_per_kwh": "80.5",
}


def a_tariff(**changes: Any) -> dict[str, Any]:
    asked = {
        "site_id": 1,
        "valid_from": in_(minutes=60),
        "price_solar_per_kwh": "12.5",
        "price_grid_per_kwh": "60",
        "vat_percent": "15",
        "elements": [EVENING],
    }
    return {**asked, **changes}


def in_(**time: float) -> str:
    return (datetime.now(UTC) + timedelta(**time)).isoformat()


async def posted(client: httpx.AsyncClient, world: World, **changes: Any) -> httpx.Response:
    return await client.post("/api/v1/tariffs", json=a_tariff(**changes), headers=world.headers("admin"))


async def test_a_version_is_added_and_logged(client: httpx.AsyncClient, world: World) -> None:
    answer = await posted(client, world, currency="JMD")

    assert answer.status_code == 201
    made = answer.json()
    assert made["site_id"] == 1
    assert (made["currency"], made["timezone"], made["is_current"]) == ("JMD", "America/Jamaica", False)
    assert (made["price_solar_per_kwh"], made["vat_percent"]) == ("12.5000", "15.00")
    assert made["elements"] == [EVENING]
    one = await client.get(f"/api/v1/tariffs/{made['id']}", headers=world.headers("user"))
    assert one.json() == made
    [entry] = await world.connection.fetch(
        "SELECT action, actor_name, object_id, after FROM audit_log WHERE object_type = 'tariff'"
    )
    assert (entry["action"], entry["actor_name"], entry["object_id"]) == (
        "tariff.create",
        "admin",
        str(made["id"]),
    )
    assert json.loads(entry["after"])["price_grid_per_kwh"] == "60"


async def test_without_a_time_a_version_comes_into_force_in_two_minutes(
    client: httpx.AsyncClient, world: World
) -> None:
    made = (await posted(client, world, valid_from=None)).json()

    ahead = datetime.fromisoformat(made["valid_from"]) - datetime.fromisoformat(made["created_at"])
    assert ahead == timedelta(minutes=2)


@pytest.mark.parametrize("minutes", [-60 * 24 * 365, -1, 0, 1])
async def test_a_version_cannot_come_into_force_before_the_ingestor_knows_it(
    client: httpx.AsyncClient, world: World, minutes: float
) -> None:
    answer = await posted(client, world, valid_from=in_(minutes=minutes))

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "valid_from"
    assert await world.connection.fetchval("SELECT count(*) FROM tariff") == 2


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("site_id", {"site_id": 77}),
        ("currency", {"currency": "USD"}),
        ("currency", {"currency": "usd"}),
        ("price_solar_per_kwh", {"price_solar_per_kwh": 12.5}),
        ("price_solar_per_kwh", {"price_solar_per_kwh": "-1"}),
        ("price_grid_per_kwh", {"price_grid_per_kwh": "1.00001"}),
        ("price_grid_per_kwh", {"price_grid_per_kwh": "NaN"}),
        ("vat_percent", {"vat_percent": "100.01"}),
        ("valid_from", {"valid_from": "2027-01-01"}),
        ("id", {"id": 5}),
        ("elements.0.start_time", {"elements": [{**EVENING, "start_time": "17:10"}]}),
        ("elements.0.start_time", {"elements": [{**EVENING, "start_time": "24:00"}]}),
        ("elements.0.end_time", {"elements": [{**EVENING, "end_time": "24:15"}]}),
        ("elements.0.day_of_week.0", {"elements": [{**EVENING, "day_of_week": ["Monday"]}]}),
        ("elements.0.day_of_week", {"elements": [{**EVENING, "day_of_week": ["MONDAY", "MONDAY"]}]}),
        ("elements.0.price_grid_per_kwh", {"elements": [{**EVENING, "price_grid_per_kwh": "x"}]}),
        ("elements", {"elements": [EVENING] * 51}),
    ],
)
async def test_a_wrong_tariff_is_refused_by_the_name_of_the_field(
    client: httpx.AsyncClient, world: World, field: str, wrong: dict[str, Any]
) -> None:
    answer = await posted(client, world, **wrong)

    assert answer.status_code == 422
    assert field in {error["field"] for error in answer.json()["errors"]}


async def test_a_site_has_one_version_from_an_instant(client: httpx.AsyncClient, world: World) -> None:
    valid_from = in_(days=1)
    assert (await posted(client, world, valid_from=valid_from)).status_code == 201

    again = await posted(client, world, valid_from=valid_from)
    elsewhere = await posted(client, world, valid_from=valid_from, site_id=2)

    assert (again.status_code, elsewhere.status_code) == (409, 201)
    assert again.json()["errors"][0]["field"] == "valid_from"


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_a_version_never_changes(client: httpx.AsyncClient, world: World, method: str) -> None:
    answer = await client.request(
        method, "/api/v1/tariffs/1", json={"vat_percent": "1"}, headers=world.headers("admin")
    )

    assert answer.status_code == 405


async def test_a_version_that_is_to_come_can_be_taken_back(client: httpx.AsyncClient, world: World) -> None:
    url = f"/api/v1/tariffs/{(await posted(client, world)).json()['id']}"

    first = await client.delete(url, headers=world.headers("admin"))
    second = await client.delete(url, headers=world.headers("admin"))

    assert (first.status_code, second.status_code) == (204, 404)
    assert await world.connection.fetchval("SELECT count(*) FROM tariff") == 2
    actions = await world.connection.fetch("SELECT action FROM audit_log ORDER BY id")
    assert [row["action"] for row in actions] == ["tariff.create", "tariff.delete"]


async def test_a_version_in_force_or_nearly_so_stays(client: httpx.AsyncClient, world: World) -> None:
    soon = (await posted(client, world, valid_from=in_(minutes=5))).json()["id"]

    for tariff_id in (1, soon):
        answer = await client.delete(f"/api/v1/tariffs/{tariff_id}", headers=world.headers("admin"))
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (409, "tariff_id")


async def test_the_only_prices_of_a_site_stay(client: httpx.AsyncClient, world: World) -> None:
    await world.connection.execute("UPDATE tariff SET valid_from = now() + interval '1 day' WHERE id = 2")

    answer = await client.delete("/api/v1/tariffs/2", headers=world.headers("admin"))

    assert answer.status_code == 409


async def test_the_current_versions_are_those_that_a_session_would_have_now(
    client: httpx.AsyncClient, world: World
) -> None:
    to_come = (await posted(client, world)).json()["id"]
    await world.connection.execute("UPDATE tariff SET valid_from = now() + interval '1 day' WHERE id = 2")

    async def ids(query: str) -> list[int]:
        answer = await client.get(f"/api/v1/tariffs?{query}", headers=world.headers("operator"))
        return [item["id"] for item in answer.json()["items"]]

    assert await ids("sort=valid_from") == [1, to_come, 2]
    assert await ids("is_current=true") == [2, 1]  # site 2 has no other
    assert await ids("is_current=false") == [to_come]
    assert await ids("site_id=1") == [to_come, 1]
    assert await ids("site_id=1&is_current=true") == [1]


async def test_the_list_is_walked_in_pages(client: httpx.AsyncClient, world: World) -> None:
    first = await client.get("/api/v1/tariffs?limit=1", headers=world.headers("admin"))
    cursor = first.json()["next_cursor"]
    second = await client.get(f"/api/v1/tariffs?limit=1&cursor={cursor}", headers=world.headers("admin"))

    assert [item["id"] for page in (first, second) for item in page.json()["items"]] == [2, 1]
    assert second.json()["next_cursor"] is None


# -- preview ---------------------------------------------------------------------------------------------


async def add_measured_session(world: World) -> None:
    """Two hours from noon, 07:00 in Jamaica: 1 kWh from the grid, all of it in the second hour."""
    state = ConnectorState(evse_uid="CP-1", connector_id=1)
    for seconds, energy_wh in ((0, 0.0), (1800, 0.0), (3600, 0.0), (5400, 500.0), (7200, 1000.0)):
        said = reading(
            seconds,
            "charging",
            session_id="m",
            session_energy_wh=energy_wh,
            energy_source="grid",
            power_w=0.0,
        )
        observe(state, said, SessionRules(), 50_000.0)
    assert state.session is not None
    await world.add_session(
        "measured",
        ended_at=T0 + timedelta(hours=2),
        last_reading_at=T0 + timedelta(hours=2),
        energy_wh=1000,
        energy_solar_wh=0,
        energy_grid_wh=1000,
        energy_unattributed_wh=0,
        energy_method="session_counter",
        cost="50.00",
        fold=session_json(state.session),
    )


async def previewed(client: httpx.AsyncClient, world: World, name: str, **prices: Any) -> httpx.Response:
    asked = {
        "session_id": str(session_id(name)),
        "price_solar_per_kwh": "1",
        "price_grid_per_kwh": "2",
        **prices,
    }
    return await client.post("/api/v1/tariffs/preview", json=asked, headers=world.headers("admin"))


async def test_a_preview_prices_energy_when_it_flowed(client: httpx.AsyncClient, world: World) -> None:
    await add_measured_session(world)
    from_eight = {
        "start_time": "08:30",
        "end_time": "09:00",
        "price_solar_per_kwh": "1",
        "price_grid_per_kwh": "100",
    }

    answer = await previewed(client, world, "measured", vat_percent="10", elements=[from_eight])

    assert answer.status_code == 200
    body = answer.json()
    assert [
        (line["started_at"], line["energy_grid_wh"], line["price_grid_per_kwh"], line["cost"])
        for line in body["lines"]
    ] == [
        ("2026-03-09T12:00:00Z", 500, "2", "1"),
        ("2026-03-09T13:30:00Z", 500, "100", "50"),
    ]
    assert (body["total"], body["vat"], body["total_incl_vat"]) == ("51.00", "5.10", "56.10")
    assert (body["present_total"], body["present_total_incl_vat"]) == ("50.0000", "50.0000")
    assert await world.connection.fetchval("SELECT count(*) FROM tariff") == 2


async def test_a_session_of_which_no_times_are_known_is_previewed_evenly(
    client: httpx.AsyncClient, world: World
) -> None:
    half = {**EVENING, "day_of_week": [], "start_time": "07:30", "end_time": "08:00"}

    body = (await previewed(client, world, "of-eric", elements=[half])).json()

    assert [line["energy_solar_wh"] for line in body["lines"]] == [500, 500]


async def test_a_preview_needs_a_session(client: httpx.AsyncClient, world: World) -> None:
    assert (await previewed(client, world, "absent")).status_code == 404


async def test_the_database_keeps_prices_that_sessions_have(world: World) -> None:
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await world.connection.execute("DELETE FROM tariff WHERE id = 1")
