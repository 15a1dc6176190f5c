"""Messages that the IoT rule could not put on the stream come back by way of SQS, here moto's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest
from typer.testing import CliRunner

from solarrally.brokers.aws_sqs import FailedActionQueue
from solarrally.cli import app
from solarrally.database_wiring import migrate_and_seed
from solarrally.dialects.routes import Routes
from solarrally.errors import StoreUnavailable
from solarrally.ingest.ports import FailedAction
from solarrally.ingest.recovery import Recovery
from solarrally.storage.connections import connect
from solarrally.storage.recovered import PostgresRecovery
from tests.builders import make_settings
from tests.support.aws_stream import failed_action, make_queue, make_stream, running_aws_streams
from tests.support.charging_fleet import Message, fleet, rounds
from tests.support.judge import judge
from tests.support.moto_server import aws_environment
from tests.support.stream_ingestor import StreamIngestor, eventually

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

SEEN_AGAIN_AFTER_S = 1


@pytest.fixture(scope="module")
def aws_url() -> Iterator[str]:
    with running_aws_streams(SOLARRALLY_TEST_READS_PER_S="0") as url:
        yield url


@pytest.fixture
def queue(aws_url: str) -> tuple[SQSClient, str]:
    return make_queue(aws_url, visibility_s=SEEN_AGAIN_AFTER_S)


@pytest.fixture
async def dsn(database_url: str) -> str:
    await migrate_and_seed(make_settings(database_url=database_url))
    return database_url


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    opened = await connect(dsn, application_name="test")
    yield opened
    await opened.close()


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as made:
        yield made


def recovery_of(queue: tuple[SQSClient, str], dsn: str, executor: ThreadPoolExecutor) -> Recovery:
    return Recovery(FailedActionQueue(*queue, executor, wait_s=0), PostgresRecovery(dsn), Routes("evse"))


def send(queue: tuple[SQSClient, str], bodies: list[str]) -> None:
    sqs, url = queue
    for body in bodies:
        sqs.send_message(QueueUrl=url, MessageBody=body)


def left(queue: tuple[SQSClient, str]) -> int:
    """Entries in the queue, seen or not."""
    sqs, url = queue
    said = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return int(said["ApproximateNumberOfMessages"]) + int(said["ApproximateNumberOfMessagesNotVisible"])


async def test_what_failed_is_stored_with_the_rest_in_whatever_order_it_comes(
    aws_url: str, queue: tuple[SQSClient, str], dsn: str, db: asyncpg.Connection, executor: ThreadPoolExecutor
) -> None:
    """Every fifth message did not reach the stream; sessions are as if it had."""
    began_at = datetime.now(UTC)
    stream = make_stream(aws_url, shards=2)
    messages = rounds(fleet(8), 45)
    failed, arrived = messages[::5], [one for place, one in enumerate(messages) if place % 5]
    stream.put([(one.topic, one.payload) for one in arrived])
    send(queue, [failed_action(one.topic, one.payload) for one in reversed(failed)])
    recovery = recovery_of(queue, dsn, executor)

    async with StreamIngestor(dsn, stream).running():
        while await recovery.take_some():
            pass
        await eventually(lambda: _is_settled(db, messages), "all of it is stored and folded")
    verdict = await asyncio.to_thread(judge, dsn, messages, since=began_at)

    assert not verdict.faults, str(verdict)
    assert recovery.recovered == len(failed)
    assert left(queue) == 0


async def _is_settled(db: asyncpg.Connection, messages: list[Message]) -> bool:
    return bool(
        await db.fetchval(
            "SELECT (SELECT count(*) FROM reading) = $1 AND NOT EXISTS (SELECT FROM parked_message) "
            "AND NOT EXISTS (SELECT FROM connector c WHERE ts < (SELECT max(ts) FROM reading r "
            "WHERE (r.evse_id, r.connector_id) = (c.evse_id, c.connector_id)))",
            len(messages),
        )
    )


class DiesBeforeDeleting(FailedActionQueue):
    """As an ingestor that is killed after its commit."""

    async def delete(self, actions: object) -> None:
        raise StoreUnavailable("killed")


async def test_entries_that_the_queue_gives_again_do_no_harm(
    aws_url: str, queue: tuple[SQSClient, str], dsn: str, db: asyncpg.Connection, executor: ThreadPoolExecutor
) -> None:
    """Dated readings or not, before and after they were taken in; and what is rejected is kept once."""
    undated = [("evse/cp1/telemetry", b'{"power_w": 7200}'), ("evse/cp1/telemetry", b'{"power_w": 7300}')]
    dated = [(one.topic, one.payload) for one in rounds(fleet(1), 2)]
    bodies = [failed_action(*one) for one in undated + dated] + ["no json", failed_action("evse", b"{}")]
    send(queue, bodies)
    dying = Recovery(DiesBeforeDeleting(*queue, executor, wait_s=0), PostgresRecovery(dsn), Routes("evse"))
    with pytest.raises(StoreUnavailable):
        await dying.take_some()
    await asyncio.sleep(SEEN_AGAIN_AFTER_S + 0.2)
    with pytest.raises(StoreUnavailable):
        await dying.take_some()
    assert await db.fetchval("SELECT count(*) FROM parked_message") == 4

    async def are_stored() -> bool:
        return await db.fetchval("SELECT count(*) FROM reading") == 4

    async with StreamIngestor(dsn, make_stream(aws_url)).running() as ingestor:
        await eventually(are_stored, "taken in")
        await asyncio.sleep(SEEN_AGAIN_AFTER_S + 0.2)
        recovery = recovery_of(queue, dsn, executor)
        assert await recovery.take_some() == 6
        assert await recovery.take_some() == 0
        await eventually(lambda: ingestor.counts.readings_duplicate == 4, "known")

    assert await db.fetchval("SELECT count(*) FROM reading") == 4
    kept = await db.fetch("SELECT reason, payload FROM rejected_message ORDER BY reason")
    assert [(row["reason"], row["payload"]) for row in kept] == [
        ("bad_failed_action", b"no json"),
        ("unknown_topic", b"{}"),
    ]
    assert left(queue) == 0


async def test_nothing_is_deleted_from_the_queue_while_the_database_is_away(
    queue: tuple[SQSClient, str], executor: ThreadPoolExecutor
) -> None:
    send(queue, [failed_action("evse/cp1/telemetry", b"{}")])
    recovery = recovery_of(queue, "postgresql://nobody@127.0.0.1:1/none", executor)

    with pytest.raises(StoreUnavailable):
        await recovery.take_some()

    assert left(queue) == 1


async def test_an_entry_says_when_it_was_sent_however_often_it_comes(
    queue: tuple[SQSClient, str], executor: ThreadPoolExecutor
) -> None:
    send(queue, [failed_action("evse/cp1/telemetry", b"\0\xff")])
    source = FailedActionQueue(*queue, executor, wait_s=0)

    async def seen() -> FailedAction:
        [action] = await source.receive()
        return action

    first = await seen()
    await asyncio.sleep(SEEN_AGAIN_AFTER_S + 0.2)
    again = await seen()

    assert abs(datetime.now(UTC) - first.received_at) < timedelta(seconds=30)
    assert first._replace(handle="") == again._replace(handle="")
    assert (first.topic, first.payload) == ("evse/cp1/telemetry", b"\0\xff")
    assert first.why == "KinesisAction: Failed to publish message to Kinesis."


def test_the_queue_is_emptied_by_hand(
    aws_url: str, queue: tuple[SQSClient, str], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(migrate_and_seed(make_settings(database_url=database_url)))
    send(queue, [failed_action(f"evse/cp{n}/telemetry", b"{}") for n in range(13)] + ["?"])
    for name, value in aws_environment(aws_url).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SOLARRALLY_DATABASE_URL", database_url)
    monkeypatch.setenv("SOLARRALLY_AWS_FAILED_QUEUE_URL", queue[1])

    ran = CliRunner().invoke(app, ["rejected", "recover-failed-actions"])

    assert ran.exit_code == 0, ran.output
    assert "13 messages handed to the ingestor, 1 kept as rejected" in ran.output
    assert left(queue) == 0


def test_by_hand_without_a_queue_says_which_setting_is_missing(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOLARRALLY_DATABASE_URL", database_url)

    ran = CliRunner().invoke(app, ["rejected", "recover-failed-actions"])

    assert ran.exit_code == 1
    assert "SOLARRALLY_AWS_FAILED_QUEUE_URL" in str(ran.exception)
