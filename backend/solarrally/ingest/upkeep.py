"""What happens because time passes: silent stations go offline, silent sessions end, partitions are made
ahead.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from solarrally.domain.fleet import StationFacts
from solarrally.domain.station import expire
from solarrally.ingest.changes import Changes
from solarrally.ingest.ports import StationEvent, Store
from solarrally.ingest.registry import Registry
from solarrally.ingest.rules import IngestRules
from solarrally.ingest.writer import set_online

log = structlog.get_logger()


class Upkeep:
    """Run `look_for_silence` every few seconds and `keep_house` every minute, between batches."""

    def __init__(self, store: Store, registry: Registry, rules: IngestRules) -> None:
        self._store = store
        self._registry = registry
        self._rules = rules

    async def look_for_silence(self, now: datetime, listening_since: datetime | None) -> None:
        """Silence counts from when we began to listen: what we could not hear is no silence."""
        if listening_since is None:
            return
        rules = self._rules
        changes = Changes()
        gone_offline = []
        touched = []
        for station in self._registry:
            heard_at = max(station.last_received_at or listening_since, listening_since)
            for connector_id, connector in station.connectors.items():
                session = expire(connector.state, heard_at, now, rules.session)
                if session is not None:
                    changes.session(station, connector_id, session)
                    touched.append(station)
                    log.info("session_timed_out", evse_uid=station.evse_uid, session_id=str(session.id))
            if station.is_online and now - heard_at > timedelta(seconds=rules.offline_after_s):
                event = StationEvent(
                    station=station, connector_id=None, ts=now, kind="offline", detail="silent"
                )
                set_online(station, False, changes, event)
                gone_offline.append(station)
                touched.append(station)
        if not touched:
            return
        try:
            async with self._store.transaction() as tx:
                for station in gone_offline:
                    await tx.save_facts(station, StationFacts(is_online=False))
                await changes.write(tx, self._registry)
        except BaseException:
            self._registry.forget([station.evse_uid for station in touched])
            raise

    async def keep_house(self) -> None:
        """Prices may have changed, tomorrow needs a partition, and rejected messages are bounded."""
        await self._registry.read_tariffs()
        await self._store.make_partitions(self._rules.partition_days_ahead)
        pruned = await self._store.prune_rejected(self._rules.rejected_keep_count)
        if pruned:
            log.info("rejected_messages_pruned", count=pruned, kept=self._rules.rejected_keep_count)
