"""The launcher `run` as a module, working on a project of a test's own."""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

RUN: Final = Path(__file__).parents[2] / "run"


def load_launcher(folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The launcher, with an empty project in that folder to work on."""
    loader = SourceFileLoader("launcher", str(RUN))
    specification = importlib.util.spec_from_loader("launcher", loader)
    assert specification is not None
    module = importlib.util.module_from_spec(specification)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader.exec_module(module)
    project = folder / "project"
    (project / "requirements").mkdir(parents=True)
    (project / "pyproject.toml").write_text("[project]\n")
    monkeypatch.setattr(module, "ROOT", project)
    monkeypatch.setattr(module, "VENV", project / ".venv")
    monkeypatch.setattr(module, "VENV_PYTHON", project / ".venv" / "bin" / "python")
    monkeypatch.setattr(module, "STAMP", project / ".venv" / ".solarrally-stamp")
    monkeypatch.setattr(module, "INSTALL_LOG", project / ".cache" / "install.log")
    locks = {name: project / "requirements" / f"{name}.lock" for name in ("up", "dev")}
    for path in locks.values():
        path.write_text("package==1.0 \\\n    --hash=sha256:0\n")
    monkeypatch.setattr(module, "LOCKS", locks)
    return module
