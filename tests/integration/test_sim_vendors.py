"""Simulated devices of other vendors on real brokers: what is on the wire is what the vendors' documents say.

The devices themselves are tested without a broker (tests/unit/sim/test_vendor_*.py). Here: the same bytes
arrive, with their QoS, in order; what is retained stays; last wills come when they should; commands reach
the device.
"""

import asyncio
import contextlib
import json
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import aiomqtt
import pytest

from solarrally.embedded.broker_process import BrokerProcess
from solarrally.embedded.broker_users import BrokerUser
from solarrally.embedded.errors import BinariesMissing
from solarrally.embedded.mosquitto_program import find_mosquitto
from solarrally.embedded.temporary import temporary_broker
from solarrally_sim.vendors import FAMILIES, Outgoing, make_device
from tests.support.tls_mosquitto import running_tls_mosquitto

START = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
SHORT: dict[str, Any] = {"energy_wh": 100.0, "idle_s": 10, "pause_s": 20}
QUICK = ("--start", "2026-06-01T08:00:00Z", "--energy-wh", "100", "--idle-s", "10", "--pause-s", "20")
HOME = BrokerUser(name="home", password="home-password", writes=("#",), reads=("#",))
PATIENCE_S = 30.0


class Said(NamedTuple):
    """A message that arrived."""

    topic: str
    payload: bytes
    qos: int
    retained: bool


@pytest.fixture(params=["mosquitto", "python"])
def broker(request: pytest.FixtureRequest) -> Iterator[BrokerProcess]:
    """A broker of either kind, with one user who may do everything."""
    if request.param == "mosquitto":
        try:
            find_mosquitto()
        except BinariesMissing as missing:
            pytest.skip(str(missing))
    with temporary_broker((HOME,), python=request.param == "python") as running:
        yield running


class Listener:
    """Everything that arrives, in order."""

    def __init__(self) -> None:
        self.arrived: list[Said] = []
        self._news = asyncio.Condition()

    async def take(self, said: Said) -> None:
        async with self._news:
            self.arrived.append(said)
            self._news.notify_all()

    async def until(self, topic: str, payload: bytes) -> None:
        """Wait for a message."""

        def is_there() -> bool:
            return any(each.topic == topic and each.payload == payload for each in self.arrived)

        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(is_there)

    async def until_count(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(lambda: len(self.arrived) >= count)

    def all_of(self, topic: str) -> list[bytes]:
        return [each.payload for each in self.arrived if each.topic == topic]


@asynccontextmanager
async def listening(url: str) -> AsyncIterator[Listener]:
    listener, subscribed = Listener(), asyncio.Event()

    async def listen() -> None:
        async with client_of(url) as client:
            await client.subscribe("#", qos=1)
            subscribed.set()
            async for each in client.messages:
                assert isinstance(each.payload, bytes)
                await listener.take(Said(str(each.topic), each.payload, each.qos, each.retain))

    task = asyncio.create_task(listen())
    try:
        async with asyncio.timeout(PATIENCE_S):
            await subscribed.wait()
        yield listener
    finally:
        task.cancel()
        await asyncio.wait({task})


def client_of(url: str) -> aiomqtt.Client:
    parts = urlsplit(url)
    return aiomqtt.Client(
        parts.hostname or "", parts.port or 1883, username=parts.username, password=parts.password
    )


class Simulator:
    """`solarrally-sim device` as a process."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "solarrally_sim", "device", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    async def end(self) -> tuple[int, str]:
        output, _ = await asyncio.to_thread(self.process.communicate, timeout=60)
        return self.process.returncode, output


@pytest.fixture
def started() -> Iterator[list[Simulator]]:
    simulators: list[Simulator] = []
    yield simulators
    for simulator in simulators:
        if simulator.process.poll() is None:
            simulator.process.kill()
        simulator.process.communicate()


def start(started: list[Simulator], *arguments: str) -> Simulator:
    started.append(Simulator(*arguments))
    return started[-1]


@dataclass
class Wanted:
    """What a device publishes until it is finished, farewells included, and what the broker keeps of it."""

    family: str
    messages: list[Outgoing]
    kept: dict[str, bytes]


def wanted_of(family: str) -> Wanted:
    device, now = make_device(family, **SHORT), START
    out: list[Outgoing] = []
    while not device.is_finished:
        out += device.tick(now)
        now += timedelta(seconds=1)
    out += device.farewells(now)
    kept = {each.topic: each.payload for each in out if each.retain}
    if family == "evcc":  # it leaves without a DISCONNECT
        kept["evcc/status"] = b"offline"
    return Wanted(family, out, {topic: payload for topic, payload in kept.items() if payload})


async def test_every_byte_arrives_in_order_with_its_qos_and_what_is_retained_stays(
    broker: BrokerProcess, started: list[Simulator], tmp_path: Path
) -> None:
    """All families at once, each its own process, at a pace at which no broker drops QoS 0."""
    wanted = [wanted_of(family) for family in FAMILIES]
    async with listening(broker.url) as listener:
        for each in wanted:
            truth = ("--ground-truth", str(tmp_path / each.family))
            start(started, each.family, "--broker", broker.url, "--speed", "50", *truth, *QUICK)
        for simulator in started:
            code, output = await simulator.end()
            assert code == 0, output
        with contextlib.suppress(TimeoutError):  # what is missing is shown below
            await listener.until_count(sum(len(each.messages) for each in wanted) + 1)  # and evcc's will
    for each in wanted:
        topics = {said.topic for said in each.messages}
        arrived = [(said.topic, said.payload, said.qos) for said in listener.arrived if said.topic in topics]
        sent = [(said.topic, said.payload, said.qos) for said in each.messages]
        will = [("evcc/status", b"offline", 1)] if each.family == "evcc" else []
        assert arrived == sent + will, each.family
        truth_told = json.loads((tmp_path / each.family).read_text())
        assert truth_told["is_complete"]
        assert [session["ended_by"] for session in truth_told["sessions"]] == ["car"]
    kept = {topic: payload for each in wanted for topic, payload in each.kept.items()}
    async with listening(broker.url) as late:
        await late.until_count(len(kept))
        await asyncio.sleep(0.2)  # nothing else comes
    assert all(said.retained for said in late.arrived)
    assert {said.topic: said.payload for said in late.arrived} == kept


WILLS = {
    "openevse": "openevse/announce/7b2c",
    "smartevse": "SmartEVSE/6360/connected",
    "evcc": "evcc/status",
    "tasmota": "tele/tasmota_3D5E26/LWT",
}


@pytest.mark.parametrize("family", list(WILLS))
async def test_a_device_that_vanishes_has_its_last_will_published(
    broker: BrokerProcess, started: list[Simulator], family: str
) -> None:
    will = make_device(family).will
    assert will is not None
    assert will.topic == WILLS[family]
    async with listening(broker.url) as listener:
        arguments = ("--speed", "100", "--duration-s", "0.3", "--vanish")
        code, output = await start(started, family, "--broker", broker.url, *arguments).end()
        assert code == 0, output
        await listener.until(will.topic, will.payload)
        assert listener.arrived[-1].topic == will.topic
    async with listening(broker.url) as late:
        await late.until(will.topic, will.payload)
        assert [each.retained for each in late.arrived if each.topic == will.topic] == [True]


@pytest.mark.parametrize(("family", "said"), [("openevse", b"connected"), ("tasmota", b"Online")])
async def test_a_polite_end_brings_no_last_will(
    broker: BrokerProcess, started: list[Simulator], family: str, said: bytes
) -> None:
    async with listening(broker.url) as listener:
        simulator = start(started, family, "--broker", broker.url, "--speed", "5")
        await listener.until_count(8)
        simulator.process.send_signal(signal.SIGTERM)
        code, output = await simulator.end()
        assert code == 143, output
        assert "stopped by SIGTERM" in output
        assert "Traceback" not in output
        await asyncio.sleep(0.2)
        (only,) = listener.all_of(WILLS[family])
        assert said in only


async def test_a_reboot_drops_the_connection_and_the_announcements_come_again(
    broker: BrokerProcess, started: list[Simulator]
) -> None:
    async with listening(broker.url) as listener:
        arguments = ("--speed", "300", "--reboot", *QUICK)
        code, output = await start(started, "openevse", "--broker", broker.url, *arguments).end()
        assert code == 0, output
        said = [json.loads(each)["state"] for each in listener.all_of(WILLS["openevse"])]
    assert said == ["connected", "disconnected", "connected"]


async def test_a_command_over_the_broker_is_obeyed_and_answered(
    broker: BrokerProcess, started: list[Simulator], tmp_path: Path
) -> None:
    truth_file, base = tmp_path / "truth.json", "go-eCharger/000001"
    async with listening(broker.url) as listener, client_of(broker.url) as operator:
        simulator = start(
            started,
            *("goe", "--broker", broker.url, "--speed", "20", "--energy-wh", "5000", "--idle-s", "5"),
            *("--ground-truth", str(truth_file)),
        )
        await listener.until(f"{base}/car", b"2")
        await operator.publish(f"{base}/frc/set", b"1")
        await listener.until(f"{base}/frc/result", b"success")
        await listener.until(f"{base}/car", b"4")
        simulator.process.send_signal(signal.SIGTERM)
        code, output = await simulator.end()
        assert code == 143, output
    truth: dict[str, Any] = json.loads(truth_file.read_text())
    assert [(each["topic"], each["payload"]) for each in truth["commands"]] == [(f"{base}/frc/set", "1")]
    assert not truth["is_complete"]


async def test_a_device_survives_a_restart_of_the_broker_and_announces_itself_again(
    broker: BrokerProcess, started: list[Simulator]
) -> None:
    async with listening(broker.url) as listener:
        simulator = start(started, "smartevse", "--broker", broker.url, "--speed", "20", "--cycles", "0")
        await listener.until("SmartEVSE/6360/StateID", b"A")
    broker.stop()
    broker.start()
    async with listening(broker.url) as listener:
        await listener.until("SmartEVSE/6360/connected", b"online")
        await listener.until("SmartEVSE/6360/State", b"Ready to Charge")
        simulator.process.send_signal(signal.SIGTERM)
        code, output = await simulator.end()
    assert code == 143, output
    assert "connected again" in output
    assert "Traceback" not in output


async def test_at_its_own_pace_an_idle_charger_says_its_time_once_a_second(
    broker: BrokerProcess, started: list[Simulator]
) -> None:
    async with listening(broker.url) as listener:
        arguments = ("--broker", broker.url, "--duration-s", "3.5")
        code, output = await start(started, "goe", *arguments).end()
        assert code == 0, output
        assert 2 <= len(listener.all_of("go-eCharger/000001/utc")) <= 4  # a busy machine is late


async def test_without_a_broker_it_fails_with_its_address(started: list[Simulator]) -> None:
    code, output = await start(started, "goe", "--broker", "mqtt://127.0.0.1:1", "--no-wait").end()
    assert code == 1
    assert "127.0.0.1:1" in output
    assert "Traceback" not in output


async def test_a_wrong_password_is_told(broker: BrokerProcess, started: list[Simulator]) -> None:
    url = broker.url.replace("home-password", "wrong")
    code, output = await start(started, "goe", "--broker", url, "--no-wait").end()
    assert code == 1
    assert "wrong" not in output
    assert "Traceback" not in output


async def test_a_device_with_a_certificate_is_let_in_and_one_without_is_not(
    started: list[Simulator], tmp_path: Path
) -> None:
    roles = {"wallbox": "garage/#", "backend": "garage/#"}
    with running_tls_mosquitto(tmp_path, roles=roles) as server:
        ours, backend = server.authority.identity("wallbox"), server.authority.identity("backend")
        arguments = ("goe", "--broker", f"mqtts://localhost:{server.port}", "--base-topic", "garage/wallbox")
        trusted = (*arguments, "--ca-file", str(ours.ca_file), "--duration-s", "1", "--no-wait")
        context = ssl.create_default_context(cafile=str(backend.ca_file))
        context.load_cert_chain(backend.cert_file, backend.key_file)
        async with aiomqtt.Client("localhost", server.port, tls_context=context) as client:
            await client.subscribe("garage/#")
            proof = ("--certificate", str(ours.cert_file), "--key", str(ours.key_file))
            code, output = await start(started, *trusted, *proof).end()
            assert code == 0, output
            assert "none are heard" not in output
            async with asyncio.timeout(PATIENCE_S):
                first = await anext(aiter(client.messages))
            assert str(first.topic).startswith("garage/wallbox/")
        code, output = await start(started, *trusted).end()
        assert code == 1
        assert "Traceback" not in output


async def test_a_device_that_may_not_listen_says_so(started: list[Simulator], tmp_path: Path) -> None:
    with running_tls_mosquitto(tmp_path, roles={"wallbox": "elsewhere/#"}) as server:
        ours = server.authority.identity("wallbox")
        code, output = await start(
            started,
            *("goe", "--broker", f"mqtts://localhost:{server.port}", "--ca-file", str(ours.ca_file)),
            *("--certificate", str(ours.cert_file), "--key", str(ours.key_file), "--duration-s", "0.5"),
        ).end()
    assert code == 0, output
    assert "this login may not listen to the device's commands" in output
