"""Imports of the logs that stations keep while they are offline, such as from their SD cards."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from solarrally.api.errors import ApiProblem, FieldError, invalid_field, not_found
from solarrally.api.import_rules import ImportRules
from solarrally.api.paging import PagerDependency
from solarrally.api.parameters import (
    NO_QUERY,
    ConnectorId,
    ImportIdPath,
    ListParameters,
    Parameters,
    ShortText,
)
from solarrally.api.permissions import Permission
from solarrally.api.responses import NEXT_PAGE, guarded
from solarrally.api.schemas.imports import Import, ImportDetail, ImportPage
from solarrally.api.security import Caller, requires
from solarrally.api.services import ServicesDependency
from solarrally.api.uploads import receive_file, temporary_file
from solarrally.domain.offline_log import OpenOfflineLog, UnreadableLog
from solarrally.storage.edits.imports import NothingToImport, import_log
from solarrally.storage.queries import IMPORT_ORDERS, ImportFilter, import_of, import_target, list_imports

router = APIRouter(prefix="/imports", tags=["imports"])

MEDIA_TYPES: Final = {
    "application/octet-stream": "auto",
    "application/x-ndjson": "ndjson",
    "application/ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "text/csv": "csv",
}
_BODY: Final = {
    "requestBody": {
        "required": True,
        "description": "The file itself; with `Content-Encoding: gzip` a packed one.",
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "application/x-ndjson": {
                "schema": {"type": "string"},
                "example": '{"timestamp":"2026-11-20T22:00:00Z","session_id":"17","power_w":7200,'
                '"session_total_energy_kwh":1.25,"status":"charging"}\n',
            },
            "text/csv": {
                "schema": {"type": "string"},
                "example": "timestamp,session_id,power_w,session_total_energy_kwh,status\r\n"
                "2026-11-20T22:00:00Z,17,7200,1.25,charging\r\n",
            },
        },
    }
}
_MADE: Final = {
    "description": "Queued: the ingestor takes it in.",
    "headers": {"Location": {"description": "The import.", "schema": {"type": "string"}}},
}


class ImportParameters(Parameters):
    """What the file is."""

    evse_uid: ShortText = Field(description="The station that kept the log.")
    connector_id: ConnectorId | None = Field(default=None, description="Of lines that name none; else 1.")
    format: Literal["auto", "ndjson", "csv"] = Field(
        default="auto", description="auto: as Content-Type says, else as the first line looks."
    )
    file_name: ShortText | None = Field(default=None, description="For people to recognise it.")


class ImportListParameters(ListParameters):
    """Which imports."""

    sort: Literal["created_at", "-created_at"] = "-created_at"
    evse_uid: ShortText | None = None
    status: Literal["queued", "completed"] | None = None


@router.post(
    "",
    operation_id="create_import",
    status_code=HTTPStatus.CREATED,
    responses={
        200: {"model": ImportDetail, "description": "The same file was imported before: that import."},
        201: _MADE,
        **guarded(400, 404, 408, 409, 413, 415, 429, 501, 507),
    },
    openapi_extra=_BODY,
)
async def create_import(
    request: Request,
    response: Response,
    services: ServicesDependency,
    caller: Annotated[Caller, requires(Permission.IMPORT_WRITE)],
    parameters: Annotated[ImportParameters, Query()],
) -> ImportDetail:
    """Take in a log, NDJSON or CSV, a reading in each line. See docs/exports-and-imports.md.

    Lines that can be used wait for the ingestor, which treats them as if they had come over the broker:
    readings that are stored already stay as they are, sessions and bills are corrected. Lines that cannot be
    used are named in the answer. Nothing is taken in when the body does not come to its end.
    """
    rules = services.import_rules
    open_log = _reader(rules)
    log_format = _format(request, parameters)
    target = await import_target(services.engine, parameters.evse_uid)
    if target is None:
        raise not_found("station")
    if not target.is_enabled:
        raise ApiProblem(
            HTTPStatus.CONFLICT,
            "The station is disabled; its readings would be rejected.",
            errors=[FieldError("evse_uid", "is of a disabled station")],
        )
    with services.imports.taking(), temporary_file() as file:
        source = await receive_file(request, file, rules, parameters.file_name)
        received_at = datetime.now(UTC)
        log = open_log(
            evse_uid=target.evse_uid,
            connector_id=parameters.connector_id,
            log_format=log_format,
            received_at=received_at,
        )
        try:
            row, is_new = await import_log(
                services.engine,
                caller.actor,
                target,
                source,
                log,
                connector_id=parameters.connector_id,
                topic_root=rules.topic_root,
                received_at=received_at,
            )
        except NothingToImport as error:
            raise ApiProblem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "No line of the file can be used.",
                errors=[
                    FieldError(f"body.line {one.line}", f"{one.reason}: {_where(one.field)}{one.detail}")
                    for one in error.rejected
                ],
            ) from error
        except UnreadableLog as error:
            raise invalid_field("body", str(error)) from error
    response.headers["Location"] = f"/api/v1/imports/{row.id}"
    if not is_new:
        response.status_code = HTTPStatus.OK
    return ImportDetail.of(row)


@router.get("", operation_id="list_imports", responses={200: NEXT_PAGE, **guarded()})
async def get_imports(
    pager: PagerDependency,
    services: ServicesDependency,
    _caller: Annotated[Caller, requires(Permission.IMPORT_READ)],
    parameters: Annotated[ImportListParameters, Query()],
) -> ImportPage:
    """Imports, newest first."""
    where = ImportFilter(**parameters.where())
    page = await pager.page(
        "imports",
        parameters,
        IMPORT_ORDERS,
        lambda window: list_imports(services.engine, where, window),
    )
    return ImportPage(items=[Import.of(row) for row in page.rows], next_cursor=page.next_cursor)


@router.get("/{import_id}", operation_id="get_import", responses=guarded(404), dependencies=[NO_QUERY])
async def get_import(
    services: ServicesDependency,
    _caller: Annotated[Caller, requires(Permission.IMPORT_READ)],
    import_id: ImportIdPath,
) -> ImportDetail:
    """One import: how far it has come, and which lines could not be used."""
    row = await import_of(services.engine, import_id)
    if row is None:
        raise not_found("import")
    return ImportDetail.of(row)


def _reader(rules: ImportRules) -> OpenOfflineLog:
    if rules.open_log is None:
        raise ApiProblem(HTTPStatus.NOT_IMPLEMENTED, "This server takes no imports.")
    return rules.open_log


def _format(request: Request, parameters: ImportParameters) -> Literal["auto", "ndjson", "csv"]:
    """What the client says of the file. Raises `ApiProblem` (415)."""
    media_type = request.headers.get("content-type", "application/octet-stream")
    said = MEDIA_TYPES.get(media_type.partition(";")[0].strip().lower())
    if said is None:
        raise ApiProblem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"Content-Type: one of {', '.join(MEDIA_TYPES)}.",
            headers={"Connection": "close"},
        )
    if parameters.format != "auto":
        return parameters.format
    return said  # type: ignore[return-value]


def _where(field: str | None) -> str:
    return "" if field is None else f"{field}: "
