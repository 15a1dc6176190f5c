"""When messages are due, with a clock that only moves when something sleeps."""

from datetime import UTC, datetime, timedelta

import pytest

from solarrally_sim.pace import Pacer

START = datetime(2026, 6, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds


async def took_s(pacer: Pacer, clock: Clock, offsets_s: list[float]) -> float:
    began_s = clock.now_s
    for offset_s in offsets_s:
        await pacer.until_due(START + timedelta(seconds=offset_s))
    return clock.now_s - began_s


async def test_simulated_time_runs_as_many_times_faster_as_asked() -> None:
    clock = Clock()
    pacer = Pacer(speed=60, clock=clock, sleep=clock.sleep)
    assert await took_s(pacer, clock, [0, 60, 600]) == pytest.approx(10)


async def test_the_rate_is_kept_however_close_the_messages_are() -> None:
    clock = Clock()
    pacer = Pacer(rate=100, clock=clock, sleep=clock.sleep)
    assert await took_s(pacer, clock, [0] * 1001) == pytest.approx(10, rel=0.01)


async def test_a_delay_is_not_made_up_for_by_a_burst_above_the_rate() -> None:
    clock = Clock()
    pacer = Pacer(rate=100, clock=clock, sleep=clock.sleep)
    await pacer.until_due(START)
    clock.now_s += 60  # an outage
    assert await took_s(pacer, clock, [0] * 101) == pytest.approx(1, abs=0.06)


async def test_without_speed_and_rate_nothing_waits() -> None:
    clock = Clock()
    pacer = Pacer(clock=clock, sleep=clock.sleep)
    assert await took_s(pacer, clock, [0, 3600, 86_400]) == 0
