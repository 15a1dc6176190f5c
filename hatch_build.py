"""The package's build step: the dashboard's page is in the wheel, the sdist and the editable install."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SKIP = "SOLARRALLY_SKIP_DASHBOARD"


class DashboardBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Builds what backend/dashboard/build_dashboard.py builds, unless it is built or not wanted."""

    def dependencies(self) -> list[str]:
        """Node from PyPI, where it is needed and the machine has none that fits."""
        dashboard = build_dashboard(Path(self.root))
        if is_unwanted() or dashboard.is_current() or dashboard.node_on_path() is not None:
            return []
        return [f"{dashboard.NODE_FROM_PYPI}>=24"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build before the files are collected. A page that cannot be built ends the package's build."""
        if is_unwanted():
            self.app.display_warning(f"{SKIP} is set: the dashboard is not built")
            return
        build_dashboard(Path(self.root)).build(say=self.app.display_info)


def is_unwanted() -> bool:
    """Whether somebody wants the backend without its page, or builds the page on their own."""
    return os.environ.get(SKIP, "") not in ("", "0")


def build_dashboard(root: Path) -> ModuleType:
    """The module that builds the page; it is no part of the package."""
    path = root / "backend" / "dashboard" / "build_dashboard.py"
    specification = importlib.util.spec_from_file_location("build_dashboard", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module  # dataclasses look their module up there
    specification.loader.exec_module(module)
    return module
