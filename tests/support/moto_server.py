"""An AWS of the tests' own: a moto server as a child process on a free loopback port."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from solarrally.embedded.identity import own_identity

START_TIMEOUT_S = 60.0
"""Importing moto takes 2 s alone, and much longer on a machine that is busy with other tests."""
STOP_TIMEOUT_S = 10.0
REGION = "us-east-1"


@contextmanager
def running_moto(log_file: Path | None = None) -> Iterator[str]:
    """Yields its URL once it answers; the server and all it knows are gone at the end of the block.

    It listens on a socket that is bound here, so no other process can take the port in between. What it
    logs, one line a request and every traceback, goes to `log_file`. `aws_environment` makes boto3 use it.
    """
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        port = listening.getsockname()[1]
        with (log_file or Path(os.devnull)).open("ab") as log:
            child = subprocess.Popen(
                # Whatever ends the tests, even kill -9, ends it too.
                own_identity().argv_for(
                    [sys.executable, "-m", "tests.support.moto_child", str(listening.fileno())],
                    death_signal=signal.SIGKILL,
                ),
                cwd=Path(__file__).parents[2],
                env=_without_aws(os.environ) | {"MOTO_PORT": str(port), "MOTO_ACM_VALIDATION_WAIT": "0"},
                pass_fds=[listening.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_it_answers(child, url)
        yield url
    finally:
        child.terminate()
        try:
            child.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def aws_environment(url: str) -> dict[str, str]:
    """The variables that make boto3, Terraform and our own processes take `url` for AWS."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _without_aws(environment: os._Environ[str]) -> dict[str, str]:
    """Nothing of the account that somebody may be logged in to reaches the server."""
    return {name: value for name, value in environment.items() if not name.startswith("AWS_")}


def _wait_until_it_answers(child: subprocess.Popen[bytes], url: str) -> None:
    """The kernel takes the connection before the server does: one request, with time for its start."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            with urllib.request.urlopen(f"{url}/moto-api/data.json", timeout=1.0):
                return
        except (OSError, urllib.error.URLError) as error:
            if child.poll() is not None:
                raise RuntimeError(
                    f"moto ended at its start with exit code {child.returncode}; "
                    "run `.venv/bin/python -m tests.support.moto_child 0` to see why"
                ) from error
            if time.monotonic() > deadline:
                raise TimeoutError(f"moto did not answer within {START_TIMEOUT_S:.0f} s") from error
