"""An API behind a port that lives in a thread of its own, for clients that wait for their answers."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

from solarrally.api.app import create_app
from solarrally.api.options import ApiOptions
from solarrally.api.server import make_server
from solarrally.hub import Hub
from solarrally.storage.connections import connect
from solarrally.storage.engine import create_engine
from solarrally.storage.feed import Feed
from tests.api.conftest import DEFAULTS
from tests.api.mailbox import Mailbox
from tests.api.world import World, eventually

_T = TypeVar("_T")
STARTED_WITHIN_S = 30.0


@dataclass(slots=True, frozen=True)
class Served:
    """A running API on a world of its own."""

    url: str
    world: World
    loop: asyncio.AbstractEventLoop

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Do it in the thread of the API, where the connection of the world lives."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(STARTED_WITHIN_S)


@contextmanager
def served(dsn: str, password_hash: str, **options: object) -> Iterator[Served]:
    """The API on that database, which is populated; keywords go to `ApiOptions`."""
    started: Future[Served] = Future()
    stop: list[Callable[[], object]] = []

    async def live() -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        stop.append(lambda: loop.call_soon_threadsafe(stopping.set))
        async with _running(dsn, password_hash, options) as running:
            started.set_result(running)
            await stopping.wait()

    def in_thread() -> None:
        try:
            asyncio.run(live())
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    thread = threading.Thread(target=in_thread, name="served-api")
    thread.start()
    try:
        yield started.result(STARTED_WITHIN_S)
    finally:
        for end in stop:
            end()
        thread.join(STARTED_WITHIN_S)


@asynccontextmanager
async def _running(dsn: str, password_hash: str, options: dict[str, object]) -> AsyncIterator[Served]:
    connection = await connect(dsn, application_name="test")
    world = World(connection)
    await world.populate(password_hash)
    engine = create_engine(dsn, application_name="solarrally-api", statement_timeout_s=10.0)
    hub = Hub()
    feed = Feed(dsn, engine, hub, check_interval_s=0.5, check_timeout_s=0.5)
    chosen = ApiOptions(**{**DEFAULTS, **options})  # type: ignore[arg-type]
    app = create_app(engine=engine, hub=hub, feed=feed, options=chosen, mailer=Mailbox())
    listening = socket.create_server(("127.0.0.1", 0))
    server = make_server(app, host="127.0.0.1", port=0)
    server.capture_signals = nullcontext  # type: ignore[assignment]  # they go to the main thread
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await eventually(lambda: server.started and app.state.services.hub.is_current)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        yield Served(url, world, asyncio.get_running_loop())
    finally:
        server.should_exit = True
        await serving
        await connection.close()
