"""A TCP proxy that makes a network fail: it cuts, swallows, or slows what goes through it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from enum import Enum
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlsplit

CHUNK_SIZE_BYTES = 16_384
START_TIMEOUT_S = 10.0
_T = TypeVar("_T")


class Mode(Enum):
    """What happens to the bytes."""

    PASS = "pass"
    SLOW = "slow"
    """Each chunk waits `delay_s` and then takes its time at `rate_bytes_per_s`; both directions."""
    SWALLOW = "swallow"
    """Half-open: both ends are kept, new connections are accepted, everything said disappears."""
    CUT = "cut"
    """Existing connections are reset towards both ends, new ones refused."""


class TcpProxy:
    """Listens on a port of its own and forwards to `target_port`, both on loopback. A context manager."""

    def __init__(self, target_port: int) -> None:
        self.connections = 0
        self.forwarded_bytes = 0
        self.swallowed_bytes = 0
        self._target_port = target_port
        self._mode = Mode.PASS
        self._delay_s = 0.0
        self._rate_bytes_per_s = 0.0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tcp-proxy")
        self._server: asyncio.Server | None = None
        self._open: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    def in_front_of(self, url: str) -> str:
        """The same address, by way of this proxy."""
        parts = urlsplit(url)
        login, _, _ = parts.netloc.rpartition("@")
        return parts._replace(netloc=f"{login}@127.0.0.1:{self.port}").geturl()

    def heal(self) -> None:
        """Forward again. A connection that lost bytes stays dead: nothing could be made of what followed."""
        self._run(self._set(Mode.PASS))

    def cut(self) -> None:
        self._run(self._set(Mode.CUT))

    def swallow(self) -> None:
        self._run(self._set(Mode.SWALLOW))

    def slow(self, *, delay_s: float, rate_bytes_per_s: float) -> None:
        self._delay_s, self._rate_bytes_per_s = delay_s, rate_bytes_per_s
        self._run(self._set(Mode.SLOW))

    def __enter__(self) -> TcpProxy:
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=START_TIMEOUT_S)
        self._loop.close()

    # -- in the thread ---------------------------------------------------------------------------

    def _run(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=START_TIMEOUT_S)

    async def _set(self, mode: Mode) -> None:
        self._mode = mode
        if mode is Mode.CUT:
            await self._stop_listening()
            for link in list(self._open):
                link.reset()
        elif mode is Mode.SWALLOW:
            for link in self._open:
                link.is_dead = True
        if mode is not Mode.CUT and self._server is None:
            await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", self.port, reuse_address=True, limit=CHUNK_SIZE_BYTES
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _close(self) -> None:
        await self._stop_listening()
        for link in list(self._open):
            link.reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            there = await asyncio.open_connection("127.0.0.1", self._target_port, limit=CHUNK_SIZE_BYTES)
        except OSError:
            reset(writer)
            return
        link = _Link(writer, there[1], is_dead=self._mode is Mode.SWALLOW)
        self._open.add(link)
        for source, sink in ((reader, there[1]), (there[0], writer)):
            task = asyncio.create_task(self._forward(link, source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _forward(self, link: _Link, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(CHUNK_SIZE_BYTES):
                if self._mode is Mode.SLOW:
                    await asyncio.sleep(self._delay_s + len(data) / self._rate_bytes_per_s)
                if link.is_dead:
                    self.swallowed_bytes += len(data)
                    continue
                sink.write(data)
                await sink.drain()
                self.forwarded_bytes += len(data)
        except (ConnectionError, TimeoutError):
            link.reset()
        finally:
            # A dead connection does not tell the other end that this one has gone, either.
            if not link.is_dead or sink.is_closing():
                sink.close()
            link.ends_left -= 1
            if link.ends_left == 0:
                link.close()
                self._open.discard(link)


class _Link:
    """A connection through the proxy: both its ends."""

    def __init__(self, here: asyncio.StreamWriter, there: asyncio.StreamWriter, *, is_dead: bool) -> None:
        self.is_dead = is_dead
        self.ends_left = 2
        self._ends = (here, there)

    def reset(self) -> None:
        for writer in self._ends:
            reset(writer)

    def close(self) -> None:
        for writer in self._ends:
            writer.close()


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN: what a cut or a crash looks like to the other end."""
    connection = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):  # it may have gone in this instant
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
