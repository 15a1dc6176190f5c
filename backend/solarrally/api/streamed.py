"""Answers that are made while they are sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from http import HTTPStatus
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

LONGEST_S: Final = 3600.0
"""A client that has not taken everything by then is cut off: what it reads from is kept open for it."""


class Streamed(Response):
    """A body whose pieces come from a generator, which is closed however the answer ends; then `on_end`.

    A client that goes away cancels whatever makes the next piece. An error after the first piece goes to the
    server, which breaks the connection off: without the last chunk of the transfer coding, nobody takes a
    part for the whole.
    """

    def __init__(
        self,
        first: bytes,
        pieces: AsyncGenerator[bytes],
        on_end: Callable[[], None],
        *,
        media_type: str,
        headers: Mapping[str, str],
    ) -> None:
        self.status_code = HTTPStatus.OK
        self.media_type = media_type
        self.background = None
        self.body = b""
        self.init_headers({**headers, "content-type": media_type})
        self._first = first
        self._pieces = pieces
        self._on_end = on_end

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        """Without a length, which nobody knows before the end."""
        self.raw_headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in (headers or {}).items()
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sender = asyncio.current_task()
        assert sender is not None
        is_gone = False

        async def watch() -> None:
            nonlocal is_gone
            while (await receive())["type"] != "http.disconnect":
                pass
            is_gone = True
            sender.cancel()

        watcher = asyncio.create_task(watch(), name="watch-for-disconnect")
        try:
            async with aclosing(self._pieces), asyncio.timeout(LONGEST_S):
                await self._send(send)
        except asyncio.CancelledError:
            if not is_gone or sender.uncancel():
                raise
        finally:
            watcher.cancel()
            self._on_end()

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self._first, "more_body": True})
        async for piece in self._pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
