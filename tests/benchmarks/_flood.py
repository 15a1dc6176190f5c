"""A flood whose broker queue stays bounded: the publisher runs at most so far ahead of the consumer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.benchmarks._processes import CpuMeter, rss_bytes
from tests.benchmarks._report import slope_per_s
from tests.benchmarks._stack import Companion, Failed, progress

POLL_S = 0.2
STALL_S = 30.0


@dataclass(slots=True)
class Flood:
    """What came of it."""

    published: int = 0
    took_s: float = 0.0
    """From the first message to the consumption of the last."""
    publishing_s: float = 0.0
    cpu_s: dict[str, float] = field(default_factory=dict)
    others_share: float = 0.0
    """Of the machine, at work for somebody else."""
    consumed: list[tuple[float, int]] = field(default_factory=list)
    """(seconds since the start, messages)"""
    rss: list[tuple[float, int]] = field(default_factory=list)
    """(seconds since the start, bytes)"""

    @property
    def rate(self) -> float:
        """Messages/s, the wait for the last one included."""
        return self.published / self.took_s

    @property
    def cpu_per_100k(self) -> dict[str, float]:
        return {name: used / self.published * 1e5 for name, used in self.cpu_s.items()}

    def slices(self, length_s: float) -> list[float]:
        """Messages/s in each whole slice while the publisher was at work."""
        rates = []
        start_s, start_count = 0.0, 0
        for at_s, count in self.consumed:
            if at_s > self.publishing_s:
                break
            if at_s - start_s >= length_s:
                rates.append((count - start_count) / (at_s - start_s))
                start_s, start_count = at_s, count
        return rates

    def rss_slope_bytes_per_s(self) -> float:
        """Over the second half: by then caches are warm."""
        half_s = self.publishing_s / 2
        return slope_per_s([point for point in self.rss if half_s <= point[0] <= self.publishing_s])


def flood(
    publisher: Companion,
    consumed: Callable[[], int],
    *,
    seconds: float,
    ahead: int,
    pids: dict[str, int],
    rate: float | None = None,
    memory_of: int | None = None,
    most: int | None = None,
    before: int = 0,
    say: str = "",
) -> Flood:
    """Publish for that long, or `most` messages, as fast as they are consumed, and wait for the last.

    `consumed` counts what came of all this publisher has sent, `before` is how much that was until now. With
    a `rate` that much is offered, and no more.
    """
    result = Flood()
    meter = CpuMeter({**pids, "publisher": publisher.pid})
    publisher.tell(f"grant {before + ahead}")
    publisher.tell(f"rate {rate} {seconds}" if rate else f"send {most}" if most else "flood")
    started_s = time.monotonic()
    report: dict[str, Any] | None = None
    is_halted = False
    newest, moved_at_s, next_rss_s, next_say_s = before, started_s, started_s, started_s + 5.0
    while report is None or newest < report["sent"]:
        time.sleep(POLL_S if report is None else POLL_S / 4)
        now_s = time.monotonic()
        count = consumed()
        if count > newest:
            newest, moved_at_s = count, now_s
        elif now_s - moved_at_s > STALL_S:
            raise Failed(f"stands still at {newest} messages consumed; publisher: {report or 'at work'}")
        result.consumed.append((now_s - started_s, newest - before))
        if memory_of is not None and now_s >= next_rss_s:
            next_rss_s = now_s + 1.0
            result.rss.append((now_s - started_s, rss_bytes(memory_of)))
        if now_s >= next_say_s:
            next_say_s = now_s + 5.0
            done = newest - before
            progress(f"{say}: {done:,} messages, {done / (now_s - started_s):,.0f}/s")
        if report is None:
            if not is_halted and not rate and not most and now_s - started_s >= seconds:
                publisher.tell("halt")
                is_halted = True
                result.publishing_s = now_s - started_s
            elif not is_halted:
                publisher.tell(f"grant {newest + ahead}")
            report = publisher.heard(0)
    result.took_s = time.monotonic() - started_s
    result.publishing_s = result.publishing_s or report["took_s"]
    result.cpu_s, result.others_share = meter.read(), meter.others_share()
    result.published = report["sent"] - before
    return result
