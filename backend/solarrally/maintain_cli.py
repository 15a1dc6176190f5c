"""`solarrally maintain`: what a running ingestor does for the database, once, and what only this does."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from solarrally import database_wiring, wiring
from solarrally.rejected_cli import instant
from solarrally.settings import Settings, load_settings
from solarrally.storage import compaction, rejected, retention
from solarrally.storage.connections import connect
from solarrally.storage.leadership import try_lead
from solarrally.storage.partitions import ahead, existing_days
from solarrally.storage.retention import Drop
from solarrally.storage.rollups import BUCKET, mark_all_due, next_limit, roll_up

if TYPE_CHECKING:
    import asyncpg

ROLL_UP_TARGET_S = 0.2
"""Nobody waits for a call of ours: longer ones waste less on beginning."""

RETENTION_ATTEMPTS = 5
ATTEMPT_PAUSE_S = 1.0


def maintain(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Change nothing: say what is to be done, and what it frees.")
    ] = False,
    recompute_since: Annotated[
        datetime | None,
        typer.Option(
            parser=instant,
            metavar="TIME",
            help="Compute all rollups since then again, from their readings: a time (UTC) or an age, 7d.",
        ),
    ] = None,
) -> None:
    """Make partitions, compute rollups, drop what is too old, and tidy up. For a daily timer.

    A running ingestor does rollups and retention all the time: they are left to it. Without one they are done
    here, and an ingestor that starts meanwhile stands by. Fails (1) when something has to wait for another
    time, because a lock was not to be had.
    """
    settings = load_settings()
    if not asyncio.run(_maintain(settings, dry_run=dry_run, recompute_since=recompute_since)):
        raise typer.Exit(1)


async def _maintain(settings: Settings, *, dry_run: bool, recompute_since: datetime | None) -> bool:
    """Whether everything that was to be done is done."""
    with database_wiring.reaching_database(settings):
        db = await connect(
            wiring.database_dsn(settings), application_name="solarrally-maintain", statement_timeout_s=None
        )
        try:
            if dry_run:
                await _foretell(db, settings)
                return True
            return await _do(db, settings, recompute_since)
        finally:
            await db.close()


async def _foretell(db: asyncpg.Connection[asyncpg.Record], settings: Settings) -> None:
    now = wiring.utc_now()
    missing = set(ahead(now.date(), settings.partition_days_ahead)) - await existing_days(db)
    due_count = await db.fetchval("SELECT count(*) FROM rollup_due WHERE bucket_start <= $1", now - BUCKET)
    drops = await retention.plan(db, now=now, raw_keep_days=settings.raw_keep_days)
    loose = await compaction.loose_keys(db, now.date())
    _say("partitions", f"{len(missing)} to make")
    _say("rollups", f"{due_count} quarters of an hour to compute")
    _say("retention", _kept(settings))
    for drop in drops:
        _say("", f"would drop {_described(drop)}")
    if drops:
        _say("", f"{_size(sum(drop.size_bytes for drop in drops))} of disk would be free")
    freed_bytes = sum(key.size_bytes for key in loose)
    _say("compaction", f"{len(loose)} keys to build again, of {_size(freed_bytes)} in all")


async def _do(
    db: asyncpg.Connection[asyncpg.Record], settings: Settings, recompute_since: datetime | None
) -> bool:
    now = wiring.utc_now()
    is_complete = True
    store = wiring.build_store(settings)
    try:
        before = await existing_days(db)
        await store.make_partitions(settings.partition_days_ahead)
        _say("partitions", f"{len(await existing_days(db) - before)} made")
    finally:
        await store.close()
    if recompute_since is not None:
        marked_count = await mark_all_due(db, recompute_since)
        _say("rollups", f"{marked_count} quarters of an hour marked to be computed again")
    if await try_lead(db):
        await _roll_up(db, settings, now)
        is_complete = await _drop(db, settings, now)
    else:
        _say("rollups", "left to the running ingestor")
        _say("retention", "left to the running ingestor")
    pruned_count = await rejected.prune(
        db, keep_count=settings.rejected_keep_count, keep_bytes=settings.rejected_keep_bytes
    )
    _say("rejected", f"{pruned_count} messages pruned")
    for key in await compaction.compact(db, now.date()):
        _say("compaction", f"{key.index}: {_size(key.before_bytes)} -> {_size(key.after_bytes)}")
    return is_complete


async def _roll_up(db: asyncpg.Connection[asyncpg.Record], settings: Settings, now: datetime) -> None:
    rules, limit = wiring.rollup_rules(settings), 50
    bucket_count = left_count = 0
    while True:
        done = await roll_up(db, due_before=now, limit=limit, rules=rules)
        if not done.marks:
            break
        bucket_count, left_count = bucket_count + done.bucket_count, left_count + done.left_count
        limit = next_limit(limit, done.took_s, target_s=ROLL_UP_TARGET_S)
    _say("rollups", f"{bucket_count} quarters of an hour computed")
    if left_count:
        _say("", f"{left_count} left as they were, without what came after their readings were dropped")


async def _drop(db: asyncpg.Connection[asyncpg.Record], settings: Settings, now: datetime) -> bool:
    """Whether nothing that may go is left."""
    _say("retention", _kept(settings))
    dropped: list[Drop] = []
    remaining: list[Drop] = []
    for attempt in range(RETENTION_ATTEMPTS):
        if attempt:
            await asyncio.sleep(ATTEMPT_PAUSE_S)
        dropped += await retention.apply(db, now=now, raw_keep_days=settings.raw_keep_days)
        remaining = await retention.plan(db, now=now, raw_keep_days=settings.raw_keep_days)
        if not remaining:
            break
    for drop in dropped:
        _say("", f"dropped {_described(drop)}")
    for drop in remaining:
        why = "still needed" if drop.pending_count else "in use"
        _say("", f"not dropped, because {why}: {_described(drop)}")
    return not remaining


def _kept(settings: Settings) -> str:
    if settings.raw_keep_days == 0:
        return "raw readings are kept for ever"
    return f"raw readings of the last {settings.raw_keep_days} days are kept"


def _described(drop: Drop) -> str:
    number = "an unknown number of" if drop.row_count is None else f"{drop.row_count:,}"
    what = f"{drop.day}: " if drop.day else "of older days, received before the oldest day kept: "
    text = f"{what}{number} readings, {_size(drop.size_bytes)}"
    return f"{text}, after {drop.pending_count} rollups" if drop.pending_count else text


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.1f} MB"


def _say(step: str, text: str) -> None:
    Console(highlight=False, markup=False, soft_wrap=True).print(f"{step:12} {text}")
