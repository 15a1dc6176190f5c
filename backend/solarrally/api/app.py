"""The web application: what it is made of, and how it starts and stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.metadata import version
from typing import Final, Protocol

import structlog
from fastapi import APIRouter, FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.middleware.cors import CORSMiddleware

from solarrally.api import auth, evses, health, live, rejected, sessions, users
from solarrally.api.accounts import Accounts
from solarrally.api.bodies import BoundedBodies
from solarrally.api.cursors import Cursors
from solarrally.api.docs import docs_router, install_openapi
from solarrally.api.errors import install_error_handlers
from solarrally.api.headers import SecurityHeaders
from solarrally.api.live_limits import LiveLimits
from solarrally.api.services import Services, make_services
from solarrally.api.tokens import AccessTokens
from solarrally.hub import Hub

log: structlog.stdlib.BoundLogger = structlog.get_logger()

DRAIN_TIMEOUT_S: Final = 2.0
DISPOSE_TIMEOUT_S: Final = 2.0


class Feed(Protocol):
    """What keeps the hub current: `storage.feed.Feed`."""

    async def run(self) -> None:
        """Follow the database until cancelled."""


def create_app(
    *,
    engine: AsyncEngine,
    hub: Hub,
    feed: Feed,
    jwt_secret: str,
    access_token_ttl_s: int = 900,
    ws_ticket_ttl_s: float = 30.0,
    allowed_origins: Sequence[str] = (),
    open_docs: bool = False,
    account_cache_s: float = 15.0,
    live_limits: LiveLimits | None = None,
) -> FastAPI:
    """The application, to be started once. It starts the feed, which fills the hub, and stops it.

    The engine is the application's from now on: disposed of when it stops. `jwt_secret` has at least 32
    characters (ValueError otherwise). `allowed_origins` may call the API and open the WebSocket besides our
    own. With `open_docs` the API's description needs no token. `live_limits` is for tests.
    """
    services = make_services(
        engine=engine,
        hub=hub,
        tokens=AccessTokens(jwt_secret, access_token_ttl_s),
        accounts=Accounts(engine, account_cache_s),
        cursors=Cursors(jwt_secret),
        live=replace(
            live_limits or LiveLimits(),
            ticket_ttl_s=ws_ticket_ttl_s,
            allowed_origins=frozenset(allowed_origins),
        ),
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        following = asyncio.create_task(_follow(feed, hub), name="feed")
        try:
            yield
        finally:
            await say_goodbye(app)
            following.cancel()
            await asyncio.wait([following])
            try:
                async with asyncio.timeout(DISPOSE_TIMEOUT_S):
                    await engine.dispose()
            except TimeoutError:
                log.warning("engine_not_disposed", waited_s=DISPOSE_TIMEOUT_S)

    app = FastAPI(
        title="SolarRally",
        version=version("solarrally"),
        description="Telemetry of EV charging stations: sessions, bills and a live picture.",
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would repeat the Host header of the request
    )
    app.state.services = services
    install_error_handlers(app)
    install_openapi(app)
    app.include_router(_api())
    app.include_router(health.router)
    app.include_router(docs_router(is_open=open_docs))
    if allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(allowed_origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Link", "Retry-After"],
        )
    app.add_middleware(BoundedBodies)
    app.add_middleware(SecurityHeaders)
    return app


async def say_goodbye(app: FastAPI) -> None:
    """Tell all watchers that we are going away, and wait a moment until they are told.

    For the server to call before it closes connections; the lifespan calls it again, for nothing.
    """
    services = app.state.services
    assert isinstance(services, Services)
    services.hub.close("going_away")
    services.sockets.closing.set()
    if not await services.sockets.all_closed(DRAIN_TIMEOUT_S):
        log.warning("live_not_drained", open_count=services.sockets.count)


def _api() -> APIRouter:
    api = APIRouter(prefix="/api/v1")
    for module in (auth, evses, sessions, users, rejected, live):
        api.include_router(module.router)
    return api


async def _follow(feed: Feed, hub: Hub) -> None:
    """Run the feed; should it fail for an unknown reason, nobody must take the picture for current."""
    try:
        await feed.run()
    except Exception:
        log.exception("feed_failed")
        hub.lose()
        raise
