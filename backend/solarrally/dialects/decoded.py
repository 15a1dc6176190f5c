"""What a message turned out to say."""

from __future__ import annotations

import msgspec

from solarrally.domain.command import CommandResult
from solarrally.domain.fleet import StationFacts
from solarrally.domain.reading import Reading
from solarrally.errors import RejectedMessage


class Decoded(msgspec.Struct, kw_only=True):
    """One message, decoded. A message with none of readings, facts, result and rejected parts is `ignored` on
    purpose.
    """

    evse_uid: str
    readings: list[Reading] = []
    facts: StationFacts | None = None
    result: CommandResult | None = None
    rejected: list[RejectedMessage] = []
    """Parts of an array that cannot be used; the other parts can."""
    unknown_fields: int = 0
