"""Commands as ingestion sees them: locked to apply what stations answered, and the outbox they are sent from.

The clock here is the database's: the API and the ingestor may run on machines that do not agree on the time.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import UUID

import asyncpg

from solarrally.domain.command import ANSWER_GRACE_S, NO_ANSWER, NO_END, CommandResult, answered
from solarrally.domain.update import CommandUpdate
from solarrally.errors import StoreUnavailable
from solarrally.ingest.ports import OutgoingCommand
from solarrally.storage.connections import connect
from solarrally.storage.failures import translated
from solarrally.storage.notice import CHANNEL, encode_notices

COMMANDS_CHANNEL: Final = "solarrally_commands"
"""Notified, without content, by whoever adds a command."""
STATEMENT_TIMEOUT_S: Final = 10.0
ANSWER_TIMEOUT_S: Final = STATEMENT_TIMEOUT_S + 5

_UPDATE: Final = """
    command.id, e.evse_uid, e.site_id, command.connector_id, command.command, command.status, command.detail,
    command.requested_by, command.requested_by_user_id, command.created_at, command.expires_at,
    command.sent_at, command.answered_at, command.finished_at
"""
_LOCK: Final = f"""
    SELECT {_UPDATE} FROM command JOIN evse e ON e.id = command.evse_id
    WHERE command.id = ANY($1::uuid[]) ORDER BY command.id FOR NO KEY UPDATE OF command
"""
_SAVE: Final = """
    UPDATE command SET status = new.status, detail = new.detail, answered_at = new.answered_at,
        finished_at = new.finished_at
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[])
        AS new (id, status, detail, answered_at, finished_at)
    WHERE command.id = new.id
"""
_NOTIFY: Final = "SELECT pg_notify($1, notice) FROM unnest($2::text[]) AS notice"
# The broker is told the expiry in whole seconds, rounded down: with less than one left it is too late.
_OUTGOING: Final = """
    command.id, e.evse_uid, e.dialect, e.base_topic, command.connector_id, command.command, command.params,
    command.expires_at, extract(epoch FROM command.expires_at - now())::float8 AS expires_in_s,
    command.tried_at
"""
_CLAIM: Final = f"""
    UPDATE command SET tried_at = coalesce(tried_at, now())
    FROM evse e
    WHERE command.id IN (
        SELECT id FROM command
        WHERE finished_at IS NULL AND status = 'pending' AND expires_at > now() + interval '1 s'
        ORDER BY created_at, id LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
    ) AND e.id = command.evse_id
    RETURNING {_OUTGOING}, command.created_at
"""
_UNDER_WAY: Final = f"""
    SELECT {_OUTGOING} FROM command JOIN evse e ON e.id = command.evse_id
    WHERE finished_at IS NULL AND tried_at IS NOT NULL
"""
_SENT: Final = f"""
    UPDATE command SET status = CASE status WHEN 'pending' THEN 'sent' ELSE status END, sent_at = now()
    FROM evse e
    WHERE command.id = ANY($1::uuid[]) AND sent_at IS NULL AND e.id = command.evse_id
    RETURNING {_UPDATE}
"""
# As `domain.command.lapsed` has it. What a station may have answered lapses only where $1 is true.
_LAPSE: Final = f"""
    UPDATE command SET
        status = CASE WHEN status = 'pending' AND tried_at IS NULL THEN 'expired' ELSE 'timed_out' END,
        detail = CASE WHEN status = 'accepted' THEN '{NO_END}'
                      WHEN status = 'pending' AND tried_at IS NULL THEN detail
                      ELSE '{NO_ANSWER}' END,
        finished_at = now()
    FROM evse e
    WHERE finished_at IS NULL AND e.id = command.evse_id AND CASE
        WHEN status = 'pending' AND tried_at IS NULL THEN expires_at <= now()
        WHEN NOT $1::bool THEN false
        WHEN status = 'accepted' THEN answered_at <= now() - make_interval(secs => $2::float8)
        ELSE expires_at <= now() - interval '{ANSWER_GRACE_S} s'
    END
    RETURNING {_UPDATE}
"""


async def lock_commands(
    connection: asyncpg.Connection[asyncpg.Record], ids: Collection[UUID]
) -> dict[UUID, CommandUpdate]:
    """Those of `ids` that exist, locked until the end of the transaction."""
    records = await connection.fetch(_LOCK, list(ids))
    return {record["id"]: CommandUpdate(**dict(record)) for record in records}


async def save_commands(
    connection: asyncpg.Connection[asyncpg.Record], commands: Sequence[CommandUpdate]
) -> None:
    """Store how far these have come, and tell watchers when the transaction commits."""
    await connection.execute(
        _SAVE,
        [command.id for command in commands],
        [str(command.status) for command in commands],
        [command.detail for command in commands],
        [command.answered_at for command in commands],
        [command.finished_at for command in commands],
    )
    await connection.execute(_NOTIFY, CHANNEL, encode_notices(commands=commands))


class PostgresOutbox:
    """`ingest.ports.CommandOutbox` on a connection of its own, which also listens for new commands."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._news = asyncio.Event()

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        with translated():
            connection = await connect(
                self._dsn,
                application_name="solarrally-commands",
                statement_timeout_s=STATEMENT_TIMEOUT_S,
                answer_timeout_s=ANSWER_TIMEOUT_S,
            )
            try:
                connection.add_termination_listener(self._on_news)
                await connection.add_listener(COMMANDS_CHANNEL, self._on_news)
                self._connection = connection
                yield
            finally:
                self._connection = None
                connection.terminate()

    async def claim(self, limit: int) -> list[OutgoingCommand]:
        records = await self._open.fetch(_CLAIM, limit)
        records.sort(key=lambda record: (record["created_at"], record["id"]))
        return [_outgoing(record) for record in records]

    async def under_way(self) -> list[OutgoingCommand]:
        return [_outgoing(record) for record in await self._open.fetch(_UNDER_WAY)]

    async def mark_sent(self, ids: Collection[UUID]) -> list[CommandUpdate]:
        return await self._change(_SENT, list(ids))

    async def answer(self, results: Sequence[CommandResult]) -> list[CommandUpdate]:
        connection = self._open
        async with connection.transaction():
            commands = await lock_commands(connection, {result.command_id for result in results})
            now = await connection.fetchval("SELECT now()")
            changed = []
            for result in results:
                command = commands.get(result.command_id)
                new = None if command is None else answered(command, result, now)
                if new is not None:
                    commands[new.id] = new
                    changed.append(new)
            if changed:
                await save_commands(connection, changed)
        return changed

    async def lapse(self, *, of_stations: bool, completion_timeout_s: float) -> list[CommandUpdate]:
        return await self._change(_LAPSE, of_stations, completion_timeout_s)

    async def wait(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        except TimeoutError:
            return
        finally:
            self._news.clear()

    async def _change(self, statement: str, *values: Any) -> list[CommandUpdate]:
        connection = self._open
        async with connection.transaction():
            changed = [CommandUpdate(**dict(record)) for record in await connection.fetch(statement, *values)]
            if changed:
                await connection.execute(_NOTIFY, CHANNEL, encode_notices(commands=changed))
        return changed

    @property
    def _open(self) -> asyncpg.Connection[asyncpg.Record]:
        if self._connection is None:
            raise StoreUnavailable("the outbox of commands has no connection")
        return self._connection

    def _on_news(self, *_: object) -> None:
        self._news.set()


def _outgoing(record: asyncpg.Record) -> OutgoingCommand:
    return OutgoingCommand(
        id=record["id"],
        evse_uid=record["evse_uid"],
        dialect=record["dialect"],
        base_topic=record["base_topic"],
        connector_id=record["connector_id"],
        command=record["command"],
        params=json.loads(record["params"]),
        expires_at=record["expires_at"],
        expires_in_s=record["expires_in_s"],
        tried_at=record["tried_at"],
    )
