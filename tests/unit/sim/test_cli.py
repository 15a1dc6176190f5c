"""What the command line says when it is asked for something it cannot do, and what it lists."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from solarrally_sim.cli import app
from solarrally_sim.scenarios import SCENARIOS


@pytest.mark.parametrize("arguments", [["scenarios"], ["run", "--list"]])
def test_the_five_scenarios_are_listed_with_what_they_do(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.output.splitlines()] == [each.name for each in SCENARIOS]
    assert len(SCENARIOS) == 5


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["run", "rush"], "rush-hour"),
        (["run", "--start", "2026-06-01T12:00:00"], "offset"),
        (["run", "--start", "noon"], "ISO 8601"),
        (["run", "--timezone", "Mars/Olympus"], "time zone"),
        (["run", "--broker", "localhost:1883"], "mqtt://[user:password@]host[:port]"),
        (["publish", "x"], "in one way"),
        (["publish", "x", "--json", "{"], "not JSON"),
        (["replay", "nowhere.csv"], "does not exist"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason(arguments: list[str], complaint: str) -> None:
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200", "TERMINAL_WIDTH": "200"})
    assert result.exit_code == 2
    assert complaint in result.output


@pytest.mark.parametrize(
    ("text", "layout", "complaint"), [("a,b\n1,2\n", "auto", "neither"), ("Session,CCS,\n", "xlsx", "epfl")]
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, text: str, layout: str, complaint: str) -> None:
    file = tmp_path / "f.csv"
    file.write_text(text)
    result = CliRunner().invoke(app, ["replay", str(file), "--format", layout], env={"COLUMNS": "300"})
    assert result.exit_code == 2
    assert complaint in result.output
