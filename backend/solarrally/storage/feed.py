"""The live feed: PostgreSQL's notices, from a connection of its own, into a sink; gaps are never silent.

On every (re)connect it first LISTENs and only then reads the whole committed state. What is committed in
between is seen twice and never not at all: the state replaces the sink's picture, then the notices follow.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any, Final, Protocol

import asyncpg
import msgspec
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from solarrally.domain.update import AlertUpdate, CommandUpdate, ConnectorUpdate, LiveState, SessionUpdate
from solarrally.errors import StoreUnavailable
from solarrally.storage.connections import connect
from solarrally.storage.notice import CHANNEL, Notice, decode_notice
from solarrally.storage.queries import load_snapshot

log: structlog.stdlib.BoundLogger = structlog.get_logger()

SNAPSHOT_TIMEOUT_S: Final = 15.0
FIRST_RETRY_S: Final = 0.1
LAST_RETRY_S: Final = 5.0
MAX_HELD_NOTICES: Final = 20_000
"""Heard while the state is being read; more than that starts over."""

_LOSSES: Final = (
    OSError,  # TimeoutError too
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the postmaster died
    SQLAlchemyError,
    StoreUnavailable,
)


class FeedSink(Protocol):
    """Who is told. None of these may wait."""

    def reset(self, state: LiveState, /) -> None:
        """The whole committed state."""

    def publish(
        self,
        connectors: Sequence[ConnectorUpdate],
        sessions: Sequence[SessionUpdate],
        alerts: Sequence[AlertUpdate],
        commands: Sequence[CommandUpdate],
        /,
    ) -> None:
        """What a commit changed."""

    def lose(self) -> None:
        """The feed is lost; a `reset` follows when it is back."""


class _Gap(Exception):
    """Something was missed or not understood: read the whole state again."""


class Feed:
    """Follows the database's notices until cancelled. `dsn` is postgresql://…; the engine reads the state.

    A dead connection is noticed within `check_interval_s + check_timeout_s`.
    """

    def __init__(
        self,
        dsn: str,
        engine: AsyncEngine,
        sink: FeedSink,
        *,
        check_interval_s: float = 5.0,
        check_timeout_s: float = 5.0,
    ) -> None:
        self._dsn = dsn
        self._engine = engine
        self._sink = sink
        self._check_interval_s = check_interval_s
        self._check_timeout_s = check_timeout_s
        self._held: list[Notice] | None = None
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._gap = asyncio.Event()
        self._is_current = False
        self.lost_count = 0
        """How often the feed was lost since the start."""

    @property
    def is_current(self) -> bool:
        """Whether the sink has the committed state and hears of every change."""
        return self._is_current

    async def run(self) -> None:
        """Follow until cancelled; lost connections are taken up again, with growing, jittered pauses."""
        retry_s = FIRST_RETRY_S
        while True:
            try:
                await self._follow()
            except _Gap as gap:
                log.warning("feed_gap", reason=str(gap))
            except _LOSSES as error:
                log.warning("feed_lost", error=f"{type(error).__name__}: {error}", retry_s=retry_s)
            if self._is_current:
                retry_s = FIRST_RETRY_S
                self._is_current = False
                self.lost_count += 1
            self._sink.lose()
            await asyncio.sleep(retry_s * random.uniform(0.5, 1.0))
            retry_s = min(retry_s * 2, LAST_RETRY_S)

    async def _follow(self) -> None:
        """Connect, listen, read the state, follow. Raises one of `_LOSSES` or `_Gap`; never returns."""
        connection = await connect(self._dsn, application_name="solarrally-feed")
        try:
            self._connection = connection
            self._gap.clear()
            self._held = []
            connection.add_termination_listener(self._on_termination)
            async with asyncio.timeout(SNAPSHOT_TIMEOUT_S):
                await connection.add_listener(CHANNEL, self._on_notice)
                state = await load_snapshot(self._engine)
            if self._gap.is_set():
                raise _Gap("lost or overrun while the state was read")
            self._sink.reset(state)
            for notice in self._held:
                self._tell(notice)
            self._held = None
            self._is_current = True
            log.info("feed_current", connectors=len(state.connectors))
            await self._watch_over(connection)
        finally:
            self._connection = None
            self._held = None
            connection.terminate()

    async def _watch_over(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        while True:
            try:
                async with asyncio.timeout(self._check_interval_s):
                    await self._gap.wait()
            except TimeoutError:
                async with asyncio.timeout(self._check_timeout_s):
                    await connection.execute("SELECT 1")
            else:
                raise _Gap("connection closed" if connection.is_closed() else "notice not understood")

    def _tell(self, notice: Notice) -> None:
        self._sink.publish(notice.connectors, notice.sessions, notice.alerts, notice.commands)

    def _on_termination(self, connection: Any) -> None:
        if connection is self._connection:
            self._gap.set()

    def _on_notice(self, connection: Any, _pid: int, _channel: str, payload: object) -> None:
        if connection is not self._connection:
            return  # from a connection given up since
        try:
            notice = decode_notice(str(payload))
        except msgspec.DecodeError as error:
            log.error("notice_not_understood", error=str(error))
            self._gap.set()
            return
        if self._held is None:
            self._tell(notice)
        elif len(self._held) < MAX_HELD_NOTICES:
            self._held.append(notice)
        else:
            self._gap.set()
