"""One batch into the store, in one transaction: readings, what they make of sessions, and what was
rejected.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from solarrally.domain.fleet import Station, StationFacts, newest
from solarrally.domain.reading import ConnectorStatus, Quality, Reading
from solarrally.domain.station import judged_quality, observe
from solarrally.errors import RejectedMessage
from solarrally.ingest.batch import Message
from solarrally.ingest.changes import Changes
from solarrally.ingest.late import refold
from solarrally.ingest.ports import StationEvent, StationReading, Store, Transaction
from solarrally.ingest.registry import Registry
from solarrally.ingest.rules import IngestRules

_UNDATED = Quality.CLOCKLESS | Quality.CLOCK_DISTRUSTED


@dataclass(slots=True)
class BatchOutcome:
    """Counts of one committed batch, by reading."""

    late: int = 0
    refolded_sessions: int = 0
    conflicts_unexplained: int = 0
    distrusted_clock: int = 0
    implausible: int = 0


@dataclass(slots=True)
class _Arrivals:
    """What came for one connector."""

    station: Station
    connector_id: int
    fresh: list[StationReading] = field(default_factory=list)
    """Newer than everything stored."""
    late: list[StationReading] = field(default_factory=list)
    """Perhaps stored already."""


class Writer:
    """Stores batches. After any failure the stations of the batch are forgotten, so that it can simply be
    tried again.
    """

    def __init__(self, store: Store, registry: Registry, rules: IngestRules) -> None:
        self._store = store
        self._registry = registry
        self._rules = rules

    async def write(self, messages: Sequence[Message]) -> BatchOutcome:
        """Commit what the messages say; each message then knows how many of its readings were new."""
        wanted = {
            m.decoded.evse_uid for m in messages if m.decoded and (m.decoded.readings or m.decoded.facts)
        }
        try:
            await self._registry.require(wanted)
            self._turn_away(messages)
            async with self._store.transaction() as tx:
                return await self._write(tx, messages)
        except BaseException:
            self._registry.forget(wanted)
            raise

    def _turn_away(self, messages: Sequence[Message]) -> None:
        """Reject what comes from a station that is not registered or not enabled, even where the broker let
        it in.
        """
        for message in messages:
            decoded = message.decoded
            if decoded is None or not (decoded.readings or decoded.facts):
                continue
            station = self._registry.get(decoded.evse_uid)
            if station is None:
                message.reject_all(
                    RejectedMessage("unknown_station", "not registered; add it, or allow registration")
                )
            elif not station.is_enabled:
                message.reject_all(
                    RejectedMessage("station_disabled", "the station is registered and disabled")
                )

    async def _write(self, tx: Transaction, messages: Sequence[Message]) -> BatchOutcome:
        outcome = BatchOutcome()
        changes = Changes()
        changes.rejected = [part for message in messages for part in message.rejected]
        await self._take_facts(tx, messages, changes)
        source: dict[int, Message] = {}
        arrivals = await self._sort_out(tx, messages, source, outcome)
        fresh = [row for place in arrivals for row in place.fresh]
        late = [row for place in arrivals for row in place.late]
        if fresh:
            outcome.conflicts_unexplained = len(fresh) - await tx.add_readings(fresh)
        new_late = await tx.add_late_readings(late) if late else []
        outcome.late = len(new_late)
        new_ids = {id(row.reading) for row in new_late}
        for row in late:
            if id(row.reading) not in new_ids:
                source[id(row.reading)].duplicates += 1
        for row in [*fresh, *new_late]:
            source[id(row.reading)].stored += 1
        for place in arrivals:
            place.late = [row for row in place.late if id(row.reading) in new_ids]
            await self._fold(tx, place, changes, outcome)
        await changes.write(tx, self._registry)
        return outcome

    async def _sort_out(
        self, tx: Transaction, messages: Sequence[Message], source: dict[int, Message], outcome: BatchOutcome
    ) -> list[_Arrivals]:
        """Readings by connector, in order, marked for plausibility, repetitions within the batch dropped."""
        by_connector: dict[tuple[str, int], list[Reading]] = defaultdict(list)
        seen: set[tuple[str, int, object, int]] = set()
        doubtful: list[StationReading] = []
        for message in messages:
            if message.decoded is None:
                continue
            for reading in message.decoded.readings:
                station = self._registry.get(message.decoded.evse_uid)
                assert station is not None
                identity = (station.evse_uid, reading.connector_id, reading.ts, reading.digest)
                if identity in seen:
                    message.duplicates += 1
                    continue
                seen.add(identity)
                marks = judged_quality(reading, station.max_power_w or self._rules.default_max_power_w)
                judged = replace(reading, quality=reading.quality | marks) if marks else reading
                outcome.implausible += bool(marks)
                outcome.distrusted_clock += bool(reading.quality & Quality.CLOCK_DISTRUSTED)
                source[id(judged)] = message
                by_connector[station.evse_uid, reading.connector_id].append(judged)
                if message.delivery.redelivered and judged.quality & _UNDATED:
                    doubtful.append(StationReading(station, judged))
        known: set[int] = set()
        if doubtful:
            stored = await tx.already_stored(doubtful)
            known = {id(row.reading) for row, is_stored in zip(doubtful, stored, strict=True) if is_stored}
        arrivals = []
        for (evse_uid, connector_id), readings in by_connector.items():
            station = self._registry.get(evse_uid)
            assert station is not None
            place = _Arrivals(station, connector_id)
            state = station.connector(connector_id).state
            readings.sort(key=lambda reading: reading.order_key)
            for reading in readings:
                is_newest_again = (
                    state.newest is not None
                    and reading.ts == state.newest.ts
                    and reading.digest in state.newest_digests
                )
                if id(reading) in known or is_newest_again:
                    source[id(reading)].duplicates += 1
                elif state.newest is None or reading.order_key > state.newest:
                    place.fresh.append(StationReading(station, reading))
                else:
                    place.late.append(StationReading(station, reading))
            arrivals.append(place)
        return arrivals

    async def _fold(self, tx: Transaction, place: _Arrivals, changes: Changes, outcome: BatchOutcome) -> None:
        station, connector_id = place.station, place.connector_id
        connector = station.connector(connector_id)
        rules, max_power_w = self._rules.session, station.max_power_w or self._rules.default_max_power_w
        state_is_behind = True
        if place.late:
            refolded = await refold(
                tx,
                station,
                connector,
                oldest=place.late[0].reading.ts,
                settled_after=place.late[-1].reading.ts,
                rules=rules,
                max_power_w=max_power_w,
            )
            for session in refolded.sessions:
                changes.session(station, connector_id, session, corrected=True)
            for session in refolded.dissolved:
                changes.dissolved(station, connector_id, session)
            outcome.refolded_sessions += len(refolded.sessions)
            state_is_behind = refolded.converged
            changes.connector(station, connector_id)
        for row in place.fresh:
            reading = row.reading
            if state_is_behind:
                for session in observe(connector.state, reading, rules, max_power_w):
                    changes.session(station, connector_id, session)
            self._note_fault(station, connector_id, reading, changes)
            connector.latest = newest(connector.latest, reading, rules)
            changes.connector(station, connector_id)

    def _note_fault(self, station: Station, connector_id: int, reading: Reading, changes: Changes) -> None:
        if reading.status is None:
            return
        was_faulted = station.connector(connector_id).latest.reported_status == ConnectorStatus.FAULTED
        is_faulted = reading.status is ConnectorStatus.FAULTED
        if is_faulted != was_faulted:
            kind = "faulted" if is_faulted else "recovered"
            changes.events.append(
                StationEvent(
                    station=station,
                    connector_id=connector_id,
                    ts=reading.ts,
                    kind=kind,
                    detail=reading.error_code,
                )
            )

    async def _take_facts(self, tx: Transaction, messages: Sequence[Message], changes: Changes) -> None:
        """What stations say of themselves; a fresh reading says that its station is online."""
        for message in messages:
            decoded, delivery = message.decoded, message.delivery
            if decoded is None:
                continue
            station = self._registry.get(decoded.evse_uid)
            if station is None:
                continue
            facts = decoded.facts
            if facts is None and decoded.readings and not delivery.retained and not station.is_online:
                facts = StationFacts(is_online=True)
            if not delivery.retained and (
                station.last_received_at is None or delivery.received_at > station.last_received_at
            ):
                station.last_received_at = delivery.received_at
            if facts is None:
                continue
            if facts.max_power_w is not None:
                station.max_power_w = facts.max_power_w
            await tx.save_facts(station, facts)
            if facts.is_online is not None and facts.is_online != station.is_online:
                set_online(
                    station,
                    facts.is_online,
                    changes,
                    StationEvent(
                        station=station,
                        connector_id=None,
                        ts=delivery.received_at,
                        kind="online" if facts.is_online else "offline",
                    ),
                )


def set_online(station: Station, is_online: bool, changes: Changes, event: StationEvent) -> None:
    """Connectivity changed: it shows on every connector and in the station's events."""
    station.is_online = is_online
    changes.events.append(event)
    for number, connector in station.connectors.items():
        connector.latest = replace(connector.latest, is_online=is_online)
        changes.connector(station, number)
