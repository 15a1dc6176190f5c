"""Every recorded conversation of a device means what it says (tests/payloads, tests/support/dialects.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from solarrally.dialects.families import FAMILIES
from solarrally.domain.fleet import StationFacts, StationRoute
from tests.support.dialects import Conversation, Heard, play, recordings, shown

RECORDINGS = {f"{path.parent.name}/{path.stem}": path for path in recordings()}
WORDS = {
    "source", "why", "stations", "messages", "expected",
    "facts", "online", "rejected", "unknown", "announced",
}  # fmt: skip


def load(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_recorded_conversation_means_what_it_says(name: str) -> None:
    recording = load(RECORDINGS[name])
    assert recording.keys() <= WORDS
    conversation = Conversation(StationRoute(**entry) for entry in recording.get("stations", ()))
    heard = play(recording["messages"], conversation)

    assert_readings(heard, recording["expected"])
    assert told_facts(heard, recording.get("facts", {})) == recording.get("facts", {})
    for evse_uid, words in recording.get("online", {}).items():
        assert [facts.is_online for uid, facts in heard.facts if uid == evse_uid] == words
    assert rejected(heard, recording.get("rejected", [])) == recording.get("rejected", [])
    assert heard.unknown == recording.get("unknown", [])
    assert conversation.announced == recording.get("announced", [])
    wanted = sum(message.get("qos", 0) > 0 for message in recording["messages"])
    assert heard.acknowledged == wanted, "every message that asks for it is acknowledged, once"


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_recording_says_where_it_is_from_and_why(name: str) -> None:
    recording = load(RECORDINGS[name])

    assert len(recording["source"]) > 10
    assert len(recording["why"]) > 10


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_recordings(family: str) -> None:
    assert [name for name in RECORDINGS if name.startswith(f"{family}/")]


def assert_readings(heard: Heard, expected: list[dict[str, Any]]) -> None:
    told = [shown(evse_uid, reading) for evse_uid, reading in heard.readings]
    for said, wanted in zip(told, expected, strict=False):
        if "at_s" not in wanted:
            del said["at_s"]
        assert said == {name: close_to(value) for name, value in wanted.items()}
    assert len(told) == len(expected), told


def close_to(value: Any) -> Any:
    """Sums and unit factors leave a number with noise in its last digits."""
    return pytest.approx(value, rel=1e-9, abs=1e-9) if isinstance(value, float | int) else value


def told_facts(heard: Heard, wanted: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Of the stations and facts that the recording names, the last word on each."""
    last: dict[str, StationFacts] = {}
    for evse_uid, facts in heard.facts:
        last[evse_uid] = last.get(evse_uid, StationFacts()).then(facts)
    return {
        evse_uid: {name: getattr(last.get(evse_uid, StationFacts()), name) for name in names}
        for evse_uid, names in wanted.items()
    }


def rejected(heard: Heard, wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All that was rejected; the field only where the recording names it."""
    found: list[dict[str, Any]] = []
    for number, (topic, reason, field) in enumerate(heard.rejected):
        one: dict[str, Any] = {"topic": topic, "reason": reason}
        if number < len(wanted) and "field" in wanted[number]:
            one["field"] = field
        found.append(one)
    return found
