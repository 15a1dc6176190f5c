"""One charging session: the time one vehicle occupies a connector."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid5

from solarrally.domain.energy import SessionEnergy

_NAMESPACE = UUID("6f0c8f0e-5c56-5f0b-9d0e-0d7f3f6f2a11")


class EndReason(StrEnum):
    """OCPP 1.6 Reason and 2.0.1 ReasonEnumType, as far as we conclude them ourselves."""

    EV_DISCONNECTED = "EVDisconnected"
    GROUND_FAULT = "GroundFault"
    LOCAL = "Local"
    OTHER = "Other"
    OVERCURRENT_FAULT = "OvercurrentFault"
    TIMEOUT = "Timeout"


@dataclass(slots=True, kw_only=True)
class Session:
    """A session while it is being folded. It is changed only by `domain.station`."""

    id: UUID
    started_at: datetime
    opening_digest: int = 0
    """Which reading of that instant opened it."""
    start_rank: int = 0
    """How many sessions of the connector started before it at the same instant."""
    last_reading_at: datetime
    device_session_id: str | None = None
    id_token: str | None = None
    ended_at: datetime | None = None
    end_reason: str | None = None
    is_final: bool = False
    """A reading has shown the end. False for a session that merely fell silent: it may go on."""
    is_vacated: bool = False
    """A reading has shown the connector empty since the end."""
    ignores_status: bool = False
    """Power flowed while the status word said there is no vehicle: only power and energy count here."""
    fault_code: str | None = None
    """Error code while the connector is faulted; `OtherError` where the device gave none."""
    reading_count: int = 0
    energy: SessionEnergy = field(default_factory=SessionEnergy)

    @property
    def is_active(self) -> bool:
        return self.ended_at is None

    @property
    def reaches(self) -> datetime:
        """The last instant it has to do with."""
        return max(self.last_reading_at, self.ended_at or self.last_reading_at)

    @property
    def status(self) -> str:
        """OCPI 2.2.1 SessionStatus."""
        return "ACTIVE" if self.is_active else "COMPLETED"

    def end(self, at: datetime, reason: str, *, final: bool) -> None:
        self.ended_at, self.end_reason, self.is_final = at, reason, final

    def go_on(self) -> None:
        self.ended_at = self.end_reason = None
        self.is_final = self.is_vacated = False


def session_id(evse_uid: str, connector_id: int, started_at: datetime, digest: int) -> UUID:
    """The id of the session that this reading opens, the same after every restart."""
    return uuid5(_NAMESPACE, f"{evse_uid}/{connector_id}/{started_at.isoformat()}/{digest}")
