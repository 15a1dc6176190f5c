"""Accounts made one after the other: the broker stays there for all of them."""

from __future__ import annotations

import asyncio

from solarrally.provisioning.station_topics import topics_of
from tests.support.secured_broker import SecuredBroker
from tests.support.secured_doors import TAKEN, Connect, administration

COUNT = 60


def test_accounts_do_not_use_up_what_the_broker_counts_as_memory(
    broker: SecuredBroker, typed: Connect
) -> None:
    """Mosquitto 2.0 with a memory limit takes nothing more after about ten (docker/mosquitto/debian.sh)."""

    async def make_all() -> None:
        for number in range(COUNT):
            name = f"CP-{number}"
            async with administration(broker) as accounts:
                await accounts.set_station(name, f"password of {name}", topics_of("native", name, None))

    asyncio.run(make_all())

    for number in (0, COUNT - 1):
        with typed(f"CP-{number}", f"password of CP-{number}") as mine:
            assert mine.publish(f"evse/CP-{number}/telemetry") in TAKEN
