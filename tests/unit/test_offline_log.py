"""Logs are read line by line, however they are cut into pieces; a line is what the wire would have said."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solarrally.dialects.native import decode_telemetry
from solarrally.dialects.offline_log import KEPT_REJECTED, MAX_LINE_BYTES, LineLog
from solarrally.domain.offline_log import PACKED_BYTES, PackedLines, RejectedLine, UnreadableLog
from tests.builders import T0, at

NOW = T0 + timedelta(days=1)


def new_log(**options: Any) -> LineLog:
    return LineLog(
        **{
            "evse_uid": "cp1", "connector_id": None, "log_format": "auto", "received_at": NOW, **options,
        }
    )  # fmt: skip


def packed(log: LineLog, content: bytes, piece_bytes: int = 65_536) -> list[PackedLines]:
    made = []
    for start in range(0, len(content), piece_bytes):
        made += log.feed(content[start : start + piece_bytes])
    return made + log.finish()


def objects(messages: list[PackedLines]) -> list[Any]:
    return [each for message in messages for each in json.loads(message.payload)]


def line(seconds: float, **said: Any) -> bytes:
    said = {"power_w": 7000, **said}
    return json.dumps({"timestamp": at(seconds).isoformat(), **said}).encode()


def reasons(log: LineLog) -> list[tuple[int, str, str | None]]:
    return [(one.line, one.reason, one.field) for one in log.rejected]


@given(st.integers(1, 200), st.sampled_from([b"\n", b"\r\n"]), st.booleans())
def test_how_a_log_is_cut_into_pieces_does_not_matter(
    piece_bytes: int, line_end: bytes, ends_with_one: bool
) -> None:
    lines = [line(0), b"broken", b"", line(1, session_id="ü"), line(2)]
    content = b"\xef\xbb\xbf" + line_end.join(lines) + (line_end if ends_with_one else b"")
    log = new_log()

    made = packed(log, content, piece_bytes)

    assert [each["timestamp"] for each in objects(made)] == [at(n).isoformat() for n in range(3)]
    assert (log.line_count, log.rejected_count) == (4, 1)
    assert reasons(log) == [(2, "malformed_json", None)]


@pytest.mark.parametrize("piece_bytes", [97, 1000, MAX_LINE_BYTES, MAX_LINE_BYTES + 1, 65_536])
def test_a_line_that_is_too_long_is_passed_over_whatever_its_pieces(piece_bytes: int) -> None:
    huge = b'{"timestamp":"' + b"x" * (3 * MAX_LINE_BYTES) + b'"}'
    log = new_log()

    made = packed(log, b"\n".join([line(0), huge, line(1), huge, line(2), huge]), piece_bytes)

    assert len(objects(made)) == 3
    assert reasons(log) == [
        (2, "line_too_long", None),
        (4, "line_too_long", None),
        (6, "line_too_long", None),
    ]


def test_lines_are_packed_into_messages_that_are_kept_whole() -> None:
    log = new_log()
    made = packed(log, b"\n".join(line(n, note="x" * 200) for n in range(1000)))

    assert sum(message.line_count for message in made) == log.line_count == 1000
    assert max(len(message.payload) for message in made) <= PACKED_BYTES
    assert len(made) < 20  # what nobody knows is not carried along
    for message in made:
        assert message.payload.count(b"\n") + 1 == message.line_count
    assert log.unknown_fields == ["note"]


def test_the_wire_reads_what_was_packed() -> None:
    content = b"\n".join([line(0, session_id=7, soc_percent=5), line(1, seq=3, voltage_v_l1=1.5)])
    direct = [decode_telemetry("cp1", each, NOW).readings[0] for each in content.split(b"\n")]

    (message,) = packed(new_log(), content)
    read = decode_telemetry("cp1", message.payload, NOW).readings

    assert [each.digest for each in read] == [each.digest for each in direct]


@pytest.mark.parametrize(
    ("text", "reason", "field"),
    [
        (b"[]", "malformed_json", None),
        (b"7", "malformed_json", None),
        (b'{"power_w":NaN}', "malformed_json", None),
        (b'{"timestamp":"2026-03-09T12:00:00Z"}', "says_nothing", None),
        (b'{"timestamp":null,"power_w":1}', "no_timestamp", "timestamp"),
        (b'{"timestamp":1700000000,"power_w":1}', "invalid_field", "timestamp"),
        (b'{"timestamp":"2026-03-09T12:00:00Z","power_w":true}', "invalid_field", "power_w"),
        (b'{"timestamp":"2036-03-09T12:00:00Z","power_w":1}', "unbelievable_time", "timestamp"),
        (b'{"timestamp":"2014-12-31T23:59:59Z","power_w":1}', "unbelievable_time", "timestamp"),
        (b'{"timestamp":"2026-03-09T12:00:00Z","power_w":1,"evse_uid":"cp2"}', "another_station", "evse_uid"),
        (
            b'{"timestamp":"2026-03-09T12:00:00Z","session_energy_wh":"x"}',
            "invalid_field",
            "session_energy_wh",
        ),
        (
            b'{"timestamp":"2026-03-09T12:00:00Z","transaction_event":"paused"}',
            "invalid_field",
            "transaction_event",
        ),
        (b'{"timestamp":"2026-03-09T12:00:00Z","error_code":"\xff"}', "malformed_json", None),
        (b'{"power_w":1,\0}', "not_text", None),
        (b"[" * 10_000, "malformed_json", None),
    ],
)
def test_a_line_that_cannot_be_used_says_why(text: bytes, reason: str, field: str | None) -> None:
    log = new_log()
    packed(log, line(0) + b"\n" + text)

    assert reasons(log) == [(2, reason, field)]


def test_only_the_first_rejected_lines_are_kept_and_all_are_counted() -> None:
    log = new_log()
    packed(log, line(0) + b"\n" + b"x\n" * 1000)

    assert (log.rejected_count, len(log.rejected)) == (1000, KEPT_REJECTED)
    assert log.rejected[0] == RejectedLine(2, "malformed_json", None, log.rejected[0].detail)


def test_csv_is_the_same_log() -> None:
    content = "timestamp;x,session_id\n"  # a column name with a semicolon is a column name
    with pytest.raises(UnreadableLog, match="timestamp"):
        packed(new_log(), content.encode())
    good = (
        "timestamp,connector_id,session_id,power_w,energy_source,seq\r\n"
        f'{at(0).isoformat()},2,"a ""b"", c",1.5,solar,9\r\n'
        f"{at(1).isoformat()},,'=x,-0.0,,\r\n"
        f'{at(2).isoformat()},1,"open,1,,\r\n'
    )
    log = new_log()

    assert objects(packed(log, good.encode())) == [
        {
            "timestamp": at(0).isoformat(),
            "connector_id": 2,
            "session_id": 'a "b", c',
            "power_w": 1.5,
            "energy_source": "solar",
            "seq": 9,
        },
        {"timestamp": at(1).isoformat(), "session_id": "=x", "power_w": -0.0},
    ]
    assert reasons(log) == [(4, "malformed_csv", None)]


@pytest.mark.parametrize("cell", ["NaN", "inf", "0x10", "1,5", "1_000", "١", "+5", "1e999", " "])
def test_a_cell_that_is_no_number_is_refused(cell: str) -> None:
    log = new_log()
    packed(log, f'timestamp,power_w\n{at(0).isoformat()},"{cell}"\n'.encode())

    assert reasons(log)[0][1:] in [("invalid_field", "power_w"), ("malformed_json", None)]


@given(st.floats(0, 1e9))
def test_energies_in_wh_come_to_the_same_reading(energy_kwh: float) -> None:
    """Our exports have Wh, the wire has kWh: the reading of one must be the reading of the other."""
    sent = decode_telemetry("cp1", line(0, session_total_energy_kwh=energy_kwh), NOW).readings[0]
    exported = {"ts": at(0).isoformat(), "power_w": 7000, "session_energy_wh": sent.session_energy_wh}

    (message,) = packed(new_log(), json.dumps(exported).encode())
    (back,) = decode_telemetry("cp1", message.payload, NOW).readings

    assert (back.session_energy_wh, back.digest) == (sent.session_energy_wh, sent.digest)


def test_an_event_keeps_its_place_among_the_readings() -> None:
    event = {
        "ts": at(1).isoformat(), "transaction_event": "ended", "stop_reason": "Local", "session_id": "s",
        "energy_register_wh": 5.0, "quality": [], "received_at": NOW.isoformat(), "status": None,
    }  # fmt: skip
    made = packed(new_log(), b"\n".join([line(0), json.dumps(event).encode(), line(2)]))

    assert [message.kind for message in made] == ["telemetry", "session/ended", "telemetry"]
    assert json.loads(made[1].payload) == {
        "timestamp": at(1).isoformat(),
        "reason": "Local",
        "session_id": "s",
        "meter_wh": 5.0,
    }


def test_a_connector_is_that_of_the_upload_where_the_line_names_none() -> None:
    made = packed(new_log(connector_id=3), b"\n".join([line(0), line(1, connector_id=2)]))

    assert [each["connector_id"] for each in objects(made)] == [3, 2]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"timestamp,power_w\n", b"\xef\xbb\xbf"])
def test_a_file_without_lines_is_no_log(content: bytes) -> None:
    with pytest.raises(UnreadableLog):
        packed(new_log(), content)


@given(st.binary(max_size=300))
def test_no_content_is_fatal(content: bytes) -> None:
    log = new_log(received_at=datetime.now(UTC))
    try:
        packed(log, content)
    except UnreadableLog:
        return
    assert log.line_count >= log.rejected_count
