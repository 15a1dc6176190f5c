"""Staying connected: one connection after the other, with a pause between two that grows."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime

import structlog

from solarrally.brokers import reasons
from solarrally.brokers.backoff import Backoff
from solarrally.brokers.elements import ProtocolError
from solarrally.brokers.receiver import ConnectionLost
from solarrally.brokers.tls_files import TlsFiles

log = structlog.get_logger()

CANCEL_AGAIN_S = 5.0
"""A connection that is cancelled has so long to take its leave of the broker."""


class StayingConnected(ABC):
    """Connects, and again after every loss, each time after a pause that grows."""

    def __init__(
        self, *, broker: object, client_id: str, tls: TlsFiles | None, backoff: Backoff, when_lost: str
    ) -> None:
        """`broker`: its address, for the log, fit to be shown; `when_lost`: the event's name there."""
        self.reconnects = 0
        self.certificate_ends: Mapping[str, datetime] = {}
        """Of the last connection, or of the files as they were at the start."""
        self._broker = str(broker)
        self._client_id = client_id
        self._tls = tls
        self._backoff = backoff
        self._when_lost = when_lost

    def check_certificates(self) -> None:
        """`SettingsError` when they cannot be used: to be known at the start, not at the first connection."""
        if self._tls is not None:
            self._tls.check(self._broker)
            self.certificate_ends = self._tls.ends()

    @abstractmethod
    async def _until_lost(self) -> None:
        """One connection, from its making to its end. It always raises: `ConnectionLost`, `ProtocolError` or
        `OSError` when another is to follow.
        """

    @asynccontextmanager
    async def _kept_connected(self, task_name: str) -> AsyncIterator[asyncio.Task[None]]:
        """For the length of the block; the task that does it."""
        task = asyncio.create_task(self._stay_connected(), name=task_name)
        try:
            yield task
        finally:
            while not task.done():
                # Once may not do: on Python 3.11 a wait_for that just ended swallows it.
                task.cancel()
                await asyncio.wait({task}, timeout=CANCEL_AGAIN_S)
            with suppress(asyncio.CancelledError):
                await task

    async def _stay_connected(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began_at_s = loop.time()
            try:
                await self._until_lost()
            except (ConnectionLost, ProtocolError, OSError) as error:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise asyncio.CancelledError from error  # it failed as it took its leave
                self._backoff.lasted(loop.time() - began_at_s)
                if getattr(error, "code", None) == reasons.SESSION_TAKEN_OVER:
                    self._backoff.give_way()
                wait_s = self._backoff.pause_s()
                log.warning(
                    self._when_lost,
                    broker=self._broker,
                    error=str(error) or type(error).__name__,
                    retry_in_s=round(wait_s, 2),
                )
                await asyncio.sleep(wait_s)
                self.reconnects += 1
