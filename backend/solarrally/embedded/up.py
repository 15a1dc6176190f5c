"""`solarrally up`: database, broker, backend and a simulated fleet on this machine, started, watched and
stopped.
"""

import asyncio
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

from solarrally.embedded.broker_process import BrokerProcess
from solarrally.embedded.broker_users import devices_user, fleet_user, ingestor_user
from solarrally.embedded.child import Child
from solarrally.embedded.errors import AlreadyRunning, BinariesMissing, EmbeddedError, StartFailed
from solarrally.embedded.first_password import first_password_holds
from solarrally.embedded.http_probe import http_status
from solarrally.embedded.lock import LockFile
from solarrally.embedded.mosquitto import Mosquitto
from solarrally.embedded.mosquitto_program import find_mosquitto
from solarrally.embedded.ports import LOOPBACK, first_free_port
from solarrally.embedded.postgres import EmbeddedPostgres
from solarrally.embedded.private_files import write_private
from solarrally.embedded.python_broker_process import PythonBrokerProcess
from solarrally.embedded.services import BrokerService, PostgresService, ProgramService, Service, rotate
from solarrally.embedded.supervise import how_it_ended, indented, keep_running
from solarrally.embedded.up_options import UpOptions, default_data_dir
from solarrally.embedded.up_programs import (
    Addresses,
    Program,
    Programs,
    backend_environment,
    backend_programs,
    simulator_environment,
)
from solarrally.embedded.up_secrets import UpSecrets, load_secrets
from solarrally.embedded.up_text import ready_text

MIGRATE_TIMEOUT_S = 300.0
READY_POLL_INTERVAL_S = 0.05
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Announce = Callable[[str], None]


def to_terminal(text: str) -> None:
    """Speak to the person at the terminal."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def run_up(
    options: UpOptions, *, programs: Programs | None = None, announce: Announce = to_terminal
) -> int:
    """Start everything, keep it running until Ctrl-C or SIGTERM, stop everything; returns the exit code.

    0 after a requested stop; 1 if it could not be started, said in words.
    """
    data_dir = (options.data_dir or default_data_dir()).absolute()
    try:
        lock = take_data_dir(data_dir, fresh=options.fresh, announce=announce)
    except AlreadyRunning as error:
        announce(f"SolarRally is running already on {data_dir}: {error}")
        return 1
    except OSError as error:
        announce(f"SolarRally cannot keep its data in {data_dir}: {error}; choose another --data-dir")
        return 1
    stop_requested = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stop_requested.set)
    up = Up(data_dir, options, programs or backend_programs(options), lock, announce)
    try:
        return await up.run(stop_requested)
    except EmbeddedError as error:
        announce(f"SolarRally could not be started: {error}")
        return 1
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)
        lock.release()


def take_data_dir(data_dir: Path, *, fresh: bool, announce: Announce) -> LockFile:
    """The lock of the data folder, which exists then. Raises AlreadyRunning with the owner's pid and
    address.
    """
    note = f"process {os.getpid()}, starting"
    lock = LockFile(data_dir / "up.lock")
    has_old_data = data_dir.exists() and any(data_dir.iterdir())
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock.acquire(note)
    if fresh and has_old_data:
        aside = data_dir.with_name(f"{data_dir.name}-until-{datetime.now(UTC):%Y-%m-%dT%H%M%S}")
        data_dir.rename(aside)
        announce(f"the old data is in {aside}")
        data_dir.mkdir(mode=0o700)
        old_lock, lock = lock, LockFile(data_dir / "up.lock")
        lock.acquire(note)
        old_lock.release()
    return lock


class Up:
    """One run of `up`: starts the parts in order, watches them, stops them in the opposite order."""

    def __init__(
        self, data_dir: Path, options: UpOptions, programs: Programs, lock: LockFile, announce: Announce
    ) -> None:
        self._data_dir = data_dir
        self._options = options
        self._programs = programs
        self._lock = lock
        self._announce = announce
        self._secrets: UpSecrets = load_secrets(data_dir / "secrets.json")
        self._services: list[Service] = []
        self._watchers: list[asyncio.Task[None]] = []
        self._promised_ports: set[int] = set()

    async def run(self, stop_requested: asyncio.Event) -> int:
        """Start, wait for the request to stop, stop. Raises EmbeddedError when a part cannot be started."""
        async with AsyncExitStack() as stack:
            starting = asyncio.create_task(self._start(stack), name="start")
            waiting = asyncio.create_task(stop_requested.wait(), name="wait for a signal")
            try:
                await asyncio.wait([starting, waiting], return_when=asyncio.FIRST_COMPLETED)
                if starting.done():
                    starting.result()  # raises what went wrong
                    await waiting
                self._announce("\nstopping ...")
            finally:
                tasks = [starting, waiting, *self._watchers]
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
        self._announce(f"stopped; the data is kept in {self._data_dir}")
        return 0

    async def _start(self, stack: AsyncExitStack) -> None:
        """Bring everything up; `stack` stops what was started, in the opposite order."""
        started_at_s = time.monotonic()
        postgres, broker = self._infrastructure()
        for log_path in (postgres.log_path, broker.log_path):
            rotate(log_path)
        await asyncio.gather(
            self._run_service(PostgresService(postgres), stack),
            self._run_service(BrokerService(broker), stack),
        )
        self._announce(f"database and broker run ({time.monotonic() - started_at_s:.1f} s)")
        addresses = self._addresses(postgres, broker)
        self._lock.write_note(f"process {os.getpid()}, {addresses.api_url}")
        environment = backend_environment(
            addresses, jwt_secret=self._secrets.jwt_secret, admin_password=self._secrets.admin_password
        )
        await self._migrate(environment)
        self._announce(f"tables are ready ({time.monotonic() - started_at_s:.1f} s)")
        ingestor = await self._run_program(self._programs.ingestor, environment, stack)
        api = await self._run_program(self._programs.api, environment, stack)
        await self._until_ready(addresses, [ingestor, api])
        if self._programs.simulator is not None:
            await self._run_program(self._programs.simulator, simulator_environment(addresses), stack)
        is_first_password = await first_password_holds(addresses.database_url)
        for service in self._services:  # only now: what ends before this ends the start
            watcher = asyncio.create_task(keep_running(service, self._announce), name=f"watch {service.name}")
            self._watchers.append(watcher)
        self._announce(
            ready_text(
                api_url=addresses.api_url,
                admin_password=self._secrets.admin_password if is_first_password else None,
                mqtt_address=f"{LOOPBACK}:{broker.port}",
                broker_title=broker.title,
                broker_shortcomings=broker.shortcomings,
                postgres_title=f"embedded {postgres.version}, port {postgres.port}",
                data_dir=self._data_dir,
                environment_file=self._write_environment({**environment, **simulator_environment(addresses)}),
                took_s=time.monotonic() - started_at_s,
            )
        )

    def _write_environment(self, environment: dict[str, str | None]) -> Path:
        """The settings of the running parts, for other programs started by hand: `. environment`."""
        path = self._data_dir / "environment"
        lines = [f"export {name}={shlex.quote(value)}" for name, value in environment.items() if value]
        write_private(path, "\n".join(lines) + "\n")
        return path

    def _infrastructure(self) -> tuple[EmbeddedPostgres, BrokerProcess]:
        """Database and broker, not started yet, on ports that are free."""
        options, broker_dir = self._options, self._data_dir / "broker"
        users = (
            ingestor_user(self._secrets.ingestor_password),
            fleet_user(self._secrets.fleet_password),
            devices_user(self._secrets.devices_password),
        )
        mqtt_port = self._port("MQTT", options.mqtt_port)
        postgres = EmbeddedPostgres(
            self._data_dir / "database", self._port("PostgreSQL", options.postgres_port)
        )
        if not options.python_broker:
            try:
                return postgres, Mosquitto(broker_dir, find_mosquitto(options.mosquitto), users, mqtt_port)
            except BinariesMissing as error:
                if options.mosquitto is not None:
                    raise
                self._announce(f"{error}\n  going on with the broker in Python")
        return postgres, PythonBrokerProcess(broker_dir, users, mqtt_port)

    def _port(self, purpose: str, preferred: int) -> int:
        """The preferred port, or another one, and then said."""
        port = first_free_port(preferred, taken=frozenset(self._promised_ports))
        self._promised_ports.add(port)
        if port != preferred:
            self._announce(f"port {preferred} is busy: {purpose} uses {port}")
        return port

    def _addresses(self, postgres: EmbeddedPostgres, broker: BrokerProcess) -> Addresses:
        return Addresses(
            database_url=postgres.dsn,
            ingestor_mqtt_url=broker.url_for("ingestor"),
            fleet_mqtt_url=broker.url_for("fleet"),
            devices_mqtt_url=broker.url_for("devices"),
            api_host=LOOPBACK,
            api_port=self._port("the API", self._options.api_port),
            metrics_port=self._port("the ingestor's metrics", self._options.metrics_port),
        )

    async def _migrate(self, environment: dict[str, str | None]) -> None:
        child = self._child(self._programs.migrate, environment)
        child.spawn()
        try:
            is_over = await child.wait_async(MIGRATE_TIMEOUT_S)
        finally:
            await child.stop_async([(signal.SIGTERM, 10.0)])
        if not is_over or child.exit_code != 0:
            raise StartFailed(f"migrate {how_it_ended(child.exit_code)}:\n{indented(child.log_tail(30))}")

    def _child(self, program: Program, environment: dict[str, str | None]) -> Child:
        log_path = self._data_dir / "logs" / f"{program.name}.log"
        rotate(log_path)
        return Child(program.name, program.argv, log_path=log_path, env=environment)

    async def _run_program(
        self, program: Program, environment: dict[str, str | None], stack: AsyncExitStack
    ) -> Child:
        child = self._child(program, environment)
        await self._run_service(ProgramService(child), stack)
        return child

    async def _run_service(self, service: Service, stack: AsyncExitStack) -> None:
        """Start a service, and remember to stop it and to watch it."""
        stack.push_async_callback(service.stop)
        self._services.append(service)
        await service.start()

    async def _until_ready(self, addresses: Addresses, children: list[Child]) -> None:
        """Wait until the ingestor serves its metrics and the API says that it is ready.

        Raises StartFailed when a program ends before that, or it takes too long.
        """
        limit_s = self._options.ready_timeout_s
        deadline_s = time.monotonic() + limit_s
        wanted = (
            ("the ingestor", addresses.metrics_port, "/metrics"),
            ("the API", addresses.api_port, "/healthz"),
            ("the API", addresses.api_port, "/readyz"),
        )
        for who, port, path in wanted:
            while (status := await http_status(port, path)) != 200:
                for child in children:
                    if not child.is_running:
                        ending = how_it_ended(child.exit_code)
                        raise StartFailed(f"{child.name} {ending}:\n{indented(child.log_tail(30))}")
                if time.monotonic() > deadline_s:
                    said = "no answer" if status is None else f"status {status}"
                    tails = [f"{child.name}:\n{indented(child.log_tail(10))}" for child in children]
                    raise StartFailed(
                        f"{who} was not ready after {limit_s:g} s ({path}: {said})\n" + "\n".join(tails)
                    )
                await asyncio.sleep(READY_POLL_INTERVAL_S)
