"""Fetches Mosquitto and its clients into the project's cache, without root, from the system's archive.

`python -m solarrally.embedded.fetch_mosquitto [--if-missing]`; `./run get-mosquitto` does the same. For
Debian and Ubuntu. Only packages that the system lacks are downloaded; they are unpacked, not installed.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from solarrally.embedded.errors import BinariesMissing
from solarrally.embedded.mosquitto_program import download_dir, find_mosquitto, runnable

PACKAGES = ("mosquitto", "mosquitto-clients")
PROGRAMS = {
    "mosquitto": "usr/sbin/mosquitto",
    "mosquitto_pub": "usr/bin/mosquitto_pub",
    "mosquitto_sub": "usr/bin/mosquitto_sub",
}
NETWORK_TIMEOUT_S = 300

# Finds the libraries relative to itself, so the cache may be moved; exec keeps the process id.
WRAPPER = """#!/bin/sh
root="$(dirname "$(readlink -f "$0")")/root"
libraries="$(find "$root" -name '*.so*' -exec dirname {{}} \\; | sort -u | tr '\\n' ':')"
LD_LIBRARY_PATH="$libraries${{LD_LIBRARY_PATH:-}}" exec "$root/{program}" "$@"
"""


class FetchFailed(RuntimeError):
    """The packages could not be had; the text says why and what else to do."""


def fetch(target: Path) -> None:
    """Download and unpack into target/root, and leave a wrapper target/mosquitto. Raises FetchFailed."""
    for tool in ("apt-get", "apt-cache", "dpkg", "dpkg-query"):
        if shutil.which(tool) is None:
            raise FetchFailed(f"{tool} is missing: this way works on Debian and Ubuntu only")
    packages_dir = target / "packages"
    packages_dir.mkdir(parents=True, exist_ok=True)
    options = apt_options(target)
    wanted = missing_packages(options)
    if not wanted:  # the system's lists are empty, as in most container images: fetch private ones
        options = [*options, *private_list_options(target)]
        command(["apt-get", *options, "update"])
        wanted = missing_packages(options)
    if "mosquitto" not in wanted:
        raise FetchFailed("apt knows no package mosquitto (is the component `universe` enabled on Ubuntu?)")
    for old in packages_dir.glob("*.deb"):
        old.unlink()
    command(["apt-get", *options, "download", *wanted], cwd=packages_dir)
    for package in sorted(packages_dir.glob("*.deb")):
        command(["dpkg", "-x", str(package), str(target / "root")])
    write_wrappers(target)


def apt_options(target: Path) -> list[str]:
    """Options for every call of apt: no lock files or caches of the system are touched."""
    cache = target / "apt"
    for name in ("archives/partial", "lists/partial"):
        (cache / name).mkdir(parents=True, exist_ok=True)
    options = {"Dir::Cache": str(cache), "Debug::NoLocking": "1", "Acquire::http::Timeout": "30"}
    if os.geteuid() == 0:
        options["APT::Sandbox::User"] = "root"  # the user _apt could not write into a closed directory
    return [part for name, value in options.items() for part in ("-o", f"{name}={value}")]


def private_list_options(target: Path) -> list[str]:
    """Options that make apt keep its lists of packages in target."""
    return ["-o", f"Dir::State::lists={target / 'apt' / 'lists'}"]


def missing_packages(options: list[str]) -> list[str]:
    """Mosquitto and what it needs, as far as the system lacks it; empty if apt does not know Mosquitto."""
    leave_out = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")
    listing = subprocess.run(
        ["apt-cache", *options, "depends", "--recurse", *(f"--no-{kind}" for kind in leave_out), *PACKAGES],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    known = {line for line in listing.stdout.splitlines() if line and not line.startswith((" ", "|", "<"))}
    libraries = {name for name in known if name.startswith("lib")}
    return sorted((libraries - installed_packages()) | (set(PACKAGES) & known))


def installed_packages() -> set[str]:
    """The packages that dpkg has installed."""
    listing = command(["dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Package}\n"])
    rows = (line.split() for line in listing.splitlines())
    return {row[1] for row in rows if len(row) == 2 and row[0] == "ii"}


def write_wrappers(target: Path) -> None:
    """Leave one small script per program, which finds the libraries next to it."""
    for name, program in PROGRAMS.items():
        if (target / "root" / program).exists():
            wrapper = target / name
            wrapper.write_text(WRAPPER.format(program=program))
            wrapper.chmod(0o755)
    if runnable(target / "mosquitto") is None:
        raise FetchFailed(f"what was fetched into {target} does not run on this machine")


def command(argv: list[str], cwd: Path | None = None) -> str:
    """What a command prints. Raises FetchFailed with the end of its complaint."""
    try:
        done = subprocess.run(
            argv, cwd=cwd, capture_output=True, text=True, check=False, timeout=NETWORK_TIMEOUT_S
        )
    except subprocess.TimeoutExpired as error:
        raise FetchFailed(f"`{argv[0]} {argv[-1]}` took longer than {NETWORK_TIMEOUT_S} s") from error
    if done.returncode != 0:
        complaint = "\n".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-5:])
        raise FetchFailed(f"`{argv[0]} ... {argv[-1]}` failed:\n{complaint}")
    return done.stdout


def main(arguments: list[str]) -> int:
    """Fetch, and say what came of it. Exit code 1 if it did not work."""
    try:
        found = find_mosquitto()
    except BinariesMissing:
        found = None
    if found is not None and has_clients():
        if "--if-missing" in arguments:
            return 0
        if found.path.parent != download_dir():
            say(f"Mosquitto {found.version} is on this machine already: {found.path}")
            return 0
    say("fetching Mosquitto from your system's package archive (about 1 MB) ...")
    try:
        fetch(download_dir())
    except FetchFailed as error:
        say(f"no Mosquitto: {error}\nOr: install the package mosquitto, or name one in SOLARRALLY_MOSQUITTO")
        return 1
    program = find_mosquitto(download_dir() / "mosquitto")
    say(f"Mosquitto {program.version} is ready: {program.path}")
    return 0


def has_clients() -> bool:
    """Whether mosquitto_pub and mosquitto_sub are at hand: tests use them."""
    places = (None, str(download_dir()))
    return all(any(shutil.which(name, path=place) for place in places) for name in PROGRAMS if "_" in name)


def say(text: str) -> None:
    """Speak to the person at the terminal."""
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
