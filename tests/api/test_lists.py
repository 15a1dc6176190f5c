"""Lists: pages that show everything exactly once, filters, and the shapes of what is listed."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import pytest

from solarrally.domain.energy import SessionQuality
from solarrally.domain.reading import ConnectorStatus, EnergySource, Quality
from solarrally.storage.codes import SOURCE_CODE, STATUS_CODE
from tests.api.world import T0, World, session_id


async def walked(client: httpx.AsyncClient, world: World, path: str, username: str = "operator") -> list[Any]:
    """All items, by following the Link headers."""
    items, url = [], path
    for _ in range(100):
        answer = await client.get(url, headers=world.headers(username))
        assert answer.status_code == 200, answer.text
        page = answer.json()
        items += page["items"]
        if "next" not in answer.links:
            assert page["next_cursor"] is None
            return items
        assert page["next_cursor"] in answer.links["next"]["url"]
        url = answer.links["next"]["url"]
    raise AssertionError("the list does not end")


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 22, 500])
async def test_pages_of_sessions_show_each_once_newest_first(
    client: httpx.AsyncClient, world: World, limit: int
) -> None:
    for number in range(20):  # four at each instant
        await world.add_session(f"s{number}", started_at=T0 - timedelta(hours=number // 4))

    items = await walked(client, world, f"/api/v1/sessions?limit={limit}")

    assert len(items) == 22
    places = [(item["started_at"], item["id"]) for item in items]
    assert places == sorted(places, reverse=True)
    assert len(set(places)) == 22


async def test_pages_show_each_session_once_while_others_begin(
    client: httpx.AsyncClient, world: World
) -> None:
    before = {str(await world.add_session(f"s{n}", started_at=T0 - timedelta(minutes=n))) for n in range(10)}
    seen, url = [], "/api/v1/sessions?limit=3"
    for number in range(99):
        answer = await client.get(url, headers=world.headers("operator"))
        seen += [item["id"] for item in answer.json()["items"]]
        await world.add_session(f"new{number}", started_at=T0 + timedelta(minutes=number))
        if "next" not in answer.links:
            break
        url = answer.links["next"]["url"]

    assert len(seen) == len(set(seen))
    assert before <= set(seen)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("evse_uid=CP-2", {"of-eric"}),
        ("site_id=2", {"south"}),
        ("connector_id=2", {"south"}),
        ("status=ACTIVE", {"running"}),
        ("device_session_id=of-eric", {"of-eric"}),
        ("id_token=token-of-eric", {"of-eric"}),
        ("date_from=2026-03-10T12:00:00Z", {"south"}),
        ("date_to=2026-03-10T12:00:00Z", {"running", "of-eric"}),
        ("date_from=2026-03-09T07:00:00-05:00&date_to=2026-03-09T12:00:00.000001Z", {"running", "of-eric"}),
        ("date_from=2026-03-09T12:00:00.000001Z&date_to=2026-03-10T12:00:00Z", set()),
        ("evse_uid=cp-2", set()),
        ("evse_uid=CP-2%27%20OR%201=1--", set()),
    ],
)
async def test_filters_of_sessions(
    client: httpx.AsyncClient, world: World, query: str, found: set[str]
) -> None:
    await world.add_session("south", "CP-3", connector_id=2, started_at=T0 + timedelta(days=1))
    items = await walked(client, world, f"/api/v1/sessions?limit=1&{query}")

    assert {item["device_session_id"] for item in items} == found


async def test_a_session_in_full(client: httpx.AsyncClient, world: World) -> None:
    quality = SessionQuality.GAP | SessionQuality.COUNTER_FELL
    await world.add_session("s", quality=int(quality), cost=Decimal("12345678.9012"), energy_method="power")
    body = (await client.get(f"/api/v1/sessions/{session_id('s')}", headers=world.headers("user"))).json()

    updated_at = body.pop("updated_at")
    assert updated_at.endswith("Z")
    assert body == {
        "id": str(session_id("s")),
        "evse_uid": "CP-1",
        "connector_id": 1,
        "site_id": 1,
        "device_session_id": "s",
        "id_token": "token-of-dora",
        "status": "COMPLETED",
        "started_at": "2026-03-09T12:00:00Z",
        "ended_at": "2026-03-09T13:00:00Z",
        "end_reason": "EVDisconnected",
        "last_reading_at": "2026-03-09T13:00:00Z",
        "reading_count": 3600,
        "charging_s": 3500.0,
        "energy_wh": 1500,
        "energy_solar_wh": 1000,
        "energy_grid_wh": 400,
        "energy_unattributed_wh": 100,
        "kwh": 1.5,
        "energy_method": "power",
        "peak_power_w": 7200.0,
        "quality": ["counter_fell", "gap"],
        "tariff_id": 1,
        "currency": "JMD",
        "cost": "12345678.9012",
        "total_cost": {"excl_vat": "12345678.9012", "incl_vat": "12345678.9012"},
        "country_code": "JM",
        "party_id": "SRY",
        "location_id": "1",
        "start_date_time": "2026-03-09T12:00:00Z",
        "end_date_time": "2026-03-09T13:00:00Z",
        "cdr_token": {"uid": "token-of-dora", "type": "OTHER"},
        "auth_method": "WHITELIST",
        "last_updated": updated_at,
    }


async def test_readings_are_those_of_the_session_and_connector_in_order(
    client: httpx.AsyncClient, world: World
) -> None:
    await world.add_session("s")
    for second in (-1, 0, 1800, 3600, 3601):
        await world.add_reading(second, digest=1)
    for digest in range(5):
        await world.add_reading(1800, digest=digest * 7 - 14)
    await world.add_reading(1800, "CP-2")
    await world.add_reading(1800, connector_id=2)

    for limit in (1, 3, 500):
        items = await walked(
            client, world, f"/api/v1/sessions/{session_id('s')}/readings?limit={limit}", "user"
        )
        assert [item["ts"] for item in items] == [
            "2026-03-09T12:00:00Z",
            *["2026-03-09T12:30:00Z"] * 6,
            "2026-03-09T13:00:00Z",
        ]


async def test_a_running_session_has_readings_up_to_now(client: httpx.AsyncClient, world: World) -> None:
    await world.add_reading(86400 * 40)
    items = await walked(client, world, f"/api/v1/sessions/{session_id('running')}/readings")

    assert [item["ts"] for item in items] == ["2026-04-18T12:00:00Z"]


async def test_a_reading_has_words_for_codes_and_no_digits_that_were_not_measured(
    client: httpx.AsyncClient, world: World
) -> None:
    await world.add_reading(
        1,
        status=STATUS_CODE[ConnectorStatus.SUSPENDED_EV],
        energy_source=SOURCE_CODE[EnergySource.SOLAR],
        quality=int(Quality.CLOCKLESS | Quality.POWER_MISMATCH),
        voltage_v=230.1,
        current_l3_a=0.1,
        power_w=7200.123456789,
        id_token="secret",
    )
    [item] = await walked(client, world, f"/api/v1/sessions/{session_id('running')}/readings")

    assert (item["status"], item["energy_source"]) == ("suspendedev", "solar")
    assert item["quality"] == ["clockless", "power_mismatch"]
    assert (item["voltage_v"], item["current_l3_a"], item["power_w"]) == (230.1, 0.1, 7200.123456789)
    assert (item["current_a"], item["temperature_c"]) == (None, None)
    assert "secret" not in str(item)


async def test_bills_come_in_the_order_they_were_issued_with_exact_money(
    client: httpx.AsyncClient, world: World
) -> None:
    invoice, credit = uuid4(), uuid4()
    for revision, (bill_id, kind, total) in enumerate(
        ((invoice, "invoice", "35.1000"), (credit, "credit", "-35.1000")), start=1
    ):
        await world.insert(
            "bill",
            {
                "id": bill_id,
                "session_id": session_id("running"),
                "revision": revision,
                "kind": kind,
                "credits_bill_id": invoice if kind == "credit" else None,
                "evse_uid": "CP-1",
                "connector_id": 1,
                "started_at": T0,
                "ended_at": T0 + timedelta(hours=1),
                "energy_solar_wh": 1000,
                "energy_grid_wh": 400,
                "energy_unattributed_wh": 100,
                "tariff_id": 1,
                "price_solar_per_kwh": Decimal("10.0000"),
                "price_grid_per_kwh": Decimal("50.0000"),
                "currency": "JMD",
                "total": Decimal(total),
            },
        )
    answer = await client.get(
        f"/api/v1/sessions/{session_id('running')}/bills", headers=world.headers("user")
    )

    items = answer.json()["items"]
    assert [(item["kind"], item["total"]) for item in items] == [
        ("invoice", "35.1000"),
        ("credit", "-35.1000"),
    ]
    assert items[1]["credits_bill_id"] == str(invoice)
    assert items[0]["price_solar_per_kwh"] == "10.0000"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["CP-1", "CP-2", "CP-3"]),
        ("site_id=1", ["CP-1", "CP-2"]),
        ("status=charging", ["CP-1"]),
        ("is_online=false", ["CP-3"]),
        ("is_online=true&status=available", ["CP-2"]),
        ("site_id=77", []),
    ],
)
@pytest.mark.parametrize("path", ["evses", "evse-status"])
async def test_filters_of_evses(
    client: httpx.AsyncClient, world: World, path: str, query: str, found: list[str]
) -> None:
    await world.connection.execute("UPDATE evse SET is_online = false WHERE evse_uid = 'CP-3'")
    for limit in (1, 2, 500):
        items = await walked(client, world, f"/api/v1/{path}?limit={limit}&{query}")
        assert [item["evse_uid"] for item in items] == found


async def test_an_evse_shows_the_newest_of_its_connectors_and_the_running_session(
    client: httpx.AsyncClient, world: World
) -> None:
    await world.insert("connector", {"evse_id": world.evse_ids["CP-1"], "connector_id": 2})
    body = (await client.get("/api/v1/evses/CP-1", headers=world.headers("operator"))).json()

    assert [connector["connector_id"] for connector in body["connectors"]] == [1, 2]
    assert body["connectors"][0]["session_id"] == str(session_id("running"))
    assert body["connectors"][0]["power_w"] == 7000.0
    assert body["connectors"][1]["ts"] is None


async def test_an_evse_may_have_any_name(client: httpx.AsyncClient, world: World) -> None:
    await world.add_evse("Äther ☃ %41 ?#")
    answer = await client.get(
        "/api/v1/evses/%C3%84ther%20%E2%98%83%20%2541%20%3F%23", headers=world.headers("operator")
    )

    assert answer.json()["evse_uid"] == "Äther ☃ %41 ?#"
    absent = await client.get("/api/v1/evses/absent", headers=world.headers("operator"))
    assert (absent.status_code, absent.json()["detail"]) == (404, "There is no such EVSE.")


async def test_rejected_messages_are_listed_newest_first_with_their_payload(
    client: httpx.AsyncClient, world: World
) -> None:
    for number in range(5):
        await world.insert(
            "rejected_message",
            {
                "received_at": T0,
                "topic": f"evse/{number}/telemetry",
                "reason": "wrong_type" if number % 2 else "malformed_json",
                "field": "power_w",
                "detail": "d",
                "payload": b"\x00\xff",
                "payload_size_bytes": 700,
            },
        )
    items = await walked(client, world, "/api/v1/rejected-messages?limit=2&reason=malformed_json")

    assert [item["topic"] for item in items] == ["evse/4/telemetry", "evse/2/telemetry", "evse/0/telemetry"]
    assert (items[0]["payload_base64"], items[0]["payload_size_bytes"]) == ("AP8=", 700)


async def add_rejected(world: World, topic: str, reason: str, hours: int) -> None:
    await world.insert(
        "rejected_message",
        {
            "received_at": T0 + timedelta(hours=hours),
            "topic": topic,
            "reason": reason,
            "detail": "d",
            "payload": b"{",
            "payload_size_bytes": 1,
        },
    )


@pytest.fixture
async def rejected(world: World) -> None:
    """Messages of two stations, of which one's name begins like the other's."""
    await add_rejected(world, "evse/CP-1/telemetry", "malformed_json", 0)
    await add_rejected(world, "evse/CP-1/status", "malformed_json", 3)
    await add_rejected(world, "evse/CP-1/telemetry", "invalid_field", 1)
    await add_rejected(world, "evse/CP-10/telemetry", "malformed_json", 2)


@pytest.mark.usefixtures("rejected")
async def test_rejected_messages_are_counted_by_reason_most_first(
    client: httpx.AsyncClient, world: World
) -> None:
    summary = (
        await client.get("/api/v1/rejected-messages/summary", headers=world.headers("operator"))
    ).json()

    assert summary == {
        "message_count": 4,
        "reasons": [
            {
                "reason": "malformed_json",
                "count": 3,
                "first_received_at": "2026-03-09T12:00:00Z",
                "last_received_at": "2026-03-09T15:00:00Z",
            },
            {
                "reason": "invalid_field",
                "count": 1,
                "first_received_at": "2026-03-09T13:00:00Z",
                "last_received_at": "2026-03-09T13:00:00Z",
            },
        ],
    }


@pytest.mark.usefixtures("rejected")
@pytest.mark.parametrize(
    ("filters", "hours"),
    [
        ("reason=malformed_json", [3, 2, 0]),
        ("evse_uid=CP-1", [3, 1, 0]),
        ("evse_uid=CP-10", [2]),
        ("evse_uid=CP-1/status", []),
        ("evse_uid=%25", []),
        ("date_from=2026-03-09T13:00:00Z&date_to=2026-03-09T15:00:00Z", [2, 1]),
        ("evse_uid=CP-1&reason=malformed_json&date_from=2026-03-09T13:00:00Z", [3]),
    ],
)
async def test_the_list_and_the_count_of_rejected_messages_have_the_same_filters(
    client: httpx.AsyncClient, world: World, filters: str, hours: list[int]
) -> None:
    items = await walked(client, world, f"/api/v1/rejected-messages?limit=2&{filters}")
    summary = await client.get(
        f"/api/v1/rejected-messages/summary?{filters}", headers=world.headers("operator")
    )

    received = [datetime.fromisoformat(item["received_at"]) for item in items]
    assert sorted(received) == sorted(T0 + timedelta(hours=one) for one in hours)
    assert summary.json()["message_count"] == len(hours)


async def test_a_user_is_added_listed_and_logs_in(client: httpx.AsyncClient, world: World) -> None:
    new = {"username": "dana", "password": "long enough", "role": "user", "id_token": "token-of-dana"}
    answer = await client.post("/api/v1/users", headers=world.headers("admin"), json=new)

    assert answer.status_code == 201
    assert not {"password", "password_hash"} & set(answer.json())
    items = await walked(client, world, "/api/v1/users?limit=2", "admin")
    assert [item["username"] for item in items] == [*world.user_ids, "dana"]
    assert items[-1] == answer.json()
    login = await client.post("/api/v1/auth/login", data={"username": "dana", "password": "long enough"})
    assert login.status_code == 200


@pytest.mark.parametrize(
    ("changes", "field"), [({"username": "admin"}, "username"), ({"id_token": "token-of-eric"}, "id_token")]
)
async def test_a_user_who_exists_is_a_conflict_by_its_field(
    client: httpx.AsyncClient, world: World, changes: dict[str, str], field: str
) -> None:
    new = {"username": "dana", "password": "long enough", "role": "user", **changes}
    answer = await client.post("/api/v1/users", headers=world.headers("admin"), json=new)

    assert answer.status_code == 409
    assert [error["field"] for error in answer.json()["errors"]] == [field]
