"""The write path: deliveries in, one transaction a batch, acknowledgement after the commit.

There is no timer: while one batch is being committed the next one gathers, so the load sets the batch size. A
batch that fails is processed again from its deliveries, with the state of its stations reloaded, so every
step may be repeated at any point, also by another process.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from solarrally.dialects.routes import Routes
from solarrally.domain.alert import AlertKind
from solarrally.errors import (
    NotLeading,
    RejectedMessage,
    SiteWithoutTariff,
    StoreConflict,
    StoreRefused,
    StoreUnavailable,
)
from solarrally.ingest.batch import Message, fate_of, open_batch
from solarrally.ingest.confirmations import Confirmations
from solarrally.ingest.devices import Devices
from solarrally.ingest.fates import Fate, FateCount
from solarrally.ingest.gathering import Gathering
from solarrally.ingest.moments import Moments
from solarrally.ingest.parking import ParkingPlaces
from solarrally.ingest.ports import (
    Broker,
    Delivery,
    ParkedDelivery,
    Progress,
    RejectedPart,
    Store,
)
from solarrally.ingest.registry import Registry
from solarrally.ingest.rules import IngestRules
from solarrally.ingest.upkeep import FleetUpkeep, Upkeep
from solarrally.ingest.writer import BatchOutcome, Parking, Writer

log = structlog.get_logger()
_T = TypeVar("_T")

UNPARKED_AT_ONCE = 1_000
"""Taken from the parking table between two batches of those who keep to their rate."""
UNPARKING_INTERVAL = timedelta(seconds=1)
"""While a flood comes in, parking goes first: the live stations are behind it in the broker's queue."""


class Stopped(Exception):
    """`stop` was called while waiting for the store."""


class Pipeline:
    """Folds what a broker delivers into what a store keeps. `now` is the clock, handed in."""

    def __init__(
        self,
        broker: Broker,
        store: Store,
        rules: IngestRules,
        now: Callable[[], datetime],
        *,
        routes: Routes | None = None,
        progress: Progress | None = None,
        counts: FateCount | None = None,
    ) -> None:
        """Without `routes` only our own format is understood. `progress` is that of a broker that is read
        from a position: it is saved with the messages; then we are one of several, and what concerns the
        whole fleet is done elsewhere. `counts` may be shared.
        """
        self.counts = counts or FateCount()
        self.routes = routes or Routes(rules.topic_root)
        self.devices = Devices()
        """Those that do not speak our own format."""
        self.is_leading = False
        self.is_store_ok = False
        """Whether the database took what it was last given."""
        self._in_hand_since: datetime | None = None
        self._broker = broker
        self._store = store
        self._rules = rules
        self._now = now
        self.parking = ParkingPlaces(
            topic_root=rules.topic_root, station_rate_limit_hz=rules.station_rate_limit_hz
        )
        self._moments = Moments(self.routes, self.devices)
        self.gathering = Gathering(
            broker, rules, self.parking, self.counts, now, routes=self.routes, moments=self._moments
        )
        self._registry = Registry(store, rules, self.routes.dialect_of)
        self._writer = Writer(store, self._registry, rules)
        self._upkeep = Upkeep(store, self._registry, self._writer, rules)
        self._fleet = FleetUpkeep(store, rules) if progress is None else None
        self._progress = progress
        self._is_said_current = False
        self._confirmations = Confirmations(rules.topic_root)
        self._before_hearing: Callable[[], Awaitable[None]] | None = None
        self._stopping = asyncio.Event()

    @property
    def oldest_received_at(self) -> datetime | None:
        """When the oldest message was received that is not settled yet."""
        return self._in_hand_since or self.gathering.oldest_received_at

    @property
    def stations(self) -> int:
        """How many stations are in memory."""
        return len(self._registry)

    @property
    def stations_to_renew(self) -> int:
        """How many stations have no certificate that lasts."""
        return 0 if self._fleet is None else self._fleet.stations_to_renew

    @property
    def unresolved_alerts(self) -> Mapping[AlertKind, int]:
        """How many alerts of each kind the last review left; kinds without any may be missing."""
        return {} if self._fleet is None else self._fleet.alerts.unresolved

    def before_hearing(self, prepare: Callable[[], Awaitable[None]]) -> None:
        """Do this at the beginning of each lead, before the first message is heard. It must not fail."""
        self._before_hearing = prepare

    def stop(self) -> None:
        """Write what was taken from the broker and return from `run`."""
        self._stopping.set()
        self.gathering.wake()

    async def run(self) -> None:
        """Ingest until `stop`. Survives the loss of the broker, of the database, and of the lead."""
        try:
            while not self._stopping.is_set():
                await self._wait_for_lead()
                try:
                    await self._ingest()
                except NotLeading as error:
                    log.warning("lead_lost", reason=str(error))
                finally:
                    self.is_leading = False
        except Stopped:
            log.warning("stopped_without_database", hint="unacknowledged messages stay with the broker")

    async def _wait_for_lead(self) -> None:
        """Return when this is the one ingestor of the database."""
        is_told = False
        while True:
            try:
                await self._persist(self._store.lead)
            except NotLeading:
                if not is_told:
                    log.info("standing_by", hint="another ingestor is at work on this database")
                    is_told = True
                await self._pause(self._rules.standby_poll_s)
            else:
                self.is_leading = True
                log.info("leading")
                return

    async def _ingest(self) -> None:
        """Load what is known, then settle batch after batch."""
        self._writer.forget()
        self._upkeep.start()
        await self._persist(self._keep_house)
        await self._persist(self._registry.start)
        if self._progress is not None:
            place = self._progress.place
            checkpoint = await self._persist(lambda: self._store.load_checkpoint(*place))
            if checkpoint.is_finished:  # while we were cut off: its stations are others' now
                await self._pause(self._rules.standby_poll_s)
                raise NotLeading("all of it was taken in by another ingestor")
            self._progress.start_after(checkpoint)
            self._is_said_current = False
        self.parking.start(await self._persist(self._store.parked_counts))
        self.routes.learn(await self._persist(self._store.load_routes))
        await self._broker.hear(self.routes.topic_filters)
        if self._before_hearing is not None:
            await self._before_hearing()
        log.info("ingest_started", stations=self.stations, parked=self.parking.waiting)
        async with self._broker.connection():
            gatherer = asyncio.create_task(self.gathering.run(), name="gathering")
            settler = asyncio.create_task(self._loop(gatherer), name="settling")
            try:
                await self._until_done(settler)
            finally:
                settler.cancel()
                gatherer.cancel()
                # What ended the settler was raised by _until_done; here they only have to be gone.
                await asyncio.gather(settler, gatherer, return_exceptions=True)
                self.gathering.take()
                self._moments.forget()
                self._in_hand_since = None

    async def _until_done(self, settler: asyncio.Task[None]) -> None:
        """Wait for its end; after `stop` in bounded time, whatever statement it waits for."""
        stop = asyncio.create_task(self._stopping.wait(), name="stop")
        try:
            await asyncio.wait({settler, stop}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()
        done, _ = await asyncio.wait({settler}, timeout=self._rules.drain_s if self._stopping.is_set() else 0)
        if settler in done:
            settler.result()
        else:
            log.warning(
                "stopped_before_all_was_written",
                messages=len(self.gathering),
                hint="what was not acknowledged stays with the broker",
            )

    async def _loop(self, gatherer: asyncio.Task[None]) -> None:
        next_tick = next_poll = next_confirmation = next_unparking = self._now()
        next_upkeep = self._now() + timedelta(seconds=self._rules.upkeep_s)
        next_review = self._now() + timedelta(seconds=self._rules.alert_interval_s)
        while True:
            if gatherer.done():
                gatherer.result()  # never returns: raises what ended it
            if not self.parking.in_table and not self._stopping.is_set():
                await self.gathering.wait(self._wait_s(next_confirmation, next_poll))
            is_flooded = await self._settle_gathered()
            if self.parking.in_table and (not is_flooded or self._now() >= next_unparking):
                await self._settle_parked()
                next_unparking = self._now() + UNPARKING_INTERVAL
            now = self._now()
            if now >= next_confirmation:
                await self._confirm(self._rules.confirm_share)
                next_confirmation = now + timedelta(seconds=self._rules.confirm_interval_s)
            due_at = self._writer.next_due_at
            if due_at is not None and due_at <= now:
                await self._persist(lambda: self._writer.show_due(self._now()))
            if now >= next_tick:
                await self._persist(
                    lambda: self._upkeep.look_for_silence(self._now(), self._broker.listening_since)
                )
                if self._progress is not None:
                    await self._tell_progress(self._progress)
                next_tick = now + timedelta(seconds=self._rules.tick_s)
            if now >= next_review:
                await self._persist(self._review_alerts)
                next_review = now + timedelta(seconds=self._rules.alert_interval_s)
            if now >= next_poll:
                await self._look_for_parked()
                await self._learn_routes()
                await self._persist(lambda: self._upkeep.learn_edits(self._now()))
                count = await self._persist(lambda: self._upkeep.roll_up(self._now()))
                self.counts.rollups += count
                next_poll = now if count else now + timedelta(seconds=self._rules.poll_s)
            if now >= next_upkeep:
                next_upkeep = now + timedelta(seconds=self._rules.upkeep_s)
                await self._persist(self._keep_house)
            if self._stopping.is_set():
                await self._finish(gatherer)
                return

    async def _keep_house(self) -> None:
        await self._upkeep.keep_house()
        if self._fleet is not None:
            await self._fleet.keep_house(self._now())

    async def _review_alerts(self) -> None:
        if self._fleet is not None:
            await self._fleet.review_alerts(self._now())

    async def _tell_progress(self, progress: Progress) -> None:
        """Records that are no messages move the checkpoint too; and others wait for us to be up to date."""
        if progress.checkpoint_after(()) is not None:
            await self._settle([], [])
        is_current = progress.is_current
        if is_current != self._is_said_current:
            await self._persist(lambda: self._store.say_current(is_current))
            self._is_said_current = is_current

    async def _learn_routes(self) -> None:
        """Somebody may have registered a station with a base topic of its own, or a device announced one."""
        is_changed = self.routes.learn(await self._persist(self._store.load_routes))
        if is_changed or self._moments.has_news:
            self._moments.has_news = False
            await self._broker.hear(self.routes.topic_filters)

    async def _look_for_parked(self) -> None:
        """Somebody else may put messages into the table: those that were rejected, and shall be taken now."""
        if not self.parking.in_table:
            in_table = await self._persist(self._store.parked_counts)
            self.parking.start(in_table, self.gathering.parked_stations)

    def _wait_s(self, next_confirmation: datetime, next_poll: datetime) -> float:
        """How long to wait for messages before something else has to be done."""
        now = self._now()
        waits = [timedelta(seconds=self._rules.tick_s), next_poll - now]
        if self._confirmations:
            waits.append(next_confirmation - now)
        due_at = self._writer.next_due_at
        if due_at is not None:
            waits.append(due_at - now)
        return max(0.0, min(waits).total_seconds())

    async def _finish(self, gatherer: asyncio.Task[None]) -> None:
        """Write what was taken from the broker, and what connectors are behind with."""
        gatherer.cancel()
        self.gathering.end_moments()
        while len(self.gathering):
            await self._settle_gathered()
        await self._persist(lambda: self._writer.show_due(None))
        await self._confirm(1.0)

    async def _settle_gathered(self) -> bool:
        """Write what was gathered, then acknowledge all of it in the order in which it came: Mosquitto may
        have two messages of one packet id under way, and takes an acknowledgement for the older one.

        Whether a flood is coming in: messages to park, and more behind them.
        """
        gathered = self.gathering.take()
        if not gathered.deliveries:
            return False
        self._in_hand_since = gathered.deliveries[0].received_at
        if gathered.messages or gathered.parked or self._progress is not None:
            batch = [message.delivery for message in gathered.messages]
            await self._settle(batch, gathered.messages, into=gathered.parked, passed=gathered.deliveries)
        if gathered.parked:
            self.counts.parked += len(gathered.parked)
            self.parking.stored(len(gathered.parked))
        if gathered.merged:
            self.counts.fates[Fate.MERGED] += gathered.merged
        await self._broker.acknowledge(gathered.deliveries)
        self._in_hand_since = None
        return bool(gathered.parked) and len(gathered.deliveries) >= self._rules.max_batch // 2

    async def _settle_parked(self) -> None:
        """Take in some of what waits in the parking table."""
        waiting = await self._persist(lambda: self._store.next_parked(UNPARKED_AT_ONCE))
        if not waiting:
            log.error("parked_messages_missing", count=self.parking.in_table, hint="who emptied the table?")
            in_table = await self._persist(self._store.parked_counts)
            self.parking.start(in_table, self.gathering.parked_stations)
            return
        parked = {id(entry.delivery): entry for entry in waiting}
        self.counts.unparked += len(waiting)
        await self._settle([entry.delivery for entry in waiting], None, parked=parked)
        self.parking.taken(entry.evse_uid for entry in waiting)

    async def _settle(
        self,
        batch: Sequence[Delivery],
        messages: list[Message] | None,
        *,
        parked: Mapping[int, ParkedDelivery] | None = None,
        into: Sequence[tuple[str, Delivery]] = (),
        passed: Sequence[Delivery] = (),
    ) -> None:
        """Bring every delivery to its fate: stored or rejected, committed, counted.

        `messages` are the deliveries decoded, where that has been done; `into` are others, to be parked.
        `passed` are all deliveries that are then done with: a checkpoint that passes them is saved in the
        same transaction.
        """
        started_s = time.perf_counter()
        checkpoint = None if self._progress is None else self._progress.checkpoint_after(passed)
        attempt = _Attempt(messages)

        async def write() -> tuple[list[Message], BatchOutcome]:
            opened = attempt.take() or self._open(batch)
            if attempt.poison is not None:
                for message in opened:
                    message.reject_all(attempt.poison)
            outcome = await self._writer.write(
                opened,
                self._now(),
                parking=replace(_taken_out(batch, parked), into=into),
                may_conflict=attempt.may_conflict,
                checkpoint=checkpoint,
            )
            return opened, outcome

        written = None
        while written is None:
            try:
                written = await self._persist(write)
            except StoreConflict:
                attempt.may_conflict = True
            except StoreRefused as error:
                if len(batch) > 1:
                    middle = len(batch) // 2
                    half = () if parked else batch[:middle]
                    await self._settle(batch[:middle], None, parked=parked, passed=half)
                    await self._settle(batch[middle:], None, parked=parked, into=into, passed=passed)
                    return
                if not batch or attempt.poison is not None:
                    raise  # nothing that a station said is to blame: what we write beside it is
                log.warning("message_refused_by_database", topic=batch[0].topic, detail=str(error))
                attempt.poison = RejectedMessage("refused_by_database", str(error))
        settled, outcome = written
        self._confirmations.note(settled)
        if batch:
            self.counts.batch_written(len(batch), time.perf_counter() - started_s)
        self._count(settled, outcome)
        if self._progress is not None:
            self._progress.saved(passed, checkpoint)
        if checkpoint is not None:
            self.counts.checkpoints += 1
            self.counts.delivered += len(checkpoint.rejected)
            self.counts.fates[Fate.REJECTED] += len(checkpoint.rejected)
            for part in checkpoint.rejected:
                self._count_rejected(part)

    def _open(self, batch: Sequence[Delivery]) -> list[Message]:
        rules = self._rules
        return open_batch(batch, routes=self.routes, max_payload_bytes=rules.max_payload_bytes)

    async def _confirm(self, share: float) -> None:
        confirmations = self._confirmations.take(share)
        if confirmations:
            await self._broker.publish(confirmations)
            self.counts.confirmations += len(confirmations)

    async def _persist(self, work: Callable[[], Awaitable[_T]]) -> _T:
        """Do it until the database takes it and prices are known, with jittered back-off, or until `stop`."""
        pause_s = self._rules.retry_first_s
        while True:
            try:
                result = await work()
            except NotLeading:
                self.is_store_ok = True
                raise
            except (StoreUnavailable, SiteWithoutTariff) as error:
                self.counts.batch_retries += 1
                wait_s = pause_s * random.uniform(0.5, 1.0)
                self._warn_of(error, wait_s)
                pause_s = min(pause_s * 2, self._rules.retry_longest_s)
                await self._pause(wait_s)
            else:
                self.is_store_ok = True
                return result

    def _warn_of(self, error: StoreUnavailable | SiteWithoutTariff, retry_in_s: float) -> None:
        """A missing tariff is no fault of the database, which has answered."""
        self.is_store_ok = isinstance(error, SiteWithoutTariff)
        retry_in_s = round(retry_in_s, 2)
        if isinstance(error, SiteWithoutTariff):
            log.warning(
                "site_without_tariff", site_id=error.site_id, evse_uid=error.evse_uid, retry_in_s=retry_in_s
            )
        else:
            log.warning("database_unavailable", error=str(error), retry_in_s=retry_in_s)

    async def _pause(self, wait_s: float) -> None:
        try:
            async with asyncio.timeout(wait_s):
                await self._stopping.wait()
        except TimeoutError:
            return
        raise Stopped

    def _count(self, messages: Sequence[Message], outcome: BatchOutcome) -> None:
        counts = self.counts
        counts.readings_late += outcome.late
        counts.readings_late_not_folded += outcome.late_not_folded
        counts.readings_distrusted_clock += outcome.distrusted_clock
        counts.readings_implausible += outcome.implausible
        counts.sessions_refolded += outcome.refolded_sessions
        for command in outcome.commands:
            counts.command_changed(command, command.status)
        counts.results_without_effect += outcome.results_without_effect
        if outcome.conflicts_unexplained:
            counts.conflicts_unexplained += outcome.conflicts_unexplained
            log.error(
                "readings_conflict", count=outcome.conflicts_unexplained, hint="is a second ingestor running?"
            )
        for message in messages:
            counts.fates[fate_of(message)] += 1
            counts.readings_stored += message.stored
            counts.readings_duplicate += message.duplicates
            if message.decoded is not None:
                counts.unknown_fields += message.decoded.unknown_fields
            for part in message.rejected:
                self._count_rejected(part)

    def _count_rejected(self, part: RejectedPart) -> None:
        self.counts.reasons[part.reason] += 1
        log.info(
            "message_rejected",
            topic=part.topic,
            reason=part.reason,
            field=part.field,
            detail=part.detail,
        )


def _taken_out(batch: Sequence[Delivery], parked: Mapping[int, ParkedDelivery] | None) -> Parking:
    """The batch as what it was in the parking table, if it comes from there."""
    if parked is None:
        return Parking()
    entries = [parked[id(delivery)] for delivery in batch]
    return Parking(
        out_of=[entry.parked_id for entry in entries],
        imports={id(entry.delivery): entry.import_id for entry in entries if entry.import_id is not None},
    )


class _Attempt:
    """What the next attempt at a batch must do differently."""

    def __init__(self, messages: list[Message] | None) -> None:
        self._messages = messages
        self.may_conflict = False
        self.poison: RejectedMessage | None = None

    def take(self) -> list[Message] | None:
        """The decoded messages, for the first attempt only: writing changes them."""
        messages, self._messages = self._messages, None
        return messages
