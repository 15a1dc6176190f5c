"""The routes of our modules, resolved once for all applications of a run.

FastAPI works out what each route takes anew for every application, as late as its first request: 70 ms, a
thousand times. The routers belong to modules and know of no application, so one result serves all. What an
application has of its own stays its own: services, options, middleware, and the routes made for it alone.
"""

from __future__ import annotations

from functools import cache

from fastapi import FastAPI
from starlette.routing import BaseRoute

from tests.api.openapi import unstarted_app


def reuse_resolved_routes(app: FastAPI) -> None:
    """Take the resolved routes where the application includes the same routers.

    They look for `dependency_overrides` in the application that they were resolved for: do not use those.
    """
    resolved = _by_router_id()
    app.router.routes[:] = [resolved.get(_router_id(route), route) for route in app.router.routes]


@cache
def _by_router_id() -> dict[int | None, BaseRoute]:
    routes = unstarted_app().router.routes
    return {_router_id(route): route for route in routes if _router_id(route) is not None}


def _router_id(route: BaseRoute) -> int | None:
    """Which router was included; None of a route that stands alone."""
    router = getattr(route, "original_router", None)
    return None if router is None else id(router)
