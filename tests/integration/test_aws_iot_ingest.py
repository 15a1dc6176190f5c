"""The whole write path behind AWS's SDK: Mosquitto with client certificates, PostgreSQL, and crashes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from solarrally.brokers.aws_iot import AwsIotBroker
from solarrally.database_wiring import migrate_and_seed
from solarrally.ingest.pipeline import Pipeline
from solarrally.ingest.ports import Delivery
from solarrally.wiring import build_store, ingest_rules, routes, utc_now
from tests.builders import make_settings
from tests.faults.test_aws_iot_killed import (
    aws_run,
    mosquitto,
    test_an_ingestor_on_aws_iot_killed_at_random_instants_loses_and_doubles_nothing,
)
from tests.support.broker_places import TlsPlace
from tests.support.fault_fixtures import shared_server
from tests.support.tls_mosquitto import running_tls_mosquitto

__all__ = [  # pytest finds them here by their names
    "aws_run",
    "mosquitto",
    "shared_server",
    "test_an_ingestor_on_aws_iot_killed_at_random_instants_loses_and_doubles_nothing",
]

PATIENCE_S = 20.0


@pytest.fixture
def aws_kill_count() -> int:
    return 3


@pytest.fixture
def place(tmp_path: Path) -> Iterator[TlsPlace]:
    with running_tls_mosquitto(tmp_path) as server:
        yield TlsPlace("aws_iot", server, shared_group=None)


@asynccontextmanager
async def ingesting(database_url: str, broker: AwsIotBroker) -> AsyncIterator[Pipeline]:
    settings = make_settings(database_url=database_url, mqtt_receive_maximum=100)
    store = build_store(settings, must_lead=True)
    pipeline = Pipeline(broker, store, ingest_rules(settings), utc_now, routes=routes(settings))
    running = asyncio.create_task(pipeline.run())
    try:
        await until(lambda: broker.listening_since is not None)
        yield pipeline
    finally:
        running.cancel()  # without a goodbye: what it did not acknowledge stays open
        await asyncio.gather(running, return_exceptions=True)
        await store.close()


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():  # noqa: ASYNC110  nobody else waits for it
            await asyncio.sleep(0.01)


async def stored(connection: asyncpg.Connection, count: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while await connection.fetchval("SELECT count(*) FROM reading") < count:  # noqa: ASYNC110  no event
            await asyncio.sleep(0.02)


async def publish(place: TlsPlace, payloads: Iterable[dict[str, float]]) -> None:
    async with place.device() as device:
        for payload in payloads:
            await device.publish("evse/cp1/telemetry", json.dumps(payload).encode(), qos=1)


async def test_what_was_committed_and_not_acknowledged_is_stored_once_also_without_a_time_of_its_own(
    place: TlsPlace,
    database_url: str,
    connection: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """AWS does not mark a repetition. A reading that has no time is filed under its receipt, which is another
    one the second time: only that it may be a repetition tells it from a new one.
    """
    await migrate_and_seed(make_settings(database_url=database_url))
    deaf = place.adapter()

    async def acknowledge(deliveries: Iterable[Delivery]) -> None:
        """The process dies between the commit and this."""

    monkeypatch.setattr(deaf, "acknowledge", acknowledge)
    async with ingesting(database_url, deaf):
        await publish(place, ({"power_w": 1000.0 + n} for n in range(30)))
        await stored(connection, 30)

    living = place.adapter()
    async with ingesting(database_url, living) as pipeline:
        await until(lambda: pipeline.counts.readings_duplicate == 30)
        await publish(place, ({"power_w": 2000.0 + n} for n in range(20)))
        await stored(connection, 50)
        await asyncio.sleep(0.2)

    assert await connection.fetchval("SELECT count(*) FROM reading") == 50
    assert await connection.fetchval("SELECT count(DISTINCT power_w) FROM reading") == 50
    async with place.adapter().connection() as broker:  # all of it was acknowledged
        await until(lambda: broker.listening_since is not None)
        assert await broker.next_batch(10, timeout_s=0.3) == []
