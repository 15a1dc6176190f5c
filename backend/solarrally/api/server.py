"""uvicorn, set up for live WebSockets: bounded messages, a bye before the end, no undead connections."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn
from fastapi import FastAPI

from solarrally.api.app import say_goodbye
from solarrally.api.live_wire import LiveProtocol

MAX_FRAME_BYTES: Final = 65_536
GRACEFUL_SHUTDOWN_S: Final = 2
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Server(uvicorn.Server):
    """A server that says goodbye to live watchers before it closes their connections."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._solarrally = app

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGINT and SIGTERM with exit code 0; uvicorn itself would raise them again at the end."""
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in STOP_SIGNALS:
                loop.remove_signal_handler(number)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await say_goodbye(self._solarrally)
        await super().shutdown(sockets)


KEEP_ALIVE_S: Final = 130
"""Longer than proxies keep an idle connection (infra/alb.tf: 120 s): who closes first decides, and a request
that meets our closing is answered with 502 by the proxy.
"""


def make_server(app: FastAPI, *, host: str, port: int, **options: Any) -> Server:
    """A server for the application; `await server.serve()` runs it until SIGINT or SIGTERM.

    `options` go to `uvicorn.Config`.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http="httptools",
        ws=LiveProtocol,
        ws_max_size=MAX_FRAME_BYTES,
        ws_ping_interval=20.0,
        ws_ping_timeout=20.0,
        timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_S,
        timeout_keep_alive=KEEP_ALIVE_S,
        server_header=False,
        date_header=True,
        log_config=None,
        access_log=False,
        proxy_headers=False,  # api.client_address believes those proxies that it is told to
        **options,
    )
    return Server(config, app)
