"""Commands that are asked for and taken back: rows of an outbox that the ingestor sends from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import Row, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from solarrally.domain.command import CommandWord, cancelled, shown_params
from solarrally.domain.reading import ConnectorStatus
from solarrally.domain.update import CommandUpdate
from solarrally.errors import SolarRallyError
from solarrally.storage.audit import Actor, record
from solarrally.storage.commands import COMMANDS_CHANNEL
from solarrally.storage.edits.editing import editing
from solarrally.storage.notice import CHANNEL, encode_notices
from solarrally.storage.queries.commands import COMMANDS, CommandRow, CommandScope, command_in, command_row
from solarrally.storage.tables import charging_session, command, connector, evse

_LOCK_SPACE: Final = 0x434D4453
"""Of the advisory locks by station, so that two requests do not both take its last place."""


class CommandConflict(SolarRallyError):
    """The command cannot be given as things are; `field` says what of the request does not fit."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class NoSuchObject(SolarRallyError):
    """The station or the session does not exist, or is not the caller's."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class TooManyOpenCommands(SolarRallyError):
    """The station has so many unfinished commands already."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Idempotency:
    """A key that its owner (`scope`) gives a request, and what the request was."""

    scope: str
    key: str
    digest: str


@dataclass(slots=True, frozen=True, kw_only=True)
class CommandRequest:
    """What is asked of a station. Of `session_id` and `connector_id` one may say what the other does."""

    evse_uid: str
    connector_id: int | None
    command: CommandWord
    params: dict[str, Any]
    session_id: UUID | None
    """The session to be stopped."""
    timeout_s: int
    queue_if_offline: bool
    own_id_token: str | None
    """Of a driver: start only for this token, on a free connector; else only what this token's session is on.
    """


async def add_command(
    engine: AsyncEngine,
    actor: Actor,
    request: CommandRequest,
    *,
    idempotency: Idempotency | None,
    max_open: int,
) -> tuple[CommandRow, bool]:
    """The command, and whether it is new: the same key with the same request gives the one there is.

    Raises `NoSuchObject`, `CommandConflict` and `TooManyOpenCommands`.
    """
    async with editing(engine) as connection:
        if idempotency is not None:
            known = await _known(connection, idempotency)
            if known is not None:
                return known, False
        station = await _station(connection, request.evse_uid)
        await connection.execute(select(func.pg_advisory_xact_lock(_LOCK_SPACE, station.id)))
        params, connector_id = await _checked(connection, station, request)
        if await _open_count(connection, station.id) >= max_open:
            raise TooManyOpenCommands(f"{request.evse_uid} has {max_open} unfinished commands")
        made = await _insert(connection, actor, station, request, params, connector_id, idempotency)
        if made is None:  # somebody else was faster with this key
            assert idempotency is not None
            known = await _known(connection, idempotency)
            assert known is not None
            return known, False
        row = await command_in(connection, CommandScope(everyone=True, user_id=0), made)
        assert row is not None
        await record(
            connection,
            actor,
            "command.create",
            "command",
            made,
            after={
                "evse_uid": request.evse_uid,
                "connector_id": connector_id,
                "command": request.command.value,
                "params": shown_params(params),
                "expires_at": row.update.expires_at.isoformat(),
            },
        )
        await _tell(connection, row.update)
        await connection.execute(select(func.pg_notify(COMMANDS_CHANNEL, "")))
        return row, True


async def cancel_command(
    engine: AsyncEngine, actor: Actor, scope: CommandScope, command_id: UUID
) -> CommandRow | None:
    """The command, taken back; None when there is none. Raises `CommandConflict` when it is too late."""
    async with editing(engine) as connection:
        row = await command_in(connection, scope, command_id, for_update=True)
        if row is None:
            return None
        now: datetime = (await connection.execute(select(func.now()))).scalar_one()
        taken_back = cancelled(row.update, now, was_tried=row.tried_at is not None)
        if taken_back is None:
            raise CommandConflict("command_id", "it is on its way to the station, or finished")
        await connection.execute(
            update(command)
            .where(command.c.id == command_id)
            .values(status=str(taken_back.status), finished_at=now)
        )
        await record(
            connection,
            actor,
            "command.cancel",
            "command",
            command_id,
            before={"status": row.update.status},
            after={"status": str(taken_back.status)},
        )
        await _tell(connection, taken_back)
        done = await command_in(connection, scope, command_id)
    return done


async def _known(connection: AsyncConnection, idempotency: Idempotency) -> CommandRow | None:
    statement = COMMANDS.where(
        command.c.idempotency_scope == idempotency.scope, command.c.idempotency_key == idempotency.key
    )
    row = (await connection.execute(statement)).one_or_none()
    if row is None:
        return None
    known = command_row(row)
    if known.request_digest != idempotency.digest:
        raise CommandConflict("Idempotency-Key", "was used for another request")
    return known


async def _station(connection: AsyncConnection, evse_uid: str) -> Row[*tuple[Any, ...]]:
    statement = select(evse.c.id, evse.c.evse_uid, evse.c.is_enabled, evse.c.is_online).where(
        evse.c.evse_uid == evse_uid
    )
    row = (await connection.execute(statement)).one_or_none()
    if row is None:
        raise NoSuchObject("station")
    return row


async def _checked(
    connection: AsyncConnection, station: Row[*tuple[Any, ...]], request: CommandRequest
) -> tuple[dict[str, Any], int | None]:
    """The parameters and the connector that the station is told."""
    params, connector_id = dict(request.params), request.connector_id
    if request.session_id is not None:
        session = await _session(connection, station.id, request)
        connector_id = session.connector_id
        if session.device_session_id is not None:
            params["session_id"] = session.device_session_id
    await _check_connector(connection, station.id, connector_id)
    if request.own_id_token is not None:
        await _check_own(connection, station.id, connector_id, request)
    if not station.is_enabled:
        raise CommandConflict("evse_uid", "the station is disabled")
    if not station.is_online and not request.queue_if_offline:
        raise CommandConflict("evse_uid", "the station is offline; queue_if_offline would wait for it")
    return params, connector_id


async def _session(
    connection: AsyncConnection, evse_id: int, request: CommandRequest
) -> Row[*tuple[Any, ...]]:
    session = charging_session.c
    row = (
        await connection.execute(
            select(session.connector_id, session.device_session_id, session.id_token, session.status).where(
                session.id == request.session_id, session.evse_id == evse_id
            )
        )
    ).one_or_none()
    if row is None or request.own_id_token not in (None, row.id_token):
        raise NoSuchObject("session")
    if row.status != "ACTIVE":
        raise CommandConflict("params.session_id", "the session is over")
    if request.connector_id is not None and request.connector_id != row.connector_id:
        raise CommandConflict("connector_id", "the session is on another connector")
    return row


async def _check_connector(connection: AsyncConnection, evse_id: int, connector_id: int | None) -> None:
    """A station that has said nothing yet may have any connector."""
    if connector_id is None:
        return
    statement = select(connector.c.connector_id).where(connector.c.evse_id == evse_id)
    numbers = set((await connection.execute(statement)).scalars())
    if numbers and connector_id not in numbers:
        raise CommandConflict("connector_id", "the station has no such connector")


async def _check_own(
    connection: AsyncConnection, evse_id: int, connector_id: int | None, request: CommandRequest
) -> None:
    session = charging_session.c
    running = (
        await connection.execute(
            select(session.id_token).where(
                session.evse_id == evse_id,
                session.connector_id == connector_id,
                session.status == "ACTIVE",
            )
        )
    ).one_or_none()
    if request.command is not CommandWord.START:
        if running is None or running.id_token != request.own_id_token:
            raise NoSuchObject("session")
        return
    status = (
        await connection.execute(
            select(connector.c.status).where(
                connector.c.evse_id == evse_id, connector.c.connector_id == connector_id
            )
        )
    ).scalar_one_or_none()
    # A car that was plugged in first has a session too; it is nobody's until it is started.
    is_anothers = running is not None and running.id_token not in (None, request.own_id_token)
    if is_anothers or (running is not None and status == ConnectorStatus.CHARGING):
        raise CommandConflict("connector_id", "the connector is in use")


async def _open_count(connection: AsyncConnection, evse_id: int) -> int:
    statement = select(func.count()).where(command.c.evse_id == evse_id, command.c.finished_at.is_(None))
    count: int = (await connection.execute(statement)).scalar_one()
    return count


async def _insert(
    connection: AsyncConnection,
    actor: Actor,
    station: Row[*tuple[Any, ...]],
    request: CommandRequest,
    params: dict[str, Any],
    connector_id: int | None,
    idempotency: Idempotency | None,
) -> UUID | None:
    """The id of the new command; None when its key is taken."""
    key = {} if idempotency is None else asdict(idempotency)
    statement = (
        insert(command)
        .values(
            id=uuid4(),
            evse_id=station.id,
            connector_id=connector_id,
            command=request.command.value,
            params=params,
            status="pending",
            requested_by=actor.name,
            requested_by_user_id=actor.user_id,
            idempotency_scope=key.get("scope"),
            idempotency_key=key.get("key"),
            request_digest=key.get("digest"),
            expires_at=func.now() + literal(timedelta(seconds=request.timeout_s)),
        )
        .on_conflict_do_nothing(index_elements=["idempotency_scope", "idempotency_key"])
        .returning(command.c.id)
    )
    made: UUID | None = (await connection.execute(statement)).scalar_one_or_none()
    return made


async def _tell(connection: AsyncConnection, changed: CommandUpdate) -> None:
    for notice in encode_notices(commands=[changed]):
        await connection.execute(
            text("SELECT pg_notify(:channel, :notice)"), {"channel": CHANNEL, "notice": notice}
        )
