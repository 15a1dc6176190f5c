"""The simulator's commands, run as a user runs them, against a real Mosquitto."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

EPFL = Path(__file__).parents[1] / "payloads" / "epfl_l3_sessions.csv"
STARTUP_S = 10.0


def mosquitto_program() -> str:
    places = os.pathsep.join(
        [os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"]
    )
    program = shutil.which("mosquitto", path=places)
    if program is None:
        pytest.skip(
            "there is no mosquitto on this machine; get it with `apt install mosquitto`, "
            "`brew install mosquitto` or from mosquitto.org/download"
        )
    return program


class Mosquitto:
    """A broker of its own on a free port; it keeps its messages over a restart."""

    def __init__(self, folder: Path) -> None:
        self._program = mosquitto_program()
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        folder.chmod(0o777)  # run as root, mosquitto becomes another user
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\n"
            "allow_anonymous true\n"
            "persistence true\n"
            f"persistence_location {folder}/\n"
            "max_queued_messages 100000\n"
            "user root\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def _spawn(self) -> subprocess.Popen[bytes]:
        arguments = [self._program, "-c", str(self._config)]
        return subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._process = self._spawn()
        async with asyncio.timeout(STARTUP_S):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                except OSError:
                    assert self._process.poll() is None, "mosquitto did not start"
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    return

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


class Listener:
    """Everything under `evse/` that arrives, in order; `retained` are the states kept by the broker."""

    def __init__(self) -> None:
        self.arrived: list[tuple[str, dict[str, Any]]] = []
        self._news = asyncio.Condition()

    async def take(self, topic: str, payload: bytes) -> None:
        async with self._news:
            self.arrived.append((topic, json.loads(payload)))
            self._news.notify_all()

    def by_station(self, kind: str) -> dict[str, list[dict[str, Any]]]:
        found = defaultdict(list)
        for topic, said in self.arrived:
            _, evse_uid, what = topic.split("/")
            if what == kind:
                found[evse_uid].append(said)
        return dict(found)

    async def until(self, count: int, kind: str = "telemetry") -> None:
        def enough() -> bool:
            return sum(topic.endswith(kind) for topic, _ in self.arrived) >= count

        async with asyncio.timeout(20), self._news:
            await self._news.wait_for(enough)

    async def until_state(self, evse_uid: str, state: str) -> None:
        def reached() -> bool:
            said = self.by_station("status").get(evse_uid, [])
            return bool(said) and said[-1]["state"] == state

        async with asyncio.timeout(20), self._news:
            await self._news.wait_for(reached)


@asynccontextmanager
async def listening(port: int) -> AsyncIterator[Listener]:
    """A subscriber with a session of its own at the broker, which survives the broker's restart."""
    listener = Listener()
    subscribed = asyncio.Event()

    async def listen() -> None:
        while True:
            try:
                async with aiomqtt.Client(
                    "127.0.0.1", port, identifier="listener", clean_session=False, max_inflight_messages=1000
                ) as client:
                    await client.subscribe("evse/#", qos=1)
                    subscribed.set()
                    async for message in client.messages:
                        assert isinstance(message.payload, bytes)
                        await listener.take(str(message.topic), message.payload)
            except aiomqtt.MqttError:
                await asyncio.sleep(0.05)

    task = asyncio.create_task(listen())
    try:
        async with asyncio.timeout(STARTUP_S):
            await subscribed.wait()
        yield listener
    finally:
        task.cancel()
        await asyncio.wait({task})


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    mosquitto = Mosquitto(tmp_path)
    await mosquitto.start()
    try:
        yield mosquitto
    finally:
        mosquitto.stop()


class Simulator:
    """`solarrally-sim` as a process."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "solarrally_sim", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    async def end(self) -> tuple[int, str]:
        """Its exit code and everything it printed."""
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


async def test_a_run_says_online_sends_its_readings_and_says_offline(
    broker: Mosquitto, started: list[Simulator]
) -> None:
    async with listening(broker.port) as listener:
        simulator = start(
            started, "run", "standard", "--broker", broker.url, "--duration-s", "1", "--interval-s", "0.25"
        )
        code, output = await simulator.end()
        assert code == 0, output
        await listener.until_state("evse_unit_03", "offline")
        assert {uid: len(said) for uid, said in listener.by_station("telemetry").items()} == {
            "evse_unit_01": 4,
            "evse_unit_02": 4,
            "evse_unit_03": 4,
        }
        for said in listener.by_station("status").values():
            assert [each["state"] for each in said] == ["online", "offline"]
        assert listener.by_station("status")["evse_unit_03"][0]["max_power_w"] == 25_200
        assert "12 readings acknowledged" in output


async def test_a_fleet_that_is_killed_goes_offline_by_its_last_wills(
    broker: Mosquitto, started: list[Simulator]
) -> None:
    async with listening(broker.port) as listener:
        simulator = start(started, "run", "night", "--broker", broker.url, "--interval-s", "0.2")
        await listener.until(4)
        simulator.process.kill()
        for number in range(1, 5):
            await listener.until_state(f"evse_night_{number:02d}", "offline")


@pytest.mark.parametrize(("stop", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_signal_stops_a_run_cleanly_with_the_usual_exit_code(
    broker: Mosquitto, started: list[Simulator], stop: signal.Signals, exit_code: int
) -> None:
    async with listening(broker.port) as listener:
        simulator = start(started, "run", "standard", "--broker", broker.url, "--rate", "50")
        await listener.until(10)
        simulator.process.send_signal(stop)
        code, output = await simulator.end()
        assert code == exit_code, output
        assert f"stopped by {stop.name}" in output
        assert "Traceback" not in output
        await listener.until_state("evse_unit_01", "offline")


async def test_more_stations_than_connections_all_take_part(
    broker: Mosquitto, started: list[Simulator]
) -> None:
    async with listening(broker.port) as listener:
        simulator = start(
            started, "run", "--broker", broker.url, "--stations", "60", "--rate", "120", "--duration-s", "1"
        )
        code, output = await simulator.end()
        assert code == 0, output
        assert "60 stations on 50 connections" in output
        await listener.until(120)
        assert len(listener.by_station("telemetry")) == 60


async def test_a_replay_arrives_whole_and_its_report_is_the_truth(
    broker: Mosquitto, started: list[Simulator], tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    arguments = ("--broker", broker.url, "--limit", "40", "--as-fast-as-possible", "--report", str(report))
    async with listening(broker.port) as listener:
        code, output = await start(started, "replay", str(EPFL), *arguments).end()
        assert code == 0, output
        truth = json.loads(report.read_text())
        await listener.until(truth["totals"]["readings_published"])
    assert truth["is_complete"]
    assert len(truth["sessions"]) == 40
    energy_wh = {
        said["session_id"]: round(said["session_total_energy_kwh"] * 1000, 3)
        for readings in listener.by_station("telemetry").values()
        for said in readings
        if said["status"] == "finishing"
    }
    assert energy_wh == {each["device_session_id"]: each["energy_wh"] for each in truth["sessions"]}


async def test_a_replay_goes_on_over_a_restart_of_the_broker_without_losing_or_reordering(
    broker: Mosquitto, started: list[Simulator], tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    arguments = ("--broker", broker.url, "--limit", "60", "--rate", "800", "--report", str(report))
    async with listening(broker.port) as listener:
        simulator = start(started, "replay", str(EPFL), "--as-fast-as-possible", *arguments)
        await listener.until(300)
        broker.stop()
        await broker.start()
        code, output = await simulator.end()
        assert code == 0, output
        assert "connected again" in output
        truth = json.loads(report.read_text())
        expected = truth["totals"]["readings_planned"]
        assert truth["totals"]["readings_published"] == expected
        await listener.until(expected)
        await asyncio.sleep(0.2)
    distinct = 0
    for readings in listener.by_station("telemetry").values():
        stamps = list(dict.fromkeys(said["timestamp"] for said in readings))  # QoS 1 may repeat
        assert stamps == sorted(stamps)
        distinct += len(stamps)
    assert distinct == expected


async def test_a_replay_that_is_stopped_writes_a_report_of_what_was_sent(
    broker: Mosquitto, started: list[Simulator], tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    async with listening(broker.port) as listener:
        simulator = start(
            started,
            *("replay", str(EPFL), "--broker", broker.url, "--rate", "200", "--as-fast-as-possible"),
            *("--report", str(report)),
        )
        await listener.until(50)
        simulator.process.send_signal(signal.SIGTERM)
        code, output = await simulator.end()
        assert code == 143, output
        truth = json.loads(report.read_text())
        assert not truth["is_complete"]
        published = truth["totals"]["readings_published"]
        await listener.until(published)
        assert sum(map(len, listener.by_station("telemetry").values())) == published


async def test_a_message_by_hand_is_acknowledged_and_shown(
    broker: Mosquitto, started: list[Simulator]
) -> None:
    async with listening(broker.port) as listener:
        arguments = ("publish", "evse_x", "--power-w", "7000", "--status", "charging", "--broker", broker.url)
        code, output = await start(started, *arguments).end()
        assert code == 0, output
        assert "evse/evse_x/telemetry" in output
        assert "acknowledged by the broker" in output
        await listener.until(1)
        assert listener.by_station("telemetry")["evse_x"][0]["power_w"] == 7000.0


@pytest.mark.parametrize(
    "arguments", [("run", "--no-wait"), ("replay", str(EPFL), "--no-wait"), ("publish", "x", "--raw", "y")]
)
async def test_without_a_broker_the_command_fails_with_its_address(
    started: list[Simulator], arguments: tuple[str, ...]
) -> None:
    code, output = await start(started, *arguments, "--broker", "mqtt://127.0.0.1:1").end()
    assert code == 1
    assert "127.0.0.1:1" in output
    assert "Traceback" not in output


async def test_a_run_waits_for_a_broker_that_comes_late(tmp_path: Path, started: list[Simulator]) -> None:
    mosquitto = Mosquitto(tmp_path)
    simulator = start(
        started, "run", "--broker", mosquitto.url, "--duration-s", "0.5", "--interval-s", "0.25"
    )
    assert simulator.process.stdout is not None
    first_line = await asyncio.to_thread(simulator.process.stdout.readline)
    assert "trying again" in first_line
    await mosquitto.start()
    try:
        code, output = await simulator.end()
    finally:
        mosquitto.stop()
    assert code == 0, output
    assert "6 readings acknowledged" in output
