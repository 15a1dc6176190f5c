"""Bills: as JSON, as OCPI's CDR and as a PDF; drivers see only their own. They never change."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from solarrally.api.errors import not_found
from solarrally.api.paging import PagerDependency
from solarrally.api.parameters import NO_QUERY, AnyId, BillIdPath, Instant, ListParameters, ShortText, SiteId
from solarrally.api.permissions import Permission
from solarrally.api.responses import NEXT_PAGE, guarded
from solarrally.api.schemas.bills import Bill, BillPage
from solarrally.api.schemas.cdr import Cdr
from solarrally.api.security import Caller, requires
from solarrally.api.services import Services, ServicesDependency
from solarrally.storage.queries import (
    BILL_ORDERS,
    BillContext,
    BillFilter,
    BillRow,
    bill_in_context,
    bill_of,
    list_bills,
)

router = APIRouter(prefix="/bills", tags=["bills"])

PDF_MEDIA_TYPE = "application/pdf"


class BillParameters(ListParameters):
    """Which bills."""

    sort: Literal["issued_at", "-issued_at"] = "-issued_at"
    site_id: SiteId | None = None
    evse_uid: ShortText | None = None
    session_id: AnyId | None = None
    id_token: ShortText | None = None
    kind: Literal["invoice", "credit"] | None = None
    date_from: Instant | None = Field(default=None, description="On issued_at, inclusive.")
    date_to: Instant | None = Field(default=None, description="On issued_at, exclusive.")


@router.get("", operation_id="list_bills", responses={200: NEXT_PAGE, **guarded()})
async def get_bills(
    pager: PagerDependency,
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.BILL_READ, Permission.BILL_READ_OWN)],
    parameters: Annotated[BillParameters, Query()],
) -> BillPage:
    """Bills, newest first. A driver gets only those of the own id_token."""
    scope = caller.scope(Permission.BILL_READ)
    where = BillFilter(**parameters.where())
    page = await pager.page(
        "bills",
        parameters,
        BILL_ORDERS,
        lambda window: list_bills(services.engine, scope, where, window),
    )
    return BillPage(items=[Bill.of(row) for row in page.rows], next_cursor=page.next_cursor)


@router.get("/{bill_id}", operation_id="get_bill", responses=guarded(404), dependencies=[NO_QUERY])
async def get_bill(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.BILL_READ, Permission.BILL_READ_OWN)],
    bill_id: BillIdPath,
) -> Bill:
    """One bill."""
    row = await bill_of(services.engine, caller.scope(Permission.BILL_READ), bill_id)
    if row is None:
        raise not_found("bill")
    return Bill.of(row)


@router.get(
    "/{bill_id}/cdr",
    operation_id="get_bill_cdr",
    response_model=Cdr,
    responses=guarded(404),
    dependencies=[NO_QUERY],
)
async def get_bill_cdr(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.BILL_READ, Permission.BILL_READ_OWN)],
    bill_id: BillIdPath,
) -> Response:
    """The bill as an OCPI 2.2.1 CDR: amounts are JSON numbers, as OCPI has them, with their exact digits.

    A tariff is two of OCPI's, one for each source of energy. What is not known is left out.
    """
    bill, context = await _visible(services, caller, bill_id)
    cdr = Cdr.of(bill, context, services.bill_rules)
    return Response(cdr.as_json(), media_type="application/json")


@router.get(
    "/{bill_id}/pdf",
    operation_id="get_bill_pdf",
    response_class=Response,
    responses={
        200: {"content": {PDF_MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}},
        **guarded(404),
    },
    dependencies=[NO_QUERY],
)
async def get_bill_pdf(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.BILL_READ, Permission.BILL_READ_OWN)],
    bill_id: BillIdPath,
) -> Response:
    """The bill as a PDF that a customer can be given; times are those of the site."""
    bill, context = await _visible(services, caller, bill_id)
    pdf = await asyncio.to_thread(_rendered, bill, context, services.bill_rules.font_file)
    return Response(
        pdf,
        media_type=PDF_MEDIA_TYPE,
        headers={"Content-Disposition": f'attachment; filename="{bill.kind}-{bill.number}.pdf"'},
    )


def _rendered(bill: BillRow, context: BillContext, font_file: Path | None) -> bytes:
    # Here, since to import the library is a fifth of the API's start.
    from solarrally.api.bill_pdf import render_bill

    return render_bill(bill, context, font_file)


async def _visible(services: Services, caller: Caller, bill_id: UUID) -> tuple[BillRow, BillContext]:
    """The bill; another's is as absent as one that does not exist."""
    found = await bill_in_context(services.engine, caller.scope(Permission.BILL_READ), bill_id)
    if found is None:
        raise not_found("bill")
    return found
