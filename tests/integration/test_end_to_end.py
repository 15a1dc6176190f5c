"""From a charger's message to a bill and a live picture, through every real part."""

from __future__ import annotations

import asyncio
import json
import signal
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from websockets.asyncio.client import ClientConnection, connect

from solarrally.brokers.address import parse_address
from solarrally.embedded.broker_process import BrokerProcess
from solarrally.live_client import log_in
from tests.support.backend import Backend, running_backend
from tests.support.replayed import compare, start_replay

PATIENCE_S = 15.0


@pytest.fixture
def backend(mosquitto: BrokerProcess, database_url: str, tmp_path: Path) -> Iterator[Backend]:
    with running_backend(
        database_url=database_url, mqtt_url=mosquitto.url_for("ingestor"), folder=tmp_path
    ) as running:
        yield running


def get(backend: Backend, token: str, path: str) -> Any:
    request = urllib.request.Request(f"{backend.api_url}{path}", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


async def publish(broker: BrokerProcess, messages: list[tuple[str, bytes]], user: str = "fleet") -> None:
    address = parse_address(broker.url_for(user))
    async with aiomqtt.Client(
        address.host, address.port, username=address.username, password=address.password
    ) as client:
        for topic, payload in messages:
            await client.publish(topic, payload, qos=1)


def a_charge(evse_uid: str) -> list[tuple[str, bytes]]:
    """Ten minutes at 7.2 kW, half of it solar, as a device of the first generation sends it; just over."""
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=12)
    messages = []
    for minute in range(12):
        charged = min(max(minute - 1, 0), 10) * 0.12
        is_charging = 1 <= minute <= 10
        body = {
            "timestamp": (begin + timedelta(minutes=minute)).isoformat().replace("+00:00", "Z"),
            "session_id": "sid_1" if is_charging else None,
            "voltage_v": 230.0 if is_charging else 0.0,
            "current_a": 31.3 if is_charging else 0.0,
            "power_w": 7200 if is_charging else 0,
            "session_energy_kwh_solar": charged / 2 if is_charging else 0.0,
            "session_energy_kwh_grid": charged / 2 if is_charging else 0.0,
            "session_total_energy_kwh": charged if is_charging else 0.0,
            "energy_source": "solar" if is_charging else "none",
            "temperature_c": 35,
            "status": "preparing" if is_charging else "available",
        }
        messages.append((f"evse/{evse_uid}/telemetry", json.dumps(body).encode()))
    return messages


async def told(watcher: ClientConnection, kind: str) -> dict[str, Any]:
    """The next message of that kind."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            message: dict[str, Any] = json.loads(await watcher.recv())
            if message["type"] == "ping":
                await watcher.send('{"type":"pong"}')
            if message["type"] == kind:
                return message


async def test_a_chargers_messages_become_a_session_a_bill_and_a_live_picture(
    backend: Backend, mosquitto: BrokerProcess
) -> None:
    token = await asyncio.to_thread(log_in, backend.api_url, "admin", backend.admin_password)
    async with connect(
        backend.api_url.replace("http", "ws", 1) + "/api/v1/live",
        subprotocols=["solarrally.v1"],  # type: ignore[list-item]
        additional_headers={"Authorization": f"Bearer {token}"},
    ) as watcher:
        await watcher.send('{"type":"subscribe","all":true,"max_rate_hz":50}')
        assert (await told(watcher, "snapshot"))["updates"] == []
        charge = a_charge("cp1")

        await publish(mosquitto, charge[:6])
        running = (await told(watcher, "frame"))["updates"][-1]
        while running["session"] is None or running["session"]["energy_wh"] < 480:
            running = (await told(watcher, "frame"))["updates"][-1]
        await publish(mosquitto, charge[6:])
        ended: list[dict[str, Any]] = []
        while not ended:
            frame = await told(watcher, "frame")
            ended = [one for one in frame.get("sessions", ()) if one["status"] == "COMPLETED"]

    assert (running["status"], running["reported_status"], running["is_online"]) == (
        "charging",
        "preparing",
        True,
    )
    [session] = get(backend, token, "/api/v1/sessions")["items"]
    assert session["id"] == ended[0]["id"]
    assert (session["energy_wh"], session["energy_solar_wh"], session["energy_grid_wh"]) == (1080, 540, 540)
    assert (session["status"], session["cost"], session["currency"]) == ("COMPLETED", "32.4000", "JMD")
    bills = get(backend, token, f"/api/v1/sessions/{session['id']}/bills")["items"]
    assert [(bill["kind"], bill["total"]) for bill in bills] == [("invoice", "32.4000")]
    assert bills == get(backend, token, "/api/v1/bills")["items"]
    assert bills[0]["issuer"]["name"] == get(backend, token, "/api/v1/sites")["items"][0]["name"]
    cdr = get(backend, token, f"/api/v1/bills/{bills[0]['id']}/cdr")
    assert (cdr["total_cost"]["excl_vat"], cdr["total_energy"]) == (32.4, 1.08)
    readings = get(backend, token, f"/api/v1/sessions/{session['id']}/readings")["items"]
    assert len(readings) >= 10
    [station] = get(backend, token, "/api/v1/evses")["items"]
    assert station["connectors"][0]["status"] == "available"


async def test_bad_input_from_the_wire_is_kept_with_its_reason_and_the_stream_goes_on(
    backend: Backend, mosquitto: BrokerProcess
) -> None:
    bad = [b"", b"{", b'{"power_w":NaN}', b'{"power_w":"x"}', b"\xff\xfe", b"x" * 1_000_000]
    topics = [("evse/cp1/telemetri", b"{}"), ("evse/c p/telemetry", b"{}"), ("evse/cp1", b"{}")]
    clocks = [
        b'{"timestamp":"1970-01-01T00:00:09Z","status":"available","power_w":0}',
        b'{"timestamp":"2099-01-01T00:00:00Z","status":"available","power_w":1}',
    ]

    await publish(mosquitto, [("evse/cp1/telemetry", body) for body in [*bad, *clocks]] + topics, "ingestor")
    await publish(mosquitto, a_charge("cp2"))

    token = await asyncio.to_thread(log_in, backend.api_url, "admin", backend.admin_password)
    async with asyncio.timeout(PATIENCE_S):
        while not get(backend, token, "/api/v1/sessions?evse_uid=cp2&status=COMPLETED")["items"]:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    rejected = get(backend, token, "/api/v1/rejected-messages")["items"]
    reasons = sorted(one["reason"] for one in rejected)
    assert reasons == sorted(
        [
            "empty_payload",
            "malformed_json",
            "malformed_json",
            "invalid_field",
            "malformed_json",
            "payload_too_large",
            "unknown_topic",
            "bad_station_id",
            "unknown_topic",
        ]
    )
    counters = backend.ingestor.counters()
    assert counters["solarrally_readings_distrusted_clock_total"] == 2
    fates = [value for name, value in counters.items() if name.startswith("solarrally_messages_total")]
    assert sum(fates) == counters["solarrally_messages_delivered_total"] == len(bad + topics + clocks) + 12


def test_killing_the_ingestor_changes_nothing(
    mosquitto: BrokerProcess, backend: Backend, database_url: str, tmp_path: Path
) -> None:
    report = tmp_path / "truth.json"
    publisher = start_replay(mosquitto.url_for("fleet"), report, limit=60, interval_s=60.0, rate=600)
    for _ in range(2):
        backend.ingestor.kill()
        backend.ingestor.start()
        backend.ingestor.wait_connected()
    _, errors = publisher.communicate(timeout=60)
    assert publisher.returncode == 0, errors.decode()[-2000:]

    result = asyncio.run(_settled(database_url, report))

    assert result.wrong == ()
    assert result.sessions_found == result.sessions_expected == 60
    assert result.readings_stored == result.readings_published
    assert result.readings_double == 0


async def _settled(database_url: str, report: Path) -> Any:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            result = await compare(database_url, report, interval_s=60.0)
            if result.readings_stored >= result.readings_published and not result.wrong:
                return result
            await asyncio.sleep(0.2)


def test_sigterm_ends_ingestor_and_api_with_exit_code_0(backend: Backend) -> None:
    assert backend.ingestor.stop() == 0

    backend.api.send_signal(signal.SIGTERM)

    assert backend.api.wait(timeout=10) == 0
