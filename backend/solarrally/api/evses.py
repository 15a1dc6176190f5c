"""EVSEs: the registry with the newest of each connector, what happened to them, and the public status."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Query, Response, status
from pydantic import Field

from solarrally.api.errors import invalid_field, not_found
from solarrally.api.paging import Page, Pager, PagerDependency
from solarrally.api.parameters import (
    NO_QUERY,
    ConnectorId,
    EvseUidPath,
    Instant,
    ListParameters,
    Parameters,
    ShortText,
    SiteId,
)
from solarrally.api.permissions import Permission
from solarrally.api.responses import NEXT_PAGE, guarded
from solarrally.api.schemas.evses import (
    ConnectorDescription,
    Dialect,
    Evse,
    EvseChange,
    EvsePage,
    EvseStatus,
    EvseStatusPage,
    LatestPage,
    NewEvse,
    OnlineHistory,
    StationEvent,
    StationEventPage,
)
from solarrally.api.security import Caller, requires
from solarrally.api.services import Services, ServicesDependency
from solarrally.domain.reading import ConnectorStatus
from solarrally.storage.edits.evses import add_evse, change_evse, remove_evse
from solarrally.storage.queries import (
    EVENT_ORDERS,
    EVSE_ORDERS,
    LATEST_ORDERS,
    EventFilter,
    EventRow,
    EvseFilter,
    EvseRow,
    TooManyChanges,
    Window,
    connectivity_of,
    evse_of,
    list_events,
    list_evses,
    list_latest,
)

router = APIRouter(tags=["evses"])

MAX_ONLINE_HISTORY: Final = timedelta(days=366)
MAX_ONLINE_CHANGES: Final = 10_000


class StatusParameters(ListParameters):
    """Which EVSEs."""

    sort: Literal["evse_uid", "-evse_uid"] = "evse_uid"
    site_id: SiteId | None = None
    status: ConnectorStatus | None = Field(default=None, description="Of at least one of its connectors.")
    is_online: bool | None = None


class EvseParameters(StatusParameters):
    """Which EVSEs of the registry."""

    is_enabled: bool | None = None
    dialect: Dialect | None = None
    q: ShortText | None = Field(
        default=None, description="What the evse_uid or the name begins with; case does not matter."
    )


class LatestParameters(ListParameters):
    """Which connectors."""

    limit: Annotated[int, Field(ge=1, le=10_000)] = Field(default=10_000, description="Items per page.")
    sort: Literal["evse_uid", "-evse_uid"] = "evse_uid"
    site_id: SiteId | None = None


class EventParameters(ListParameters):
    """Which events."""

    sort: Literal["ts", "-ts"] = "-ts"
    kind: ShortText | None = None
    connector_id: ConnectorId | None = None
    date_from: Instant | None = Field(default=None, description="On ts, inclusive.")
    date_to: Instant | None = Field(default=None, description="On ts, exclusive.")


class OnlineHistoryParameters(Parameters):
    """Which range, at most 366 days."""

    date_from: Instant = Field(description="Inclusive.")
    date_to: Instant | None = Field(
        default=None, description="Exclusive; now, where it is later or not given."
    )


@router.get("/evses", operation_id="list_evses", responses={200: NEXT_PAGE, **guarded()})
async def get_evses(
    pager: PagerDependency,
    _caller: Annotated[Caller, requires(Permission.EVSE_READ)],
    parameters: Annotated[EvseParameters, Query()],
) -> EvsePage:
    """All EVSEs with the newest of each connector, by evse_uid."""
    page = await _page(pager, "evses", parameters)
    return EvsePage(items=[Evse.of(row) for row in page.rows], next_cursor=page.next_cursor)


@router.post(
    "/evses",
    operation_id="create_evse",
    status_code=status.HTTP_201_CREATED,
    responses=guarded(409),
    dependencies=[NO_QUERY],
)
async def post_evse(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.EVSE_WRITE)],
    new_evse: NewEvse,
) -> Evse:
    """Register an EVSE before it is first heard of. 409 when it is there, its site is not, or another has its
    base topic.
    """
    _check_speech(services, new_evse.dialect, new_evse.base_topic)
    values = new_evse.model_dump(exclude={"connectors"})
    return Evse.of(await add_evse(services.engine, caller.actor, values, _described(new_evse.connectors)))


@router.get("/evses/{evse_uid}", operation_id="get_evse", responses=guarded(404), dependencies=[NO_QUERY])
async def get_evse(
    services: ServicesDependency,
    _caller: Annotated[Caller, requires(Permission.EVSE_READ)],
    evse_uid: EvseUidPath,
) -> Evse:
    """One EVSE with the newest of each connector."""
    row = await evse_of(services.engine, evse_uid)
    if row is None:
        raise not_found("EVSE")
    return Evse.of(row)


@router.patch(
    "/evses/{evse_uid}", operation_id="change_evse", responses=guarded(404, 409), dependencies=[NO_QUERY]
)
async def patch_evse(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.EVSE_WRITE)],
    evse_uid: EvseUidPath,
    change: EvseChange,
) -> Evse:
    """Change an EVSE's entry; ingestion follows within seconds.

    At another site only sessions that start from now on are priced by its tariff. What a disabled EVSE sends
    is rejected and kept. 409 when there is no such site, or another EVSE has its base topic; and for another
    `dialect` or `base_topic` of an EVSE with a password, whose rights at the broker come from those:
    `solarrally stations set-base-topic` changes both.
    """
    said = change.model_fields_set
    _check_speech(
        services,
        change.dialect if "dialect" in said else None,
        change.base_topic if "base_topic" in said else None,
    )
    row = await change_evse(
        services.engine,
        caller.actor,
        evse_uid,
        change.model_dump(include=change.model_fields_set - {"connectors"}),
        _described(change.connectors) if "connectors" in change.model_fields_set else [],
    )
    if row is None:
        raise not_found("EVSE")
    return Evse.of(row)


@router.delete(
    "/evses/{evse_uid}",
    operation_id="delete_evse",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=guarded(404, 409),
    dependencies=[NO_QUERY],
)
async def delete_evse(
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.EVSE_WRITE)],
    evse_uid: EvseUidPath,
) -> None:
    """Remove an EVSE that was never heard of; 409 otherwise: disable it instead."""
    if not await remove_evse(services.engine, caller.actor, evse_uid):
        raise not_found("EVSE")


@router.get(
    "/evses/{evse_uid}/events",
    operation_id="list_evse_events",
    responses={200: NEXT_PAGE, **guarded(404)},
)
async def get_evse_events(
    pager: PagerDependency,
    services: ServicesDependency,
    _caller: Annotated[Caller, requires(Permission.EVSE_READ)],
    evse_uid: EvseUidPath,
    parameters: Annotated[EventParameters, Query()],
) -> StationEventPage:
    """What happened to an EVSE: online, offline, faulted, recovered; newest first."""
    where = EventFilter(**parameters.where())

    async def fetch(window: Window[EventRow]) -> list[EventRow]:
        rows = await list_events(services.engine, evse_uid, where, window)
        if rows is None:
            raise not_found("EVSE")
        return rows

    page = await pager.page("evse-events", parameters, EVENT_ORDERS, fetch, evse_uid=evse_uid)
    return StationEventPage(items=[StationEvent.of(row) for row in page.rows], next_cursor=page.next_cursor)


@router.get(
    "/evses/{evse_uid}/online-history", operation_id="get_evse_online_history", responses=guarded(404)
)
async def get_evse_online_history(
    services: ServicesDependency,
    _caller: Annotated[Caller, requires(Permission.EVSE_READ)],
    evse_uid: EvseUidPath,
    parameters: Annotated[OnlineHistoryParameters, Query()],
) -> OnlineHistory:
    """When an EVSE was connected, and its availability, over a bounded range."""
    now = datetime.now(UTC)
    date_from, date_to = parameters.date_from, min(parameters.date_to or now, now)
    if date_to <= date_from:
        raise invalid_field("date_from", "must be before date_to, and in the past")
    if date_to - date_from > MAX_ONLINE_HISTORY:
        raise invalid_field("date_to", "at most 366 days after date_from")
    try:
        history = await connectivity_of(
            services.engine, evse_uid, date_from, date_to, limit=MAX_ONLINE_CHANGES
        )
    except TooManyChanges as error:
        raise invalid_field(
            "date_to", f"more than {MAX_ONLINE_CHANGES} changes in this range: ask for less of it"
        ) from error
    if history is None:
        raise not_found("EVSE")
    return OnlineHistory.of(evse_uid, history)


@router.get(
    "/latest",
    operation_id="list_latest",
    response_model=LatestPage,
    responses={200: NEXT_PAGE, **guarded()},
)
async def get_latest(
    pager: PagerDependency,
    services: ServicesDependency,
    _caller: Annotated[Caller, requires(Permission.EVSE_READ)],
    parameters: Annotated[LatestParameters, Query()],
) -> Response:
    """The newest of all connectors in short, thousands of them in one answer."""
    page = await pager.page(
        "latest",
        parameters,
        LATEST_ORDERS,
        lambda window: list_latest(services.engine, parameters.site_id, window),
    )
    # Ten thousand of them: encoded from the rows, which have the fields of `Latest`.
    body = msgspec.json.encode({"items": page.rows, "next_cursor": page.next_cursor})
    headers = {"Link": pager.response.headers["Link"]} if page.next_cursor else None
    return Response(body, media_type="application/json", headers=headers)


@router.get("/evse-status", operation_id="list_evse_status", responses={200: NEXT_PAGE, **guarded()})
async def get_evse_status(
    pager: PagerDependency,
    _caller: Annotated[Caller, requires(Permission.STATUS_READ)],
    parameters: Annotated[StatusParameters, Query()],
) -> EvseStatusPage:
    """Which EVSEs are online and free, for everyone who is logged in; nothing about sessions."""
    page = await _page(pager, "evse-status", parameters)
    return EvseStatusPage(items=[EvseStatus.of(row) for row in page.rows], next_cursor=page.next_cursor)


async def _page(pager: Pager, name: str, parameters: StatusParameters) -> Page[EvseRow]:
    where = EvseFilter(**parameters.where())
    return await pager.page(
        name, parameters, EVSE_ORDERS, lambda window: list_evses(pager.services.engine, where, window)
    )


def _described(connectors: list[ConnectorDescription]) -> list[dict[str, Any]]:
    """What is said of each connector, and no more."""
    return [one.model_dump(include=one.model_fields_set) for one in connectors]


def _check_speech(services: Services, dialect: str | None, base_topic: str | None) -> None:
    """What is not there to be spoken, and what is ours to be published under, cannot be a station's."""
    if dialect is not None and services.dialects and dialect not in services.dialects:
        raise invalid_field("dialect", f"no such dialect; there are {', '.join(services.dialects)}")
    root = services.import_rules.topic_root
    if base_topic is not None and base_topic.split("/")[0] == root:
        raise invalid_field("base_topic", f"what is published below {root} is native")
