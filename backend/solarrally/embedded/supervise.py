"""Keeps one service running: whatever ends it, it is started again, ever more slowly, and said out loud."""

import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from solarrally.embedded.errors import StartFailed
from solarrally.embedded.services import Service

LOG_LINES_SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class BackOff:
    """How long to wait before each new start."""

    first_s: float = 0.5
    longest_s: float = 30.0
    calm_s: float = 60.0
    """Having run for so long, a service is believed to be well, and the next wait is the first again."""

    def next_s(self, previous_s: float, lived_s: float) -> float:
        """The wait after a life of that length; `previous_s` is 0 before the first."""
        if previous_s == 0 or lived_s >= self.calm_s:
            return self.first_s
        return min(previous_s * 2, self.longest_s)


async def keep_running(
    service: Service, announce: Callable[[str], None], back_off: BackOff | None = None
) -> None:
    """Watch a started service for ever; cancel it to stop watching (the service itself goes on)."""
    policy = back_off or BackOff()
    wait_s = 0.0
    while True:
        started_at_s = time.monotonic()
        await service.child.wait_async()
        wait_s = policy.next_s(wait_s, time.monotonic() - started_at_s)
        announce(f"{service.name} {how_it_ended(service.child.exit_code)}; starting it again in {wait_s:g} s")
        if tail := service.child.log_tail(LOG_LINES_SHOWN):
            announce(indented(tail))
        await asyncio.sleep(wait_s)
        try:
            await service.start()
        except StartFailed as error:
            announce(f"{service.name} did not start: {error}")
        else:
            announce(f"{service.name} runs again")


def how_it_ended(exit_code: int | None) -> str:
    """An exit code in words."""
    if exit_code is None:
        return "did not start"
    if exit_code < 0:
        return f"was ended by {signal.Signals(-exit_code).name}"
    return f"ended with exit code {exit_code}"


def indented(text: str) -> str:
    """Text set off from our own words."""
    return "\n".join(f"    {line}" for line in text.splitlines())
