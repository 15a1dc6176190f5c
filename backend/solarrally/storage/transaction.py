"""The write side within one transaction: arrays in, one statement a table, never row by row."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from asyncpg.exceptions import UniqueViolationError

from solarrally.domain.bill import Account, Bill
from solarrally.domain.fleet import Station, StationFacts
from solarrally.domain.reading import Reading
from solarrally.domain.session import Session
from solarrally.domain.update import CommandUpdate, ConnectorUpdate, SessionUpdate
from solarrally.errors import StoreConflict
from solarrally.ingest.ports import (
    KEPT_PAYLOAD_BYTES,
    Checkpoint,
    Delivery,
    ImportCount,
    RejectedPart,
    RollupMark,
    StationEvent,
    StationReading,
)
from solarrally.storage import commands as stored_commands
from solarrally.storage import retention
from solarrally.storage.lazy_transaction import LazyTransaction
from solarrally.storage.notice import CHANNEL, encode_notices
from solarrally.storage.rollups import mark_due
from solarrally.storage.rows import (
    INSERT_READINGS,
    SELECT_READINGS,
    ConnectorFold,
    fold_json,
    insert_readings,
    lines_json,
    lines_of,
    reading_arrays,
    reading_of,
    reading_records,
    session_json,
    session_of,
)

_READING_ORDER = "ORDER BY ts, coalesce(seq, -1), received_at, digest"
_OF_CONNECTOR = "FROM charging_session WHERE evse_id = $1 AND connector_id = $2"
_FIRST_TO_LAST = "ORDER BY started_at, (fold ->> 'start_rank')::int"
LAST_FIRST = "ORDER BY started_at DESC, (fold ->> 'start_rank')::int DESC"
INSERTED_AT_MOST = 32
"""Readings up to this many go with the other rows of their batch; more are copied, which costs less for
each.
"""
_REDELIVERY_HORIZON = timedelta(days=1)

_SESSION_COLUMNS = {
    "id": "uuid",
    "evse_id": "int4",
    "site_id": "int4",
    "connector_id": "int2",
    "device_session_id": "text",
    "id_token": "text",
    "status": "text",
    "started_at": "timestamptz",
    "ended_at": "timestamptz",
    "end_reason": "text",
    "last_reading_at": "timestamptz",
    "reading_count": "int4",
    "energy_wh": "int8",
    "energy_solar_wh": "int8",
    "energy_grid_wh": "int8",
    "energy_unattributed_wh": "int8",
    "energy_method": "text",
    "peak_power_w": "float8",
    "charging_s": "float8",
    "quality": "int2",
    "tariff_id": "int4",
    "currency": "text",
    "cost": "numeric",
    "fold": "jsonb",
}
_CONNECTOR_COLUMNS = {
    "evse_id": "int4",
    "connector_id": "int2",
    "ts": "timestamptz",
    "received_at": "timestamptz",
    "status": "text",
    "reported_status": "text",
    "power_w": "float8",
    "voltage_v": "float8",
    "current_a": "float8",
    "temperature_c": "float8",
    "soc_percent": "float8",
    "energy_source": "text",
    "error_code": "text",
    "quality": "int2",
    "session_id": "uuid",
    "fold": "jsonb",
}


def _upsert(table: str, columns: dict[str, str], keys: Sequence[str], extra: str = "") -> str:
    arrays = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(columns.values(), 1))
    replaced = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in keys)
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT * FROM unnest({arrays}) "
        f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {replaced}{extra}"
    )


_SAVE_SESSIONS = _upsert("charging_session", _SESSION_COLUMNS, ["id"], ", updated_at = now()")
_SAVE_CONNECTORS = _upsert("connector", _CONNECTOR_COLUMNS, ["evse_id", "connector_id"])
_NOTIFY = "SELECT pg_notify($1, notice) FROM unnest($2::text[]) AS notice"
_BILL_COLUMNS = [column.name for column in fields(Bill)]
_TARIFF_PLACE = 1 + _BILL_COLUMNS.index("tariff_id")
_ADD_BILL = (
    f"INSERT INTO bill ({', '.join(_BILL_COLUMNS)}, issuer) "
    f"VALUES ({', '.join(f'${n}' for n in range(1, len(_BILL_COLUMNS) + 1))}, (SELECT jsonb_build_object("
    "'name', s.name, 'address', s.address, 'city', s.city, 'postal_code', s.postal_code, "
    "'country', s.country, 'operator_name', s.operator_name, 'operator_tax_id', s.operator_tax_id, "
    f"'timezone', s.timezone) FROM tariff t JOIN site s ON s.id = t.site_id WHERE t.id = ${_TARIFF_PLACE})) "
    "ON CONFLICT (id) DO NOTHING"
)
"""With the site and its operator as they are at that moment."""

_SAVE_CHECKPOINT = (
    "INSERT INTO stream_checkpoint (stream, shard_id, sequence_number, is_finished) VALUES ($1, $2, $3, $4) "
    "ON CONFLICT (stream, shard_id) DO UPDATE SET sequence_number = excluded.sequence_number, "
    "is_finished = excluded.is_finished, updated_at = now()"
)
_COUNT_IMPORTED = """
    UPDATE import_job SET
        stored_count = stored_count + $2, duplicate_count = duplicate_count + $3,
        rejected_count = rejected_count + $4,
        status = CASE WHEN stored_count + duplicate_count + rejected_count + $2 + $3 + $4 >= line_count
                      THEN 'completed' ELSE status END,
        completed_at = CASE WHEN stored_count + duplicate_count + rejected_count + $2 + $3 + $4 >= line_count
                            THEN now() END
    WHERE id = $1
"""


class PostgresTransaction:
    """`ingest.ports.Transaction` on a transaction of one connection."""

    def __init__(self, transaction: LazyTransaction) -> None:
        self._lazy = transaction

    async def add_readings(self, rows: Sequence[StationReading]) -> None:
        columns, records = reading_records(rows)
        if len(rows) <= INSERTED_AT_MOST:
            self._lazy.later(insert_readings(tuple(columns)), *zip(*records, strict=True))
            return
        connection = await self._lazy.connection()
        try:
            await connection.copy_records_to_table("reading", records=records, columns=columns)
        except UniqueViolationError as error:
            raise StoreConflict(str(error)) from error

    async def add_late_readings(self, rows: Sequence[StationReading]) -> list[StationReading]:
        stored = await (await self._lazy.connection()).fetch(
            INSERT_READINGS + " RETURNING evse_id, connector_id, ts, digest", *reading_arrays(rows)
        )
        new = {tuple(record) for record in stored}
        return [
            row
            for row in rows
            if (row.station.evse_id, row.reading.connector_id, row.reading.ts, row.reading.digest) in new
        ]

    async def already_stored(self, rows: Sequence[StationReading]) -> list[bool]:
        readings = [row.reading for row in rows]
        found = await (await self._lazy.connection()).fetch(
            """
            SELECT EXISTS (
                SELECT FROM reading r
                WHERE r.evse_id = q.evse_id AND r.connector_id = q.connector_id AND r.digest = q.digest
                  AND r.device_ts IS NOT DISTINCT FROM q.device_ts AND r.ts BETWEEN q.since AND q.until
            ) AS is_stored
            FROM unnest($1::int4[], $2::int2[], $3::int4[], $4::timestamptz[], $5::timestamptz[],
            $6::timestamptz[]) WITH ORDINALITY AS q (evse_id, connector_id, digest, device_ts, since, until,
            place) ORDER BY place
            """,
            [row.station.evse_id for row in rows],
            [reading.connector_id for reading in readings],
            [reading.digest for reading in readings],
            [reading.device_ts for reading in readings],
            [reading.received_at - _REDELIVERY_HORIZON for reading in readings],
            [reading.received_at for reading in readings],
        )
        return [record["is_stored"] for record in found]

    async def sessions_around(
        self, station: Station, connector_id: int, ts: datetime
    ) -> tuple[Session | None, list[Session]]:
        place = (station.evse_id, connector_id)
        start = await (await self._lazy.connection()).fetchval(
            f"SELECT max(started_at) {_OF_CONNECTOR} AND started_at < $3", *place, ts
        )
        if start is None:
            following = await (await self._lazy.connection()).fetch(
                f"SELECT fold {_OF_CONNECTOR} ORDER BY started_at", *place
            )
            return None, [session_of(record["fold"]) for record in following]
        following = await (await self._lazy.connection()).fetch(
            f"SELECT fold {_OF_CONNECTOR} AND started_at >= $3 {_FIRST_TO_LAST}", *place, start
        )
        before = await (await self._lazy.connection()).fetchval(
            f"SELECT fold {_OF_CONNECTOR} AND started_at < $3 {LAST_FIRST} LIMIT 1", *place, start
        )
        return (
            None if before is None else session_of(before),
            [session_of(record["fold"]) for record in following],
        )

    async def held_session_ids(self, ids: Sequence[UUID]) -> set[UUID]:
        records = await (await self._lazy.connection()).fetch(
            "SELECT id FROM charging_session WHERE id = ANY($1::uuid[])", list(ids)
        )
        return {record["id"] for record in records}

    async def readings_since(
        self, station: Station, connector_id: int, ts: datetime
    ) -> AsyncIterator[Reading]:
        cursor = (await self._lazy.connection()).cursor(
            f"{SELECT_READINGS} WHERE evse_id = $1 AND connector_id = $2 AND ts >= $3 {_READING_ORDER}",
            station.evse_id,
            connector_id,
            ts,
            prefetch=2000,
        )
        async for record in cursor:
            yield reading_of(dict(record))

    async def raw_is_complete(self, since: datetime, until: datetime) -> bool:
        return await retention.raw_is_complete(await self._lazy.connection(), since, until)

    async def save_accounts(self, accounts: Sequence[tuple[Station, Account]]) -> None:
        values = [_session_values(station, account) for station, account in accounts]
        self._lazy.later(_SAVE_SESSIONS, *map(list, zip(*values, strict=True)))

    async def delete_sessions(self, ids: Sequence[UUID]) -> None:
        await (await self._lazy.connection()).execute(
            "DELETE FROM charging_session WHERE id = ANY($1::uuid[])", list(ids)
        )

    async def newest_bills(self, session_ids: Sequence[UUID]) -> dict[UUID, Bill]:
        records = await (await self._lazy.connection()).fetch(
            f"SELECT DISTINCT ON (session_id) {', '.join(_BILL_COLUMNS)} FROM bill "
            "WHERE session_id = ANY($1::uuid[]) ORDER BY session_id, revision DESC",
            list(session_ids),
        )
        return {
            record["session_id"]: Bill(**{**record, "lines": lines_of(record["lines"])}) for record in records
        }

    async def add_bills(self, bills: Sequence[Bill]) -> None:
        await (await self._lazy.connection()).executemany(_ADD_BILL, [_bill_values(bill) for bill in bills])

    async def save_connectors(self, connectors: Sequence[tuple[Station, int]]) -> None:
        values = [_connector_values(station, number) for station, number in connectors]
        self._lazy.later(_SAVE_CONNECTORS, *map(list, zip(*values, strict=True)))

    async def save_facts(self, facts: Sequence[tuple[Station, StationFacts]]) -> None:
        await (await self._lazy.connection()).execute(
            """
            UPDATE evse SET
                vendor = coalesce(said.vendor, evse.vendor), model = coalesce(said.model, evse.model),
                firmware = coalesce(said.firmware, evse.firmware),
                max_power_w = coalesce(said.max_power_w, evse.max_power_w),
                is_online = coalesce(said.is_online, evse.is_online),
                online_changed_at = CASE WHEN said.is_online <> evse.is_online
                                         THEN now() ELSE evse.online_changed_at END
            FROM unnest($1::int4[], $2::text[], $3::text[], $4::text[], $5::float8[], $6::bool[])
                AS said (id, vendor, model, firmware, max_power_w, is_online)
            WHERE evse.id = said.id
            """,
            [station.evse_id for station, _ in facts],
            [said.vendor for _, said in facts],
            [said.model for _, said in facts],
            [said.firmware for _, said in facts],
            [said.max_power_w for _, said in facts],
            [said.is_online for _, said in facts],
        )

    async def mark_rollups(self, marks: Sequence[RollupMark]) -> None:
        await mark_due(
            await self._lazy.connection(),
            [mark.evse_id for mark in marks],
            [mark.connector_id for mark in marks],
            [mark.bucket_start for mark in marks],
        )

    async def park(self, parked: Sequence[tuple[str, Delivery]]) -> None:
        await (await self._lazy.connection()).copy_records_to_table(
            "parked_message",
            records=[
                (
                    evse_uid,
                    delivery.received_at,
                    delivery.topic,
                    delivery.payload,
                    delivery.qos,
                    delivery.retained,
                    delivery.redelivered,
                )
                for evse_uid, delivery in parked
            ],
            columns=["evse_uid", "received_at", "topic", "payload", "qos", "retained", "redelivered"],
        )

    async def unpark(self, parked_ids: Sequence[int]) -> None:
        await (await self._lazy.connection()).execute(
            "DELETE FROM parked_message WHERE id = ANY($1::int8[])", list(parked_ids)
        )

    async def count_imported(self, counts: Sequence[ImportCount]) -> None:
        await (await self._lazy.connection()).executemany(_COUNT_IMPORTED, counts)

    async def save_checkpoint(self, checkpoint: Checkpoint) -> None:
        self._lazy.later(
            _SAVE_CHECKPOINT,
            checkpoint.stream,
            checkpoint.shard_id,
            checkpoint.sequence_number,
            checkpoint.is_finished,
        )

    async def add_events(self, events: Sequence[StationEvent]) -> None:
        await (await self._lazy.connection()).executemany(
            "INSERT INTO station_event (evse_id, connector_id, ts, kind, detail) VALUES ($1, $2, $3, $4, $5)",
            [(e.station.evse_id, e.connector_id, e.ts, e.kind, e.detail) for e in events],
        )

    async def add_rejected(self, parts: Sequence[RejectedPart]) -> None:
        await (await self._lazy.connection()).executemany(
            "INSERT INTO rejected_message "
            "(received_at, topic, reason, field, detail, payload, payload_size_bytes) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7)",
            [
                (
                    p.received_at,
                    p.topic,
                    p.reason,
                    p.field,
                    p.detail,
                    p.payload[:KEPT_PAYLOAD_BYTES],
                    len(p.payload),
                )
                for p in parts
            ],
        )

    async def lock_commands(self, ids: Collection[UUID]) -> dict[UUID, CommandUpdate]:
        return await stored_commands.lock_commands(await self._lazy.connection(), ids)

    async def save_commands(self, commands: Sequence[CommandUpdate]) -> None:
        await stored_commands.save_commands(await self._lazy.connection(), commands)

    async def notify(self, connectors: Sequence[ConnectorUpdate], sessions: Sequence[SessionUpdate]) -> None:
        self._lazy.later(_NOTIFY, CHANNEL, encode_notices(connectors, sessions))


def _bill_values(bill: Bill) -> list[Any]:
    return [lines_json(bill.lines) if name == "lines" else getattr(bill, name) for name in _BILL_COLUMNS]


def _session_values(station: Station, account: Account) -> list[Any]:
    session, figures = account.session, account.figures
    return [
        session.id,
        station.evse_id,
        station.site_at(session.started_at),
        account.connector_id,
        session.device_session_id,
        session.id_token,
        session.status,
        session.started_at,
        session.ended_at,
        session.end_reason,
        session.last_reading_at,
        session.reading_count,
        figures.energy_wh,
        figures.solar_wh,
        figures.grid_wh,
        figures.unattributed_wh,
        figures.method.value,
        session.energy.peak_power_w,
        session.energy.charging_s,
        int(figures.quality),
        account.tariff.id,
        account.tariff.currency,
        account.cost,
        session_json(session),
    ]


def _connector_values(station: Station, number: int) -> list[Any]:
    connector = station.connectors[number]
    latest, state = connector.latest, connector.state
    active = state.active_session
    return [
        station.evse_id,
        number,
        latest.ts,
        latest.received_at,
        latest.status,
        latest.reported_status,
        latest.power_w,
        latest.voltage_v,
        latest.current_a,
        latest.temperature_c,
        latest.soc_percent,
        latest.energy_source,
        latest.error_code,
        latest.quality,
        None if active is None else active.id,
        fold_json(ConnectorFold(state.newest, state.newest_digests, state.held)),
    ]
