"""A checkpoint never passes a record that is not settled."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from solarrally.brokers.positions import Positions
from solarrally.ingest.ports import RejectedPart
from tests.builders import at

BAD = RejectedPart(received_at=at(0), topic="", reason="bad_record", field=None, detail="", payload=b"")


def read(positions: Positions, kinds: str) -> list[int]:
    """Add a record for each letter, `b` for one that is no message; the numbers given."""
    return [
        positions.add(f"s{place}", 0.0, BAD if kind == "b" else None) for place, kind in enumerate(kinds, 1)
    ]


def test_settled_in_order_the_checkpoint_is_the_last_of_them() -> None:
    positions = Positions()
    read(positions, "mmmm")

    reached = positions.reached_with({1, 2})

    assert reached is not None
    assert (reached.sequence_number, reached.rejected) == ("s2", ())


def test_an_open_record_holds_the_checkpoint_back_until_it_is_settled() -> None:
    positions = Positions()
    read(positions, "mmmm")

    assert positions.reached_with({2, 3}) is None
    positions.settle({2, 3})
    reached = positions.reached_with({1})

    assert reached is not None
    assert reached.sequence_number == "s3"


def test_records_that_are_no_messages_are_passed_with_what_to_keep_of_them() -> None:
    positions = Positions()
    read(positions, "bmb")

    first = positions.reached_with(())
    assert first is not None
    assert (first.sequence_number, first.rejected) == ("s1", (BAD,))
    positions.pass_by("s1")
    rest = positions.reached_with({2})

    assert rest is not None
    assert (rest.sequence_number, rest.rejected) == ("s3", (BAD,))


def test_what_was_read_while_a_checkpoint_was_saved_is_not_passed_with_it() -> None:
    positions = Positions()
    read(positions, "b")
    reached = positions.reached_with(())
    assert reached is not None
    positions.add("later", 0.0, BAD)
    positions.pass_by(reached.sequence_number)

    assert len(positions) == 1
    positions.pass_by("unknown")
    assert len(positions) == 1


@given(st.text("mb", min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_in_whatever_order_records_are_settled_every_checkpoint_ends_an_unbroken_row(
    kinds: str, chance: object
) -> None:
    """And in the end it is the last record, with every record that is no message kept once."""
    positions = Positions()
    numbers = read(positions, kinds)
    waiting = [number for number, kind in zip(numbers, kinds, strict=True) if kind == "m"]
    chance.shuffle(waiting)  # type: ignore[attr-defined]
    settled = {number for number, kind in zip(numbers, kinds, strict=True) if kind == "b"}
    kept = 0
    last = 0
    for batch in [waiting[start : start + 3] for start in range(0, len(waiting), 3)] + [[]]:
        reached = positions.reached_with(set(batch))
        settled |= set(batch)
        positions.settle(set(batch))
        if reached is not None:
            last = int(reached.sequence_number[1:])
            assert settled.issuperset(range(1, last + 1))
            kept += len(reached.rejected)
            positions.pass_by(reached.sequence_number)
        assert last == next((n - 1 for n in numbers if n not in settled), len(numbers))
    assert last == len(numbers)
    assert kept == kinds.count("b")
    assert not len(positions)
