"""The stations as the ingestor knows them: registry facts, connectivity, connector states, and what
watchers see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, NamedTuple

from solarrally.domain.bill import Account
from solarrally.domain.reading import ConnectorStatus, Reading
from solarrally.domain.station import ConnectorState, SessionRules, effective_status
from solarrally.domain.update import ConnectorUpdate, SessionUpdate

EVSE_UID_PATTERN: Final = r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,63}"
"""What a topic level that names a station looks like."""


def without_empty_levels(topic: str) -> str:
    """A topic without leading, trailing and doubled slashes."""
    return "/".join(level for level in topic.split("/") if level)


def is_base_topic(base_topic: str) -> bool:
    """Whether a station may publish below it, given without empty levels: brokers refuse what holds control
    characters, `+` and `#` are wildcards, and `$` begins what is the broker's own.
    """
    return (
        0 < len(base_topic) <= 200
        and base_topic.isprintable()
        and not base_topic.startswith("$")
        and not any(sign in base_topic for sign in "+#")
        and base_topic == base_topic.strip()
    )


class StationRoute(NamedTuple):
    """A station that publishes under a base topic of its own, in another format than ours."""

    evse_uid: str
    dialect: str
    base_topic: str


@dataclass(slots=True, kw_only=True)
class StationFacts:
    """What a station says of itself on its status topic. None: not said."""

    is_online: bool | None = None
    vendor: str | None = None
    model: str | None = None
    firmware: str | None = None
    max_power_w: float | None = None

    def then(self, later: StationFacts) -> StationFacts:
        """Both, where the later word counts."""
        return StationFacts(
            is_online=self.is_online if later.is_online is None else later.is_online,
            vendor=later.vendor or self.vendor,
            model=later.model or self.model,
            firmware=later.firmware or self.firmware,
            max_power_w=later.max_power_w or self.max_power_w,
        )


@dataclass(slots=True, kw_only=True)
class Connector:
    """A connector: the state of the fold, and its newest as a watcher sees it."""

    state: ConnectorState
    latest: ConnectorUpdate
    unshown: Reading | None = None
    """A whole sample newer than `latest`, which is brought up to date only when somebody looks."""
    shown_slot: int | None = None
    """The slot of time (`ingest.showing`) in which its turn was last."""
    is_behind: bool = False
    """What is in memory is newer than what was written."""

    def take(self, reading: Reading, rules: SessionRules) -> None:
        """Note a reading that is not older than any before."""
        if reading.status is not None and reading.power_w is not None:
            self.unshown = reading
        else:
            self.latest = newest(self.up_to_date(rules), reading, rules)

    def up_to_date(self, rules: SessionRules) -> ConnectorUpdate:
        """`latest`, with everything taken."""
        if self.unshown is not None:
            self.latest = newest(self.latest, self.unshown, rules)
            self.unshown = None
        return self.latest

    @property
    def is_faulted(self) -> bool:
        """Whether the device's last word was a fault."""
        if self.unshown is not None:
            return self.unshown.status is ConnectorStatus.FAULTED
        return self.latest.reported_status == ConnectorStatus.FAULTED


@dataclass(slots=True, kw_only=True)
class Station:
    """One EVSE as registered. `evse_id` is the database's key."""

    evse_id: int
    evse_uid: str
    site_id: int
    moves: Sequence[tuple[datetime, int]] = ()
    """When it left which site, in order."""
    edited_at: datetime | None = None
    """When somebody last changed its entry in the registry."""
    max_power_w: float | None = None
    is_enabled: bool = True
    is_online: bool = False
    last_received_at: datetime | None = None
    connectors: dict[int, Connector] = field(default_factory=dict)

    def site_at(self, ts: datetime) -> int:
        """Where it stood then."""
        return next((site_id for moved_at, site_id in self.moves if ts < moved_at), self.site_id)

    def sites(self) -> set[int]:
        """Where it stands and where it ever stood."""
        return {self.site_id, *(site_id for _, site_id in self.moves)}

    def connector(self, connector_id: int) -> Connector:
        """The connector, made at its first reading."""
        known = self.connectors.get(connector_id)
        if known is None:
            known = self.connectors[connector_id] = Connector(
                state=ConnectorState(evse_uid=self.evse_uid, connector_id=connector_id),
                latest=unseen(self, connector_id),
            )
        return known


def unseen(station: Station, connector_id: int) -> ConnectorUpdate:
    """What is known of a connector that has not reported."""
    return ConnectorUpdate(
        evse_uid=station.evse_uid,
        site_id=station.site_id,
        connector_id=connector_id,
        is_online=station.is_online,
        ts=None,
        received_at=None,
        status=None,
        reported_status=None,
        power_w=None,
        voltage_v=None,
        current_a=None,
        temperature_c=None,
        soc_percent=None,
        energy_source=None,
        error_code=None,
        quality=0,
        session=None,
    )


def newest(latest: ConnectorUpdate, reading: Reading, rules: SessionRules) -> ConnectorUpdate:
    """`latest` after a reading that is not older. A reading that says only a part leaves the rest as it
    was.
    """
    status = effective_status(reading, rules)
    said = {
        "status": None if status is None else status.value,
        "reported_status": None if reading.status is None else reading.status.value,
        "power_w": reading.power_w,
        "voltage_v": reading.voltage_v,
        "current_a": reading.current_a,
        "temperature_c": reading.temperature_c,
        "soc_percent": reading.soc_percent,
        "energy_source": None if reading.energy_source is None else reading.energy_source.value,
        "error_code": reading.error_code,
    }
    is_whole_sample = reading.status is not None and reading.power_w is not None
    if not is_whole_sample:
        said = {name: value for name, value in said.items() if value is not None}
    return replace(
        latest,
        ts=reading.ts,
        received_at=reading.received_at,
        quality=int(reading.quality),
        **said,  # type: ignore[arg-type]
    )


def session_update(account: Account, *, status: str | None = None) -> SessionUpdate:
    """A session as watchers see it."""
    session, figures = account.session, account.figures
    return SessionUpdate(
        id=session.id,
        evse_uid=account.evse_uid,
        connector_id=account.connector_id,
        device_session_id=session.device_session_id,
        id_token=session.id_token,
        status=status or session.status,
        started_at=session.started_at,
        ended_at=session.ended_at,
        end_reason=session.end_reason,
        energy_wh=figures.energy_wh,
        energy_solar_wh=figures.solar_wh,
        energy_grid_wh=figures.grid_wh,
        energy_unattributed_wh=figures.unattributed_wh,
        peak_power_w=session.energy.peak_power_w,
        cost=account.cost,
        currency=account.tariff.currency,
    )
