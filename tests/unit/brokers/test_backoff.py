"""Attempts to connect become rarer, until a connection lasts."""

from __future__ import annotations

from solarrally.brokers.backoff import Backoff


def test_pauses_double_up_to_the_longest_and_half_of_each_is_jitter() -> None:
    for ceiling_s, pause_s in _pauses(Backoff(first_s=1, longest_s=10), [1, 2, 4, 8, 10, 10]):
        assert ceiling_s / 2 <= pause_s <= ceiling_s


def test_two_clients_do_not_come_in_step() -> None:
    assert len({Backoff().pause_s() for _ in range(20)}) > 10


def test_only_a_connection_that_lasted_starts_anew() -> None:
    backoff = Backoff(first_s=1, longest_s=10)
    for _ in range(5):
        backoff.pause_s()

    backoff.lasted(9)
    assert backoff.pause_s() >= 5
    backoff.lasted(11)
    assert backoff.pause_s() <= 1


def test_who_gives_way_waits_longest() -> None:
    backoff = Backoff(first_s=1, longest_s=10)
    backoff.lasted(100)
    backoff.give_way()
    assert backoff.pause_s() >= 5


def _pauses(backoff: Backoff, ceilings_s: list[float]) -> list[tuple[float, float]]:
    return [(ceiling_s, backoff.pause_s()) for ceiling_s in ceilings_s]
