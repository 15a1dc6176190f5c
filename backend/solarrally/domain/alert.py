"""What needs somebody's attention: kinds of alerts, how grave they are, and the numbers in their rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from solarrally.domain.energy import SessionQuality
from solarrally.domain.reading import NEVER_BILLED, Quality


class AlertKind(StrEnum):
    """What is wrong."""

    FAULTED = "faulted"
    """The connector's last word is a fault; the detail is its error code."""
    OFFLINE = "offline"
    """An enabled station that was there before has been gone for too long."""
    OVER_TEMPERATURE = "over_temperature"
    """The connector is too hot."""
    CLOCK_WRONG = "clock_wrong"
    """The time of the connector's newest reading is not believed: it is filed under its receipt."""
    ENERGY_IMPLAUSIBLE = "energy_implausible"
    """A session's energy is doubtful, or an idle connector says what is physically impossible."""
    SESSION_STUCK = "session_stuck"
    """A session that goes on without taking energy, or for days."""


class AlertSeverity(StrEnum):
    """How soon somebody should look."""

    CRITICAL = "critical"
    """Danger, or nobody can charge."""
    WARNING = "warning"
    """Money or knowledge is lost."""
    INFO = "info"


class AlertStatus(StrEnum):
    """How far it is dealt with."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    """Somebody is on it."""
    RESOLVED = "resolved"
    """It was over, or somebody said so."""


@dataclass(slots=True, frozen=True, kw_only=True)
class AlertRules:
    """The numbers in the rules."""

    offline_after_s: float = 300.0
    """A station offline for longer is an alert; shorter absences are ordinary."""
    temperature_c: float = 80.0
    """A connector this hot is an alert, until it has cooled by `TEMPERATURE_HYSTERESIS_C`."""
    session_idle_h: float = 12.0
    """A session that takes no energy for so long is stuck."""
    session_long_h: float = 48.0
    """A session that lasts for so long is stuck, whatever it takes."""


@dataclass(slots=True, frozen=True, kw_only=True)
class AlertReview:
    """What one look at all stations changed, and what is not resolved after it."""

    opened: int = 0
    resolved: int = 0
    unresolved: Mapping[AlertKind, int] = field(default_factory=dict)


TEMPERATURE_HYSTERESIS_C: Final = 5.0
REOPENED_WITHIN: Final = timedelta(minutes=5)
"""What is over and comes again so soon is the same alert, which goes on: a fault that flaps is one alert that
occurred many times, acknowledged once.
"""
DOUBTED_FOR: Final = timedelta(hours=24)
"""Doubtful energy of a session that has ended is an alert for so long; later nobody will find out more."""

DOUBTFUL_ENERGY: Final = int(
    SessionQuality.ENERGY_DISAGREES | SessionQuality.COUNTER_JUMPED | SessionQuality.IMPLAUSIBLE_READINGS
)
IMPLAUSIBLE_READING: Final = NEVER_BILLED
CLOCK_DISTRUSTED: Final = int(Quality.CLOCK_DISTRUSTED)


def status_of(acknowledged_at: datetime | None, resolved_at: datetime | None) -> AlertStatus:
    """How far an alert is dealt with."""
    if resolved_at is not None:
        return AlertStatus.RESOLVED
    return AlertStatus.OPEN if acknowledged_at is None else AlertStatus.ACKNOWLEDGED
