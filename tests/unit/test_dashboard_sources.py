"""What must hold of the dashboard's sources: its own tests, the API's types, the lock of its packages."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.dashboard_sources import SCRIPT, SOURCES, load_build, require_node
from tests.support.openapi_dump import dump_openapi

VITEST_TIMEOUT_S: Final = 600
NPM_TIMEOUT_S: Final = 300


def read_json(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((SOURCES / name).read_text(encoding="utf-8"))
    return document


@pytest.fixture(scope="module")
def packages() -> None:
    """The page's npm packages, as locked."""
    require_node()
    build = load_build()
    with build.one_at_a_time(build.say_on_stderr):
        build.install_packages(build.find_node())


@pytest.mark.usefixtures("packages")
def test_the_tests_of_its_components_pass() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "run", "test"],
        env={**os.environ, "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=VITEST_TIMEOUT_S,
    )

    assert done.returncode == 0, f"vitest says (./run dashboard test shows it alone):\n{done.stdout}"


@pytest.mark.usefixtures("packages")
def test_its_types_are_those_of_the_api(tmp_path: Path) -> None:
    program, *arguments = shlex.split(read_json("package.json")["scripts"]["types"])
    dump_openapi(tmp_path / "openapi.json")
    (tmp_path / "src" / "api").mkdir(parents=True)
    subprocess.run(
        [str(SOURCES / "node_modules" / ".bin" / program), *arguments],
        cwd=tmp_path,
        env=load_build().find_node().environment(),
        check=True,
        capture_output=True,
        timeout=NPM_TIMEOUT_S,
    )

    written = Path("src", "api", "schema.d.ts")
    is_same = (tmp_path / written).read_bytes() == (SOURCES / written).read_bytes()
    assert is_same, "the API has changed; write the types of the dashboard anew: ./run dashboard types"


def test_the_lock_names_no_address_and_pins_every_package() -> None:
    locked = {name: package for name, package in read_json("package-lock.json")["packages"].items() if name}

    assert locked
    assert [name for name, package in locked.items() if "resolved" in package] == []
    assert [name for name, package in locked.items() if "integrity" not in package] == []
    assert "://" not in (SOURCES / ".npmrc").read_text()


def test_the_lock_has_the_packages_of_every_platform() -> None:
    """`npm ci` refuses one that has not, on every machine; npm writes such a lock when a download fails."""
    locked = read_json("package-lock.json")["packages"]
    absent = [
        f"{wanted} of {name}"
        for name, package in locked.items()
        for wanted in package.get("optionalDependencies", {})
        if not {f"{name}/node_modules/{wanted}", f"node_modules/{wanted}"} & locked.keys()
    ]

    assert absent == []


def test_node_is_wanted_in_one_version() -> None:
    assert read_json("package.json")["engines"]["node"] == load_build().NODE_WANTED
