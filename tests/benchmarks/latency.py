"""How long a message takes: from the device's publish to the commit, and to a watcher's WebSocket.

Everything that takes part is real and on this machine: a publisher, Mosquitto, the ingestor, PostgreSQL (with
fsync), the API, and one watcher. A message is known by its station and timestamp. The watcher is told the
newest of each connector, so the stations take turns: each sends only every `stations / rate` seconds.

Baseline in the same run: the same messages to a subscriber that stores nothing, through the same broker.

    ./run bench latency [--rate 1000] [--seconds 20] [--stations 200] [--watch-rate-hz 100]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from datetime import UTC, datetime
from typing import Any

import aiomqtt
from websockets.asyncio.client import connect

from solarrally.brokers.address import parse_address
from solarrally.embedded.postgres import EmbeddedPostgres
from solarrally.embedded.temporary import temporary_broker, temporary_dir
from solarrally.live_client import log_in
from solarrally.storage.connections import connect as connect_database
from tests.support.backend import Backend, running_backend


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=float, default=1000.0, help="messages/s")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--stations", type=int, default=200)
    parser.add_argument(
        "--watch-rate-hz", type=float, default=100.0, help="frames/s that the watcher asks for"
    )
    options = parser.parse_args()
    with temporary_dir() as folder, temporary_broker() as broker:
        postgres = EmbeddedPostgres(folder / "database", settings={"track_commit_timestamp": "on"})
        postgres.start()
        try:
            with running_backend(
                database_url=postgres.dsn, mqtt_url=broker.url_for("ingestor"), folder=folder
            ) as backend:
                asyncio.run(
                    measure(
                        options,
                        fleet_url=broker.url_for("fleet"),
                        ingestor_url=broker.url_for("ingestor"),
                        dsn=postgres.dsn,
                        backend=backend,
                    )
                )
        finally:
            postgres.stop()
        print(f"broker: {broker.title}; PostgreSQL {postgres.version}, fsync on")


async def measure(
    options: argparse.Namespace, *, fleet_url: str, ingestor_url: str, dsn: str, backend: Backend
) -> None:
    sent: dict[tuple[str, str], float] = {}
    bare: list[float] = []
    watched: list[float] = []
    token = log_in(backend.api_url, "admin", backend.admin_password)
    listening = asyncio.Event()
    tasks = [
        asyncio.create_task(subscribe(ingestor_url, sent, bare)),
        asyncio.create_task(watch(backend.api_url, token, options.watch_rate_hz, sent, watched, listening)),
    ]
    await listening.wait()
    count = await publish(fleet_url, options, sent)
    await asyncio.sleep(3)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    committed = await commit_delays(dsn, sent)
    print(
        f"{count} messages in {options.seconds:g} s from {options.stations} stations, "
        f"one watcher at {options.watch_rate_hz:g} Hz"
    )
    print(f"{'':34}{'messages':>10}{'p50 ms':>9}{'p90 ms':>9}{'p99 ms':>9}{'p50 / bare':>12}")
    base = statistics.median(bare)
    for name, delays in (
        ("bare subscriber, stores nothing", bare),
        ("in the database (row visible)", committed),
        ("on the watcher's WebSocket", watched),
    ):
        cuts = statistics.quantiles(delays, n=100)
        p50 = statistics.median(delays)
        figures = "".join(f"{delay_s * 1e3:>9.1f}" for delay_s in (p50, cuts[89], cuts[98]))
        print(f"{name:34}{len(delays):>10}{figures}{p50 / base:>12.1f}")


async def publish(url: str, options: argparse.Namespace, sent: dict[tuple[str, str], float]) -> int:
    """A steady stream, the stations in turn; the timestamp identifies the message."""
    address = parse_address(url)
    count = 0
    async with aiomqtt.Client(
        address.host,
        address.port,
        username=address.username,
        password=address.password,
        max_concurrent_outgoing_calls=500,
    ) as client:
        client.pending_calls_threshold = 10_000
        started_at = time.perf_counter()
        while (elapsed_s := time.perf_counter() - started_at) < options.seconds:
            while count < elapsed_s * options.rate:
                evse_uid = f"bench-{count % options.stations:04}"
                ts = datetime.now(UTC).isoformat().replace("+00:00", "Z")
                sent[evse_uid, ts] = time.perf_counter()
                client._client.publish(f"evse/{evse_uid}/telemetry", telemetry(ts, count), qos=1)
                count += 1
            await asyncio.sleep(0.001)
    return count


def telemetry(ts: str, count: int) -> bytes:
    return json.dumps(
        {
            "timestamp": ts,
            "session_id": "bench",
            "voltage_v": 230.4,
            "current_a": 31.3,
            "power_w": 7211.5,
            "session_energy_kwh_solar": count / 1e6,
            "session_energy_kwh_grid": 0.0,
            "session_total_energy_kwh": count / 1e6,
            "energy_source": "solar",
            "temperature_c": 35.1,
            "status": "charging",
        }
    ).encode()


async def subscribe(url: str, sent: dict[tuple[str, str], float], delays: list[float]) -> None:
    address = parse_address(url)
    async with aiomqtt.Client(
        address.host, address.port, username=address.username, password=address.password
    ) as client:
        await client.subscribe("evse/+/telemetry", qos=1)
        async for message in client.messages:
            now = time.perf_counter()
            body = json.loads(bytes(message.payload))
            delays.append(now - sent[str(message.topic).split("/")[1], body["timestamp"]])


async def watch(
    api_url: str,
    token: str,
    rate_hz: float,
    sent: dict[tuple[str, str], float],
    delays: list[float],
    listening: asyncio.Event,
) -> None:
    async with connect(
        api_url.replace("http", "ws", 1) + "/api/v1/live",
        subprotocols=["solarrally.v1"],  # type: ignore[list-item]
        additional_headers={"Authorization": f"Bearer {token}"},
        max_size=2**24,
    ) as connection:
        await connection.send(json.dumps({"type": "subscribe", "all": True, "max_rate_hz": rate_hz}))
        async for text in connection:
            now = time.perf_counter()
            message: dict[str, Any] = json.loads(text)
            listening.set()
            if message["type"] == "ping":
                await connection.send('{"type":"pong"}')
            for update in message.get("updates", ()) if message["type"] == "frame" else ():
                key = (update["evse_uid"], update["ts"])
                if key in sent:
                    delays.append(now - sent[key])


async def commit_delays(dsn: str, sent: dict[tuple[str, str], float]) -> list[float]:
    """From publish to commit, by the commit's own timestamp (track_commit_timestamp is on)."""
    connection = await connect_database(dsn)
    try:
        rows = await connection.fetch(
            "SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin) - ts)::float8 AS committed_s"
            " FROM reading"
        )
    finally:
        await connection.close()
    if len(rows) != len(sent):
        raise SystemExit(f"{len(sent)} messages were published and {len(rows)} are stored")
    return [row["committed_s"] for row in rows]


if __name__ == "__main__":
    main()
