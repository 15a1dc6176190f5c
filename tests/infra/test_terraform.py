"""Terraform's own checks of infra/: its form, its references, and its tests with a mocked AWS."""

from __future__ import annotations

from pathlib import Path

from tests.support.terraform import INFRA, Workspace


def test_files_are_formatted(initialised: Workspace) -> None:
    done = initialised.run("fmt", "-check", "-recursive", "-diff")
    assert done.returncode == 0, f"terraform -chdir=infra fmt -recursive\n{done.stdout}"


def test_arguments_and_references_exist(initialised: Workspace) -> None:
    answer = initialised.json("validate")
    assert answer["diagnostics"] == []


def test_the_bucket_of_the_state_is_valid_too(terraform_is_here: None, tmp_path: Path) -> None:
    bootstrap = Workspace(tmp_path, {}, INFRA / "bootstrap")
    bootstrap.must("init", "-backend=false", "-input=false", timeout_s=300)
    assert bootstrap.json("validate")["diagnostics"] == []


def test_environments_are_as_their_own_tests_say(initialised: Workspace) -> None:
    """infra/tests: what prod has, what stations may do, what a mistyped variable is answered with."""
    done = initialised.run("test", timeout_s=590)
    assert done.returncode == 0, done.stdout
    assert "0 passed" not in done.stdout


MISTAKES = (
    ("rds.tf", " multi_az               = local.is_prod", " multi_az = false", "stands in one zone"),
    ("iot.tf", 'client/${local.this_thing}"', 'client/*"', "is not below the station's own name"),
    ("autoscaling.tf", "threshold  = 30", "threshold  = 50", "not taken away below 30 %"),
    ("schedule.tf", "sleeps_at_night = !local.is_prod", "sleeps_at_night = true", "prod has a night"),
)
"""In which file, what stands there, what somebody makes of it, and what infra/tests then says."""


def test_mistakes_are_noticed(initialised: Workspace) -> None:
    """The tests in infra/tests can fail: with these mistakes in one copy each of them is complained about."""
    good = {file: (initialised.folder / file).read_text() for file, *_ in MISTAKES}
    try:
        for file, was, becomes, _ in MISTAKES:
            assert was in good[file]
            (initialised.folder / file).write_text(good[file].replace(was, becomes))
        filters = (f"-filter=tests/{name}.tftest.hcl" for name in ("environments", "iot"))
        done = initialised.run("test", *filters, timeout_s=590)
    finally:
        for file, text in good.items():
            (initialised.folder / file).write_text(text)
    assert done.returncode != 0
    said = " ".join(done.stdout.split())
    assert [complaint for *_, complaint in MISTAKES if complaint not in said] == []
