"""A Mosquitto broker of our own: our configuration, on loopback, a direct child of this process."""

import os
from collections.abc import Sequence
from pathlib import Path

from solarrally.embedded.broker_process import BrokerProcess
from solarrally.embedded.broker_users import BrokerUser
from solarrally.embedded.mosquitto_files import access_text, configuration_text, passwords_text
from solarrally.embedded.mosquitto_program import MosquittoProgram
from solarrally.embedded.private_files import write_private


class Mosquitto(BrokerProcess):
    """One Mosquitto. Queues of persistent sessions and retained messages survive in data_dir."""

    name = "mosquitto"

    def __init__(
        self, data_dir: Path, program: MosquittoProgram, users: Sequence[BrokerUser], port: int | None = None
    ) -> None:
        """Nothing is touched yet. The first user is the one in `url`. Without a port a free one is taken."""
        super().__init__(data_dir, users, port)
        self._program = program

    @property
    def title(self) -> str:
        """Program and version, for people."""
        return f"Mosquitto {self._program.version} ({self._program.path})"

    @property
    def shortcomings(self) -> tuple[str, ...]:
        """Nothing that matters on one machine."""
        return ()

    def write_files(self) -> list[str]:
        """Write configuration, access list and passwords, readable by us only; returns the command."""
        is_root = os.geteuid() == 0
        configuration = self.data_dir / "mosquitto.conf"
        write_private(self.data_dir / "passwords", passwords_text(self.users))
        write_private(self.data_dir / "access", access_text(self.users))
        write_private(
            configuration, configuration_text(port=self.port, directory=self.data_dir, is_root=is_root)
        )
        return [str(self._program.path), "-c", str(configuration)]
