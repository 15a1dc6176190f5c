"""kill -9 of ingestors that share a Kinesis stream, at any instant, while its shards are split and merged."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from solarrally.embedded.postgres import EmbeddedPostgres
from tests.support.aws_stream import AwsStream, make_stream, running_aws_streams
from tests.support.charging_fleet import fleet, in_turn
from tests.support.fault_harness import _fetch, fresh_database
from tests.support.judge import judge
from tests.support.stream_process import StreamFiller, StreamIngestorProcess

RATE = 300.0
SEED = 20261121
SETTLED_WITHIN_S = 90.0
LEAVES_IN_S = 10.0


@pytest.fixture
def kill_count() -> int:
    return 40


@pytest.fixture
def ingestor_count() -> int:
    return 3


@pytest.fixture
def reshard_every() -> int:
    """So many kills."""
    return 4


@pytest.fixture
def aws_stream() -> Iterator[AwsStream]:
    with running_aws_streams() as url:
        yield make_stream(url, shards=2)


@pytest.fixture
def database_of_run(shared_server: EmbeddedPostgres) -> Iterator[str]:
    with fresh_database(shared_server) as database_url:
        yield database_url


def reshard(stream: AwsStream, chance: random.Random) -> str:
    """Split a shard, or merge two neighbours; what was done."""
    ranges = stream.open_shards()
    ordered = sorted(ranges, key=ranges.__getitem__)
    if len(ordered) > 1 and (len(ordered) >= 4 or chance.random() < 0.4):
        place = chance.randrange(len(ordered) - 1)
        stream.merge(ordered[place], ordered[place + 1])
        return f"merged {ordered[place]} and {ordered[place + 1]}"
    split = chance.choice(ordered)
    stream.split(split)
    return f"split {split}"


def test_ingestors_killed_at_random_instants_lose_and_double_nothing(
    database_of_run: str,
    aws_stream: AwsStream,
    tmp_path: Path,
    kill_count: int,
    ingestor_count: int,
    reshard_every: int,
) -> None:
    began_at = datetime.now(UTC)
    chance = random.Random(SEED)
    with ExitStack() as stack:
        ingestors = [
            stack.enter_context(
                StreamIngestorProcess(
                    database_url=database_of_run,
                    stream=aws_stream,
                    folder=tmp_path,
                    log_file=tmp_path / f"ingestor{number}.log",
                )
            )
            for number in range(ingestor_count)
        ]
        for ingestor in ingestors:
            ingestor.wait_connected()
        filler = stack.enter_context(StreamFiller(aws_stream, in_turn(fleet()), rate=RATE))
        for number in range(1, kill_count + 1):
            if number % reshard_every == 0:
                sys.stderr.write(f"{reshard(aws_stream, chance)}\n")
            time.sleep(chance.uniform(0.05, 2.0))
            victim = chance.choice(ingestors)
            victim.kill()
            victim.start()
        for ingestor in ingestors:
            ingestor.wait_connected()
        sent = filler.stop()
        wait_until_taken_in(database_of_run, len(sent))
        verdict = judge(database_of_run, sent, since=began_at)
        sys.stderr.write(f"{verdict}\n")
        logs = "\n".join(
            f"--- {one.log_file.name}\n{one.log_file.read_text(errors='replace')[-2000:]}"
            for one in ingestors
        )
        assert not verdict.faults, f"{verdict}\n{logs}"
        unexplained = [one.counters()["solarrally_reading_conflicts_unexplained_total"] for one in ingestors]
        assert unexplained == [0] * ingestor_count
        open_shards = set(aws_stream.open_shards())
        finished = set(finished_shards(database_of_run))
        assert len(finished) >= kill_count // reshard_every
        assert not finished & open_shards


def test_a_frozen_ingestor_does_not_write_beside_its_successor(
    database_of_run: str, aws_stream: AwsStream, tmp_path: Path
) -> None:
    """It stands still for longer than the database waits, in the middle of its work, and then goes on."""
    began_at = datetime.now(UTC)
    with ExitStack() as stack:
        frozen, other = [
            StreamIngestorProcess(
                database_url=database_of_run,
                stream=aws_stream,
                folder=tmp_path,
                log_file=tmp_path / f"{name}.log",
            )
            for name in ("frozen", "other")
        ]
        stack.enter_context(frozen)
        stack.enter_context(other)
        wait_until(lambda: frozen.owned() == other.owned() == 1)
        filler = stack.enter_context(StreamFiller(aws_stream, in_turn(fleet()), rate=RATE))
        time.sleep(2)
        frozen.freeze()
        wait_until(lambda: other.owned() == 2)
        time.sleep(2)
        frozen.thaw()
        wait_until(lambda: frozen.owned() == other.owned() == 1)
        sent = filler.stop()
        wait_until_taken_in(database_of_run, len(sent))
        verdict = judge(database_of_run, sent, since=began_at)
        sys.stderr.write(f"{verdict}\n")
        assert not verdict.faults, str(verdict)
        for ingestor in (frozen, other):
            began_s = time.monotonic()
            assert ingestor.stop() == 0
            assert time.monotonic() - began_s < LEAVES_IN_S


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + SETTLED_WITHIN_S
    while not is_so():
        assert time.monotonic() < deadline_s
        time.sleep(0.1)


def finished_shards(database_url: str) -> list[str]:
    return [
        row["shard_id"] for row in fetch(database_url, "SELECT * FROM stream_checkpoint WHERE is_finished")
    ]


def wait_until_taken_in(database_url: str, count: int) -> None:
    """Until all readings are there and every connector shows its newest; or nothing has moved for long."""
    deadline_s = time.monotonic() + SETTLED_WITHIN_S
    while time.monotonic() < deadline_s:
        [row] = fetch(
            database_url,
            "SELECT count(*) AS stored, count(*) FILTER (WHERE c.ts IS NULL OR r.ts > c.ts) AS behind "
            "FROM reading r LEFT JOIN connector c USING (evse_id, connector_id)",
        )
        if row["stored"] >= count and not row["behind"]:
            return
        time.sleep(0.2)


def fetch(database_url: str, query: str) -> list[asyncpg.Record]:
    return asyncio.run(_fetch(database_url, query, ()))
