"""What a message turned out to say."""

from __future__ import annotations

from dataclasses import dataclass, field

from solarrally.domain.fleet import StationFacts
from solarrally.domain.reading import Reading
from solarrally.errors import RejectedMessage


@dataclass(slots=True, kw_only=True)
class Decoded:
    """One message, decoded. A message with none of readings, facts and rejected parts is `ignored` on
    purpose.
    """

    evse_uid: str
    readings: list[Reading] = field(default_factory=list)
    facts: StationFacts | None = None
    rejected: list[RejectedMessage] = field(default_factory=list)
    """Parts of an array that cannot be used; the other parts can."""
    unknown_fields: int = 0
