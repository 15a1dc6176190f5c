"""Commits that notify, at a steady rate, as the ingestor's do: each tells the newest of a few connectors.

`received_at` of an update is the instant just before its transaction begins.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import uvloop

from solarrally.domain.update import ConnectorUpdate, SessionUpdate
from solarrally.storage.connections import connect
from solarrally.storage.notice import CHANNEL, encode_notices


def charging(number: int) -> ConnectorUpdate:
    """A connector in the middle of a session."""
    evse_uid = f"bench-{number:04}"
    began_at = datetime.now(UTC) - timedelta(hours=1)
    session = SessionUpdate(
        id=UUID(int=number + 1),
        evse_uid=evse_uid,
        connector_id=1,
        device_session_id=f"session-{number}",
        id_token="04A2B3C4D5",
        status="ACTIVE",
        started_at=began_at,
        ended_at=None,
        end_reason=None,
        energy_wh=7211,
        energy_solar_wh=5002,
        energy_grid_wh=2209,
        energy_unattributed_wh=0,
        peak_power_w=7341.5,
        cost=Decimal("160.4821"),
        currency="JMD",
    )
    return ConnectorUpdate(
        evse_uid=evse_uid,
        site_id=1,
        connector_id=1,
        is_online=True,
        ts=began_at,
        received_at=began_at,
        status="charging",
        reported_status="charging",
        power_w=7211.5,
        voltage_v=230.4,
        current_a=31.3,
        temperature_c=35.1,
        soc_percent=None,
        energy_source="solar",
        error_code=None,
        quality=0,
        session=session,
    )


def after(update: ConnectorUpdate, count: int) -> ConnectorUpdate:
    """The connector one reading later."""
    now = datetime.now(UTC)
    session = update.session
    assert session is not None
    return replace(
        update,
        ts=now,
        received_at=now,
        power_w=7000.0 + count % 997 / 2,
        current_a=30.0 + count % 89 / 50,
        temperature_c=30.0 + count % 101 / 10,
        session=replace(
            session,
            energy_wh=7211 + count,
            energy_solar_wh=5002 + count,
            cost=Decimal(1604821 + count) / 10000,
        ),
    )


async def run(options: argparse.Namespace) -> None:
    connection = await connect(os.environ["BENCH_DSN"], application_name="bench ticker")
    await connection.execute("SET synchronous_commit = off")  # the disk is not what is measured
    notify = await connection.prepare("SELECT pg_notify($1, $2)")
    fleet = [charging(number) for number in range(options.stations)]
    sys.stdout.write("{}\n")
    sys.stdout.flush()
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    loop = asyncio.get_running_loop()
    began_s, count, late_s = loop.time(), 0, 0.0
    while not ended.done():
        due_s = began_s + count / options.updates_hz
        await asyncio.sleep(max(0.0, due_s - loop.time()))
        late_s = max(late_s, loop.time() - due_s)
        updates = []
        for _ in range(options.per_commit):
            number = count % len(fleet)
            fleet[number] = after(fleet[number], count)
            updates.append(fleet[number])
            count += 1
        async with connection.transaction():
            for text in encode_notices(updates):
                await notify.fetchval(CHANNEL, text)
    took_s = loop.time() - began_s
    sys.stdout.write(json.dumps({"updates": count, "per_s": count / took_s, "late_s": late_s}) + "\n")
    await connection.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--stations", type=int, default=1000)
    parser.add_argument("--updates-hz", type=float, default=1000.0)
    parser.add_argument("--per-commit", type=int, default=2)
    uvloop.run(run(parser.parse_args()))
