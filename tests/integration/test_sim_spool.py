"""The simulator's spool against a real Mosquitto and a backend that forgets, repeats itself and dies.

Everything a station has numbered must be at the backend in the end, whatever was killed on the way.
"""

import asyncio
import contextlib
import json
import random
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import aiomqtt
import pytest

from solarrally.embedded.broker_process import BrokerProcess
from tests.support.brokers import running_broker

EPFL = Path(__file__).parents[1] / "payloads" / "epfl_l3_sessions.csv"
TOPICS = "evse/+/telemetry"


class Backend:
    """Stores what is numbered and acknowledges it, as well as `acks_of` lets it (0, 1 or 2 times)."""

    def __init__(self, broker: BrokerProcess, acks_of: Callable[[], int] = lambda: 1) -> None:
        self._broker = broker
        self._acks_of = acks_of
        self.stored: dict[str, dict[int, bytes]] = defaultdict(dict)
        self.arrivals: Counter[tuple[str, int]] = Counter()
        self._news = asyncio.Condition()

    async def run(self) -> None:
        """Work until cancelled; connects again whenever the broker is back."""
        while True:
            with contextlib.suppress(aiomqtt.MqttError):
                await self._one_connection()
            await asyncio.sleep(0.05)

    async def _one_connection(self) -> None:
        user = self._broker.users[0]
        async with aiomqtt.Client(
            "127.0.0.1",
            self._broker.port,
            username=user.name,
            password=user.password,
            identifier="backend",
            clean_session=False,
            timeout=5,
        ) as client:
            await client.subscribe(TOPICS, 1)
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                evse_uid = str(message.topic).split("/")[1]
                seq = json.loads(message.payload)["seq"]
                first_bytes = self.stored[evse_uid].setdefault(seq, message.payload)
                assert first_bytes == message.payload, "a number stands for two messages"
                self.arrivals[evse_uid, seq] += 1
                async with self._news:
                    self._news.notify_all()
                for _ in range(self._acks_of()):
                    await client.publish(f"evse/{evse_uid}/acks", self._ack(evse_uid, seq), 0)

    def _ack(self, evse_uid: str, seq: int) -> bytes:
        """Every other one is a range that reaches back as far as all is stored."""
        if seq % 2:
            return b'{"seq": %d}' % seq
        first_seq = seq
        while first_seq - 1 in self.stored[evse_uid] and seq - first_seq < 5:
            first_seq -= 1
        return b'{"seq": %d, "first_seq": %d}' % (seq, first_seq)

    @property
    def count(self) -> int:
        return sum(map(len, self.stored.values()))

    async def until(self, count: int) -> None:
        async with asyncio.timeout(30), self._news:
            await self._news.wait_for(lambda: self.count >= count)


@contextlib.asynccontextmanager
async def working(backend: Backend) -> AsyncIterator[None]:
    """The backend works while the block runs; leaving kills it."""
    task = asyncio.create_task(backend.run())
    try:
        yield
    finally:
        while not task.done():  # on Python 3.11 a wait_for that just ended swallows a cancellation
            task.cancel()
            await asyncio.wait({task}, timeout=0.1)
        if not task.cancelled():
            task.result()


class Simulator:
    """`solarrally-sim` with a spool, as a process."""

    def __init__(self, broker: BrokerProcess, folder: Path, *arguments: str) -> None:
        self.report = folder / "report.json"
        options = ("--spool", str(folder / "spool"), "--ack-timeout-s", "1", "--report", str(self.report))
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "solarrally_sim",
                *arguments,
                *("--broker", broker.url_for("fleet")),
                *options,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    async def end(self) -> tuple[int, str]:
        """Its exit code and everything it printed."""
        output, _ = await asyncio.to_thread(self.process.communicate, timeout=90)
        return self.process.returncode, output

    def numbers(self) -> dict[str, set[int]]:
        """Every number each station has ever used, by the report."""
        report = json.loads(self.report.read_text())
        stations = report.get("spool", report)["stations"]
        return {evse_uid: set(range(station["numbered"])) for evse_uid, station in stations.items()}


@pytest.fixture
def broker() -> Iterator[BrokerProcess]:
    with running_broker("mosquitto") as running:
        yield running


@pytest.fixture
def started() -> Iterator[list[Simulator]]:
    simulators: list[Simulator] = []
    yield simulators
    for simulator in simulators:
        if simulator.process.poll() is None:
            simulator.process.kill()
        simulator.process.communicate()


def numbers_of(backend: Backend) -> dict[str, set[int]]:
    return {evse_uid: set(messages) for evse_uid, messages in backend.stored.items()}


async def test_what_is_stored_leaves_the_spool(
    broker: BrokerProcess, started: list[Simulator], tmp_path: Path
) -> None:
    backend = Backend(broker)
    async with working(backend):
        started.append(Simulator(broker, tmp_path, "run", "--rate", "200", "--duration-s", "2"))
        code, output = await started[-1].end()
    assert code == 0, output
    assert "0 in spool" in output
    assert numbers_of(backend) == started[-1].numbers()
    assert backend.count == 400


async def test_lost_and_doubled_acks_make_a_message_come_again_and_never_get_lost(
    broker: BrokerProcess, started: list[Simulator], tmp_path: Path
) -> None:
    rng = random.Random(7)
    backend = Backend(broker, acks_of=lambda: rng.choice((0, 1, 1, 2)))
    async with working(backend):
        arguments = ("run", "--rate", "200", "--duration-s", "2", "--drain-s", "60")
        started.append(Simulator(broker, tmp_path, *arguments))
        code, output = await started[-1].end()
    assert code == 0, output
    assert numbers_of(backend) == started[-1].numbers()
    assert max(backend.arrivals.values()) > 1


async def test_a_killed_broker_loses_nothing(
    broker: BrokerProcess, started: list[Simulator], tmp_path: Path
) -> None:
    """What it had acknowledged and not yet delivered or written to its disk is sent again."""
    backend = Backend(broker)
    started.append(Simulator(broker, tmp_path, "run", "--rate", "400", "--duration-s", "6"))
    async with working(backend):
        await backend.until(200)
    await asyncio.sleep(1)  # the backend is dead: the broker acknowledges into its memory
    for _ in range(2):
        broker.kill()
        await broker.restart_async()
        await asyncio.sleep(0.5)
    async with working(backend):
        code, output = await started[-1].end()
    assert code == 0, output
    assert "connected again" in output
    assert numbers_of(backend) == started[-1].numbers()


async def test_a_killed_simulator_goes_on_with_its_messages_and_its_numbers(
    broker: BrokerProcess, started: list[Simulator], tmp_path: Path
) -> None:
    backend = Backend(broker)
    for kill_after in (200, 500):
        started.append(Simulator(broker, tmp_path, "run", "rush-hour", "--rate", "400"))
        async with working(backend):
            await backend.until(kill_after)
        await asyncio.sleep(0.3)  # these are on the disk, and acknowledged by nobody
        started[-1].process.send_signal(signal.SIGKILL)
        started[-1].process.wait()
    async with working(backend):
        started.append(Simulator(broker, tmp_path, "run", "rush-hour", "--duration-s", "1"))
        code, output = await started[-1].end()
    assert code == 0, output
    assert numbers_of(backend) == started[-1].numbers()
    assert "messages of an earlier start are sent first" in output


async def test_a_backend_that_stays_away_leaves_the_messages_in_the_spool(
    broker: BrokerProcess, started: list[Simulator], tmp_path: Path
) -> None:
    started.append(Simulator(broker, tmp_path, "run", "--rate", "100", "--duration-s", "1", "--drain-s", "1"))
    code, output = await started[-1].end()
    assert code == 1, output
    assert "100 readings are not acknowledged as stored" in output
    backend = Backend(broker)
    async with working(backend):
        started.append(Simulator(broker, tmp_path, "run", "--duration-s", "0.1"))
        code, output = await started[-1].end()
    assert code == 0, output
    assert "spool: 100 messages of an earlier start are sent first" in output
    assert numbers_of(backend) == started[-1].numbers()


async def test_a_killed_replay_goes_on_and_every_reading_arrives_under_one_number(
    broker: BrokerProcess, started: list[Simulator], tmp_path: Path
) -> None:
    arguments = ("replay", str(EPFL), "--limit", "60", "--rate", "800", "--as-fast-as-possible")
    backend = Backend(broker)
    started.append(Simulator(broker, tmp_path, *arguments))
    async with working(backend):
        await backend.until(300)
        started[-1].process.send_signal(signal.SIGKILL)
        started[-1].process.wait()
        started.append(Simulator(broker, tmp_path, *arguments))
        code, output = await started[-1].end()
    assert code == 0, output
    truth = json.loads(started[-1].report.read_text())
    assert truth["is_complete"]
    planned = truth["totals"]["readings_planned"]
    assert truth["totals"]["readings_stored"] == truth["totals"]["readings_published"] == planned
    assert backend.count == planned
    stamps = [json.loads(each)["timestamp"] for each in backend.stored["epfl-ccs2"].values()]
    assert len(set(stamps)) == len(stamps)
    assert numbers_of(backend) == started[-1].numbers()
