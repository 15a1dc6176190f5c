"""The life of a server that is our direct child, for blocking callers and for an event loop alike."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

from solarrally.embedded.child import Child
from solarrally.embedded.lock import LockFile


class ServerProcess(ABC):
    """A server on loopback that works in data_dir, which is locked from its start to its stop.

    Use it as `async with`, or call start() and stop(), which block. A subclass says how it is prepared,
    spawned, and found to be ready.
    """

    called: ClassVar[str]
    """What it is called in messages."""

    stop_steps: ClassVar[Sequence[tuple[int, float]]]
    """The signals that stop it, each with the seconds to wait after it."""

    def __init__(self, data_dir: Path, lock_name: str, port: int | None) -> None:
        """Nothing is touched yet."""
        self.data_dir = data_dir.absolute()
        self._port = port
        self._lock = LockFile(self.data_dir / lock_name)
        self._child: Child | None = None

    # -- what differs between servers --------------------------------------------------------------

    def prepare(self) -> None:
        """What a start does before spawn(), if anything. Blocks."""
        return

    @abstractmethod
    def spawn(self) -> None:
        """Make `_child` and start it; returns at once.

        It runs in the caller's thread: the server's life is tied to the thread that spawns it.
        """

    @abstractmethod
    def wait_ready(self) -> None:
        """Block until the server can be used. Raises StartFailed with the end of its log."""

    def before_restart(self) -> None:
        """What a restart does between the end of the old process and spawn(), if anything. Blocks."""
        return

    # -- what it is --------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        """The port on 127.0.0.1. Raises RuntimeError before the first start."""
        if self._port is None:
            raise RuntimeError(f"{self.called} has not been started")
        return self._port

    @property
    def child(self) -> Child:
        """The server's process, for whoever supervises it. Raises RuntimeError before the first start."""
        if self._child is None:
            raise RuntimeError(f"{self.called} has not been started")
        return self._child

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self.child.pid

    @property
    def is_running(self) -> bool:
        """Whether the server lives."""
        return self._child is not None and self._child.is_running

    # -- blocking ----------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the server, return when it is ready. What fails to start is stopped."""
        try:
            self.prepare()
            self.spawn()
            self.wait_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server and let go of its data. Harmless when stopped."""
        if self._child is not None:
            self._child.stop(self.stop_steps)
        self._lock.release()

    def restart(self) -> None:
        """Stop it if it runs, start it again on the same port; the data stays locked, also on failure."""
        if self._child is not None:
            self._child.stop(self.stop_steps)
        self.before_restart()
        self.spawn()
        self.wait_ready()

    def kill(self) -> None:
        """SIGKILL: what a crash looks like to everyone connected."""
        self.child.kill()

    # -- the same for an event loop ----------------------------------------------------------------

    async def start_async(self) -> None:
        """As start(), without blocking the event loop."""
        try:
            await asyncio.to_thread(self.prepare)
            self.spawn()  # not in a thread, see there
            await asyncio.to_thread(self.wait_ready)
        except BaseException:
            await self.stop_async()
            raise

    async def stop_async(self) -> None:
        """As stop(), without blocking the event loop."""
        if self._child is not None:
            await self._child.stop_async(self.stop_steps)
        self._lock.release()

    async def restart_async(self) -> None:
        """As restart(), without blocking the event loop."""
        if self._child is not None:
            await self._child.stop_async(self.stop_steps)
        await asyncio.to_thread(self.before_restart)
        self.spawn()
        await asyncio.to_thread(self.wait_ready)

    async def __aenter__(self) -> Self:
        await self.start_async()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop_async()
