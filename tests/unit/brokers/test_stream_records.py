"""Records of the IoT rule become messages, with instants of receipt that are the records' own."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solarrally.brokers.stream_records import StreamMessage, StreamReceipts, message_of
from solarrally.ingest.ports import RejectedPart
from tests.builders import at
from tests.support.aws_stream import record_of

ARRIVED_AT = at(100)
TOPICS = st.sampled_from(["evse/a/telemetry", "evse/a/status", "evse/b/telemetry", "odd"])


def read(data: bytes) -> StreamMessage | RejectedPart:
    return message_of(data, partition_key="cp1", arrived_at=ARRIVED_AT)


@given(
    st.text(st.characters(codec="utf-8"), max_size=40),
    st.binary(max_size=200),
    st.integers(0, 253_402_300_799_999),
)
def test_a_message_comes_back_as_the_rule_took_it(topic: str, payload: bytes, received_ms: int) -> None:
    received_at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=received_ms)
    data = json.dumps(
        {"topic": topic, "payload": b64encode(payload).decode(), "received_at_ms": received_ms, "more": [1]}
    ).encode()

    assert read(data) == StreamMessage(topic, payload, received_at)


@given(st.binary(max_size=300))
def test_whatever_else_lies_in_the_stream_is_kept_whole_with_a_reason(data: bytes) -> None:
    kept = read(data)

    assert isinstance(kept, RejectedPart)
    assert (kept.topic, kept.payload, kept.reason, kept.received_at) == (
        "cp1",
        data,
        "bad_record",
        ARRIVED_AT,
    )
    assert "\0" not in kept.detail


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("topic", None),
        ("topic", 7),
        ("payload", "e30"),
        ("payload", "e3 0="),
        ("payload", {"status": "charging"}),
        ("received_at_ms", "1700000000000"),
        ("received_at_ms", 1_700_000_000_000.5),
        ("received_at_ms", -1),
        ("received_at_ms", 10**18),
    ],
)
def test_a_record_with_a_field_of_another_kind_is_no_message(name: str, value: object) -> None:
    good = json.loads(record_of("evse/cp1/telemetry", b"{}", at(0)))
    assert isinstance(read(json.dumps(good).encode()), StreamMessage)

    assert isinstance(read(json.dumps({**good, name: value}).encode()), RejectedPart)
    assert isinstance(read(json.dumps({k: v for k, v in good.items() if k != name}).encode()), RejectedPart)


messages = st.lists(
    st.builds(
        StreamMessage,
        TOPICS,
        st.binary(max_size=2),
        st.integers(0, 3).map(lambda ms: at(0) + timedelta(milliseconds=ms)),
    ),
    max_size=40,
)


@given(messages)
def test_records_that_are_read_again_get_the_instants_they_had(heard: list[StreamMessage]) -> None:
    first, again = StreamReceipts(), StreamReceipts()

    assert [first.next(one) for one in heard] == [again.next(one) for one in heard]


@given(st.lists(st.binary(max_size=1), max_size=40))
def test_messages_of_a_station_in_one_millisecond_keep_their_order_and_repetitions_their_instant(
    payloads: list[bytes],
) -> None:
    receipts = StreamReceipts()
    given_at: dict[bytes, datetime] = {}
    for payload in payloads:
        receipt = receipts.next(StreamMessage("evse/a/telemetry", payload, at(0)))
        if payload not in given_at:
            assert receipt == at(0) + timedelta(microseconds=len(given_at))
            given_at[payload] = receipt
        assert receipt == given_at[payload]


def test_the_first_message_of_a_millisecond_has_the_receipt_that_aws_says() -> None:
    receipts = StreamReceipts()
    said = [
        StreamMessage("evse/a/telemetry", payload, at(second))
        for second, payload in [(0, b"1"), (0, b"2"), (1, b"2"), (0, b"1")]
    ]

    assert [receipts.next(one) for one in said] == [at(0), at(0) + timedelta(microseconds=1), at(1), at(0)]
