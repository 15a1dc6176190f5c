"""Imports of offline logs, and how far each has come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from solarrally.domain.offline_log import RejectedLine
from solarrally.storage.queries.connecting import connected
from solarrally.storage.queries.window import Order, Window
from solarrally.storage.tables import evse, import_job


@dataclass(slots=True, frozen=True, kw_only=True)
class ImportRow:
    """One uploaded log. Its lines are stored, duplicates, rejected, or still waiting."""

    id: UUID
    evse_uid: str
    connector_id: int | None
    """That of lines which say none."""
    file_name: str | None
    sha256: str
    status: str
    created_by: str
    created_at: datetime
    completed_at: datetime | None
    size_bytes: int
    line_count: int
    stored_count: int
    duplicate_count: int
    rejected_count: int
    rejected_lines: Sequence[RejectedLine]
    """The first of those that were rejected when the file came."""

    @property
    def waiting_count(self) -> int:
        """Lines that the ingestor has not come to yet."""
        return self.line_count - self.stored_count - self.duplicate_count - self.rejected_count


@dataclass(slots=True, frozen=True, kw_only=True)
class ImportFilter:
    """Which imports; None does not restrict."""

    evse_uid: str | None = None
    status: str | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class ImportTarget:
    """The station that a log is of."""

    evse_id: int
    evse_uid: str
    is_enabled: bool


IMPORT_ORDERS: Final[dict[str, Order[ImportRow]]] = {
    "created_at": Order(
        columns=(import_job.c.created_at, import_job.c.id),
        kinds=(datetime, UUID),
        position=lambda row: (row.created_at, row.id),
    )
}


async def list_imports(
    engine: AsyncEngine, where: ImportFilter, window: Window[ImportRow]
) -> list[ImportRow]:
    """The imports of the window."""
    statement = window.of(_IMPORTS)
    if where.evse_uid is not None:
        statement = statement.where(evse.c.evse_uid == where.evse_uid)
    if where.status is not None:
        statement = statement.where(import_job.c.status == where.status)
    async with connected(engine) as connection:
        return [_import_row(row) for row in await connection.execute(statement)]


async def import_of(engine: AsyncEngine, import_id: UUID) -> ImportRow | None:
    """The import, or None."""
    async with connected(engine) as connection:
        return await _one(connection, _IMPORTS.where(import_job.c.id == import_id))


async def import_of_file(
    connection: AsyncConnection, target: ImportTarget, connector_id: int | None, sha256: str
) -> ImportRow | None:
    """The import that this very file was before, or None."""
    return await _one(
        connection,
        _IMPORTS.where(
            import_job.c.evse_id == target.evse_id,
            import_job.c.connector_id.is_not_distinct_from(connector_id),
            import_job.c.sha256 == sha256,
        ),
    )


async def import_target(engine: AsyncEngine, evse_uid: str) -> ImportTarget | None:
    """The station, or None when it is not registered."""
    statement = select(evse.c.id, evse.c.is_enabled).where(evse.c.evse_uid == evse_uid)
    async with connected(engine) as connection:
        row = (await connection.execute(statement)).one_or_none()
    if row is None:
        return None
    return ImportTarget(evse_id=row.id, evse_uid=evse_uid, is_enabled=row.is_enabled)


_IMPORTS: Select[Any] = select(
    *(column for column in import_job.c if column.name != "evse_id"), evse.c.evse_uid
).join(evse, evse.c.id == import_job.c.evse_id)


async def _one(connection: AsyncConnection, statement: Select[Any]) -> ImportRow | None:
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _import_row(row)


def _import_row(row: Row[Any]) -> ImportRow:
    return ImportRow(
        id=row.id,
        evse_uid=row.evse_uid,
        connector_id=row.connector_id,
        file_name=row.file_name,
        sha256=row.sha256,
        status=row.status,
        created_by=row.created_by,
        created_at=row.created_at,
        completed_at=row.completed_at,
        size_bytes=row.size_bytes,
        line_count=row.line_count,
        stored_count=row.stored_count,
        duplicate_count=row.duplicate_count,
        rejected_count=row.rejected_count,
        rejected_lines=[RejectedLine(**line) for line in row.rejected_lines],
    )
