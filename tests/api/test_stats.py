"""Statistics count in local time: energy where it flowed, sessions and money where they began."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.api.world import World

QUARTER = timedelta(minutes=15)


async def add_quarter(
    world: World, start: datetime, evse_uid: str = "CP-3", connector_id: int = 1, **changes: Any
) -> None:
    """A quarter of an hour in which 100 Wh of solar energy flowed for 60 s, unless changed."""
    values: dict[str, Any] = {
        "evse_id": world.evse_ids[evse_uid],
        "connector_id": connector_id,
        "bucket_start": start.astimezone(UTC),
        "reading_count": 1,
        "billable_count": 1,
        "energy_solar_wh": 100.0,
        "energy_grid_wh": 0.0,
        "energy_unattributed_wh": 0.0,
        "charging_s": 60.0,
        "power_count": 1,
        "power_avg_w": 400.0,
        "power_max_w": 7000.0,
        "voltage_count": 0,
        "current_count": 0,
        "temperature_count": 0,
        "computed_at": start,
    }
    await world.insert("reading_15min", {**values, **changes})


async def add_quarters(world: World, since: datetime, until: datetime) -> None:
    start = since.astimezone(UTC)
    while start < until.astimezone(UTC):
        await add_quarter(world, start)
        start += QUARTER


async def move_site(world: World, zone: str, site_id: int = 2) -> None:
    await world.connection.execute("UPDATE site SET timezone = $1 WHERE id = $2", zone, site_id)


async def asked(client: httpx.AsyncClient, world: World, path: str) -> Any:
    answer = await client.get(f"/api/v1/stats{path}", headers=world.headers("operator"))
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("zone", "day", "quarter_count"),
    [
        ("America/Jamaica", "2026-03-29", 96),
        ("Europe/Zurich", "2026-03-29", 92),  # an hour is left out
        ("Europe/Zurich", "2026-10-25", 100),  # an hour comes twice
        ("Europe/Zurich", "2026-03-30", 96),
        ("Asia/Kathmandu", "2026-03-29", 96),  # +05:45
        ("Australia/Lord_Howe", "2026-04-05", 98),  # half an hour comes twice
    ],
)
async def test_a_local_day_has_all_its_quarters_and_no_others(
    client: httpx.AsyncClient, world: World, zone: str, day: str, quarter_count: int
) -> None:
    await move_site(world, zone)
    midnight = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
    await add_quarters(world, midnight - 8 * QUARTER, midnight + timedelta(days=1) + 8 * QUARTER)
    following = (midnight + timedelta(days=1)).date()

    (row,) = (await asked(client, world, f"?date_from={day}&date_to={following}&evse_uid=CP-3"))["items"]

    assert row["period_start"] == day
    assert row["energy_wh"] == row["energy_solar_wh"] == 100 * quarter_count
    assert row["solar_share"] == 1.0
    assert row["charging_s"] == 60 * quarter_count
    assert row["utilisation"] == round(60 * quarter_count / (quarter_count * 900), 4)


async def test_weeks_begin_on_monday_and_are_cut_to_the_range(
    client: httpx.AsyncClient, world: World
) -> None:
    await move_site(world, "Europe/Zurich")
    zone = ZoneInfo("Europe/Zurich")
    for day in range(1, 15):  # 2026-03-01 is a Sunday
        await add_quarter(world, datetime(2026, 3, day, 0, 0, tzinfo=zone))

    items = (await asked(client, world, "?period=week&date_from=2026-03-01&date_to=2026-03-11"))["items"]

    assert [(row["period_start"], row["date_from"], row["date_to"], row["energy_wh"]) for row in items] == [
        ("2026-02-23", "2026-03-01", "2026-03-02", 100),
        ("2026-03-02", "2026-03-02", "2026-03-09", 700),
        ("2026-03-09", "2026-03-09", "2026-03-11", 200),
    ]


async def test_a_month_without_anything_is_a_row_of_zeros(client: httpx.AsyncClient, world: World) -> None:
    items = (await asked(client, world, "?period=month&date_from=2025-01-01&date_to=2025-04-01"))["items"]

    assert [row["period_start"] for row in items] == ["2025-01-01", "2025-02-01", "2025-03-01"]
    assert {(row["energy_wh"], row["session_count"], row["utilisation"]) for row in items} == {(0, 0, 0.0)}
    assert items[0]["money"] == []
    assert items[0]["solar_share"] is None
    assert items[0]["peak_power_w"] is None
    assert items[0]["energy_per_session_wh"] is None


async def test_sessions_and_their_money_count_on_the_local_day_they_began(
    client: httpx.AsyncClient, world: World
) -> None:
    evening = datetime(2026, 5, 2, 4, 30, tzinfo=UTC)  # 23:30 of May 1st in Jamaica
    await world.add_session("late", started_at=evening, energy_wh=3000, energy_solar_wh=2500)

    items = (await asked(client, world, "?date_from=2026-05-01&date_to=2026-05-03&site_id=1"))["items"]

    assert [(row["session_count"], row["energy_per_session_wh"]) for row in items] == [(1, 3000), (0, None)]
    assert items[0]["money"] == [{"currency": "JMD", "cost": "35.0000"}]
    day_s = 2 * 86400  # of two connectors
    assert [row["occupied_share"] for row in items] == [round(1800 / day_s, 4), round(1800 / day_s, 4)]


async def test_money_of_different_currencies_is_never_added(client: httpx.AsyncClient, world: World) -> None:
    noon = datetime(2026, 5, 1, 17, 0, tzinfo=UTC)
    await world.add_session("north", started_at=noon)
    await world.add_session("north too", started_at=noon + timedelta(hours=2), cost=Decimal("0.0001"))
    await world.add_session("south", "CP-3", started_at=noon, currency="EUR", cost=Decimal("1.5000"))

    (together,) = (await asked(client, world, "?date_from=2026-05-01&date_to=2026-05-02"))["items"]
    by_site = (await asked(client, world, "?date_from=2026-05-01&date_to=2026-05-02&group_by=site"))["items"]

    assert together["money"] == [
        {"currency": "EUR", "cost": "1.5000"},
        {"currency": "JMD", "cost": "35.0001"},
    ]
    assert together["session_count"] == 3
    assert [(row["site_id"], row["money"][0]["currency"]) for row in by_site] == [(1, "JMD"), (2, "EUR")]


MOVED_AT = datetime(2026, 5, 2, 17, 5, tzinfo=UTC)  # a Saturday, 12:05 in Jamaica, 19:05 in Zurich
MOVED_DAYS = "date_from=2026-05-01&date_to=2026-05-04"


async def move_evse(
    world: World, evse_uid: str = "CP-1", moved_at: datetime = MOVED_AT, from_to: tuple[int, int] = (1, 2)
) -> None:
    await world.insert(
        "evse_move",
        {"evse_id": world.evse_ids[evse_uid], "moved_at": moved_at, "from_site_id": from_to[0]},
    )
    await world.connection.execute("UPDATE evse SET site_id = $1 WHERE evse_uid = $2", from_to[1], evse_uid)


async def add_a_past_at_two_sites(world: World) -> None:
    """CP-1 moved from site 1 to site 2, where they pay in EUR, and charged at both."""
    await move_site(world, "Europe/Zurich")
    await add_quarter(world, MOVED_AT.replace(minute=0), "CP-1", energy_grid_wh=900.0, power_max_w=8000.0)
    await add_quarter(world, MOVED_AT.replace(minute=15), "CP-1", power_avg_w=300.0, power_max_w=5000.0)
    await world.add_session("before", started_at=MOVED_AT - timedelta(hours=2), site_id=1)
    await world.add_session(
        "after", started_at=MOVED_AT + timedelta(hours=6), site_id=2, currency="EUR", cost=Decimal("2.0000")
    )
    await move_evse(world)


async def test_an_evse_that_moved_leaves_its_sessions_and_their_money_at_the_site_where_they_began(
    client: httpx.AsyncClient, world: World
) -> None:
    await add_a_past_at_two_sites(world)

    by_site = (await asked(client, world, f"?{MOVED_DAYS}&group_by=site"))["items"]
    one_site = (await asked(client, world, f"?{MOVED_DAYS}&site_id=1"))["items"]
    together = (await asked(client, world, f"?{MOVED_DAYS}&evse_uid=CP-1&period=month"))["items"]

    money = {(row["site_id"], row["period_start"]): row["money"] for row in by_site if row["money"]}
    assert money == {
        (1, "2026-05-02"): [{"currency": "JMD", "cost": "35.0000"}],
        (2, "2026-05-03"): [{"currency": "EUR", "cost": "2.0000"}],  # 01:05 in Zurich
    }
    assert [row["session_count"] for row in one_site] == [0, 1, 0]
    assert [row["session_count"] for row in together] == [2]


async def test_an_evse_that_moved_leaves_its_energy_and_peaks_at_the_site_where_it_stood(
    client: httpx.AsyncClient, world: World
) -> None:
    await add_a_past_at_two_sites(world)

    by_site = (await asked(client, world, f"?{MOVED_DAYS}&group_by=site"))["items"]
    by_evse = (await asked(client, world, f"?{MOVED_DAYS}&group_by=evse&evse_uid=CP-1"))["items"]
    (together,) = (await asked(client, world, f"?{MOVED_DAYS}&evse_uid=CP-1&period=month"))["items"]

    for rows in (by_site, by_evse):
        of_day = {row["site_id"]: row for row in rows if row["period_start"] == "2026-05-02"}
        figures = ("energy_wh", "charging_s", "peak_quarter_power_w", "peak_power_w")
        assert [of_day[1][name] for name in figures] == [1000, 60.0, 400.0, 8000.0]
        assert [of_day[2][name] for name in figures] == [100, 60.0, 300.0, 5000.0]
    assert (together["energy_wh"], together["peak_quarter_power_w"]) == (1100, 400.0)


async def test_a_connector_is_of_use_to_a_site_only_while_it_stands_there(
    client: httpx.AsyncClient, world: World
) -> None:
    await add_a_past_at_two_sites(world)

    rows = (await asked(client, world, f"?{MOVED_DAYS}&group_by=evse&evse_uid=CP-1"))["items"]

    until_s, since_s = (12 * 4 + 1) * 900, (24 - 19) * 3600 - 900  # moved at 12:15 and 19:15: whole quarters
    shares = {(row["site_id"], row["period_start"]): row["utilisation"] for row in rows}
    assert shares == {
        (1, "2026-05-01"): 0.0,
        (1, "2026-05-02"): round(60 / until_s, 4),
        (1, "2026-05-03"): None,
        (2, "2026-05-01"): None,
        (2, "2026-05-02"): round(60 / since_s, 4),
        (2, "2026-05-03"): 0.0,
    }
    occupied = {(row["site_id"], row["period_start"]): row["occupied_share"] for row in rows}
    assert occupied[1, "2026-05-02"] == round(3600 / until_s, 4)
    assert occupied[2, "2026-05-03"] == round(3600 / 86400, 4)


async def test_a_session_during_which_its_evse_moved_occupies_each_site_for_its_part(
    client: httpx.AsyncClient, world: World
) -> None:
    await world.add_session("moving", started_at=MOVED_AT - timedelta(minutes=50), site_id=1)  # to 12:15
    await world.add_session("moving on", started_at=MOVED_AT, site_id=1)  # 10 minutes of it at the old site
    await move_evse(world)

    rows = (await asked(client, world, f"?{MOVED_DAYS}&group_by=evse&evse_uid=CP-1"))["items"]

    of_day = {row["site_id"]: row for row in rows if row["period_start"] == "2026-05-02"}
    until_s = (12 * 4 + 1) * 900
    assert of_day[1]["occupied_share"] == round((3600 + 600) / until_s, 4)
    assert of_day[2]["occupied_share"] == round(3000 / (86400 - until_s), 4)
    assert (of_day[1]["session_count"], of_day[2]["session_count"]) == (2, 0)


async def test_an_evse_that_came_back_has_one_row_for_each_site(
    client: httpx.AsyncClient, world: World
) -> None:
    for hours in (0, 24, 48):
        await add_quarter(world, MOVED_AT.replace(minute=0) + timedelta(hours=hours), "CP-1")
    await move_evse(world, moved_at=MOVED_AT + timedelta(hours=12))
    await move_evse(world, moved_at=MOVED_AT + timedelta(hours=36), from_to=(2, 1))

    rows = (await asked(client, world, f"?{MOVED_DAYS[:-1]}5&group_by=evse&evse_uid=CP-1&period=week"))[
        "items"
    ]

    energy = [(row["site_id"], row["period_start"], row["energy_wh"]) for row in rows]
    assert energy == [
        (1, "2026-04-27", 100),
        (1, "2026-05-04", 100),
        (2, "2026-04-27", 100),
        (2, "2026-05-04", 0),
    ]


async def test_a_session_that_began_where_its_evse_never_stood_still_counts_there(
    client: httpx.AsyncClient, world: World
) -> None:
    """Such as one that was taken in before the ingestor heard of the move."""
    await world.add_session("elsewhere", started_at=MOVED_AT, site_id=2)

    rows = (await asked(client, world, f"?{MOVED_DAYS}&group_by=evse&evse_uid=CP-1"))["items"]

    assert [(row["site_id"], row["date_from"], row["session_count"]) for row in rows] == [
        (1, "2026-05-01", 0),
        (1, "2026-05-02", 0),
        (1, "2026-05-03", 0),
        (2, "2026-05-01", 0),
        (2, "2026-05-02", 1),
        (2, "2026-05-03", 0),
    ]


async def test_the_heat_map_of_a_site_has_what_evses_did_while_they_stood_there(
    client: httpx.AsyncClient, world: World
) -> None:
    await add_a_past_at_two_sites(world)

    old = (await asked(client, world, f"/utilisation?{MOVED_DAYS}&site_id=1&evse_uid=CP-1"))["items"]
    new = (await asked(client, world, f"/utilisation?{MOVED_DAYS}&site_id=2&evse_uid=CP-1"))["items"]

    def at_the_move(rows: list[dict[str, Any]], hour: int) -> list[tuple[int, float | None]]:
        hours = {(row["weekday"], row["hour"]): row for row in rows}
        return [(hours[6, h]["energy_wh"], hours[6, h]["utilisation"]) for h in (hour - 1, hour, hour + 1)]

    assert at_the_move(old, 12) == [(0, 0.0), (1000, round(60 / 900, 4)), (0, None)]
    assert at_the_move(new, 19) == [(0, None), (100, round(60 / 2700, 4)), (0, 0.0)]


async def test_powers_are_told_to_a_tenth_of_a_watt(client: httpx.AsyncClient, world: World) -> None:
    await add_quarter(world, MOVED_AT.replace(minute=0), power_avg_w=22951.09241025641, power_max_w=0.25)

    row = (await asked(client, world, f"?{MOVED_DAYS}&evse_uid=CP-3"))["items"][1]

    assert (row["peak_quarter_power_w"], row["peak_power_w"]) == (22951.1, 0.2)


async def test_the_peak_of_a_site_is_the_highest_sum_of_one_quarter(
    client: httpx.AsyncClient, world: World
) -> None:
    noon = datetime(2026, 5, 1, 17, 0, tzinfo=UTC)
    await add_quarter(world, noon, "CP-1", power_avg_w=5000.0, power_max_w=5500.0)
    await add_quarter(world, noon, "CP-2", power_avg_w=6000.0, power_max_w=6100.0)
    await add_quarter(world, noon + QUARTER, "CP-1", power_avg_w=9000.0, power_max_w=9900.0)

    (site,) = (
        await asked(client, world, "?date_from=2026-05-01&date_to=2026-05-02&site_id=1&group_by=site")
    )["items"]
    by_evse = (
        await asked(client, world, "?date_from=2026-05-01&date_to=2026-05-02&site_id=1&group_by=evse")
    )["items"]

    assert (site["peak_quarter_power_w"], site["peak_power_w"]) == (11_000.0, 9900.0)
    assert [(row["evse_uid"], row["peak_quarter_power_w"]) for row in by_evse] == [
        ("CP-1", 9000.0),
        ("CP-2", 6000.0),
    ]


async def test_figures_are_complete_until_the_first_quarter_that_is_not_rolled_up(
    client: httpx.AsyncClient, world: World
) -> None:
    before = await asked(client, world, "")
    due = datetime(2026, 3, 9, 12, 15, tzinfo=UTC)
    await world.insert(
        "rollup_due", {"bucket_start": due, "evse_id": world.evse_ids["CP-1"], "connector_id": 1}
    )
    after = await asked(client, world, "")

    quarter = datetime.fromisoformat(before["complete_until"])
    assert quarter.minute % 15 == quarter.second == 0
    assert datetime.now(UTC) - QUARTER <= quarter + timedelta(seconds=60)
    assert datetime.fromisoformat(after["complete_until"]) == due


async def test_the_heat_map_has_every_hour_of_the_local_week(client: httpx.AsyncClient, world: World) -> None:
    await move_site(world, "Europe/Zurich")
    zone = ZoneInfo("Europe/Zurich")
    for week in range(4):
        monday = datetime(2026, 3, 16, 8, 0, tzinfo=zone) + timedelta(weeks=week)  # DST begins on March 29th
        await add_quarter(world, monday, charging_s=900.0)

    answer = await asked(client, world, "/utilisation?date_from=2026-03-16&date_to=2026-04-13&evse_uid=CP-3")

    hours = {(row["weekday"], row["hour"]): row for row in answer["items"]}
    assert len(hours) == 168
    used = {place: row for place, row in hours.items() if row["charging_s"]}
    assert set(used) == {(1, 8)}
    assert (used[1, 8]["charging_s"], used[1, 8]["energy_wh"]) == (3600.0, 400)
    assert used[1, 8]["utilisation"] == 0.25  # a quarter of each of four hours
    # The hour that spring left out was there on three Sundays only; that does not matter to a share.
    assert hours[7, 2]["utilisation"] == 0.0


async def test_now_tells_power_states_and_the_local_day_so_far(
    client: httpx.AsyncClient, world: World
) -> None:
    now = datetime.now(UTC)
    zone = ZoneInfo("America/Jamaica")
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    await add_quarter(world, midnight, "CP-1", energy_grid_wh=50.0)
    await add_quarter(world, midnight - QUARTER, "CP-1")
    await world.add_session("today", started_at=midnight + timedelta(seconds=1))
    await world.add_session("yesterday", started_at=midnight - timedelta(seconds=1))
    await world.connection.execute("UPDATE evse SET is_online = false WHERE evse_uid = 'CP-3'")
    await world.connection.execute("UPDATE connector SET power_w = 9999 WHERE evse_id = 3")

    figures = await asked(client, world, "/now")

    assert figures["power_w"] == 7000.0  # the offline station's last word is not of now
    assert figures["active_session_count"] == 1
    assert figures["session_count_today"] == 1
    assert figures["money_today"] == [{"currency": "JMD", "cost": "35.0000"}]
    assert figures["energy_today"]["energy_wh"] == 150
    assert figures["energy_today"]["solar_share"] == 0.6667
    assert figures["evse_count_by_state"] == {"available": 1, "charging": 1, "offline": 1}
    assert figures["connector_count_by_status"] == {"available": 2, "charging": 1}


async def test_now_an_evse_that_moved_today_leaves_the_day_so_far_where_it_was(
    client: httpx.AsyncClient, world: World
) -> None:
    now = datetime.now(UTC)
    midnight = now.astimezone(ZoneInfo("America/Jamaica")).replace(hour=0, minute=0, second=0, microsecond=0)
    await add_quarter(world, midnight, "CP-1")
    await world.add_session("today", started_at=midnight + timedelta(seconds=1))
    await move_evse(world, moved_at=now)

    old, new = [await asked(client, world, f"/now?site_id={site_id}") for site_id in (1, 2)]

    assert [(site["energy_today"]["energy_wh"], site["session_count_today"]) for site in (old, new)] == [
        (100, 1),
        (0, 0),
    ]
    assert (old["money_today"], new["money_today"]) == ([{"currency": "JMD", "cost": "35.0000"}], [])
    assert (old["active_session_count"], new["active_session_count"]) == (1, 0)
    assert (old["power_w"], new["power_w"]) == (0.0, 7000.0)  # what flows now flows where it stands now


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("date_from=2026-03-01&date_to=2026-03-01", "date_to"),
        ("date_from=2026-03-02&date_to=2026-03-01", "date_to"),
        ("date_from=2024-01-01&date_to=2026-03-01", "date_from"),
        ("period=month&date_from=1990-01-01&date_to=2026-03-01", "date_from"),
        ("date_from=2026-02-30", "date_from"),
        ("date_from=2026-03-01T00:00:00Z", "date_from"),
        ("date_from=1700000000", "date_from"),
        ("date_from=9999-12-31", "date_from"),
        ("period=year", "period"),
        ("group_by=connector", "group_by"),
        ("site_id=0", "site_id"),
        ("evse_uid=%00", "evse_uid"),
        ("colour=blue", "colour"),
    ],
)
async def test_a_wrong_parameter_is_named(
    client: httpx.AsyncClient, world: World, query: str, field: str
) -> None:
    answer = await client.get(f"/api/v1/stats?{query}", headers=world.headers("operator"))

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_more_rows_than_anybody_reads_are_refused(client: httpx.AsyncClient, world: World) -> None:
    await world.connection.execute(
        "INSERT INTO evse (evse_uid, site_id) SELECT 'X-' || n, 1 FROM generate_series(1, 40) AS n"
    )
    path = "/api/v1/stats?group_by=evse&date_from=2025-03-01&date_to=2026-03-01"
    answer = await client.get(path, headers=world.headers("operator"))
    one_site = await client.get(f"{path}&site_id=2", headers=world.headers("operator"))

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "group_by"
    assert one_site.status_code == 200
    assert len(one_site.json()["items"]) == 365
