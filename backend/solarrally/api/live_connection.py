"""One live WebSocket after it is admitted: listens, tells, beats, and checks that it may still go on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from solarrally.api.live_admission import Admission, reason_to_end
from solarrally.api.live_messages import ClientMessage, Goodbye, Ping, Subscribe, parse_client_message
from solarrally.api.live_rendering import PING_FRAME, PONG_FRAME, frame_of
from solarrally.api.live_wire import text_frame, wire_of
from solarrally.api.services import Services
from solarrally.errors import StoreUnavailable
from solarrally.hub import Event, Watcher

log: structlog.stdlib.BoundLogger = structlog.get_logger()

GOODBYE_TIMEOUT_S = 1.0
MESSAGE_WINDOW_S = 10.0
SLOWEST_MESSAGE = 6.0
"""In `send_timeout_s`: how long a client that takes some of a message may need for all of it."""


class LiveConnection:
    """Serves one accepted WebSocket until either side ends it."""

    def __init__(self, websocket: WebSocket, services: Services, admission: Admission) -> None:
        self._websocket = websocket
        self._hub = services.hub
        self._services = services
        self._limits = services.live
        self._admission = admission
        self._audience = admission.caller.audience
        self._wire = wire_of(websocket)
        self._watcher: Watcher | None = None
        self._loop = asyncio.get_running_loop()
        self._clock = self._loop.time
        self._ending: asyncio.Future[Goodbye] = self._loop.create_future()
        self._next_beat: asyncio.TimerHandle | None = None
        self._next_check: asyncio.TimerHandle | None = None
        self._full_since_s = 0.0
        self._heard_at_s = self._clock()
        self._window_began_s = self._heard_at_s
        self._window_count = 0

    async def run(self) -> None:
        """Serve it. Ends with a bye, unless the client has gone."""
        goodbye: Goodbye | None = None
        self._wire.listener = self
        first = self._loop.call_later(self._limits.subscribe_timeout_s, self._expect_subscription)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen(), name="live-listen")
                tasks.create_task(self._watch_over(), name="live-watch-over")
                raise await self._ending
        except BaseExceptionGroup as group:
            goodbye = _goodbye_in(group)
        finally:
            self._stop_telling()
            for call in (first, self._next_beat, self._next_check):
                if call is not None:
                    call.cancel()
        if goodbye is not None:
            await self._say(goodbye)

    def end(self, goodbye: Goodbye) -> None:
        """End it with this bye; the first one stands."""
        if not self._ending.done():
            self._ending.set_result(goodbye)

    # -- what the hub tells (hub.Outlet) -----------------------------------------------------------

    @property
    def is_ready(self) -> bool:
        return self._wire.is_writable

    def tell(self, event: Event) -> None:
        wire = self._wire
        wire.write(frame_of(event, self._audience, deflates=wire.deflates))

    # -- how the wire takes it (live_wire.WireListener) --------------------------------------------

    def wire_is_full(self) -> None:
        self._full_since_s = self._clock()
        self._check_later(self._wire.buffered_bytes)

    def wire_is_writable(self) -> None:
        if self._next_check is not None:
            self._next_check.cancel()
            self._next_check = None
        if self._watcher is not None:
            self._watcher.resume()

    def _check_later(self, buffered_bytes: int) -> None:
        self._next_check = self._loop.call_later(
            self._limits.send_timeout_s, self._check_progress, buffered_bytes
        )

    def _check_progress(self, buffered_bytes_before: int) -> None:
        """A client that took nothing, or takes a little now and then for ever, is too slow."""
        timeout_s = self._limits.send_timeout_s
        buffered_bytes = self._wire.buffered_bytes
        if buffered_bytes >= buffered_bytes_before:
            self.end(Goodbye("too_slow", f"took no data for {timeout_s:g} s"))
        elif self._clock() - self._full_since_s > SLOWEST_MESSAGE * timeout_s:
            self.end(Goodbye("too_slow", f"took longer than {SLOWEST_MESSAGE * timeout_s:g} s for a message"))
        else:
            self._check_later(buffered_bytes)

    # -- inside ------------------------------------------------------------------------------------

    def _expect_subscription(self) -> None:
        if self._watcher is None:
            self.end(Goodbye("no_subscribe", f"no subscribe within {self._limits.subscribe_timeout_s:g} s"))

    async def _listen(self) -> None:
        while True:
            message = await self._receive()
            if isinstance(message, Subscribe):
                self._stop_telling()
                self._watcher = self._hub.join(self, message.interest, self._audience, message.max_rate_hz)
                if self._next_beat is None:
                    self._beat_later()
            elif isinstance(message, Ping):
                self._wire.write(PONG_FRAME)

    def _stop_telling(self) -> None:
        if self._watcher is not None:
            self._hub.leave(self._watcher)
            self._watcher = None

    def _beat_later(self) -> None:
        self._next_beat = self._loop.call_later(self._limits.ping_interval_s, self._beat)

    def _beat(self) -> None:
        if self._clock() - self._heard_at_s > self._limits.silence_timeout_s:
            self.end(Goodbye("silent", f"nothing heard for {self._limits.silence_timeout_s:g} s"))
            return
        if self._wire.is_writable:  # else it has something to take already
            self._wire.write(PING_FRAME)
        self._beat_later()

    async def _watch_over(self) -> None:
        """End the connection when its credential no longer holds, or its user may something else."""
        expires_at = self._admission.expires_at
        while True:
            pause_s = self._limits.recheck_interval_s
            if expires_at is not None:
                pause_s = min(pause_s, max(0.0, (expires_at - datetime.now(UTC)).total_seconds()))
            await asyncio.sleep(pause_s)
            try:
                goodbye = await reason_to_end(self._admission, self._services)
            except StoreUnavailable as error:
                user_id = self._admission.caller.account.id
                log.warning("live_recheck_postponed", user_id=user_id, error=str(error))
                continue  # the feed is lost too: nothing new is told meanwhile
            if goodbye is not None:
                raise goodbye

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

    async def _say(self, goodbye: Goodbye) -> None:
        log.info(
            "live_closed",
            reason=goodbye.reason,
            field=goodbye.field,
            user_id=self._admission.caller.account.id,
        )
        try:
            self._wire.write(text_frame(goodbye.text.encode()))
            async with asyncio.timeout(GOODBYE_TIMEOUT_S):
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
