"""What concerns the whole fleet, where several ingestors share a stream: done by the one with the lock."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog

from solarrally.domain.alert import AlertKind
from solarrally.errors import NotLeading, StoreUnavailable
from solarrally.ingest.ports import Store
from solarrally.ingest.rules import IngestRules
from solarrally.ingest.upkeep import FleetUpkeep

log = structlog.get_logger()

STANDBY_POLLS = 4
"""The care for the fleet is less urgent than its messages: asked for so many times more rarely."""


class FleetCare:
    """Reviews alerts, makes and drops partitions. Others (commands, recovery) ask it whether we lead."""

    def __init__(self, store: Store, rules: IngestRules, now: Callable[[], datetime]) -> None:
        """`store` needs the lock of the one ingestor."""
        self.is_leading = False
        self._store = store
        self._rules = rules
        self._now = now
        self._upkeep = FleetUpkeep(store, rules)

    @property
    def stations_to_renew(self) -> int:
        return self._upkeep.stations_to_renew if self.is_leading else 0

    @property
    def unresolved_alerts(self) -> Mapping[AlertKind, int]:
        """As the last review left them; empty while another ingestor reviews."""
        return self._upkeep.alerts.unresolved if self.is_leading else {}

    async def run(self) -> None:
        """Until cancelled."""
        pause_s = self._rules.retry_first_s
        try:
            while True:
                wait_s = STANDBY_POLLS * self._rules.standby_poll_s
                try:
                    await self._while_leading()
                except NotLeading:
                    pause_s = self._rules.retry_first_s
                except StoreUnavailable as error:
                    wait_s = pause_s * random.uniform(0.5, 1.0)
                    pause_s = min(2 * pause_s, self._rules.retry_longest_s)
                    log.warning("fleet_care_without_database", error=str(error), retry_in_s=round(wait_s, 2))
                finally:
                    self.is_leading = False
                await asyncio.sleep(wait_s)
        finally:
            self.is_leading = False

    async def _while_leading(self) -> None:
        next_review = next_upkeep = self._now()
        while True:
            await self._store.lead()
            if not self.is_leading:
                self.is_leading = True
                log.info("caring_for_the_fleet")
            now = self._now()
            if now >= next_upkeep:
                await self._upkeep.keep_house(now)
                next_upkeep = now + timedelta(seconds=self._rules.upkeep_s)
            if now >= next_review:
                await self._upkeep.review_alerts(now)
                next_review = now + timedelta(seconds=self._rules.alert_interval_s)
            await asyncio.sleep(self._rules.tick_s)
