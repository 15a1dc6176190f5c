"""A small MQTT broker in Python, for machines without Mosquitto and for tests: QoS 0 and 1, MQTT 3.1.1 and
5.
"""

import asyncio
from collections.abc import Sequence
from typing import Self
from urllib.parse import quote

import structlog

from solarrally.embedded.broker_connection import BrokerConnection
from solarrally.embedded.broker_core import BrokerCore
from solarrally.embedded.broker_limits import BrokerLimits
from solarrally.embedded.broker_session import Session
from solarrally.embedded.broker_users import BrokerUser
from solarrally.embedded.mqtt_packets import Reason
from solarrally.embedded.ports import LOOPBACK

log: structlog.stdlib.BoundLogger = structlog.get_logger()

CANNOT_DO = (
    "it keeps everything in memory: what waits for an absent client is lost when it stops",
    "no QoS 2, no TLS, no shared subscriptions, no delayed wills",
    "one Python process: some thousand messages per second",
)

GOODBYE_TIMEOUT_S = 1.0
SWEEP_INTERVAL_S = 1.0


class PythonBroker:
    """A broker on loopback, inside the running event loop. Use it as `async with PythonBroker(users) as
    broker`.
    """

    def __init__(
        self, users: Sequence[BrokerUser], port: int | None = None, *, limits: BrokerLimits | None = None
    ) -> None:
        """Only these users get in; the first is the one in `url`. Without a port the system chooses one."""
        self.users = tuple(users)
        self.core = BrokerCore(users, limits or BrokerLimits())
        self._port = port
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self._connections: dict[str, BrokerConnection] = {}
        self._serving: dict[asyncio.Task[None], BrokerConnection] = {}

    @property
    def port(self) -> int:
        """The port on 127.0.0.1. Raises RuntimeError before the first start."""
        if self._port is None:
            raise RuntimeError("the broker has not been started")
        return self._port

    @property
    def url(self) -> str:
        """The address for the first user, password included."""
        return self.url_for(self.users[0].name)

    def url_for(self, name: str) -> str:
        """The address for one of the users, password included."""
        user = next(user for user in self.users if user.name == name)
        return f"mqtt://{quote(user.name, safe='')}:{quote(user.password, safe='')}@{LOOPBACK}:{self.port}"

    async def start(self) -> None:
        """Listen; returns when clients can connect. Raises OSError if the port is taken."""
        self._server = await asyncio.start_server(self._accept, LOOPBACK, self._port or 0)
        port: int = self._server.sockets[0].getsockname()[1]
        self._port = port
        self._sweeper = asyncio.create_task(self._sweep(), name="mqtt session expiry")
        log.info("python_broker_ready", port=port)

    async def stop(self) -> None:
        """End all connections and forget everything."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for connection in list(self._serving.values()):
            connection.end(Reason.SERVER_SHUTTING_DOWN)
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.wait([self._sweeper])
        if self._serving:
            await asyncio.wait(list(self._serving), timeout=GOODBYE_TIMEOUT_S)
        for connection in list(self._serving.values()):  # clients that do not read our goodbye
            connection.abort()
        if self._serving:
            await asyncio.wait(list(self._serving), timeout=GOODBYE_TIMEOUT_S)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    # -- what connections ask of us (Neighbours) ---------------------------------------------------------

    def enter(self, connection: BrokerConnection, client_id: str) -> None:
        """The connection speaks for this client from now on; an older one of the same client ends."""
        older = self._connections.pop(client_id, None)
        if older is not None:
            older.end(Reason.SESSION_TAKEN_OVER)
        self._connections[client_id] = connection

    def leave(self, connection: BrokerConnection) -> None:
        """The connection has ended."""
        client_id = connection.session.client_id
        if self._connections.get(client_id) is connection:
            del self._connections[client_id]

    def wake(self, sessions: list[Session]) -> None:
        """These sessions have something to send."""
        for session in sessions:
            connection = self._connections.get(session.client_id)
            if connection is not None:
                connection.wake()

    # -- inside --------------------------------------------------------------------------------------------

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = BrokerConnection(self.core, self, reader, writer)
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("connections are served by tasks")
        self._serving[task] = connection
        try:
            await connection.serve()
        finally:
            del self._serving[task]

    async def _sweep(self) -> None:
        """Forget sessions whose time is over."""
        while True:
            await asyncio.sleep(SWEEP_INTERVAL_S)
            self.core.expire_sessions(asyncio.get_running_loop().time())
