"""A simulated station: a state machine that is handed the time and says what it would send.

available -> charging -> finishing -> available, with faults at any tick. Nothing here waits, looks at a clock
or draws from a shared generator: the same generator and the same times give the same readings.
"""

import random
from dataclasses import dataclass, field
from datetime import datetime

from solarrally_sim.payload import MWH_PER_KWH, Flavour, Source, Status, Telemetry
from solarrally_sim.scenarios import TICK_S, Scenario, SolarRule, StationModel
from solarrally_sim.sunlight import Sky
from solarrally_sim.vehicle import peak_hour_factor, power_share

SECONDS_X_W_PER_MWH = 3.6
FORCED_SOLAR_SHARE = (0.85, 1.0)
AMBIENT_C = 15.0
_CONNECTED = (Status.CHARGING, Status.SUSPENDED_EVSE)


@dataclass(slots=True)
class Charge:
    """The energy counters of one session, in mWh, and what the car wants in all."""

    session_id: str
    target_mwh: float
    solar_mwh: float = 0.0
    grid_mwh: float = 0.0

    @property
    def delivered_share(self) -> float:
        """How much of the target is in the battery, 0 to 1."""
        return min(1.0, (self.solar_mwh + self.grid_mwh) / self.target_mwh)


@dataclass(slots=True, kw_only=True)
class Station:
    """One station with one connector; `step` is called once per interval with the time of the reading."""

    evse_uid: str
    number: int
    model: StationModel
    flavour: Flavour
    scenario: Scenario
    sky: Sky
    rng: random.Random
    status: Status = Status.AVAILABLE
    charge: Charge | None = None
    faulted_at: datetime | None = None
    expects_car: bool = False
    """A car plugs in at the next reading but one."""
    is_paused: bool = False
    """Told to let nothing flow; the session goes on."""
    limit_a: float | None = None
    """Told to draw no more; 0 lets nothing flow. It outlasts the session."""
    is_away: bool = False
    """It restarts, and says nothing."""
    firmware: str = ""
    stepped_at: datetime | None = None
    power_w: float = 0.0
    _voltage_v: float = field(default=0.0)
    _current_a: float = field(default=0.0)

    def __post_init__(self) -> None:
        self.firmware = self.firmware or self.model.firmware

    def start_faulted(self) -> None:
        """Begin in the middle of a session that a fault cut short (the fault scenario's first unit)."""
        self.charge = Charge(f"fault_sess_{self.number}", self._target_mwh())
        self.charge.grid_mwh = self.charge.target_mwh * self.rng.uniform(0.1, 0.5)
        self.status = Status.FAULTED

    def step(self, ts: datetime) -> Telemetry:
        """What the station sends at `ts`; times must not go back."""
        interval_s = (ts - self.stepped_at).total_seconds() if self.stepped_at else 0.0
        self.stepped_at = ts
        source = self._deliver(ts, interval_s)
        self._advance(ts, interval_s or TICK_S)
        if self.expects_car and interval_s and self.status is Status.AVAILABLE:
            self._plug_in()
        if self.status in _CONNECTED:
            self.status = Status.SUSPENDED_EVSE if self.is_held else Status.CHARGING
        if self.status is Status.CHARGING and self.charge is not None:
            self._draw_power(ts, self.charge.delivered_share)
            if source is Source.NONE:
                source = self._source(ts)
        else:
            self.power_w = self._voltage_v = self._current_a = 0.0
            source = Source.NONE
        return self._reading(ts, source)

    @property
    def is_held(self) -> bool:
        """Whether nothing may flow."""
        return self.is_paused or self.limit_a == 0

    @property
    def has_session(self) -> bool:
        """Whether a car is charging, or would be if it were let."""
        return self.charge is not None and self.status in _CONNECTED

    def begin_session(self) -> Charge:
        """A car begins to charge now, not by chance."""
        self._plug_in()
        assert self.charge is not None
        return self.charge

    def end_session(self) -> Charge:
        """The running session ends here; its counters."""
        charge = self.charge
        assert charge is not None
        self.status, self.charge, self.is_paused = Status.AVAILABLE, None, False
        self.power_w = self._voltage_v = self._current_a = 0.0
        return charge

    def _deliver(self, ts: datetime, interval_s: float) -> Source:
        """Count the energy that flowed since the last reading, at the power that reading stated."""
        if self.status is not Status.CHARGING or self.charge is None or not self.power_w:
            return Source.NONE
        room_mwh = self.charge.target_mwh - self.charge.solar_mwh - self.charge.grid_mwh
        energy_mwh = min(room_mwh, self.power_w * interval_s / SECONDS_X_W_PER_MWH)
        source = self._source(ts)
        if self.scenario.solar is SolarRule.FORCED:
            solar_share = self.rng.uniform(*FORCED_SOLAR_SHARE)
        else:
            solar_share = 1.0 if source is Source.SOLAR else 0.0
        self.charge.solar_mwh += energy_mwh * solar_share
        self.charge.grid_mwh += energy_mwh * (1.0 - solar_share)
        return source

    def _advance(self, ts: datetime, interval_s: float) -> None:
        match self.status:
            case Status.FAULTED:
                self.faulted_at = self.faulted_at or ts
                if (ts - self.faulted_at).total_seconds() >= self.scenario.fault_lasts_s:
                    self._recover()
            case Status.FINISHING:
                self.status, self.charge = Status.AVAILABLE, None
            case Status.CHARGING if self.charge is not None and self.charge.delivered_share >= 1.0:
                self.status = Status.FINISHING
            case _ if self._happens(self.scenario.fault_probability, interval_s):
                self.status, self.faulted_at = Status.FAULTED, ts
            case Status.AVAILABLE if self._happens(self.scenario.start_probability, interval_s):
                self._plug_in()

    def _plug_in(self) -> None:
        self.expects_car = self.is_paused = False
        self.status = Status.CHARGING
        self.charge = Charge(self._new_session_id(), self._target_mwh())

    def _recover(self) -> None:
        """The enhanced device keeps its dead session id and energies on the `available` readings after it."""
        self.status, self.faulted_at = Status.AVAILABLE, None
        if self.flavour is Flavour.BASIC:
            self.charge = None

    def _draw_power(self, ts: datetime, delivered_share: float) -> None:
        local_hour = ts.astimezone(self.sky.zone).hour
        factor = power_share(delivered_share) * peak_hour_factor(local_hour)
        wanted_w = self.model.max_power_w * factor
        self._voltage_v = round(self.model.voltage_v * self.rng.uniform(0.98, 1.03), 1)
        self._current_a = round(wanted_w / self._voltage_v, 1)
        if self.flavour is Flavour.BASIC:  # multiplies what it measured; the enhanced one states what it set
            ceiling_a = int(self.model.max_power_w / self._voltage_v * 10) / 10
            self._current_a = min(self._current_a, ceiling_a)
            wanted_w = self._voltage_v * self._current_a
        if self.limit_a is not None and self._current_a > self.limit_a:
            self._current_a = self.limit_a
            wanted_w = self._voltage_v * self.limit_a
        self.power_w = round(wanted_w, 2)

    def _reading(self, ts: datetime, source: Source) -> Telemetry:
        load_c = 30.0 * self.power_w / self.model.max_power_w
        charge = self.charge
        return Telemetry(
            ts=ts,
            status=self.status,
            session_id=charge.session_id if charge else None,
            voltage_v=self._voltage_v,
            current_a=self._current_a,
            power_w=self.power_w,
            solar_mwh=_as_written_mwh(charge.solar_mwh) if charge else 0,
            grid_mwh=_as_written_mwh(charge.grid_mwh) if charge else 0,
            source=source,
            temperature_c=max(AMBIENT_C, round(AMBIENT_C + load_c + self.rng.uniform(-2.0, 4.0), 1)),
        )

    def _source(self, ts: datetime) -> Source:
        match self.scenario.solar:
            case SolarRule.FORCED:
                return Source.SOLAR
            case SolarRule.GRID_ONLY:
                return Source.GRID
            case SolarRule.BY_HOUR:
                return Source.SOLAR if self.rng.random() < self.sky.solar_share(ts) else Source.GRID

    def _happens(self, probability_per_tick: float, interval_s: float) -> bool:
        does_not = float((1.0 - probability_per_tick) ** (interval_s / TICK_S))
        return self.rng.random() < 1.0 - does_not

    def _new_session_id(self) -> str:
        if self.flavour is Flavour.BASIC:
            return f"sid_{self.rng.getrandbits(48):012x}"
        return f"sess_{self.rng.getrandbits(32):08x}"

    def _target_mwh(self) -> float:
        return self.rng.uniform(*self.model.target_kwh) * MWH_PER_KWH


def _as_written_mwh(energy_mwh: float) -> int:
    """The devices write four decimals of a kWh, which is 100 mWh."""
    return round(energy_mwh / 100) * 100
