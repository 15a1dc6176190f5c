"""Sites: made with their first prices, changed, and removed when nothing ever stood there."""

from __future__ import annotations

from typing import Any, Final

import httpx
import pytest

from tests.api.world import World

NEW_SITE: Final[dict[str, Any]] = {
    "name": "West",
    "timezone": "America/Jamaica",
    "currency": "JMD",
    "country": "JAM",
    "latitude_deg": 18.4,
    "price_solar_per_kwh": "10.5",
    "price_grid_per_kwh": "50",
    "vat_percent": "15",
}


async def made(client: httpx.AsyncClient, world: World, **changes: Any) -> httpx.Response:
    return await client.post("/api/v1/sites", json={**NEW_SITE, **changes}, headers=world.headers("admin"))


async def test_a_new_site_has_its_first_tariff(client: httpx.AsyncClient, world: World) -> None:
    answer = await made(client, world)

    assert answer.status_code == 201
    site = answer.json()
    assert (site["name"], site["country"], site["city"]) == ("West", "JAM", None)
    tariff = await world.connection.fetchrow("SELECT * FROM tariff WHERE site_id = $1", site["id"])
    assert tariff is not None
    assert [str(tariff[name]) for name in ("price_solar_per_kwh", "price_grid_per_kwh", "vat_percent")] == [
        "10.5000",
        "50.0000",
        "15.00",
    ]
    assert (tariff["currency"], tariff["valid_from"].year) == ("JMD", 1970)
    shown = await client.get(f"/api/v1/sites/{site['id']}", headers=world.headers("operator"))
    assert shown.json() == site


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"timezone": "America/Nowhere"}, "timezone"),
        ({"timezone": "../etc/passwd"}, "timezone"),
        ({"currency": "jmd"}, "currency"),
        ({"country": "JM"}, "country"),
        ({"latitude_deg": 91}, "latitude_deg"),
        ({"price_grid_per_kwh": "-1"}, "price_grid_per_kwh"),
        ({"price_grid_per_kwh": 50}, "price_grid_per_kwh"),
        ({"price_grid_per_kwh": "1.00001"}, "price_grid_per_kwh"),
        ({"vat_percent": "101"}, "vat_percent"),
        ({"name": "a\0b"}, "name"),
        ({"name": ""}, "name"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_site_that_cannot_be_is_refused_by_field(
    client: httpx.AsyncClient, world: World, changes: dict[str, Any], field: str
) -> None:
    answer = await made(client, world, **changes)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_two_sites_cannot_have_one_name(client: httpx.AsyncClient, world: World) -> None:
    answer = await made(client, world, name="North")

    assert answer.status_code == 409
    assert answer.json()["errors"][0]["field"] == "name"


async def test_only_the_fields_given_change_and_null_clears(client: httpx.AsyncClient, world: World) -> None:
    headers = world.headers("admin")
    site = (await made(client, world)).json()
    url = f"/api/v1/sites/{site['id']}"

    changed = await client.patch(url, json={"city": "Negril", "country": None}, headers=headers)

    assert changed.status_code == 200
    assert changed.json() == {**site, "city": "Negril", "country": None}
    entry = await world.connection.fetchrow("SELECT * FROM audit_log WHERE action = 'site.update'")
    assert entry is not None
    assert entry["before"] == '{"city": null, "country": "JAM"}'
    assert entry["actor_name"] == "admin"


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({}, 422, "body"),
        ({"name": None}, 422, "name"),
        ({"name": "South"}, 409, "name"),
        ({"currency": "USD"}, 409, "currency"),
        ({"timezone": "Mars/Base"}, 422, "timezone"),
    ],
)
async def test_a_change_that_cannot_be_is_refused_by_field(
    client: httpx.AsyncClient, world: World, change: dict[str, Any], status: int, field: str
) -> None:
    answer = await client.patch("/api/v1/sites/1", json=change, headers=world.headers("admin"))

    assert answer.status_code == status
    assert answer.json()["errors"][0]["field"] == field


async def test_a_site_goes_only_when_nothing_ever_stood_there(
    client: httpx.AsyncClient, world: World
) -> None:
    headers = world.headers("admin")
    site_id = (await made(client, world)).json()["id"]

    refused = await client.delete("/api/v1/sites/1", headers=headers)
    gone = await client.delete(f"/api/v1/sites/{site_id}", headers=headers)
    again = await client.delete(f"/api/v1/sites/{site_id}", headers=headers)

    assert (refused.status_code, gone.status_code, again.status_code) == (409, 204, 404)
    assert refused.json()["errors"][0]["field"] == "site_id"
    assert await world.connection.fetchval("SELECT count(*) FROM tariff WHERE site_id = $1", site_id) == 0


async def test_sites_are_listed_by_name_or_id(client: httpx.AsyncClient, world: World) -> None:
    await made(client, world, name="Alpha")
    headers = world.headers("operator")
    by_name = (await client.get("/api/v1/sites", headers=headers)).json()["items"]
    by_id = (await client.get("/api/v1/sites?sort=-id&limit=2", headers=headers)).json()["items"]

    assert [site["name"] for site in by_name] == ["Alpha", "North", "South"]
    assert [site["name"] for site in by_id] == ["Alpha", "South"]
