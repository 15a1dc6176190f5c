"""The shards of a stream: whose stations they carry, when each may be read, and how they are shared out.

A stream is cut into shards by ranges of a 128-bit hash of the partition key, which is the station's id.
Shards are split and merged while the stream runs: the old ones end, and their children go on with the same
stations.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

HIGHEST_HASH: Final = 2**128 - 1
_HASH_BYTES: Final = 16


class HashRange(NamedTuple):
    """Hashes from `first` to `last`, both included."""

    first: int
    last: int

    def holds(self, evse_uid: str) -> bool:
        """Whether the station's messages are in the shard of this range."""
        return self.first <= station_hash(evse_uid) <= self.last

    def as_bytes(self) -> tuple[bytes, bytes]:
        """Both ends as PostgreSQL compares them with `decode(md5(...), 'hex')`: big-endian, equally long."""
        return self.first.to_bytes(_HASH_BYTES, "big"), self.last.to_bytes(_HASH_BYTES, "big")


class Shard(NamedTuple):
    """One shard, as the stream lists it."""

    shard_id: str
    hashes: HashRange
    parents: tuple[str, ...] = ()
    """The shard it was split from, or the two it was merged of; they may be gone from the list."""


@dataclass(slots=True, frozen=True, kw_only=True)
class StreamView:
    """What the locks and checkpoints of a stream say at one moment."""

    members: int
    rank: int
    """Our place among the members, by age, from 0."""
    held: frozenset[str]
    """Shards that somebody reads."""
    current: frozenset[str]
    """Shards whose reader has taken in all there was."""
    finished: frozenset[str]


def station_hash(evse_uid: str) -> int:
    """What Kinesis cuts shards by: the MD5 of the partition key as a 128-bit number (AWS, Kinesis Data
    Streams developer guide, "Partition key").
    """
    return int.from_bytes(hashlib.md5(evse_uid.encode(), usedforsecurity=False).digest(), "big")


def readable(shards: Sequence[Shard], finished: Collection[str]) -> list[Shard]:
    """The shards whose turn it is, by id: those not finished whose parents are finished or no longer listed.

    Each hash is in at most one of them, so two readers of different shards never see the same station.
    """
    open_ids = {shard.shard_id for shard in shards} - set(finished)
    return sorted(
        shard for shard in shards if shard.shard_id in open_ids and not open_ids.intersection(shard.parents)
    )


def share(shard_count: int, members: int, rank: int) -> int:
    """How many shards the member of that rank (from 0, the oldest) has: as many as every other, or one more.
    The shares of all members add up to all shards.
    """
    each, rest = divmod(shard_count, members)
    return each + (rank < rest)


def in_turn(shards: Iterable[Shard], rank: int) -> list[Shard]:
    """The shards in the order in which the member of that rank tries to take them: members begin at different
    ones.
    """
    ordered = sorted(shards)
    start = rank % len(ordered) if ordered else 0
    return ordered[start:] + ordered[:start]
