"""An API on a real database, in this process; a live one behind a real port."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from pwdlib.hashers.argon2 import Argon2Hasher

from solarrally.api.app import create_app
from solarrally.api.import_rules import ImportRules
from solarrally.api.live_limits import LiveLimits
from solarrally.api.options import ApiOptions
from solarrally.api.server import make_server
from solarrally.dialects.offline_log import LineLog
from solarrally.hub import Hub
from solarrally.mail import Mailer
from solarrally.storage.connections import connect
from solarrally.storage.engine import create_engine
from solarrally.storage.feed import Feed
from tests.api.resolved_routes import reuse_resolved_routes
from tests.api.world import JWT_SECRET, PASSWORD, World, eventually

DEFAULTS = {"jwt_secret": JWT_SECRET, "import_rules": ImportRules(open_log=LineLog)}
CALM = LiveLimits(send_timeout_s=2.0)


@pytest.fixture(autouse=True)
def passwords_are_cheap(cheap_passwords: None) -> None:
    """Each application hashes a password at its first login: 90 ms of a core at the real cost."""


@pytest.fixture(scope="session")
def password_hash() -> str:
    """The hash of every user's password, made cheaply."""
    return Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


@pytest.fixture
async def world(database_url: str, password_hash: str) -> AsyncIterator[World]:
    """Stations, sessions and one user of each role, and a connection to change them with."""
    connection = await connect(database_url, application_name="test")
    try:
        made = World(connection)
        await made.populate(password_hash)
        yield made
    finally:
        await connection.close()


AppMaker = Callable[..., FastAPI]


@pytest.fixture
def make_app(database_url: str) -> AppMaker:
    """Makes an application on the test's database; other keywords go to `ApiOptions`."""

    def make(dsn: str = database_url, mailer: Mailer | None = None, **options: object) -> FastAPI:
        engine = create_engine(dsn, application_name="solarrally-api", statement_timeout_s=10.0)
        hub = Hub()
        feed = Feed(dsn, engine, hub, check_interval_s=0.5, check_timeout_s=0.5)
        chosen = ApiOptions(**{**DEFAULTS, **options})  # type: ignore[arg-type]
        app = create_app(engine=engine, hub=hub, feed=feed, options=chosen, mailer=mailer)
        reuse_resolved_routes(app)
        return app

    return make


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application in this process, between its start and its stop."""
    async with app.router.lifespan_context(app):
        await eventually(lambda: app.state.services.hub.is_current)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
            yield client


@pytest.fixture
async def client(make_app: AppMaker, world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a token; `World` makes tokens."""
    async with running(make_app(account_cache_s=0.0)) as opened:
        yield opened


Serve = Callable[..., Awaitable[str]]


@pytest.fixture
async def serve(make_app: AppMaker, world: World) -> AsyncIterator[Serve]:
    """Starts an application behind a port and gives `127.0.0.1:port`; keywords go to `ApiOptions`."""
    async with AsyncExitStack() as stack:

        async def start(app: FastAPI | None = None, **options: object) -> str:
            app = app or make_app(**{"live_limits": CALM, **options})
            return await stack.enter_async_context(_served(app))

        yield start


@asynccontextmanager
async def _served(app: FastAPI) -> AsyncIterator[str]:
    listening = socket.create_server(("127.0.0.1", 0))
    server = make_server(app, host="127.0.0.1", port=0)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await eventually(lambda: server.started and app.state.services.hub.is_current)
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@pytest.fixture
async def admin_connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection that may terminate others."""
    connection = await connect(database_url, application_name="test-admin")
    try:
        yield connection
    finally:
        await connection.close()
