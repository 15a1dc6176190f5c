"""Alembic's entry: runs on the connection that `storage.migrate` hands over, or from the command line.

From the command line the database is the one in SOLARRALLY_DATABASE_URL; `--sql` prints instead of running.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from alembic import context
from alembic.util.exc import CommandError

from solarrally.storage.migrate import exclusive_connection
from solarrally.storage.partitions import is_partition
from solarrally.storage.tables import metadata

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext, MigrationInfo
    from sqlalchemy import Connection


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    """Whether autogenerate looks at it: the partitions of `reading` come and go by themselves."""
    return not (kind == "table" and name is not None and is_partition(name))


def run_on(connection: Connection) -> None:
    """Run what was asked for, each step in its own transaction."""
    steps: list[str] = context.config.attributes.get("steps", [])

    def note_step(ctx: MigrationContext, step: MigrationInfo, heads: object, run_args: object) -> None:
        steps.append(str(step.up_revision_id))

    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_name=include_name,
        compare_server_default=True,
        transaction_per_migration=True,
        on_version_apply=note_step,
    )
    with context.begin_transaction():
        context.run_migrations()


async def run_from_command_line() -> None:
    """As `solarrally migrate` does: in turn with others, under the same lock timeout."""
    dsn = os.environ.get("SOLARRALLY_DATABASE_URL")
    if not dsn:
        raise CommandError("SOLARRALLY_DATABASE_URL is not set: which database?")
    async with exclusive_connection(dsn) as connection:
        await connection.run_sync(run_on)


if context.is_offline_mode():
    context.configure(dialect_name="postgresql", target_metadata=metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
elif (handed_over := context.config.attributes.get("connection")) is not None:
    run_on(handed_over)
else:
    asyncio.run(run_from_command_line())
