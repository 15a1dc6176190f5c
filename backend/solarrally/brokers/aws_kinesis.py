"""A Kinesis stream through boto3, whose calls block: each runs in a thread.

What AWS allows (Kinesis Data Streams developer guide, "Quotas and limits"; API reference, GetRecords): of a
shard 5 reads/s and 2 MB/s for all readers together, 10 MB or 10,000 records a read, 5 minutes for an
iterator.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from solarrally.domain.stream import HashRange, Shard
from solarrally.errors import StreamError

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

T = TypeVar("T")

READ_AT_ONCE: Final = 10_000
_THROTTLED: Final = {
    "ProvisionedThroughputExceededException",
    "LimitExceededException",
    "ThrottlingException",
    "KMSThrottlingException",
}


class StreamUnavailable(StreamError):
    """It cannot be read now: try again, more slowly where `is_throttled`."""

    def __init__(self, message: str, *, is_throttled: bool = False) -> None:
        super().__init__(message)
        self.is_throttled = is_throttled


class IteratorExpired(StreamError):
    """We did not read for five minutes: ask for another iterator."""


class ShardGone(StreamError):
    """There is no such stream, or the shard is older than what the stream keeps."""


@dataclass(slots=True, frozen=True)
class Record:
    """One record as it lies in the shard."""

    sequence_number: str
    partition_key: str
    arrived_at: datetime
    data: bytes


@dataclass(slots=True, frozen=True)
class Read:
    """What one call gave."""

    records: list[Record]
    next_iterator: str | None
    """None: the shard has ended, and this was all of it."""
    behind_ms: int
    """How long ago the last of these arrived, as seen from the end of the shard; 0 there."""


class KinesisStream:
    """`executor` needs a thread for each shard that is read at the same time."""

    def __init__(self, client: KinesisClient, name: str, executor: Executor) -> None:
        self.name = name
        self._client = client
        self._executor = executor

    async def list_shards(self) -> list[Shard]:
        """Every shard that still has records or may get some. Raises `StreamUnavailable` and `ShardGone`."""
        shards: list[Shard] = []
        token: str | None = None
        while True:
            # With a token the stream must not be named again.
            place: dict[str, Any] = {"NextToken": token} if token else {"StreamName": self.name}
            answer = await self._call(partial(self._client.list_shards, **place))
            for shard in answer["Shards"]:
                hashes = shard["HashKeyRange"]
                parents = (shard.get("ParentShardId"), shard.get("AdjacentParentShardId"))
                shards.append(
                    Shard(
                        shard["ShardId"],
                        HashRange(int(hashes["StartingHashKey"]), int(hashes["EndingHashKey"])),
                        tuple(parent for parent in parents if parent),
                    )
                )
            token = answer.get("NextToken")
            if not token:
                return shards

    async def iterator(self, shard_id: str, after: str | None) -> str:
        """Where to read on: after the record of that sequence number, or from the oldest that is kept."""

        def ask() -> str:
            if after is None:
                answer = self._client.get_shard_iterator(
                    StreamName=self.name, ShardId=shard_id, ShardIteratorType="TRIM_HORIZON"
                )
            else:
                answer = self._client.get_shard_iterator(
                    StreamName=self.name,
                    ShardId=shard_id,
                    ShardIteratorType="AFTER_SEQUENCE_NUMBER",
                    StartingSequenceNumber=after,
                )
            return answer["ShardIterator"]

        return await self._call(ask)

    async def read(self, iterator: str, limit: int = READ_AT_ONCE) -> Read:
        """The next records. Raises `IteratorExpired`, `ShardGone` and `StreamUnavailable`."""

        def ask() -> Read:
            answer = self._client.get_records(ShardIterator=iterator, Limit=limit)
            return Read(
                [
                    Record(
                        one["SequenceNumber"],
                        one["PartitionKey"],
                        one["ApproximateArrivalTimestamp"],
                        one["Data"],
                    )
                    for one in answer["Records"]
                ],
                answer.get("NextShardIterator"),
                answer.get("MillisBehindLatest", 0),
            )

        return await self._call(ask)

    async def _call(self, ask: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, ask)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code == "ExpiredIteratorException":
                raise IteratorExpired(str(error)) from error
            if code == "ResourceNotFoundException":
                raise ShardGone(f"stream {self.name}: {error}") from error
            raise StreamUnavailable(
                f"stream {self.name}: {error}", is_throttled=code in _THROTTLED
            ) from error
        except BotoCoreError as error:  # no credentials, no connection, no answer in time
            raise StreamUnavailable(f"stream {self.name}: {error}") from error
