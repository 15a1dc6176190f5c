"""The outbox on PostgreSQL: what is claimed, what never is, and what its clock ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from solarrally.domain.command import ANSWER_GRACE_S, CommandStatus, lapsed
from solarrally.errors import StoreUnavailable
from solarrally.storage.commands import COMMANDS_CHANNEL, PostgresOutbox, lock_commands
from solarrally.storage.notice import CHANNEL, decode_notice

COMPLETION_S = 600.0
OPEN = [status for status in CommandStatus if not status.is_final]


@pytest.fixture
async def outbox(database_url: str, connection: asyncpg.Connection) -> AsyncIterator[PostgresOutbox]:
    await connection.execute("INSERT INTO site (name, timezone, currency) VALUES ('North', 'UTC', 'JMD')")
    await connection.execute("INSERT INTO evse (evse_uid, site_id) VALUES ('cp1', 1)")
    opened = PostgresOutbox(database_url)
    async with opened.connected():
        yield opened


async def add(connection: asyncpg.Connection, *, expires_in_s: float = 30, **changes: Any) -> UUID:
    """A pending command; instants are seconds from now."""
    instants = {
        name: changes.pop(name, None) for name in ("tried_at", "sent_at", "answered_at", "finished_at")
    }
    status = changes.get("status", "pending")
    command_id = uuid4()
    await connection.execute(
        "INSERT INTO command (id, evse_id, command, params, status, requested_by, expires_at,"
        " tried_at, sent_at, answered_at, finished_at)"
        " SELECT $1, 1, 'pause', $2, $3, 'olga', now() + $4, now() + $5, now() + $6, now() + $7, now() + $8",
        command_id,
        json.dumps({"a": 1}),
        status,
        timedelta(seconds=expires_in_s),
        *(None if value is None else timedelta(seconds=value) for value in instants.values()),
    )
    return command_id


async def test_a_pending_command_is_claimed_with_what_is_left_of_its_time(
    outbox: PostgresOutbox, connection: asyncpg.Connection
) -> None:
    command_id = await add(connection)

    [claimed] = await outbox.claim(10)

    assert (claimed.id, claimed.evse_uid, claimed.params) == (command_id, "cp1", {"a": 1})
    assert 20 < claimed.expires_in_s <= 30
    assert await connection.fetchval("SELECT tried_at IS NOT NULL FROM command")


@pytest.mark.parametrize("status", [status for status in CommandStatus if status != "pending"])
async def test_what_is_not_pending_is_not_claimed(
    outbox: PostgresOutbox, connection: asyncpg.Connection, status: CommandStatus
) -> None:
    await add(connection, status=status.value, finished_at=0 if status.is_final else None, answered_at=0)

    assert await outbox.claim(10) == []


@pytest.mark.parametrize("expires_in_s", [-1, 0, 0.9])
async def test_an_expired_command_is_never_claimed(
    outbox: PostgresOutbox, connection: asyncpg.Connection, expires_in_s: float
) -> None:
    await add(connection, expires_in_s=expires_in_s)

    assert await outbox.claim(10) == []


async def test_commands_are_claimed_oldest_first_and_so_many_at_a_time(
    outbox: PostgresOutbox, connection: asyncpg.Connection
) -> None:
    ids = [await add(connection) for _ in range(3)]

    assert [one.id for one in await outbox.claim(2)] == ids[:2]


async def test_a_command_that_the_broker_took_is_sent_once(
    outbox: PostgresOutbox, connection: asyncpg.Connection
) -> None:
    command_id = await add(connection)
    await outbox.claim(10)

    [sent] = await outbox.mark_sent([command_id])
    again = await outbox.mark_sent([command_id])

    assert (sent.id, sent.status, again) == (command_id, "sent", [])
    assert sent.sent_at is not None
    assert await outbox.claim(10) == []


async def test_what_may_be_with_its_station_and_has_not_ended_is_under_way(
    outbox: PostgresOutbox, connection: asyncpg.Connection
) -> None:
    await add(connection)
    await add(connection, status="cancelled", finished_at=0)
    await add(connection, status="completed", tried_at=-9, sent_at=-8, answered_at=-7, finished_at=-6)
    under_way = [
        await add(connection, tried_at=-9),
        await add(connection, status="sent", tried_at=-9, sent_at=-8, expires_in_s=-3),
        await add(connection, status="accepted", tried_at=-9, sent_at=-8, answered_at=-7),
    ]

    found = {one.id: one for one in await outbox.under_way()}

    assert found.keys() == set(under_way)
    first = found[under_way[0]]
    assert (first.evse_uid, first.dialect, first.command, first.params) == (
        "cp1",
        "native",
        "pause",
        {"a": 1},
    )
    assert first.tried_at == await connection.fetchval(
        "SELECT tried_at FROM command WHERE id = $1", under_way[0]
    )


@pytest.mark.parametrize(
    ("status", "tried_at", "expires_in_s", "answered_at"),
    [
        *product(OPEN, [None, -50], [20, -ANSWER_GRACE_S + 3, -ANSWER_GRACE_S - 3], [-COMPLETION_S + 9]),
        *product(OPEN, [-50], [-50], [-COMPLETION_S - 9]),
    ],
)
@pytest.mark.parametrize("of_stations", [True, False])
async def test_the_statement_that_ends_commands_does_what_the_rule_says(
    outbox: PostgresOutbox,
    connection: asyncpg.Connection,
    status: CommandStatus,
    tried_at: float | None,
    expires_in_s: float,
    answered_at: float,
    of_stations: bool,
) -> None:
    is_answered = status is CommandStatus.ACCEPTED
    command_id = await add(
        connection,
        status=status.value,
        expires_in_s=expires_in_s,
        tried_at=tried_at,
        answered_at=answered_at if is_answered else None,
    )
    before = (await lock_commands(connection, [command_id]))[command_id]
    now = await connection.fetchval("SELECT now()")
    was_tried = tried_at is not None
    expected = lapsed(before, now, was_tried=was_tried, completion_timeout_s=COMPLETION_S)
    if status is not CommandStatus.PENDING or was_tried:
        expected = expected if of_stations else None

    changed = await outbox.lapse(of_stations=of_stations, completion_timeout_s=COMPLETION_S)

    after = (await lock_commands(connection, [command_id]))[command_id]
    if expected is None:
        assert (changed, after) == ([], before)
    else:
        assert changed == [after]
        assert (after.status, after.detail) == (expected.status, expected.detail)
        assert after.finished_at is not None
        assert after.finished_at >= now


async def test_a_command_that_was_done_before_its_sending_was_noted_stays_done(
    outbox: PostgresOutbox, connection: asyncpg.Connection
) -> None:
    command_id = await add(connection, status="completed", tried_at=-1, finished_at=0)

    [noted] = await outbox.mark_sent([command_id])

    assert noted.status == "completed"
    assert noted.sent_at is not None


async def test_a_final_command_is_left_alone(outbox: PostgresOutbox, connection: asyncpg.Connection) -> None:
    for status in CommandStatus:
        if status.is_final:
            await add(connection, status=status.value, expires_in_s=-1e6, finished_at=-5)

    assert await outbox.lapse(of_stations=True, completion_timeout_s=1.0) == []


async def test_watchers_are_told_of_what_lapsed(
    outbox: PostgresOutbox, connection: asyncpg.Connection
) -> None:
    heard: list[str] = []
    await connection.add_listener(CHANNEL, lambda *said: heard.append(said[3]))
    await add(connection, expires_in_s=-1)

    await outbox.lapse(of_stations=False, completion_timeout_s=COMPLETION_S)
    async with asyncio.timeout(5):
        while not heard:
            await connection.execute("SELECT 1")

    assert [one.status for one in decode_notice(heard[0]).commands] == ["expired"]


async def test_a_new_command_ends_the_wait(outbox: PostgresOutbox, connection: asyncpg.Connection) -> None:
    waiting = asyncio.create_task(outbox.wait(60))
    await connection.execute("SELECT pg_notify($1, '')", COMMANDS_CHANNEL)

    async with asyncio.timeout(10):
        await waiting


async def test_a_lost_connection_is_said(database_url: str, connection: asyncpg.Connection) -> None:
    outbox = PostgresOutbox(database_url)

    async def claim_over_a_lost_connection() -> None:
        async with outbox.connected():
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'solarrally-commands' AND datname = current_database()"
            )
            async with asyncio.timeout(10):
                await outbox.wait(60)
            await outbox.claim(1)

    with pytest.raises(StoreUnavailable):
        await claim_over_a_lost_connection()
