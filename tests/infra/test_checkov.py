"""checkov over infra/: what is open too often, without what infra/.checkov.yaml gives reasons for."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.fetch_checkov import NoCheckov, fetch, find_checkov
from tests.support.terraform import INFRA

CONFIG = INFRA / ".checkov.yaml"
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


def failed_checks(checkov: Path, folder: Path, tmp_path: Path) -> list[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [str(checkov), "--config-file", str(CONFIG), "--directory", str(folder), "--output", "json"],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    report = json.loads(done.stdout or "{}")
    assert report.get("summary", {}).get("passed", 0) > 0, f"checkov looked at nothing\n{done.stderr}"
    assert report["summary"]["parsing_errors"] == 0
    failed = report["results"]["failed_checks"]
    return [f"{check['check_id']} {check['resource']}: {check['check_name']}" for check in failed]


def test_nothing_is_open_without_a_reason(checkov: Path, tmp_path: Path) -> None:
    assert failed_checks(checkov, INFRA, tmp_path) == []


def test_a_public_database_is_noticed(checkov: Path, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    text = (INFRA / "rds.tf").read_text()
    closed = re.search(r"publicly_accessible\s+= false", text)
    assert closed is not None
    (folder / "rds.tf").write_text(text.replace(closed[0], "publicly_accessible = true"))
    assert any("CKV_AWS_17 " in failure for failure in failed_checks(checkov, folder, tmp_path))


def test_every_skipped_check_has_its_reason() -> None:
    skipped = re.findall(r"^  - (CKV\w+)(.*)$", CONFIG.read_text(), re.MULTILINE)
    assert skipped
    assert [check for check, reason in skipped if not re.fullmatch(r" # .{10,}", reason)] == []
    for path in INFRA.glob("*.tf"):
        for reason in re.findall(r"checkov:skip=\w+(.*)", path.read_text()):
            assert re.fullmatch(r": .{10,}", reason), path
