""".github/workflows: every job has few rights and an end, no key is stored, and what it runs exists."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.promql import DOCKER

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
WORKFLOWS: dict[str, dict[Any, Any]] = {path.name: yaml.safe_load(path.read_text()) for path in FILES}
EXPRESSION = re.compile(r"\$\{\{.*?\}\}", re.DOTALL)

Job = dict[str, Any]


def jobs() -> Iterator[tuple[str, Job]]:
    for file, workflow in WORKFLOWS.items():
        for name, job in workflow["jobs"].items():
            yield f"{file}: {name}", job


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, job in jobs():
        for number, step in enumerate(job.get("steps", []), start=1):
            yield f"{name}, step {number}", step


def test_what_is_wanted_is_there() -> None:
    assert set(WORKFLOWS) == {"check.yml", "image.yml", "terraform.yml", "deploy.yml", "deploy-to.yml"}


@pytest.mark.parametrize("file", WORKFLOWS)
def test_a_workflow_starts_without_rights_and_never_runs_beside_itself(file: str) -> None:
    workflow = WORKFLOWS[file]

    assert workflow["permissions"] == {}
    assert workflow["concurrency"]["group"]
    triggers = workflow[True]  # YAML 1.1 reads `on` as a truth
    assert "pull_request_target" not in triggers  # it would give a fork's code our rights


@pytest.mark.parametrize(("name", "job"), list(jobs()), ids=lambda one: one if isinstance(one, str) else "")
def test_a_job_says_its_rights_and_when_to_give_up(name: str, job: Job) -> None:
    assert job["permissions"], name
    assert set(job["permissions"]) <= {"contents", "id-token"}
    assert job["permissions"].get("contents", "read") == "read"
    if "uses" not in job:  # a called workflow's jobs have their own
        assert 0 < job["timeout-minutes"] <= 90
        assert job["runs-on"] == "ubuntu-24.04"


def test_only_what_speaks_to_aws_may_prove_who_it_is() -> None:
    allowed = {name for name, job in jobs() if job["permissions"].get("id-token") == "write"}

    assert allowed == {
        "terraform.yml: plan",
        "deploy.yml: staging",
        "deploy.yml: production",
        "deploy-to.yml: deploy",
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.name))
def test_no_key_is_stored(path: Path) -> None:
    text = path.read_text()

    assert not re.search(r"\bsecrets(\.\w|\[)|secrets: inherit", text)
    assert not re.search(r"AWS_SECRET_ACCESS_KEY|aws-secret-access-key|AKIA[0-9A-Z]{16}", text)


def uses() -> list[str]:
    """What follows each `uses:`, with the comment on its line."""
    return [used for path in FILES for used in re.findall(r"\buses: (.+)", path.read_text())]


def test_an_action_is_pinned_to_a_commit_with_its_version_beside_it() -> None:
    foreign = [used for used in uses() if not used.startswith("./")]

    assert foreign
    for used in foreign:
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used), used


def test_an_action_is_the_same_one_everywhere() -> None:
    names = [used.partition("@")[0] for used in set(uses())]

    assert len(names) == len(set(names))


def test_what_is_pinned_is_kept_up_to_date() -> None:
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]

    assert {one["package-ecosystem"]: one["directory"] for one in updates} == {
        "github-actions": "/",
        "docker": "/docker",
        "docker-compose": "/docker",
    }


@pytest.mark.parametrize(("name", "step"), list(steps()), ids=lambda one: one if isinstance(one, str) else "")
def test_a_checkout_keeps_no_token(name: str, step: dict[str, Any]) -> None:
    if step.get("uses", "").startswith("actions/checkout@"):
        assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize(("name", "step"), list(steps()), ids=lambda one: one if isinstance(one, str) else "")
def test_a_script_is_one_that_bash_can_read(name: str, step: dict[str, Any]) -> None:
    script = step.get("run", "")
    done = subprocess.run(
        ["bash", "-n"], input=script, capture_output=True, text=True, check=False, timeout=30
    )

    assert done.returncode == 0, done.stderr
    # What others write (titles, branch names) comes by environment variables, never into the script itself.
    assert not EXPRESSION.search(script), f"{name}: an expression inside a script"


def test_shellcheck_has_nothing_to_say_about_the_scripts() -> None:
    shellcheck = shutil.which("shellcheck")
    if shellcheck is None:
        pytest.skip("no shellcheck here: apt install shellcheck")

    for name, step in steps():
        done = subprocess.run(
            [shellcheck, "--shell=bash", "-"],
            input=step.get("run", ""),
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert done.returncode == 0, f"{name}: {done.stdout}"


@pytest.mark.parametrize(("name", "step"), list(steps()), ids=lambda one: one if isinstance(one, str) else "")
def test_what_a_script_runs_of_ours_exists(name: str, step: dict[str, Any]) -> None:
    script = step.get("run", "")
    folder = ROOT / step.get("working-directory", ".")
    launcher = (ROOT / "run").read_text()

    assert folder.is_dir()
    for path in re.findall(r"(?:^|\s)(\.ci/[\w./-]+|\./init\.sh|envs/\w+\.\w+)", script):
        if not path.startswith("envs/"):
            assert (folder / path).is_file(), path
    for verb in re.findall(r"\./run (\w+)", script):
        assert f'"{verb}"' in launcher or f"'{verb}'" in launcher, verb
    for profile in re.findall(r"--profile (\w+)", script):
        assert f"[{profile}]" in (DOCKER / "compose.yaml").read_text()


def test_called_workflows_and_environments_exist() -> None:
    called = {job["uses"] for _, job in jobs() if "uses" in job}
    for path in called:
        assert (ROOT / path).is_file()
        assert "workflow_call" in WORKFLOWS[Path(path).name][True]
    given = [job["with"] for _, job in jobs() if "with" in job]

    assert {one["environment"] for one in given} == {"staging", "production"}
    for one in given:
        for suffix in ("tfvars", "s3.tfbackend"):
            assert (ROOT / "infra" / "envs" / f"{one['variables']}.{suffix}").is_file()


def test_terraform_outputs_that_are_asked_for_exist() -> None:
    outputs = set(re.findall(r'^output "(\w+)"', (ROOT / "infra" / "outputs.tf").read_text(), re.MULTILINE))
    text = (ROOT / ".github/workflows/deploy-to.yml").read_text()
    asked = set(re.findall(r"terraform output -(?:raw|json) (\w+)", text))
    asked |= set(re.findall(r"\.(\w+)\.value", text))

    assert asked
    assert asked <= outputs


def position(job: Job, words: str) -> int:
    (found,) = [
        number
        for number, step in enumerate(job["steps"])
        if words in f"{step.get('name')} {step.get('uses')}"
    ]
    return found


def test_the_schema_goes_before_the_services_and_a_look_comes_after() -> None:
    job = WORKFLOWS["deploy-to.yml"]["jobs"]["deploy"]
    order = [
        "What runs now", "Push the image", "Wake the database", "Migrate", "Another hour",
        "Update the services", "Is it well", "Back to",
    ]  # fmt: skip
    places = [position(job, words) for words in order]

    assert places == sorted(places)
    back = job["steps"][places[-1]]
    assert "steps.health.outcome == 'failure'" in back["if"]
    assert "steps.update.outcome == 'failure'" in back["if"]


@dataclass(frozen=True, slots=True)
class Ran:
    """A step of a deployment that ran: how it ended, and what it called."""

    code: int
    calls: list[str]

    def times(self, words: str) -> int:
        return sum(words in call for call in self.calls)


def run_of(step_name: str, folder: Path, answers: dict[str, str]) -> Ran:
    """Run a step of deploy-to.yml with an AWS that answers calls, by words in them, with a piece of shell."""
    job = WORKFLOWS["deploy-to.yml"]["jobs"]["deploy"]
    step = job["steps"][position(job, step_name)]
    cases = "".join(f"*{words!r}*) {answer};;\n" for words, answer in answers.items())
    for program in ("aws", "terraform", "jq"):
        fake = folder / program
        fake.write_text(f'#!/bin/sh\necho "{program} $*" >> "$CALLS"\ncase "$*" in\n{cases}esac\n')
        fake.chmod(0o755)
    calls = folder / "calls"
    environment = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "CALLS": str(calls),
        "RUNNER_TEMP": str(folder),
        "TAG": "a-commit",
        "VARIABLES": "staging",
    }
    done = subprocess.run(
        ["bash", "-e", "-c", step["run"]], env=environment, capture_output=True, check=False, timeout=30
    )
    return Ran(done.returncode, calls.read_text().splitlines())


@pytest.mark.parametrize(
    ("status", "starts", "waits"), [("stopped", 1, 1), ("starting", 0, 1), ("backing-up", 0, 0)]
)
def test_a_database_that_sleeps_is_woken(tmp_path: Path, status: str, starts: int, waits: int) -> None:
    ran = run_of("Wake the database", tmp_path, {"describe-db-instances": f"echo {status}"})

    assert ran.code == 0
    assert ran.times("rds start-db-instance") == starts
    assert ran.times("rds wait db-instance-available") == waits


@pytest.mark.parametrize(("exit_code", "is_well"), [("0", True), ("1", False), ("None", False)])
def test_a_migration_that_does_not_end_well_ends_the_deployment(
    tmp_path: Path, exit_code: str, is_well: bool
) -> None:
    ran = run_of(
        "Migrate", tmp_path, {"ecs run-task": "echo arn:task", "describe-tasks": f"echo {exit_code}"}
    )

    assert (ran.code == 0) is is_well


def test_a_migration_is_not_waited_for_without_end(tmp_path: Path) -> None:
    answers = {
        "ecs run-task": "echo arn:task",
        "wait tasks-stopped": "exit 255",
        "describe-tasks": "echo None",
    }
    ran = run_of("Migrate", tmp_path, answers)

    assert ran.code != 0
    assert ran.times("ecs wait tasks-stopped") == 4


def test_a_migration_that_found_no_place_to_run_ends_the_deployment(tmp_path: Path) -> None:
    ran = run_of("Migrate", tmp_path, {"ecs run-task": "echo None"})

    assert ran.code != 0
    assert ran.times("ecs wait tasks-stopped") == 0


def test_production_comes_after_staging_and_only_from_main() -> None:
    jobs_of_main = WORKFLOWS["deploy.yml"]["jobs"]

    assert jobs_of_main["staging"]["needs"] == ["check", "image"]
    assert jobs_of_main["production"]["needs"] == ["staging"]
    for name in ("staging", "production"):
        assert jobs_of_main[name]["if"] == "github.ref == 'refs/heads/main'"
    assert WORKFLOWS["deploy.yml"][True]["push"]["branches"] == ["main"]


def test_a_deployment_is_never_cut_off() -> None:
    for file in ("deploy.yml", "deploy-to.yml"):
        assert WORKFLOWS[file]["concurrency"]["cancel-in-progress"] is False


def test_a_plan_locks_nothing_and_forks_get_none() -> None:
    plan = WORKFLOWS["terraform.yml"]["jobs"]["plan"]

    assert plan["if"] == "github.event.pull_request.head.repo.full_name == github.repository"
    scripts = " ".join(step.get("run", "") for step in plan["steps"])
    assert "terraform plan -lock=false" in scripts
    assert "apply" not in scripts


def test_terraform_may_not_be_missing_where_its_tests_run() -> None:
    infra = WORKFLOWS["check.yml"]["jobs"]["infra"]

    assert infra["env"]["SOLARRALLY_REQUIRE_TERRAFORM"] == "1"
    assert any("hashicorp/setup-terraform@" in step.get("uses", "") for step in infra["steps"])
