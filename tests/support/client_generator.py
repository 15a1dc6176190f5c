"""openapi-python-client in an environment of its own: its typer is not the one that the backend uses."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final

PACKAGE: Final = "solarrally_client"
ROOT: Final = Path(__file__).parents[2]
LOCK: Final = ROOT / "requirements" / "client.lock"
ENVIRONMENT: Final = ROOT / ".cache" / "client-generator"
CONFIG: Final = {
    "content_type_overrides": {"application/pdf": "application/octet-stream"},
    "post_hooks": [],  # they only format what was written
}
"""What docs/rest-api.md advises, and no formatting."""
INSTALLED_WITHIN_S: Final = 240.0
GENERATED_WITHIN_S: Final = 60.0
_SAYS_NOTHING_OF_US: Final = ("Generating ", "Warning(s) encountered", "If you believe this was a mistake")


class NoGenerator(Exception):
    """It cannot be installed; the text says why, and what would help."""


class NotGenerated(Exception):
    """The generator gave up; the text is its own."""


@dataclass(slots=True, frozen=True, kw_only=True)
class GeneratedClient:
    """A package that was made from an OpenAPI document, and a Python that has what it needs."""

    python: Path
    folder: Path
    """Where the package is."""
    warnings: tuple[str, ...]
    """What the generator did not understand, one line each."""

    @property
    def package(self) -> Path:
        return self.folder / PACKAGE

    def run(self, *arguments: str, within_s: float = 30.0) -> Any:
        """What a program prints, as JSON, that may import the package."""
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "NO_PROXY": "127.0.0.1"}
        done = subprocess.run(
            [str(self.python), "-P", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=within_s,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def generate_client(document: dict[str, Any], folder: Path) -> GeneratedClient:
    """A client made from that OpenAPI document. Raises `NoGenerator` and `NotGenerated`."""
    python = installed_generator()
    described, config = folder / "openapi.json", folder / "config.json"
    described.write_text(json.dumps(document))
    config.write_text(json.dumps(CONFIG))
    source = ["--path", str(described), "--config", str(config)]
    output = ["--meta", "none", "--output-path", str(folder / PACKAGE)]
    done = _output_of(
        [str(python), "-m", "openapi_python_client", "generate", *source, *output], GENERATED_WITHIN_S
    )
    if done.returncode != 0:
        raise NotGenerated(done.stdout)
    return GeneratedClient(python=python, folder=folder, warnings=tuple(warnings_in(done.stdout)))


def warnings_in(said: str) -> Iterator[str]:
    """Each warning on one line; the part of the document that the generator shows with it is left out."""
    paragraphs = [part.strip() for part in said.split("\n\n")]
    told = [part for part in paragraphs if part and not part.startswith(_SAYS_NOTHING_OF_US)]
    for is_shown, parts in groupby(told, key=lambda part: part.startswith("{")):
        if not is_shown:
            yield ": ".join(parts)


def installed_generator() -> Path:
    """The Python of its environment, which is made when the lock or this Python is another than before.

    Raises `NoGenerator`.
    """
    python, stamp = ENVIRONMENT / "bin" / "python", ENVIRONMENT / ".stamp"
    wanted = hashlib.sha256(LOCK.read_bytes() + f"{sys.version}{ENVIRONMENT}".encode()).hexdigest()
    with _one_at_a_time():
        if not stamp.exists() or stamp.read_text() != wanted:
            _install(python)
            stamp.write_text(wanted)
    return python


def _install(python: Path) -> None:
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    uv = shutil.which("uv")
    if uv is not None:
        make = [uv, "venv", "--python", sys.executable, str(ENVIRONMENT)]
        install = [uv, "pip", "install", "--python", str(python)]
    else:
        make = [sys.executable, "-m", "venv", str(ENVIRONMENT)]
        install = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--retries", "1"]
    for step in (make, [*install, "--require-hashes", "-r", str(LOCK)]):
        try:
            done = _output_of(step, INSTALLED_WITHIN_S)
        except subprocess.TimeoutExpired:
            raise NoGenerator(_advice(f"not done after {INSTALLED_WITHIN_S:.0f} s")) from None
        if done.returncode != 0:
            raise NoGenerator(_advice("\n".join(done.stdout.strip().splitlines()[-5:])))


def _advice(reason: str) -> str:
    return (
        f"openapi-python-client is missing: {LOCK.relative_to(ROOT)} could not be installed in"
        f" {ENVIRONMENT.relative_to(ROOT)}. With the package index in reach, run this test again;"
        f" it is needed once.\n{reason}"
    )


def _output_of(command: list[str], within_s: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=within_s,
    )


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    ENVIRONMENT.parent.mkdir(exist_ok=True)
    with ENVIRONMENT.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
