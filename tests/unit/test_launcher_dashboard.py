"""The launcher and the dashboard: when it is built, and what goes on without it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from tests.unit.launching import RUN, load_launcher


@dataclass
class Build:
    """Stands in for build_dashboard.py."""

    is_built: bool = False
    has_node: bool = True
    NODE_WANTED: str = ">=1"

    def is_current(self) -> bool:
        return self.is_built

    def node_on_path(self) -> str | None:
        return "node" if self.has_node else None

    def what_is_on_path(self) -> str:
        return "no node"


@pytest.fixture
def build() -> Build:
    return Build()


@pytest.fixture
def phases() -> list[str]:
    """What the launcher did, by its titles."""
    return []


@pytest.fixture
def launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, build: Build, phases: list[str]) -> ModuleType:
    """The launcher, whose environment is complete; what it would run is only noted."""
    module = load_launcher(tmp_path, monkeypatch)
    monkeypatch.setattr(module, "build_dashboard", lambda: build)
    monkeypatch.setattr(module, "ensure_environment", lambda wanted: phases.append(f"environment {wanted}"))
    monkeypatch.setattr(module, "phase", lambda title, _command, **_options: phases.append(title))
    monkeypatch.setattr(module, "runs", lambda _command: False)

    def become(command: list[str]) -> None:
        phases.append(" ".join(Path(part).name for part in command))
        raise SystemExit(0)

    monkeypatch.setattr(module, "hand_over", become)
    monkeypatch.chdir(tmp_path)
    return module


def start(launcher: ModuleType, *arguments: str) -> None:
    with pytest.raises(SystemExit):
        launcher.main(list(arguments))


def test_up_builds_a_page_whose_sources_changed_and_then_starts(
    launcher: ModuleType, phases: list[str]
) -> None:
    start(launcher, "up")

    assert phases == ["environment up", "building the dashboard", "solarrally up"]


def test_up_starts_at_once_when_the_page_is_current(
    launcher: ModuleType, build: Build, phases: list[str]
) -> None:
    build.is_built = True

    start(launcher, "up")

    assert phases == ["environment up", "solarrally up"]


def test_a_machine_without_node_gets_it_first(launcher: ModuleType, build: Build, phases: list[str]) -> None:
    build.has_node = False

    start(launcher, "up")

    assert phases[1:3] == ["installing Node from PyPI into .venv (60 MB)", "building the dashboard"]


def failing(title: str, _command: list[str], **_options: object) -> None:
    raise Failed(f"{title} failed: no route to the registry")


class Failed(Exception):
    """As the launcher's Failure."""


@pytest.mark.parametrize(
    ("was_built", "told"),
    [(False, "WITHOUT the dashboard"), (True, "with the dashboard as it was built before")],
)
def test_up_goes_on_without_a_page_that_cannot_be_built_and_says_why(
    launcher: ModuleType,
    phases: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    was_built: bool,
    told: str,
) -> None:
    monkeypatch.setattr(launcher, "Failure", Failed)
    monkeypatch.setattr(launcher, "phase", failing)
    if was_built:
        page = launcher.ROOT / "backend" / "solarrally" / "dashboard_files" / "index.html"
        page.parent.mkdir(parents=True)
        page.write_text("")

    start(launcher, "up")

    assert phases[-1] == "solarrally up"
    said = capsys.readouterr().err
    assert "no route to the registry" in said
    assert told in said


@pytest.mark.parametrize("verb", ["test", "check"])
def test_tests_and_checks_do_not_go_on_without_it(
    launcher: ModuleType, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setattr(launcher, "Failure", Failed)
    monkeypatch.setattr(launcher, "phase", failing)

    with pytest.raises(Failed, match="no route"):
        launcher.main([verb])


@pytest.mark.parametrize("arguments", [["doctor"], ["sim", "run"], ["up", "--help"]])
def test_what_needs_no_page_waits_for_none(
    launcher: ModuleType, phases: list[str], arguments: list[str]
) -> None:
    start(launcher, *arguments)

    assert "building the dashboard" not in phases


@pytest.mark.parametrize(
    ("codes", "code"), [([0, 0], 0), ([1, 0], 1), ([0, 1], 1), ([5, 2], 1)], ids=lambda codes: str(codes)
)
def test_all_tests_are_two_runs_and_both_always_run(
    launcher: ModuleType, build: Build, monkeypatch: pytest.MonkeyPatch, codes: list[int], code: int
) -> None:
    build.is_built = True
    (launcher.ROOT / "tests" / "browser").mkdir(parents=True)
    monkeypatch.setattr(launcher, "get_mosquitto", lambda *_options: 0)
    monkeypatch.setattr(launcher, "get_chromium", lambda *_options: 0)
    monkeypatch.setattr(launcher, "get_prometheus", lambda *_options: 0)
    commands: list[list[str]] = []

    def record(command: list[str]) -> int:
        commands.append(command)
        return codes[len(commands) - 1]

    monkeypatch.setattr(launcher, "exit_code", record)

    assert launcher.main(["test"]) == code
    in_parallel, browser = commands
    assert "-n" in in_parallel
    assert browser[-1] == "tests/browser"
    assert "-n" not in browser


def test_one_folder_of_tests_fetches_no_browser(
    launcher: ModuleType, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    build.is_built = True
    for folder in ("unit", "browser"):
        (launcher.ROOT / "tests" / folder).mkdir(parents=True)
    monkeypatch.setattr(launcher, "get_mosquitto", lambda *_options: 0)
    fetched: list[tuple[str, ...]] = []

    def fetch(*options: str) -> int:
        fetched.append(options)
        return 0

    monkeypatch.setattr(launcher, "get_chromium", fetch)

    start(launcher, "test", "unit")
    assert fetched == []
    start(launcher, "test", "browser")
    assert fetched == [("--if-missing",)]


def test_the_words_of_the_dashboard_are_named(launcher: ModuleType) -> None:
    for arguments in ([], ["nonsense"]):
        with pytest.raises(launcher.Failure, match="build · test · check · dev · types"):
            launcher.dashboard(arguments)


def test_a_word_of_the_dashboard_runs_the_script_of_that_name(
    launcher: ModuleType, phases: list[str]
) -> None:
    for arguments, expected in (
        (["build", "--force"], "python build_dashboard.py --force"),
        (["dev"], "python build_dashboard.py run dev"),
        (["test", "-t", "clock"], "python build_dashboard.py run test -t clock"),
    ):
        with pytest.raises(SystemExit):
            launcher.dashboard(arguments)
        assert phases.pop() == expected


@pytest.mark.parametrize("dump_code", [0, 3])
def test_types_are_made_of_the_description_of_the_api(
    launcher: ModuleType, monkeypatch: pytest.MonkeyPatch, dump_code: int
) -> None:
    document = launcher.dashboard_script().with_name("openapi.json")
    document.parent.mkdir(parents=True)
    commands: list[str] = []

    def record(command: list[str]) -> int:
        commands.append(" ".join(command[1:]))
        if "tests.support.openapi_dump" in command:
            Path(command[-1]).write_text("{}")
            return dump_code
        return 0

    monkeypatch.setattr(launcher, "exit_code", record)

    assert launcher.dashboard(["types"]) == dump_code
    assert not document.exists()
    assert commands[0] == f"-m tests.support.openapi_dump {document}"
    assert commands[1:] == ([] if dump_code else [f"{launcher.dashboard_script()} run types"])


def test_a_checkout_without_the_page_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = load_launcher(tmp_path, monkeypatch)
    monkeypatch.delitem(sys.modules, "build_dashboard", raising=False)

    with pytest.raises(bare.Failure, match="backend/dashboard is missing"):
        bare.build_dashboard()


def test_the_launcher_knows_the_real_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in for it here has nothing that the real one has not."""
    real = load_launcher(tmp_path, monkeypatch)
    monkeypatch.setattr(real, "ROOT", RUN.parent)
    monkeypatch.delitem(sys.modules, "build_dashboard", raising=False)

    build = real.build_dashboard()

    wanted = {name for name in dir(Build()) if not name.startswith("_")} - {"is_built", "has_node"}
    assert wanted
    assert {name for name in wanted if not hasattr(build, name)} == set()
