"""The dashboard's sources, and the module that builds them, for the tests that look into them."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

SOURCES: Final = Path(__file__).parents[2] / "backend" / "dashboard"
SCRIPT: Final = SOURCES / "build_dashboard.py"


def load_build(script: Path = SCRIPT) -> ModuleType:
    """build_dashboard.py as a module; it works on the folder that it is in."""
    specification = importlib.util.spec_from_file_location("build_dashboard", script)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module  # dataclasses look their module up there
    specification.loader.exec_module(module)
    return module


def require_node() -> None:
    """Skip the test where there is no Node, but not where changes are judged."""
    build = load_build()
    try:
        build.find_node()
    except build.CannotBuild as missing:
        if "CI" in os.environ:
            raise
        pytest.skip(str(missing))
