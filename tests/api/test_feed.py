"""The feed on a real PostgreSQL: no silent gaps, whatever happens to the connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from solarrally.domain.update import AlertUpdate, CommandUpdate, ConnectorUpdate, LiveState, SessionUpdate
from solarrally.embedded.postgres import EmbeddedPostgres
from solarrally.storage.connections import connect
from solarrally.storage.engine import create_engine
from solarrally.storage.feed import Feed
from solarrally.storage.migrate import migrate
from tests.api.world import T0, World, a_command, a_session, an_alert, an_update, eventually, session_id


class RecordingSink:
    """Remembers what it was told, in order."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.connectors: list[ConnectorUpdate] = []
        self.sessions: list[SessionUpdate] = []
        self.alerts: list[AlertUpdate] = []
        self.commands: list[CommandUpdate] = []

    def reset(self, state: LiveState, /) -> None:
        self.told.append("reset")
        self.connectors = list(state.connectors)
        self.alerts = list(state.alerts)
        self.commands = list(state.commands)

    def publish(
        self,
        connectors: Sequence[ConnectorUpdate],
        sessions: Sequence[SessionUpdate],
        alerts: Sequence[AlertUpdate],
        commands: Sequence[CommandUpdate],
        /,
    ) -> None:
        self.told.append("publish")
        self.connectors += connectors
        self.sessions += sessions
        self.alerts += alerts
        self.commands += commands

    def lose(self) -> None:
        self.told.append("lose")


@asynccontextmanager
async def following(feed_dsn: str, database_url: str) -> AsyncIterator[RecordingSink]:
    """A feed that runs, and what it tells."""
    sink = RecordingSink()
    engine = create_engine(database_url)
    feed = Feed(feed_dsn, engine, sink, check_interval_s=0.1, check_timeout_s=0.1)
    task = asyncio.create_task(feed.run())
    try:
        yield sink
    finally:
        task.cancel()
        await asyncio.wait([task])
        await engine.dispose()
        assert task.cancelled()


async def test_it_starts_with_the_committed_state_and_its_running_sessions(
    database_url: str, world: World
) -> None:
    async with following(database_url, database_url) as sink:
        await eventually(lambda: sink.told == ["reset"])

    by_evse = {update.evse_uid: update for update in sink.connectors}
    assert set(by_evse) == {"CP-1", "CP-2", "CP-3"}
    assert by_evse["CP-3"].site_id == 2
    session = by_evse["CP-1"].session
    assert session == a_session("running")
    assert by_evse["CP-2"].session is None


async def test_it_starts_with_the_open_alerts_and_the_unfinished_commands(
    database_url: str, world: World
) -> None:
    for number, resolved_at in ((1, None), (2, T0)):
        await world.connection.execute(
            "INSERT INTO alert (evse_id, connector_id, session_id, kind, severity, detail, opened_at,"
            " last_seen_at, resolved_at) VALUES ($1, 1, $2, $3, 'critical', 'GroundFailure', $4, $4, $5)",
            world.evse_ids["CP-1"],
            session_id("s"),
            f"fault-{number}",
            T0,
            resolved_at,
        )
    for command in (a_command("a"), a_command("b", status="completed", finished_at=T0)):
        values = {"evse_id": world.evse_ids["CP-1"], "params": "{}", **asdict(command)}
        del values["evse_uid"], values["site_id"]
        await world.insert("command", values)
    async with following(database_url, database_url) as sink:
        await eventually(lambda: sink.told == ["reset"])
        await world.notify(alerts=(an_alert(7),), commands=(a_command("c"),))
        await eventually(lambda: len(sink.told) == 2)

    [open_one, told] = sink.alerts
    assert open_one == an_alert(open_one.id, kind="fault-1")
    assert told == an_alert(7)
    assert sink.commands == [a_command("a"), a_command("c")]


async def test_a_completed_session_does_not_run(database_url: str, world: World) -> None:
    await world.connection.execute("UPDATE charging_session SET status = 'COMPLETED', ended_at = started_at")
    async with following(database_url, database_url) as sink:
        await eventually(lambda: sink.told == ["reset"])

    assert [update.session for update in sink.connectors] == [None] * 3


async def test_a_batch_of_many_updates_comes_whole_and_in_order(database_url: str, world: World) -> None:
    updates = [an_update(f"CP-{number}", session=a_session(str(number))) for number in range(300)]
    sessions = tuple(a_session(str(number)) for number in range(300))
    async with following(database_url, database_url) as sink:
        await eventually(lambda: sink.told == ["reset"])
        await world.notify(*updates, sessions=sessions)
        await eventually(lambda: len(sink.sessions) == 300)

    assert sink.connectors[3:] == updates
    assert tuple(sink.sessions) == sessions


async def test_what_is_committed_while_the_state_is_read_is_told_after_it(
    database_url: str, world: World, admin_connection: asyncpg.Connection
) -> None:
    locked = admin_connection.transaction()
    await locked.start()
    await admin_connection.execute("LOCK TABLE connector IN ACCESS EXCLUSIVE MODE")
    async with following(database_url, database_url) as sink:
        while not await world.connection.fetchval(  # noqa: ASYNC110  # PostgreSQL tells nobody of it
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
            " AND wait_event_type = 'Lock')"
        ):
            await asyncio.sleep(0.01)
        await world.notify(an_update("CP-1", power_w=1.0))
        await asyncio.sleep(0.05)
        assert sink.told == []
        await locked.rollback()
        await eventually(lambda: len(sink.told) == 2)

    assert sink.told == ["reset", "publish"]
    assert sink.connectors[-1].power_w == 1.0


class Cable:
    """A TCP connection that can be cut without anybody being told."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._open = asyncio.Event()
        self._open.set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def plug_in(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", 0)

    def cut(self) -> None:
        """Nothing goes through any more, and nobody is told."""
        self._open.clear()

    def mend(self) -> None:
        self._open.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(self._host, self._port)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._carry(reader, there[1]))
            tasks.create_task(self._carry(there[0], writer))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(65_536):
                await self._open.wait()
                writer.write(chunk)
                await writer.drain()
        except ConnectionError:
            return  # the other half has gone
        finally:
            writer.close()


async def test_a_cut_cable_is_noticed_without_anybody_being_told(database_url: str, world: World) -> None:
    address = urlsplit(database_url)
    cable = Cable(str(address.hostname), int(address.port or 5432))
    server = await cable.plug_in()
    port = server.sockets[0].getsockname()[1]
    feed_dsn = address._replace(
        netloc=f"{address.username}:{address.password or ''}@127.0.0.1:{port}"
    ).geturl()
    try:
        async with following(feed_dsn, database_url) as sink:
            await eventually(lambda: sink.told == ["reset"])
            cable.cut()
            await eventually(lambda: sink.told == ["reset", "lose"], within_s=2)
            cable.mend()
            await eventually(lambda: sink.told[-1] == "reset")
    finally:
        server.close()


async def test_a_killed_server_is_a_lost_connection(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres", settings={"fsync": "off"})
    await server.start_async()
    try:
        await migrate(server.dsn)
        connection = await connect(server.dsn)
        world = World(connection)
        await world.populate("!")
        async with following(server.dsn, server.dsn) as sink:
            await eventually(lambda: sink.told == ["reset"])
            server.kill()
            await eventually(lambda: "lose" in sink.told)
            sink.told.clear()
            await server.restart_async()
            await eventually(lambda: "reset" in sink.told, within_s=20)
            connection.terminate()
            world.connection = await connect(server.dsn)
            await world.notify(an_update("CP-2", power_w=7.0))
            await eventually(lambda: sink.connectors[-1].power_w == 7.0)
            await world.connection.close()
    finally:
        await server.stop_async()


@pytest.mark.parametrize("wrong", ["postgresql://nobody@127.0.0.1:1/none"])
async def test_without_a_database_it_keeps_trying(database_url: str, wrong: str) -> None:
    async with following(wrong, database_url) as sink:
        await eventually(lambda: sink.told.count("lose") >= 3)

    assert set(sink.told) == {"lose"}
