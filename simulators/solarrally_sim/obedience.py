"""Stations that hear commands: each is obeyed once, in the order in which they come, and answered."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from solarrally_sim.command import RefusedError, UnreadableCommandError, carry_out, read_command
from solarrally_sim.fleet import online_message
from solarrally_sim.message import Message, commands_filter, offline, result, station_of
from solarrally_sim.notices import Notices
from solarrally_sim.station import Station
from solarrally_sim.wire import Hearing, Notice

RESTART_S = 2.0
KNOWN_AT_MOST = 1000
"""Commands that a station knows again."""


class Connection(Protocol):
    """What answers go out by: `wire.Publisher`."""

    births: Sequence[Message]

    async def send(self, message: Message) -> None:
        """Accept one message."""


class Obedience:
    """Of all stations of a process. `restart_s` is how long a reset and an update take."""

    def __init__(
        self,
        stations: Iterable[Station],
        notices: Notices,
        *,
        restart_s: float = RESTART_S,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._stations = {station.evse_uid: station for station in stations}
        self._notices = notices
        self._restart_s = restart_s
        self._now = now
        self._connections: dict[str, Connection] = {}
        self._groups: dict[str, Sequence[Station]] = {}
        self._said: dict[str, OrderedDict[str, Message]] = {uid: OrderedDict() for uid in self._stations}
        """By station and command, the last answer: it may be asked for again, and is not done again."""
        self._turns = {uid: asyncio.Lock() for uid in self._stations}
        self._tasks: set[asyncio.Task[None]] = set()

    def hearing(self, group: Sequence[Station]) -> Hearing:
        """For the connection of these stations."""
        return Hearing(
            subscriptions=[commands_filter(station.evse_uid) for station in group], on_message=self.hear
        )

    def connect(self, group: Sequence[Station], connection: Connection) -> None:
        """The stations of the group answer over this connection."""
        for station in group:
            self._connections[station.evse_uid] = connection
            self._groups[station.evse_uid] = group

    def hear(self, topic: str, payload: bytes) -> None:
        """A command has arrived; it is obeyed in a task."""
        evse_uid, command_id = station_of(topic), topic.rpartition("/")[2]
        if evse_uid in self._connections:
            task = asyncio.create_task(self._in_turn(evse_uid, command_id, payload))
            self._tasks.add(task)
            task.add_done_callback(self._done)

    def is_away(self, topic: str) -> bool:
        """Whether the station of a topic restarts."""
        return self._stations[station_of(topic)].is_away

    async def finished(self) -> None:
        """Return when everything heard so far is answered."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Forget what is being done."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.result()  # a mistake of ours: the event loop tells

    async def _in_turn(self, evse_uid: str, command_id: str, payload: bytes) -> None:
        async with self._turns[evse_uid]:
            before = self._said[evse_uid].get(command_id)
            if before is not None:
                await self._connections[evse_uid].send(before)
                return
            await self._obey(self._stations[evse_uid], command_id, payload)

    async def _obey(self, station: Station, command_id: str, payload: bytes) -> None:
        now = self._now()
        try:
            command = read_command(command_id, payload)
            if command.expires_at <= now:
                raise RefusedError("expired")
            messages = carry_out(station, command, now)
        except (RefusedError, UnreadableCommandError) as error:
            self._notices.show(Notice.COMMAND, f"{station.evse_uid}: command refused: {error}")
            await self._say(station, command_id, "rejected", str(error))
            return
        self._notices.show(Notice.COMMAND, f"{station.evse_uid}: {command.word}")
        await self._say(station, command_id, "accepted")
        for message in messages:
            await self._connections[station.evse_uid].send(message)
        if station.is_away:
            await self._restart(station)
        await self._say(station, command_id, "completed")

    async def _restart(self, station: Station) -> None:
        connection = self._connections[station.evse_uid]
        await connection.send(offline(station.evse_uid))
        await asyncio.sleep(self._restart_s)
        station.is_away = False
        connection.births = [online_message(each) for each in self._groups[station.evse_uid]]
        await connection.send(online_message(station))

    async def _say(self, station: Station, command_id: str, status: str, detail: str | None = None) -> None:
        answer = result(station.evse_uid, command_id, status, detail)
        said = self._said[station.evse_uid]
        said[command_id] = answer
        while len(said) > KNOWN_AT_MOST:
            said.popitem(last=False)
        await self._connections[station.evse_uid].send(answer)
