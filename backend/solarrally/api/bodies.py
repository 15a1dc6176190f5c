"""Request bodies, bounded in size and in the time they may take."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from solarrally.api.errors import ApiProblem, problem_response

MAX_BODY_BYTES: Final = 65_536
BODY_TIMEOUT_S: Final = 10.0


class BoundedBodies:
    """ASGI middleware that reads the whole body before the application sees the request.

    Larger bodies are answered with 413, slower ones with 408. Those of the routes in `streamed` (method and
    path) are left to the routes themselves.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_bytes: int = MAX_BODY_BYTES,
        timeout_s: float = BODY_TIMEOUT_S,
        streamed: Collection[tuple[str, str]] = (),
    ) -> None:
        self._app = app
        self._streamed = frozenset(streamed)
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or not _has_body(Headers(scope=scope))
            or (scope["method"], scope["path"]) in self._streamed
        ):
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._timeout_s):
                body = await self._read(Headers(scope=scope), receive)
        except TimeoutError:
            problem = ApiProblem(
                HTTPStatus.REQUEST_TIMEOUT, "The body took too long.", headers={"Connection": "close"}
            )
            await problem_response(problem)(scope, receive, send)
            return
        except ApiProblem as refusal:
            await problem_response(refusal)(scope, receive, send)
            return
        if body is None:
            return  # the client has gone
        replay: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive_again() -> Message:
            return replay.pop() if replay else await receive()

        await self._app(scope, receive_again, send)

    async def _read(self, headers: Headers, receive: Receive) -> bytes | None:
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length[:20]) > self._max_bytes:
            raise self._too_large()
        chunks: list[bytes] = []
        size_bytes = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            chunk = message.get("body", b"")
            size_bytes += len(chunk)
            if size_bytes > self._max_bytes:
                raise self._too_large()
            chunks.append(chunk)
            if not message.get("more_body", False):
                return b"".join(chunks)

    def _too_large(self) -> ApiProblem:
        return ApiProblem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"A body may have at most {self._max_bytes} bytes.",
            headers={"Connection": "close"},
        )


def _has_body(headers: Headers) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
