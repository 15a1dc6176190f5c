"""What the pipeline needs of a broker and of a store. Adapters live in `brokers` and `storage`; tests have
fakes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from solarrally.domain.alert import AlertReview, AlertRules
from solarrally.domain.bill import Account, Bill
from solarrally.domain.command import CommandResult
from solarrally.domain.fleet import Station, StationFacts, StationRoute
from solarrally.domain.reading import Reading
from solarrally.domain.session import Session
from solarrally.domain.tariff import Tariff
from solarrally.domain.update import CommandUpdate, ConnectorUpdate, SessionUpdate

KEPT_PAYLOAD_BYTES = 16_384
"""Of a rejected message so much is kept: enough to see what it was."""
PARKED_BYTES_AT_ONCE = 500_000
"""Parked messages are taken in by so much at a time: an array holds hundreds of readings."""


class Delivery(NamedTuple):
    """One message as the broker handed it over. A tuple: one is made for every message there is."""

    topic: str
    payload: bytes
    qos: int
    retained: bool
    redelivered: bool
    """The broker sent it before (DUP): we may have stored it and died before acknowledging."""
    received_at: datetime
    packet_id: int
    connection: int
    """Which connection it came by: an acknowledgement is good on that one only."""


class Broker(Protocol):
    """A source of deliveries that reconnects by itself."""

    @property
    def listening_since(self) -> datetime | None:
        """Since when we hear everything; None while disconnected."""

    def connection(self) -> AbstractAsyncContextManager[object]:
        """Connected, and again after every loss, for the length of the block."""

    async def hear(self, topic_filters: Collection[str]) -> None:
        """Beside what it was made for, listen to these, and to nothing that was asked for before. Also while
        disconnected; a filter that the broker refuses is logged.
        """

    async def next_batch(self, limit: int, timeout_s: float) -> list[Delivery]:
        """What has arrived, oldest first, at most `limit`; empty when nothing came within `timeout_s`."""

    async def acknowledge(self, deliveries: Iterable[Delivery]) -> None:
        """Tell the broker that these are safe. Those of a past connection are skipped: it will deliver them
        again.
        """

    async def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Send topics and payloads with QoS 0; dropped while disconnected."""


class FailedAction(NamedTuple):
    """A message that a rule could not hand on, out of the queue where it put it instead."""

    handle: str
    """By which the queue forgets it."""
    received_at: datetime
    topic: str
    payload: bytes
    why: str
    """What the rule says of its failure."""
    rejected: RejectedPart | None
    """The entry, where it is not of that kind; nothing else is said then."""


class FailedActions(Protocol):
    """The queue of them, which forgets what is deleted only. Raises `StreamError`."""

    async def receive(self) -> list[FailedAction]:
        """Some of what waits; empty when nothing came for a while."""

    async def delete(self, actions: Sequence[FailedAction]) -> None:
        """They are safe with us."""


class RecoveryStore(Protocol):
    """Where such messages wait for their turn. Raises `StoreUnavailable`."""

    async def take_up(
        self, parked: Sequence[tuple[str, FailedAction]], rejected: Sequence[RejectedPart]
    ) -> None:
        """Park messages, by station, and keep what cannot be used: all of it or nothing. Again is no harm."""


class Progress(Protocol):
    """How far a source has come that is read from a position, and does not know what was acknowledged."""

    @property
    def place(self) -> tuple[str, str]:
        """The stream and the shard."""

    @property
    def is_current(self) -> bool:
        """Whether nothing that waits, read or not, has waited for more than a moment."""

    def start_after(self, checkpoint: Checkpoint) -> None:
        """Deliver what comes after it, from the next connection on."""

    def checkpoint_after(self, deliveries: Iterable[Delivery]) -> Checkpoint | None:
        """What may be saved with the transaction that settles these: no delivery before it is open then.
        None: nothing new.
        """

    def saved(self, deliveries: Iterable[Delivery], checkpoint: Checkpoint | None) -> None:
        """These are settled, and this checkpoint is saved."""


class StationReading(NamedTuple):
    """A reading and the station it is of."""

    station: Station
    reading: Reading


class RollupMark(NamedTuple):
    """A quarter of an hour of one connector whose rollup is to be computed (again)."""

    evse_id: int
    connector_id: int
    bucket_start: datetime


class ParkedDelivery(NamedTuple):
    """A delivery that waits in the database for its turn."""

    parked_id: int
    evse_uid: str
    delivery: Delivery
    import_id: UUID | None = None
    """Of the uploaded log it is a part of."""


class ImportCount(NamedTuple):
    """What became of some lines of an uploaded log."""

    import_id: UUID
    stored: int
    duplicate: int
    rejected: int


@dataclass(slots=True, frozen=True, kw_only=True)
class RejectedPart:
    """A message, or a part of one, that cannot be used: kept for inspection."""

    received_at: datetime
    topic: str
    reason: str
    field: str | None
    detail: str
    payload: bytes


@dataclass(slots=True, frozen=True, kw_only=True)
class StationEvent:
    """Something that happened to a station: `online`, `offline`, `faulted`, `recovered`."""

    station: Station
    connector_id: int | None
    ts: datetime
    kind: str
    detail: str | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class Checkpoint:
    """How far a shard of a stream has been taken in."""

    stream: str
    shard_id: str
    sequence_number: str | None
    """Of the last record taken in; None before the first."""
    is_finished: bool = False
    """The shard has ended, and all of it is taken in."""
    rejected: Sequence[RejectedPart] = ()
    """Records since the checkpoint before that are no messages: to be kept with it."""


class Transaction(Protocol):
    """One batch, all of it or nothing. Raises `StoreUnavailable` or `StoreRefused`."""

    async def add_readings(self, rows: Sequence[StationReading]) -> None:
        """Store readings that are new as far as we know; `StoreConflict` when one is not."""

    async def add_late_readings(self, rows: Sequence[StationReading]) -> list[StationReading]:
        """Store readings that may be known already; those that were not."""

    async def already_stored(self, rows: Sequence[StationReading]) -> list[bool]:
        """Whether a reading filed under its receipt was stored before, when it was first delivered."""

    async def sessions_around(
        self, station: Station, connector_id: int, ts: datetime
    ) -> tuple[Session | None, list[Session]]:
        """Sessions in order from the last one that started before `ts`, and the one before them."""

    async def held_session_ids(self, ids: Sequence[UUID]) -> set[UUID]:
        """Those of `ids` that some session has."""

    def readings_since(self, station: Station, connector_id: int, ts: datetime) -> AsyncIterator[Reading]:
        """Stored readings from `ts` on, in order."""

    async def raw_is_complete(self, since: datetime, until: datetime) -> bool:
        """Whether no readings of these days were ever dropped."""

    async def save_accounts(self, accounts: Sequence[tuple[Station, Account]]) -> None:
        """Insert or replace sessions."""

    async def delete_sessions(self, ids: Sequence[UUID]) -> None: ...

    async def newest_bills(self, session_ids: Sequence[UUID]) -> dict[UUID, Bill]: ...

    async def add_bills(self, bills: Sequence[Bill]) -> None: ...

    async def save_connectors(self, connectors: Sequence[tuple[Station, int]]) -> None:
        """Store the newest of these connectors and the state of their fold."""

    async def save_facts(self, facts: Sequence[tuple[Station, StationFacts]]) -> None:
        """What stations say of themselves, one entry a station."""

    async def mark_rollups(self, marks: Sequence[RollupMark]) -> None:
        """Have these computed; those that are marked stay so."""

    async def park(self, parked: Sequence[tuple[str, Delivery]]) -> None:
        """Keep deliveries of stations (by `evse_uid`) until it is their turn."""

    async def unpark(self, parked_ids: Sequence[int]) -> None:
        """They were taken in: forget them."""

    async def count_imported(self, counts: Sequence[ImportCount]) -> None:
        """Add to the counts of these imports, one entry each."""

    async def save_checkpoint(self, checkpoint: Checkpoint) -> None:
        """What this transaction holds is taken in up to there. What it says of rejected records is for
        `add_rejected`.
        """

    async def add_events(self, events: Sequence[StationEvent]) -> None: ...

    async def add_rejected(self, parts: Sequence[RejectedPart]) -> None: ...

    async def lock_commands(self, ids: Collection[UUID]) -> dict[UUID, CommandUpdate]:
        """Those commands of `ids` that exist; nobody else changes them until the transaction ends."""

    async def save_commands(self, commands: Sequence[CommandUpdate]) -> None:
        """Store how far these have come, and tell live watchers when the transaction commits."""

    async def notify(self, connectors: Sequence[ConnectorUpdate], sessions: Sequence[SessionUpdate]) -> None:
        """Tell live watchers, when the transaction commits."""


class Store(Protocol):
    """The database, as the pipeline sees it. Everything but `lead` raises `NotLeading` without the lock."""

    async def lead(self) -> None:
        """Become the one ingestor of this database, or of this shard of a stream; `NotLeading` while another
        is.
        """

    async def load_checkpoint(self, stream: str, shard_id: str) -> Checkpoint:
        """How far the shard has been taken in."""

    async def say_current(self, is_current: bool) -> None:
        """Let the other ingestors know whether the shard of this store is taken in up to now."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Commits at the end of the block, rolls back on an exception."""

    async def load_stations(self, evse_uids: Sequence[str]) -> dict[str, Station]:
        """Registered stations with the state of their connectors as last written; unknown ones are
        missing.
        """

    async def load_live_stations(self) -> dict[str, Station]:
        """Stations that are online or have a running session: silence may change them."""

    async def edited_stations(self, since: datetime) -> dict[str, datetime]:
        """Stations whose entry somebody changed from then on, and when."""

    def readings_beyond(self, stations: Collection[Station]) -> AsyncIterator[StationReading]:
        """Stored readings newer than the written state of their connector, in order: to be folded again."""

    async def register_stations(
        self, evse_uids: Sequence[str], dialects: Mapping[str, str] | None = None
    ) -> None:
        """Add stations to the default site, with their dialects (native when not named); those that exist
        stay as they are.
        """

    async def load_routes(self) -> list[StationRoute]:
        """The stations that are registered with a base topic."""

    async def load_tariffs(self) -> dict[int, list[Tariff]]:
        """Tariff versions by site, oldest first. Every site has at least one."""

    async def parked_counts(self) -> dict[str, int]:
        """How many deliveries of each station wait."""

    async def next_parked(self, limit: int) -> list[ParkedDelivery]:
        """Those that wait for longest, in order: at most `limit`, and of long ones no more
        than hold `PARKED_BYTES_AT_ONCE`.
        """

    async def roll_up(self, due_before: datetime) -> list[RollupMark]:
        """Compute some rollups of quarters that ended by then, for a few milliseconds; their marks are
        gone.
        """

    async def review_alerts(self, now: datetime, rules: AlertRules) -> AlertReview:
        """Open, change and resolve alerts so that they say what is wrong now, and tell live watchers."""

    async def make_partitions(self, days_ahead: int) -> None:
        """Make sure of the partitions of today, of the days ahead and of recent days that lack theirs."""

    async def drop_raw(self, now: datetime, keep_days: int) -> list[str]:
        """Drop raw readings older than so many days, once they are rolled up; what was dropped."""

    async def count_stations_to_renew(self, now: datetime, ends_before: datetime) -> int:
        """Stations with a certificate that holds, and none that holds until then or longer."""

    async def prune_rejected(self, *, keep_count: int, keep_bytes: int) -> int:
        """Drop the oldest rejected messages; how many."""


class OutgoingCommand(NamedTuple):
    """A command on its way to a station."""

    id: UUID
    evse_uid: str
    dialect: str
    base_topic: str | None
    """Of the registry."""
    connector_id: int | None
    command: str
    params: dict[str, Any]
    expires_at: datetime
    expires_in_s: float
    """From the moment it was read, by the clock of the store."""
    tried_at: datetime
    """When it was first taken to be sent, by the clock of the store."""


class CommandOutbox(Protocol):
    """The commands of the store, over a connection of its own. Raises `StoreUnavailable`."""

    def connected(self) -> AbstractAsyncContextManager[None]:
        """Connected for the length of the block; everything else needs it."""

    async def claim(self, limit: int) -> list[OutgoingCommand]:
        """Pending commands, oldest first, with at least a second left. From here on they may be with the
        broker.
        """

    async def under_way(self) -> list[OutgoingCommand]:
        """Those that may be with their stations, and have not come to their end."""

    async def mark_sent(self, ids: Collection[UUID]) -> list[CommandUpdate]:
        """The broker has these; those that changed by it."""

    async def answer(self, results: Sequence[CommandResult]) -> list[CommandUpdate]:
        """Take these for answers of the stations; those commands that changed by it."""

    async def lapse(self, *, of_stations: bool, completion_timeout_s: float) -> list[CommandUpdate]:
        """End the commands whose time is over; those that changed. Unless `of_stations`, only those that no
        station can have answered.
        """

    async def wait(self, timeout_s: float) -> None:
        """Return when there may be a new command, after `timeout_s` at the latest."""


class CommandPublisher(Protocol):
    """A connection to the broker that is made again by itself."""

    @property
    def is_connected(self) -> bool: ...

    def connection(self) -> AbstractAsyncContextManager[object]:
        """Connected, and again after every loss, for the length of the block."""

    async def publish(self, topic: str, payload: bytes, *, expires_in_s: int) -> bool:
        """Send with QoS 1; whether the broker has acknowledged it. It drops what it could not deliver within
        `expires_in_s`.
        """
