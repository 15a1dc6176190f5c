"""One live WebSocket after it is admitted: listens, tells, beats, and checks that it may still go on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from solarrally.api.live_admission import Admission
from solarrally.api.live_messages import ClientMessage, Goodbye, Ping, Subscribe, parse_client_message
from solarrally.api.live_rendering import PING_TEXT, PONG_TEXT, text_of
from solarrally.api.services import Services
from solarrally.errors import StoreUnavailable
from solarrally.hub import End, Watcher

log: structlog.stdlib.BoundLogger = structlog.get_logger()

GOODBYE_TIMEOUT_S = 1.0
MESSAGE_WINDOW_S = 10.0
_RESUBSCRIBED = "resubscribed"


class LiveConnection:
    """Serves one accepted WebSocket until either side ends it."""

    def __init__(self, websocket: WebSocket, services: Services, admission: Admission) -> None:
        self._websocket = websocket
        self._hub = services.hub
        self._accounts = services.accounts
        self._limits = services.live
        self._sockets = services.sockets
        self._admission = admission
        self._audience = admission.caller.audience
        self._sending = asyncio.Lock()
        self._watcher: Watcher | None = None
        self._clock = asyncio.get_running_loop().time
        self._heard_at_s = self._clock()
        self._window_began_s = self._heard_at_s
        self._window_count = 0

    async def run(self) -> None:
        """Serve it. Ends with a bye, unless the client has gone."""
        goodbye: Goodbye | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._until_closing(), name="live-until-closing")
                self._subscription = await self._first_subscription()
                tasks.create_task(self._listen(), name="live-listen")
                tasks.create_task(self._tell(), name="live-tell")
                tasks.create_task(self._beat(), name="live-beat")
                tasks.create_task(self._watch_over(), name="live-watch-over")
        except BaseExceptionGroup as group:
            goodbye = _goodbye_in(group)
        if goodbye is not None:
            await self._say(goodbye)

    async def _until_closing(self) -> None:
        await self._sockets.closing.wait()
        raise Goodbye("going_away")

    async def _first_subscription(self) -> Subscribe:
        try:
            async with asyncio.timeout(self._limits.subscribe_timeout_s):
                while True:
                    message = await self._receive()
                    if isinstance(message, Subscribe):
                        return message
                    if isinstance(message, Ping):
                        await self._send(PONG_TEXT)
        except TimeoutError as error:
            raise Goodbye(
                "no_subscribe", f"no subscribe within {self._limits.subscribe_timeout_s:g} s"
            ) from error

    async def _listen(self) -> None:
        while True:
            message = await self._receive()
            if isinstance(message, Subscribe):
                self._subscription = message
                if self._watcher is not None:
                    self._watcher.end(_RESUBSCRIBED)
            elif isinstance(message, Ping):
                await self._send(PONG_TEXT)

    async def _tell(self) -> None:
        while True:
            wanted = self._subscription
            with self._hub.watch(wanted.interest, self._audience, wanted.max_rate_hz) as watcher:
                self._watcher = watcher
                while True:
                    event = await watcher.next()
                    if isinstance(event, End):
                        break
                    await self._send(text_of(event, self._audience))
            if event.reason != _RESUBSCRIBED:
                raise Goodbye(event.reason)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._limits.ping_interval_s)
            if self._clock() - self._heard_at_s > self._limits.silence_timeout_s:
                raise Goodbye("silent", f"nothing heard for {self._limits.silence_timeout_s:g} s")
            await self._send(PING_TEXT)

    async def _watch_over(self) -> None:
        """End the connection when its token expires, or its user is disabled or becomes another role."""
        account = self._admission.caller.account
        expires_at = self._admission.expires_at
        while True:
            pause_s = self._limits.recheck_interval_s
            if expires_at is not None:
                pause_s = min(pause_s, max(0.0, (expires_at - datetime.now(UTC)).total_seconds()))
            await asyncio.sleep(pause_s)
            if expires_at is not None and datetime.now(UTC) >= expires_at:
                raise Goodbye("token_expired")
            try:
                now = await self._accounts.active(account.id)
            except StoreUnavailable as error:
                log.warning("live_recheck_postponed", user_id=account.id, error=str(error))
                continue  # the feed is lost too: nothing new is told meanwhile
            if now is None:
                raise Goodbye("user_disabled")
            if (now.role, now.id_token) != (account.role, account.id_token):
                raise Goodbye("role_changed", "connect again")

    async def _receive(self) -> ClientMessage:
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        self._heard_at_s = self._clock()
        self._count_message()
        text = message.get("text")
        if text is None:
            raise Goodbye("invalid_message", "messages are text")
        if len(text) > self._limits.max_message_bytes:
            raise Goodbye("too_big", f"a message may have at most {self._limits.max_message_bytes} bytes")
        return parse_client_message(text)

    def _count_message(self) -> None:
        if self._heard_at_s - self._window_began_s >= MESSAGE_WINDOW_S:
            self._window_began_s = self._heard_at_s
            self._window_count = 0
        self._window_count += 1
        if self._window_count > self._limits.max_messages_per_10_s:
            raise Goodbye("too_many_messages", f"at most {self._limits.max_messages_per_10_s} in 10 s")

    async def _send(self, text: str) -> None:
        try:
            async with asyncio.timeout(self._limits.send_timeout_s), self._sending:
                await self._websocket.send_text(text)
        except TimeoutError as error:
            raise Goodbye("too_slow", f"took no data for {self._limits.send_timeout_s:g} s") from error

    async def _say(self, goodbye: Goodbye) -> None:
        log.info(
            "live_closed",
            reason=goodbye.reason,
            field=goodbye.field,
            user_id=self._admission.caller.account.id,
        )
        try:
            async with asyncio.timeout(GOODBYE_TIMEOUT_S):
                await self._websocket.send_text(goodbye.text)
                await self._websocket.close(goodbye.code, goodbye.reason)
        except (TimeoutError, WebSocketDisconnect) as error:
            log.debug("live_goodbye_unheard", error=type(error).__name__)


def _goodbye_in(group: BaseExceptionGroup[BaseException]) -> Goodbye | None:
    """The first goodbye of the tasks, None when the client has just gone; anything else is raised."""
    _, unexpected = group.split((Goodbye, WebSocketDisconnect))
    if unexpected is not None:
        raise unexpected
    if any(isinstance(error, WebSocketDisconnect) for error in group.exceptions):
        return None
    return next(error for error in group.exceptions if isinstance(error, Goodbye))
