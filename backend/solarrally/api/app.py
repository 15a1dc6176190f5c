"""The web application: what it is made of, and how it starts and stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Final, Protocol

import structlog
from fastapi import APIRouter, FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.middleware.cors import CORSMiddleware

from solarrally.api import (
    alerts,
    api_keys,
    audit,
    auth,
    bills,
    commands,
    credentials,
    evses,
    exports,
    health,
    imports,
    live,
    logins,
    passwords,
    public,
    registration,
    rejected,
    roles,
    sessions,
    sites,
    stats,
    tariffs,
    telemetry,
    users,
)
from solarrally.api.bodies import BoundedBodies
from solarrally.api.client_address import TrustedProxies
from solarrally.api.cors import cors_rules
from solarrally.api.dashboard import DashboardRoute
from solarrally.api.docs import docs_router, install_openapi
from solarrally.api.errors import install_error_handlers
from solarrally.api.headers import SecurityHeaders
from solarrally.api.options import ApiOptions
from solarrally.api.request_ids import RequestIds
from solarrally.api.services import Services, make_services
from solarrally.api.traffic import CountedRequests, Traffic
from solarrally.hub import Hub
from solarrally.mail import Mailer

log: structlog.stdlib.BoundLogger = structlog.get_logger()

STREAMED: Final = {("POST", "/api/v1/imports")}
"""Routes that read large bodies themselves."""
DRAIN_TIMEOUT_S: Final = 2.0
DISPOSE_TIMEOUT_S: Final = 2.0


class Feed(Protocol):
    """What keeps the hub current: `storage.feed.Feed`."""

    async def run(self) -> None:
        """Follow the database until cancelled."""


def create_app(
    *, engine: AsyncEngine, hub: Hub, feed: Feed, options: ApiOptions, mailer: Mailer | None = None
) -> FastAPI:
    """The application, to be started once. It starts the feed, which fills the hub, and stops it.

    The engine is the application's from now on: disposed of when it stops. ValueError when the secret of the
    tokens is too short.
    """
    services = make_services(engine=engine, hub=hub, options=options, mailer=mailer)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        following = asyncio.create_task(_follow(feed, hub), name="feed")
        recording = asyncio.create_task(services.refusals.run(), name="refusals")
        try:
            yield
        finally:
            await say_goodbye(app)
            await services.mailroom.close()
            following.cancel()
            recording.cancel()
            await asyncio.wait([following, recording])
            try:
                async with asyncio.timeout(DISPOSE_TIMEOUT_S):
                    await services.refusals.flush()
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
    app.state.refusals = services.refusals
    app.state.traffic = Traffic(lambda: services.sockets.count, lambda: hub.is_current)
    install_error_handlers(app)
    install_openapi(app)
    for router in _routers():
        app.include_router(router, prefix="/api/v1")
    app.include_router(health.router)
    app.include_router(docs_router(is_open=options.open_docs))
    if options.dashboard_dir is not None:
        app.router.routes.append(DashboardRoute(options.dashboard_dir))
    app.add_middleware(BoundedBodies, streamed=STREAMED)
    if options.allowed_origins:
        app.add_middleware(CORSMiddleware, **cors_rules(options.allowed_origins))
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestIds)
    app.add_middleware(TrustedProxies, networks=options.trusted_proxies)
    app.add_middleware(CountedRequests, traffic=app.state.traffic)
    return app


async def say_goodbye(app: FastAPI) -> None:
    """Tell all watchers that we are going away, and wait a moment until they are told.

    For the server to call before it closes connections; the lifespan calls it again, for nothing.
    """
    services = app.state.services
    assert isinstance(services, Services)
    services.sockets.close()
    if not await services.sockets.all_closed(DRAIN_TIMEOUT_S):
        log.warning("live_not_drained", open_count=services.sockets.count)


def _routers() -> Iterator[APIRouter]:
    """To be included one by one: a router of routers would be resolved twice, for 70 ms of every start."""
    for module in (
        alerts,
        auth,
        public,
        logins,
        passwords,
        registration,
        api_keys,
        commands,
        sites,
        evses,
        credentials,
        telemetry,
        sessions,
        users,
        roles,
        audit,
        rejected,
        live,
        stats,
        exports,
        imports,
        tariffs,
        bills,
    ):
        yield module.router


async def _follow(feed: Feed, hub: Hub) -> None:
    """Run the feed; should it fail for an unknown reason, nobody must take the picture for current."""
    try:
        await feed.run()
    except Exception:
        log.exception("feed_failed")
        hub.lose()
        raise
