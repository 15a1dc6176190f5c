"""What can be seen of ingestion from outside, for metrics and readiness: of one pipeline, or of several."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from datetime import datetime
from typing import Protocol

from solarrally.domain.alert import AlertKind
from solarrally.ingest.fates import FateCount


class ParkingFigures(Protocol):
    """Deliveries that wait in the database."""

    @property
    def waiting(self) -> int: ...

    @property
    def stations(self) -> int:
        """Of how many stations."""


class IngestFigures(Protocol):
    """How far ingestion is. What each says is told by `Pipeline`, which has all of it."""

    counts: FateCount

    @property
    def is_leading(self) -> bool: ...

    @property
    def is_store_ok(self) -> bool: ...

    @property
    def oldest_received_at(self) -> datetime | None: ...

    @property
    def stations(self) -> int: ...

    @property
    def stations_to_renew(self) -> int: ...

    @property
    def unresolved_alerts(self) -> Mapping[AlertKind, int]: ...

    @property
    def gathering(self) -> Sized: ...

    @property
    def parking(self) -> ParkingFigures: ...


class SourceFigures(Protocol):
    """Where messages come from. What each says is told by `brokers.observed`."""

    @property
    def listening_since(self) -> datetime | None: ...

    @property
    def waiting(self) -> int: ...

    @property
    def reconnects(self) -> int: ...

    @property
    def protocol_errors(self) -> int: ...

    @property
    def received_messages(self) -> int: ...

    @property
    def received_bytes(self) -> int: ...

    @property
    def messages_dropped(self) -> int: ...

    @property
    def publishes_dropped(self) -> int: ...

    @property
    def certificate_ends(self) -> Mapping[str, datetime]: ...
