"""The schema changes while messages come: a partition is missing, a migration is at work."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from solarrally.storage.connections import connect
from tests.support.charging_fleet import fleet, in_turn
from tests.support.fault_harness import FaultRun

RATE = 1000.0


@pytest.fixture
def migration_count() -> int:
    return 3


def test_a_missing_partition_stops_nothing(run: FaultRun) -> None:
    """Its readings wait in the default partition, and move when the partition is made."""
    ingestor = run.ingestor()
    for row in run.fetch(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'reading'::regclass"
    ):
        if row["name"] != "reading_default":
            run.execute(f"DROP TABLE {row['name']}")
    begin = datetime.now(UTC) - timedelta(days=1, minutes=20)
    publisher = run.publisher(in_turn(fleet(begin=begin)), rate=RATE)
    time.sleep(3)
    sent = publisher.finish()
    run.prove(sent, ingestor, is_sole_writer=True)
    assert run.fetch("SELECT count(*) FROM reading_default")[0][0] == len(sent)

    assert ingestor.stop() == 0
    ingestor.start()  # it makes partitions at its start, and every minute
    ingestor.wait_connected()

    run.prove(sent, ingestor)
    assert run.fetch("SELECT count(*) FROM reading_default")[0][0] == 0


def test_a_migration_while_ingesting_costs_nothing(run: FaultRun, migration_count: int) -> None:
    """Columns come and go in transactions that hold their locks for a while; `migrate` runs as well."""
    ingestor = run.ingestor()
    publisher = run.publisher(in_turn(fleet()), rate=RATE)
    for number in range(migration_count):
        run.wait_until("it works", lambda: run.stored_count() > 0)
        migrating = subprocess.Popen(
            [sys.executable, "-m", "solarrally", "migrate"],
            env={**os.environ, "SOLARRALLY_DATABASE_URL": run.database_url},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for table in ("reading", "connector", "charging_session", "evse"):
            asyncio.run(change(run.database_url, f"ALTER TABLE {table} ADD COLUMN added_{number} integer"))
        run.execute(f"CREATE INDEX ON charging_session (added_{number})")
        asyncio.run(change(run.database_url, f"ALTER TABLE reading DROP COLUMN added_{number}"))
        output, _ = migrating.communicate(timeout=60)
        assert migrating.returncode == 0, output.decode()

    run.prove(publisher.finish(), ingestor)


async def change(database_url: str, statement: str) -> None:
    connection = await connect(database_url, application_name="migration")
    try:
        async with connection.transaction():
            await connection.execute(statement)
            await asyncio.sleep(0.5)
    finally:
        await connection.close()
