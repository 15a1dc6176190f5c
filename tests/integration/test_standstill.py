"""What waits in the broker while the ingestor stands still."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import asyncpg
import pytest

from solarrally.brokers.address import parse_address
from solarrally.embedded.broker_process import BrokerProcess
from tests.support.backend import Backend, running_backend

POWER_W = 11_000.0
INTERVAL_S = 8.0
"""Long enough that the station cannot deliver so much in the instant in which the burst is read."""


@pytest.fixture
def backend(mosquitto: BrokerProcess, database_url: str, tmp_path: Path) -> Iterator[Backend]:
    with running_backend(
        database_url=database_url, mqtt_url=mosquitto.url_for("ingestor"), folder=tmp_path
    ) as running:
        yield running


class Charger:
    """A station without a clock that charges at full power, and knows what it delivered."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.energy_wh = 0.0
        self._client = client
        self._began_s = time.monotonic()

    async def announce(self) -> None:
        await self._say("status", state="online", max_power_w=POWER_W)

    async def tell(self) -> None:
        self.energy_wh = POWER_W * (time.monotonic() - self._began_s) / 3600
        energy_kwh = self.energy_wh / 1000
        await self._say(
            "telemetry",
            status="charging",
            power_w=POWER_W,
            session_id="s1",
            session_total_energy_kwh=energy_kwh,
            session_energy_kwh_solar=energy_kwh,
            session_energy_kwh_grid=0.0,
        )

    async def leave(self) -> None:
        await self._say("telemetry", status="available", power_w=0.0)

    async def _say(self, kind: str, **said: object) -> None:
        await self._client.publish(f"evse/cp1/{kind}", json.dumps(said), qos=1)


async def stored(connection: asyncpg.Connection, count: int) -> None:
    for _ in range(200):
        if await connection.fetchval("SELECT count(*) FROM reading") >= count:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{count} readings are not stored")


async def test_a_frozen_ingestor_bills_what_a_station_without_a_clock_delivered_meanwhile(
    backend: Backend, mosquitto: BrokerProcess, connection: asyncpg.Connection
) -> None:
    address = parse_address(mosquitto.url_for("fleet"))
    async with aiomqtt.Client(
        address.host, address.port, username=address.username, password=address.password
    ) as client:
        charger = Charger(client)
        await charger.announce()
        await charger.tell()
        await stored(connection, 1)
        backend.ingestor.freeze()
        for _ in range(2):
            await asyncio.sleep(INTERVAL_S)
            await charger.tell()
        backend.ingestor.thaw()
        await stored(connection, 3)
        await charger.leave()
        await stored(connection, 4)

    session = await connection.fetchrow("SELECT * FROM charging_session")
    assert session is not None
    assert session["ended_at"] is not None
    assert session["energy_wh"] == pytest.approx(charger.energy_wh, abs=1)
    assert session["energy_solar_wh"] == session["energy_wh"]
