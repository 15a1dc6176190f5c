"""The web application: what it is made of, and how it starts and stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Final, Protocol

import structlog
from fastapi import APIRouter, FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.middleware.cors import CORSMiddleware

from solarrally.api import auth, evses, health, live, rejected, sessions, users
from solarrally.api.bodies import BoundedBodies
from solarrally.api.docs import docs_router, install_openapi
from solarrally.api.errors import install_error_handlers
from solarrally.api.headers import SecurityHeaders
from solarrally.api.options import ApiOptions
from solarrally.api.request_ids import RequestIds
from solarrally.api.services import Services, make_services
from solarrally.hub import Hub

log: structlog.stdlib.BoundLogger = structlog.get_logger()

DRAIN_TIMEOUT_S: Final = 2.0
DISPOSE_TIMEOUT_S: Final = 2.0


class Feed(Protocol):
    """What keeps the hub current: `storage.feed.Feed`."""

    async def run(self) -> None:
        """Follow the database until cancelled."""


def create_app(*, engine: AsyncEngine, hub: Hub, feed: Feed, options: ApiOptions) -> FastAPI:
    """The application, to be started once. It starts the feed, which fills the hub, and stops it.

    The engine is the application's from now on: disposed of when it stops. ValueError when the secret of the
    tokens is too short.
    """
    services = make_services(engine=engine, hub=hub, options=options)

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
    app.include_router(docs_router(is_open=options.open_docs))
    if options.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(options.allowed_origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Link", "Retry-After"],
        )
    app.add_middleware(BoundedBodies)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestIds)
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
