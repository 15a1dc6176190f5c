"""Ingestor and API as processes, on a database and a broker that a test provides."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.ingestor import IngestorProcess

READY_TIMEOUT_S = 30.0


@dataclass(slots=True, frozen=True)
class Backend:
    """What runs, and how to get in."""

    api_url: str
    admin_password: str
    ingestor: IngestorProcess
    api: subprocess.Popen[bytes]
    api_metrics_port: int


@contextmanager
def running_backend(*, database_url: str, mqtt_url: str, folder: Path) -> Iterator[Backend]:
    """Migrated, listening and ready; stopped at the end of the block. Logs are in `folder`."""
    with closing(socket.socket()) as free, closing(socket.socket()) as free_too:
        for one in (free, free_too):
            one.bind(("127.0.0.1", 0))
        port, metrics_port = free.getsockname()[1], free_too.getsockname()[1]
    password = secrets.token_urlsafe(16)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SOLARRALLY_")},
        "SOLARRALLY_DATABASE_URL": database_url,
        "SOLARRALLY_JWT_SECRET": secrets.token_hex(32),
        "SOLARRALLY_API_PORT": str(port),
        "SOLARRALLY_API_METRICS_PORT": str(metrics_port),
        "SOLARRALLY_ADMIN_PASSWORD": password,
    }
    program = [sys.executable, "-m", "solarrally"]
    migrated = subprocess.run(
        [*program, "migrate"], env=environment, check=False, capture_output=True, text=True
    )
    assert migrated.returncode == 0, migrated.stderr
    with (
        (folder / "api.log").open("ab") as log,
        IngestorProcess(
            database_url=database_url, mqtt_url=mqtt_url, log_file=folder / "ingestor.log"
        ) as ingestor,
    ):
        api = subprocess.Popen([*program, "serve"], env=environment, stdout=log, stderr=log)
        try:
            ingestor.wait_connected()  # while the API starts
            url = f"http://127.0.0.1:{port}"
            until_ready(url)
            yield Backend(url, password, ingestor, api, metrics_port)
        finally:
            api.terminate()
            api.wait(timeout=10)


def until_ready(url: str) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/readyz", timeout=2):
            return
        time.sleep(0.02)
    raise AssertionError(f"{url} did not become ready")
