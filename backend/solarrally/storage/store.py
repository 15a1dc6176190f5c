"""The database as ingestion sees it: one connection, since one ingestor writes one batch at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

import asyncpg

from solarrally.domain.alert import AlertReview, AlertRules
from solarrally.domain.fleet import Connector, Station, StationRoute, unseen
from solarrally.domain.station import ConnectorState
from solarrally.domain.tariff import Tariff
from solarrally.errors import NotLeading, StoreUnavailable
from solarrally.ingest.ports import (
    PARKED_BYTES_AT_ONCE,
    Checkpoint,
    Delivery,
    ParkedDelivery,
    RollupMark,
    StationReading,
)
from solarrally.storage import alerts, retention
from solarrally.storage.connections import connect
from solarrally.storage.failures import translated
from solarrally.storage.lazy_transaction import LazyTransaction
from solarrally.storage.leadership import begin_term, present_term, try_lead
from solarrally.storage.partitions import ahead, days_in_default, ensure_partitions
from solarrally.storage.rejected import prune
from solarrally.storage.rollups import RollupRules, next_limit, roll_up
from solarrally.storage.rows import READING_COLUMNS, fold_of, reading_of, session_of, tariff_of
from solarrally.storage.scope import Scope
from solarrally.storage.station_routes import load_routes
from solarrally.storage.streams import OwnedShard, load_checkpoint
from solarrally.storage.transaction import LAST_FIRST, PostgresTransaction

STATEMENT_TIMEOUT_S = 20.0
ANSWER_TIMEOUT_S = STATEMENT_TIMEOUT_S + 5
"""A server that is silent for longer is not at work on our statement: the connection only looks alive."""
ROLLUP_STEP_S = 0.005
"""How long ingestion waits for rollups between two batches, if one bucket does not take longer."""
_NOTICE_OUR_DEATH = {
    # The lock of the one ingestor is free again within seconds when this machine or its network is gone.
    "tcp_keepalives_idle": "1",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "4000",
    "client_connection_check_interval": "2000",
    # Somebody in between may keep the connection up when we are gone. At work we say something every 5 s.
    "idle_session_timeout": "15000",
    "idle_in_transaction_session_timeout": "15000",
}
_LATEST = """
    ts received_at status reported_status power_w voltage_v current_a temperature_c soc_percent
    energy_source error_code quality
""".split()  # noqa: SIM905  a list of words reads better than quotes and commas
_LIVE = (
    "SELECT evse_uid FROM evse WHERE is_online AND {here} "
    "UNION SELECT evse_uid FROM charging_session s JOIN evse e ON e.id = s.evse_id "
    "WHERE s.status = 'ACTIVE' AND {here}"
)

_READINGS_BEYOND = f"""
    SELECT {", ".join(f"r.{name}" for name in READING_COLUMNS)}
    FROM connector c
    JOIN reading r ON r.evse_id = c.evse_id AND r.connector_id = c.connector_id AND r.ts >= c.ts
    WHERE c.evse_id = ANY($1::int4[])
    ORDER BY r.evse_id, r.connector_id, r.ts, coalesce(r.seq, -1), r.received_at, r.digest
"""

_TO_RENEW = """
    SELECT count(*) FROM (
        SELECT FROM evse_credential WHERE revoked_at IS NULL AND coalesce(not_after > $1, true)
        GROUP BY evse_id HAVING bool_and(coalesce(not_after < $2, false))
    ) AS station
"""

# Arrays and lines of uploaded logs hold many readings: a batch is bounded by bytes too.
_NEXT_PARKED = """
    SELECT * FROM (
        SELECT *, sum(octet_length(payload)) OVER (ORDER BY id) - octet_length(payload) AS bytes_before
        FROM (SELECT * FROM parked_message WHERE {here} ORDER BY id LIMIT $1) AS first
    ) AS counted WHERE bytes_before < $2 ORDER BY id
"""

OWN_PARTITION_DAYS = 90
"""Late readings of a day this recent get their partition; older ones stay in the default one."""


class PostgresStore:
    """`ingest.ports.Store`. The connection is opened when first needed and again after every loss."""

    def __init__(
        self,
        dsn: str,
        *,
        site_name: str,
        rollup_rules: RollupRules,
        raw_keep_days: int = 0,
        must_lead: bool = False,
        shard: OwnedShard | None = None,
        has_other_writers: bool = False,
    ) -> None:
        """With `must_lead` everything needs the lock of the one ingestor, with `shard` that of the shard.
        With a shard it sees that shard's stations alone, and a connection that was lost is made again by
        `lead` only; else it goes on over a new one unless another ingestor has led since: `NotLeading`.
        `raw_keep_days` 0: for ever. `has_other_writers`: others store readings beside us, of other stations.
        """
        # A day that retention would drop at once gets no partition of its own.
        self._own_partition_days = min(raw_keep_days or OWN_PARTITION_DAYS, OWN_PARTITION_DAYS)
        self._dsn = dsn
        self._rollup_rules = rollup_rules
        self._rollup_limit = 1
        self._site_name = site_name
        self._must_lead = must_lead
        self._shard = shard
        self._has_other_writers = has_other_writers
        self._scope = Scope(None if shard is None else shard.hashes)
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._term: int | None = None

    async def close(self) -> None:
        if self._connection is not None and not self._connection.is_closed():
            await self._connection.close(timeout=5)
        self._connection = None

    async def lead(self) -> None:
        async with self._connected(by_lead=True) as connection:
            await connection.execute("SELECT 1")  # whether we still do; and we do not look idle

    async def load_checkpoint(self, stream: str, shard_id: str) -> Checkpoint:
        async with self._connected() as connection:
            return await load_checkpoint(connection, stream, shard_id)

    async def say_current(self, is_current: bool) -> None:
        assert self._shard is not None
        does = "try_advisory_lock" if is_current else "advisory_unlock"
        async with self._connected() as connection:
            await connection.execute(f"SELECT pg_{does}($1, $2)", *self._shard.current_lock)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[PostgresTransaction]:
        async with self._connected() as connection:
            transaction = LazyTransaction(connection)
            try:
                yield PostgresTransaction(transaction)
                await transaction.commit()
            except BaseException:
                try:
                    await transaction.roll_back()
                except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
                    self._drop()  # which rolls it back as well; what went wrong before is the news
                raise

    async def load_stations(self, evse_uids: Sequence[str]) -> dict[str, Station]:
        async with (
            self._connected() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            return await _load(connection, list(evse_uids))

    async def load_live_stations(self) -> dict[str, Station]:
        async with (
            self._connected() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            scope = self._scope
            query = _LIVE.format(here=scope.holds("evse_uid", 1))
            uids = [record["evse_uid"] for record in await connection.fetch(query, *scope.values)]
            return await _load(connection, uids)

    async def edited_stations(self, since: datetime) -> dict[str, datetime]:
        async with self._connected() as connection:
            records = await connection.fetch(
                "SELECT evse_uid, edited_at FROM evse WHERE edited_at >= $1 "
                f"AND {self._scope.holds('evse_uid', 2)}",
                since,
                *self._scope.values,
            )
        return {record["evse_uid"]: record["edited_at"] for record in records}

    async def readings_beyond(self, stations: Collection[Station]) -> AsyncIterator[StationReading]:
        by_id = {station.evse_id: station for station in stations if station.connectors}
        if not by_id:
            return
        async with self._connected() as connection, connection.transaction(readonly=True):
            async for record in connection.cursor(_READINGS_BEYOND, list(by_id), prefetch=2000):
                station, reading = by_id[record["evse_id"]], reading_of(dict(record))
                newest = station.connectors[reading.connector_id].state.newest
                if newest is None or reading.order_key > newest:
                    yield StationReading(station, reading)

    async def load_routes(self) -> list[StationRoute]:
        async with self._connected() as connection:
            return await load_routes(connection)

    async def register_stations(
        self, evse_uids: Sequence[str], dialects: Mapping[str, str] | None = None
    ) -> None:
        async with self._connected() as connection:
            site_id = await connection.fetchval(
                "SELECT id FROM site ORDER BY name = $1 DESC, id LIMIT 1", self._site_name
            )  # it may have been renamed: then the first one
            if site_id is None:
                raise StoreUnavailable("there is no site: `solarrally migrate` makes it")
            await connection.execute(
                "INSERT INTO evse (evse_uid, dialect, site_id) "
                "SELECT uid, dialect, $3 FROM unnest($1::text[], $2::text[]) AS new (uid, dialect) "
                "ON CONFLICT DO NOTHING",
                list(evse_uids),
                [(dialects or {}).get(uid, "native") for uid in evse_uids],
                site_id,
            )

    async def load_tariffs(self) -> dict[int, list[Tariff]]:
        async with self._connected() as connection:
            records = await connection.fetch(
                "SELECT t.id, t.site_id, t.valid_from, t.currency, t.price_solar_per_kwh, "
                "t.price_grid_per_kwh, t.vat_percent, t.elements, "
                "coalesce(t.timezone, s.timezone) AS timezone "
                "FROM tariff t JOIN site s ON s.id = t.site_id ORDER BY t.site_id, t.valid_from"
            )
        tariffs: dict[int, list[Tariff]] = {}
        for record in records:
            tariff = tariff_of(dict(record))
            if tariff.elements:
                _check_timezone(tariff)
            tariffs.setdefault(record["site_id"], []).append(tariff)
        return tariffs

    async def drop_raw(self, now: datetime, keep_days: int) -> list[str]:
        async with self._connected() as connection:
            dropped = await retention.apply(connection, now=now, raw_keep_days=keep_days)
        return [drop.partition for drop in dropped]

    async def roll_up(self, due_before: datetime) -> list[RollupMark]:
        async with self._connected() as connection:
            rolled_up = await roll_up(
                connection,
                due_before=due_before,
                limit=self._rollup_limit,
                rules=self._rollup_rules,
                scope=self._scope,
            )
        self._rollup_limit = next_limit(self._rollup_limit, rolled_up.took_s, target_s=ROLLUP_STEP_S)
        return [RollupMark(*mark) for mark in rolled_up.marks]

    async def parked_counts(self) -> dict[str, int]:
        async with self._connected() as connection:
            records = await connection.fetch(
                f"SELECT evse_uid, count(*) FROM parked_message WHERE {self._scope.holds('evse_uid', 1)} "
                "GROUP BY 1",
                *self._scope.values,
            )
        return {record["evse_uid"]: record["count"] for record in records}

    async def next_parked(self, limit: int) -> list[ParkedDelivery]:
        async with self._connected() as connection:
            query = _NEXT_PARKED.format(here=self._scope.holds("evse_uid", 3))
            records = await connection.fetch(query, limit, PARKED_BYTES_AT_ONCE, *self._scope.values)
        return [
            ParkedDelivery(
                record["id"],
                record["evse_uid"],
                Delivery(
                    topic=record["topic"],
                    payload=record["payload"],
                    qos=0,  # it was acknowledged when it was parked
                    retained=record["retained"],
                    redelivered=record["redelivered"],
                    received_at=record["received_at"],
                    packet_id=0,
                    connection=0,
                ),
                record["import_id"],
            )
            for record in records
        ]

    async def review_alerts(self, now: datetime, rules: AlertRules) -> AlertReview:
        async with self._connected() as connection:
            return await alerts.review(connection, now, rules, has_other_writers=self._has_other_writers)

    async def make_partitions(self, days_ahead: int) -> None:
        async with self._connected() as connection:
            today = datetime.now(UTC).date()
            late = await days_in_default(connection, since=today - timedelta(days=self._own_partition_days))
            await ensure_partitions(connection, [*ahead(today, days_ahead), *late])

    async def count_stations_to_renew(self, now: datetime, ends_before: datetime) -> int:
        async with self._connected() as connection:
            return int(await connection.fetchval(_TO_RENEW, now, ends_before))

    async def prune_rejected(self, *, keep_count: int, keep_bytes: int) -> int:
        async with self._connected() as connection:
            return await prune(connection, keep_count=keep_count, keep_bytes=keep_bytes)

    async def ensure_site(
        self, *, timezone: str, currency: str, price_solar_per_kwh: Decimal, price_grid_per_kwh: Decimal
    ) -> bool:
        """Make the default site and its first tariff where there is no site; whether it was made."""
        async with self._connected() as connection, connection.transaction():
            made = await connection.fetchval(
                "INSERT INTO site (name, timezone, currency) SELECT $1, $2, $3 "
                "WHERE NOT EXISTS (SELECT FROM site) ON CONFLICT DO NOTHING RETURNING id",
                self._site_name,
                timezone,
                currency,
            )
            if made is not None:
                await connection.execute(
                    "INSERT INTO tariff "
                    "(site_id, valid_from, currency, price_solar_per_kwh, price_grid_per_kwh) "
                    "VALUES ($1, 'epoch', $2, $3, $4)",
                    made,
                    currency,
                    price_solar_per_kwh,
                    price_grid_per_kwh,
                )
            return made is not None

    @asynccontextmanager
    async def _connected(self, *, by_lead: bool = False) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        """The connection, for the length of the block; dropped if the block loses it."""
        try:
            with translated():
                if self._connection is None or self._connection.is_closed():
                    if self._shard is not None and not by_lead:
                        # Others look for free shards all the time: one may have had it in between.
                        raise NotLeading("the connection that held the shard was lost")
                    self._connection = await self._connect(by_lead=by_lead)
                yield self._connection
        except StoreUnavailable:
            self._drop()
            raise
        except BaseException:
            # Cancelled or failed in mid-protocol: only a connection outside any transaction can be used
            # again.
            if self._connection is not None and (
                self._connection.is_closed() or self._connection.is_in_transaction()
            ):
                self._drop()
            raise

    async def _connect(self, *, by_lead: bool) -> asyncpg.Connection[asyncpg.Record]:
        connection = await connect(
            self._dsn,
            application_name="solarrally-ingest",
            statement_timeout_s=STATEMENT_TIMEOUT_S,
            answer_timeout_s=ANSWER_TIMEOUT_S,
            server_settings=_NOTICE_OUR_DEATH,
        )
        try:
            if self._shard is not None and not await try_lead(connection, self._shard.lock):
                raise NotLeading(f"another ingestor reads {self._shard.shard.shard_id}")
            if self._must_lead:
                await self._take_office(connection, by_lead=by_lead)
        except NotLeading:
            await connection.close(timeout=5)
            raise
        except BaseException:  # cancelled perhaps: nobody else knows of it
            connection.terminate()
            raise
        return connection

    async def _take_office(self, connection: asyncpg.Connection[asyncpg.Record], *, by_lead: bool) -> None:
        """Begin a term or, over a new connection, go on with ours."""
        if not await try_lead(connection):
            raise NotLeading("another ingestor holds the lock of this database")
        if by_lead or self._term is None:
            self._term = await begin_term(connection)
        elif await present_term(connection) != self._term:
            raise NotLeading("another ingestor led while the connection was lost")

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


def _check_timezone(tariff: Tariff) -> None:
    """Raises `StoreUnavailable` when its elements go by clocks that this machine does not know: ingestion
    waits until that is put right, and nothing is priced wrongly.
    """
    try:
        tariff.place_of(0)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise StoreUnavailable(f"tariff {tariff.id}: no time zone {tariff.timezone!r} here") from error


async def _load(connection: asyncpg.Connection[asyncpg.Record], evse_uids: list[str]) -> dict[str, Station]:
    """Stations with the state of their connectors: the fold's memory and the last session of each."""
    stations: dict[int, Station] = {}
    for record in await connection.fetch(
        "SELECT id, evse_uid, site_id, max_power_w, is_enabled, is_online, edited_at, ("
        "  SELECT array_agg((moved_at, from_site_id) ORDER BY moved_at) FROM evse_move WHERE evse_id = id"
        ") AS moves FROM evse WHERE evse_uid = ANY($1::text[])",
        evse_uids,
    ):
        stations[record["id"]] = Station(
            evse_id=record["id"],
            evse_uid=record["evse_uid"],
            site_id=record["site_id"],
            moves=[(move[0], move[1]) for move in record["moves"] or ()],
            edited_at=record["edited_at"],
            max_power_w=record["max_power_w"],
            is_enabled=record["is_enabled"],
            is_online=record["is_online"],
        )
    records = await connection.fetch(
        f"""
        SELECT c.*, s.fold AS session_fold
        FROM connector c
        LEFT JOIN LATERAL (
            SELECT fold FROM charging_session s
            WHERE s.evse_id = c.evse_id AND s.connector_id = c.connector_id {LAST_FIRST} LIMIT 1
        ) s ON true
        WHERE c.evse_id = ANY($1::int4[])
        """,
        list(stations),
    )
    for record in records:
        station = stations[record["evse_id"]]
        station.connectors[record["connector_id"]] = _connector(station, record)
        received_at = record["received_at"]
        if received_at is not None and (
            station.last_received_at is None or received_at > station.last_received_at
        ):
            station.last_received_at = received_at
    return {station.evse_uid: station for station in stations.values()}


def _connector(station: Station, record: Any) -> Connector:
    number = record["connector_id"]
    state = ConnectorState(evse_uid=station.evse_uid, connector_id=number)
    if record["fold"] is not None:
        fold = fold_of(record["fold"])
        state.newest, state.newest_digests, state.held = fold.newest, fold.newest_digests, fold.held
    if record["session_fold"] is not None:
        state.session = session_of(record["session_fold"])
    return Connector(
        state=state, latest=replace(unseen(station, number), **{name: record[name] for name in _LATEST})
    )
