"""Reading what the backend says is stored."""

import pytest

from solarrally_sim.acks import Ack, read_ack


@pytest.mark.parametrize(
    ("payload", "first_seq", "last_seq"),
    [
        (b'{"seq": 7}', 7, 7),
        (b'{"seq": 7, "first_seq": 3}', 3, 7),
        (b'{"first_seq": 0, "seq": 0}', 0, 0),
        (b'{"seq": 7, "later": "addition"}', 7, 7),
    ],
)
def test_an_ack_is_a_number_or_a_range(payload: bytes, first_seq: int, last_seq: int) -> None:
    assert read_ack(payload) == Ack(first_seq=first_seq, last_seq=last_seq)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"7",
        b"[7]",
        b"{}",
        b'{"seq": true}',
        b'{"seq": "7"}',
        b'{"seq": 7.0}',
        b'{"seq": -1}',
        b'{"seq": 7, "first_seq": 8}',
        b'{"seq": 7, "first_seq": -1}',
        b'{"seq": 7, "first_seq": null}',
        b"\xff",
    ],
)
def test_anything_else_is_no_ack(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_ack(payload)
