"""The ingestor behind the secured broker: its certificate, and the stations it takes."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from cryptography import x509

from solarrally.database_wiring import migrate_and_seed
from solarrally.embedded.mosquitto_program import find_mosquitto
from solarrally.embedded.ports import any_free_port
from solarrally.provisioning.pki_folder import SERVICES
from solarrally.storage.connections import connect
from tests.builders import make_settings
from tests.support.ingestor import IngestorProcess
from tests.support.mqtt_person import Refused, connected
from tests.support.secured_broker import SecuredBroker, save_pair
from tests.support.secured_doors import PATIENCE_S, Connect

READING = b'{"status":"available","power_w":0}'


@contextmanager
def ingesting(database_url: str, mqtt_url: str, folder: Path, **settings: str) -> Iterator[IngestorProcess]:
    asyncio.run(migrate_and_seed(make_settings(database_url=database_url)))
    with IngestorProcess(
        database_url=database_url, mqtt_url=mqtt_url, log_file=folder / "ingestor.log", **settings
    ) as ingestor:
        yield ingestor


async def _register(database_url: str, *stations: tuple[str, bool]) -> None:
    connection = await connect(database_url, application_name="test")
    try:
        for evse_uid, is_enabled in stations:
            await connection.execute(
                "INSERT INTO evse (evse_uid, site_id, is_enabled) SELECT $1, min(id), $2 FROM site",
                evse_uid,
                is_enabled,
            )
    finally:
        await connection.close()


async def _rows(database_url: str, statement: str) -> list[asyncpg.Record]:
    connection = await connect(database_url, application_name="test")
    try:
        return list(await connection.fetch(statement))
    finally:
        await connection.close()


def until(database_url: str, statement: str, expected: list[tuple[Any, ...]]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    found: list[tuple[Any, ...]] = []
    while time.monotonic() < deadline:
        found = [tuple(row) for row in asyncio.run(_rows(database_url, statement))]
        if found == expected:
            return
        time.sleep(0.05)
    raise AssertionError(f"{found} instead of {expected}")


def test_the_ingestor_works_with_a_certificate_both_ways(
    broker: SecuredBroker, station: Connect, database_url: str, tmp_path: Path
) -> None:
    """What a station says arrives in the database, and a command from the database at the station."""
    cert_file, key_file = save_pair(tmp_path / "held", "ingestor", broker.new_service("ingestor"))
    with ingesting(
        database_url,
        f"mqtts://localhost:{broker.service_port}",
        tmp_path,
        mqtt_ca_file=str(broker.pki.server_ca),
        mqtt_cert_file=str(cert_file),
        mqtt_key_file=str(key_file),
        register_unknown_stations="false",
    ) as ingestor:
        asyncio.run(_register(database_url, ("CP-1", True)))
        ingestor.wait_connected()
        with station("CP-1") as mine:
            mine.subscribe("evse/CP-1/commands/#", "evse/CP-1/acks")
            assert mine.publish("evse/CP-1/telemetry", b'{"seq":41,' + READING[1:]) == "Success"
            until(database_url, "SELECT power_w FROM connector", [(0.0,)])
            assert mine.next() == ("evse/CP-1/acks", b'{"seq":41}')

            asyncio.run(
                _rows(
                    database_url,
                    "WITH made AS (INSERT INTO command"
                    " (id, evse_id, command, params, status, requested_by, expires_at)"
                    " SELECT gen_random_uuid(), id, 'pause', '{}', 'pending', 'olga', now() + interval '60 s'"
                    " FROM evse RETURNING id) SELECT pg_notify('solarrally_commands', '') FROM made",
                )
            )
            told = mine.next(PATIENCE_S)
            assert told is not None
            assert re.fullmatch(r"evse/CP-1/commands/[0-9a-f-]{36}", told[0])
            assert b'"pause"' in told[1]
        assert ingestor.stop() == 0


def test_the_ingestor_tells_when_its_certificate_the_brokers_and_the_authoritys_end(
    broker: SecuredBroker, database_url: str, tmp_path: Path
) -> None:
    ours = broker.new_service("ingestor")
    cert_file, key_file = save_pair(tmp_path / "held", "ingestor", ours)
    server = x509.load_pem_x509_certificate((broker.pki.broker / "broker.pem").read_bytes())
    with ingesting(
        database_url,
        f"mqtts://localhost:{broker.service_port}",
        tmp_path,
        mqtt_ca_file=str(broker.pki.server_ca),
        mqtt_cert_file=str(cert_file),
        mqtt_key_file=str(key_file),
    ) as ingestor:
        ingestor.wait_connected()
        told = ingestor.counters()

    ends = {
        "client": ours.certificate,
        "server": server,
        "authority": broker.pki.authority(SERVICES, None).certificate,
    }
    for name, certificate in ends.items():
        metric = f'solarrally_broker_certificate_not_after_seconds{{certificate="{name}"}}'
        assert told[metric] == certificate.not_valid_after_utc.timestamp()
    assert "broker_certificate_ends_soon" in ingestor.log_file.read_text()  # in 9 days, in one


def test_an_ingestor_without_its_certificate_waits_and_says_so(
    broker: SecuredBroker, database_url: str, tmp_path: Path
) -> None:
    with ingesting(
        database_url,
        f"mqtts://localhost:{broker.service_port}",
        tmp_path,
        mqtt_ca_file=str(broker.pki.server_ca),
    ) as ingestor:
        deadline = time.monotonic() + PATIENCE_S
        while "broker_unavailable" not in ingestor.log_file.read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert "broker_unavailable" in ingestor.log_file.read_text()
        assert ingestor.is_running
        assert ingestor.counters().get("solarrally_broker_connected") == 0


@pytest.fixture
def open_broker(tmp_path: Path) -> Iterator[int]:
    """A Mosquitto that lets anybody say anything: the port."""
    port = any_free_port()
    configuration = tmp_path / "open.conf"
    configuration.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    process = subprocess.Popen(
        [find_mosquitto().path, "-c", configuration], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            with contextlib.suppress(Refused), connected(port):
                break
            time.sleep(0.02)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)


def test_the_ingestor_refuses_unregistered_and_disabled_stations_even_if_the_broker_would_not(
    open_broker: int, database_url: str, tmp_path: Path
) -> None:
    with ingesting(
        database_url, f"mqtt://127.0.0.1:{open_broker}", tmp_path, register_unknown_stations="false"
    ) as ingestor:
        asyncio.run(_register(database_url, ("CP-1", True), ("CP-2", False)))
        ingestor.wait_connected()
        with connected(open_broker) as anybody:
            for evse_uid in ("UNKNOWN", "CP-2", "CP-1"):
                assert anybody.publish(f"evse/{evse_uid}/telemetry", READING) == "Success"
                assert (
                    anybody.publish(f"evse/{evse_uid}/session/started", b'{"session_id":"s1"}') == "Success"
                )

        until(
            database_url,
            "SELECT reason, topic FROM rejected_message ORDER BY id",
            [
                ("unknown_station", "evse/UNKNOWN/telemetry"),
                ("unknown_station", "evse/UNKNOWN/session/started"),
                ("station_disabled", "evse/CP-2/telemetry"),
                ("station_disabled", "evse/CP-2/session/started"),
            ],
        )
        until(
            database_url,
            "SELECT e.evse_uid, c.status FROM connector c JOIN evse e ON e.id = c.evse_id",
            [("CP-1", "available")],
        )
        until(database_url, "SELECT evse_uid FROM evse ORDER BY evse_uid", [("CP-1",), ("CP-2",)])
        until(
            database_url,
            "SELECT DISTINCT e.evse_uid FROM reading r JOIN evse e ON e.id = r.evse_id",
            [("CP-1",)],
        )
