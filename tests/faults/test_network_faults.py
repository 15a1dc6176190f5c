"""The network between the ingestor and its broker or database is cut, slowed, or swallows everything."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack

import asyncpg
import pytest

from tests.support.charging_fleet import fleet, in_turn, rounds
from tests.support.fault_harness import FaultRun
from tests.support.ingestor import IngestorProcess
from tests.support.tcp_proxy import TcpProxy

RATE = 1000.0
KEEPALIVE_S = 5
"""The shortest that may be set: the time in which a silent connection is found to be dead."""
LONG_PATIENCE_S = 120.0
"""A database connection is given up after the longest statement; its server frees our locks after that."""


@pytest.fixture
def repetitions() -> int:
    return 5


@pytest.fixture
def proxies(run: FaultRun) -> Iterator[dict[str, TcpProxy]]:
    with ExitStack() as exits:
        yield {
            "broker": exits.enter_context(TcpProxy(run.broker.port)),
            "database": exits.enter_context(TcpProxy(run.server.port)),
        }


@pytest.fixture
def behind_proxies(run: FaultRun, proxies: dict[str, TcpProxy]) -> IngestorProcess:
    return run.ingestor(
        mqtt_url=proxies["broker"].in_front_of(run.broker.url_for("ingestor")),
        database_url=proxies["database"].in_front_of(run.database_url),
        mqtt_keepalive_s=str(KEEPALIVE_S),
    )


Between = list[str]


@pytest.fixture(params=[["broker"], ["database"], ["broker", "database"]], ids=" and ".join)
def between(request: pytest.FixtureRequest) -> Between:
    links: Between = request.param
    return links


def test_a_network_cut_at_random_instants_costs_nothing(
    run: FaultRun,
    proxies: dict[str, TcpProxy],
    behind_proxies: IngestorProcess,
    between: Between,
    repetitions: int,
) -> None:
    chance = random.Random(12)
    publisher = run.publisher(in_turn(fleet()), rate=RATE)
    for _ in range(repetitions):
        time.sleep(chance.uniform(0.3, 1.0))
        for name in between:
            proxies[name].cut()
        time.sleep(chance.uniform(0.0, 0.8))
        for name in between:
            proxies[name].heal()

    run.prove(publisher.finish(), behind_proxies)
    assert all(proxies[name].connections > 1 for name in between)


def test_a_slow_network_costs_time_and_nothing_else(
    run: FaultRun, proxies: dict[str, TcpProxy], behind_proxies: IngestorProcess, between: Between
) -> None:
    publisher = run.publisher(in_turn(fleet()), rate=RATE / 2)
    for name in between:
        proxies[name].slow(delay_s=0.05, rate_bytes_per_s=400_000)
    time.sleep(6)
    for name in between:
        proxies[name].heal()

    run.prove(publisher.finish(), behind_proxies, is_sole_writer=True)


@pytest.mark.parametrize("silent", ["broker", "database"])
def test_a_half_open_connection_is_given_up_and_costs_nothing(
    run: FaultRun, proxies: dict[str, TcpProxy], behind_proxies: IngestorProcess, silent: str
) -> None:
    """Nobody says that the connection is gone, and everything said on it disappears."""
    proxy = proxies[silent]
    publisher = run.publisher(in_turn(fleet()), rate=RATE)
    run.wait_until("it works", lambda: run.stored_count() > 0)
    connections = proxy.connections
    proxy.swallow()
    time.sleep(3)
    proxy.heal()
    publisher_ended = publisher.finish()

    run.wait_until("a new connection", lambda: proxy.connections > connections, timeout_s=LONG_PATIENCE_S)
    run.prove(publisher_ended, behind_proxies, patience_s=LONG_PATIENCE_S)
    assert proxy.swallowed_bytes > 0


def test_a_lead_that_a_half_open_connection_holds_is_given_up(
    run: FaultRun, proxies: dict[str, TcpProxy], behind_proxies: IngestorProcess
) -> None:
    """Lost between two transactions: the server knows of nothing, and its session still has the lock that
    lets one ingestor work.
    """
    stations = fleet()
    before = run.publisher(rounds(stations, 5), rate=RATE).finish(now=False)
    run.prove(before, behind_proxies)
    proxies["database"].swallow()
    proxies["database"].heal()
    after = run.publisher(rounds(stations, 5), rate=RATE, client_id="after").finish(now=False)

    run.prove(before + after, behind_proxies, patience_s=LONG_PATIENCE_S)


def test_the_proxy_cuts_slows_and_swallows(run: FaultRun) -> None:
    """What the other tests inject is really there."""
    with TcpProxy(run.server.port) as proxy:
        url = proxy.in_front_of(run.database_url)
        quick_s = answer_s(url)

        proxy.slow(delay_s=0.1, rate_bytes_per_s=1_000_000)
        assert answer_s(url) > quick_s + 0.2
        proxy.cut()
        with pytest.raises(ConnectionRefusedError):
            answer_s(url)
        proxy.swallow()
        with pytest.raises(TimeoutError):
            answer_s(url)
        proxy.heal()
        assert answer_s(url) < math.inf


def answer_s(database_url: str) -> float:
    """How long the database takes to say something."""

    async def ask() -> None:
        connection = await asyncpg.connect(database_url, timeout=2)
        await connection.close()

    began_s = time.monotonic()
    asyncio.run(ask())
    return time.monotonic() - began_s
