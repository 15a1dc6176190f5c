"""The numbers and switches of ingestion, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field

from solarrally.domain.alert import AlertRules
from solarrally.domain.station import SessionRules


@dataclass(slots=True, frozen=True, kw_only=True)
class IngestRules:
    """What the settings tell the pipeline."""

    session: SessionRules = field(default_factory=SessionRules)
    alerts: AlertRules = field(default_factory=AlertRules)
    topic_root: str = "evse"
    max_payload_bytes: int = 131_072
    max_batch: int = 4_000
    default_max_power_w: float = 500_000.0
    register_unknown_stations: bool = True
    offline_after_s: float = 300.0
    station_rate_limit_hz: float = 200.0
    """Messages/s of one station that are taken in at once; more of them wait their turn."""
    rejected_keep_count: int = 10_000
    rejected_keep_bytes: int = 64 * 2**20
    partition_days_ahead: int = 7
    raw_keep_days: int = 90
    """Days that raw readings are kept; 0: for ever."""
    show_interval_s: float = 0.5
    """How often a connector's rows are written and announced at most."""
    confirm_interval_s: float = 0.1
    """How often devices are told which numbers are stored."""
    confirm_share: float = 0.1
    """Of the stations with something to be told, at a time."""
    tick_s: float = 1.0
    """How often silence is looked for."""
    poll_s: float = 5.0
    """How often the database is asked for rollups that are due, and for what others changed in it: messages
    that they parked, stations that they edited.
    """
    alert_interval_s: float = 5.0
    """How often alerts are reviewed."""
    upkeep_s: float = 60.0
    """How often tariffs are read again, partitions made and dropped, and rejected messages pruned."""
    standby_poll_s: float = 0.5
    """How often a standby asks for the lock."""
    drain_s: float = 3.0
    """How long a stop may take to write what was taken from the broker."""
    retry_first_s: float = 0.1
    retry_longest_s: float = 5.0
