"""The live WebSocket when things go wrong: slow watchers, a lost feed, and a server that stops."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import time

import httpx

from solarrally.api.live_limits import LiveLimits
from solarrally.api.server import make_server
from solarrally.storage.notice import CHANNEL
from tests.api.conftest import AppMaker, Serve
from tests.api.watching import watching
from tests.api.world import World, an_update, eventually

TERMINATE_FEED = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = 'solarrally-feed'"
)


async def stalled_watcher(address: str, token: str) -> socket.socket:
    """A client that subscribes to everything at 100 Hz and never reads."""
    host, _, port = address.partition(":")
    stalled = socket.socket()
    stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stalled.setblocking(False)
    await asyncio.get_running_loop().sock_connect(stalled, (host, int(port)))
    key = base64.b64encode(os.urandom(16)).decode()
    stalled.sendall(
        f"GET /api/v1/live HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
        f"Authorization: Bearer {token}\r\n\r\n".encode()
    )
    await asyncio.get_running_loop().sock_recv(stalled, 1_000)
    text = b'{"type":"subscribe","all":true,"max_rate_hz":100}'
    mask = b"\0\0\0\0"
    stalled.sendall(bytes([0x81, 0x80 | len(text)]) + mask + text)
    return stalled


async def test_a_watcher_that_does_not_read_is_closed_and_nobody_waits_for_it(
    make_app: AppMaker, serve: Serve, world: World
) -> None:
    app = make_app(live_limits=LiveLimits(send_timeout_s=0.3))
    address = await serve(app)
    services = app.state.services
    fleet = [an_update(f"CP-{number}", seconds=0) for number in range(500)]
    stalled = await stalled_watcher(address, world.token("admin"))
    delays_s = []
    try:
        async with watching(address, world.token("operator"), evses=["probe"], max_rate_hz=100) as watch:
            await watch.hear("snapshot")
            await eventually(lambda: services.hub.watcher_count == 2)
            for second in range(1, 200):
                services.hub.publish(fleet)
                began_s = time.perf_counter()
                services.hub.publish([an_update("probe", seconds=second)])
                await watch.hear("frame")
                delays_s.append(time.perf_counter() - began_s)
                if services.hub.watcher_count == 1:
                    break
                await asyncio.sleep(0.01)
            assert services.hub.watcher_count == 1
            await eventually(lambda: services.sockets.count == 1)
            await eventually(lambda: _is_cut(stalled))
    finally:
        stalled.close()

    assert sorted(delays_s)[len(delays_s) * 9 // 10] < 0.15


def _is_cut(stalled: socket.socket) -> bool:
    """Whether the other end has given the connection up, which a full receive buffer hides from reading."""
    try:
        stalled.send(b"\x8a\x80\0\0\0\0")  # a pong
    except BlockingIOError:
        return False
    except OSError:
        return True
    return False


async def test_a_lost_feed_is_said_and_a_fresh_snapshot_closes_the_gap(serve: Serve, world: World) -> None:
    address = await serve()
    async with watching(address, world.token("operator"), all=True) as watch:
        await watch.hear("snapshot")
        await world.connection.execute("UPDATE connector SET power_w = 42 WHERE power_w IS NOT NULL")
        assert await world.connection.fetchval(TERMINATE_FEED) == 1
        await watch.hear("stale")
        snapshot = await watch.hear("snapshot")
        await world.notify(an_update("CP-2", power_w=43))
        frame = await watch.hear("frame")

    assert snapshot["updates"][0]["power_w"] == 42
    assert frame["updates"][0]["power_w"] == 43


async def test_readiness_follows_the_feed(make_app: AppMaker, serve: Serve, world: World) -> None:
    app = make_app()
    address = await serve(app)
    async with httpx.AsyncClient(base_url=f"http://{address}") as client:
        app.state.services.hub.lose()
        answer = await client.get("/readyz")

    assert (answer.status_code, answer.json()["feed"]) == (503, "lost")


async def test_a_notice_nobody_understands_costs_a_snapshot_and_not_the_feed(
    serve: Serve, world: World
) -> None:
    address = await serve()
    async with watching(address, world.token("operator"), all=True) as watch:
        await watch.hear("snapshot")
        await world.connection.execute("UPDATE connector SET power_w = 42 WHERE power_w IS NOT NULL")
        await world.connection.execute("SELECT pg_notify($1, 'from a newer version')", CHANNEL)
        await watch.hear("stale")
        snapshot = await watch.hear("snapshot")

    assert snapshot["updates"][0]["power_w"] == 42


async def test_a_server_that_stops_says_goodbye_and_is_gone_within_seconds(
    make_app: AppMaker, world: World
) -> None:
    app = make_app()
    listening = socket.create_server(("127.0.0.1", 0))
    address = f"127.0.0.1:{listening.getsockname()[1]}"
    server = make_server(app, host="127.0.0.1", port=0)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    await eventually(lambda: app.state.services.hub.is_current)
    async with (
        watching(address, world.token("operator"), all=True) as watch,
        watching(address, world.token("operator")) as undecided,
    ):
        await watch.hear("snapshot")
        began_s = time.perf_counter()
        server.should_exit = True
        ends = [await watch.end(), await undecided.end()]
        async with asyncio.timeout(5):
            await serving

    assert [(code, bye["reason"]) for code, bye in ends] == [(1001, "going_away")] * 2
    assert time.perf_counter() - began_s < 1.5  # also the one who had not subscribed was told
    assert "feed" not in {task.get_name() for task in asyncio.all_tasks()}
