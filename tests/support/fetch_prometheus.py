"""Finds Prometheus, promtool and node_exporter for the tests of docker/, and fetches them without root.

`python -m tests.support.fetch_prometheus [--if-missing]`. For Debian and Ubuntu: the packages are downloaded
and unpacked below .cache/prometheus, not installed, so no service is started.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from solarrally.embedded.fetch_mosquitto import FetchFailed, apt_options, command, private_list_options

CACHE: Final = Path(__file__).resolve().parents[2] / ".cache" / "prometheus"
PACKAGES: Final = ("prometheus", "prometheus-node-exporter")
PROGRAMS: Final = ("prometheus", "promtool", "prometheus-node-exporter")
CURE: Final = (
    "`.venv/bin/python -m tests.support.fetch_prometheus` fetches it without root on Debian and Ubuntu;"
    " or install the packages prometheus and prometheus-node-exporter"
)


class NoPrometheus(RuntimeError):
    """A program is not on this machine; the text says which, and what to do."""


def find_program(name: str) -> Path:
    """One of PROGRAMS, the system's or the one in our cache. Raises NoPrometheus."""
    for place in (None, str(CACHE / "root" / "usr" / "bin")):
        found = shutil.which(name, path=place)
        if found is not None and starts(found):
            return Path(found)
    raise NoPrometheus(f"no {name} here: {CURE}")


def program_or_skip(name: str) -> Path:
    """For tests: the program, or a skip that says the cure; where CI=true a failure."""
    try:
        return find_program(name)
    except NoPrometheus as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


def starts(program: str) -> bool:
    """Whether it says its version: that of another platform does not."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, check=False, timeout=30)
    except OSError:
        return False
    return done.returncode == 0


def fetch() -> None:
    """Download and unpack. Raises FetchFailed."""
    for tool in ("apt-get", "dpkg"):
        if shutil.which(tool) is None:
            raise FetchFailed(f"{tool} is missing: this way works on Debian and Ubuntu only")
    packages_dir = CACHE / "packages"
    packages_dir.mkdir(parents=True, exist_ok=True)
    options = apt_options(CACHE)
    try:
        command(["apt-get", *options, "download", *PACKAGES], cwd=packages_dir)
    except FetchFailed:  # the system's lists are empty or old, as in most container images
        options = [*options, *private_list_options(CACHE)]
        command(["apt-get", *options, "update"])
        command(["apt-get", *options, "download", *PACKAGES], cwd=packages_dir)
    for package in sorted(packages_dir.glob("*.deb")):
        command(["dpkg", "-x", str(package), str(CACHE / "root")])
        package.unlink()


def main(arguments: list[str]) -> int:
    """Find or fetch, and say what came of it. Exit code 1 if something is missing in the end."""
    try:
        try:
            found = [find_program(name) for name in PROGRAMS]
        except NoPrometheus:
            say("fetching Prometheus from your system's package archive (about 40 MB) ...")
            fetch()
            found = [find_program(name) for name in PROGRAMS]
    except (FetchFailed, NoPrometheus) as failure:
        say(f"no Prometheus: {failure}")
        return 1
    if "--if-missing" not in arguments:
        say("\n".join(f"{path} is ready" for path in found))
    return 0


def say(text: str) -> None:
    """Speak to the person at the terminal."""
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
