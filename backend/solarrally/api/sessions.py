"""Sessions, their readings and their bills; drivers see only their own."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from solarrally.api.errors import not_found
from solarrally.api.paging import PagerDependency
from solarrally.api.parameters import (
    NO_QUERY,
    ConnectorId,
    Instant,
    ListParameters,
    Parameters,
    SessionIdPath,
    ShortText,
    SiteId,
    UserId,
)
from solarrally.api.permissions import Permission
from solarrally.api.responses import NEXT_PAGE, guarded
from solarrally.api.schemas.bills import Bill, BillList
from solarrally.api.schemas.session_totals import SessionTotals
from solarrally.api.schemas.sessions import Reading, ReadingPage, Session, SessionPage
from solarrally.api.security import Caller, requires
from solarrally.api.services import Services, ServicesDependency
from solarrally.storage.queries import (
    READING_ORDERS,
    SESSION_ORDERS,
    SessionFilter,
    SessionRow,
    SessionScope,
    bills_of,
    list_sessions,
    readings_of,
    session_of,
    session_totals,
)

router = APIRouter(prefix="/sessions", tags=["sessions"])


class SessionSelection(Parameters):
    """Which sessions."""

    evse_uid: ShortText | None = None
    connector_id: ConnectorId | None = None
    site_id: SiteId | None = None
    status: Annotated[list[Literal["ACTIVE", "COMPLETED"]], Field(max_length=2)] | None = Field(
        default=None, description="May be given twice; one of them is enough."
    )
    device_session_id: ShortText | None = None
    id_token: ShortText | None = None
    user_id: UserId | None = Field(default=None, description="The driver: whose id_token it is now.")
    energy_min_wh: Annotated[int, Field(ge=0, le=2**53)] | None = Field(
        default=None, description="Give a range as well: no index serves it."
    )
    date_from: Instant | None = Field(default=None, description="On started_at, inclusive.")
    date_to: Instant | None = Field(default=None, description="On started_at, exclusive.")
    updated_from: Instant | None = Field(
        default=None, description="On updated_at, inclusive; with sort=updated_at, to follow what changes."
    )
    updated_to: Instant | None = Field(default=None, description="On updated_at, exclusive.")


class SessionParameters(ListParameters, SessionSelection):
    """Which page of them."""

    sort: Literal["started_at", "-started_at", "updated_at", "-updated_at"] = "-started_at"


class ReadingParameters(ListParameters):
    """Which readings."""

    sort: Literal["ts", "-ts"] = "ts"


@router.get("", operation_id="list_sessions", responses={200: NEXT_PAGE, **guarded()})
async def get_sessions(
    pager: PagerDependency,
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.SESSION_READ, Permission.SESSION_READ_OWN)],
    parameters: Annotated[SessionParameters, Query()],
) -> SessionPage:
    """Sessions, newest first. A driver gets only those of the own id_token."""
    scope = caller.scope(Permission.SESSION_READ)
    where = SessionFilter(**parameters.where())
    page = await pager.page(
        "sessions",
        parameters,
        SESSION_ORDERS,
        lambda window: list_sessions(services.engine, scope, where, window),
    )
    items = [Session.of(row, services.bill_rules) for row in page.rows]
    return SessionPage(items=items, next_cursor=page.next_cursor)


@router.get("/totals", operation_id="get_session_totals", responses=guarded())
async def get_session_totals(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.SESSION_READ, Permission.SESSION_READ_OWN)],
    parameters: Annotated[SessionSelection, Query()],
) -> SessionTotals:
    """What the sessions of a selection come to: of those that `GET /sessions` lists with the same filters.

    Without a range it goes through all of them. 503 when that takes longer than 30 s: ask for less.
    """
    where = SessionFilter(**parameters.model_dump())
    totals = await session_totals(services.engine, caller.scope(Permission.SESSION_READ), where)
    return SessionTotals.of(totals)


@router.get("/{session_id}", operation_id="get_session", responses=guarded(404), dependencies=[NO_QUERY])
async def get_session(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.SESSION_READ, Permission.SESSION_READ_OWN)],
    session_id: SessionIdPath,
) -> Session:
    """One session."""
    row = await _visible(services, caller.scope(Permission.SESSION_READ), session_id)
    return Session.of(row, services.bill_rules)


@router.get(
    "/{session_id}/readings",
    operation_id="list_session_readings",
    responses={200: NEXT_PAGE, **guarded(404)},
)
async def get_session_readings(
    pager: PagerDependency,
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.TELEMETRY_READ, Permission.TELEMETRY_READ_OWN)],
    session_id: SessionIdPath,
    parameters: Annotated[ReadingParameters, Query()],
) -> ReadingPage:
    """The readings of a session, oldest first."""
    session = await _visible(services, caller.scope(Permission.TELEMETRY_READ), session_id)
    page = await pager.page(
        "session-readings",
        parameters,
        READING_ORDERS,
        lambda window: readings_of(services.engine, session, window),
        session_id=str(session_id),
    )
    return ReadingPage(items=[Reading.of(row) for row in page.rows], next_cursor=page.next_cursor)


@router.get(
    "/{session_id}/bills",
    operation_id="list_session_bills",
    responses=guarded(404),
    dependencies=[NO_QUERY],
)
async def get_session_bills(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.BILL_READ, Permission.BILL_READ_OWN)],
    session_id: SessionIdPath,
) -> BillList:
    """All bills of a session: none while it runs; corrections are a credit and a new invoice.

    Those of a session that late data dissolved stay here, its last one a credit.
    """
    scope = caller.scope(Permission.BILL_READ)
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
