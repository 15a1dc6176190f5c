"""What the backend says of a station's numbered messages once they are stored (wire-formats.md, "Acks")."""

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """The messages numbered `first_seq` to `last_seq`, both included, are stored or for ever rejected."""

    first_seq: int
    last_seq: int


def read_ack(payload: bytes) -> Ack:
    """`{"seq": n}` or `{"seq": n, "first_seq": m}`; raises `ValueError` with what is wrong."""
    said = json.loads(payload)
    if not isinstance(said, dict):
        raise ValueError("not an object")
    last_seq = said.get("seq")
    first_seq = said.get("first_seq", last_seq)
    if type(first_seq) is not int or type(last_seq) is not int:  # True is no number
        raise ValueError("seq and first_seq must be integers")
    if not 0 <= first_seq <= last_seq:
        raise ValueError(f"{first_seq} to {last_seq} is no range")
    return Ack(first_seq=first_seq, last_seq=last_seq)
