"""What happens because time passes. To our stations: silent ones go offline, silent sessions end, rollups are
computed. To the whole fleet, by one ingestor: alerts are reviewed, partitions are made ahead and dropped.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import structlog

from solarrally.domain.alert import AlertReview
from solarrally.domain.fleet import Station, StationFacts
from solarrally.domain.station import expire
from solarrally.ingest.changes import Changes
from solarrally.ingest.ports import StationEvent, Store
from solarrally.ingest.registry import Registry
from solarrally.ingest.rules import IngestRules
from solarrally.ingest.silence import SilenceWatch
from solarrally.ingest.writer import Writer, set_online

log = structlog.get_logger()

ROLLUP_GRACE = timedelta(minutes=1)
"""A quarter of an hour is computed so long after its end: what is a little late is then in."""
RENEW_BEFORE = timedelta(days=30)
"""A certificate that ends within this should have a successor."""
RETENTION_INTERVAL = timedelta(hours=1)


class Upkeep:
    """Of the stations of one store. To be run between batches."""

    def __init__(self, store: Store, registry: Registry, writer: Writer, rules: IngestRules) -> None:
        self._store = store
        self._registry = registry
        self._writer = writer
        self._rules = rules
        self._watch = SilenceWatch(rules.offline_after_s, rules.session.silence_timeout_s)

    def start(self) -> None:
        """Forget whom we watched: the registry was loaded anew."""
        self._watch.forget()

    async def look_for_silence(self, now: datetime, listening_since: datetime | None) -> None:
        """Stations that were silent for too long go offline, and their sessions end."""
        await self._registry.require(())
        if listening_since is None:
            return
        self._watch.add(self._registry.take_newcomers(), listening_since)
        changes = Changes()
        gone_offline: list[Station] = []
        for station, silence in self._watch.due(now, listening_since, self._is_current):
            for connector_id, connector in station.connectors.items():
                session = expire(connector.state, now - silence, now, self._rules.session)
                if session is not None:
                    changes.session(station, connector_id, session)
                    log.info("session_timed_out", evse_uid=station.evse_uid, session_id=str(session.id))
            if station.is_online and silence > timedelta(seconds=self._rules.offline_after_s):
                event = StationEvent(
                    station=station, connector_id=None, ts=now, kind="offline", detail="silent"
                )
                set_online(station, False, changes, event)
                gone_offline.append(station)
        if not changes:
            return
        offline = StationFacts(is_online=False)
        try:
            async with self._store.transaction() as tx:
                if gone_offline:
                    await tx.save_facts([(station, offline) for station in gone_offline])
                await changes.write(tx, self._registry, self._rules.session)
        except BaseException:
            self._registry.forget(changes.stations | {station.evse_uid for station in gone_offline})
            raise

    def _is_current(self, station: Station) -> bool:
        """Not loaded anew since; the new one has an entry of its own."""
        return self._registry.get(station.evse_uid) is station

    async def learn_edits(self, now: datetime) -> None:
        """Somebody may have disabled a station, moved it, or told its maximum."""
        await self._registry.learn_edits(now)

    async def roll_up(self, now: datetime) -> int:
        """Compute some of the rollups that are due; how many. Another time there may be more."""
        marks = await self._store.roll_up(now - ROLLUP_GRACE)
        self._writer.rolled_up(marks)
        return len(marks)

    async def keep_house(self) -> None:
        """Prices may have changed."""
        await self._registry.read_tariffs()


class FleetUpkeep:
    """Of the whole database. To be run by one ingestor."""

    def __init__(self, store: Store, rules: IngestRules) -> None:
        self._store = store
        self._rules = rules
        self._next_retention = datetime.min.replace(tzinfo=UTC)
        self.alerts = AlertReview()
        """The last review."""
        self.stations_to_renew = 0
        """Stations whose last certificate ends within `RENEW_BEFORE`."""

    async def review_alerts(self, now: datetime) -> None:
        """What is wrong is an alert, and what is over is none."""
        self.alerts = await self._store.review_alerts(now, self._rules.alerts)
        if self.alerts.opened or self.alerts.resolved:
            log.info("alerts_changed", opened=self.alerts.opened, resolved=self.alerts.resolved)

    async def keep_house(self, now: datetime) -> None:
        """Tomorrow needs a partition, and what is kept is bounded."""
        await self._store.make_partitions(self._rules.partition_days_ahead)
        if self._rules.raw_keep_days and now >= self._next_retention:
            for what in await self._store.drop_raw(now, self._rules.raw_keep_days):
                log.info("raw_readings_dropped", what=what, keep_days=self._rules.raw_keep_days)
            self._next_retention = now + RETENTION_INTERVAL
        self.stations_to_renew = await self._store.count_stations_to_renew(now, now + RENEW_BEFORE)
        pruned = await self._store.prune_rejected(
            keep_count=self._rules.rejected_keep_count, keep_bytes=self._rules.rejected_keep_bytes
        )
        if pruned:
            log.info("rejected_messages_pruned", count=pruned)
