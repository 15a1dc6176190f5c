"""A log goes into the parking table, all of it or nothing; the ingestor takes it in like other messages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, BinaryIO, Final
from uuid import UUID, uuid4

from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from solarrally.domain.offline_log import OfflineLog, PackedLines, RejectedLine, UnreadableLog
from solarrally.storage.audit import Actor, record
from solarrally.storage.edits.editing import editing
from solarrally.storage.queries.connecting import connected
from solarrally.storage.queries.imports import ImportRow, ImportTarget, import_of_file
from solarrally.storage.tables import import_job

PIECE_BYTES: Final = 65_536
"""Read and checked in one go; everything else waits for a millisecond."""
PARKED_AT_ONCE: Final = 64
_COLUMNS: Final = [
    "evse_uid", "received_at", "topic", "payload", "qos", "retained", "redelivered", "import_id",
]  # fmt: skip


@dataclass(slots=True, frozen=True, kw_only=True)
class LogFile:
    """A whole log on disk, unpacked."""

    file: BinaryIO
    size_bytes: int
    sha256: str
    name: str | None = None


class NothingToImport(UnreadableLog):
    """No line of the log can be used."""

    def __init__(self, rejected: Sequence[RejectedLine]) -> None:
        super().__init__("no line of the file can be used")
        self.rejected = rejected


async def import_log(
    engine: AsyncEngine,
    actor: Actor,
    target: ImportTarget,
    source: LogFile,
    log: OfflineLog,
    *,
    connector_id: int | None,
    topic_root: str,
    received_at: datetime,
    progress: Callable[[int], None] = lambda _: None,
) -> tuple[ImportRow, bool]:
    """Park the lines of a log that can be used; the import, and whether it is new.

    A file that was imported for this station before is not looked at again: its import is given. `progress`
    is told how many bytes have been read. Raises `UnreadableLog`, `NothingToImport` and `StoreUnavailable`;
    then nothing is changed.
    """
    async with connected(engine) as connection:
        known = await import_of_file(connection, target, connector_id, source.sha256)
    if known is not None:
        return known, False
    import_id = uuid4()
    try:
        async with editing(engine) as connection:
            await connection.execute(
                insert(import_job).values(
                    id=import_id,
                    evse_id=target.evse_id,
                    connector_id=connector_id,
                    file_name=source.name,
                    sha256=source.sha256,
                    status="queued",
                    created_by=actor.name,
                    size_bytes=source.size_bytes,
                    line_count=0,
                    stored_count=0,
                    duplicate_count=0,
                    rejected_count=0,
                )
            )
            parker = _Parker(connection, import_id, target.evse_uid, topic_root, received_at)
            source.file.seek(0)
            while piece := await asyncio.to_thread(source.file.read, PIECE_BYTES):
                await parker.add(log.feed(piece))
                progress(source.file.tell())
            await parker.add(log.finish())
            await parker.flush()
            if log.rejected_count == log.line_count:
                raise NothingToImport(log.rejected)
            await connection.execute(
                update(import_job)
                .where(import_job.c.id == import_id)
                .values(
                    line_count=log.line_count,
                    rejected_count=log.rejected_count,
                    rejected_lines=[asdict(line) for line in log.rejected],
                )
            )
            await record(
                connection,
                actor,
                "import.create",
                "import",
                import_id,
                after={
                    "evse_uid": target.evse_uid,
                    "file_name": source.name,
                    "sha256": source.sha256,
                    "size_bytes": source.size_bytes,
                    "line_count": log.line_count,
                    "rejected_count": log.rejected_count,
                },
            )
    except IntegrityError:
        made = await _made_meanwhile(engine, target, connector_id, source)
        if made is None:
            raise
        return made, False
    async with connected(engine) as connection:
        added = await import_of_file(connection, target, connector_id, source.sha256)
    assert added is not None
    return added, True


async def _made_meanwhile(
    engine: AsyncEngine, target: ImportTarget, connector_id: int | None, source: LogFile
) -> ImportRow | None:
    async with connected(engine) as connection:
        return await import_of_file(connection, target, connector_id, source.sha256)


class _Parker:
    """Copies messages into the parking table, some at a time."""

    def __init__(
        self,
        connection: AsyncConnection,
        import_id: UUID,
        evse_uid: str,
        topic_root: str,
        received_at: datetime,
    ) -> None:
        self._connection = connection
        self._import_id = import_id
        self._evse_uid = evse_uid
        self._topic = f"{topic_root}/{evse_uid}/"
        self._received_at = received_at
        self._waiting: list[tuple[Any, ...]] = []

    async def add(self, messages: Sequence[PackedLines]) -> None:
        for message in messages:
            self._waiting.append(
                (
                    self._evse_uid,
                    self._received_at,
                    self._topic + message.kind,
                    message.payload,
                    1,
                    # What a station kept is not what it says now: it does not become online by it.
                    True,
                    False,
                    self._import_id,
                )
            )
            # Equal timestamps are ordered by receipt, so that of the file's lines is kept.
            self._received_at += timedelta(microseconds=message.line_count)
        if len(self._waiting) >= PARKED_AT_ONCE:
            await self.flush()

    async def flush(self) -> None:
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        raw = await self._connection.get_raw_connection()
        driver: Any = raw.driver_connection
        await driver.copy_records_to_table("parked_message", records=waiting, columns=_COLUMNS)
