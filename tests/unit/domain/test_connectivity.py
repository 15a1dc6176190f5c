"""Intervals of connectivity: no gaps, no empty ones, no two alike beside each other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solarrally.domain.connectivity import connectivity

START = datetime(2026, 3, 9, tzinfo=UTC)
END = START + timedelta(seconds=100)


def after(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("was_online", "changes", "intervals"),
    [
        (None, [], [(0, 100, None)]),
        (True, [], [(0, 100, True)]),
        (True, [(0, False)], [(0, 100, False)]),
        (False, [(10, True), (30, False)], [(0, 10, False), (10, 30, True), (30, 100, False)]),
        (True, [(10, True)], [(0, 100, True)]),
        (True, [(10, False), (10, True)], [(0, 100, True)]),
        (None, [(10, False), (10, True)], [(0, 10, None), (10, 100, True)]),
    ],
)
def test_intervals_follow_the_changes(
    was_online: bool | None,
    changes: list[tuple[int, bool]],
    intervals: list[tuple[int, int, bool | None]],
) -> None:
    history = connectivity(START, END, was_online, [(after(s), is_online) for s, is_online in changes])

    assert [(one.starts_at, one.ends_at, one.is_online) for one in history.intervals] == [
        (after(first), after(last), is_online) for first, last, is_online in intervals
    ]


def test_unknown_time_counts_neither_for_nor_against() -> None:
    history = connectivity(START, END, None, [(after(20), True), (after(80), False)])

    assert history.online_share == 0.75
    assert connectivity(START, END, None, []).online_share is None


@given(
    was_online=st.sampled_from([None, True, False]),
    changes=st.lists(st.tuples(st.integers(0, 99), st.booleans()), max_size=20).map(sorted),
)
def test_intervals_fill_the_range(was_online: bool | None, changes: list[tuple[int, bool]]) -> None:
    history = connectivity(START, END, was_online, [(after(s), is_online) for s, is_online in changes])

    borders = [one.starts_at for one in history.intervals] + [END]
    assert borders[0] == START
    assert borders == sorted(set(borders))
    assert [one.ends_at for one in history.intervals] == borders[1:]
    words = [one.is_online for one in history.intervals]
    assert all(word is not following for word, following in pairwise(words))
    total_s = sum(history.seconds(is_online=word) for word in (None, True, False))
    assert total_s == 100
