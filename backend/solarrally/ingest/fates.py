"""Every message has one fate, counted when it is final. The sum of the fates is what was delivered, or taken
from the parking table, and settled.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

import structlog

from solarrally.domain.update import CommandUpdate

log = structlog.get_logger()

COMMIT_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 30.0)
BATCH_BUCKETS = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000)


class Fate(StrEnum):
    """What became of a message."""

    STORED = "stored"
    """At least one reading of it is new in the database."""
    DUPLICATE = "duplicate"
    """All of its readings were stored before."""
    STATUS = "status"
    """It said something of the station itself."""
    RESULT = "result"
    """A station's answer to a command, also one that came too late to change anything."""
    REJECTED = "rejected"
    """Nothing of it can be used; kept with the reason."""
    PARTLY_REJECTED = "partly_rejected"
    """An array of which some readings were stored and others rejected."""
    MERGED = "merged"
    """Became a reading together with others of its device, where each value is a message of its own."""
    IGNORED = "ignored"
    """Of no interest on purpose: our own commands, a retained reading without a time of its own."""


class Histogram:
    """Counts by upper bound, as Prometheus wants them; adding costs a comparison for each smaller bound."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        place = 0
        for bound in self.bounds:
            if value <= bound:
                break
            place += 1
        self.counts[place] += 1
        self.total += value


class FateCount:
    """Counts of one process since its start.

    delivered + moments + unparked = settled + parked + what is in hand.
    """

    def __init__(self) -> None:
        self.delivered = 0
        self.moments = 0
        """Messages that were made of others: what a device said within a second, told as one."""
        self.fates: Counter[Fate] = Counter()
        self.reasons: Counter[str] = Counter()
        self.parked = 0
        """Deliveries put into the parking table."""
        self.unparked = 0
        """Deliveries taken from it."""
        self.readings_stored = 0
        self.readings_duplicate = 0
        self.readings_late = 0
        self.readings_late_not_folded = 0
        self.readings_distrusted_clock = 0
        self.readings_implausible = 0
        self.conflicts_unexplained = 0
        self.unknown_fields = 0
        self.batch_retries = 0
        self.sessions_refolded = 0
        self.confirmations = 0
        self.rollups = 0
        self.checkpoints = 0
        """Positions of streams saved, each with the batch that reached it."""
        self.commands: Counter[str] = Counter()
        """Commands by the status that they came to."""
        self.command_failures = 0
        """How often the dispatch of commands had to begin anew for a reason that nobody expected."""
        self.results_without_effect = 0
        """Answers of stations to commands that had ended, or that say what was known."""
        self.batch_sizes = Histogram(BATCH_BUCKETS)
        self.commit_s = Histogram(COMMIT_BUCKETS_S)

    def command_changed(self, command: CommandUpdate, status: str) -> None:
        """A command came to this status; what it asks for is nobody's business here."""
        self.commands[str(status)] += 1
        log.info(
            "command_changed",
            command_id=str(command.id),
            evse_uid=command.evse_uid,
            command=command.command,
            status=str(status),
        )

    @property
    def settled(self) -> int:
        return sum(self.fates.values())

    @property
    def batches(self) -> int:
        return sum(self.batch_sizes.counts)

    def batch_written(self, size: int, took_s: float) -> None:
        """A batch of so many messages was folded and committed."""
        self.batch_sizes.add(size)
        self.commit_s.add(took_s)
