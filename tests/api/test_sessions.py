"""Sessions in the order in which they changed, and the filters of an operator."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.api.world import ERIC_TOKEN, T0, World, session_id


async def walked(client: httpx.AsyncClient, world: World, query: str) -> list[Any]:
    """All sessions, by following the Link headers."""
    items, url = [], f"/api/v1/sessions?{query}"
    while url:
        answer = await client.get(url, headers=world.headers("operator"))
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        url = answer.links.get("next", {}).get("url", "")
    return items


async def touch(world: World, name: str, minutes: float) -> None:
    """The session was written last so many minutes after T0."""
    await world.connection.execute(
        "UPDATE charging_session SET updated_at = $1 WHERE id = $2",
        T0 + timedelta(minutes=minutes),
        session_id(name),
    )


@pytest.mark.parametrize("sort", ["updated_at", "-updated_at"])
@pytest.mark.parametrize("limit", [1, 2, 500])
async def test_running_and_completed_sessions_are_sorted_together_by_their_change(
    client: httpx.AsyncClient, world: World, sort: str, limit: int
) -> None:
    for number in range(6):
        await world.add_session(f"s{number}", status="ACTIVE" if number % 2 else "COMPLETED")
        await touch(world, f"s{number}", number // 2)

    items = await walked(client, world, f"sort={sort}&limit={limit}")

    places = [(item["updated_at"], item["id"]) for item in items]
    assert places == sorted(places, reverse=sort.startswith("-"))
    assert len(set(places)) == 8


async def test_who_follows_changes_gets_those_of_the_range(client: httpx.AsyncClient, world: World) -> None:
    for number, name in enumerate(["a", "b", "running", "of-eric"]):
        if number < 2:
            await world.add_session(name)
        await touch(world, name, number)

    for sort in ("updated_at", "-started_at"):
        items = await walked(
            client,
            world,
            f"sort={sort}&updated_from=2026-03-09T12:01:00Z&updated_to=2026-03-09T12:03:00Z",
        )
        assert {item["device_session_id"] for item in items} == {"b", "running"}


async def test_a_completed_session_that_goes_on_is_found_among_the_running(
    client: httpx.AsyncClient, world: World
) -> None:
    await world.connection.execute(
        "UPDATE charging_session SET status = 'ACTIVE', updated_at = now() WHERE id = $1",
        session_id("of-eric"),
    )
    items = await walked(client, world, "sort=-updated_at&status=ACTIVE")

    assert {item["device_session_id"] for item in items} == {"running", "of-eric"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=ACTIVE&status=COMPLETED", {"running", "of-eric", "large"}),
        ("energy_min_wh=1501", {"large"}),
        ("energy_min_wh=1500", {"running", "of-eric", "large"}),
        ("evse_uid=CP-2&status=COMPLETED&connector_id=1", {"of-eric"}),
    ],
)
async def test_filters_for_operators(
    client: httpx.AsyncClient, world: World, query: str, found: set[str]
) -> None:
    await world.add_session("large", energy_wh=9000, energy_solar_wh=8500)
    for sort in ("-started_at", "updated_at"):
        items = await walked(client, world, f"sort={sort}&{query}")
        assert {item["device_session_id"] for item in items} == found


async def test_sessions_of_a_user_are_those_of_the_id_token(client: httpx.AsyncClient, world: World) -> None:
    of_eric = await walked(client, world, f"user_id={world.user_ids['eric']}")
    of_guest = await walked(client, world, f"user_id={world.user_ids['guest']}")

    assert {item["id_token"] for item in of_eric} == {ERIC_TOKEN}
    assert of_guest == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=DONE", "status.0"),
        ("user_id=0", "user_id"),
        ("energy_min_wh=-1", "energy_min_wh"),
        ("sort=id", "sort"),
        ("updated_from=yesterday", "updated_from"),
    ],
)
async def test_a_filter_that_cannot_be_is_refused_by_field(
    client: httpx.AsyncClient, world: World, query: str, field: str
) -> None:
    answer = await client.get(f"/api/v1/sessions?{query}", headers=world.headers("operator"))

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


async def test_a_session_costs_vat_as_its_tariff_says(client: httpx.AsyncClient, world: World) -> None:
    await world.connection.execute("UPDATE tariff SET vat_percent = 15")
    session = (
        await client.get(f"/api/v1/sessions/{session_id('running')}", headers=world.headers("operator"))
    ).json()

    assert session["cost"] == "35.0000"
    assert session["total_cost"]["excl_vat"] == "35.0000"
    assert float(session["total_cost"]["incl_vat"]) == 40.25
