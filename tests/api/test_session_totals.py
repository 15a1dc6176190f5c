"""Totals of sessions: exactly the sums of those that the list shows, for whoever asks."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from solarrally.storage.queries import reports
from tests.api.world import DORA_TOKEN, ERIC_TOKEN, T0, World

TOTALS = "/api/v1/sessions/totals"
LATER = T0 + timedelta(days=1)


@pytest.fixture
async def sessions(world: World) -> None:
    """Beside the running one of Dora's and Eric's: others at two sites, in two currencies, of nobody."""
    await world.add_session("dear", cost=Decimal("0.0001"), energy_wh=700, energy_solar_wh=200)
    await world.add_session("later", started_at=LATER, peak_power_w=11_040.0, charging_s=0.25)
    await world.add_session("of nobody", "CP-2", id_token=None, started_at=LATER, peak_power_w=None)
    await world.add_session(
        "in euros", "CP-3", site_id=2, id_token=ERIC_TOKEN, currency="EUR", cost=Decimal("1.5000")
    )
    await world.add_session(
        "of no energy",
        "CP-3",
        site_id=2,
        connector_id=2,
        energy_wh=0,
        energy_solar_wh=0,
        energy_grid_wh=0,
        energy_unattributed_wh=0,
        charging_s=0.0,
    )


def query(**parameters: object) -> str:
    return str(httpx.QueryParams(parameters))  # type: ignore[arg-type]


FILTERS = [
    "",
    "evse_uid=CP-1",
    "evse_uid=CP-3&connector_id=2",
    "connector_id=1",
    "site_id=1",
    "site_id=2",
    "status=ACTIVE",
    "status=COMPLETED&status=ACTIVE",
    "device_session_id=dear",
    f"id_token={DORA_TOKEN}",
    f"id_token={ERIC_TOKEN}",
    "user_id=5",
    "user_id=4711",
    "energy_min_wh=1500",
    query(date_from=LATER.isoformat()),
    query(date_from=T0.isoformat(), date_to=LATER.isoformat()),
    query(date_to=T0.isoformat()),
    "updated_from=2020-01-01T00:00:00Z&updated_to=2099-01-01T00:00:00Z",
    "updated_from=2099-01-01T00:00:00Z",
]


def added_up(items: list[dict[str, Any]]) -> dict[str, Any]:
    """What the totals of these sessions must be."""
    money: defaultdict[str, Decimal] = defaultdict(Decimal)
    for item in items:
        money[item["currency"]] += Decimal(item["cost"])
    energy_wh = sum(item["energy_wh"] for item in items)
    solar_wh = sum(item["energy_solar_wh"] for item in items)
    peaks = [item["peak_power_w"] for item in items if item["peak_power_w"] is not None]
    return {
        "session_count": len(items),
        "active_session_count": sum(item["status"] == "ACTIVE" for item in items),
        "energy_wh": energy_wh,
        "energy_solar_wh": solar_wh,
        "energy_grid_wh": sum(item["energy_grid_wh"] for item in items),
        "energy_unattributed_wh": sum(item["energy_unattributed_wh"] for item in items),
        "solar_share": round(solar_wh / energy_wh, 4) if energy_wh else None,
        "charging_s": sum(item["charging_s"] for item in items),
        "peak_power_w": max(peaks, default=None),
        "money": [{"currency": name, "cost": str(cost)} for name, cost in sorted(money.items())],
    }


@pytest.mark.usefixtures("sessions")
@pytest.mark.parametrize("username", ["operator", "user", "eric"])
async def test_totals_are_the_sums_of_what_the_list_shows(
    client: httpx.AsyncClient, world: World, username: str
) -> None:
    headers = world.headers(username)
    for filters in FILTERS:
        listed = await client.get(f"/api/v1/sessions?limit=500&{filters}", headers=headers)
        totals = await client.get(f"{TOTALS}?{filters}", headers=headers)

        assert (listed.status_code, totals.status_code) == (200, 200), filters
        assert totals.json() == added_up(listed.json()["items"]), filters


@pytest.mark.usefixtures("sessions")
async def test_the_filters_of_these_tests_tell_sessions_apart(
    client: httpx.AsyncClient, world: World
) -> None:
    """Else the sums above could be right by not filtering at all."""
    answers = [await client.get(f"{TOTALS}?{one}", headers=world.headers("operator")) for one in FILTERS]
    counts = [answer.json()["session_count"] for answer in answers]

    assert counts == [7, 3, 1, 6, 5, 2, 1, 7, 1, 4, 2, 2, 0, 5, 2, 5, 0, 7, 0]


async def test_a_driver_without_a_token_has_totals_of_nothing(
    client: httpx.AsyncClient, world: World
) -> None:
    await world.connection.execute("UPDATE app_user SET id_token = NULL WHERE username = 'user'")
    await world.add_session("of nobody", id_token=None)

    totals = (await client.get(TOTALS, headers=world.headers("user"))).json()

    assert (totals["session_count"], totals["energy_wh"], totals["money"]) == (0, 0, [])
    assert (totals["solar_share"], totals["peak_power_w"]) == (None, None)


async def test_money_of_different_currencies_is_never_added(client: httpx.AsyncClient, world: World) -> None:
    await world.add_session("in euros", "CP-3", currency="EUR", cost=Decimal("1.5000"))

    totals = (await client.get(TOTALS, headers=world.headers("operator"))).json()

    assert totals["money"] == [
        {"currency": "EUR", "cost": "1.5000"},
        {"currency": "JMD", "cost": "70.0000"},
    ]
    assert totals["session_count"] == 3


@pytest.mark.parametrize("name", ["sort", "limit", "cursor", "colour"])
async def test_totals_take_no_parameters_of_pages(client: httpx.AsyncClient, world: World, name: str) -> None:
    answer = await client.get(f"{TOTALS}?{name}=1", headers=world.headers("operator"))

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [name]


async def test_totals_that_take_too_long_are_given_up_and_say_what_to_do(
    client: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "STATEMENT_TIMEOUT_S", 0.1)
    async with world.connection.transaction():
        await world.connection.execute("LOCK TABLE charging_session IN ACCESS EXCLUSIVE MODE")
        answer = await client.get(TOTALS, headers=world.headers("operator"))

    assert answer.status_code == 503
    assert "a shorter range" in answer.json()["detail"]
    assert answer.headers["Retry-After"]
    assert (await client.get(TOTALS, headers=world.headers("operator"))).status_code == 200
