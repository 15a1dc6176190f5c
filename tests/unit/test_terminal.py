"""How the command line tells what there is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import pytest

from solarrally.terminal import day, plain, print_json, print_table, table, utc

LATE_IN_KINGSTON = datetime(2026, 11, 21, 23, 30, 5, tzinfo=timezone(timedelta(hours=-5)))


@dataclass(slots=True, frozen=True, kw_only=True)
class Row:
    name: str
    words: frozenset[str]
    at: datetime
    ended_at: datetime | None
    count: int


def test_times_are_utc_and_unknown_ones_are_blank() -> None:
    assert utc(LATE_IN_KINGSTON) == "2026-11-22 04:30:05"
    assert day(LATE_IN_KINGSTON) == "2026-11-22"
    assert utc(None) == ""


def test_a_row_in_a_file_or_a_pipe_is_one_line_and_what_is_said_about_it_is_elsewhere(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    shown = table("topic", "messages", right=["messages"])
    shown.add_row("evse/" + "x" * 1000, "7")

    print_table(shown, "1 topic")

    said = capsys.readouterr()
    heading, row = said.out.splitlines()
    assert row.split() == ["evse/" + "x" * 1000, "7"]
    assert len(heading.rstrip()) == len(row.rstrip())  # numbers stand at the right
    assert said.err == "1 topic\n"


def test_json_has_instants_as_iso_8601_and_sets_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    row = Row(
        name="é",
        words=frozenset({"b", "a"}),
        at=datetime(2026, 11, 21, 7, tzinfo=UTC),
        ended_at=None,
        count=3,
    )

    print_json(plain(row))

    said = capsys.readouterr().out
    assert json.loads(said) == {
        "name": "é",
        "words": ["a", "b"],
        "at": "2026-11-21T07:00:00+00:00",
        "ended_at": None,
        "count": 3,
    }
    assert "é" in said
