"""Exports: whole lists as files, streamed from one snapshot of the database."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Final, Literal

import structlog
from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from solarrally.api.errors import ApiProblem, invalid_field
from solarrally.api.parameters import ConnectorId, Instant, Parameters, ShortText, SiteId
from solarrally.api.permissions import Permission
from solarrally.api.responses import Responses, guarded
from solarrally.api.security import requires
from solarrally.api.services import Services, ServicesDependency
from solarrally.api.streamed import Streamed
from solarrally.storage.queries import (
    BILLS,
    EVENTS,
    EVSES,
    READINGS,
    SESSIONS,
    Export,
    ExportFilter,
    export_rows,
)
from solarrally.tabular import FileFormat, ParquetMissing, file_pieces, make_writer

log: structlog.stdlib.BoundLogger = structlog.get_logger()
router = APIRouter(prefix="/exports", tags=["exports"])

READING_DAYS: Final = 31
READING_DAYS_OF_ONE_EVSE: Final = 366

_FILE: Final = {"type": "string", "format": "binary"}
_ANSWERS: Final[Responses] = {
    200: {
        "description": "The file. Over HTTP/1.1 it is complete when the last chunk has come.",
        "headers": {
            "Content-Disposition": {"description": "The name of the file.", "schema": {"type": "string"}}
        },
        "content": {one.media_type: {"schema": _FILE} for one in FileFormat},
    },
    **guarded(429, 501),
}


class ExportParameters(Parameters):
    """How the file is written."""

    format: FileFormat = Field(default=FileFormat.CSV, description="parquet needs pyarrow on the server.")

    def where(self) -> ExportFilter:
        return ExportFilter(**self.model_dump(exclude={"format"}))


class SessionExportParameters(ExportParameters):
    """Which sessions."""

    evse_uid: ShortText | None = None
    connector_id: ConnectorId | None = None
    site_id: SiteId | None = None
    status: Literal["ACTIVE", "COMPLETED"] | None = None
    device_session_id: ShortText | None = None
    id_token: ShortText | None = None
    date_from: Instant | None = Field(default=None, description="On started_at, inclusive.")
    date_to: Instant | None = Field(default=None, description="On started_at, exclusive.")


class ReadingExportParameters(ExportParameters):
    """Which readings."""

    date_from: Instant = Field(description="On ts, inclusive.")
    date_to: Instant = Field(
        description=f"On ts, exclusive; at most {READING_DAYS} days after date_from, of one EVSE"
        f" {READING_DAYS_OF_ONE_EVSE}."
    )
    evse_uid: ShortText | None = None
    connector_id: ConnectorId | None = None
    site_id: SiteId | None = None


class BillExportParameters(ExportParameters):
    """Which bills."""

    evse_uid: ShortText | None = None
    site_id: SiteId | None = None
    id_token: ShortText | None = None
    kind: Literal["invoice", "credit"] | None = None
    date_from: Instant | None = Field(default=None, description="On issued_at, inclusive.")
    date_to: Instant | None = Field(default=None, description="On issued_at, exclusive.")


class EvseExportParameters(ExportParameters):
    """Which EVSEs."""

    evse_uid: ShortText | None = None
    site_id: SiteId | None = None
    is_online: bool | None = None
    status: ShortText | None = Field(default=None, description="Of the connector.")


class EventExportParameters(ExportParameters):
    """Which events."""

    evse_uid: ShortText | None = None
    site_id: SiteId | None = None
    kind: ShortText | None = None
    date_from: Instant | None = Field(default=None, description="On ts, inclusive.")
    date_to: Instant | None = Field(default=None, description="On ts, exclusive.")


_GUARD: Final = [requires(Permission.EXPORT_READ)]


@router.get(
    "/sessions",
    operation_id="export_sessions",
    responses=_ANSWERS,
    response_class=Response,
    dependencies=_GUARD,
)
async def export_sessions(
    services: ServicesDependency, parameters: Annotated[SessionExportParameters, Query()]
) -> Response:
    """Sessions with energy and cost, oldest first."""
    return await _answer(services, SESSIONS, parameters)


@router.get(
    "/readings",
    operation_id="export_readings",
    responses=_ANSWERS,
    response_class=Response,
    dependencies=_GUARD,
)
async def export_readings(
    services: ServicesDependency, parameters: Annotated[ReadingExportParameters, Query()]
) -> Response:
    """Raw readings, by connector and then by time. `POST /imports` takes them in again as CSV and NDJSON."""
    most = timedelta(days=READING_DAYS if parameters.evse_uid is None else READING_DAYS_OF_ONE_EVSE)
    if parameters.date_to - parameters.date_from > most:
        raise invalid_field(
            "date_to",
            f"at most {READING_DAYS} days after date_from, or {READING_DAYS_OF_ONE_EVSE} with evse_uid",
        )
    return await _answer(services, READINGS, parameters)


@router.get(
    "/bills",
    operation_id="export_bills",
    responses=_ANSWERS,
    response_class=Response,
    dependencies=_GUARD,
)
async def export_bills(
    services: ServicesDependency, parameters: Annotated[BillExportParameters, Query()]
) -> Response:
    """Bills, invoices and credits, in the order of their numbers."""
    return await _answer(services, BILLS, parameters)


@router.get(
    "/evses",
    operation_id="export_evses",
    responses=_ANSWERS,
    response_class=Response,
    dependencies=_GUARD,
)
async def export_evses(
    services: ServicesDependency, parameters: Annotated[EvseExportParameters, Query()]
) -> Response:
    """The registry, a row for each connector; an EVSE without any has one row."""
    return await _answer(services, EVSES, parameters)


@router.get(
    "/events",
    operation_id="export_events",
    responses=_ANSWERS,
    response_class=Response,
    dependencies=_GUARD,
)
async def export_events(
    services: ServicesDependency, parameters: Annotated[EventExportParameters, Query()]
) -> Response:
    """What happened to stations, in the order in which we heard of it."""
    return await _answer(services, EVENTS, parameters)


async def _answer(services: Services, export: Export, parameters: ExportParameters) -> Response:
    """The file, begun: what is wrong before its first piece is still a problem document."""
    try:
        writer = make_writer(parameters.format, export.columns)
    except ParquetMissing as error:
        raise ApiProblem(HTTPStatus.NOT_IMPLEMENTED, f"{error} on the server.") from error
    where = parameters.where()

    async def pieces() -> AsyncGenerator[bytes]:
        size_bytes = 0
        async with aclosing(export_rows(services.engine, export, where)) as batches:
            async for piece in file_pieces(batches, writer):
                size_bytes += len(piece)
                yield piece
        log.info("exported", export=export.name, format=str(parameters.format), size_bytes=size_bytes)

    services.exports.take()
    begun = pieces()
    try:
        first = await anext(begun)
    except BaseException:
        await begun.aclose()
        services.exports.leave()
        raise
    made_at = datetime.now(UTC)
    name = f"solarrally-{export.name}-{made_at:%Y%m%dT%H%M%SZ}.{parameters.format}"
    return Streamed(
        first,
        begun,
        services.exports.leave,
        media_type=parameters.format.media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
