"""Who may read which shard, and how shards are shared out."""

from __future__ import annotations

import hashlib
import random

from hypothesis import given
from hypothesis import strategies as st

from solarrally.domain.stream import HIGHEST_HASH, HashRange, Shard, in_turn, readable, share, station_hash

EVERYTHING = HashRange(0, HIGHEST_HASH)


class Lineage:
    """Shards as they are split and merged, by a chance of its own."""

    def __init__(self, chance: random.Random, steps: int) -> None:
        self.shards = [Shard("shardId-000000000000", EVERYTHING)]
        self._open = list(self.shards)
        for _ in range(steps):
            ordered = sorted(self._open, key=lambda shard: shard.hashes)
            place = chance.randrange(len(ordered))
            if chance.random() < 0.5 and place + 1 < len(ordered):
                self._replace(
                    ordered[place : place + 2],
                    [HashRange(ordered[place].hashes.first, ordered[place + 1].hashes.last)],
                )
            elif ordered[place].hashes.first < ordered[place].hashes.last:
                first, last = ordered[place].hashes
                middle = chance.randrange(first, last)
                self._replace([ordered[place]], [HashRange(first, middle), HashRange(middle + 1, last)])

    def _replace(self, parents: list[Shard], ranges: list[HashRange]) -> None:
        for hashes in ranges:
            name = f"shardId-{len(self.shards):012}"
            child = Shard(name, hashes, tuple(parent.shard_id for parent in parents))
            self.shards.append(child)
            self._open.append(child)
        self._open = [shard for shard in self._open if shard not in parents]


def test_a_child_waits_for_all_of_its_parents() -> None:
    low, high = HashRange(0, 9), HashRange(10, 19)
    shards = [Shard("a", low), Shard("b", high), Shard("ab", HashRange(0, 19), ("a", "b"))]

    assert [shard.shard_id for shard in readable(shards, set())] == ["a", "b"]
    assert [shard.shard_id for shard in readable(shards, {"a"})] == ["b"]
    assert [shard.shard_id for shard in readable(shards, {"a", "b"})] == ["ab"]


def test_a_parent_that_is_no_longer_listed_is_not_waited_for() -> None:
    """The stream has dropped it: nobody can read it any more."""
    assert readable([Shard("child", EVERYTHING, ("parent",))], set()) == [
        Shard("child", EVERYTHING, ("parent",))
    ]


@given(st.randoms(use_true_random=False), st.integers(0, 12))
def test_no_station_is_ever_in_two_readable_shards_and_all_are_read_in_the_end(
    chance: random.Random, steps: int
) -> None:
    shards = Lineage(chance, steps).shards
    finished: set[str] = set()
    stations = [f"cp{chance.randrange(10**6)}" for _ in range(10)]
    while True:
        ready = readable(shards, finished)
        for station in stations:
            assert sum(shard.hashes.holds(station) for shard in ready) <= 1
        for shard in ready:
            assert finished.issuperset(shard.parents)
        if not ready:
            break
        finished.add(chance.choice(ready).shard_id)
    assert finished == {shard.shard_id for shard in shards}


@given(st.randoms(use_true_random=False), st.integers(0, 12), st.text(min_size=1))
def test_the_shards_of_one_station_are_read_in_the_order_in_which_they_were_made(
    chance: random.Random, steps: int, station: str
) -> None:
    shards = Lineage(chance, steps).shards
    finished: list[str] = []
    while ready := readable(shards, finished):
        finished.append(chance.choice(ready).shard_id)
    own = [shard.shard_id for shard in shards if shard.hashes.holds(station)]

    assert [shard_id for shard_id in finished if shard_id in own] == own


@given(st.integers(0, 500), st.integers(1, 60))
def test_shares_differ_by_one_at_most_and_add_up_to_all_shards(shards: int, members: int) -> None:
    shares = [share(shards, members, rank) for rank in range(members)]

    assert sum(shares) == shards
    assert max(shares) - min(shares) <= 1


@given(st.integers(1, 60), st.integers(1, 20))
def test_one_more_ingestor_takes_no_more_than_its_own_share_from_the_others(
    shards: int, members: int
) -> None:
    """It is the youngest: nobody gives back more than it takes, and nobody gets another one."""
    before = [share(shards, members, rank) for rank in range(members)]
    after = [share(shards, members + 1, rank) for rank in range(members + 1)]

    assert all(new <= old for old, new in zip(before, after, strict=False))
    assert sum(before) - sum(after[:-1]) == after[-1]


def test_ingestors_begin_to_take_at_different_shards() -> None:
    shards = [Shard(name, EVERYTHING) for name in "abcd"]

    assert ["".join(shard.shard_id for shard in in_turn(shards, rank)) for rank in range(5)] == [
        "abcd",
        "bcda",
        "cdab",
        "dabc",
        "abcd",
    ]
    assert in_turn([], 3) == []


@given(st.text(min_size=1), st.integers(0, HIGHEST_HASH), st.integers(0, HIGHEST_HASH))
def test_a_range_compares_as_bytes_as_it_does_as_numbers(station: str, one: int, other: int) -> None:
    """PostgreSQL compares bytes."""
    hashes = HashRange(min(one, other), max(one, other))
    low, high = hashes.as_bytes()
    digest = hashlib.md5(station.encode(), usedforsecurity=False).digest()

    assert hashes.holds(station) == (low <= digest <= high)
    assert int.from_bytes(digest, "big") == station_hash(station)
