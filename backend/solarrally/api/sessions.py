"""Sessions, their readings and their bills; drivers see only their own."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from solarrally.api.errors import not_found
from solarrally.api.paging import link_next, split_page
from solarrally.api.parameters import (
    NO_QUERY,
    ConnectorId,
    Instant,
    ListParameters,
    SessionIdPath,
    ShortText,
    SiteId,
)
from solarrally.api.permissions import Permission
from solarrally.api.responses import NEXT_PAGE, guarded
from solarrally.api.schemas.sessions import Bill, BillList, Reading, ReadingPage, Session, SessionPage
from solarrally.api.security import Caller, requires
from solarrally.api.services import Services, ServicesDependency
from solarrally.storage.queries import (
    ReadingPosition,
    SessionFilter,
    SessionPosition,
    SessionRow,
    SessionScope,
    bills_of,
    list_sessions,
    readings_of,
    session_of,
)

router = APIRouter(prefix="/sessions", tags=["sessions"])


class SessionParameters(ListParameters):
    """Which sessions."""

    evse_uid: ShortText | None = None
    connector_id: ConnectorId | None = None
    site_id: SiteId | None = None
    status: Literal["ACTIVE", "COMPLETED"] | None = None
    device_session_id: ShortText | None = None
    id_token: ShortText | None = None
    date_from: Instant | None = Field(default=None, description="On started_at, inclusive.")
    date_to: Instant | None = Field(default=None, description="On started_at, exclusive.")


class _SessionCursor(msgspec.Struct, array_like=True):
    started_at: datetime
    id: UUID


class _ReadingCursor(msgspec.Struct, array_like=True):
    ts: datetime
    digest: int


@router.get("", operation_id="list_sessions", responses={200: NEXT_PAGE, **guarded()})
async def get_sessions(
    request: Request,
    response: Response,
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.SESSIONS_READ, Permission.SESSIONS_READ_OWN)],
    parameters: Annotated[SessionParameters, Query()],
) -> SessionPage:
    """Sessions, newest first. A driver gets only those of the own id_token."""
    after = None
    filters = parameters.filters
    if parameters.cursor is not None:
        place = services.cursors.read("sessions", filters, parameters.cursor, _SessionCursor)
        after = SessionPosition(place.started_at, place.id)
    where = SessionFilter(**parameters.model_dump(exclude={"limit", "cursor"}))
    rows = await list_sessions(
        services.engine,
        caller.scope(Permission.SESSIONS_READ),
        where,
        after=after,
        limit=parameters.limit + 1,
    )
    page, last = split_page(rows, parameters.limit)
    cursor = None
    if last is not None:
        cursor = services.cursors.make("sessions", filters, _SessionCursor(last.started_at, last.id))
        link_next(request, response, cursor)
    return SessionPage(items=[Session.of(row) for row in page], next_cursor=cursor)


@router.get("/{session_id}", operation_id="get_session", responses=guarded(404), dependencies=[NO_QUERY])
async def get_session(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.SESSIONS_READ, Permission.SESSIONS_READ_OWN)],
    session_id: SessionIdPath,
) -> Session:
    """One session."""
    return Session.of(await _visible(services, caller.scope(Permission.SESSIONS_READ), session_id))


@router.get(
    "/{session_id}/readings",
    operation_id="list_session_readings",
    responses={200: NEXT_PAGE, **guarded(404)},
)
async def get_session_readings(
    request: Request,
    response: Response,
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.TELEMETRY_READ, Permission.TELEMETRY_READ_OWN)],
    session_id: SessionIdPath,
    parameters: Annotated[ListParameters, Query()],
) -> ReadingPage:
    """The readings of a session, oldest first."""
    session = await _visible(services, caller.scope(Permission.TELEMETRY_READ), session_id)
    after = None
    bound_to: dict[str, object] = {"session_id": str(session_id)}
    if parameters.cursor is not None:
        place = services.cursors.read("readings", bound_to, parameters.cursor, _ReadingCursor)
        after = ReadingPosition(place.ts, place.digest)
    rows = await readings_of(services.engine, session, after=after, limit=parameters.limit + 1)
    page, last = split_page(rows, parameters.limit)
    cursor = None
    if last is not None:
        cursor = services.cursors.make("readings", bound_to, _ReadingCursor(last.ts, last.digest))
        link_next(request, response, cursor)
    return ReadingPage(items=[Reading.of(row) for row in page], next_cursor=cursor)


@router.get(
    "/{session_id}/bills",
    operation_id="list_session_bills",
    responses=guarded(404),
    dependencies=[NO_QUERY],
)
async def get_session_bills(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.BILLS_READ, Permission.BILLS_READ_OWN)],
    session_id: SessionIdPath,
) -> BillList:
    """All bills of a session: none while it runs; corrections are a credit and a new invoice.

    Those of a session that late data dissolved stay here, its last one a credit.
    """
    scope = caller.scope(Permission.BILLS_READ)
    bills = await bills_of(services.engine, session_id)
    if await session_of(services.engine, scope, session_id) is None:
        bills = [bill for bill in bills if scope.covers(bill.id_token)]
        if not bills:
            raise not_found("session")
    return BillList(items=[Bill.of(bill) for bill in bills])


async def _visible(services: Services, scope: SessionScope, session_id: UUID) -> SessionRow:
    """The session; another's is as absent as one that does not exist."""
    row = await session_of(services.engine, scope, session_id)
    if row is None:
        raise not_found("session")
    return row
