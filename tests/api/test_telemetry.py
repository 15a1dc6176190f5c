"""The history of a connector: readings, minutes, and what rollups are or will be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from solarrally.domain.bucket import bucket_start
from solarrally.domain.reading import ConnectorStatus, EnergySource
from solarrally.storage.codes import SOURCE_CODE, STATUS_CODE
from solarrally.storage.rollups import RollupRules, mark_due, roll_up
from tests.api.world import T0, World

RULES = RollupRules(
    silence_timeout_s=1800.0, gap_cap_s=300.0, charging_threshold_w=100.0, default_max_power_w=500_000.0
)
FROM = "date_from=2026-03-09T12:00:00Z"


async def get(
    client: httpx.AsyncClient, world: World, query: str, evse_uid: str = "CP-1", username: str = "operator"
) -> httpx.Response:
    return await client.get(f"/api/v1/evses/{evse_uid}/telemetry?{query}", headers=world.headers(username))


async def walked(client: httpx.AsyncClient, world: World, query: str) -> list[Any]:
    """All items, by following the Link headers."""
    items, url = [], f"/api/v1/evses/CP-1/telemetry?{query}"
    while url:
        answer = await client.get(url, headers=world.headers("operator"))
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        url = answer.links.get("next", {}).get("url", "")
    return items


async def charge(world: World, first_s: int, last_s: int, step_s: int = 60, power_w: float = 6000.0) -> None:
    """Readings of a register that agrees with the power, with their buckets marked as due."""
    starts: set[datetime] = set()
    for seconds in range(first_s, last_s, step_s):
        await world.add_reading(
            seconds,
            power_w=power_w,
            energy_register_wh=100_000 + seconds * power_w / 3600,
            temperature_c=30.0,
            status=STATUS_CODE[ConnectorStatus.CHARGING],
            energy_source=SOURCE_CODE[EnergySource.SOLAR],
        )
        starts.add(bucket_start(T0 + timedelta(seconds=seconds)))
    await mark_due(
        world.connection, [world.evse_ids["CP-1"]] * len(starts), [1] * len(starts), sorted(starts)
    )


async def compute_rollups(world: World) -> None:
    while (await roll_up(world.connection, due_before=datetime.now(UTC), limit=100, rules=RULES)).marks:
        pass


@pytest.mark.parametrize("resolution", ["15min", "1h", "1d"])
async def test_what_is_not_rolled_up_yet_is_answered_as_it_will_be(
    client: httpx.AsyncClient, world: World, resolution: str
) -> None:
    await charge(world, 0, 7200)
    query = (
        f"{FROM}&resolution={resolution}"
        if resolution != "1d"
        else ("date_from=2026-03-09T05:00:00Z&resolution=1d")
    )
    before = await walked(client, world, query)
    await compute_rollups(world)
    after = await walked(client, world, query)

    assert {item["is_complete"] for item in before} == {False}
    assert {item["is_complete"] for item in after} == {True}
    assert [{**item, "is_complete": True} for item in before] == after
    assert sum(item["energy_wh"] for item in after) == pytest.approx(11_900)
    assert sum(item["reading_count"] for item in after) == 120


async def test_a_quarter_of_an_hour_in_full(client: httpx.AsyncClient, world: World) -> None:
    await charge(world, 0, 1800)
    await compute_rollups(world)
    items = await walked(client, world, f"{FROM}&resolution=15min")

    assert items[1] == {
        "starts_at": "2026-03-09T12:15:00Z",
        "ends_at": "2026-03-09T12:30:00Z",
        "is_complete": True,
        "reading_count": 15,
        "billable_count": 15,
        "power_avg_w": 6000.0,
        "power_min_w": 6000.0,
        "power_max_w": 6000.0,
        "energy_wh": 1500.0,
        "energy_solar_wh": 1500.0,
        "energy_grid_wh": 0.0,
        "energy_unattributed_wh": 0.0,
        "energy_method": "register",
        "charging_s": 900.0,
        "voltage_avg_v": None,
        "current_avg_a": None,
        "current_max_a": None,
        "temperature_avg_c": 30.0,
        "temperature_max_c": 30.0,
    }


async def test_minutes_follow_from_readings_and_those_without_are_left_out(
    client: httpx.AsyncClient, world: World
) -> None:
    await charge(world, 0, 120, step_s=10)
    await charge(world, 600, 660, step_s=10, power_w=3000.0)
    items = await walked(client, world, f"{FROM}&resolution=1min")

    assert [(item["starts_at"][11:16], item["reading_count"]) for item in items] == [
        ("12:00", 6),
        ("12:01", 6),
        ("12:10", 6),
    ]
    assert items[1]["energy_wh"] == pytest.approx(100.0)
    assert items[2]["power_avg_w"] == 3000.0


async def test_days_begin_at_the_midnight_of_the_site(client: httpx.AsyncClient, world: World) -> None:
    await charge(world, 16 * 3600, 18 * 3600)  # 04:00 to 06:00 UTC: Jamaica's midnight is between
    answer = await get(client, world, "date_from=2026-03-09T05:00:00Z&resolution=1d")

    body = answer.json()
    assert body["timezone"] == "America/Jamaica"
    assert [(item["starts_at"], item["ends_at"], item["reading_count"]) for item in body["items"]] == [
        ("2026-03-09T05:00:00Z", "2026-03-10T05:00:00Z", 60),
        ("2026-03-10T05:00:00Z", "2026-03-11T05:00:00Z", 60),
    ]


async def test_a_day_of_the_change_to_summer_time_has_23_hours(
    client: httpx.AsyncClient, world: World
) -> None:
    await world.connection.execute("UPDATE site SET timezone = 'Europe/Berlin'")
    shift_s = int((datetime(2026, 3, 29, 10, tzinfo=UTC) - T0).total_seconds())
    await charge(world, shift_s, shift_s + 60)
    [day] = await walked(client, world, "date_from=2026-03-28T23:00:00Z&resolution=1d")

    assert (day["starts_at"], day["ends_at"]) == ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")


@pytest.mark.parametrize("sort", ["ts", "-ts"])
@pytest.mark.parametrize("resolution", ["raw", "1min", "15min", "1h"])
async def test_pages_show_everything_once(
    client: httpx.AsyncClient, world: World, resolution: str, sort: str
) -> None:
    await charge(world, 0, 3 * 3600, step_s=300)
    query = f"{FROM}&resolution={resolution}&sort={sort}"

    whole = await walked(client, world, query)
    pieces = await walked(client, world, f"{query}&limit=2")

    key = "ts" if resolution == "raw" else "starts_at"
    places = [item[key] for item in whole]
    assert places == sorted(places, reverse=sort.startswith("-"))
    assert len(places) == {"raw": 36, "1min": 36, "15min": 12, "1h": 3}[resolution]
    assert pieces == whole


async def test_only_the_measurands_asked_for_are_there(client: httpx.AsyncClient, world: World) -> None:
    await charge(world, 0, 60)
    [reading] = await walked(client, world, f"{FROM}&resolution=raw&measurand=status&measurand=soc")
    [bucket] = await walked(client, world, f"{FROM}&resolution=15min&measurand=temperature")

    assert reading == {
        "ts": "2026-03-09T12:00:00Z",
        "quality": [],
        "status": "charging",
        "error_code": None,
        "soc_percent": None,
    }
    assert set(bucket) == {
        "starts_at",
        "ends_at",
        "is_complete",
        "reading_count",
        "billable_count",
        "temperature_avg_c",
        "temperature_max_c",
    }


async def test_what_was_dropped_is_said_and_its_rollups_stay(client: httpx.AsyncClient, world: World) -> None:
    await charge(world, 0, 900)
    await compute_rollups(world)
    await world.connection.execute("DELETE FROM reading")
    await world.connection.execute("INSERT INTO raw_dropped_day VALUES ('2026-03-09', now())")
    await world.add_reading(30, power_w=1.0)
    await mark_due(world.connection, [world.evse_ids["CP-1"]], [1], [T0])

    body = (await get(client, world, f"{FROM}&resolution=15min")).json()

    assert body["raw_since"] == "2026-03-10T00:00:00Z"
    assert [item["reading_count"] for item in body["items"]] == [15]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "date_from"),
        (f"{FROM}&resolution=5min", "resolution"),
        (f"{FROM}&date_to=2026-03-09T12:00:00Z", "date_to"),
        (f"{FROM}&resolution=raw&date_to=2026-03-16T12:00:00.000001Z", "date_to"),
        (f"{FROM}&resolution=1min&date_to=2026-03-12T12:00:00Z", "date_to"),
        (f"{FROM}&resolution=15min&date_to=2026-05-12T12:00:00Z", "date_to"),
        (f"{FROM}&resolution=1h&date_to=2027-05-12T12:00:00Z", "date_to"),
        (f"{FROM}&resolution=1d&date_to=2036-05-12T12:00:00Z", "date_to"),
        (f"{FROM}&measurand=soc", "measurand"),
        (f"{FROM}&measurand=weight", "measurand.0"),
        (f"{FROM}&connector_id=-1", "connector_id"),
        (f"{FROM}&limit=100000", "limit"),
    ],
)
async def test_a_history_that_cannot_be_is_refused_by_field(
    client: httpx.AsyncClient, world: World, query: str, field: str
) -> None:
    answer = await get(client, world, query)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


async def test_the_history_of_an_unknown_evse_is_not_found(client: httpx.AsyncClient, world: World) -> None:
    assert (await get(client, world, FROM, "CP-9")).status_code == 404


async def test_a_driver_sees_readings_of_own_sessions_only_and_not_here(
    client: httpx.AsyncClient, world: World
) -> None:
    assert (await get(client, world, FROM, username="user")).status_code == 403
