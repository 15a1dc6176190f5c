"""A client of the live WebSocket, for tests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from solarrally.live_client import Bearer, open_live
from tests.api.world import World


class Watch:
    """One open connection."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def say(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def hear(self, kind: str | None = None, *, within_s: float = 5.0) -> dict[str, Any]:
        """The next message, which must be of this kind; pings in between are not counted."""
        async with asyncio.timeout(within_s):
            while True:
                message: dict[str, Any] = json.loads(await self.socket.recv())
                if message["type"] == "ping" and kind != "ping":
                    continue
                assert kind is None or message["type"] == kind, message
                return message

    async def end(self, *, within_s: float = 5.0) -> tuple[int | None, dict[str, Any]]:
        """The close code and the bye before it."""
        bye = await self.hear("bye", within_s=within_s)
        async with asyncio.timeout(within_s):
            await self.socket.wait_closed()
        return self.socket.close_code, bye


@asynccontextmanager
async def watching(address: str, token: str, **subscription: Any) -> AsyncIterator[Watch]:
    """A connection by bearer token, subscribed unless there is nothing to subscribe to."""
    async with await open_live(f"http://{address}", Bearer(token)) as socket:
        watch = Watch(socket)
        if subscription:
            await watch.say(type="subscribe", **subscription)
        yield watch


@asynccontextmanager
async def watching_by_ticket(
    address: str, ticket: str, origin: str | None = None, *, subprotocol: str = "solarrally.v1"
) -> AsyncIterator[Watch]:
    """A connection as a browser makes it."""
    names = [Subprotocol(subprotocol), Subprotocol(f"ticket.{ticket}")]
    headers = {} if origin is None else {"Origin": origin}
    async with connect(
        f"ws://{address}/api/v1/live", subprotocols=names, additional_headers=headers
    ) as socket:
        yield Watch(socket)


async def new_ticket(address: str, world: World, username: str = "operator") -> str:
    """A ticket of the user's."""
    async with httpx.AsyncClient(base_url=f"http://{address}") as client:
        answer = await client.post("/api/v1/live/tickets", headers=world.headers(username))
        assert answer.status_code == 201
        return str(answer.json()["ticket"])
