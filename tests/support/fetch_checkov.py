"""Finds checkov, which looks over infra/ for what is open and should not be; installs it where it is missing.

`python -m tests.support.fetch_checkov`. It wants an old boto3, so it has an environment of its own
in .cache/checkov: 100 packages, 290 MB, each with its hash in requirements/checkov.lock.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
LOCK: Final = ROOT / "requirements" / "checkov.lock"
ENVIRONMENT: Final = ROOT / ".cache" / "checkov"
PROGRAM: Final = ENVIRONMENT / "bin" / "checkov"
STAMP: Final = ENVIRONMENT / "installed.lock"
"""A copy of the lock that is installed: another lock is another checkov."""

CURE: Final = "python -m tests.support.fetch_checkov (290 MB from PyPI)"
INSTALL_TIMEOUT_S: Final = 580


class NoCheckov(RuntimeError):
    """It is not installed, or could not be; the text says why, and what to do."""


def find_checkov() -> Path:
    """The program, of the versions that the lock names. Raises NoCheckov."""
    if not PROGRAM.is_file():
        raise NoCheckov(f"checkov is not installed: {CURE}")
    if not STAMP.is_file() or STAMP.read_bytes() != LOCK.read_bytes():
        raise NoCheckov(f"checkov is of another requirements/checkov.lock: {CURE}")
    return PROGRAM


def fetch() -> Path:
    """Install it anew; who comes second waits and finds it. Raises NoCheckov with pip's last lines."""
    ENVIRONMENT.parent.mkdir(exist_ok=True)
    with (ENVIRONMENT.parent / "checkov.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            return find_checkov()
        except NoCheckov:
            shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        venv.create(ENVIRONMENT, with_pip=True)
        python = ENVIRONMENT / "bin" / "python"
        install = [str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(LOCK)]
        try:
            done = subprocess.run(
                install,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                timeout=INSTALL_TIMEOUT_S,
            )
        except subprocess.TimeoutExpired as error:
            raise NoCheckov(f"pip took longer than {INSTALL_TIMEOUT_S} s") from error
        if done.returncode != 0:
            raise NoCheckov("\n".join(done.stdout.strip().splitlines()[-5:]))
        shutil.copyfile(LOCK, STAMP)
    return find_checkov()


def main() -> int:
    """Find or install it, and say what came of it. Exit code 1 if there is none."""
    try:
        say(f"checkov is installed already: {find_checkov()}")
    except NoCheckov:
        pass
    else:
        return 0
    say("installing checkov into .cache/checkov (290 MB) ...")
    try:
        say(f"checkov is ready: {fetch()}")
    except NoCheckov as failure:
        say(f"no checkov: {failure}")
        return 1
    return 0


def say(text: str) -> None:
    """Speak to the person at the terminal."""
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
