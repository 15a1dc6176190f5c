"""Our Mosquitto: what survives a stop, and how it is found. The rest is in the broker contract."""

import asyncio
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import pytest

from solarrally.embedded.errors import AlreadyRunning, BinariesMissing, StartFailed
from solarrally.embedded.mosquitto import Mosquitto
from solarrally.embedded.mosquitto_program import MosquittoProgram, find_mosquitto
from solarrally.embedded.temporary import default_users, temporary_dir


@pytest.fixture
def program() -> MosquittoProgram:
    try:
        return find_mosquitto()
    except BinariesMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with temporary_dir() as directory:
        yield directory / "broker"


def ingestor(broker: Mosquitto) -> aiomqtt.Client:
    user = broker.users[0]
    return aiomqtt.Client(
        "127.0.0.1", broker.port, username=user.name, password=user.password, identifier="ingestor",
        clean_session=False, timeout=10,
    )  # fmt: skip


async def test_what_waits_for_the_ingestor_survives_a_stop_of_the_broker(
    data_dir: Path, program: MosquittoProgram
) -> None:
    async with Mosquitto(data_dir, program, default_users()) as broker:
        async with ingestor(broker) as client:
            await client.subscribe("evse/+/telemetry", qos=1)
        fleet = broker.users[1]
        async with aiomqtt.Client(
            "127.0.0.1", broker.port, username=fleet.name, password=fleet.password, timeout=10
        ) as device:
            for number in range(2000):  # twice Mosquitto's own default limit
                await device.publish("evse/s1/telemetry", str(number), qos=1)
    async with Mosquitto(data_dir, program, default_users()) as broker, ingestor(broker) as client:
        async with asyncio.timeout(20):
            heard = [int((await anext(client.messages)).payload) for _ in range(2000)]
    assert heard == list(range(2000))


async def test_after_kill_9_it_runs_again_on_the_same_port(data_dir: Path, program: MosquittoProgram) -> None:
    async with Mosquitto(data_dir, program, default_users()) as broker:
        port = broker.port
        broker.kill()
        assert not broker.is_running
        await broker.restart_async()
        assert broker.port == port
        async with ingestor(broker) as client:
            await client.publish("evse/s1/acks", b"1", qos=1)


def test_two_on_the_same_data_are_refused(data_dir: Path, program: MosquittoProgram) -> None:
    first = Mosquitto(data_dir, program, default_users())
    first.start()
    try:
        with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"):
            Mosquitto(data_dir, program, default_users()).start()
    finally:
        first.stop()


def test_passwords_are_closed_to_others_and_not_in_the_clear(
    data_dir: Path, program: MosquittoProgram
) -> None:
    broker = Mosquitto(data_dir, program, default_users())
    broker.start()
    broker.stop()
    passwords = data_dir / "passwords"
    assert stat.S_IMODE(passwords.stat().st_mode) == 0o600
    assert not any(user.password in passwords.read_text() for user in broker.users)


def test_a_busy_port_is_said(data_dir: Path, program: MosquittoProgram) -> None:
    first = Mosquitto(data_dir, program, default_users())
    first.start()
    try:
        with pytest.raises(StartFailed, match=f"port {first.port} is busy"):
            Mosquitto(data_dir.with_name("other"), program, default_users(), first.port).start()
    finally:
        first.stop()


def test_a_named_program_that_does_not_run_is_said(tmp_path: Path) -> None:
    with pytest.raises(BinariesMissing, match="SOLARRALLY_MOSQUITTO"):
        find_mosquitto(tmp_path / "nothing")
