"""What a failing database means to those who ask: it is away, whatever the driver calls it."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from sqlalchemy import make_url

from solarrally.errors import StoreUnavailable
from solarrally.storage.engine import create_engine
from solarrally.storage.queries import EVSE_ORDERS, EvseFilter, EvseRow, Window, list_evses
from tests.api.world import World


async def ask(dsn: str, statement_timeout_s: float = 10.0) -> list[EvseRow]:
    engine = create_engine(dsn, application_name="asking", statement_timeout_s=statement_timeout_s)
    try:
        return await list_evses(
            engine,
            EvseFilter(),
            Window(order=EVSE_ORDERS["evse_uid"], is_descending=False, after=None, limit=10),
        )
    finally:
        await engine.dispose()


async def test_a_statement_that_takes_too_long(database_url: str, world: World) -> None:
    async with world.connection.transaction():
        await world.connection.execute("LOCK TABLE evse IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreUnavailable):
            await ask(database_url, statement_timeout_s=0.1)

    assert len(await ask(database_url)) == 3


async def test_a_connection_that_is_terminated_in_mid_statement(
    database_url: str, world: World, admin_connection: asyncpg.Connection
) -> None:
    async with world.connection.transaction():
        await world.connection.execute("LOCK TABLE evse IN ACCESS EXCLUSIVE MODE")
        asking = asyncio.create_task(ask(database_url))
        terminated = 0
        while not terminated:
            await asyncio.sleep(0.01)
            terminated = await admin_connection.fetchval(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND datname = current_database() AND application_name = 'asking'"
            )
        with pytest.raises(StoreUnavailable):
            await asking


@pytest.mark.parametrize(
    "change", [{"port": 1}, {"password": "wrong"}, {"database": "absent"}, {"host": "no-such-host.invalid"}]
)
async def test_a_database_that_cannot_be_reached(database_url: str, change: dict[str, object]) -> None:
    url = make_url(database_url).set(**change)  # type: ignore[arg-type]
    with pytest.raises(StoreUnavailable):
        await ask(url.render_as_string(hide_password=False))


async def test_a_mistake_of_ours_is_not_taken_for_an_absent_database(
    empty_database_url: str,
) -> None:
    with pytest.raises(Exception, match="does not exist") as mistake:
        await ask(empty_database_url)

    assert not isinstance(mistake.value, StoreUnavailable)
