"""What `up` keeps running: PostgreSQL, the broker and our own programs, behind one small contract."""

import signal
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from solarrally.embedded.broker_process import BrokerProcess
from solarrally.embedded.child import Child
from solarrally.embedded.postgres import EmbeddedPostgres

PROGRAM_STOP_STEPS = ((signal.SIGTERM, 10.0),)
OLD_LOGS = 3


class Service(Protocol):
    """Something that runs until it is stopped or dies."""

    @property
    def name(self) -> str:
        """What it is called in messages."""

    @property
    def child(self) -> Child:
        """Its present process. Raises RuntimeError before the first start."""

    async def start(self) -> None:
        """Start it, also again after it died. Raises StartFailed if it cannot be."""

    async def stop(self) -> None:
        """Stop it in bounded time. Harmless when it does not run."""


class PostgresService:
    """PostgreSQL as a service."""

    name = "PostgreSQL"

    def __init__(self, server: EmbeddedPostgres) -> None:
        self.server = server
        self._was_started = False

    @property
    def child(self) -> Child:
        """The postmaster."""
        return self.server.child

    async def start(self) -> None:
        """Start the server; the second time, recover from its crash."""
        if self._was_started:
            await self.server.restart_async()
        else:
            await self.server.start_async()
            self._was_started = True

    async def stop(self) -> None:
        """Stop the server."""
        await self.server.stop_async()


class BrokerService:
    """The broker as a service."""

    name = "broker"

    def __init__(self, broker: BrokerProcess) -> None:
        self.broker = broker

    @property
    def child(self) -> Child:
        """The broker's process."""
        return self.broker.child

    async def start(self) -> None:
        """Start the broker."""
        await self.broker.start_async()

    async def stop(self) -> None:
        """Stop the broker."""
        await self.broker.stop_async()


class ProgramService:
    """One of our own programs as a service."""

    def __init__(self, child: Child) -> None:
        self.child = child

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return self.child.name

    async def start(self) -> None:
        """Start the program; that it is ready is for others to find out."""
        self.child.spawn()

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL if that was not heard."""
        await self.child.stop_async(PROGRAM_STOP_STEPS)


def rotate(log_path: Path) -> None:
    """Make room for a new log: NAME becomes NAME.1, that NAME.2, and so on; the oldest goes."""
    numbered = [
        log_path,
        *(log_path.with_name(f"{log_path.name}.{number}") for number in range(1, OLD_LOGS + 1)),
    ]
    for newer, older in reversed(list(pairwise(numbered))):
        if newer.exists():
            newer.replace(older)
