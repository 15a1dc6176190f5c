"""The small codes that stand for words in the `reading` table. Never renumber: they are stored."""

from __future__ import annotations

from solarrally.domain.reading import ConnectorStatus, EnergySource, TransactionEvent

STATUS_CODE: dict[ConnectorStatus, int] = {
    ConnectorStatus.AVAILABLE: 1,
    ConnectorStatus.PREPARING: 2,
    ConnectorStatus.CHARGING: 3,
    ConnectorStatus.SUSPENDED_EV: 4,
    ConnectorStatus.SUSPENDED_EVSE: 5,
    ConnectorStatus.FINISHING: 6,
    ConnectorStatus.RESERVED: 7,
    ConnectorStatus.UNAVAILABLE: 8,
    ConnectorStatus.FAULTED: 9,
}
SOURCE_CODE: dict[EnergySource, int] = {EnergySource.NONE: 0, EnergySource.SOLAR: 1, EnergySource.GRID: 2}
EVENT_CODE: dict[TransactionEvent, int] = {TransactionEvent.STARTED: 1, TransactionEvent.ENDED: 2}

STATUS_OF_CODE = {code: status for status, code in STATUS_CODE.items()}
SOURCE_OF_CODE = {code: source for source, code in SOURCE_CODE.items()}
EVENT_OF_CODE = {code: event for event, code in EVENT_CODE.items()}
