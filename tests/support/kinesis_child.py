"""The process of `running_aws_stream`: moto whose Kinesis behaves as the service's where it matters to a
reader.

moto 5.2.5, as it comes: a split or merged shard goes on taking records, its children never get any, a shard
that ended never says so, and every shard counts from 1. All of that is put right here, after the API
reference (SplitShard, MergeShards, GetRecords, PutRecord), and what it does not do at all is added: 5 reads/s
of a shard, 2 MB/s of it, and iterators that expire. `python -m tests.support.kinesis_child FD` serves on that
socket.

`SOLARRALLY_TEST_ITERATOR_LIFE_S` sets how long an iterator is good for (300), `SOLARRALLY_TEST_READS_PER_S`
how often a shard may be read (5; 0: without any limit).
"""

from __future__ import annotations

import os
import sys
import threading
import time
from base64 import b64decode, b64encode
from bisect import bisect_right
from collections import defaultdict, deque
from itertools import count
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.kinesis import models, utils
from moto.kinesis.exceptions import InvalidArgumentError
from moto.kinesis.responses import KinesisResponse

from solarrally.domain.stream import station_hash
from tests.support.moto_child import main

ITERATOR_LIFE_S = float(os.environ.get("SOLARRALLY_TEST_ITERATOR_LIFE_S", "300"))
READS_PER_S = int(os.environ.get("SOLARRALLY_TEST_READS_PER_S", "5"))
BYTES_AT_ONCE = 10 * 2**20
BYTES_PER_S = 2_000_000
BURST_S = 5.0
"""After a read of 10 MB those of the next five seconds fail."""
FIRST_SEQUENCE_NUMBER = 49_600_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000
"""Of 56 digits, as the service's are."""

_lock = threading.RLock()
_sequence = count(FIRST_SEQUENCE_NUMBER, 7)
_reads: dict[str, deque[tuple[float, int]]] = defaultdict(deque)


class OrderedShard(models.Shard):
    """Records in a list, found by bisection, under numbers that grow over the whole stream."""

    __module__ = "moto.kinesis.models"  # moto files its models by it

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.numbers: list[int] = []
        self.row: list[models.Record] = []
        self.first_number = next(_sequence)
        self.last_number: int | None = None

    def put_record(self, partition_key: str, data: str, explicit_hash_key: str) -> str:
        number = next(_sequence)
        self.numbers.append(number)
        self.row.append(models.Record(partition_key, data, number, explicit_hash_key))
        return str(number)

    def get_records(self, last_sequence_id: str, limit: int | None) -> tuple[list[models.Record], int, int]:
        after = int(last_sequence_id)
        start = bisect_right(self.numbers, after)
        found: list[models.Record] = []
        size_bytes = 0
        for record in self.row[start : start + (limit or 10_000)]:
            size_bytes += len(record.data) * 3 // 4
            if size_bytes > BYTES_AT_ONCE and found:
                break
            found.append(record)
        if found:
            after = found[-1].sequence_number
        rest = start + len(found) < len(self.row)
        behind_ms = int((time.time() - self.row[start + len(found)].created_at) * 1000) if rest else 0
        return found, after, max(behind_ms, int(rest))

    def close(self) -> None:
        self.is_open = False
        self.last_number = next(_sequence)

    def get_min_sequence_number(self) -> int:
        return self.first_number

    def get_max_sequence_number(self) -> int:
        return self.last_number or (self.numbers[-1] if self.numbers else self.first_number)


def shard_for_key(stream: models.Stream, partition_key: str, explicit_hash_key: str) -> models.Shard | None:
    """The open shard whose range, both ends included, holds the key's hash."""
    if not 0 < len(partition_key) <= 256:
        raise InvalidArgumentError("partition_key")
    key = int(explicit_hash_key or 0) or station_hash(partition_key)
    for shard in stream.shards.values():
        if shard.is_open and shard.starting_hash <= key <= shard.ending_hash:
            return shard
    return None


def split_shard(stream: models.Stream, shard_to_split: str, new_starting_hash_key: str) -> None:
    """It takes no more records, and keeps those it has; its children get what comes."""
    shards: dict[str, Any] = stream.shards
    parent, start = shards[shard_to_split], int(new_starting_hash_key)
    if not parent.is_open or not parent.starting_hash < start <= parent.ending_hash:
        raise InvalidArgumentError(shard_to_split)
    with _lock:
        number = max(shard._shard_id for shard in stream.shards.values())
        parent.close()
        for offset, (first, last) in enumerate(
            [(parent.starting_hash, start - 1), (start, parent.ending_hash)], 1
        ):
            child = models.Shard(number + offset, first, last, parent=parent.shard_id)
            stream.shards[child.shard_id] = child


def merge_shards(stream: models.Stream, shard_to_merge: str, adjacent_shard_to_merge: str) -> None:
    """Likewise, of two neighbours."""
    shards: dict[str, Any] = stream.shards
    one, other = shards[shard_to_merge], shards[adjacent_shard_to_merge]
    low, high = sorted((one, other), key=lambda shard: shard.starting_hash)
    if not (one.is_open and other.is_open) or low.ending_hash + 1 != high.starting_hash:
        raise InvalidArgumentError(adjacent_shard_to_merge)
    with _lock:
        number = 1 + max(shard._shard_id for shard in stream.shards.values())
        one.close()
        other.close()
        child = models.Shard(
            number,
            low.starting_hash,
            high.ending_hash,
            parent=one.shard_id,
            adjacent_parent=other.shard_id,
        )
        stream.shards[child.shard_id] = child


def get_records(
    backend: models.KinesisBackend, stream_arn: str | None, shard_iterator: str, limit: int | None
) -> tuple[str | None, list[models.Record], int]:
    """With the service's limits, and without another iterator at the end of a shard that ended."""
    stream_name, shard_id, after, issued_at = b64decode(shard_iterator).decode().split(":")
    if time.time() - float(issued_at) > ITERATOR_LIFE_S:
        raise JsonRESTError("ExpiredIteratorException", "Iterator expired.")
    shard = backend.describe_stream(stream_arn, stream_name).get_shard(shard_id)
    with _lock:
        _refuse_too_much(f"{stream_name}/{shard_id}")
        found, reached, behind_ms = shard.get_records(after, limit)
        _reads[f"{stream_name}/{shard_id}"].append(
            (time.monotonic(), sum(len(record.data) * 3 // 4 for record in found))
        )
        is_over = not shard.is_open and not shard.get_records(str(reached), 1)[0]
    return None if is_over else iterator_of(stream_name, shard, reached), found, behind_ms


def _refuse_too_much(shard: str) -> None:
    """As the service does: an error and no part of the answer."""
    if not READS_PER_S:
        return
    now, reads = time.monotonic(), _reads[shard]
    while reads and now - reads[0][0] > BURST_S:
        reads.popleft()
    recent = sum(now - at < 1.0 for at, _ in reads)
    if recent >= READS_PER_S or sum(size for _, size in reads) > BYTES_PER_S * BURST_S:
        raise JsonRESTError("ProvisionedThroughputExceededException", f"Rate exceeded for shard {shard}.")


def iterator_of(stream_name: str | None, shard: models.Shard, after: int) -> str:
    return b64encode(f"{stream_name}:{shard.shard_id}:{after}:{time.time()}".encode()).decode()


def correct_moto() -> None:
    """Put the functions above in place of moto's."""
    corrections: list[tuple[Any, str, Any]] = [
        (models, "Shard", OrderedShard),
        (models, "compose_shard_iterator", iterator_of),
        (utils, "compose_shard_iterator", iterator_of),
        (models.Stream, "get_shard_for_key", shard_for_key),
        (models.Stream, "split_shard", split_shard),
        (models.Stream, "merge_shards", merge_shards),
        (models.KinesisBackend, "get_records", get_records),
        (models.KinesisBackend, "_send_stream_metrics", lambda *_, **__: None),  # nobody asks, and it grows
    ]
    for place, name, correct in corrections:
        assert hasattr(place, name), f"moto has no {place.__name__}.{name} any more: look at it again"
        setattr(place, name, correct)
    for name in ("put_record", "put_records", "split_shard", "merge_shards", "list_shards"):
        setattr(KinesisResponse, name, _one_at_a_time(getattr(KinesisResponse, name)))


def _one_at_a_time(call: Any) -> Any:
    def locked(response: KinesisResponse) -> Any:
        with _lock:
            return call(response)

    return locked


if __name__ == "__main__":
    correct_moto()
    main(int(sys.argv[1]))
