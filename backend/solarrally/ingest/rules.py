"""The numbers and switches of ingestion, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field

from solarrally.domain.station import SessionRules


@dataclass(slots=True, frozen=True, kw_only=True)
class IngestRules:
    """What the settings tell the pipeline."""

    session: SessionRules = field(default_factory=SessionRules)
    topic_root: str = "evse"
    max_payload_bytes: int = 131_072
    max_batch: int = 2_000
    default_max_power_w: float = 500_000.0
    register_unknown_stations: bool = True
    offline_after_s: float = 300.0
    rejected_keep_count: int = 10_000
    partition_days_ahead: int = 7
    tick_s: float = 2.0
    """How often silence is looked for."""
    upkeep_s: float = 60.0
    """How often tariffs are read again, partitions made and rejected messages pruned."""
    retry_first_s: float = 0.1
    retry_longest_s: float = 5.0
