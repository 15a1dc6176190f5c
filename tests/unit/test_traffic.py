"""What the API counts of its requests."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry
from starlette.types import Message, Receive, Scope, Send

from solarrally.api.traffic import UNROUTED, CountedRequests, Traffic


class Route:
    path = "/api/v1/evses/{evse_uid}"


async def ask(app: CountedRequests, *, kind: str = "http") -> None:
    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        """Nobody listens."""

    await app({"type": kind, "method": "GET", "path": "/api/v1/evses/cp1"}, receive, send)


def counting(
    status: int = 200, *, route: Route | None = None, error: Exception | None = None
) -> CountedRequests:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if route is not None:
            scope["route"] = route
        if error is not None:
            raise error
        await send({"type": "http.response.start", "status": status})

    return CountedRequests(app, Traffic(lambda: 3, lambda: False))


def figures(app: CountedRequests) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(app._traffic)
    return registry


async def test_a_request_is_counted_by_its_route_and_not_by_its_path() -> None:
    app = counting(404, route=Route())
    await ask(app)
    labels = {"method": "GET", "route": Route.path, "status": "404"}

    assert figures(app).get_sample_value("solarrally_api_requests_total", labels) == 1
    assert figures(app).get_sample_value("solarrally_api_request_seconds_count", {"route": Route.path}) == 1


async def test_what_no_route_answers_has_one_label_for_all() -> None:
    app = counting(404)
    await ask(app)
    labels = {"method": "GET", "route": UNROUTED, "status": "404"}

    assert figures(app).get_sample_value("solarrally_api_requests_total", labels) == 1


async def test_an_error_that_nobody_caught_is_counted_as_ours() -> None:
    app = counting(route=Route(), error=RuntimeError("a bug"))
    with pytest.raises(RuntimeError, match="a bug"):
        await ask(app)
    labels = {"method": "GET", "route": Route.path, "status": "500"}

    assert figures(app).get_sample_value("solarrally_api_requests_total", labels) == 1
    assert figures(app).get_sample_value("solarrally_api_requests_open") == 0


async def test_a_websocket_is_no_request() -> None:
    app = counting()
    await ask(app, kind="websocket")

    assert figures(app).get_sample_value("solarrally_api_request_seconds_count", {"route": UNROUTED}) is None


def test_watchers_and_the_picture_are_asked_at_each_scrape() -> None:
    registry = figures(counting())

    assert registry.get_sample_value("solarrally_api_watchers") == 3
    assert registry.get_sample_value("solarrally_api_feed_ok") == 0
