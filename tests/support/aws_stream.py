"""A stream, and a queue of failed rule actions, as AWS IoT fills them: on a moto server of the tests' own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3

from solarrally.brokers.aws_kinesis import KinesisStream
from solarrally.domain.stream import HashRange
from solarrally.embedded.identity import own_identity
from tests.support.moto_server import STOP_TIMEOUT_S, _wait_until_it_answers, aws_environment

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_sqs import SQSClient

PUT_AT_ONCE = 500


@contextmanager
def running_aws_streams(**environment: str) -> Iterator[str]:
    """Yields the URL of a server with Kinesis (see `tests.support.kinesis_child`) and SQS."""
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        port = listening.getsockname()[1]
        child = subprocess.Popen(
            own_identity().argv_for(
                [sys.executable, "-m", "tests.support.kinesis_child", str(listening.fileno())],
                death_signal=signal.SIGKILL,
            ),
            cwd=Path(__file__).parents[2],
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
                **environment,
                "MOTO_PORT": str(port),
            },
            pass_fds=[listening.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_it_answers(child, url)
        yield url
    finally:
        child.terminate()
        try:
            child.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def client(service: str, url: str) -> Any:
    """A boto3 client of that server, whatever the environment says."""
    environment = aws_environment(url)
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=url,
        region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )


@dataclass(slots=True)
class AwsStream:
    """A stream of its own name on that server."""

    url: str
    name: str
    kinesis: KinesisClient

    @property
    def environment(self) -> dict[str, str]:
        """For processes that shall read it."""
        return aws_environment(self.url)

    def reader(self, executor: ThreadPoolExecutor) -> KinesisStream:
        return KinesisStream(self.kinesis, self.name, executor)

    def put(self, messages: Iterable[tuple[str, bytes]], *, received_at: datetime | None = None) -> None:
        """As the rule does: in order, under the second level of the topic."""
        rows = [
            (record_of(topic, payload, received_at or datetime.now(UTC)), topic.split("/")[1])
            for topic, payload in messages
        ]
        for start in range(0, len(rows), PUT_AT_ONCE):
            self.put_raw(rows[start : start + PUT_AT_ONCE])

    def put_raw(self, rows: Sequence[tuple[bytes, str]]) -> None:
        """Records and their partition keys."""
        answer = self.kinesis.put_records(
            StreamName=self.name,
            Records=[{"Data": data, "PartitionKey": key} for data, key in rows],
        )
        assert not answer["FailedRecordCount"]

    def open_shards(self) -> dict[str, HashRange]:
        """Those that take records."""
        return {
            shard["ShardId"]: HashRange(
                int(shard["HashKeyRange"]["StartingHashKey"]), int(shard["HashKeyRange"]["EndingHashKey"])
            )
            for shard in self.kinesis.list_shards(StreamName=self.name)["Shards"]
            if "EndingSequenceNumber" not in shard["SequenceNumberRange"]
        }

    def split(self, shard_id: str) -> None:
        """In the middle of its range."""
        first, last = self.open_shards()[shard_id]
        self.kinesis.split_shard(
            StreamName=self.name, ShardToSplit=shard_id, NewStartingHashKey=str((first + last) // 2 + 1)
        )

    def merge(self, shard_id: str, other_id: str) -> None:
        self.kinesis.merge_shards(StreamName=self.name, ShardToMerge=shard_id, AdjacentShardToMerge=other_id)


def make_stream(url: str, shards: int = 1) -> AwsStream:
    """A new one."""
    stream = AwsStream(url, f"test-{uuid4().hex[:12]}", client("kinesis", url))
    stream.kinesis.create_stream(StreamName=stream.name, ShardCount=shards)
    return stream


def make_queue(url: str, *, visibility_s: int = 30) -> tuple[SQSClient, str]:
    """A new queue: its client and its URL."""
    sqs: SQSClient = client("sqs", url)
    queue_url = sqs.create_queue(
        QueueName=f"failed-{uuid4().hex[:12]}", Attributes={"VisibilityTimeout": str(visibility_s)}
    )["QueueUrl"]
    return sqs, queue_url


def record_of(topic: str, payload: bytes, received_at: datetime) -> bytes:
    """What the rule's statement makes of a message."""
    return json.dumps(
        {
            "payload": b64encode(payload).decode(),
            "topic": topic,
            "received_at_ms": int(received_at.timestamp() * 1000),
        }
    ).encode()


def failed_action(topic: str, payload: bytes) -> str:
    """What the rule's error action puts into the queue (AWS IoT Core developer guide, "Error handling")."""
    return json.dumps(
        {
            "ruleName": "solarrally_telemetry",
            "topic": topic,
            "cloudwatchTraceId": str(uuid4()),
            "clientId": "station",
            "base64OriginalPayload": b64encode(payload).decode(),
            "failures": [
                {
                    "failedAction": "KinesisAction",
                    "failedResource": "telemetry",
                    "errorMessage": "Failed to publish message to Kinesis.",
                }
            ],
        }
    )
