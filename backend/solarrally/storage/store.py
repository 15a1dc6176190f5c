"""The database as ingestion sees it: one connection, since one ingestor writes one batch at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg

from solarrally.domain.fleet import Connector, Station, unseen
from solarrally.domain.station import ConnectorState
from solarrally.domain.tariff import Tariff
from solarrally.errors import StoreUnavailable
from solarrally.storage.engine import connect
from solarrally.storage.failures import translated
from solarrally.storage.partitions import ahead, days_in_default, ensure_partitions
from solarrally.storage.rows import fold_of, session_of
from solarrally.storage.transaction import LAST_FIRST, PostgresTransaction

_LATEST = """
    ts received_at status reported_status power_w voltage_v current_a temperature_c soc_percent
    energy_source error_code quality
""".split()  # noqa: SIM905  a list of words reads better than quotes and commas
_LIVE = (
    "SELECT evse_uid FROM evse WHERE is_online "
    "UNION SELECT e.evse_uid FROM charging_session s JOIN evse e ON e.id = s.evse_id "
    "WHERE s.status = 'ACTIVE'"
)

OWN_PARTITION_DAYS = 90
"""Late readings of a day this recent get their partition; older ones stay in the default one."""


class PostgresStore:
    """`ingest.ports.Store`. The connection is opened when first needed and again after every loss."""

    def __init__(self, dsn: str, *, site_name: str) -> None:
        self._dsn = dsn
        self._site_name = site_name
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    async def close(self) -> None:
        if self._connection is not None and not self._connection.is_closed():
            await self._connection.close(timeout=5)
        self._connection = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[PostgresTransaction]:
        async with self._connected() as connection, connection.transaction():
            yield PostgresTransaction(connection)

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
            uids = [record["evse_uid"] for record in await connection.fetch(_LIVE)]
            return await _load(connection, uids)

    async def register_stations(self, evse_uids: Sequence[str]) -> None:
        async with self._connected() as connection:
            site_id = await connection.fetchval("SELECT id FROM site WHERE name = $1", self._site_name)
            if site_id is None:
                raise StoreUnavailable(
                    f"no site {self._site_name!r} (SOLARRALLY_SITE_NAME): `solarrally migrate` makes it"
                )
            await connection.execute(
                "INSERT INTO evse (evse_uid, site_id) SELECT uid, $2 FROM unnest($1::text[]) AS uid "
                "ON CONFLICT DO NOTHING",
                list(evse_uids),
                site_id,
            )

    async def load_tariffs(self) -> dict[int, list[Tariff]]:
        async with self._connected() as connection:
            records = await connection.fetch(
                "SELECT id, site_id, valid_from, currency, price_solar_per_kwh, price_grid_per_kwh "
                "FROM tariff ORDER BY site_id, valid_from"
            )
        tariffs: dict[int, list[Tariff]] = {}
        for record in records:
            values = dict(record)
            tariffs.setdefault(values.pop("site_id"), []).append(Tariff(**values))
        return tariffs

    async def make_partitions(self, days_ahead: int) -> None:
        async with self._connected() as connection:
            today = datetime.now(UTC).date()
            late = await days_in_default(connection, since=today - timedelta(days=OWN_PARTITION_DAYS))
            await ensure_partitions(connection, [*ahead(today, days_ahead), *late])

    async def prune_rejected(self, keep_count: int) -> int:
        async with self._connected() as connection:
            status = await connection.execute(
                "DELETE FROM rejected_message WHERE id <= "
                "(SELECT id FROM rejected_message ORDER BY id DESC OFFSET $1 LIMIT 1)",
                keep_count,
            )
        return int(status.rpartition(" ")[2])

    async def ensure_site(
        self, *, timezone: str, currency: str, price_solar_per_kwh: Decimal, price_grid_per_kwh: Decimal
    ) -> bool:
        """Make the default site and its first tariff where they are missing; whether the site was made."""
        async with self._connected() as connection, connection.transaction():
            made = await connection.fetchval(
                "INSERT INTO site (name, timezone, currency) VALUES ($1, $2, $3) "
                "ON CONFLICT DO NOTHING RETURNING id",
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
    async def _connected(self) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        """The connection, for the length of the block; dropped if the block loses it."""
        try:
            with translated():
                if self._connection is None or self._connection.is_closed():
                    self._connection = await connect(self._dsn, application_name="solarrally-ingest")
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

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


async def _load(connection: asyncpg.Connection[asyncpg.Record], evse_uids: list[str]) -> dict[str, Station]:
    """Stations with the state of their connectors: the fold's memory and the last session of each."""
    stations: dict[int, Station] = {}
    for record in await connection.fetch(
        "SELECT id, evse_uid, site_id, max_power_w, is_enabled, is_online FROM evse "
        "WHERE evse_uid = ANY($1::text[])",
        evse_uids,
    ):
        stations[record["id"]] = Station(
            evse_id=record["id"],
            evse_uid=record["evse_uid"],
            site_id=record["site_id"],
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
