"""The launcher `run`: when it installs, when it does not, and what it says when it cannot."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import ModuleType

import pytest

from tests.unit.launching import RUN, load_launcher


@pytest.fixture
def launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The launcher as a module, working on an empty project of this test's own."""
    return load_launcher(tmp_path, monkeypatch)


@pytest.fixture
def phases(launcher: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The installation commands, recorded instead of run; making the environment leaves a Python behind."""
    recorded: list[list[str]] = []

    def record(title: str, command: list[str], *, cure: str, changes: dict[str, str] | None = None) -> None:
        assert title
        assert cure
        recorded.append(command)
        if "-e" in command:
            assert changes == {"SOLARRALLY_SKIP_DASHBOARD": "1"}, "the page has a phase of its own"
        if "venv" in command:
            launcher.VENV_PYTHON.parent.mkdir(parents=True, exist_ok=True)
            launcher.VENV_PYTHON.symlink_to(sys.executable)
            (launcher.VENV / "pyvenv.cfg").write_text("version = 3.11.7\n")

    monkeypatch.setattr(launcher, "phase", record)
    return recorded


def test_the_second_start_installs_nothing(launcher: ModuleType, phases: list[list[str]]) -> None:
    launcher.ensure_environment("up")
    assert len(phases) >= 3
    phases.clear()
    launcher.ensure_environment("up")
    assert phases == []


def test_packages_come_with_hashes_and_the_project_without_dependencies(
    launcher: ModuleType, phases: list[list[str]]
) -> None:
    launcher.ensure_environment("up")
    packages, project = phases[-2:]
    assert "--require-hashes" in packages
    assert str(launcher.LOCKS["up"]) in packages
    assert {"--no-deps", "--no-build-isolation", "-e"} <= set(project)


@pytest.mark.parametrize("changed", ["requirements/up.lock", "requirements/dev.lock", "pyproject.toml"])
def test_a_changed_file_makes_it_install_again(
    launcher: ModuleType, phases: list[list[str]], changed: str
) -> None:
    launcher.ensure_environment("up")
    phases.clear()
    (launcher.ROOT / changed).write_text("changed\n")
    launcher.ensure_environment("up")
    assert phases


def test_another_python_in_the_environment_makes_it_install_again(
    launcher: ModuleType, phases: list[list[str]]
) -> None:
    launcher.ensure_environment("up")
    phases.clear()
    (launcher.VENV / "pyvenv.cfg").write_text("version = 3.12.0\n")
    launcher.ensure_environment("up")
    assert phases


def test_the_set_for_tests_serves_up_too_but_not_the_other_way(
    launcher: ModuleType, phases: list[list[str]]
) -> None:
    launcher.ensure_environment("up")
    phases.clear()
    launcher.ensure_environment("dev")
    assert str(launcher.LOCKS["dev"]) in phases[-2]
    phases.clear()
    launcher.ensure_environment("up")
    assert phases == []


def test_an_interrupted_install_is_taken_up_again(
    launcher: ModuleType, phases: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = launcher.phase

    def interrupted(title: str, command: list[str], **options: object) -> None:
        if "--require-hashes" in command:
            raise KeyboardInterrupt
        recording(title, command, **options)

    monkeypatch.setattr(launcher, "phase", interrupted)
    with pytest.raises(KeyboardInterrupt):
        launcher.ensure_environment("up")
    assert not launcher.STAMP.exists()
    monkeypatch.setattr(launcher, "phase", recording)
    phases.clear()
    launcher.ensure_environment("up")
    assert not any("venv" in command for command in phases), "the environment itself was whole"
    assert json.loads(launcher.STAMP.read_text())["set"] == "up"


def test_two_at_once_install_one_after_the_other(launcher: ModuleType, phases: list[list[str]]) -> None:
    waited_s: list[float] = []

    def second() -> None:
        started_at_s = time.monotonic()
        launcher.ensure_environment("up")
        waited_s.append(time.monotonic() - started_at_s)

    with launcher.one_at_a_time():
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.3)
        assert phases == []
    thread.join(timeout=10)
    assert waited_s[0] >= 0.25
    assert phases


def test_a_failing_step_shows_its_last_lines_and_the_cure(launcher: ModuleType) -> None:
    lines = "'\\n'.join(f'line {n}' for n in range(40))"
    script = f"print({lines}, flush=True); raise SystemExit('no such package')"
    with pytest.raises(launcher.Failure) as failure:
        launcher.phase("installing", [sys.executable, "-c", script], cure="Plug in the network.")
    assert "no such package" in str(failure.value)
    assert "line 39" in str(failure.value)
    assert "line 1\n" not in str(failure.value)
    assert "Plug in the network." in str(failure.value)


def test_a_long_step_gives_signs_of_life(
    launcher: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(launcher, "HEARTBEAT_S", 0.1)
    script = "import time; print('Collecting asyncpg', flush=True); time.sleep(0.5)"
    launcher.phase("installing", [sys.executable, "-c", script], cure="-")
    assert "Collecting asyncpg" in capsys.readouterr().err


def test_without_ensurepip_it_names_the_package_to_install(
    launcher: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher.shutil, "which", lambda *_args, **_options: None)
    monkeypatch.setattr(launcher.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(launcher.Failure, match="apt install python3-venv"):
        launcher.venv_command()


def test_the_name_of_a_directory_of_tests_stands_for_it(
    launcher: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("faults", "infra"):
        (launcher.ROOT / "tests" / folder).mkdir(parents=True)
    assert launcher.test_command(["faults", "-x"])[-2:] == ["tests/faults", "-x"]
    monkeypatch.setattr(launcher.os, "cpu_count", lambda: 2)
    assert launcher.test_command(["infra"])[-5:] == ["tests/infra", "-n", "2", "--dist", "loadfile"]
    assert launcher.test_command([])[-4:] == ["-n", "3", "--dist", "worksteal"]


def test_an_unknown_benchmark_is_answered_with_those_there_are(launcher: ModuleType) -> None:
    directory = launcher.ROOT / "tests" / "benchmarks"
    directory.mkdir(parents=True)
    (directory / "ingest.py").write_text("")
    with pytest.raises(launcher.Failure, match="ingest"):
        launcher.bench_command(["nonsense"])
    assert launcher.bench_command(["ingest", "--fast"])[-1] == "--fast"


def test_other_words_go_to_the_backends_command_line(
    launcher: ModuleType, phases: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "ensure_dashboard", lambda: None)
    handed: list[list[str]] = []

    def become(_path: str, command: list[str]) -> None:
        handed.append(command)
        raise SystemExit(0)

    monkeypatch.setattr(launcher.os, "execv", become)
    for arguments, expected in (
        (["up", "--no-sim"], ["solarrally", "up", "--no-sim"]),
        (["cli", "doctor"], ["solarrally", "doctor"]),
        (["doctor"], ["solarrally", "doctor"]),
        (["sim", "run", "standard"], ["solarrally-sim", "run", "standard"]),
    ):
        with pytest.raises(SystemExit):
            launcher.main(arguments)
        program, *rest = handed.pop()
        assert [Path(program).name, *rest] == expected
    assert phases


def test_help_needs_no_environment_and_works_from_anywhere(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, str(RUN), "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    assert "./run up" in said.stderr
    assert os.access(RUN, os.X_OK)


def test_lock_resolves_each_set_and_the_client_generator_apart_from_them(
    launcher: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("build", "client", "node", "checkov"):
        path = launcher.ROOT / "requirements" / f"{name}.in"
        monkeypatch.setattr(launcher, f"{name.upper()}_REQUIREMENTS", path)
    monkeypatch.setattr(launcher, "IMAGE_LOCK", launcher.ROOT / "requirements" / "image.lock")
    monkeypatch.setattr(launcher.shutil, "which", lambda *_args, **_options: "uv")
    commands: list[list[str]] = []

    def record(command: list[str], **_options: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(launcher.subprocess, "run", record)
    assert launcher.lock() == 0
    by_output = {command[-1]: command for command in commands}
    names = ("up", "dev", "image", "build", "client", "node", "checkov")
    assert list(by_output) == [f"requirements/{name}.lock" for name in names]
    wanted = {"--generate-hashes", "--no-emit-index-url", "--upgrade"}
    assert all(wanted <= set(command) for command in commands)
    assert "requirements/up.lock" in by_output["requirements/dev.lock"]
    client = by_output["requirements/client.lock"]
    assert "requirements/client.in" in client
    assert not {"pyproject.toml", "--constraint", "--extra"} & set(client)
    commands.clear()
    assert launcher.lock(keep=True) == 0
    assert not any("--upgrade" in command for command in commands)


def test_the_locks_pin_with_hashes_and_name_no_index() -> None:
    for name in ("up", "dev", "image", "build", "client", "node", "checkov"):
        text = (RUN.parent / "requirements" / f"{name}.lock").read_text()
        requirements = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
        assert requirements
        assert all("==" in line and line.endswith("\\") for line in requirements)
        assert not any(
            word in text for word in ("--index-url", "--extra-index-url", "--find-links", "file:", "://")
        )
