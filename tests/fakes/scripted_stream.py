"""A stream in memory: `brokers.shard_source.ReadableStream`, with faults on demand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from solarrally.brokers.aws_kinesis import Read, Record
from solarrally.errors import StreamError
from tests.builders import at
from tests.support.aws_stream import record_of


class ScriptedStream:
    """Shards of records, `per_read` at a time. `faults` are raised by the next reads, None by none."""

    name = "scripted"

    def __init__(
        self,
        shards: dict[str, Sequence[bytes]],
        *,
        per_read: int = 3,
        faults: Iterable[StreamError | None] = (),
    ) -> None:
        self.shards = {name: list(records) for name, records in shards.items()}
        self.ended: set[str] = set()
        self.behind_ms = 0
        """Of every read."""
        self.reads = 0
        self.iterators: list[tuple[str, str | None]] = []
        """Every one that was asked for: of which shard, after which record."""
        self._per_read = per_read
        self._faults = iter(faults)

    async def iterator(self, shard_id: str, after: str | None) -> str:
        self.iterators.append((shard_id, after))
        return f"{shard_id}:{0 if after is None else int(after)}"

    async def read(self, iterator: str, limit: int) -> Read:
        self.reads += 1
        if (fault := next(self._faults, None)) is not None:
            raise fault
        shard_id, _, place = iterator.partition(":")
        start = int(place)
        rows = self.shards[shard_id][start : start + min(limit, self._per_read)]
        end = start + len(rows)
        records = [Record(str(start + n), "cp", at(n), row) for n, row in enumerate(rows, 1)]
        is_over = shard_id in self.ended and end == len(self.shards[shard_id])
        return Read(records, None if is_over else f"{shard_id}:{end}", self.behind_ms)


def records(messages: Iterable[tuple[str, bytes, datetime]]) -> list[bytes]:
    """As the rule makes them of topics, payloads and receipts."""
    return [record_of(*message) for message in messages]
