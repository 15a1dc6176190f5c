"""Messages composed by hand."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from solarrally_sim.by_hand import Composition, compose

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def test_fields_make_a_telemetry_object_of_now() -> None:
    message = compose(Composition(evse_uid="s1", fields={"power_w": 7000.0, "status": "charging"}), now=NOW)
    assert message.topic == "evse/s1/telemetry"
    assert json.loads(message.payload) == {
        "timestamp": "2026-06-01T12:00:00.000000+00:00",
        "power_w": 7000.0,
        "status": "charging",
    }


def test_json_is_sent_as_it_was_written() -> None:
    assert compose(Composition(evse_uid="s1", json_text='{"a":  1}'), now=NOW).payload == b'{"a":  1}'


def test_raw_text_and_files_may_be_nonsense(tmp_path: Path) -> None:
    (tmp_path / "payload").write_bytes(b"\xff\x00")
    assert compose(Composition(topic="a/b", raw="{"), now=NOW).payload == b"{"
    assert compose(Composition(topic="a/b", file=tmp_path / "payload"), now=NOW).payload == b"\xff\x00"


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        (Composition(raw="x"), "EVSE_UID or --topic"),
        (Composition(evse_uid="s1", topic="t", raw="x"), "EVSE_UID or --topic"),
        (Composition(evse_uid="s1"), "in one way"),
        (Composition(evse_uid="s1", raw="x", json_text="{}"), "in one way"),
        (Composition(evse_uid="s1", json_text="{"), "not JSON"),
        (Composition(topic="a/#", raw="x"), "cannot|nothing can"),
    ],
)
def test_what_is_missing_or_too_much_is_said(asked: Composition, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        compose(asked, now=NOW)
