"""The rejected messages: a bounded store to look into, to copy out of, and to take up again from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]

_COLUMNS = "id, received_at, topic, reason, field, detail, payload, payload_size_bytes"


@dataclass(slots=True, frozen=True, kw_only=True)
class Rejected:
    """One rejected message, or a message of which a part was rejected."""

    id: int | None
    """None: it was never in a store."""
    received_at: datetime
    topic: str
    reason: str
    field: str | None
    detail: str
    payload: bytes
    payload_size_bytes: int
    """Of the whole payload; more than `payload` holds where that was cut short."""

    @property
    def is_whole(self) -> bool:
        return self.payload_size_bytes == len(self.payload)


@dataclass(slots=True, frozen=True, kw_only=True)
class Selection:
    """Which messages; None does not restrict."""

    ids: Sequence[int] | None = None
    reason: str | None = None
    topic_prefix: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_everything(self) -> bool:
        return self == Selection()


@dataclass(slots=True, frozen=True, kw_only=True)
class Tally:
    """How many messages of one reason and topic, and since when until when they came."""

    reason: str
    topic: str
    count: int
    first_received_at: datetime
    last_received_at: datetime


@dataclass(slots=True, frozen=True, kw_only=True)
class Parking:
    """A message to be taken up again, and the station its topic names."""

    evse_uid: str
    message: Rejected


def _where(selection: Selection) -> tuple[str, list[Any]]:
    tests = {
        "id = ANY({}::int8[])": None if selection.ids is None else list(selection.ids),
        "reason = {}": selection.reason,
        "starts_with(topic, {})": selection.topic_prefix,
        "received_at >= {}": selection.since,
        "received_at < {}": selection.until,
    }
    used = {test: value for test, value in tests.items() if value is not None}
    conditions = [test.format(f"${place}") for place, test in enumerate(used, 1)]
    return (f"WHERE {' AND '.join(conditions)}" if conditions else ""), list(used.values())


async def newest(connection: Connection, selection: Selection, limit: int) -> list[Rejected]:
    """At most `limit` of the selected messages, newest first."""
    where, values = _where(selection)
    records = await connection.fetch(
        f"SELECT {_COLUMNS} FROM rejected_message {where} ORDER BY id DESC LIMIT {limit:d}", *values
    )
    return [Rejected(**dict(record)) for record in records]


async def every(connection: Connection, selection: Selection) -> AsyncIterator[Rejected]:
    """All selected messages, oldest first, without holding them all in memory. Needs a transaction."""
    where, values = _where(selection)
    async for record in connection.cursor(
        f"SELECT {_COLUMNS} FROM rejected_message {where} ORDER BY id", *values, prefetch=200
    ):
        yield Rejected(**dict(record))


async def tally(connection: Connection, selection: Selection) -> list[Tally]:
    """How many by reason and topic, most first."""
    where, values = _where(selection)
    records = await connection.fetch(
        "SELECT reason, topic, count(*) AS count, min(received_at) AS first_received_at,"
        f" max(received_at) AS last_received_at FROM rejected_message {where}"
        " GROUP BY reason, topic ORDER BY count DESC, reason, topic",
        *values,
    )
    return [Tally(**dict(record)) for record in records]


async def park(connection: Connection, parkings: Sequence[Parking], *, only_held: bool) -> int:
    """Hand messages to the ingestor, in this order, and take them out of the store; how many went.

    With `only_held` a message that is no longer in the store is passed over: somebody else took it up, or it
    was pruned. Needs a transaction, so that each is in exactly one of the two places.
    """
    if not connection.is_in_transaction():
        raise RuntimeError("a message must leave one table and enter the other at once")
    taken = await connection.fetch(
        # An id alone is not enough: a file may come from another database.
        "DELETE FROM rejected_message r USING unnest($1::int8[], $2::text[], $3::timestamptz[])"
        " AS m (id, topic, received_at)"
        " WHERE r.id = m.id AND r.topic = m.topic AND r.received_at = m.received_at RETURNING r.id",
        [one.message.id for one in parkings],
        [one.message.topic for one in parkings],
        [one.message.received_at for one in parkings],
    )
    held = {record["id"] for record in taken}
    going = [one for one in parkings if one.message.id in held or not only_held]
    await connection.executemany(
        "INSERT INTO parked_message (evse_uid, received_at, topic, payload, qos, retained, redelivered)"
        " VALUES ($1, $2, $3, $4, 1, false, true)",  # redelivered: parts of it may be stored already
        [(one.evse_uid, one.message.received_at, one.message.topic, one.message.payload) for one in going],
    )
    return len(going)


async def prune(connection: Connection, *, keep_count: int, keep_bytes: int) -> int:
    """Drop the oldest messages until so many, of so many bytes together, are left; how many went."""
    status = await connection.execute(
        """
        DELETE FROM rejected_message WHERE id <= (
            SELECT max(id) FROM (
                SELECT id, row_number() OVER newest_first AS place,
                       sum(octet_length(payload)) OVER newest_first AS total_bytes
                FROM rejected_message WINDOW newest_first AS (ORDER BY id DESC)
            ) AS kept WHERE place > $1 OR total_bytes > $2
        )
        """,
        keep_count,
        keep_bytes,
    )
    return int(status.rpartition(" ")[2])
