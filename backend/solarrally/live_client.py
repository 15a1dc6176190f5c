"""A client of the live WebSocket (docs/live-protocol.md): keeps the picture, and comes back by itself.

    async with LiveClient("http://127.0.0.1:8000", credential, subscription={"all": True}) as client:
        async for event in client:
            match event:
                case Snapshot() | Frame():
                    show(client.picture)
                case Stale() | Lost():
                    show_as_old(client.picture)

After every gap comes a `Snapshot`; between a `Stale` or `Lost` and that, `picture.is_current` is False.
"""

from __future__ import annotations

import asyncio
import json
import random
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, TypeAlias

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from solarrally.errors import SolarRallyError

OPEN_TIMEOUT_S: Final = 10.0
SILENCE_TIMEOUT_S: Final = 45.0
"""The server pings every 15 s: one that says nothing for this long is gone."""
FIRST_RETRY_S: Final = 0.25
LAST_RETRY_S: Final = 10.0
MAX_MESSAGE_BYTES: Final = 2**26
"""Of a snapshot: about 80,000 connectors."""
_FATAL: Final = frozenset({"invalid_message", "no_subscribe", "too_big"})
"""What the server says of a client that will do no better the next time."""

Json: TypeAlias = dict[str, Any]


class LiveRefused(SolarRallyError):
    """The API refused the login, the connection or the subscription; the text says why."""


class LiveUnreachable(LiveRefused):
    """Nobody answered the login, or could now; raised by `LiveClient` only before its first snapshot."""


@dataclass(slots=True, frozen=True)
class Bearer:
    """An access token or an API key, for clients that are no browsers."""

    token: str


@dataclass(slots=True, frozen=True)
class Ticket:
    """A ticket that opens one connection."""

    ticket: str


Credential = Bearer | Ticket
Credentials = Callable[[], Awaitable[Credential]]
"""Gives a fresh credential for each connection."""


@dataclass(slots=True, frozen=True)
class Snapshot:
    """Everything subscribed to, as it stands; it replaces all that was told before."""

    updates: list[Json]
    alerts: list[Json] = field(default_factory=list)
    commands: list[Json] = field(default_factory=list)


@dataclass(slots=True, frozen=True)
class Frame:
    """What changed: the newest of each connector; every session, alert and command in order."""

    updates: list[Json]
    sessions: list[Json]
    alerts: list[Json] = field(default_factory=list)
    commands: list[Json] = field(default_factory=list)


@dataclass(slots=True, frozen=True)
class Stale:
    """The server has lost its database; a `Snapshot` follows when it is back."""


@dataclass(slots=True, frozen=True)
class Lost:
    """The connection has ended. The next one is tried in `retry_s`; a `Snapshot` follows when it is made."""

    reason: str
    retry_s: float


Event = Snapshot | Frame | Stale | Lost


class Picture:
    """What is known, by what was told."""

    def __init__(self) -> None:
        self.is_current = False
        """False before the first snapshot, and between a gap and the snapshot that closes it."""
        self.connectors: dict[tuple[str, int], Json] = {}
        self.alerts: dict[int, Json] = {}
        """The open ones."""
        self.commands: dict[str, Json] = {}
        """The unfinished ones."""

    def apply(self, event: Event) -> None:
        match event:
            case Stale() | Lost():
                self.is_current = False
                return
            case Snapshot():
                self.connectors, self.alerts, self.commands = {}, {}, {}
                self.is_current = True
        for update in event.updates:
            self.connectors[update["evse_uid"], update["connector_id"]] = update
        for alert in event.alerts:
            _keep(self.alerts, alert, is_over=alert["resolved_at"] is not None)
        for command in event.commands:
            _keep(self.commands, command, is_over=command["finished_at"] is not None)


def _keep(known: dict[Any, Json], record: Json, *, is_over: bool) -> None:
    if is_over:
        known.pop(record["id"], None)
    else:
        known[record["id"]] = record


class LiveClient:
    """Follows the live feed until it is closed: an asynchronous iterator of events.

    `subscription` is what `subscribe` takes: `all`, `evses`, `sites`, `sessions`, `max_rate_hz`. Raises
    `LiveRefused` when the server refuses for good; all else is tried again, with growing, jittered pauses.
    """

    def __init__(self, url: str, credentials: Credentials, *, subscription: Mapping[str, Any]) -> None:
        self.picture = Picture()
        self._url = url
        self._credentials = credentials
        self._subscribe = json.dumps({"type": "subscribe", **subscription})
        self._events = self._follow()

    async def __aenter__(self) -> LiveClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._events.aclose()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self._events

    async def _follow(self) -> AsyncGenerator[Event]:
        retry_s, has_begun = FIRST_RETRY_S, False
        while True:
            try:
                async with aclosing(self._one_connection()) as events:
                    async for event in events:
                        if isinstance(event, Snapshot):
                            retry_s, has_begun = FIRST_RETRY_S, True
                        self.picture.apply(event)
                        yield event
            except (ConnectionClosed, InvalidHandshake, OSError, LiveUnreachable, _Ended) as error:
                if isinstance(error, LiveUnreachable) and not has_begun:
                    raise
                pause_s = retry_s * random.uniform(0.5, 1.0)
                lost = Lost(str(error) or type(error).__name__, pause_s)
                self.picture.apply(lost)
                yield lost
                await asyncio.sleep(pause_s)
                retry_s = min(retry_s * 2, LAST_RETRY_S)

    async def _one_connection(self) -> AsyncGenerator[Event]:
        """The events of one connection. Raises when it ends; never just stops."""
        connection = await open_live(self._url, await self._credentials())
        async with connection:
            await connection.send(self._subscribe)
            while True:
                async with asyncio.timeout(SILENCE_TIMEOUT_S):
                    message: Json = json.loads(await connection.recv())
                match message.pop("type"):
                    case "ping":
                        await connection.send('{"type":"pong"}')
                    case "snapshot":
                        yield Snapshot(**_known(Snapshot, message))
                    case "frame":
                        yield Frame(**_known(Frame, message))
                    case "stale":
                        yield Stale()
                    case "bye":
                        if message["reason"] in _FATAL:
                            raise LiveRefused(f"{self._url}: {_said(message)}")
                        raise _Ended(_said(message))


class _Ended(Exception):
    """The server has said bye."""


def _known(kind: type[Snapshot] | type[Frame], message: Json) -> Json:
    """The members that this version knows: a newer server may say more."""
    return {name: value for name, value in message.items() if name in kind.__dataclass_fields__}


def _said(bye: Json) -> str:
    return ": ".join(filter(None, (bye["reason"], bye.get("detail"))))


async def open_live(url: str, credential: Credential, *, origin: str | None = None) -> ClientConnection:
    """An open live WebSocket that has not subscribed. `url` is the API's, with http or https.

    Raises `LiveRefused` when the credential is not good, `OSError` or `InvalidHandshake` without a server.
    """
    address = url.replace("http", "ws", 1) + "/api/v1/live"
    subprotocols, headers = [Subprotocol("solarrally.v1")], {}
    match credential:
        case Ticket():
            subprotocols.append(Subprotocol(f"ticket.{credential.ticket}"))
        case Bearer():
            headers["Authorization"] = f"Bearer {credential.token}"
    if origin is not None:
        headers["Origin"] = origin
    try:
        return await connect(
            address,
            subprotocols=subprotocols,
            additional_headers=headers,
            open_timeout=OPEN_TIMEOUT_S,
            max_size=MAX_MESSAGE_BYTES,
        )
    except InvalidStatus as error:
        status = error.response.status_code
        if status in (401, 403):
            raise LiveRefused(f"{url} refused the live connection: HTTP {status}") from error
        raise


def log_in(url: str, username: str, password: str) -> str:
    """An access token. Raises `LiveRefused` or `LiveUnreachable`. It waits: call it in a thread."""
    form = urllib.parse.urlencode({"username": username, "password": password}).encode()
    try:
        with urllib.request.urlopen(f"{url}/api/v1/auth/login", form, timeout=OPEN_TIMEOUT_S) as answer:
            return str(json.load(answer)["access_token"])
    except urllib.error.HTTPError as error:
        kind = LiveUnreachable if error.code in (429, 503) else LiveRefused
        raise kind(f"{url} refused the login of {username}: {error.code} {error.reason}") from error
    except (OSError, ValueError) as error:
        raise LiveUnreachable(f"no answer from {url}: {error}; is `./run up` running?") from error
