"""checkov over infra/: what is open too often, without what infra/.checkov.yaml gives reasons for."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.fetch_checkov import NoCheckov, fetch, find_checkov
from tests.support.terraform import INFRA, NOT_COPIED

CONFIG = INFRA / ".checkov.yaml"
MISTAKE = "mistake/rds.tf"
TIMEOUT_S = 300


@pytest.fixture(scope="session")
def checkov() -> Path:
    """CI installs it; elsewhere its absence is a loud skip with the command."""
    try:
        return fetch() if os.environ.get("CI") == "true" else find_checkov()
    except NoCheckov as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def failed_checks(checkov: Path, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """In which file, and what; of a copy of infra/ with a public database in a folder beside it."""
    folder = tmp_path_factory.mktemp("checkov") / "infra"
    shutil.copytree(INFRA, folder, ignore=shutil.ignore_patterns(*NOT_COPIED))
    text = (INFRA / "rds.tf").read_text()
    closed = re.search(r"publicly_accessible\s+= false", text)
    assert closed is not None
    mistake = folder / MISTAKE
    mistake.parent.mkdir()
    mistake.write_text(text.replace(closed[0], "publicly_accessible = true"))
    done = subprocess.run(
        [str(checkov), "--config-file", str(CONFIG), "--directory", str(folder), "--output", "json"],
        cwd=folder.parent,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    report = json.loads(done.stdout or "{}")
    assert report.get("summary", {}).get("passed", 0) > 0, f"checkov looked at nothing\n{done.stderr}"
    assert report["summary"]["parsing_errors"] == 0
    return [
        (check["file_path"].lstrip("/"), f"{check['check_id']} {check['resource']}: {check['check_name']}")
        for check in report["results"]["failed_checks"]
    ]


def test_nothing_is_open_without_a_reason(failed_checks: list[tuple[str, str]]) -> None:
    assert [(file, failure) for file, failure in failed_checks if file != MISTAKE] == []


def test_a_public_database_is_noticed(failed_checks: list[tuple[str, str]]) -> None:
    assert any("CKV_AWS_17 " in failure for file, failure in failed_checks if file == MISTAKE)


def test_every_skipped_check_has_its_reason() -> None:
    skipped = re.findall(r"^  - (CKV\w+)(.*)$", CONFIG.read_text(), re.MULTILINE)
    assert skipped
    assert [check for check, reason in skipped if not re.fullmatch(r" # .{10,}", reason)] == []
    for path in INFRA.glob("*.tf"):
        for reason in re.findall(r"checkov:skip=\w+(.*)", path.read_text()):
            assert re.fullmatch(r": .{10,}", reason), path
