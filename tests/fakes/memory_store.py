"""A store in memory that behaves as the real one does: the contract tests run the same body on both."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import accumulate, count
from uuid import UUID

from solarrally.domain.alert import AlertReview, AlertRules
from solarrally.domain.bill import Account, Bill
from solarrally.domain.bucket import BUCKET
from solarrally.domain.fleet import Connector, Station, StationFacts, StationRoute
from solarrally.domain.reading import Reading
from solarrally.domain.session import Session
from solarrally.domain.station import ConnectorState
from solarrally.domain.tariff import Tariff
from solarrally.domain.update import CommandUpdate, ConnectorUpdate, SessionUpdate
from solarrally.errors import NotLeading, StoreConflict, StoreRefused, StoreUnavailable
from solarrally.ingest.ports import (
    PARKED_BYTES_AT_ONCE,
    Checkpoint,
    Delivery,
    ImportCount,
    ParkedDelivery,
    RejectedPart,
    RollupMark,
    StationEvent,
    StationReading,
)
from tests.fakes import memory_alerts
from tests.fakes.memory_alerts import Happened, MemoryAlert

TARIFF = Tariff(
    id=1,
    valid_from=datetime(1970, 1, 1, tzinfo=UTC),
    currency="JMD",
    price_solar_per_kwh=Decimal(10),
    price_grid_per_kwh=Decimal(50),
)


@dataclass
class Tables:
    """Everything that is committed."""

    stations: dict[str, Station] = field(default_factory=dict)
    routes: list[StationRoute] = field(default_factory=list)
    dialects: dict[str, str] = field(default_factory=dict)
    readings: dict[tuple[str, int, datetime, int], Reading] = field(default_factory=dict)
    sessions: dict[UUID, Account] = field(default_factory=dict)
    bills: list[Bill] = field(default_factory=list)
    connectors: dict[tuple[str, int], tuple[ConnectorState, ConnectorUpdate]] = field(default_factory=dict)
    rejected: list[RejectedPart] = field(default_factory=list)
    events: list[tuple[str, str]] = field(default_factory=list)
    unsearched_events: list[Happened] = field(default_factory=list)
    """Those that no review of alerts has seen."""
    online_changed_at: dict[str, datetime] = field(default_factory=dict)
    alerts: list[MemoryAlert] = field(default_factory=list)
    marks: set[RollupMark] = field(default_factory=set)
    parked: dict[int, tuple[str, Delivery]] = field(default_factory=dict)
    import_of: dict[int, UUID] = field(default_factory=dict)
    """Of parked messages that are parts of uploaded logs: which one."""
    imported: dict[UUID, ImportCount] = field(default_factory=dict)
    commands: dict[UUID, CommandUpdate] = field(default_factory=dict)
    checkpoints: dict[tuple[str, str], Checkpoint] = field(default_factory=dict)


class MemoryStore:
    """`ingest.ports.Store`. `faults` says of each next transaction `none`, `lost_before_commit` or
    `lost_after_commit`.
    """

    def __init__(self, faults: Iterable[str] = ()) -> None:
        self.tables = Tables()
        self.notices: list[tuple[list[ConnectorUpdate], list[SessionUpdate]]] = []
        self.faults = iter(faults)
        self.poison_status: str | None = None
        self.raw_dropped_before: datetime | None = None
        self.is_led_by_another = False
        self.tariffs = [TARIFF]
        self.said_current: list[bool] = []
        self._numbers = count(1)

    async def lead(self) -> None:
        if self.is_led_by_another:
            raise NotLeading("another one does")

    async def load_checkpoint(self, stream: str, shard_id: str) -> Checkpoint:
        unread = Checkpoint(stream=stream, shard_id=shard_id, sequence_number=None)
        return self.tables.checkpoints.get((stream, shard_id), unread)

    async def say_current(self, is_current: bool) -> None:
        self.said_current.append(is_current)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[MemoryTransaction]:
        await self.lead()
        before = copy.deepcopy(self.tables)
        notices = len(self.notices)
        fault = next(self.faults, "none")
        try:
            yield MemoryTransaction(self)
            if fault == "lost_before_commit":
                raise StoreUnavailable("lost before the commit")
        except BaseException:
            self.tables = before
            del self.notices[notices:]
            raise
        if fault == "lost_after_commit":
            raise StoreUnavailable("lost after the commit, before its answer")

    async def load_stations(self, evse_uids: Sequence[str]) -> dict[str, Station]:
        return {uid: self._load(uid) for uid in evse_uids if uid in self.tables.stations}

    async def load_live_stations(self) -> dict[str, Station]:
        live = {uid for uid, station in self.tables.stations.items() if station.is_online}
        live |= {account.evse_uid for account in self.tables.sessions.values() if account.session.is_active}
        return {uid: self._load(uid) for uid in live}

    async def edited_stations(self, since: datetime) -> dict[str, datetime]:
        return {
            uid: station.edited_at
            for uid, station in self.tables.stations.items()
            if station.edited_at is not None and station.edited_at >= since
        }

    async def readings_beyond(self, stations: Collection[Station]) -> AsyncIterator[StationReading]:
        by_uid = {station.evse_uid: station for station in stations}
        rows = []
        for (uid, number, _, _), reading in self.tables.readings.items():
            station = by_uid.get(uid)
            connector = None if station is None else station.connectors.get(number)
            if station is None or connector is None:
                continue
            newest = connector.state.newest
            if newest is None or reading.order_key > newest:
                rows.append(StationReading(station, reading))
        rows.sort(key=lambda row: (row.station.evse_uid, row.reading.connector_id, row.reading.order_key))
        for row in rows:
            yield row

    async def load_routes(self) -> list[StationRoute]:
        return list(self.tables.routes)

    async def register_stations(
        self, evse_uids: Sequence[str], dialects: Mapping[str, str] | None = None
    ) -> None:
        for uid in evse_uids:
            if uid not in self.tables.stations:
                self.tables.stations[uid] = Station(evse_id=next(self._numbers), evse_uid=uid, site_id=1)
                self.tables.dialects[uid] = (dialects or {}).get(uid, "native")

    async def load_tariffs(self) -> dict[int, list[Tariff]]:
        return {1: self.tariffs}

    async def parked_counts(self) -> dict[str, int]:
        return dict(Counter(uid for uid, _ in self.tables.parked.values()))

    async def next_parked(self, limit: int) -> list[ParkedDelivery]:
        sizes = [len(delivery.payload) for _, (_, delivery) in sorted(self.tables.parked.items())]
        limit = min(limit, sum(before < PARKED_BYTES_AT_ONCE for before in accumulate([0, *sizes[:-1]])))
        waiting = sorted(self.tables.parked.items())[:limit]
        return [
            ParkedDelivery(
                parked_id,
                uid,
                delivery._replace(qos=0, packet_id=0, connection=0),
                self.tables.import_of.get(parked_id),
            )
            for parked_id, (uid, delivery) in waiting
        ]

    async def roll_up(self, due_before: datetime) -> list[RollupMark]:
        due = sorted(mark for mark in self.tables.marks if mark.bucket_start + BUCKET <= due_before)[:2]
        self.tables.marks -= set(due)
        return due

    async def review_alerts(self, now: datetime, rules: AlertRules) -> AlertReview:
        return memory_alerts.review(self.tables, now, rules)

    async def make_partitions(self, days_ahead: int) -> None:
        return

    async def drop_raw(self, now: datetime, keep_days: int) -> list[str]:
        return []

    async def count_stations_to_renew(self, now: datetime, ends_before: datetime) -> int:
        return 0  # nothing here has certificates

    async def prune_rejected(self, *, keep_count: int, keep_bytes: int) -> int:
        pruned = max(0, len(self.tables.rejected) - keep_count)
        del self.tables.rejected[:pruned]
        return pruned

    def _load(self, uid: str) -> Station:
        station = copy.deepcopy(self.tables.stations[uid])
        station.connectors = {}
        station.last_received_at = None
        for (evse_uid, number), (state, latest) in self.tables.connectors.items():
            if evse_uid != uid:
                continue
            loaded = copy.deepcopy(state)
            loaded.session = max(
                self._sessions(uid, number), key=lambda s: (s.started_at, s.start_rank), default=None
            )
            latest = copy.deepcopy(latest)
            station.connectors[number] = Connector(state=loaded, latest=latest)
            if latest.received_at is not None:
                station.last_received_at = max(
                    station.last_received_at or latest.received_at, latest.received_at
                )
        return station

    def _sessions(self, uid: str, number: int) -> list[Session]:
        return [
            copy.deepcopy(account.session)
            for account in self.tables.sessions.values()
            if (account.evse_uid, account.connector_id) == (uid, number)
        ]


class MemoryTransaction:
    """`ingest.ports.Transaction` on the tables of a `MemoryStore`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._tables = store.tables

    async def add_readings(self, rows: Sequence[StationReading]) -> None:
        if len(await self.add_late_readings(rows)) != len(rows):
            raise StoreConflict("a reading is there already")

    async def add_late_readings(self, rows: Sequence[StationReading]) -> list[StationReading]:
        new = []
        for row in rows:
            reading = row.reading
            if self._store.poison_status is not None and reading.status == self._store.poison_status:
                raise StoreRefused("the status is poison")
            key = (row.station.evse_uid, reading.connector_id, reading.ts, reading.digest)
            if key not in self._tables.readings:
                self._tables.readings[key] = reading
                new.append(row)
        return new

    async def already_stored(self, rows: Sequence[StationReading]) -> list[bool]:
        return [
            any(
                uid == row.station.evse_uid
                and number == row.reading.connector_id
                and digest == row.reading.digest
                and stored.device_ts == row.reading.device_ts
                and row.reading.received_at - timedelta(days=1) <= ts <= row.reading.received_at
                for (uid, number, ts, digest), stored in self._tables.readings.items()
            )
            for row in rows
        ]

    async def sessions_around(
        self, station: Station, connector_id: int, ts: datetime
    ) -> tuple[Session | None, list[Session]]:
        sessions = sorted(
            self._store._sessions(station.evse_uid, connector_id), key=lambda s: (s.started_at, s.start_rank)
        )
        started = [index for index, session in enumerate(sessions) if session.started_at < ts]
        if not started:
            return None, sessions
        start = sessions[started[-1]].started_at
        before = [session for session in sessions if session.started_at < start]
        return (before[-1] if before else None), sessions[len(before) :]

    async def held_session_ids(self, ids: Sequence[UUID]) -> set[UUID]:
        return {session_id for session_id in ids if session_id in self._tables.sessions}

    async def readings_since(
        self, station: Station, connector_id: int, ts: datetime
    ) -> AsyncIterator[Reading]:
        found = [
            reading
            for (uid, number, reading_ts, _), reading in self._tables.readings.items()
            if uid == station.evse_uid and number == connector_id and reading_ts >= ts
        ]
        for reading in sorted(found, key=lambda r: r.order_key):
            yield reading

    async def raw_is_complete(self, since: datetime, until: datetime) -> bool:
        return self._store.raw_dropped_before is None or since >= self._store.raw_dropped_before

    async def save_accounts(self, accounts: Sequence[tuple[Station, Account]]) -> None:
        assert len({account.session.id for _, account in accounts}) == len(accounts)  # PostgreSQL refuses it
        for _, account in accounts:
            self._tables.sessions[account.session.id] = copy.deepcopy(account)

    async def delete_sessions(self, ids: Sequence[UUID]) -> None:
        for session_id in ids:
            del self._tables.sessions[session_id]

    async def newest_bills(self, session_ids: Sequence[UUID]) -> dict[UUID, Bill]:
        newest: dict[UUID, Bill] = {}
        for bill in self._tables.bills:
            if bill.session_id in session_ids and (
                bill.session_id not in newest or bill.revision > newest[bill.session_id].revision
            ):
                newest[bill.session_id] = bill
        return newest

    async def add_bills(self, bills: Sequence[Bill]) -> None:
        known = {bill.id for bill in self._tables.bills}
        self._tables.bills += [bill for bill in bills if bill.id not in known]

    async def save_connectors(self, connectors: Sequence[tuple[Station, int]]) -> None:
        for station, number in connectors:
            connector = station.connectors[number]
            self._tables.connectors[station.evse_uid, number] = copy.deepcopy(
                (connector.state, connector.latest)
            )

    async def save_facts(self, facts: Sequence[tuple[Station, StationFacts]]) -> None:
        for station, said in facts:
            stored = self._tables.stations[station.evse_uid]
            if said.max_power_w is not None:
                stored.max_power_w = said.max_power_w
            if said.is_online is not None:
                if said.is_online != stored.is_online:
                    self._tables.online_changed_at[station.evse_uid] = datetime.now(UTC)
                stored.is_online = said.is_online

    async def mark_rollups(self, marks: Sequence[RollupMark]) -> None:
        self._tables.marks |= set(marks)

    async def park(self, parked: Sequence[tuple[str, Delivery]]) -> None:
        for entry in parked:
            self._tables.parked[next(self._store._numbers)] = entry

    async def unpark(self, parked_ids: Sequence[int]) -> None:
        for parked_id in parked_ids:
            del self._tables.parked[parked_id]

    async def count_imported(self, counts: Sequence[ImportCount]) -> None:
        for import_id, *added in counts:
            before = self._tables.imported.get(import_id, ImportCount(import_id, 0, 0, 0))
            self._tables.imported[import_id] = ImportCount(
                import_id, *(was + more for was, more in zip(before[1:], added, strict=True))
            )

    async def save_checkpoint(self, checkpoint: Checkpoint) -> None:
        place = (checkpoint.stream, checkpoint.shard_id)
        self._tables.checkpoints[place] = replace(checkpoint, rejected=())

    async def add_events(self, events: Sequence[StationEvent]) -> None:
        self._tables.events += [(event.station.evse_uid, event.kind) for event in events]
        self._tables.unsearched_events += [
            Happened(event.station.evse_uid, event.connector_id, event.ts, event.kind, event.detail)
            for event in events
        ]

    async def add_rejected(self, parts: Sequence[RejectedPart]) -> None:
        self._tables.rejected += parts

    async def lock_commands(self, ids: Collection[UUID]) -> dict[UUID, CommandUpdate]:
        return {key: self._tables.commands[key] for key in ids if key in self._tables.commands}

    async def save_commands(self, commands: Sequence[CommandUpdate]) -> None:
        self._tables.commands |= {command.id: command for command in commands}

    async def notify(self, connectors: Sequence[ConnectorUpdate], sessions: Sequence[SessionUpdate]) -> None:
        self._store.notices.append((list(connectors), list(sessions)))
