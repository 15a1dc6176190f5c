"""One batch into the store, in one transaction: readings, what they make of sessions, and what was
rejected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from solarrally.domain.command import CommandResult
from solarrally.domain.fleet import Station, StationFacts
from solarrally.domain.reading import CLOCK_DISTRUSTED, UNDATED, ConnectorStatus, Reading
from solarrally.domain.station import judged_quality, observe
from solarrally.domain.update import CommandUpdate
from solarrally.errors import RejectedMessage
from solarrally.ingest.answers import take_answers
from solarrally.ingest.arrivals import Arrivals
from solarrally.ingest.batch import Message
from solarrally.ingest.changes import Changes
from solarrally.ingest.late import refold
from solarrally.ingest.marks import Marks
from solarrally.ingest.ports import (
    Checkpoint,
    Delivery,
    ImportCount,
    RollupMark,
    StationEvent,
    StationReading,
    Store,
    Transaction,
)
from solarrally.ingest.registry import EARLIEST, Registry
from solarrally.ingest.rules import IngestRules
from solarrally.ingest.showing import Showing


@dataclass(slots=True)
class BatchOutcome:
    """Counts of one committed batch, by reading."""

    readings: int = 0
    late: int = 0
    late_not_folded: int = 0
    refolded_sessions: int = 0
    conflicts_unexplained: int = 0
    distrusted_clock: int = 0
    implausible: int = 0
    commands: list[CommandUpdate] = field(default_factory=list)
    """What became of commands, change by change."""
    results_without_effect: int = 0


@dataclass(slots=True)
class Parking:
    """Deliveries that change their place with the batch."""

    into: Sequence[tuple[str, Delivery]] = ()
    """By station: to be kept until it is their turn."""
    out_of: Sequence[int] = ()
    """Taken from there, and written with this batch."""
    imports: Mapping[int, UUID] = field(default_factory=dict)
    """Of deliveries (by `id`) that are parts of uploaded logs: which one."""


_NO_PARKING = Parking()


@dataclass(slots=True)
class _Batch:
    """What becomes of a batch before it is written."""

    places: list[Arrivals] = field(default_factory=list)
    facts: dict[str, tuple[Station, StationFacts]] = field(default_factory=dict)
    undated_again: list[tuple[StationReading, bool]] = field(default_factory=list)
    """Redelivered readings filed under their receipt, and whether the batch holds an earlier copy."""
    results: list[tuple[Message, CommandResult]] = field(default_factory=list)
    """Answers to commands, in the order in which they came."""


class Writer:
    """Stores batches. After any failure the stations of the batch are forgotten, so that it can simply be
    tried again.
    """

    def __init__(self, store: Store, registry: Registry, rules: IngestRules) -> None:
        self._store = store
        self._registry = registry
        self._rules = rules
        self._showing = Showing(rules.show_interval_s)
        self._marks = Marks()

    @property
    def next_due_at(self) -> datetime | None:
        """When `show_due` has something to do: at once where a crash left something unwritten, since such a
        station may have nothing more to say.
        """
        return EARLIEST if self._registry.has_recovered else self._showing.next_due_at

    def forget(self) -> None:
        """Start anew from what is in the database."""
        self._showing.forget()
        self._marks.forget()

    def rolled_up(self, marks: Sequence[RollupMark]) -> None:
        """These marks are gone from the database."""
        self._marks.computed(marks)

    async def write(
        self,
        messages: Sequence[Message],
        now: datetime,
        *,
        parking: Parking = _NO_PARKING,
        may_conflict: bool = False,
        checkpoint: Checkpoint | None = None,
    ) -> BatchOutcome:
        """Commit what the messages say, and that the source is taken in up to `checkpoint`; each message then
        knows how many of its readings were new.

        With `may_conflict` readings thought to be new may be there already; without it, that is
        `StoreConflict`.
        """
        wanted = {
            m.decoded.evse_uid
            for m in messages
            if m.decoded and (m.decoded.readings or m.decoded.facts or m.decoded.result)
        }
        changes = Changes()
        try:
            await self._registry.require(wanted)
            async with self._store.transaction() as tx:
                outcome, marks = await self._write(
                    tx, messages, changes, now, parking, may_conflict, checkpoint
                )
        except BaseException:
            self._registry.forget(wanted | changes.stations)
            raise
        self._marks.written(marks)
        return outcome

    async def show_due(self, now: datetime | None) -> None:
        """Write and announce the connectors whose turn has come; all that are behind where `now` is None."""
        changes = Changes()
        self._include_recovered(changes)
        self._include_due(changes, now)
        if not changes:
            return
        try:
            async with self._store.transaction() as tx:
                await changes.write(tx, self._registry, self._rules.session)
        except BaseException:
            self._registry.forget(changes.stations)
            raise

    def _include_due(self, changes: Changes, now: datetime | None) -> None:
        for station, connector_id in self._showing.take_due(now):
            if self._registry.get(station.evse_uid) is station:  # else it was forgotten, and is loaded anew
                changes.connector(station, connector_id)

    def _include_recovered(self, changes: Changes) -> None:
        """What was found after a crash is written before anything new is made of it."""
        for station, connector_id, sessions in self._registry.take_recovered():
            changes.connector(station, connector_id)
            for session in sessions:
                changes.session(station, connector_id, session)

    async def _write(
        self,
        tx: Transaction,
        messages: Sequence[Message],
        changes: Changes,
        now: datetime,
        parking: Parking,
        may_conflict: bool,
        checkpoint: Checkpoint | None,
    ) -> tuple[BatchOutcome, set[RollupMark]]:
        outcome = BatchOutcome()
        self._include_recovered(changes)
        batch = self._sort(messages, changes, outcome)
        if batch.results:
            answers = await take_answers(tx, batch.results)
            outcome.commands, outcome.results_without_effect = answers.changes, answers.without_effect
        changes.rejected = [part for message in messages for part in message.rejected]
        if parking.into:
            await tx.park(parking.into)
        if parking.out_of:
            await tx.unpark(parking.out_of)
        if batch.facts:
            await tx.save_facts(list(batch.facts.values()))
        known = await self._stored_before(tx, batch)
        marks: set[RollupMark] = set()
        fresh, late = [], []
        for place in batch.places:
            place.sort_out(known)
            station = place.station
            fresh += [StationReading(station, reading) for reading in place.fresh]
            late += [StationReading(station, reading) for reading, _ in place.late]
        if fresh:
            if may_conflict:
                outcome.conflicts_unexplained = len(fresh) - len(await tx.add_late_readings(fresh))
            else:
                await tx.add_readings(fresh)
        new_late = [row.reading for row in await tx.add_late_readings(late)] if late else []
        outcome.readings, outcome.late = len(fresh) + len(new_late), len(new_late)
        for place in batch.places:
            if place.late:
                place.settle_late(new_late)
            instants = sorted([r.ts for r, _ in place.late]) + [r.ts for r in place.fresh]
            if instants:
                marks |= self._marks.missing(place.station, place.connector_id, instants)
            if place.late:
                await self._fold_late(tx, place, changes, outcome)
            else:
                self._fold(place, changes, now)
        if marks:
            await tx.mark_rollups(list(marks))
        if parking.imports:
            await tx.count_imported(import_counts(messages, parking.imports))
        self._include_due(changes, now)
        if checkpoint is not None:
            changes.rejected += checkpoint.rejected
            await tx.save_checkpoint(checkpoint)
        await changes.write(tx, self._registry, self._rules.session)
        return outcome, marks

    def _sort(self, messages: Sequence[Message], changes: Changes, outcome: BatchOutcome) -> _Batch:
        """Readings by connector, marked for plausibility; facts by station; strangers turned away."""
        batch = _Batch()
        places: dict[tuple[str, int], Arrivals] = {}
        undated: set[tuple[str, int, int]] = set()
        default_max_power_w = self._rules.default_max_power_w
        get = self._registry.get
        for message in messages:
            decoded = message.decoded
            if decoded is None or not (decoded.readings or decoded.facts or decoded.result):
                continue
            delivery, evse_uid = message.delivery, decoded.evse_uid
            station = get(evse_uid)
            if station is None:
                message.reject_all(
                    RejectedMessage("unknown_station", "not registered; add it, or allow registration")
                )
                continue
            if not station.is_enabled:
                message.reject_all(
                    RejectedMessage("station_disabled", "the station is registered and disabled")
                )
                continue
            if decoded.result is not None:
                batch.results.append((message, decoded.result))
            if decoded.facts is not None or not station.is_online:
                _take_facts(station, message, decoded.facts, batch, changes)
            if not delivery.retained and (
                station.last_received_at is None or delivery.received_at > station.last_received_at
            ):
                station.last_received_at = delivery.received_at
            max_power_w = station.max_power_w or default_max_power_w
            for reading in decoded.readings:
                marks = judged_quality(reading, max_power_w)
                if marks:
                    outcome.implausible += 1
                    reading = reading._replace(quality=reading.quality | marks)
                if reading.quality & UNDATED:
                    outcome.distrusted_clock += bool(reading.quality & CLOCK_DISTRUSTED)
                    identity = (evse_uid, reading.connector_id, reading.digest)
                    if delivery.redelivered:
                        row = StationReading(station, reading)
                        batch.undated_again.append((row, identity in undated))
                    undated.add(identity)
                key = (evse_uid, reading.connector_id)
                place = places.get(key)
                if place is None:
                    place = places[key] = Arrivals(station, reading.connector_id)
                    batch.places.append(place)
                place.add(reading, message)
        return batch

    async def _stored_before(self, tx: Transaction, batch: _Batch) -> set[int]:
        """Redelivered readings filed under their receipt that were filed before, under an earlier one."""
        if not batch.undated_again:
            return set()
        rows = [row for row, _ in batch.undated_again]
        stored = await tx.already_stored(rows)
        return {
            id(row.reading)
            for (row, is_copy), is_stored in zip(batch.undated_again, stored, strict=True)
            if is_copy or is_stored
        }

    def _fold(self, place: Arrivals, changes: Changes, now: datetime) -> None:
        """Readings newer than everything known: the fold goes on."""
        if not place.fresh:
            return
        station, connector_id, connector = place.station, place.connector_id, place.connector
        rules = self._rules.session
        max_power_w = station.max_power_w or self._rules.default_max_power_w
        state = connector.state
        is_urgent = False
        for reading in place.fresh:
            before = state.session
            was_active = before is not None and before.ended_at is None
            changed = observe(state, reading, rules, max_power_w)
            if changed and not (
                was_active and len(changed) == 1 and changed[0] is before and before.ended_at is None
            ):
                is_urgent = True
                for session in changed:
                    changes.session(station, connector_id, session)
            self._take(place, reading, changes)
        is_due = self._showing.is_due(station, connector_id, now)
        if is_urgent or is_due:
            changes.connector(station, connector_id)

    async def _fold_late(
        self, tx: Transaction, place: Arrivals, changes: Changes, outcome: BatchOutcome
    ) -> None:
        """Readings that change history: the sessions they touch are derived again."""
        station, connector_id, connector = place.station, place.connector_id, place.connector
        rules = self._rules.session
        max_power_w = station.max_power_w or self._rules.default_max_power_w
        refolded = await refold(
            tx,
            station,
            connector,
            oldest=place.late[0][0].ts,
            settled_after=place.late[-1][0].ts,
            rules=rules,
            max_power_w=max_power_w,
        )
        if refolded is None:
            outcome.late_not_folded += len(place.late)
        else:
            for session in refolded.sessions:
                changes.session(station, connector_id, session, corrected=True)
            for session in refolded.dissolved:
                changes.dissolved(station, connector_id, session)
            outcome.refolded_sessions += len(refolded.sessions)
        for reading in place.fresh:
            if refolded is None or refolded.converged:
                for session in observe(connector.state, reading, rules, max_power_w):
                    changes.session(station, connector_id, session)
            self._take(place, reading, changes)
        changes.connector(station, connector_id)

    def _take(self, place: Arrivals, reading: Reading, changes: Changes) -> None:
        connector = place.connector
        if reading.status is not None:
            is_faulted = reading.status is ConnectorStatus.FAULTED
            if is_faulted != connector.is_faulted:
                changes.events.append(
                    StationEvent(
                        station=place.station,
                        connector_id=place.connector_id,
                        ts=reading.ts,
                        kind="faulted" if is_faulted else "recovered",
                        detail=reading.error_code,
                    )
                )
                changes.connector(place.station, place.connector_id)  # the review of alerts sees both or none
        connector.take(reading, self._rules.session)


def import_counts(messages: Sequence[Message], imports: Mapping[int, UUID]) -> list[ImportCount]:
    """What became of the lines of uploaded logs in messages that are written."""
    counts: dict[UUID, ImportCount] = {}
    for message in messages:
        import_id = imports.get(id(message.delivery))
        if import_id is None:
            continue
        rejected = len(message.rejected)
        if rejected and message.decoded is None:  # as a whole: it has a line of the log in each of its own
            rejected = message.delivery.payload.count(b"\n") + 1
        before = counts.get(import_id, ImportCount(import_id, 0, 0, 0))
        counts[import_id] = ImportCount(
            import_id,
            before.stored + message.stored,
            before.duplicate + message.duplicates,
            before.rejected + rejected,
        )
    return list(counts.values())


def _take_facts(
    station: Station, message: Message, facts: StationFacts | None, batch: _Batch, changes: Changes
) -> None:
    """What a station says of itself; a fresh reading says that it is online."""
    delivery = message.delivery
    if facts is None:
        if delivery.retained:
            return
        facts = StationFacts(is_online=True)
    known = batch.facts.get(station.evse_uid)
    batch.facts[station.evse_uid] = (station, facts if known is None else known[1].then(facts))
    if facts.max_power_w is not None and facts.max_power_w != station.max_power_w:
        station.max_power_w = facts.max_power_w
        for number in station.connectors:  # written states are folded on with the maximum of their time
            changes.connector(station, number)
    if facts.is_online is not None and facts.is_online != station.is_online:
        kind = "online" if facts.is_online else "offline"
        event = StationEvent(station=station, connector_id=None, ts=delivery.received_at, kind=kind)
        set_online(station, facts.is_online, changes, event)


def set_online(station: Station, is_online: bool, changes: Changes, event: StationEvent) -> None:
    """Connectivity changed: it shows on every connector and in the station's events."""
    station.is_online = is_online
    changes.events.append(event)
    for number, connector in station.connectors.items():
        connector.latest = replace(connector.latest, is_online=is_online)
        changes.connector(station, number)
