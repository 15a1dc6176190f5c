"""Refused accesses, on their way into the audit log: no request waits for it, and no flood can fill it."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import HTTPConnection

from solarrally.api.client_address import client_address
from solarrally.errors import StoreUnavailable
from solarrally.storage.audit import Actor, record
from solarrally.storage.edits.editing import editing

log: structlog.stdlib.BoundLogger = structlog.get_logger()

WINDOW_S: Final = 60.0
ENTRIES_PER_ADDRESS: Final = 20
"""Written one by one in a window; further ones of the address are counted, and become one entry."""
ENTRIES: Final = 600
"""The same for all addresses together."""
MAX_PATH_LENGTH: Final = 200
ANONYMOUS: Final = "anonymous"
ELSEWHERE: Final = "elsewhere"
"""Stands for all addresses beyond `ENTRIES`."""
_AUTH_PATH: Final = "/api/v1/auth/"


@dataclass(slots=True, frozen=True, kw_only=True)
class Refusal:
    """One refused access."""

    actor: Actor
    route: str
    """Method and path."""
    detail: str


class Refusals:
    """Takes refusals at once and writes them a moment later, in transactions of its own.

    When the database is away they are logged instead. Memory is bounded by what a window lets through.
    """

    def __init__(self, engine: AsyncEngine, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._waiting: deque[Refusal] = deque()
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()
        self._window_began_s = clock()
        self._taken: dict[str, int] = {}
        self._taken_total = 0
        self._more: dict[str, int] = {}

    def note(self, refusal: Refusal) -> None:
        """Have it written."""
        self._turn_window()
        address = refusal.actor.address or ELSEWHERE
        taken = self._taken.get(address, 0)
        if taken >= ENTRIES_PER_ADDRESS:
            self._more[address] = self._more.get(address, 0) + 1
            return
        if self._taken_total >= ENTRIES:
            self._more[ELSEWHERE] = self._more.get(ELSEWHERE, 0) + 1
            return
        self._taken[address] = taken + 1
        self._taken_total += 1
        self._waiting.append(refusal)
        self._wake.set()

    async def run(self) -> None:
        """Write what is noted, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(WINDOW_S):
                    await self._wake.wait()
            except TimeoutError:
                self._turn_window()
            await self.flush()

    async def flush(self) -> None:
        """Return when all that waits is written. Cancelled on the way, it goes on waiting."""
        async with self._writing:
            self._wake.clear()
            refusals = tuple(self._waiting)
            if refusals:
                await self._write(refusals)
            for _ in refusals:
                self._waiting.popleft()

    async def _write(self, refusals: Sequence[Refusal]) -> None:
        try:
            async with editing(self._engine) as connection:
                for refusal in refusals:
                    await record(
                        connection,
                        refusal.actor,
                        "access.refuse",
                        "route",
                        refusal.route,
                        outcome="refused",
                        detail=refusal.detail,
                    )
        except StoreUnavailable as error:
            for refusal in refusals:
                log.warning(
                    "refusal_not_recorded",
                    actor=refusal.actor.name,
                    address=refusal.actor.address,
                    route=refusal.route,
                    detail=refusal.detail,
                    error=str(error),
                )

    def _turn_window(self) -> None:
        """At the end of a window, say in one entry for each address how many were only counted."""
        now_s = self._clock()
        if now_s - self._window_began_s < WINDOW_S:
            return
        for address, count in self._more.items():
            actor = Actor(user_id=None, name=ANONYMOUS, address=address)
            detail = f"{count} more within {now_s - self._window_began_s:.0f} s"
            self._waiting.append(Refusal(actor=actor, route="*", detail=detail))
            self._wake.set()
        self._window_began_s = now_s
        self._taken.clear()
        self._taken_total = 0
        self._more.clear()


def refusal_of(connection: HTTPConnection, status: int, detail: str) -> Refusal | None:
    """What the audit log keeps of a refusal (401, 403); None when nobody claimed to be anybody.

    `connection.state.actor` says who it was, where that is known.
    """
    path = connection.scope.get("raw_path", b"").decode("ascii", "replace").partition("?")[0]
    if status == HTTPStatus.UNAUTHORIZED:
        if not _claims_something(connection, path):
            return None
    elif status != HTTPStatus.FORBIDDEN:
        return None
    actor = getattr(connection.state, "actor", None)
    if not isinstance(actor, Actor):
        actor = Actor(
            user_id=None,
            name=ANONYMOUS,
            address=client_address(connection),
            request_id=connection.scope.get("request_id"),
        )
    method = connection.scope.get("method", "WEBSOCKET")
    return Refusal(actor=actor, route=f"{method} {path[:MAX_PATH_LENGTH]}", detail=detail)


def _claims_something(connection: HTTPConnection, path: str) -> bool:
    """Whether a credential came with the request: a header, or a cookie or body where those may be one."""
    headers = connection.headers
    if path.startswith(_AUTH_PATH) and ("cookie" in headers or headers.get("content-length", "0") != "0"):
        return True
    return "authorization" in headers
