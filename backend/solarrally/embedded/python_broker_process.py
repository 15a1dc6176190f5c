"""The embedded Python broker as a process of its own."""

import asyncio
import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from solarrally.embedded.broker import CANNOT_DO, PythonBroker
from solarrally.embedded.broker_process import BrokerProcess
from solarrally.embedded.broker_users import BrokerUser
from solarrally.embedded.private_files import write_private


class PythonBrokerProcess(BrokerProcess):
    """The Python broker as a child, so that it can be supervised, killed and restarted like Mosquitto."""

    name = "python-broker"

    @property
    def title(self) -> str:
        """Program and version, for people."""
        return "embedded Python broker"

    @property
    def shortcomings(self) -> tuple[str, ...]:
        """What this broker cannot do, one sentence each."""
        return CANNOT_DO

    def write_files(self) -> list[str]:
        """Write users and port, readable by us only; returns the command."""
        configuration = self.data_dir / "python-broker.json"
        users = [asdict(user) for user in self.users]
        write_private(configuration, json.dumps({"port": self.port, "users": users}))
        return [sys.executable, "-m", "solarrally.embedded.python_broker_process", str(configuration)]


async def serve(described: dict[str, Any]) -> None:
    """Run the broker so described until SIGTERM or SIGINT."""
    users = [
        BrokerUser(
            name=user["name"],
            password=user["password"],
            writes=tuple(user["writes"]),
            reads=tuple(user["reads"]),
            denied=tuple(user["denied"]),
        )
        for user in described["users"]
    ]
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with PythonBroker(users, described["port"]):
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve(json.loads(Path(sys.argv[1]).read_text())))
