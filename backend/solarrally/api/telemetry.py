"""The history of a connector: readings as stored, or buckets of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from solarrally.api.errors import invalid_field, not_found
from solarrally.api.paging import PagerDependency
from solarrally.api.parameters import ConnectorId, EvseUidPath, Instant, ListParameters
from solarrally.api.permissions import Permission
from solarrally.api.responses import NEXT_PAGE, guarded
from solarrally.api.schemas.telemetry import (
    BUCKET_FIELDS,
    READING_FIELDS,
    Measurand,
    TelemetryBucket,
    TelemetryBuckets,
    TelemetryReading,
    TelemetryReadings,
)
from solarrally.api.security import Caller, requires
from solarrally.api.services import ServicesDependency
from solarrally.storage.queries import (
    BUCKET_ORDERS,
    READING_ORDERS,
    buckets_between,
    raw_since,
    readings_between,
    station_key_of,
)

router = APIRouter(tags=["telemetry"])

MAX_DAYS: Final = {"raw": 7, "1min": 2, "15min": 31, "1h": 366, "1d": 1098}


class TelemetryParameters(ListParameters):
    """Which history."""

    limit: Annotated[int, Field(ge=1, le=1000)] = Field(default=500, description="Items per page.")
    sort: Literal["ts", "-ts"] = "ts"
    connector_id: ConnectorId = 1
    resolution: Literal["raw", "1min", "15min", "1h", "1d"] = "15min"
    date_from: Instant = Field(description="Inclusive: what begins then or later.")
    date_to: Instant | None = Field(
        default=None,
        description="Exclusive. At most 7 days after date_from (raw), 2 (1min), 31 (15min), 366 (1h),"
        " 1098 (1d); so long when it is not given.",
    )
    measurand: Annotated[list[Measurand], Field(max_length=len(READING_FIELDS))] | None = Field(
        default=None,
        description="May be given several times; all of them otherwise. soc and status: raw only.",
    )


@router.get(
    "/evses/{evse_uid}/telemetry",
    operation_id="list_telemetry",
    responses={200: NEXT_PAGE, **guarded(404)},
    response_model_exclude_unset=True,
)
async def get_telemetry(
    pager: PagerDependency,
    services: ServicesDependency,
    _caller: Annotated[Caller, requires(Permission.TELEMETRY_READ)],
    evse_uid: EvseUidPath,
    parameters: Annotated[TelemetryParameters, Query()],
) -> TelemetryReadings | TelemetryBuckets:
    """Readings, or averages, extremes and energies in buckets, oldest first.

    15min, 1h and 1d come from rollups, which are kept when readings are dropped; what is not rolled up yet,
    such as the running quarter of an hour, is computed from readings. Drivers see the readings of their
    sessions below those.
    """
    resolution, date_from, connector_id = parameters.resolution, parameters.date_from, parameters.connector_id
    longest = timedelta(days=MAX_DAYS[resolution])
    date_to = date_from + longest if parameters.date_to is None else parameters.date_to
    if date_to <= date_from:
        raise invalid_field("date_to", "must be after date_from")
    if date_to - date_from > longest:
        raise invalid_field("date_to", f"at most {longest.days} days after date_from with {resolution}")
    offered = READING_FIELDS if resolution == "raw" else BUCKET_FIELDS
    measurands = list(offered) if parameters.measurand is None else parameters.measurand
    for one in measurands:
        if one not in offered:
            raise invalid_field("measurand", f"{one} is in raw readings only")
    station = await station_key_of(services.engine, evse_uid)
    if station is None:
        raise not_found("EVSE")
    kept_since = await raw_since(services.engine)
    if resolution == "raw":
        readings = await pager.page(
            "telemetry",
            parameters,
            READING_ORDERS,
            lambda window: readings_between(
                services.engine, station, connector_id, date_from, date_to, window
            ),
            evse_uid=evse_uid,
        )
        return TelemetryReadings(
            evse_uid=evse_uid,
            connector_id=connector_id,
            timezone=station.timezone,
            raw_since=kept_since,
            resolution="raw",
            items=[TelemetryReading.of(row, measurands) for row in readings.rows],
            next_cursor=readings.next_cursor,
        )
    buckets = await pager.page(
        "telemetry",
        parameters,
        BUCKET_ORDERS,
        lambda window: buckets_between(
            services.engine,
            station,
            connector_id,
            resolution,
            date_from,
            date_to,
            window,
            rules=services.rollup_rules,
            now=datetime.now(UTC),
        ),
        evse_uid=evse_uid,
    )
    return TelemetryBuckets(
        evse_uid=evse_uid,
        connector_id=connector_id,
        timezone=station.timezone,
        raw_since=kept_since,
        resolution=resolution,
        items=[TelemetryBucket.of(row, measurands) for row in buckets.rows],
        next_cursor=buckets.next_cursor,
    )
