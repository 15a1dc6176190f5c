"""`solarrally import`: the log of a station that was offline, the same as over the API."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, Final, cast

import typer
from rich.console import Console
from sqlalchemy.ext.asyncio import AsyncEngine

from solarrally import database_wiring, wiring
from solarrally.dialects.offline_log import LineLog
from solarrally.domain.offline_log import LogFormat, RejectedLine, UnreadableLog
from solarrally.errors import SolarRallyError
from solarrally.settings import Settings, load_settings
from solarrally.storage.audit import Actor
from solarrally.storage.edits.imports import LogFile, NothingToImport, import_log
from solarrally.storage.engine import create_engine
from solarrally.storage.queries import ImportRow, import_of, import_target
from solarrally.terminal import say

COMMAND_LINE: Final = Actor(user_id=None, name="cli")
POLL_S: Final = 1.0
SHOWN_LINES: Final = 20
_GZIP_MAGIC: Final = b"\x1f\x8b"
_FORMATS: Final = ("auto", "ndjson", "csv")


def import_file(
    file: Annotated[Path, typer.Argument(help="NDJSON or CSV, packed with gzip or not.")],
    evse: Annotated[str, typer.Option(help="The station that kept the log (its evse_uid).")],
    connector: Annotated[
        int | None, typer.Option(min=0, max=32767, help="Of lines that name none; else 1.")
    ] = None,
    log_format: Annotated[str, typer.Option("--format", help="auto, ndjson or csv.")] = "auto",
    wait: Annotated[bool, typer.Option("--wait", help="Until the ingestor has taken all of it in.")] = False,
) -> None:
    """Hand the log of a station that was offline to the ingestor. See docs/exports-and-imports.md.

    The lines that can be used go in, all of them or none; fails (1) when there are others, which are named,
    or when nothing can be used. A file that was imported before changes nothing.
    """
    if log_format not in _FORMATS:
        raise typer.BadParameter(f"--format: one of {', '.join(_FORMATS)}")
    row = asyncio.run(_import(load_settings(), file, evse, connector, cast(LogFormat, log_format), wait=wait))
    _name_lines(row.rejected_lines, row.rejected_count)
    if row.rejected_count:
        raise typer.Exit(1)


async def _import(
    settings: Settings,
    path: Path,
    evse_uid: str,
    connector_id: int | None,
    log_format: LogFormat,
    *,
    wait: bool,
) -> ImportRow:
    engine = create_engine(wiring.database_dsn(settings), pool_size=1, application_name="solarrally-import")
    try:
        with database_wiring.reaching_database(settings), _unpacked(path) as content:
            row, is_new = await _hand_over(
                engine, settings, path, content, evse_uid, connector_id, log_format
            )
            lines = row.line_count - row.rejected_count
            say(f"{lines:,} lines handed to the ingestor" if is_new else "imported before: nothing to do")
            if wait:
                row = await _taken_in(engine, row)
                say(f"{row.stored_count:,} readings stored, {row.duplicate_count:,} were there before")
            return row
    finally:
        await engine.dispose()


async def _hand_over(
    engine: AsyncEngine,
    settings: Settings,
    path: Path,
    content: BinaryIO,
    evse_uid: str,
    connector_id: int | None,
    log_format: LogFormat,
) -> tuple[ImportRow, bool]:
    target = await import_target(engine, evse_uid)
    if target is None:
        raise SolarRallyError(f"{evse_uid}: no such station")
    if not target.is_enabled:
        raise SolarRallyError(f"{evse_uid}: the station is disabled; its readings would be rejected")
    received_at = wiring.utc_now()
    log = LineLog(
        evse_uid=evse_uid, connector_id=connector_id, log_format=log_format, received_at=received_at
    )
    try:
        return await import_log(
            engine,
            COMMAND_LINE,
            target,
            _measured(content, path.name),
            log,
            connector_id=connector_id,
            topic_root=settings.mqtt_topic_root,
            received_at=received_at,
        )
    except NothingToImport as error:
        _name_lines(error.rejected, log.rejected_count)
        raise SolarRallyError(f"{path}: {error}") from error
    except (UnreadableLog, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise SolarRallyError(f"{path}: {error}") from error


async def _taken_in(engine: AsyncEngine, row: ImportRow) -> ImportRow:
    """The import when it is complete."""
    console = Console(stderr=True, highlight=False)
    while row.status != "completed":
        if console.is_terminal:
            console.print(f"{row.waiting_count:,} lines are waiting   ", end="\r")
        await asyncio.sleep(POLL_S)
        found = await import_of(engine, row.id)
        if found is None:
            raise SolarRallyError("the import is gone")
        row = found
    return row


@contextmanager
def _unpacked(path: Path) -> Iterator[BinaryIO]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise SolarRallyError(f"{path}: {error.strerror}") from error
    with file:
        is_packed = file.read(2) == _GZIP_MAGIC
        file.seek(0)
        if not is_packed:
            yield file
            return
        with gzip.open(file) as content:
            yield cast(BinaryIO, content)


def _measured(content: BinaryIO, name: str) -> LogFile:
    """Read once from end to end: its size and what tells it apart."""
    digest = hashlib.sha256()
    size_bytes = 0
    while piece := content.read(1_048_576):
        digest.update(piece)
        size_bytes += len(piece)
    return LogFile(file=content, size_bytes=size_bytes, sha256=digest.hexdigest(), name=name)


def _name_lines(lines: Sequence[RejectedLine], count: int) -> None:
    shown = lines[:SHOWN_LINES]
    for one in shown:
        say(f"line {one.line}: {one.reason}: {'' if one.field is None else one.field + ': '}{one.detail}")
    if count > len(shown):
        say(f"… and {count - len(shown):,} more")
