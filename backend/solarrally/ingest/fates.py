"""Every message has one fate, counted when it is final. The sum of the fates is what was delivered and
settled.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum


class Fate(StrEnum):
    """What became of a message."""

    STORED = "stored"
    """At least one reading of it is new in the database."""
    DUPLICATE = "duplicate"
    """All of its readings were stored before."""
    STATUS = "status"
    """It said something of the station itself."""
    REJECTED = "rejected"
    """Nothing of it can be used; kept with the reason."""
    PARTLY_REJECTED = "partly_rejected"
    """An array of which some readings were stored and others rejected."""
    IGNORED = "ignored"
    """Of no interest on purpose: our own commands, a retained reading without a time of its own."""


class FateCount:
    """Counts of one process since its start."""

    def __init__(self) -> None:
        self.delivered = 0
        self.fates: Counter[Fate] = Counter()
        self.reasons: Counter[str] = Counter()
        self.readings_stored = 0
        self.readings_duplicate = 0
        self.readings_late = 0
        self.readings_distrusted_clock = 0
        self.readings_implausible = 0
        self.conflicts_unexplained = 0
        self.unknown_fields = 0
        self.batches = 0
        self.batch_retries = 0
        self.sessions_refolded = 0

    @property
    def settled(self) -> int:
        return sum(self.fates.values())
