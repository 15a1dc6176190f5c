"""Finds the browser of tests/browser, and fetches one where there is none.

`python -m tests.support.fetch_chromium [--if-missing]`; `./run get-chromium` does the same. As root with apt
it installs the system's package; else Playwright downloads a Chromium into its own cache.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from playwright.sync_api import sync_playwright

VARIABLE: Final = "SOLARRALLY_TEST_CHROMIUM"
NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ON_A_MAC: Final = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
CURE: Final = (
    f"./run get-chromium, or install the package chromium or Google Chrome, or name one in {VARIABLE}"
)
NETWORK_TIMEOUT_S: Final = 590
ANSWER_TIMEOUT_S: Final = 30


class NoChromium(RuntimeError):
    """There is no browser; the text says why, and what to do."""


def find_chromium() -> Path:
    """A Chromium or Chrome that starts. Raises NoChromium."""
    named = os.environ.get(VARIABLE)
    if named:
        if version_of(named) is None:
            raise NoChromium(f"{VARIABLE} names {named}, which does not start as a Chromium")
        return Path(named)
    found = next((path for path in candidates() if version_of(path) is not None), None)
    if found is None:
        raise NoChromium(f"no Chromium or Chrome on this machine: {CURE}")
    return Path(found)


def candidates() -> Iterator[str]:
    """Where one may be, the system's own first."""
    yield from filter(None, map(shutil.which, NAMES))
    yield from (path for path in ON_A_MAC if os.access(path, os.X_OK))
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    if os.access(path, os.X_OK):
        yield path


def version_of(path: str) -> str | None:
    """What it says of itself; None if it does not start, as the script that Ubuntu has in place of one."""
    try:
        said = subprocess.run(
            [path, "--version", "--no-sandbox"],
            capture_output=True,
            text=True,
            check=False,
            timeout=ANSWER_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    is_browser = said.returncode == 0 and ("Chrom" in said.stdout)
    return said.stdout.strip() if is_browser else None


def fetch() -> Path:
    """Install one. Raises NoChromium with what each way said."""
    complaints = []
    for title, steps in ways():
        say(f"{title} ...")
        complaint = complaint_of(steps)
        if complaint is None:
            try:
                return find_chromium()
            except NoChromium:
                complaint = "what it installed does not start"
        complaints.append(f"{title}: {complaint}")
    raise NoChromium("\n".join([*complaints, f"What else: {CURE}"]))


def ways() -> Iterator[tuple[str, list[list[str]]]]:
    """How one can be had here, the quickest first: what it is called, and its commands."""
    if os.geteuid() == 0 and shutil.which("apt-get") is not None:
        install = ["apt-get", "install", "--no-install-recommends", "--yes", "chromium"]
        yield "installing the system's package chromium", [["apt-get", "update"], install]
    yield (
        "downloading Playwright's Chromium (170 MB)",
        [[sys.executable, "-m", "playwright", "install", "chromium", "--no-shell"]],
    )


def complaint_of(steps: list[list[str]]) -> str | None:
    """The last lines of the first command that fails; None when all went well."""
    for command in steps:
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                timeout=NETWORK_TIMEOUT_S,
            )
        except subprocess.TimeoutExpired:
            return f"`{command[0]}` took longer than {NETWORK_TIMEOUT_S} s"
        if done.returncode != 0:
            return "\n".join(done.stdout.strip().splitlines()[-5:])
    return None


def main(arguments: list[str]) -> int:
    """Find or fetch, and say what came of it. Exit code 1 if there is none."""
    try:
        path = find_chromium()
    except NoChromium as missing:
        if os.environ.get(VARIABLE):
            say(str(missing))
            return 1
    else:
        if "--if-missing" not in arguments:
            say(f"{version_of(str(path))} is on this machine already: {path}")
        return 0
    try:
        path = fetch()
    except NoChromium as failure:
        say(f"no Chromium: {failure}")
        return 1
    say(f"{version_of(str(path))} is ready: {path}")
    return 0


def say(text: str) -> None:
    """Speak to the person at the terminal."""
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
