"""Commands to stations: asked for, followed, and taken back while they wait."""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response, status
from pydantic import Field

from solarrally.api.errors import ApiProblem, FieldError, not_found, too_many_requests
from solarrally.api.paging import PagerDependency
from solarrally.api.parameters import (
    NO_QUERY,
    CommandIdPath,
    Instant,
    ListParameters,
    ShortText,
    SiteId,
)
from solarrally.api.permissions import Permission
from solarrally.api.responses import NEXT_PAGE, guarded
from solarrally.api.schemas.commands import (
    Command,
    CommandName,
    CommandPage,
    NewCommand,
    NewReset,
    NewStart,
    NewStop,
    StatusName,
)
from solarrally.api.security import Caller, requires
from solarrally.api.services import ServicesDependency
from solarrally.domain.command import CommandWord
from solarrally.storage.edits.commands import (
    CommandConflict,
    CommandRequest,
    Idempotency,
    NoSuchObject,
    TooManyOpenCommands,
    add_command,
    cancel_command,
)
from solarrally.storage.queries.commands import (
    COMMAND_ORDERS,
    CommandFilter,
    CommandScope,
    command_of,
    list_commands,
)

router = APIRouter(prefix="/commands", tags=["commands"])

OF_DRIVERS: Final = {CommandWord.START, CommandWord.STOP, CommandWord.PAUSE, CommandWord.RESUME}
RETRY_AFTER_S: Final = 5
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[!-~]{1,128}$",
        description="Of your choice, once for each command: with it a request may be sent again without the "
        "station being asked twice.",
    ),
]


class CommandParameters(ListParameters):
    """Which commands."""

    sort: Literal["created_at", "-created_at"] = "-created_at"
    evse_uid: ShortText | None = None
    site_id: SiteId | None = None
    status: StatusName | None = None
    command: CommandName | None = None
    date_from: Instant | None = Field(default=None, description="On created_at, inclusive.")
    date_to: Instant | None = Field(default=None, description="On created_at, exclusive.")


@router.post(
    "",
    operation_id="create_command",
    status_code=status.HTTP_201_CREATED,
    responses={
        200: {"model": Command, "description": "There is one for this Idempotency-Key."},
        **guarded(404, 409, 429),
    },
    dependencies=[NO_QUERY],
)
async def post_command(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.EVSE_CONTROL, Permission.EVSE_CONTROL_OWN)],
    body: NewCommand,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> Command:
    """Ask a station for something. Follow its `status`, here or on the live WebSocket.

    A driver may start on a free connector, for the own id_token, and stop, pause and resume the own session.
    """
    request = _request(caller, body)
    idempotency = None
    if idempotency_key is not None:
        owner = f"user:{caller.account.id}" if caller.api_key_id is None else f"api_key:{caller.api_key_id}"
        digest = hashlib.sha256(body.model_dump_json().encode()).hexdigest()
        idempotency = Idempotency(scope=owner, key=idempotency_key, digest=digest)
    try:
        row, is_new = await add_command(
            services.engine,
            caller.actor,
            request,
            idempotency=idempotency,
            max_open=services.max_open_commands,
        )
    except NoSuchObject as error:
        raise not_found(error.what) from error
    except CommandConflict as error:
        raise _conflict(error) from error
    except TooManyOpenCommands as error:
        raise too_many_requests("The station has too many unfinished commands.", RETRY_AFTER_S) from error
    if not is_new:
        response.status_code = status.HTTP_200_OK
    response.headers["Location"] = f"/api/v1/commands/{row.update.id}"
    return Command.of(row)


@router.get("", operation_id="list_commands", responses={200: NEXT_PAGE, **guarded()})
async def get_commands(
    pager: PagerDependency,
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.COMMAND_READ, Permission.COMMAND_READ_OWN)],
    parameters: Annotated[CommandParameters, Query()],
) -> CommandPage:
    """Commands, newest first. A driver gets only those that they asked for."""
    where = CommandFilter(**parameters.where())
    page = await pager.page(
        "commands",
        parameters,
        COMMAND_ORDERS,
        lambda window: list_commands(services.engine, _scope(caller), where, window),
    )
    return CommandPage(items=[Command.of(row) for row in page.rows], next_cursor=page.next_cursor)


@router.get("/{command_id}", operation_id="get_command", responses=guarded(404), dependencies=[NO_QUERY])
async def get_command(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.COMMAND_READ, Permission.COMMAND_READ_OWN)],
    command_id: CommandIdPath,
) -> Command:
    """One command."""
    row = await command_of(services.engine, _scope(caller), command_id)
    if row is None:
        raise not_found("command")
    return Command.of(row)


@router.post(
    "/{command_id}/cancel",
    operation_id="cancel_command",
    responses=guarded(404, 409),
    dependencies=[NO_QUERY],
)
async def post_cancel(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.EVSE_CONTROL, Permission.EVSE_CONTROL_OWN)],
    command_id: CommandIdPath,
) -> Command:
    """Take back a command that waits to be sent; 409 when it is on its way."""
    scope = CommandScope(everyone=caller.may(Permission.EVSE_CONTROL), user_id=caller.account.id)
    try:
        row = await cancel_command(services.engine, caller.actor, scope, command_id)
    except CommandConflict as error:
        raise _conflict(error) from error
    if row is None:
        raise not_found("command")
    return Command.of(row)


def _scope(caller: Caller) -> CommandScope:
    return CommandScope(everyone=caller.may(Permission.COMMAND_READ), user_id=caller.account.id)


def _request(caller: Caller, body: NewCommand) -> CommandRequest:
    """What is asked for, within what the caller may. Raises `ApiProblem` (403)."""
    word = CommandWord(body.command)
    params = body.params.model_dump(exclude_none=True)
    connector_id = None if isinstance(body, NewReset) else getattr(body, "connector_id", None)
    session_id = None
    if isinstance(body, NewStop):
        params.clear()
        if body.params.session_id is not None:
            session_id = UUID(body.params.session_id)
        elif connector_id is None:
            connector_id = 1
    own_id_token = None
    if not caller.may(Permission.EVSE_CONTROL):
        own_id_token = _own_id_token(caller, word)
        if isinstance(body, NewStart):
            if body.params.id_token not in (None, own_id_token):
                raise ApiProblem(HTTPStatus.FORBIDDEN, "A driver starts with the own id_token only.")
            params["id_token"] = own_id_token
    return CommandRequest(
        evse_uid=body.evse_uid,
        connector_id=connector_id,
        command=word,
        params=params,
        session_id=session_id,
        timeout_s=body.timeout_s,
        queue_if_offline=body.queue_if_offline,
        own_id_token=own_id_token,
    )


def _own_id_token(caller: Caller, word: CommandWord) -> str:
    if word not in OF_DRIVERS:
        raise ApiProblem(HTTPStatus.FORBIDDEN, f"The role {caller.account.role} may not ask for {word}.")
    if caller.account.id_token is None:
        raise ApiProblem(HTTPStatus.FORBIDDEN, "The account has no id_token to charge with.")
    return caller.account.id_token


def _conflict(error: CommandConflict) -> ApiProblem:
    return ApiProblem(
        HTTPStatus.CONFLICT,
        "The command cannot be given as things are.",
        errors=[FieldError(error.field, str(error))],
    )
