"""A broker as a child process of ours: what Mosquitto and the Python broker have in common."""

import os
import signal
import time
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import structlog

from solarrally.embedded.broker_users import BrokerUser
from solarrally.embedded.child import Child
from solarrally.embedded.errors import AlreadyRunning, StartFailed
from solarrally.embedded.identity import own_identity, unprivileged_identity
from solarrally.embedded.mqtt_probe import lets_in
from solarrally.embedded.ports import LOOPBACK, any_free_port, is_free
from solarrally.embedded.server_process import ServerProcess

log: structlog.stdlib.BoundLogger = structlog.get_logger()

READY_TIMEOUT_S = 20.0  # a large queue takes a while to load
POLL_INTERVAL_S = 0.02


class BrokerProcess(ServerProcess):
    """A broker on loopback with password logins for the given users; nobody else gets in.

    Use it as `async with`, or call start() and stop(), which block.
    """

    name: str
    called = "the broker"
    stop_steps = ((signal.SIGTERM, 15.0),)  # Mosquitto writes its queues out before it goes

    def __init__(self, data_dir: Path, users: Sequence[BrokerUser], port: int | None = None) -> None:
        """Nothing is touched yet. The first user is the one in `url`. Without a port a free one is taken."""
        super().__init__(data_dir, "broker.lock", port)
        self.users = tuple(users)

    @property
    @abstractmethod
    def title(self) -> str:
        """Program and version, for people."""

    @property
    @abstractmethod
    def shortcomings(self) -> tuple[str, ...]:
        """What this broker cannot do and a user should know, one sentence each."""

    @abstractmethod
    def write_files(self) -> list[str]:
        """Write the configuration into data_dir; returns the command that starts the broker."""

    @property
    def url(self) -> str:
        """The address for the first user, password included."""
        return self.url_for(self.users[0].name)

    def url_for(self, name: str) -> str:
        """The address for one of the users, password included."""
        user = next(user for user in self.users if user.name == name)
        return f"mqtt://{quote(user.name, safe='')}:{quote(user.password, safe='')}@{LOOPBACK}:{self.port}"

    @property
    def log_path(self) -> Path:
        """Where the broker writes its log."""
        return self.data_dir / f"{self.name}.log"

    def restart(self) -> None:
        """Stop it if it runs, start it again on the same port; what fails to start is stopped."""
        self.stop()
        self.start()

    async def restart_async(self) -> None:
        """As restart(), without blocking the event loop."""
        await self.stop_async()
        await self.start_async()

    def spawn(self) -> None:
        """Write the files and start the process; returns at once."""
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._lock.is_held:
            try:
                self._lock.acquire(f"process {os.getpid()}")
            except AlreadyRunning as error:
                raise AlreadyRunning(f"the broker's data in {self.data_dir} is in use by {error}") from None
        if self._port is None:
            self._port = any_free_port()
        if not is_free(self._port):  # else wait_ready() might greet somebody else's broker there
            raise StartFailed(f"{self.name} cannot listen: port {self._port} is busy")
        identity = unprivileged_identity()
        self._child = Child(
            self.name,
            self.write_files(),
            log_path=self.log_path,
            # Without root's powers where that costs nothing; another user could not read these files.
            identity=identity if identity.kind == "userns" else own_identity(),
        )
        self._child.spawn()

    def wait_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Block until the first user can log in. Raises StartFailed with the end of its log."""
        started_at_s = time.monotonic()
        while not lets_in(LOOPBACK, self.port, self.users[0].name, self.users[0].password):
            if not self.is_running:
                raise StartFailed(f"{self.name} ended at its start:\n{self.child.log_tail()}")
            if time.monotonic() - started_at_s > timeout_s:
                raise StartFailed(
                    f"{self.name} was not ready after {timeout_s:.0f} s:\n{self.child.log_tail()}"
                )
            time.sleep(POLL_INTERVAL_S)
        log.info("broker_ready", broker=self.title, pid=self.pid, port=self.port)
