"""Brings a database to the schema of this version: Alembic inside an event loop, one runner at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from solarrally.errors import SolarRallyError
from solarrally.storage.engine import create_engine

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection

LOCK_TIMEOUT_S = 10.0
"""How long a step waits for a table that somebody uses. Those who come after it wait with it."""

TURN_TIMEOUT_S = 300.0
"""How long to wait for another `migrate` of the same database."""

_TURN_POLL_S = 0.2
_ADVISORY_LOCK = 0x4D494752  # "MIGR"
_LOCK_NOT_AVAILABLE = "55P03"


class MigrationBlocked(SolarRallyError):
    """A lock was not to be had in time. Nothing of the step that needed it was changed: try again."""


class MigrationImpossible(SolarRallyError):
    """The database is at a revision that this version does not know, or the target does not exist."""


@dataclass(slots=True, frozen=True, kw_only=True)
class MigrationReport:
    """What a migration did. A revision is None where the database has no schema."""

    from_revision: str | None
    to_revision: str | None
    steps: tuple[str, ...]
    """The revisions applied (or taken back), in that order; none when there was nothing to do."""


async def migrate(dsn: str, target: str = "head") -> MigrationReport:
    """Upgrade to `target`, after any other `migrate` of this database has ended.

    Raises `MigrationBlocked` and `MigrationImpossible`. Alembic keeps its context in globals: one process
    migrates one database at a time.
    """
    return await _move(dsn, target, command.upgrade)


async def downgrade(dsn: str, target: str) -> MigrationReport:
    """Take revisions back down to `target`; `base` drops everything, with its data. Raises like `migrate`."""
    return await _move(dsn, target, command.downgrade)


async def current_revision(dsn: str) -> str | None:
    """The revision the database is at; None without a schema."""
    engine = create_engine(dsn, pool_size=1, application_name="solarrally-migrate")
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_revision_of)
    finally:
        await engine.dispose()


def head_revision() -> str:
    """The revision that this version of SolarRally needs."""
    head = ScriptDirectory(str(migrations_folder())).get_current_head()
    if head is None:
        raise MigrationImpossible(f"no migration in {migrations_folder()}")
    return head


def migrations_folder() -> Path:
    """Inside the installed package, else at the top of the repository."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "_migrations", package.parents[1] / "migrations"):
        if (folder / "env.py").is_file():
            return folder
    raise MigrationImpossible(
        f"no migrations with this installation: neither in {package} nor in its repository"
    )


@asynccontextmanager
async def exclusive_connection(dsn: str) -> AsyncIterator[AsyncConnection]:
    """A connection that alone may change the schema, with `LOCK_TIMEOUT_S` on every lock it takes.

    It asks for its turn again and again instead of waiting inside PostgreSQL: a waiting statement would hold
    a snapshot, on which the other's CREATE INDEX CONCURRENTLY waits in turn, for ever.
    """
    engine = create_engine(
        dsn,
        pool_size=1,
        application_name="solarrally-migrate",
        statement_timeout_s=None,
        lock_timeout_s=LOCK_TIMEOUT_S,
    )
    try:
        async with engine.connect() as connection:
            deadline_s = time.monotonic() + TURN_TIMEOUT_S
            while not await connection.scalar(
                text("SELECT pg_try_advisory_lock(:key)"), {"key": _ADVISORY_LOCK}
            ):
                await connection.rollback()
                if time.monotonic() > deadline_s:
                    raise MigrationBlocked(
                        f"another migration has been at work in this database for {TURN_TIMEOUT_S:.0f} s"
                    )
                await asyncio.sleep(_TURN_POLL_S)
            await connection.commit()
            yield connection
    finally:
        await engine.dispose()  # closes the connection, which gives the turn back


async def _move(dsn: str, target: str, run: Callable[[Config, str], None]) -> MigrationReport:
    async with exclusive_connection(dsn) as connection:
        return await connection.run_sync(_move_on, target, run)


def _move_on(connection: Connection, target: str, run: Callable[[Config, str], None]) -> MigrationReport:
    """Run Alembic on a connection that has its turn: whoever had it before may have done it all."""
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    steps: list[str] = []
    config.attributes["steps"] = steps
    before = _revision_of(connection)
    connection.commit()
    try:
        run(config, target)
    except CommandError as error:
        raise MigrationImpossible(f"from {before or 'an empty database'} to {target}: {error}") from error
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            raise MigrationBlocked(
                f"a table was in use for {LOCK_TIMEOUT_S:.0f} s and the step was undone: try again later"
            ) from error
        raise
    return MigrationReport(from_revision=before, to_revision=_revision_of(connection), steps=tuple(steps))


def _revision_of(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
