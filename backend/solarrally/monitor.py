"""The ingestor's own small HTTP server: `/metrics` for Prometheus, `/healthz` and `/readyz` for its keeper.

It answers from a thread, also while ingestion is busy, and tells nothing but figures.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from socketserver import ThreadingMixIn
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.registry import Collector

from solarrally.errors import SettingsError

Readiness = Mapping[str, Any]
"""What `/readyz` says; `is_ready` decides between 200 and 503."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _SilentHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """A line a scrape would drown the log."""


def serve_monitor(
    host: str, port: int, collector: Collector, readiness: Callable[[], Readiness]
) -> Callable[[], None]:
    """Answer on that address; returns what stops it. Raises `SettingsError` when the port is taken."""
    registry = CollectorRegistry()
    registry.register(collector)
    metrics = make_wsgi_app(registry)

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/metrics":
                found: Iterable[bytes] = metrics(environ, start_response)
                return found
            case "/healthz":
                return _json(start_response, "200 OK", {"status": "alive"})
            case "/readyz":
                said = readiness()
                return _json(
                    start_response, "200 OK" if said["is_ready"] else "503 Service Unavailable", said
                )
            case _:
                return _json(
                    start_response, "404 Not Found", {"detail": "there are /metrics, /healthz and /readyz"}
                )

    try:
        server = make_server(host, port, answer, server_class=_Server, handler_class=_SilentHandler)
    except OSError as error:
        raise SettingsError(
            f"SOLARRALLY_METRICS_PORT: nothing can listen on {host}:{port}: {error}"
        ) from error
    thread = Thread(target=server.serve_forever, name="monitor", daemon=True)
    thread.start()

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)

    return stop


def _json(start_response: StartResponse, status: str, body: Mapping[str, Any]) -> Iterable[bytes]:
    start_response(status, [("Content-Type", "application/json"), ("Cache-Control", "no-store")])
    return [json.dumps(body).encode()]
