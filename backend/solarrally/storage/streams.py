"""Who reads which shard of a stream, told by locks: they live and die with the connections that hold them.

Three kinds, all of PostgreSQL's advisory locks of two numbers, so that they show in `pg_locks`: an ingestor
that shares in a stream holds one as a *member*; the connection that writes what a shard brings holds the
*shard*, so that nobody else can write it; and it holds the shard as *current* while all of it has been taken
in up to now.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import asyncpg

from solarrally.domain.stream import HashRange, Shard, StreamView
from solarrally.errors import StoreUnavailable
from solarrally.ingest.ports import Checkpoint
from solarrally.storage.connections import connect
from solarrally.storage.failures import translated

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

STATEMENT_TIMEOUT_S: Final = 10.0
ANSWER_TIMEOUT_S: Final = STATEMENT_TIMEOUT_S + 5
FORGOTTEN_AFTER_S: Final = 15.0
"""A member that says nothing for so long is gone; it asks at least every few seconds."""
_MEMBERS_SINCE_S: Final = 1_735_689_600
"""2025-01-01: members are numbered by the second in which they came, so that the oldest has rank 0."""
_INT4: Final = 2**31

_LOCKS: Final = """
    SELECT classid::int8 AS class, objid::int8 AS number FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 2 AND granted AND classid::int8 = ANY($1::int8[])
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_CHECKPOINTS: Final = "SELECT * FROM stream_checkpoint WHERE stream = $1"


@dataclass(slots=True, frozen=True, kw_only=True)
class OwnedShard:
    """The shard that a store writes: its lock, and whose stations it may touch."""

    stream: str
    shard: Shard

    @property
    def hashes(self) -> HashRange:
        return self.shard.hashes

    @property
    def lock(self) -> tuple[int, int]:
        return lock_key("shard", self.stream, self.shard.shard_id)

    @property
    def current_lock(self) -> tuple[int, int]:
        return lock_key("current", self.stream, self.shard.shard_id)


def lock_key(kind: str, stream: str, shard_id: str) -> tuple[int, int]:
    """Two signed 32-bit numbers: of the kind and stream, and of the shard. Ids end in a number
    (`shardId-000000000012`), which is unique in the stream; any other is hashed.
    """
    number = shard_id.rpartition("-")[2]
    is_numbered = number.isascii() and number.isdigit() and int(number) < _INT4
    return _class_of(kind, stream), int(number) if is_numbered else _signed(zlib.crc32(shard_id.encode()))


class StreamMembership:
    """Our own part in a stream, over a connection of its own. Raises `StoreUnavailable`; then join again."""

    def __init__(self, dsn: str, stream: str) -> None:
        self._dsn = dsn
        self._stream = stream
        self._connection: Connection | None = None
        self._number = 0

    async def look(self, shards: Iterable[Shard]) -> StreamView:
        """How things are, as a member: it joins first where it has to."""
        try:
            with translated():
                if self._connection is None or self._connection.is_closed():
                    await self._join()
                assert self._connection is not None
                return await self._view(self._connection, list(shards))
        except StoreUnavailable:
            self._drop()
            raise
        except BaseException:
            self._drop()  # cancelled in mid-protocol, perhaps
            raise

    async def leave(self) -> None:
        """Be a member no more."""
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
                await connection.close(timeout=5)  # broken or not, it is gone, and the lock with it

    async def _join(self) -> None:
        self._drop()
        self._connection = connection = await connect(
            self._dsn,
            application_name="solarrally-stream",
            statement_timeout_s=STATEMENT_TIMEOUT_S,
            answer_timeout_s=ANSWER_TIMEOUT_S,
            server_settings={
                "idle_session_timeout": str(int(FORGOTTEN_AFTER_S * 1000)),
                "tcp_user_timeout": "4000",
            },
        )
        number = int(time.time()) - _MEMBERS_SINCE_S
        while not await connection.fetchval(
            "SELECT pg_try_advisory_lock($1, $2)", _class_of("member", self._stream), number
        ):
            number += 1  # another one came in the same second
        self._number = number

    async def _view(self, connection: Connection, shards: list[Shard]) -> StreamView:
        classes = {_class_of(kind, self._stream) % 2**32: kind for kind in ("member", "shard", "current")}
        numbers: dict[str, set[int]] = {kind: set() for kind in classes.values()}
        for record in await connection.fetch(_LOCKS, list(classes)):
            numbers[classes[record["class"]]].add(_signed(record["number"]))

        def locked(kind: str) -> frozenset[str]:
            return frozenset(
                shard.shard_id
                for shard in shards
                if lock_key(kind, self._stream, shard.shard_id)[1] in numbers[kind]
            )

        members = sorted(numbers["member"])
        return StreamView(
            members=len(members),
            rank=members.index(self._number),
            held=locked("shard"),
            current=locked("current"),
            finished=frozenset(
                record["shard_id"]
                for record in await connection.fetch(_CHECKPOINTS, self._stream)
                if record["is_finished"]
            ),
        )

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


async def load_checkpoint(connection: Connection, stream: str, shard_id: str) -> Checkpoint:
    """How far the shard has been taken in."""
    record: Any = await connection.fetchrow(f"{_CHECKPOINTS} AND shard_id = $2", stream, shard_id)
    if record is None:
        return Checkpoint(stream=stream, shard_id=shard_id, sequence_number=None)
    return Checkpoint(
        stream=stream,
        shard_id=shard_id,
        sequence_number=record["sequence_number"],
        is_finished=record["is_finished"],
    )


def _class_of(kind: str, stream: str) -> int:
    return _signed(zlib.crc32(f"solarrally/{kind}/{stream}".encode()))


def _signed(number: int) -> int:
    """The signed 32-bit number of these bits."""
    return (number + _INT4) % 2**32 - _INT4
