"""Alerts: what needs attention, who is on it, and what is settled."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field

from solarrally.api.errors import ApiProblem, FieldError, not_found
from solarrally.api.paging import PagerDependency
from solarrally.api.parameters import NO_QUERY, Instant, ListParameters, ShortText, SiteId
from solarrally.api.permissions import Permission
from solarrally.api.responses import NEXT_PAGE, guarded
from solarrally.api.schemas.alerts import Alert, AlertNote, AlertPage
from solarrally.api.security import Caller, requires
from solarrally.api.services import ServicesDependency
from solarrally.domain.alert import AlertKind, AlertSeverity, AlertStatus
from solarrally.storage.edits.alerts import AlertIsResolved, acknowledge_alert, resolve_alert
from solarrally.storage.queries import ALERT_ORDERS, AlertFilter, alert_of, list_alerts

router = APIRouter(prefix="/alerts", tags=["alerts"])

AlertIdPath = Annotated[int, Path(ge=1, le=2**63 - 1, examples=[17])]


class AlertParameters(ListParameters):
    """Which alerts."""

    sort: Literal["opened_at", "-opened_at"] = "-opened_at"
    status: AlertStatus | None = None
    kind: AlertKind | None = None
    severity: AlertSeverity | None = None
    site_id: SiteId | None = None
    evse_uid: ShortText | None = None
    date_from: Instant | None = Field(default=None, description="On opened_at, inclusive.")
    date_to: Instant | None = Field(default=None, description="On opened_at, exclusive.")


@router.get("", operation_id="list_alerts", responses={200: NEXT_PAGE, **guarded()})
async def get_alerts(
    pager: PagerDependency,
    services: ServicesDependency,
    _caller: Annotated[Caller, requires(Permission.ALERT_READ)],
    parameters: Annotated[AlertParameters, Query()],
) -> AlertPage:
    """Alerts, newest first; resolved ones too unless `status` says otherwise."""
    where = AlertFilter(**parameters.where())
    page = await pager.page(
        "alerts", parameters, ALERT_ORDERS, lambda window: list_alerts(services.engine, where, window)
    )
    return AlertPage(items=[Alert.of(row) for row in page.rows], next_cursor=page.next_cursor)


@router.get("/{alert_id}", operation_id="get_alert", responses=guarded(404), dependencies=[NO_QUERY])
async def get_alert(
    services: ServicesDependency,
    _caller: Annotated[Caller, requires(Permission.ALERT_READ)],
    alert_id: AlertIdPath,
) -> Alert:
    """One alert."""
    row = await alert_of(services.engine, alert_id)
    if row is None:
        raise not_found("alert")
    return Alert.of(row)


@router.post(
    "/{alert_id}/acknowledge",
    operation_id="acknowledge_alert",
    responses=guarded(404, 409),
    dependencies=[NO_QUERY],
)
async def post_acknowledge(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.ALERT_WRITE)],
    alert_id: AlertIdPath,
    body: AlertNote | None = None,
) -> Alert:
    """Say that somebody is on it.

    Again, it changes nothing: the name and the note of whoever was first stay. What flaps stays
    acknowledged. 409 for an alert that is resolved.
    """
    try:
        row = await acknowledge_alert(
            services.engine, caller.actor, alert_id, None if body is None else body.note
        )
    except AlertIsResolved as error:
        raise ApiProblem(
            HTTPStatus.CONFLICT, "The alert is resolved.", errors=[FieldError("status", "is resolved")]
        ) from error
    if row is None:
        raise not_found("alert")
    return Alert.of(row)


@router.post(
    "/{alert_id}/resolve", operation_id="resolve_alert", responses=guarded(404), dependencies=[NO_QUERY]
)
async def post_resolve(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.ALERT_WRITE)],
    alert_id: AlertIdPath,
    body: AlertNote | None = None,
) -> Alert:
    """Say that it is settled.

    Alerts resolve by themselves when their cause is gone; resolved by hand before that, an alert opens anew
    only after its cause was gone once. Again, it changes nothing.
    """
    row = await resolve_alert(services.engine, caller.actor, alert_id, None if body is None else body.note)
    if row is None:
        raise not_found("alert")
    return Alert.of(row)
