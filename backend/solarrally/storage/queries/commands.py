"""Commands to stations: listed newest first, and one by its id; always within what the caller may see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, select, true
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from solarrally.domain.update import CommandUpdate
from solarrally.storage.queries.connecting import connected
from solarrally.storage.queries.window import Order, Window
from solarrally.storage.tables import command, evse


@dataclass(slots=True, frozen=True, kw_only=True)
class CommandScope:
    """Whose commands may be seen: everyone's, or those that one user asked for."""

    everyone: bool
    user_id: int

    @property
    def condition(self) -> ColumnElement[bool]:
        return true() if self.everyone else command.c.requested_by_user_id == self.user_id


@dataclass(slots=True, frozen=True, kw_only=True)
class CommandFilter:
    """Which commands; None does not restrict."""

    evse_uid: str | None = None
    site_id: int | None = None
    status: str | None = None
    command: str | None = None
    date_from: datetime | None = None
    """On `created_at`, inclusive."""
    date_to: datetime | None = None
    """On `created_at`, exclusive."""


@dataclass(slots=True, frozen=True, kw_only=True)
class CommandRow:
    """A command as it stands, with what was asked for."""

    update: CommandUpdate
    params: dict[str, Any]
    tried_at: datetime | None
    """Since when it may be with the broker."""
    request_digest: str | None


COMMAND_ORDERS: Final[dict[str, Order[CommandRow]]] = {
    "created_at": Order(
        columns=(command.c.created_at, command.c.id),
        kinds=(datetime, UUID),
        position=lambda row: (row.update.created_at, row.update.id),
    )
}

COMMANDS: Final[Select[Any]] = select(
    *(
        column
        for column in command.c
        if column.name not in {"evse_id", "idempotency_scope", "idempotency_key"}
    ),
    evse.c.evse_uid,
    evse.c.site_id,
).join(evse, evse.c.id == command.c.evse_id)


async def list_commands(
    engine: AsyncEngine, scope: CommandScope, where: CommandFilter, window: Window[CommandRow]
) -> list[CommandRow]:
    """The commands of the window."""
    statement = window.of(COMMANDS.where(scope.condition))
    for column, value in (
        (evse.c.evse_uid, where.evse_uid),
        (evse.c.site_id, where.site_id),
        (command.c.status, where.status),
        (command.c.command, where.command),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if where.date_from is not None:
        statement = statement.where(command.c.created_at >= where.date_from)
    if where.date_to is not None:
        statement = statement.where(command.c.created_at < where.date_to)
    async with connected(engine) as connection:
        return [command_row(row) for row in await connection.execute(statement)]


async def command_of(engine: AsyncEngine, scope: CommandScope, command_id: UUID) -> CommandRow | None:
    """The command, or None when there is none or the scope does not hold it."""
    async with connected(engine) as connection:
        return await command_in(connection, scope, command_id)


async def command_in(
    connection: AsyncConnection, scope: CommandScope, command_id: UUID, *, for_update: bool = False
) -> CommandRow | None:
    """The same within a transaction, which may lock it."""
    statement = COMMANDS.where(command.c.id == command_id, scope.condition)
    if for_update:
        statement = statement.with_for_update(of=command, key_share=True)
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else command_row(row)


def command_row(row: Row[Any]) -> CommandRow:
    """A row of `COMMANDS`."""
    return CommandRow(
        update=CommandUpdate(
            id=row.id,
            evse_uid=row.evse_uid,
            site_id=row.site_id,
            connector_id=row.connector_id,
            command=row.command,
            status=row.status,
            detail=row.detail,
            requested_by=row.requested_by,
            requested_by_user_id=row.requested_by_user_id,
            created_at=row.created_at,
            expires_at=row.expires_at,
            sent_at=row.sent_at,
            answered_at=row.answered_at,
            finished_at=row.finished_at,
        ),
        params=row.params,
        tried_at=row.tried_at,
        request_digest=row.request_digest,
    )
