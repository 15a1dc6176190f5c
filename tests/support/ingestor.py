"""The real ingestor as a process that a test can kill, and what its counters say."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from pathlib import Path
from types import TracebackType

from solarrally.embedded.identity import own_identity

START_TIMEOUT_S = 30.0


class IngestorProcess:
    """`solarrally ingest` with a port for its metrics. Its log goes to a file, for when a test fails."""

    def __init__(self, *, database_url: str, mqtt_url: str | None, log_file: Path, **settings: str) -> None:
        """`mqtt_url`: None where `settings` name a broker of AWS's."""
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            self.metrics_port: int = free.getsockname()[1]
        self.log_file = log_file
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SOLARRALLY_")},
            "SOLARRALLY_DATABASE_URL": database_url,
            **({} if mqtt_url is None else {"SOLARRALLY_MQTT_URL": mqtt_url}),
            "SOLARRALLY_METRICS_PORT": str(self.metrics_port),
            **{f"SOLARRALLY_{name.upper()}": value for name, value in settings.items()},
        }
        self.starts = 0
        """How many processes there have been: only the first one's counters are of the whole run."""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it; returns at once."""
        self.starts += 1
        with self.log_file.open("ab") as log:
            command = [sys.executable, "-m", "solarrally", "ingest"]
            self._process = subprocess.Popen(
                # Whatever ends the tests, even kill -9, ends it too.
                own_identity().argv_for(command, death_signal=signal.SIGKILL),
                env=self._environment,
                stdout=log,
                stderr=log,
            )

    def wait_connected(self) -> None:
        """Return when it listens to the broker."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            assert self._process is not None
            assert self._process.poll() is None, self.log_file.read_text()[-3000:]
            if self.counters().get("solarrally_broker_connected") == 1:
                return
            time.sleep(0.02)
        raise AssertionError(f"the ingestor did not connect:\n{self.log_file.read_text()[-3000:]}")

    def kill(self) -> None:
        """kill -9, at whatever it is doing."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=20)

    def freeze(self) -> None:
        """SIGSTOP: it does nothing until `thaw`, and its connections stay as they are."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def counters(self) -> dict[str, float]:
        """The metrics, by name and labels; empty while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=2) as answer:
                text = answer.read().decode()
        except OSError:
            return {}
        return {name: float(value) for name, value in re.findall(r"^([^#\s]+) (\S+)$", text, re.MULTILINE)}

    def __enter__(self) -> IngestorProcess:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
