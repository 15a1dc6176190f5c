"""A Kinesis stream read by one ingestor or several, into a real PostgreSQL. AWS is moto, put right where it
errs (tests/support/kinesis_child.py).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from solarrally.brokers.aws_kinesis import Read
from solarrally.database_wiring import migrate_and_seed
from solarrally.domain.alert import AlertRules
from solarrally.domain.bucket import bucket_start
from solarrally.domain.stream import HashRange, Shard
from solarrally.errors import NotLeading, StoreUnavailable, StreamError
from solarrally.ingest.rules import IngestRules
from solarrally.storage.connections import connect
from solarrally.storage.streams import OwnedShard
from solarrally.wiring import build_store
from tests.builders import make_settings, payload
from tests.support.aws_stream import AwsStream, make_stream, record_of, running_aws_streams
from tests.support.charging_fleet import Message, fleet, rounds
from tests.support.judge import judge
from tests.support.stream_ingestor import PATIENCE_S, StreamIngestor, eventually


@pytest.fixture(scope="module")
def aws_url() -> Iterator[str]:
    """A server that may be read as often as we like: tests of its limits start their own."""
    with running_aws_streams(SOLARRALLY_TEST_READS_PER_S="0") as url:
        yield url


@pytest.fixture
async def dsn(database_url: str) -> str:
    await migrate_and_seed(make_settings(database_url=database_url))
    return database_url


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    opened = await connect(dsn, application_name="test")
    yield opened
    await opened.close()


class Looker:
    """What the database says."""

    def __init__(self, dsn: str, db: asyncpg.Connection[asyncpg.Record]) -> None:
        self.dsn = dsn
        self.db = db
        self.began_at = datetime.now(UTC)

    async def count(self, table: str = "reading") -> int:
        return int(await self.db.fetchval(f"SELECT count(*) FROM {table}"))

    async def stored(self, count: int, table: str = "reading") -> None:
        async def are_there() -> bool:
            return await self.count(table) >= count

        await eventually(are_there, f"{count} rows of {table}")

    async def finished(self) -> set[str]:
        return {
            row["shard_id"]
            for row in await self.db.fetch("SELECT shard_id FROM stream_checkpoint WHERE is_finished")
        }

    async def prove(self, sent: list[Message]) -> None:
        """Everything is stored once, and all that follows from it is right."""
        await self.stored(len(sent))
        await eventually(self._is_shown, "the newest of every connector")
        verdict = await asyncio.to_thread(judge, self.dsn, sent, since=self.began_at)
        assert not verdict.faults, str(verdict)

    async def _is_shown(self) -> bool:
        return bool(
            await self.db.fetchval(
                "SELECT NOT EXISTS (SELECT FROM reading r LEFT JOIN connector c "
                "USING (evse_id, connector_id) WHERE c.ts IS NULL OR r.ts > c.ts)"
            )
        )


@pytest.fixture
def look(dsn: str, db: asyncpg.Connection[asyncpg.Record]) -> Looker:
    return Looker(dsn, db)


def put(stream: AwsStream, messages: list[Message]) -> list[Message]:
    stream.put([(message.topic, message.payload) for message in messages])
    return messages


async def test_what_the_rule_puts_on_the_stream_is_stored_once_with_its_sessions(
    aws_url: str, dsn: str, look: Looker
) -> None:
    stream = make_stream(aws_url, shards=2)
    sent = put(stream, rounds(fleet(12), 60))

    async with StreamIngestor(dsn, stream).running() as ingestor:
        await look.prove(sent)
        assert len(ingestor.shards) == 2
        assert ingestor.counts.readings_stored == len(sent)
        await eventually(lambda: ingestor.ingest.has_been_current_for(0.2), "all of it is taken in")

    checkpoints = await look.db.fetch("SELECT * FROM stream_checkpoint")
    assert {row["shard_id"] for row in checkpoints} == set(stream.open_shards())
    assert not any(row["is_finished"] for row in checkpoints)


async def test_a_restart_goes_on_after_the_last_commit_and_stores_nothing_twice(
    aws_url: str, dsn: str, look: Looker
) -> None:
    """Left in good order five times, wherever it is then."""
    stream = make_stream(aws_url, shards=2)
    stations = fleet(12)
    sent: list[Message] = []
    delivered = 0
    for _ in range(5):
        sent += put(stream, rounds(stations, 30))
        ingestor = StreamIngestor(dsn, stream, rules=lambda rules: replace(rules, max_batch=7))
        async with ingestor.running():
            await look.stored(len(sent) - 150)
        delivered += ingestor.counts.settled
    async with StreamIngestor(dsn, stream).running() as last:
        await look.prove(sent)
        delivered += last.counts.settled

    assert delivered == len(sent)  # no record was taken in twice, so nothing had to be recognised


async def test_undated_readings_that_are_read_twice_are_stored_once(
    aws_url: str, dsn: str, look: Looker
) -> None:
    """As when the checkpoint were lost: the records alone decide under which instant a reading is filed."""
    stream = make_stream(aws_url)
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    for second in range(20):
        stream.put(
            [("evse/clockless/telemetry", b'{"status": "charging", "power_w": %d}' % (7000 + second % 2 + n))
             for n in range(3)],
            received_at=at + timedelta(seconds=second),
        )  # fmt: skip
    async with StreamIngestor(dsn, stream).running():
        await look.stored(60)
    before = await look.db.fetch("SELECT * FROM reading ORDER BY ts, digest")
    assert [row["ts"] for row in before[:4]] == [
        at,
        at + timedelta(microseconds=1),
        at + timedelta(microseconds=2),
        at + timedelta(seconds=1),
    ]

    await look.db.execute("DELETE FROM stream_checkpoint")
    async with StreamIngestor(dsn, stream).running() as again:
        await eventually(lambda: again.counts.readings_duplicate == 60, "all of them are known")

    assert await look.db.fetch("SELECT * FROM reading ORDER BY ts, digest") == before


async def test_shards_are_shared_out_and_taken_over(aws_url: str, dsn: str, look: Looker) -> None:
    stream = make_stream(aws_url, shards=4)
    stations = fleet(24)
    sent = put(stream, rounds(stations, 10))

    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(StreamIngestor(dsn, stream).running())
        await eventually(lambda: len(first.shards) == 4, "one alone has all of them")
        async with StreamIngestor(dsn, stream).running() as second:
            await eventually(lambda: len(first.shards) == len(second.shards) == 2, "two share")
            assert not first.shards & second.shards
            sent += put(stream, rounds(stations, 10))
            assert first.ingest.is_leading != second.ingest.is_leading
            async with StreamIngestor(dsn, stream).running() as third:
                await eventually(
                    lambda: sorted(map(len, (first.shards, second.shards, third.shards))) == [1, 1, 2],
                    "three share",
                )
                sent += put(stream, rounds(stations, 10))
        await eventually(lambda: len(first.shards) == 4, "what the others leave is taken")
        sent += put(stream, rounds(stations, 10))
        await look.prove(sent)


async def test_more_ingestors_than_shards_stand_by(aws_url: str, dsn: str, look: Looker) -> None:
    stream = make_stream(aws_url, shards=1)
    async with StreamIngestor(dsn, stream).running() as first:
        await eventually(lambda: len(first.shards) == 1, "the first has it")
        async with StreamIngestor(dsn, stream).running() as second:
            await eventually(
                lambda: second.ingest.view is not None and second.ingest.view.members == 2, "both are there"
            )
            await asyncio.sleep(0.5)
            assert (len(first.shards), len(second.shards)) == (1, 0)


async def test_split_and_merged_shards_keep_every_stations_order(
    aws_url: str, dsn: str, look: Looker
) -> None:
    """Readings that came out of order would be late, and sessions would be folded again."""
    stream = make_stream(aws_url, shards=1)
    stations = fleet(16)
    sent: list[Message] = []
    async with AsyncExitStack() as stack:
        ingestors = [
            await stack.enter_async_context(
                StreamIngestor(dsn, stream, rules=lambda rules: replace(rules, max_batch=50)).running()
            )
            for _ in range(2)
        ]

        def say(count: int) -> None:
            sent.extend(put(stream, rounds(stations, count)))

        say(20)
        [only] = stream.open_shards()
        stream.split(only)
        say(20)
        low, high = sorted(stream.open_shards(), key=stream.open_shards().__getitem__)
        stream.split(low)
        say(20)
        low, middle, high = sorted(stream.open_shards(), key=stream.open_shards().__getitem__)
        stream.merge(middle, high)
        say(20)
        await look.prove(sent)
        await eventually(
            lambda: sorted(len(one.shards) for one in ingestors) == [1, 1], "both open shards are read"
        )
        assert set.union(*(one.shards for one in ingestors)) == set(stream.open_shards())

    counts = [one.counts for one in ingestors]
    assert sum(one.readings_stored for one in counts) == len(sent)
    assert sum(one.readings_late + one.readings_duplicate + one.sessions_refolded for one in counts) == 0
    assert await look.finished() == {only, low_parent(stream), middle, high}


def low_parent(stream: AwsStream) -> str:
    """The first shard that was split a second time."""
    shards = stream.kinesis.list_shards(StreamName=stream.name)["Shards"]
    [parent] = {
        shard["ParentShardId"]
        for shard in shards
        if shard.get("ParentShardId") and "AdjacentParentShardId" not in shard
    } - {shards[0]["ShardId"]}
    return parent


async def test_a_child_is_not_begun_before_its_parent_is_finished(
    aws_url: str, dsn: str, look: Looker
) -> None:
    stream = make_stream(aws_url, shards=1)
    sent = put(stream, rounds(fleet(8), 40))
    [parent] = stream.open_shards()
    stream.split(parent)

    slow = StreamIngestor(dsn, stream, rules=lambda rules: replace(rules, max_batch=10))
    seen: list[tuple[int, bool]] = []
    async with slow.running():
        async with asyncio.timeout(PATIENCE_S):
            while not seen or not seen[-1][1]:
                children_begun = bool(slow.shards - {parent})
                seen.append((await look.count(), children_begun))
                await asyncio.sleep(0.005)
        assert await look.finished() == {parent}
    assert all(count == len(sent) for count, are_begun in seen if are_begun)


async def test_a_connection_that_was_lost_is_not_simply_made_again(dsn: str, look: Looker) -> None:
    """Somebody else may have had the shard in between: what we know of its stations may be old."""
    shard = OwnedShard(stream="s", shard=Shard("shardId-000000000000", HashRange(0, 2**128 - 1)))
    store, other = (build_store(make_settings(database_url=dsn), shard=shard) for _ in range(2))
    await store.lead()
    await look.db.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'solarrally-ingest' AND datname = current_database()"
    )

    with pytest.raises(StoreUnavailable):
        await store.load_live_stations()
    for _ in range(2):
        with pytest.raises(NotLeading):
            await store.load_live_stations()
        with pytest.raises(NotLeading):
            async with store.transaction():
                raise AssertionError("nobody may write")
    await other.lead()
    with pytest.raises(NotLeading):
        await store.lead()
    await other.close()
    await store.lead()
    assert await store.load_live_stations() == {}
    await store.close()


async def test_records_that_are_no_messages_are_kept_with_the_reason_and_passed(
    aws_url: str, dsn: str, look: Looker
) -> None:
    stream = make_stream(aws_url)
    good = record_of("evse/cp1/telemetry", payload(0, status="available"), datetime.now(UTC))
    bad = [
        b"no json",
        b'{"topic": "evse/cp1/telemetry", "payload": "%%%", "received_at_ms": 1700000000000}',
        b'{"topic": "evse/cp1/telemetry", "payload": "e30=", "received_at_ms": "yesterday"}',
        b'{"payload": "e30=", "received_at_ms": 1700000000000}',
    ]
    stream.put_raw([(bad[0], "cp1"), (good, "cp1"), *((one, "cp1") for one in bad[1:])])

    async with StreamIngestor(dsn, stream).running() as ingestor:
        await look.stored(4, "rejected_message")
        await eventually(lambda: ingestor.counts.settled == 5, "all five have their fate")
    kept = await look.db.fetch("SELECT * FROM rejected_message ORDER BY id")
    assert [(row["topic"], row["reason"], row["payload"]) for row in kept] == [
        ("cp1", "bad_record", one) for one in bad
    ]
    assert await look.count() == 1
    assert ingestor.counts.reasons == {"bad_record": 4}

    async with StreamIngestor(dsn, stream).running() as again:
        await eventually(lambda: again.ingest.has_been_current_for(0.2), "it is read to its end")
        assert again.counts.delivered == 0  # also the last of them, after which no message came


async def test_poison_is_rejected_alone_and_the_checkpoint_passes_nothing_unwritten(
    aws_url: str, dsn: str, look: Looker
) -> None:
    """The database refuses two readings, and the process is gone between the halves of a batch, again and
    again.
    """
    stream = make_stream(aws_url)
    await look.db.execute(
        "ALTER TABLE reading ADD CONSTRAINT no_poison CHECK (power_w IS DISTINCT FROM 666) NOT VALID"
    )
    messages = rounds(fleet(6), 30)
    poison = payload(0, status="charging", power_w=666)
    topics = [(message.topic, message.payload) for message in messages]
    stream.put([*topics[:100], ("evse/f0000/telemetry", poison), *topics[100:150]])
    stream.put([("evse/f0003/telemetry", poison), *topics[150:]])

    async def break_after(batches: int) -> None:
        broken = StreamIngestor(dsn, stream)
        async with broken.running():
            await eventually(
                lambda: broken.counts.batches >= batches or broken.ingest.has_been_current_for(0.0),
                "some of it is written",
            )
            for work in broken.ingest.work:  # as if it were killed: the rest of the batch is not written
                work.store._drop()  # type: ignore[attr-defined]

    for batches in (1, 2, 4, 7):
        await break_after(batches)
    async with StreamIngestor(dsn, stream).running():
        await look.prove(messages)
        await look.stored(2, "rejected_message")
    kept = Counter(row["topic"] for row in await look.db.fetch("SELECT * FROM rejected_message"))
    assert set(kept) == {"evse/f0000/telemetry", "evse/f0003/telemetry"}


async def test_a_flood_is_parked_and_taken_in_with_the_checkpoint_never_ahead(
    aws_url: str, dsn: str, look: Looker
) -> None:
    stream = make_stream(aws_url)
    stations = fleet(4)
    flooding = stations[0]
    sent = put(stream, [flooding.next_message() for _ in range(300)] + rounds(stations, 20))

    ingestor = StreamIngestor(dsn, stream, rules=lambda rules: replace(rules, station_rate_limit_hz=10.0))
    async with ingestor.running():
        await look.prove(sent)
        await eventually(lambda: ingestor.counts.unparked == ingestor.counts.parked > 0, "all are unparked")
    assert ingestor.counts.readings_stored == len(sent)
    assert ingestor.counts.readings_duplicate == 0
    assert await look.count("parked_message") == 0


async def test_an_ingestor_that_loses_the_database_goes_on_where_it_was(
    aws_url: str, dsn: str, look: Looker
) -> None:
    """Its connections are ended by the server, as in a fail-over, while it works."""
    stream = make_stream(aws_url, shards=2)
    stations = fleet(12)
    sent: list[Message] = []
    async with StreamIngestor(dsn, stream, rules=lambda rules: replace(rules, max_batch=20)).running() as one:
        for _ in range(6):
            sent += put(stream, rounds(stations, 20))
            await look.stored(len(sent) - 100)
            await look.db.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name LIKE 'solarrally-%' AND datname = current_database()"
            )
        await look.prove(sent)
    assert one.counts.conflicts_unexplained == 0


async def test_silence_counts_from_the_end_of_the_shard_and_only_its_owner_tells_a_stations_silence(
    aws_url: str, dsn: str, look: Looker
) -> None:
    stream = make_stream(aws_url, shards=2)
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    uids = [f"s{n}" for n in range(12)]
    stream.put([(f"evse/{uid}/status", b'{"state": "online"}') for uid in uids], received_at=long_ago)
    stream.put([(f"evse/{uid}/telemetry", b'{"status": "available"}') for uid in uids], received_at=long_ago)

    def hasty(rules: IngestRules) -> IngestRules:
        return replace(rules, offline_after_s=0.5)

    async def offline() -> int:
        return int(await look.db.fetchval("SELECT count(*) FROM evse WHERE NOT is_online"))

    async def are_all_offline() -> bool:
        return await offline() == 12

    async with StreamIngestor(dsn, stream).running() as patient:
        await look.stored(12)
        await eventually(lambda: patient.ingest.has_been_current_for(0.3), "all of it is taken in")
        assert await offline() == 0  # their last words are two hours old, and were just read
    async with StreamIngestor(dsn, stream, rules=hasty).running() as other:
        await eventually(are_all_offline, "all are offline")
        await eventually(lambda: other.ingest.has_been_current_for(0.5), "every pipeline has looked")
    events = await look.db.fetch("SELECT evse_id FROM station_event WHERE kind = 'offline'")
    assert len({row["evse_id"] for row in events}) == len(events) == 12


async def test_rollups_of_a_shard_are_computed_by_its_owner_and_agree_with_the_readings(
    aws_url: str, dsn: str, look: Looker
) -> None:
    stream = make_stream(aws_url, shards=2)
    quarter = bucket_start(datetime.now(UTC) - timedelta(hours=12))
    stations = fleet(10, begin=quarter)
    sent = put(stream, rounds(stations, 100))

    async def nothing_is_due() -> bool:
        return not await look.db.fetchval(
            "SELECT count(*) FROM rollup_due WHERE bucket_start < now() - interval '1 h'"
        )

    async with StreamIngestor(dsn, stream).running() as first, StreamIngestor(dsn, stream).running() as other:
        await look.stored(len(sent))
        await eventually(nothing_is_due, "every quarter is computed")
        sent += put(stream, rounds(stations, 40))  # into quarters that were computed: marked again
        await look.stored(len(sent))
        await eventually(nothing_is_due, "and again")
        await look.prove(sent)
        assert first.counts.rollups
        assert other.counts.rollups


async def test_a_fault_that_came_and_went_is_an_alert_whichever_writer_commits_first(
    dsn: str, look: Looker
) -> None:
    """Events are searched by their ids, and one with a lower id may be committed after one with a higher."""
    store = build_store(make_settings(database_url=dsn), must_lead=True, has_other_writers=True)
    await store.register_stations(["first", "second"])
    ids = {row["evse_uid"]: row["id"] for row in await look.db.fetch("SELECT id, evse_uid FROM evse")}
    event = "INSERT INTO station_event (evse_id, connector_id, ts, kind) VALUES ($1, 1, now(), $2)"
    slow = await connect(dsn, application_name="test")
    try:
        transaction = slow.transaction()
        await transaction.start()
        await slow.execute(event, ids["first"], "faulted")
        await slow.execute(event, ids["first"], "recovered")
        for kind in ("faulted", "recovered"):
            await look.db.execute(event, ids["second"], kind)
        reviewing = asyncio.create_task(store.review_alerts(datetime.now(UTC), AlertRules()))
        await asyncio.sleep(0.3)
        assert not reviewing.done()
        await transaction.commit()
        await reviewing
    finally:
        await slow.close()
        await store.close()

    alerts = await look.db.fetch("SELECT evse_id FROM alert WHERE kind = 'faulted'")
    assert {row["evse_id"] for row in alerts} == set(ids.values())


async def test_the_limits_of_a_shard_are_kept_and_expired_iterators_are_renewed(
    dsn: str, look: Looker
) -> None:
    """Five reads a second and 2 MB/s are all there is, also for two that read at once."""
    with running_aws_streams(SOLARRALLY_TEST_ITERATOR_LIFE_S="0.2") as url:
        stream = make_stream(url)
        stations = fleet(12)
        sent = put(stream, rounds(stations, 30))
        ingestor = StreamIngestor(dsn, stream, read_interval_s=0.25)
        read_at_s: list[float] = []
        read = ingestor.stream.read

        async def noted_read(iterator: str, limit: int = 10_000) -> Read:
            read_at_s.append(asyncio.get_running_loop().time())
            return await read(iterator, limit)

        ingestor.stream.read = noted_read  # type: ignore[method-assign]
        async with ingestor.running():
            await look.stored(len(sent))
            await asyncio.sleep(2.0)
            sent += put(stream, rounds(stations, 30))
            await look.prove(sent)
            assert ingestor.ingest.counted("reads") > 5
            assert ingestor.ingest.counted("throttled_reads") == 0
            assert min(b - a for a, b in zip(read_at_s, read_at_s[5:], strict=False)) > 1.0
            [work] = ingestor.ingest.work
            with ThreadPoolExecutor(1) as executor:
                intruder = stream.reader(executor)
                for _ in range(12):  # somebody else uses the reads up
                    iterator = await intruder.iterator(work.shard.shard_id, None)
                    with suppress(StreamError):  # refused, as we are then
                        await intruder.read(iterator, 1)
            sent += put(stream, rounds(stations, 10))
            await look.prove(sent)


async def test_stations_belong_to_the_shard_that_kinesis_puts_them_on(
    aws_url: str, dsn: str, look: Looker
) -> None:
    """The hash in SQL, the one in Python and the service's are the same."""
    stream = make_stream(aws_url, shards=3)
    stations = [f"cp-{n}" for n in range(60)]
    stream.put([(f"evse/{uid}/telemetry", payload(0, status="available")) for uid in stations])
    async with StreamIngestor(dsn, stream).running() as ingestor:
        await look.stored(60)
        for work in ingestor.ingest.work:
            low, high = work.shard.hashes.as_bytes()
            held = await look.db.fetch(
                "SELECT evse_uid FROM evse WHERE decode(md5(evse_uid), 'hex') BETWEEN $1 AND $2", low, high
            )
            assert {row["evse_uid"] for row in held} == {
                uid for uid in stations if work.shard.hashes.holds(uid)
            }
            assert work.source.received_messages == len(held) > 5
    assert HashRange(0, 2**128 - 1).as_bytes() == (b"\0" * 16, b"\xff" * 16)
