"""`solarrally export`: a list as a file, the same as over the API."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final

import typer
from rich.console import Console

from solarrally import database_wiring, wiring
from solarrally.errors import SolarRallyError
from solarrally.rejected_cli import instant
from solarrally.settings import Settings, load_settings
from solarrally.storage.engine import create_engine
from solarrally.storage.queries import EXPORTS, ExportFilter, export_rows
from solarrally.tabular import FileFormat, file_pieces, make_writer
from solarrally.terminal import say

PROGRESS_INTERVAL_S: Final = 1.0


class What(StrEnum):
    """The lists that can be exported."""

    SESSIONS = "sessions"
    READINGS = "readings"
    BILLS = "bills"
    EVSES = "evses"
    EVENTS = "events"


def export(
    what: Annotated[What, typer.Argument(help="Which list.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file; it is there when it is complete. - : stdout.")
    ],
    file_format: Annotated[FileFormat, typer.Option("--format", help="How it is written.")] = FileFormat.CSV,
    date_from: Annotated[
        datetime | None,
        typer.Option(parser=instant, metavar="TIME", help="Inclusive: a time (UTC) or an age, 7d."),
    ] = None,
    date_to: Annotated[
        datetime | None, typer.Option(parser=instant, metavar="TIME", help="Exclusive; the same.")
    ] = None,
    evse: Annotated[str | None, typer.Option(help="Of this EVSE (its evse_uid).")] = None,
    site: Annotated[int | None, typer.Option(help="Of this site (its id).")] = None,
) -> None:
    """Write sessions, readings, bills, EVSEs or events to a file, from one snapshot of the database.

    Dates are on started_at of sessions, ts of readings and events, and issued_at of bills. The file appears
    under its name when all of it is written; a file of that name is replaced. Fails (1) without leaving
    anything behind.
    """
    settings = load_settings()
    where = ExportFilter(date_from=date_from, date_to=date_to, evse_uid=evse, site_id=site)
    if what is What.EVSES and (date_from is not None or date_to is not None):
        raise typer.BadParameter("EVSEs have no dates to choose by")
    row_count = asyncio.run(_export(settings, what, where, file_format, output))
    say(f"{row_count:,} {what}" + ("" if _is_stdout(output) else f" in {output}"))


async def _export(
    settings: Settings, what: What, where: ExportFilter, file_format: FileFormat, output: Path
) -> int:
    """How many rows were written."""
    described = EXPORTS[what]
    writer = make_writer(file_format, described.columns)
    counted = _Progress()
    engine = create_engine(wiring.database_dsn(settings), pool_size=1, application_name="solarrally-export")
    try:
        with database_wiring.reaching_database(settings), _complete_or_nothing(output) as file:
            async with aclosing(export_rows(engine, described, where)) as batches:
                async for piece in file_pieces(counted.rows(batches), writer, piece_bytes=1_000_000):
                    file.write(piece)
    finally:
        await engine.dispose()
    return counted.count


class _Progress:
    """Counts rows, and says on a terminal how many there have been."""

    def __init__(self) -> None:
        self.count = 0
        self._said_at_s = time.monotonic()
        self._console = Console(stderr=True, highlight=False)

    async def rows(
        self, batches: AsyncIterator[Sequence[Sequence[Any]]]
    ) -> AsyncIterator[Sequence[Sequence[Any]]]:
        async for rows in batches:
            self.count += len(rows)
            if self._console.is_terminal and time.monotonic() - self._said_at_s >= PROGRESS_INTERVAL_S:
                self._said_at_s = time.monotonic()
                self._console.print(f"{self.count:,} rows", end="\r")
            yield rows


@contextmanager
def _complete_or_nothing(output: Path) -> Iterator[BinaryIO]:
    """A file that gets its name when everything is on the disk."""
    if _is_stdout(output):
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = output.with_name(f"{output.name}.part")
    try:
        file = part.open("wb")
    except OSError as error:
        raise SolarRallyError(f"{part}: {error.strerror}") from error
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(output)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise SolarRallyError(f"{output}: {error.strerror or error}") from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _is_stdout(output: Path) -> bool:
    return str(output) == "-"
