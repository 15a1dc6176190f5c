"""The live client through every kind of gap: it says so, and ends with what is in the database."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from solarrally.api.live_limits import LiveLimits
from solarrally.api.live_rendering import text_of
from solarrally.api.server import make_server
from solarrally.hub import Audience, Record, Versioned
from solarrally.hub import Snapshot as HubSnapshot
from solarrally.live_client import (
    Bearer,
    Credential,
    Event,
    Frame,
    LiveClient,
    LiveRefused,
    Lost,
    Picture,
    Snapshot,
    Stale,
    Ticket,
)
from solarrally.storage.engine import create_engine
from solarrally.storage.queries import load_snapshot
from tests.api.conftest import AppMaker, Serve
from tests.api.test_live_faults import TERMINATE_FEED
from tests.api.watching import new_ticket
from tests.api.world import World, a_command, an_alert, an_update, eventually

ALL_SEEING = Audience(sees_all_sessions=True, sees_alerts=True, sees_all_commands=True)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    made = create_engine(database_url)
    yield made
    await made.dispose()


async def committed(engine: AsyncEngine) -> Picture:
    """The picture that the database gives."""
    state = await load_snapshot(engine)
    records: list[Versioned[Record]] = [Versioned(alert) for alert in state.alerts]
    records += [Versioned(command) for command in state.commands]
    told = json.loads(text_of(HubSnapshot([Versioned(one) for one in state.connectors], records), ALL_SEEING))
    told.pop("type")
    picture = Picture()
    picture.apply(Snapshot(**told))
    return picture


class Follower:
    """A client in the background, and what it was told."""

    def __init__(self, client: LiveClient) -> None:
        self.client = client
        self.events: list[Event] = []
        self.task = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        async for event in self.client:
            self.events.append(event)

    async def until(self, kind: type[Event]) -> None:
        """Wait for the next event of that kind, and forget it and those before."""
        await eventually(lambda: self.task.done() or any(isinstance(one, kind) for one in self.events))
        assert not self.task.done(), self.task.exception()
        place = next(place for place, one in enumerate(self.events) if isinstance(one, kind))
        del self.events[: place + 1]

    async def shows(self, picture: Picture) -> None:
        """Wait until its picture is this one."""
        mine = self.client.picture
        await eventually(
            lambda: (
                mine.is_current
                and (mine.connectors, mine.alerts, mine.commands)
                == (picture.connectors, picture.alerts, picture.commands)
            )
        )


@asynccontextmanager
async def following(address: str, credential: Callable[[], Credential]) -> AsyncIterator[Follower]:
    async def fresh() -> Credential:
        return credential()

    client = LiveClient(f"http://{address}", fresh, subscription={"all": True, "max_rate_hz": 100})
    follower = Follower(client)
    try:
        yield follower
    finally:
        follower.task.cancel()
        await asyncio.wait([follower.task])
        await client.__aexit__(None, None, None)


async def change(world: World, power_w: float, *, tells: bool = True) -> None:
    """A commit that changes CP-2, and notifies unless it falls into a gap on purpose."""
    update = an_update("CP-2", seconds=power_w, power_w=power_w, status="charging")
    async with world.connection.transaction():
        await world.connection.execute(
            "UPDATE connector SET ts = $1, received_at = $1, power_w = $2, status = 'charging',"
            " reported_status = 'preparing', voltage_v = 230, current_a = 30.4, energy_source = 'solar'"
            " WHERE evse_id = $3",
            update.ts,
            power_w,
            world.evse_ids["CP-2"],
        )
        if tells:
            await world.notify(update)


class Restarting:
    """An API that can stop and come back on the same port."""

    def __init__(self, make_app: AppMaker) -> None:
        self._make_app = make_app
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self.address = ""

    async def start(self) -> None:
        port = int(self.address.partition(":")[2] or 0)
        listening = socket.create_server(("127.0.0.1", port))
        self.address = f"127.0.0.1:{listening.getsockname()[1]}"
        app: FastAPI = self._make_app()
        self._server = make_server(app, host="127.0.0.1", port=0)
        self._serving = asyncio.create_task(self._server.serve(sockets=[listening]))
        await eventually(lambda: app.state.services.hub.is_current)

    async def stop(self, *, is_cut: bool = False) -> None:
        """Go away; with `is_cut` without a word, as a process that is killed."""
        assert self._server is not None
        assert self._serving is not None
        if is_cut:
            for connection in list(self._server.server_state.connections):
                connection.transport.abort()
        self._server.should_exit = True
        await self._serving


@pytest.mark.parametrize("is_cut", [False, True])
async def test_after_a_restart_of_the_server_the_picture_is_that_of_the_database(
    make_app: AppMaker, world: World, engine: AsyncEngine, is_cut: bool
) -> None:
    server = Restarting(make_app)
    await server.start()
    async with following(server.address, lambda: Bearer(world.token("operator"))) as follower:
        await follower.until(Snapshot)
        await change(world, 1.0)
        await follower.until(Frame)
        await server.stop(is_cut=is_cut)
        await follower.until(Lost)
        assert not follower.client.picture.is_current
        await change(world, 2.0)
        await server.start()
        await follower.until(Snapshot)
        await follower.shows(await committed(engine))
        await change(world, 3.0)
        await follower.shows(await committed(engine))
        assert follower.client.picture.connectors["CP-2", 1]["power_w"] == 3.0
    await server.stop()


async def test_after_a_lost_database_connection_the_picture_is_that_of_the_database(
    serve: Serve, world: World, engine: AsyncEngine
) -> None:
    address = await serve()
    async with following(address, lambda: Bearer(world.token("operator"))) as follower:
        await follower.until(Snapshot)
        await change(world, 1.0, tells=False)  # a notice that was lost with the connection
        assert await world.connection.fetchval(TERMINATE_FEED) == 1
        await follower.until(Stale)
        await follower.until(Snapshot)
        await follower.shows(await committed(engine))
        assert follower.client.picture.connectors["CP-2", 1]["power_w"] == 1.0


async def test_gaps_while_much_changes_leave_no_trace(
    serve: Serve, world: World, engine: AsyncEngine
) -> None:
    address = await serve()
    async with following(address, lambda: Bearer(world.token("operator"))) as follower:
        await follower.until(Snapshot)
        for number in range(1, 121):
            await change(world, float(number))
            if number in (30, 60):  # once in mid-stream, once perhaps while it comes back
                await world.connection.execute(TERMINATE_FEED)
            if number == 90:
                await follower.shows(await committed(engine))
        await follower.shows(await committed(engine))
        gaps = [type(event) for event in follower.events if not isinstance(event, Frame)]

    assert gaps.count(Stale) >= 1
    assert gaps[-1] is Snapshot


async def test_alerts_and_commands_are_kept_until_they_are_over(serve: Serve, world: World) -> None:
    address = await serve()
    async with following(address, lambda: Bearer(world.token("operator"))) as follower:
        await follower.until(Snapshot)
        await world.notify(alerts=(an_alert(1), an_alert(2)), commands=(a_command("a"), a_command("b")))
        await follower.until(Frame)
        done = a_command("a", status="completed", finished_at=an_alert(1).opened_at)
        picture = follower.client.picture
        assert (set(picture.alerts), len(picture.commands)) == ({1, 2}, 2)
        await world.notify(alerts=(an_alert(1, resolved_at=done.finished_at),), commands=(done,))
        await eventually(lambda: set(picture.alerts) == {2})

    assert set(picture.commands) == {str(a_command("b").id)}


async def test_a_connection_that_may_not_go_on_is_made_again_with_a_new_credential(
    serve: Serve, world: World
) -> None:
    address = await serve(live_limits=LiveLimits(recheck_interval_s=0.05), account_cache_s=0.0)
    tickets = [await new_ticket(address, world) for _ in range(2)]
    async with following(address, lambda: Ticket(tickets.pop())) as follower:
        await follower.until(Snapshot)
        await world.connection.execute("UPDATE app_user SET role = 'admin' WHERE username = 'operator'")
        await follower.until(Lost)
        await follower.until(Snapshot)

    assert tickets == []


async def test_a_refused_credential_is_not_tried_again(serve: Serve, world: World) -> None:
    async with following(await serve(), lambda: Bearer("no token")) as follower:
        await eventually(follower.task.done)
        assert isinstance(follower.task.exception(), LiveRefused)


async def test_a_wrong_subscription_is_not_tried_again(serve: Serve, world: World) -> None:
    async def credential() -> Credential:
        return Bearer(world.token("operator"))

    client = LiveClient(
        f"http://{await serve()}", credential, subscription={"max_rate_hz": 1000, "all": True}
    )
    async with client:
        with pytest.raises(LiveRefused, match="max_rate_hz"):
            await anext(aiter(client))
