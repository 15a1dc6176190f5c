"""What one of several ingestors relies on in a store, on the fake in memory and on PostgreSQL alike; and the
locks by which they see each other, which only PostgreSQL has.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TypeAlias

import pytest

from solarrally.database_wiring import migrate_and_seed
from solarrally.domain.stream import HIGHEST_HASH, HashRange, Shard
from solarrally.errors import StoreUnavailable
from solarrally.ingest.ports import Checkpoint
from solarrally.storage.connections import connect
from solarrally.storage.store import PostgresStore
from solarrally.storage.streams import OwnedShard, StreamMembership, lock_key
from solarrally.wiring import build_store
from tests.builders import make_settings
from tests.fakes.memory_store import MemoryStore

AnyStore: TypeAlias = MemoryStore | PostgresStore

EVERYTHING = HashRange(0, HIGHEST_HASH)
SHARDS = [Shard(f"shardId-{number:012}", EVERYTHING) for number in range(3)]


@pytest.fixture
async def dsn(database_url: str) -> str:
    await migrate_and_seed(make_settings(database_url=database_url))
    return database_url


@pytest.fixture(params=["memory", "postgresql"])
def database(request: pytest.FixtureRequest) -> str | None:
    """The database to run on, or None for the fake."""
    return None if request.param == "memory" else str(request.getfixturevalue("database_url"))


@pytest.fixture
async def store(database: str | None) -> AsyncIterator[AnyStore]:
    if database is None:
        yield MemoryStore()
        return
    await migrate_and_seed(make_settings(database_url=database))
    opened = build_store(make_settings(database_url=database))
    yield opened
    await opened.close()


def checkpoint(sequence_number: str | None, *, shard_id: str = "a", is_finished: bool = False) -> Checkpoint:
    return Checkpoint(stream="s", shard_id=shard_id, sequence_number=sequence_number, is_finished=is_finished)


async def test_a_shard_that_nobody_read_has_no_position(store: AnyStore) -> None:
    assert await store.load_checkpoint("s", "a") == checkpoint(None)


async def test_a_checkpoint_is_replaced_by_the_next_one_of_its_shard(store: AnyStore) -> None:
    for one in (checkpoint("9"), checkpoint("10"), checkpoint("7", shard_id="b")):
        async with store.transaction() as tx:
            await tx.save_checkpoint(one)
    async with store.transaction() as tx:
        await tx.save_checkpoint(checkpoint("10", is_finished=True))

    assert await store.load_checkpoint("s", "a") == checkpoint("10", is_finished=True)
    assert await store.load_checkpoint("s", "b") == checkpoint("7", shard_id="b")
    assert await store.load_checkpoint("other", "a") == Checkpoint(
        stream="other", shard_id="a", sequence_number=None
    )


async def test_a_checkpoint_is_undone_with_its_transaction(store: AnyStore) -> None:
    async def lost() -> None:
        async with store.transaction() as tx:
            await tx.save_checkpoint(checkpoint("9"))
            raise StoreUnavailable("lost")

    with pytest.raises(StoreUnavailable):
        await lost()

    assert await store.load_checkpoint("s", "a") == checkpoint(None)


async def test_members_are_ranked_by_age_and_gone_when_they_leave(dsn: str) -> None:
    members = [StreamMembership(dsn, "s") for _ in range(3)]
    views = [await member.look(SHARDS) for member in members]
    assert [(view.members, view.rank) for view in views] == [(1, 0), (2, 1), (3, 2)]
    stranger = StreamMembership(dsn, "another stream")
    assert (await stranger.look(SHARDS)).members == 1

    await members[0].leave()

    assert [((await one.look(SHARDS)).members, (await one.look(SHARDS)).rank) for one in members[1:]] == [
        (2, 0),
        (2, 1),
    ]
    for member in (*members, stranger):
        await member.leave()


async def test_everybody_sees_which_shards_are_held_current_and_finished(dsn: str) -> None:
    member = StreamMembership(dsn, "s")
    stores = [
        build_store(make_settings(database_url=dsn), shard=OwnedShard(stream="s", shard=shard))
        for shard in SHARDS[:2]
    ]
    for one in stores:
        await one.lead()
    await stores[1].say_current(True)
    async with stores[0].transaction() as tx:
        await tx.save_checkpoint(
            Checkpoint(stream="s", shard_id=SHARDS[0].shard_id, sequence_number="1", is_finished=True)
        )

    view = await member.look(SHARDS)
    assert view.held == {SHARDS[0].shard_id, SHARDS[1].shard_id}
    assert view.current == {SHARDS[1].shard_id}
    assert view.finished == {SHARDS[0].shard_id}

    await stores[1].say_current(False)
    await stores[0].close()
    view = await member.look(SHARDS)
    assert view.held == {SHARDS[1].shard_id}
    assert not view.current
    await stores[1].close()
    await member.leave()


async def test_a_member_that_was_cut_off_joins_again(dsn: str) -> None:
    member = StreamMembership(dsn, "s")
    await member.look(SHARDS)
    admin = await connect(dsn, application_name="test")
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'solarrally-stream' "
        "AND datname = current_database()"
    )
    await admin.close()

    with suppress(StoreUnavailable):  # it may have been told, or hear of it now
        await member.look(SHARDS)
    view = await member.look(SHARDS)
    assert (view.members, view.rank) == (1, 0)
    await member.leave()


def test_shards_have_locks_of_their_own_whatever_they_are_called() -> None:
    names = ["shardId-000000000000", "shardId-000000000001", "shardId-999999999999", "odd", "odd-", "odd-٣"]
    keys = {lock_key("shard", stream, name) for stream in ("s", "t") for name in names}

    assert len(keys) == 2 * len(names)
    assert all(-(2**31) <= number < 2**31 for key in keys for number in key)
    assert lock_key("shard", "s", names[0]) != lock_key("current", "s", names[0])
