"""The registry of EVSEs, what happened to them, and the newest of all connectors."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from solarrally.api.schemas.evses import LatestPage
from solarrally.domain.reading import Quality
from tests.api.world import T0, World, session_id


async def created(client: httpx.AsyncClient, world: World, **body: Any) -> httpx.Response:
    return await client.post(
        "/api/v1/evses",
        json={"evse_uid": "NEW-1", "site_id": 1, **body},
        headers=world.headers("admin"),
    )


async def changed(client: httpx.AsyncClient, world: World, evse_uid: str, **body: Any) -> httpx.Response:
    return await client.patch(f"/api/v1/evses/{evse_uid}", json=body, headers=world.headers("admin"))


async def test_an_evse_is_registered_before_it_is_heard_of(client: httpx.AsyncClient, world: World) -> None:
    answer = await created(
        client,
        world,
        name="Gate",
        max_power_w=7400,
        credentials_ref="sha256:ab",
        connectors=[{"connector_id": 2, "standard": "IEC_62196_T2", "format": "CABLE"}],
    )

    assert answer.status_code == 201
    evse = answer.json()
    assert (evse["name"], evse["max_power_w"], evse["is_enabled"], evse["is_online"]) == (
        "Gate",
        7400.0,
        True,
        False,
    )
    [connector] = evse["connectors"]
    assert (connector["connector_id"], connector["standard"], connector["format"]) == (
        2,
        "IEC_62196_T2",
        "CABLE",
    )
    assert (connector["power_type"], connector["ts"]) == (None, None)
    shown = await client.get("/api/v1/evses/NEW-1", headers=world.headers("operator"))
    assert shown.json() == evse


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"evse_uid": "CP-1"}, 409, "evse_uid"),
        ({"site_id": 77}, 409, "site_id"),
        ({"evse_uid": "a/b"}, 422, "evse_uid"),
        ({"evse_uid": "#"}, 422, "evse_uid"),
        ({"evse_uid": "a\0"}, 422, "evse_uid"),
        ({"max_power_w": 0}, 422, "max_power_w"),
        ({"max_power_w": "7400"}, 422, "max_power_w"),
        ({"dialect": "Native!"}, 422, "dialect"),
        ({"connectors": [{"connector_id": 1, "standard": "SCHUKO"}]}, 422, "connectors.0.standard"),
        ({"connectors": [{"connector_id": 1}, {"connector_id": 1}]}, 422, "connectors"),
        ({"is_online": True}, 422, "is_online"),
    ],
)
async def test_an_evse_that_cannot_be_is_refused_by_field(
    client: httpx.AsyncClient, world: World, body: dict[str, Any], status: int, field: str
) -> None:
    answer = await created(client, world, **body)

    assert answer.status_code == status
    assert answer.json()["errors"][0]["field"] == field


async def test_a_change_of_an_evse_is_audited_with_what_was_before(
    client: httpx.AsyncClient, world: World
) -> None:
    answer = await changed(
        client, world, "CP-1", is_enabled=False, connectors=[{"connector_id": 1, "power_type": "DC"}]
    )

    assert answer.status_code == 200
    evse = answer.json()
    assert evse["is_enabled"] is False
    assert evse["edited_at"] is not None
    assert evse["connectors"][0]["power_type"] == "DC"
    assert evse["connectors"][0]["power_w"] == 7000.0
    entry = await world.connection.fetchrow("SELECT * FROM audit_log WHERE action = 'evse.update'")
    assert entry is not None
    assert json.loads(entry["before"]) == {
        "is_enabled": True,
        "connectors": [{"connector_id": 1, "power_type": None}],
    }


async def test_a_change_to_what_is_so_already_is_no_change(client: httpx.AsyncClient, world: World) -> None:
    answer = await changed(client, world, "CP-1", is_enabled=True, name=None)

    assert (answer.status_code, answer.json()["edited_at"]) == (200, None)
    assert await world.connection.fetchval("SELECT count(*) FROM audit_log") == 0


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 422, "body"),
        ({"site_id": None}, 422, "site_id"),
        ({"site_id": 77}, 409, "site_id"),
        ({"is_enabled": "yes"}, 422, "is_enabled"),
        ({"vendor": "x"}, 422, "vendor"),
        ({"max_power_w": 1e99}, 422, "max_power_w"),
        ({"base_topic": "home/box"}, 409, "base_topic"),  # it is native
        ({"dialect": "goe", "base_topic": "home/+"}, 422, "base_topic"),
        ({"dialect": "goe", "base_topic": "//"}, 422, "base_topic"),
        ({"dialect": "goe", "base_topic": "home/gar\tage"}, 422, "base_topic"),
        ({"dialect": "goe", "base_topic": "$SYS/x"}, 422, "base_topic"),
        ({"dialect": "goe", "base_topic": "evse/CP-1"}, 422, "base_topic"),
    ],
)
async def test_a_change_that_cannot_be_is_refused_by_field(
    client: httpx.AsyncClient, world: World, body: dict[str, Any], status: int, field: str
) -> None:
    answer = await changed(client, world, "CP-1", **body)

    assert answer.status_code == status
    assert answer.json()["errors"][0]["field"] == field


async def test_a_station_has_a_base_topic_of_its_own_without_its_empty_levels(
    client: httpx.AsyncClient, world: World
) -> None:
    first = await changed(client, world, "CP-1", dialect="goe", base_topic="/home//wallbox/")
    second = await changed(client, world, "CP-2", dialect="goe", base_topic="home/wallbox")
    native_again = await changed(client, world, "CP-1", dialect="native")
    freed = await changed(client, world, "CP-1", dialect="native", base_topic=None)

    assert (first.status_code, first.json()["base_topic"]) == (200, "home/wallbox")
    assert (second.status_code, second.json()["errors"][0]["field"]) == (409, "base_topic")
    assert (native_again.status_code, native_again.json()["errors"][0]["field"]) == (409, "base_topic")
    assert (freed.status_code, freed.json()["base_topic"]) == (200, None)


async def test_no_base_topic_is_inside_another_stations(client: httpx.AsyncClient, world: World) -> None:
    await changed(client, world, "CP-1", dialect="goe", base_topic="home/wallbox")

    for base_topic in ("home", "home/wallbox/left"):
        refused = await changed(client, world, "CP-2", dialect="goe", base_topic=base_topic)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (409, "base_topic")
    beside = await changed(client, world, "CP-2", dialect="goe", base_topic="home/wallbox2")
    deeper = await changed(client, world, "CP-1", base_topic="home/wallbox/of-mine")

    assert (beside.status_code, beside.json()["base_topic"]) == (200, "home/wallbox2")
    assert (deeper.status_code, deeper.json()["base_topic"]) == (200, "home/wallbox/of-mine")


async def test_an_evse_that_moves_leaves_its_sessions_at_the_old_site(
    client: httpx.AsyncClient, world: World
) -> None:
    moved = await changed(client, world, "CP-1", site_id=2)

    assert moved.json()["site_id"] == 2
    headers = world.headers("operator")
    session = (await client.get(f"/api/v1/sessions/{session_id('running')}", headers=headers)).json()
    assert session["site_id"] == 1
    assert (await client.delete("/api/v1/sites/1", headers=world.headers("admin"))).status_code == 409


async def test_an_evse_goes_only_when_it_was_never_heard_of(client: httpx.AsyncClient, world: World) -> None:
    await created(client, world, connectors=[{"connector_id": 1, "format": "SOCKET"}])
    headers = world.headers("admin")

    refused = await client.delete("/api/v1/evses/CP-3", headers=headers)
    gone = await client.delete("/api/v1/evses/NEW-1", headers=headers)
    again = await client.delete("/api/v1/evses/NEW-1", headers=headers)

    assert (refused.status_code, gone.status_code, again.status_code) == (409, 204, 404)
    actions = await world.connection.fetch("SELECT action, object_id FROM audit_log ORDER BY id")
    assert [tuple(row) for row in actions] == [("evse.create", "NEW-1"), ("evse.delete", "NEW-1")]


async def test_an_evse_that_may_still_connect_does_not_go(client: httpx.AsyncClient, world: World) -> None:
    await created(client, world, connectors=[])
    await world.connection.execute(
        "INSERT INTO evse_credential (evse_id, kind, reference, created_by) "
        "SELECT id, 'password', evse_uid, 'cli' FROM evse WHERE evse_uid = 'NEW-1'"
    )
    headers = world.headers("admin")

    refused = await client.delete("/api/v1/evses/NEW-1", headers=headers)
    await world.connection.execute("UPDATE evse_credential SET revoked_at = now(), revoked_by = 'cli'")
    gone = await client.delete("/api/v1/evses/NEW-1", headers=headers)

    assert (refused.status_code, gone.status_code) == (409, 204)
    assert "revoke it first" in refused.text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=cp-", ["CP-1", "CP-2", "CP-3"]),
        ("q=GATE%20", ["CP-2"]),
        ("q=%25", []),
        ("q=_P-1", []),
        ("is_enabled=false", ["CP-3"]),
        ("dialect=openevse", ["CP-2"]),
        ("sort=-evse_uid&is_enabled=true", ["CP-2", "CP-1"]),
    ],
)
async def test_filters_of_the_registry(
    client: httpx.AsyncClient, world: World, query: str, found: list[str]
) -> None:
    await world.connection.execute("UPDATE evse SET is_enabled = false WHERE evse_uid = 'CP-3'")
    await world.connection.execute(
        "UPDATE evse SET name = 'Gate left', dialect = 'openevse' WHERE evse_uid = 'CP-2'"
    )
    page = (await client.get(f"/api/v1/evses?{query}", headers=world.headers("operator"))).json()

    assert [evse["evse_uid"] for evse in page["items"]] == found


async def add_event(world: World, seconds: float, kind: str, evse_uid: str = "CP-1", **more: Any) -> None:
    await world.insert(
        "station_event",
        {
            "evse_id": world.evse_ids[evse_uid],
            "ts": T0 + timedelta(seconds=seconds),
            "kind": kind,
            **more,
        },
    )


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["recovered", "offline", "faulted", "online"]),
        ("sort=ts", ["online", "faulted", "offline", "recovered"]),
        ("kind=faulted", ["faulted"]),
        ("connector_id=2", ["faulted"]),
        ("date_from=2026-03-09T12:00:10Z&date_to=2026-03-09T12:00:20Z", ["offline", "faulted"]),
    ],
)
async def test_events_of_an_evse(
    client: httpx.AsyncClient, world: World, query: str, found: list[str]
) -> None:
    await add_event(world, 0, "online")
    await add_event(world, 10, "faulted", connector_id=2, detail="GroundFailure")
    await add_event(world, 10, "offline")
    await add_event(world, 20, "recovered")
    await add_event(world, 10, "online", "CP-2")
    kinds, url = [], f"/api/v1/evses/CP-1/events?limit=1&{query}"
    while url:
        answer = await client.get(url, headers=world.headers("operator"))
        assert answer.status_code == 200
        kinds += [event["kind"] for event in answer.json()["items"]]
        url = answer.links.get("next", {}).get("url", "")

    assert kinds == found


async def test_online_history_has_no_gaps_and_counts_what_is_known(
    client: httpx.AsyncClient, world: World
) -> None:
    await add_event(world, 600, "online")
    await add_event(world, 1200, "offline", detail="silent")
    await add_event(world, 1200, "faulted", connector_id=1)
    await add_event(world, 1500, "online")
    await add_event(world, 1600, "online")
    url = "/api/v1/evses/CP-1/online-history"
    headers = world.headers("operator")

    whole = await client.get(
        f"{url}?date_from=2026-03-09T12:00:00Z&date_to=2026-03-09T13:00:00Z", headers=headers
    )
    later = await client.get(
        f"{url}?date_from=2026-03-09T12:22:00Z&date_to=2026-03-09T12:26:00Z", headers=headers
    )

    body = whole.json()
    assert [(one["starts_at"][11:16], one["is_online"]) for one in body["intervals"]] == [
        ("12:00", None),
        ("12:10", True),
        ("12:20", False),
        ("12:25", True),
    ]
    assert (body["unknown_s"], body["online_s"], body["offline_s"]) == (600, 2700, 300)
    assert body["availability_percent"] == 90.0
    assert later.json()["availability_percent"] == 25.0


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "date_from"),
        ("date_from=2026-03-09T12:00:00", "date_from"),
        ("date_from=2026-03-09T12:00:00Z&date_to=2026-03-09T12:00:00Z", "date_from"),
        ("date_from=2199-01-01T00:00:00Z", "date_from"),
        ("date_from=2020-01-01T00:00:00Z&date_to=2022-01-01T00:00:00Z", "date_to"),
    ],
)
async def test_a_range_of_online_history_that_cannot_be_is_refused_by_field(
    client: httpx.AsyncClient, world: World, query: str, field: str
) -> None:
    answer = await client.get(f"/api/v1/evses/CP-1/online-history?{query}", headers=world.headers("operator"))

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize("below", ["events", "online-history?date_from=2026-03-09T12:00:00Z"])
async def test_what_happened_to_an_unknown_evse_is_not_found(
    client: httpx.AsyncClient, world: World, below: str
) -> None:
    answer = await client.get(f"/api/v1/evses/CP-9/{below}", headers=world.headers("operator"))

    assert answer.status_code == 404


async def test_latest_holds_every_connector_in_the_shape_that_is_declared(
    client: httpx.AsyncClient, world: World
) -> None:
    await world.insert("connector", {"evse_id": world.evse_ids["CP-1"], "connector_id": 2})
    await world.connection.execute(
        "UPDATE connector SET quality = $1 WHERE connector_id = 1 AND session_id IS NOT NULL",
        int(Quality.CLOCKLESS),
    )
    headers = world.headers("operator")
    answer = await client.get("/api/v1/latest", headers=headers)

    page = LatestPage.model_validate_json(answer.content, strict=True)
    assert page.model_dump(mode="json") == answer.json()
    assert [(one.evse_uid, one.connector_id) for one in page.items] == [
        ("CP-1", 1),
        ("CP-1", 2),
        ("CP-2", 1),
        ("CP-3", 1),
    ]
    assert page.items[0].quality == ["clockless"]
    assert page.items[0].session_id == session_id("running")
    assert page.items[1].ts is None


async def test_latest_is_paged_and_filtered_by_site(client: httpx.AsyncClient, world: World) -> None:
    headers = world.headers("operator")
    seen, url = [], "/api/v1/latest?limit=1&site_id=1"
    while url:
        answer = await client.get(url, headers=headers)
        seen += [one["evse_uid"] for one in answer.json()["items"]]
        url = answer.links.get("next", {}).get("url", "")

    assert seen == ["CP-1", "CP-2"]
