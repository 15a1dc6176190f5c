"""Alerts: listed, taken on and settled by people."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from solarrally.domain.alert import AlertRules
from solarrally.storage import alerts as review
from solarrally.storage.notice import CHANNEL
from tests.api.world import T0, World


async def listed(client: httpx.AsyncClient, world: World, query: str) -> list[int]:
    answer = await client.get(f"/api/v1/alerts?{query}", headers=world.headers("operator"))
    assert answer.status_code == 200, answer.text
    return [alert["id"] for alert in answer.json()["items"]]


async def post(client: httpx.AsyncClient, world: World, path: str, body: Any = None) -> httpx.Response:
    return await client.post(f"/api/v1/alerts/{path}", headers=world.headers("operator"), json=body)


async def audited(world: World) -> list[tuple[Any, ...]]:
    rows = await world.connection.fetch(
        "SELECT actor_name, action, object_id, before, after FROM audit_log"
        " WHERE object_type = 'alert' ORDER BY id"
    )
    return [(*row[:3], *(json.loads(value) for value in row[3:])) for row in rows]


async def test_an_alert_is_shown_whole(client: httpx.AsyncClient, world: World) -> None:
    alert_id = await world.add_alert()
    one = await client.get(f"/api/v1/alerts/{alert_id}", headers=world.headers("operator"))

    assert one.json() == {
        "id": alert_id,
        "evse_uid": "CP-1",
        "site_id": 1,
        "connector_id": 1,
        "session_id": None,
        "kind": "faulted",
        "severity": "critical",
        "status": "open",
        "detail": "GroundFailure",
        "occurrence_count": 1,
        "opened_at": "2026-03-09T12:00:00Z",
        "last_seen_at": "2026-03-09T12:00:00Z",
        "acknowledged_at": None,
        "acknowledged_by": None,
        "resolved_at": None,
        "resolved_by": None,
        "ended_at": None,
        "note": None,
    }


async def test_alerts_are_filtered_by_everything(client: httpx.AsyncClient, world: World) -> None:
    hour = timedelta(hours=1)
    fault = await world.add_alert()
    hot = await world.add_alert(kind="over_temperature", opened_at=T0 + hour, acknowledged_at=T0)
    away = await world.add_alert("CP-3", kind="offline", severity="warning", connector_id=None)
    over = await world.add_alert("CP-2", opened_at=T0 + 2 * hour, resolved_at=T0 + 3 * hour)

    for query, expected in {
        "": [over, hot, away, fault],
        "sort=opened_at": [fault, away, hot, over],
        "status=open": [away, fault],
        "status=acknowledged": [hot],
        "status=resolved": [over],
        "kind=faulted": [over, fault],
        "severity=warning": [away],
        "site_id=2": [away],
        "evse_uid=CP-1": [hot, fault],
        "date_from=2026-03-09T13:00:00Z": [over, hot],
        "date_to=2026-03-09T13:00:00Z": [away, fault],
        "site_id=1&status=open&kind=faulted": [fault],
        "evse_uid=nobody": [],
    }.items():
        assert await listed(client, world, query) == expected, query


async def test_pages_of_alerts_show_each_once(client: httpx.AsyncClient, world: World) -> None:
    made = []
    for n in range(7):  # three at each instant
        opened_at = T0 + timedelta(hours=n // 3)
        made.append(await world.add_alert(opened_at=opened_at, ended_at=opened_at, resolved_at=opened_at))
    seen, url = [], "/api/v1/alerts?limit=2&status=resolved"
    while url:
        answer = await client.get(url, headers=world.headers("operator"))
        seen += [alert["id"] for alert in answer.json()["items"]]
        url = answer.links.get("next", {}).get("url", "")

    assert seen == sorted(made, reverse=True)


async def test_who_acknowledges_second_changes_nothing(client: httpx.AsyncClient, world: World) -> None:
    alert_id = await world.add_alert()
    first = (await post(client, world, f"{alert_id}/acknowledge", {"note": "on my way"})).json()
    again = (await post(client, world, f"{alert_id}/acknowledge")).json()
    second = await client.post(
        f"/api/v1/alerts/{alert_id}/acknowledge", headers=world.headers("admin"), json={"note": "mine"}
    )

    assert (first["status"], first["acknowledged_by"], first["note"]) == (
        "acknowledged",
        "operator",
        "on my way",
    )
    assert again == first
    assert (second.status_code, second.json()) == (200, first)
    assert await audited(world) == [
        (
            "operator",
            "alert.acknowledge",
            str(alert_id),
            {"status": "open", "note": None},
            {"status": "acknowledged", "note": "on my way"},
        ),
    ]


async def test_two_who_acknowledge_at_once_are_one(client: httpx.AsyncClient, world: World) -> None:
    alert_id = await world.add_alert()
    answers = await asyncio.gather(*(post(client, world, f"{alert_id}/acknowledge") for _ in range(6)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["acknowledged_at"] for answer in answers}) == 1
    assert len(await audited(world)) == 1


async def test_who_resolves_second_changes_nothing(client: httpx.AsyncClient, world: World) -> None:
    alert_id = await world.add_alert()
    first = (await post(client, world, f"{alert_id}/resolve", {"note": "fixed"})).json()
    again = (await post(client, world, f"{alert_id}/resolve")).json()
    second = await client.post(
        f"/api/v1/alerts/{alert_id}/resolve", headers=world.headers("admin"), json={"note": "mine"}
    )

    assert (first["status"], first["resolved_by"], first["note"]) == ("resolved", "operator", "fixed")
    assert first["ended_at"] is None
    assert again == first
    assert (second.status_code, second.json()) == (200, first)
    assert [row[1] for row in await audited(world)] == ["alert.resolve"]


async def test_the_note_of_a_resolution_replaces_that_of_the_acknowledgement_and_both_are_audited(
    client: httpx.AsyncClient, world: World
) -> None:
    alert_id = await world.add_alert()
    await post(client, world, f"{alert_id}/acknowledge", {"note": "on my way"})
    resolved = (await post(client, world, f"{alert_id}/resolve", {"note": "fixed"})).json()

    assert resolved["note"] == "fixed"
    assert [row[4]["note"] for row in await audited(world)] == ["on my way", "fixed"]


async def test_what_is_resolved_cannot_be_acknowledged(client: httpx.AsyncClient, world: World) -> None:
    alert_id = await world.add_alert(resolved_at=T0, ended_at=T0)
    refused = await post(client, world, f"{alert_id}/acknowledge")

    assert refused.status_code == 409
    assert refused.json()["errors"] == [{"field": "status", "message": "is resolved"}]


async def test_the_review_leaves_alone_what_somebody_resolved(
    client: httpx.AsyncClient, world: World
) -> None:
    await world.connection.execute("UPDATE connector SET reported_status = 'faulted' WHERE evse_id = 1")
    rules = AlertRules(session_long_h=1e6, session_idle_h=1e6)
    await review.review(world.connection, T0, rules)
    [alert_id] = await listed(client, world, "status=open")
    await post(client, world, f"{alert_id}/resolve")
    await review.review(world.connection, T0 + timedelta(seconds=5), rules)
    assert await listed(client, world, "") == [alert_id]

    await world.connection.execute("UPDATE connector SET reported_status = 'available'")
    await review.review(world.connection, T0 + timedelta(seconds=10), rules)
    await world.connection.execute("UPDATE connector SET reported_status = 'faulted' WHERE evse_id = 1")
    await review.review(world.connection, T0 + timedelta(seconds=15), rules)

    assert len(await listed(client, world, "")) == 2
    assert len(await listed(client, world, "status=open")) == 1


async def test_watchers_are_told_of_each_change(client: httpx.AsyncClient, world: World) -> None:
    alert_id = await world.add_alert()
    told: list[tuple[int, str]] = []

    def note(_connection: object, _pid: int, _channel: str, text: object) -> None:
        told.extend((alert["id"], alert["status"]) for alert in json.loads(str(text)).get("alerts", []))

    await world.connection.add_listener(CHANNEL, note)
    await post(client, world, f"{alert_id}/acknowledge")
    await post(client, world, f"{alert_id}/acknowledge")
    await post(client, world, f"{alert_id}/resolve")
    await world.connection.fetchval("SELECT 1")

    assert told == [(alert_id, "acknowledged"), (alert_id, "resolved")]


@pytest.mark.parametrize("what", ["", "/acknowledge", "/resolve"])
@pytest.mark.parametrize(
    ("alert_id", "status"), [("999", 404), ("0", 422), ("9223372036854775808", 422), ("1e1", 422)]
)
async def test_an_alert_that_does_not_exist_is_absent(
    client: httpx.AsyncClient, world: World, what: str, alert_id: str, status: int
) -> None:
    method = "POST" if what else "GET"
    answer = await client.request(
        method, f"/api/v1/alerts/{alert_id}{what}", headers=world.headers("operator")
    )

    assert answer.status_code == status
    if status == 422:
        assert [error["field"] for error in answer.json()["errors"]] == ["alert_id"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"note": ""}, "note"),
        ({"note": "x" * 1001}, "note"),
        ({"note": "a\0b"}, "note"),
        ({"note": 7}, "note"),
        ({"nota": "x"}, "nota"),
        ([], "body"),
    ],
)
async def test_a_bad_note_is_refused_by_its_name(
    client: httpx.AsyncClient, world: World, body: Any, field: str
) -> None:
    alert_id = await world.add_alert()
    answer = await post(client, world, f"{alert_id}/acknowledge", body)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
