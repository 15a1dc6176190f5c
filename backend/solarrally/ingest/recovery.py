"""Messages that a rule could not hand on, taken up again.

They go into the parking table, and the ingestor of their station takes them in like any other: so they are
stored once however often the queue gives them, and late ones correct the sessions they touch. An entry is
deleted from the queue only after that is committed.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from typing import Final

import structlog

from solarrally.dialects.routes import Routes
from solarrally.errors import RejectedMessage, StoreUnavailable, StreamError
from solarrally.ingest.ports import FailedAction, FailedActions, RecoveryStore, RejectedPart

log = structlog.get_logger()

RETRY_FIRST_S: Final = 1.0
RETRY_LONGEST_S: Final = 60.0
STANDBY_S: Final = 1.0


class Recovery:
    """Empties the queue while we lead."""

    def __init__(self, queue: FailedActions, store: RecoveryStore, routes: Routes) -> None:
        self.recovered = 0
        """Messages put into the parking table."""
        self.rejected: Counter[str] = Counter()
        """Entries that were kept as rejected, by reason."""
        self._queue = queue
        self._store = store
        self._routes = routes

    async def run(self, is_leading: Callable[[], bool]) -> None:
        """Until cancelled. Survives the loss of the queue and of the database."""
        pause_s = RETRY_FIRST_S
        while True:
            if not is_leading():
                await asyncio.sleep(STANDBY_S)
                continue
            try:
                await self.take_some()
            except (StreamError, StoreUnavailable) as error:
                log.warning("recovery_delayed", error=str(error), retry_in_s=round(pause_s, 1))
                await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
                pause_s = min(2 * pause_s, RETRY_LONGEST_S)
            else:
                pause_s = RETRY_FIRST_S

    async def take_some(self) -> int:
        """Take up what the queue gives in one go; how many entries, 0 when it was empty."""
        actions = await self._queue.receive()
        if not actions:
            return 0
        parked: list[tuple[str, FailedAction]] = []
        rejected: list[RejectedPart] = []
        for action in actions:
            part = action.rejected or self._refused(action)
            if part is None:
                parked.append((self._routes.find(action.topic).evse_uid, action))
            else:
                rejected.append(part)
        await self._store.take_up(parked, rejected)
        await self._queue.delete(actions)
        self.recovered += len(parked)
        self.rejected.update(part.reason for part in rejected)
        whys = sorted({action.why for action in actions if action.why})
        log.info("failed_actions_recovered", parked=len(parked), rejected=len(rejected), why=whys[:3])
        return len(actions)

    def _refused(self, action: FailedAction) -> RejectedPart | None:
        """Why nobody could take it in, where that is so: it has no station."""
        try:
            self._routes.find(action.topic)
        except RejectedMessage as error:
            return RejectedPart(
                received_at=action.received_at,
                topic=action.topic.replace("\0", "\ufffd")[:512],
                reason=error.reason,
                field=error.field,
                detail=error.detail.replace("\0", "\ufffd")[:500],
                payload=action.payload,
            )
        return None
