"""A command from the API over broker and station and back, through every real part.

Database, API and ingestor are one for all tests with the same broker: most of what these cost was to start
them. So each test looks at stations or sessions of its own, and at what counters rose by.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from solarrally.brokers.address import parse_address
from solarrally.embedded.broker_process import BrokerProcess
from solarrally.live_client import log_in
from tests.conftest import new_database
from tests.support.backend import Backend, running_backend
from tests.support.brokers import running_broker

PATIENCE_S = 20.0
FIRST, BASIC, IDLE = "evse_unit_01", "evse_unit_02", "evse_unit_03"


class Client:
    """The API, as an administrator."""

    def __init__(self, backend: Backend) -> None:
        self.url = f"{backend.api_url}/api/v1"
        self.token = log_in(backend.api_url, "admin", backend.admin_password)

    def get(self, path: str) -> Any:
        return self._open("GET", path, None)

    def ask(self, evse_uid: str, command: str, **said: Any) -> Any:
        return self._open("POST", "commands", {"evse_uid": evse_uid, "command": command, **said})

    def until(self, path: str, is_so: Any) -> Any:
        """The answer, as soon as it is so."""
        deadline = time.monotonic() + PATIENCE_S
        answer = None
        while time.monotonic() < deadline:
            with contextlib.suppress(urllib.error.HTTPError):  # a station that has not been heard of yet
                answer = self.get(path)
                if is_so(answer):
                    return answer
            time.sleep(0.1)
        raise AssertionError(f"{path} stays {answer}")

    def finished(self, command: Any) -> Any:
        """The command, when it has come to its end."""
        return self.until(f"commands/{command['id']}", lambda it: it["finished_at"] is not None)

    def obeyed(self, evse_uid: str, command: str, **said: Any) -> Any:
        """The command, completed."""
        done = self.finished(self.ask(evse_uid, command, **said))
        assert (done["status"], done["detail"]) == ("completed", None)
        assert done["created_at"] <= done["sent_at"]
        assert done["answered_at"] <= done["finished_at"]
        return done

    def connector_of(self, evse_uid: str, is_so: Any) -> Any:
        return self.until(f"evses/{evse_uid}", lambda it: it["connectors"] and is_so(it["connectors"][0]))[
            "connectors"
        ][0]

    def _open(self, method: str, path: str, body: Any) -> Any:
        request = urllib.request.Request(
            f"{self.url}/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


@pytest.fixture(scope="module", params=["mosquitto", "python"])
def broker(request: pytest.FixtureRequest) -> Iterator[BrokerProcess]:
    with running_broker(request.param) as running:
        yield running


@pytest.fixture(scope="module")
def backend(
    broker: BrokerProcess, postgres: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Backend]:
    folder = tmp_path_factory.mktemp("backend")
    with (
        new_database(postgres, migrated_template) as database_url,
        running_backend(
            database_url=database_url, mqtt_url=broker.url_for("ingestor"), folder=folder
        ) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def client(backend: Backend) -> Client:
    return Client(backend)


@contextmanager
def running_fleet(broker: BrokerProcess, folder: Path, *options: str, seed: int = 7) -> Iterator[datetime]:
    """The standard fleet, each station with a reading a second; from when on. `seed`: of its sessions' ids
    too.
    """
    started_at = datetime.now(UTC)
    with (folder / "fleet.log").open("ab") as log:
        fleet = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "solarrally_sim",
                "run",
                "standard",
                "--interval-s",
                "1",
                "--seed",
                str(seed),
                *options,
            ],
            env={**os.environ, "SOLARRALLY_SIM_BROKER": broker.url_for("fleet")},
            stdout=log,
            stderr=log,
        )
        try:
            yield started_at
        finally:
            fleet.kill()
            fleet.wait()


def test_the_simulated_stations_do_what_they_are_told(
    broker: BrokerProcess, backend: Backend, client: Client, tmp_path: Path
) -> None:
    before = backend.ingestor.counters()
    with running_fleet(broker, tmp_path):
        client.connector_of(FIRST, lambda it: it["status"] == "charging" and it["power_w"] > 3000)

        client.obeyed(FIRST, "set_current_limit", params={"limit_a": 10})
        client.connector_of(FIRST, lambda it: it["status"] == "charging" and 0 < it["current_a"] <= 10)

        client.obeyed(FIRST, "pause")
        client.connector_of(FIRST, lambda it: it["power_w"] == 0 and it["reported_status"] == "suspendedevse")

        client.obeyed(FIRST, "resume")
        client.connector_of(FIRST, lambda it: it["power_w"] > 1000)

        [session] = client.get(f"sessions?evse_uid={FIRST}&status=ACTIVE")["items"]
        client.obeyed(FIRST, "stop", params={"session_id": session["id"]})
        ended = client.until(f"sessions/{session['id']}", lambda it: it["status"] == "COMPLETED")
        assert ended["end_reason"] == "Remote"

        again = client.finished(client.ask(FIRST, "stop"))
        assert (again["status"], again["detail"]) == ("rejected", "no session is running")

        client.obeyed(FIRST, "start", params={"id_token": "04A2B3C4"})
        started = client.until(f"sessions?evse_uid={FIRST}&status=ACTIVE", lambda it: it["items"])["items"][0]
        assert started["id_token"] == "04A2B3C4"

        client.obeyed(FIRST, "unlock")
        unlocked = client.until(f"sessions/{started['id']}", lambda it: it["status"] == "COMPLETED")
        assert unlocked["end_reason"] == "UnlockCommand"

        firmware = {"url": "https://firmware.example.com/l3.bin", "version": "9.9.9"}
        client.obeyed(IDLE, "update_firmware", params=firmware, timeout_s=60)
        client.until(f"evses/{IDLE}", lambda it: it["firmware"] == "9.9.9" and it["is_online"])

        asked = client.ask(BASIC, "reset", params={"kind": "hard"})
        client.until(f"evses/{BASIC}", lambda it: not it["is_online"])
        assert client.finished(asked)["status"] == "completed"
        client.until(f"evses/{BASIC}", lambda it: it["is_online"])

    assert rise(backend, before, 'solarrally_commands_total{status="completed"}') == 8
    assert rise(backend, before, 'solarrally_commands_total{status="rejected"}') == 1
    assert rise(backend, before, "solarrally_command_dispatch_failures_total") == 0


def is_charging(connector: Any, since: datetime) -> bool:
    """Whether this is what a fleet that was started then says."""
    return connector["status"] == "charging" and datetime.fromisoformat(connector["ts"]) >= since


def rise(backend: Backend, before: dict[str, float], name: str) -> float:
    """How much more a counter says than before."""
    return backend.ingestor.counters()[name] - before.get(name, 0.0)


@pytest.mark.parametrize("broker", ["mosquitto"], indirect=True)
def test_a_fleet_that_numbers_its_messages_obeys_too(
    broker: BrokerProcess, client: Client, tmp_path: Path
) -> None:
    with running_fleet(broker, tmp_path, "--spool", str(tmp_path / "spool"), seed=8) as started_at:
        client.connector_of(FIRST, lambda it: is_charging(it, started_at))
        [session] = client.until(
            f"sessions?evse_uid={FIRST}&status=ACTIVE", lambda it: len(it["items"]) == 1
        )["items"]

        client.obeyed(FIRST, "stop")
        ended = client.until(f"sessions/{session['id']}", lambda it: it["status"] == "COMPLETED")

    assert ended["end_reason"] == "Remote"
    assert "Traceback" not in (tmp_path / "fleet.log").read_text()


class Device:
    """A station by hand, at the broker under a client id of its own: what it heard, and its answers."""

    def __init__(self, client: aiomqtt.Client, evse_uid: str) -> None:
        self._client = client
        self._evse_uid = evse_uid
        self._messages = client.messages

    async def next_command(self) -> tuple[str, dict[str, Any]]:
        """The id and the content of the next one."""
        async with asyncio.timeout(PATIENCE_S):
            message = await anext(self._messages)
        return str(message.topic).rpartition("/")[2], json.loads(bytes(message.payload))

    async def say_online(self) -> None:
        await self._client.publish(f"evse/{self._evse_uid}/status", b'{"state":"online"}', qos=1)

    async def answer(self, command_id: str, status: str, **said: str) -> None:
        topic = f"evse/{self._evse_uid}/results/{command_id}"
        await self._client.publish(topic, json.dumps({"status": status, **said}).encode(), qos=1)


@asynccontextmanager
async def device(broker: BrokerProcess, evse_uid: str, *, is_kept: bool = False) -> AsyncIterator[Device]:
    """Connected for the block; with `is_kept` the broker keeps its session, and what comes, afterwards."""
    address = parse_address(broker.url_for("fleet"))
    async with aiomqtt.Client(
        address.host,
        address.port,
        username=address.username,
        password=address.password,
        identifier=f"device-{evse_uid}",
        clean_session=not is_kept,
    ) as client:
        await client.subscribe(f"evse/{evse_uid}/commands/+", qos=1)
        yield Device(client, evse_uid)


async def known(client: Client, station: Device, evse_uid: str) -> None:
    """Return when the backend knows the station and that it is online."""
    await station.say_online()
    await asyncio.to_thread(client.until, f"evses/{evse_uid}", lambda it: it["is_online"])


@pytest.mark.parametrize("broker", ["mosquitto"], indirect=True)
async def test_a_killed_ingestor_still_learns_how_a_command_ended(
    broker: BrokerProcess, backend: Backend, client: Client
) -> None:
    async with device(broker, "cp1") as station:
        await known(client, station, "cp1")
        asked = await asyncio.to_thread(client.ask, "cp1", "reset", params={"kind": "soft"})
        command_id, said = await station.next_command()
        assert (command_id, said["command"], said["params"]) == (asked["id"], "reset", {"kind": "soft"})
        assert said["expires_at"] == asked["expires_at"]
        await station.answer(command_id, "accepted")
        path = f"commands/{command_id}"
        await asyncio.to_thread(client.until, path, lambda it: it["status"] == "accepted")

        backend.ingestor.kill()
        await station.answer(command_id, "completed", detail="up again")
        backend.ingestor.start()
        done = await asyncio.to_thread(client.finished, asked)

    assert (done["status"], done["detail"]) == ("completed", "up again")


@pytest.mark.parametrize("broker", ["mosquitto"], indirect=True)
@pytest.mark.parametrize("goes_on", [True, False], ids=["goes on saying how it is", "said it meanwhile"])
async def test_what_a_device_of_another_family_did_while_the_ingestor_was_dead_is_confirmed(
    broker: BrokerProcess, backend: Backend, client: Client, goes_on: bool
) -> None:
    """A go-e. What it says at QoS 1 while nobody listens is kept by the broker, and read first of all."""
    serial = "000042" if goes_on else "000043"
    charger, topic = f"go-eCharger-{serial}", f"go-eCharger/{serial}"
    address = parse_address(broker.url_for("devices"))
    async with aiomqtt.Client(
        address.host, address.port, username=address.username, password=address.password
    ) as wire:
        await wire.subscribe(f"{topic}/+/set", qos=1)
        for key, value in (("ama", b"16"), ("amp", b"16"), ("car", b"2")):
            await wire.publish(f"{topic}/{key}", value, retain=True)
        await asyncio.to_thread(client.until, f"evses/{charger}", lambda it: it["is_online"])
        asked = await asyncio.to_thread(
            client.ask, charger, "set_current_limit", params={"limit_a": 10.5}, timeout_s=60
        )
        async with asyncio.timeout(PATIENCE_S):
            order = await anext(wire.messages)
        assert (str(order.topic), order.payload) == (f"{topic}/amp/set", b"10")
        await asyncio.to_thread(client.until, f"commands/{asked['id']}", lambda it: it["status"] == "sent")

        backend.ingestor.kill()
        await wire.publish(f"{topic}/amp", b"10", qos=0 if goes_on else 1, retain=True)
        backend.ingestor.start()
        saying = None
        if goes_on:
            await asyncio.to_thread(backend.ingestor.wait_connected)
            assert (await asyncio.to_thread(client.get, f"commands/{asked['id']}"))["status"] == "sent"
            saying = asyncio.create_task(say_the_time(wire, f"{topic}/utc"))
        try:
            done = await asyncio.to_thread(client.finished, asked)
        finally:
            if saying is not None:
                saying.cancel()

    assert (done["status"], done["detail"]) == ("completed", "it set 10 A instead of 10.5 A")


async def say_the_time(wire: aiomqtt.Client, topic: str) -> None:
    while True:
        await wire.publish(topic, b'"2026-03-09T12:00:00.000"')
        await asyncio.sleep(0.2)


@pytest.mark.parametrize("broker", ["mosquitto"], indirect=True)
async def test_what_the_broker_missed_goes_out_on_its_return_unless_it_has_expired(
    broker: BrokerProcess, backend: Backend, client: Client
) -> None:
    async with device(broker, "cp2") as station:
        await known(client, station, "cp2")
    await broker.stop_async()
    late = await asyncio.to_thread(client.ask, "cp2", "pause", timeout_s=5, queue_if_offline=True)
    in_time = await asyncio.to_thread(client.ask, "cp2", "resume", timeout_s=300, queue_if_offline=True)
    expired = await asyncio.to_thread(client.finished, late)
    assert (expired["status"], expired["sent_at"]) == ("expired", None)

    await broker.start_async()
    async with device(broker, "cp2") as station:
        command_id, said = await station.next_command()
        assert (command_id, said["command"]) == (in_time["id"], "resume")
        await station.answer(command_id, "completed")
        assert (await asyncio.to_thread(client.finished, in_time))["status"] == "completed"


@pytest.mark.parametrize("broker", ["mosquitto"], indirect=True)
async def test_a_command_does_not_reach_a_station_that_comes_back_too_late(
    broker: BrokerProcess, backend: Backend, client: Client
) -> None:
    before = await asyncio.to_thread(backend.ingestor.counters)
    async with device(broker, "cp3", is_kept=True) as station:
        await known(client, station, "cp3")
    missed = await asyncio.to_thread(client.ask, "cp3", "unlock", timeout_s=5)
    heard = await asyncio.to_thread(client.ask, "cp3", "pause", timeout_s=300)
    timed_out = await asyncio.to_thread(client.finished, missed)
    assert (timed_out["status"], timed_out["detail"]) == ("timed_out", "the station did not answer in time")

    async with device(broker, "cp3", is_kept=True) as station:
        command_id, said = await station.next_command()
        assert (command_id, said["command"]) == (heard["id"], "pause")  # not the one that expired before it
        await station.answer(missed["id"], "completed")  # from a device that does not look at its clock
        await station.answer(heard["id"], "rejected", detail="not charging")
        done = await asyncio.to_thread(client.finished, heard)

    assert (done["status"], done["detail"]) == ("rejected", "not charging")
    assert (await asyncio.to_thread(client.get, f"commands/{missed['id']}"))["status"] == "timed_out"
    assert rise(backend, before, "solarrally_command_results_without_effect_total") == 1


async def test_the_simulator_executes_nothing_that_has_expired_and_nothing_twice(
    broker: BrokerProcess, client: Client, tmp_path: Path
) -> None:
    """Straight over the broker, beside the backend, as a broker that ignores the expiry would deliver it."""
    address = parse_address(broker.url_for("ingestor"))
    answers: list[tuple[str, dict[str, Any]]] = []
    with running_fleet(broker, tmp_path, seed=9) as started_at:
        await asyncio.to_thread(client.connector_of, FIRST, lambda it: is_charging(it, started_at))
        async with aiomqtt.Client(
            address.host, address.port, username=address.username, password=address.password
        ) as wire:
            await wire.subscribe(f"evse/{FIRST}/results/+", qos=1)
            for command_id, expires_at in (
                ("late", "2026-01-01T00:00:00Z"),
                ("once", "2199-01-01T00:00:00Z"),
                ("once", "2199-01-01T00:00:00Z"),
            ):
                body = {"command": "stop", "params": {}, "expires_at": expires_at}
                await wire.publish(f"evse/{FIRST}/commands/{command_id}", json.dumps(body).encode(), qos=1)
            async with asyncio.timeout(PATIENCE_S):
                async for message in wire.messages:
                    said = json.loads(bytes(message.payload))
                    answers.append((str(message.topic).rpartition("/")[2], said))
                    if len(answers) == 4:
                        break

    assert answers == [
        ("late", {"status": "rejected", "detail": "expired"}),
        ("once", {"status": "accepted"}),
        ("once", {"status": "completed"}),
        ("once", {"status": "completed"}),  # said again, not done again: a second stop would be rejected
    ]
