"""What the API counts of its requests, in Prometheus' words: how many, how soon answered, how many watch."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
UNROUTED: Final = "other"
"""Routes of the dashboard's files, and addresses that nobody answers: one label for all of them."""


class Traffic(Collector):
    """Counts in the loop's thread, is read in another: it adds to numbers, and readers copy.

    `watchers` and `is_current` are asked at each scrape: open live WebSockets, and whether their picture is
    that of the database.
    """

    def __init__(self, watchers: Callable[[], int], is_current: Callable[[], bool]) -> None:
        self._watchers = watchers
        self._is_current = is_current
        self._requests: Counter[tuple[str, str, str]] = Counter()
        self._answered_in: dict[str, list[int]] = {}
        self._answered_sum_s: dict[str, float] = {}
        self.open_requests = 0

    def count(self, method: str, route: str, status: int, took_s: float) -> None:
        """One answered request; `took_s` until its answer began. The route is the template, never a path."""
        self._requests[method, route, str(status)] += 1
        buckets = self._answered_in.setdefault(route, [0] * (len(BOUNDS_S) + 1))
        buckets[bisect_left(BOUNDS_S, took_s)] += 1
        self._answered_sum_s[route] = self._answered_sum_s.get(route, 0.0) + took_s

    def collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "solarrally_api_requests", "Requests answered.", labels=["method", "route", "status"]
        )
        for labels, number in self._requests.copy().items():
            requests.add_metric(labels, number)
        yield requests
        seconds = HistogramMetricFamily(
            "solarrally_api_request_seconds", "From a request to the begin of its answer.", labels=["route"]
        )
        bounds = [*map(str, BOUNDS_S), "+Inf"]
        for route, buckets in self._answered_in.copy().items():
            cumulated = list(zip(bounds, map(float, accumulate(buckets)), strict=True))
            seconds.add_metric([route], cumulated, self._answered_sum_s[route])
        yield seconds
        for name, text, value in (
            ("api_requests_open", "Requests being answered.", self.open_requests),
            ("api_watchers", "Open live WebSockets.", self._watchers()),
            ("api_feed_ok", "0 while the live picture is not current.", int(self._is_current())),
        ):
            yield GaugeMetricFamily(f"solarrally_{name}", text, value)


class CountedRequests:
    """ASGI middleware, the outermost: also what others refuse is counted, and what nobody caught as 500."""

    def __init__(self, app: ASGIApp, traffic: Traffic) -> None:
        self._app = app
        self._traffic = traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s = time.perf_counter()
        status, took_s = 500, None

        async def send_and_note(message: Message) -> None:
            nonlocal status, took_s
            if message["type"] == "http.response.start":
                status, took_s = message["status"], time.perf_counter() - began_s
            await send(message)

        self._traffic.open_requests += 1
        try:
            await self._app(scope, receive, send_and_note)
        finally:
            self._traffic.open_requests -= 1
            took_s = time.perf_counter() - began_s if took_s is None else took_s
            self._traffic.count(scope["method"], route_of(scope), status, took_s)


def route_of(scope: Scope) -> str:
    """The template of the route that answered, such as /api/v1/evses/{evse_uid}."""
    return str(getattr(scope.get("route"), "path", UNROUTED))
