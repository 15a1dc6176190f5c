"""What the pipeline relies on in a store about commands, on the fake in memory and on PostgreSQL alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from solarrally.database_wiring import migrate_and_seed
from solarrally.domain.command import Answer, CommandResult, answered
from solarrally.domain.update import CommandUpdate
from solarrally.storage.connections import connect
from solarrally.storage.notice import CHANNEL, decode_notice
from solarrally.storage.store import PostgresStore
from solarrally.wiring import build_store
from tests.builders import at, make_settings
from tests.fakes.memory_store import MemoryStore


@dataclass
class Commands:
    """A store, and a way to put commands into it beside the port."""

    store: MemoryStore | PostgresStore
    connection: asyncpg.Connection | None

    async def add(self, command: CommandUpdate) -> None:
        if self.connection is None:
            assert isinstance(self.store, MemoryStore)
            self.store.tables.commands[command.id] = command
            return
        await self.connection.execute(
            "INSERT INTO command (id, evse_id, connector_id, command, params, status, requested_by,"
            " created_at, expires_at, sent_at)"
            " SELECT $1, id, $3, $4, '{}', $5, $6, $7, $8, $9 FROM evse WHERE evse_uid = $2",
            command.id,
            command.evse_uid,
            command.connector_id,
            command.command,
            command.status,
            command.requested_by,
            command.created_at,
            command.expires_at,
            command.sent_at,
        )

    async def read(self, command_id: UUID) -> CommandUpdate:
        async with self.store.transaction() as tx:
            return (await tx.lock_commands([command_id]))[command_id]


@pytest.fixture(params=["memory", "postgresql"])
def dsn(request: pytest.FixtureRequest) -> str | None:
    """The database to run on, or None for the fake."""
    return None if request.param == "memory" else str(request.getfixturevalue("database_url"))


@pytest.fixture
async def commands(dsn: str | None) -> AsyncIterator[Commands]:
    if dsn is None:
        yield Commands(MemoryStore(), None)
        return
    await migrate_and_seed(make_settings(database_url=dsn))
    store, connection = build_store(make_settings(database_url=dsn)), await connect(dsn)
    await store.register_stations(["cp1"])
    yield Commands(store, connection)
    await store.close()
    await connection.close()


def a_command(**changes: Any) -> CommandUpdate:
    values: dict[str, Any] = {
        "id": uuid4(),
        "evse_uid": "cp1",
        "site_id": 1,
        "connector_id": 1,
        "command": "pause",
        "status": "sent",
        "detail": None,
        "requested_by": "olga",
        "requested_by_user_id": None,
        "created_at": at(0),
        "expires_at": at(30),
        "sent_at": at(1),
        "answered_at": None,
        "finished_at": None,
    }
    return CommandUpdate(**{**values, **changes})


async def test_a_command_comes_back_as_it_was_saved(commands: Commands) -> None:
    command, other = a_command(), a_command(connector_id=None)
    await commands.add(command)
    await commands.add(other)
    result = CommandResult(command_id=command.id, answer=Answer.FAILED, detail="the contactor is stuck")
    failed = answered(command, result, at(3))
    assert failed is not None

    async with commands.store.transaction() as tx:
        assert await tx.lock_commands([command.id, uuid4()]) == {command.id: command}
        await tx.save_commands([failed])

    assert await commands.read(command.id) == failed
    assert await commands.read(other.id) == other


async def test_a_failed_transaction_leaves_a_command_as_it_was(commands: Commands) -> None:
    command = a_command()
    await commands.add(command)

    async def fail_after_saving() -> None:
        async with commands.store.transaction() as tx:
            await tx.save_commands([replace(command, status="completed", finished_at=at(3))])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail_after_saving()

    assert await commands.read(command.id) == command


@pytest.mark.parametrize("dsn", ["postgresql"], indirect=True)
async def test_watchers_are_told_when_the_transaction_commits(commands: Commands) -> None:
    heard: list[str] = []
    assert commands.connection is not None
    await commands.connection.add_listener(CHANNEL, lambda *said: heard.append(said[3]))
    command = a_command()
    await commands.add(command)

    async with commands.store.transaction() as tx:
        await tx.save_commands([replace(command, status="completed", answered_at=at(3), finished_at=at(3))])
        await commands.connection.execute("SELECT 1")
        assert heard == []
    async with asyncio.timeout(5):
        while not heard:
            await commands.connection.execute("SELECT 1")

    assert [one.status for one in decode_notice(heard[0]).commands] == ["completed"]
