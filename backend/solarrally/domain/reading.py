"""A reading: what one connector said about itself at one instant.

Conventions, valid everywhere inside SolarRally:

* `None` is "not said"; 0 is a measurement.
* SI units: W, Wh, V, A, °C, %. Import (grid to vehicle) is positive.
* Every instant is an aware `datetime` in UTC.
* Measurand names follow OCPP 1.6 section 7.31 (Power.Active.Import -> `power_w`,
  Energy.Active.Import.Register -> `energy_register_wh`).
"""

from __future__ import annotations

from datetime import datetime
from enum import IntFlag, StrEnum
from typing import Final, NamedTuple


class ConnectorStatus(StrEnum):
    """OCPP 1.6 ChargePointStatus in the spelling of our native payload."""

    AVAILABLE = "available"
    PREPARING = "preparing"
    CHARGING = "charging"
    SUSPENDED_EV = "suspendedev"
    SUSPENDED_EVSE = "suspendedevse"
    FINISHING = "finishing"
    RESERVED = "reserved"
    UNAVAILABLE = "unavailable"
    FAULTED = "faulted"


class EnergySource(StrEnum):
    """Where the energy of the interval that ends at the reading came from."""

    SOLAR = "solar"
    GRID = "grid"
    NONE = "none"


class TransactionEvent(StrEnum):
    """An explicit session event of the device (OCPP 2.0.1 TransactionEvent)."""

    STARTED = "started"
    ENDED = "ended"


class Quality(IntFlag):
    """What is doubtful about a reading. A reading with any of `NEVER_BILLED` adds no energy to a session."""

    GOOD = 0
    CLOCK_DISTRUSTED = 1
    """The device's time was absurd or more than 5 minutes ahead: `ts` is the receipt."""
    CLOCKLESS = 2
    """The device sent no time: `ts` is the receipt."""
    NEGATIVE = 4
    """Power, current or an energy counter below zero."""
    ABOVE_MAXIMUM = 8
    """Power beyond what the station can deliver, by a margin."""
    POWER_MISMATCH = 16
    """Voltage times current is far from the stated power: some unit is wrong."""

    NEVER_BILLED = NEGATIVE | ABOVE_MAXIMUM | POWER_MISMATCH
    UNDATED = CLOCK_DISTRUSTED | CLOCKLESS
    """`ts` is the receipt."""


# The same as plain integers: arithmetic on an IntFlag costs a microsecond, and every reading is asked.
NEVER_BILLED: Final = int(Quality.NEVER_BILLED)
UNDATED: Final = int(Quality.UNDATED)
CLOCK_DISTRUSTED: Final = int(Quality.CLOCK_DISTRUSTED)


class OrderKey(NamedTuple):
    """The place of a reading in its connector's history.

    Two different readings with the same `ts` are ordered by the device's own number where it gives one,
    else by receipt; `digest` makes the order total.
    """

    ts: datetime
    seq: int
    received_at: datetime
    digest: int


class Reading(NamedTuple):
    """One row of telemetry of one connector.

    `(connector, ts, digest)` identifies it: the same content at the same instant is the same reading,
    however often and in whatever order it arrives.

    A tuple, because one is made for every message there is. What the device said are the fields from
    `device_ts` on; a new field goes to the end (see `dialects.digest`).
    """

    ts: datetime
    """Effective instant, UTC: the device's time where it can be believed, else the receipt."""
    received_at: datetime
    digest: int = 0
    """`dialects.digest.content_digest` of everything the device said; -2**31 .. 2**31-1."""
    quality: int = 0
    """`Quality` bits."""
    connector_id: int = 1
    device_ts: datetime | None = None
    """What the device's clock said; None when it said nothing."""
    status: ConnectorStatus | None = None
    """The device's word. Not trusted alone: see `domain.station`."""
    energy_source: EnergySource | None = None
    transaction_event: TransactionEvent | None = None
    seq: int | None = None
    """The device's own message number, where it numbers its messages."""
    power_w: float | None = None
    session_energy_wh: float | None = None
    """The device's counter of the running session; starts at 0 with each session."""
    session_energy_solar_wh: float | None = None
    session_energy_grid_wh: float | None = None
    voltage_v: float | None = None
    current_a: float | None = None
    temperature_c: float | None = None
    session_id: str | None = None
    """The device's name for the session: 0 and -1 are legal, so is one reused the next day."""
    energy_register_wh: float | None = None
    """Lifetime meter register."""
    voltage_l1_v: float | None = None
    voltage_l2_v: float | None = None
    voltage_l3_v: float | None = None
    current_l1_a: float | None = None
    current_l2_a: float | None = None
    current_l3_a: float | None = None
    power_offered_w: float | None = None
    soc_percent: float | None = None
    error_code: str | None = None
    """OCPP 1.6 ChargePointErrorCode."""
    id_token: str | None = None
    stop_reason: str | None = None
    """OCPP 1.6 Reason / 2.0.1 ReasonEnum, on an `ended` event."""

    @property
    def order_key(self) -> OrderKey:
        return OrderKey(self.ts, -1 if self.seq is None else self.seq, self.received_at, self.digest)

    @property
    def is_billable(self) -> bool:
        return not self.quality & NEVER_BILLED


FIRST_SAID: Final = Reading._fields.index("device_ts")
"""From this field on: what the device said, as opposed to when and how it reached us."""
