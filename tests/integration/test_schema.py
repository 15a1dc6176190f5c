"""What the migrations build is what `storage.tables` says, and they can be taken back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from itertools import chain

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData

from solarrally.storage import migrate as migrate_module
from solarrally.storage.connections import connect
from solarrally.storage.engine import create_engine
from solarrally.storage.migrate import (
    MigrationBlocked,
    MigrationImpossible,
    current_revision,
    downgrade,
    head_revision,
    migrate,
)
from solarrally.storage.partitions import is_partition
from solarrally.storage.tables import metadata

COLUMNS = """
SELECT c.relname AS of_table, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
       pg_get_expr(d.adbin, d.adrelid)
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
"""
TABLES = """
SELECT relname AS of_table, relkind, reloptions, pg_get_partkeydef(oid) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
"""
CONSTRAINTS = """
SELECT conrelid::regclass::text AS of_table, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND conrelid <> 0
"""
INDEXES = "SELECT tablename AS of_table, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"

PARTITION_BOUND = "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = $1"
INDEX_DEFINITION = "SELECT indexdef FROM pg_indexes WHERE indexname = $1"

LEFT_BEHIND = """
SELECT relname::text FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relname NOT IN ('alembic_version', 'alembic_version_pkc')
UNION ALL SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT typname::text FROM pg_type
WHERE typnamespace = 'public'::regnamespace AND typname NOT IN ('alembic_version', '_alembic_version')
"""


async def catalog(dsn: str) -> set[tuple[object, ...]]:
    """Every table, column, constraint and index of a database, but for Alembic's own and the partitions."""
    connection = await connect(dsn)
    try:
        answers = [await connection.fetch(query) for query in (TABLES, COLUMNS, CONSTRAINTS, INDEXES)]
    finally:
        await connection.close()
    return {
        tuple(str(value) for value in row)
        for row in chain.from_iterable(answers)
        if row["of_table"] != "alembic_version" and not is_partition(row["of_table"])
    }


async def build_from_models(dsn: str, models: MetaData) -> None:
    engine = create_engine(dsn)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(models.create_all)
    finally:
        await engine.dispose()


async def test_migrations_build_exactly_the_models(database_url: str, empty_database_url: str) -> None:
    await build_from_models(empty_database_url, metadata)

    migrated, modelled = await catalog(database_url), await catalog(empty_database_url)

    assert migrated - modelled == set(), "in the migrations only"
    assert modelled - migrated == set(), "in tables.py only: write a migration"


async def test_autogenerate_finds_nothing_to_add(database_url: str) -> None:
    def differences(connection: Connection) -> list[object]:
        options = {
            "include_name": lambda name, kind, _: kind != "table" or not is_partition(name),
            "compare_server_default": True,
        }
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    engine = create_engine(database_url)
    try:
        async with engine.connect() as connection:
            assert await connection.run_sync(differences) == []
    finally:
        await engine.dispose()


async def test_what_the_models_cannot_say_is_there_too(connection: asyncpg.Connection) -> None:
    triggers = await connection.fetch(
        "SELECT tgname, pg_get_triggerdef(oid) AS definition FROM pg_trigger WHERE NOT tgisinternal"
    )

    definitions = {trigger["tgname"]: trigger["definition"] for trigger in triggers}
    assert set(definitions) == {
        "bill_is_immutable",
        "audit_log_is_append_only",
        "charging_session_is_filed",
    }
    assert "BEFORE DELETE OR UPDATE OR TRUNCATE ON public.bill" in definitions["bill_is_immutable"]
    assert (
        "BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_log" in definitions["audit_log_is_append_only"]
    )
    assert await connection.fetchval(PARTITION_BOUND, "reading_default") == "DEFAULT"
    assert "(ts)" in await connection.fetchval(INDEX_DEFINITION, "ix_reading_default_ts")


async def test_the_schema_needs_no_extension(connection: asyncpg.Connection) -> None:
    """The embedded PostgreSQL may have none to offer."""
    assert await connection.fetch("SELECT extname FROM pg_extension WHERE extname <> 'plpgsql'") == []


async def test_down_to_base_leaves_nothing_and_up_again_builds_the_same(database_url: str) -> None:
    before = await catalog(database_url)
    connection = await connect(database_url)
    try:
        down = await downgrade(database_url, "base")
        left_behind = await connection.fetch(LEFT_BEHIND)
    finally:
        await connection.close()
    up = await migrate(database_url)

    assert left_behind == []
    assert (down.from_revision, down.to_revision) == (head_revision(), None)
    assert (up.from_revision, up.to_revision) == (None, head_revision())
    assert up.steps == tuple(reversed(down.steps))
    assert await catalog(database_url) == before


async def test_a_migrated_database_has_nothing_to_do(database_url: str) -> None:
    report = await migrate(database_url)

    assert report.steps == ()
    assert report.from_revision == report.to_revision == head_revision()


async def test_two_at_once_migrate_once(empty_database_url: str) -> None:
    reports = await asyncio.gather(*(migrate(empty_database_url) for _ in range(2)))

    first, second = sorted(reports, key=lambda report: len(report.steps), reverse=True)
    assert first.from_revision is None
    assert first.steps[-1] == head_revision()
    assert (second.from_revision, second.steps) == (head_revision(), ())


async def test_rollups_come_to_a_database_in_use_and_its_readings_are_due(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate_module, "LOCK_TIMEOUT_S", 0.2)
    await migrate(empty_database_url, "0001")
    insert = (
        "INSERT INTO reading (ts, received_at, evse_id, connector_id, digest, quality)"
        " VALUES ($1::timestamptz, $1, 7, 2, 1, 0)"
    )
    connection = await connect(empty_database_url)
    try:
        await connection.execute(insert, datetime(2026, 3, 9, 12, 44, 59, tzinfo=UTC))
        async with connection.transaction():
            await connection.execute(insert, datetime(2026, 3, 9, 13, 0, tzinfo=UTC))
            await migrate(empty_database_url)
        due = await connection.fetch("SELECT evse_id, connector_id, bucket_start FROM rollup_due")
    finally:
        await connection.close()

    assert [tuple(row) for row in due] == [(7, 2, datetime(2026, 3, 9, 12, 30, tzinfo=UTC))]


async def test_an_empty_database_has_no_revision(empty_database_url: str) -> None:
    assert await current_revision(empty_database_url) is None


async def test_who_waits_too_long_for_his_turn_is_told(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate_module, "TURN_TIMEOUT_S", 0.3)

    async with migrate_module.exclusive_connection(empty_database_url):
        with pytest.raises(MigrationBlocked, match="another migration"):
            await migrate(empty_database_url)

    assert await current_revision(empty_database_url) is None


async def test_a_table_in_use_stops_the_step_and_nothing_is_changed(
    database_url: str, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate_module, "LOCK_TIMEOUT_S", 0.2)
    before = await catalog(database_url)

    async with connection.transaction():
        await connection.execute("SELECT FROM ingest_lead")  # of the newest step
        with pytest.raises(MigrationBlocked, match="in use"):
            await downgrade(database_url, "base")

    assert await catalog(database_url) == before
    assert await current_revision(database_url) == head_revision()


async def test_a_database_of_a_newer_version_is_refused_by_name(
    database_url: str, connection: asyncpg.Connection
) -> None:
    await connection.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(MigrationImpossible, match="9999"):
        await migrate(database_url)


async def test_the_comparison_sees_a_missing_check(empty_database_url: str, database_url: str) -> None:
    """The comparison itself can fail, for what Alembic's own does not look at."""
    changed = MetaData(naming_convention=metadata.naming_convention)
    for table in metadata.sorted_tables:
        table.to_metadata(changed)
    drop_checks(changed)
    await build_from_models(empty_database_url, changed)

    only_migrated = await catalog(database_url) - await catalog(empty_database_url)

    assert any("energy_split_adds_up" in str(row) for row in only_migrated)


def drop_checks(models: MetaData) -> None:
    session = models.tables["charging_session"]
    session.constraints = {one for one in session.constraints if "adds_up" not in str(one.name)}
