"""What happens around a simulated device: the mains, the car, the driver, and the energy that really flows.

One step is one second. Power is constant within it, so the register is its exact sum, and what is read at an
instant is consistent: the register up to it, and the power from it on. All chance is drawn once a second from
one generator: the same seed gives the same story. The taper of the car is that of `vehicle.py`.
"""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from solarrally_sim.vehicle import power_share
from solarrally_sim.vendors.setup import Setup

SECOND = timedelta(seconds=1)
NEVER = datetime.min.replace(tzinfo=UTC)
SECONDS_PER_HOUR = 3600.0
NOMINAL_V = 230.0
LEAST_OFFER_A = 6.0  # IEC 61851: below this the pilot offers nothing
PAUSE_AT_SHARE, FAULT_AT_SHARE, REBOOT_AT_SHARE = 0.5, 0.25, 0.75
AMBIENT_C, WARMING_C_PER_A, WARMING_TIME_S = 21.0, 0.7, 600.0


class Stage(StrEnum):
    """How far the present visit of a car is."""

    IDLE = "idle"
    ARRIVED = "arrived"
    AUTHORISED = "authorised"
    ASKING = "asking"
    DONE = "done"


@dataclass(slots=True)
class Visit:
    """One car's stay, as it really was."""

    number: int
    target_wh: float
    plugged_at: datetime
    register_start_wh: float
    authorised_at: datetime | None = None
    charging_started_at: datetime | None = None
    charging_ended_at: datetime | None = None
    unplugged_at: datetime | None = None
    energy_wh: float = 0.0
    peak_power_w: float = 0.0
    charging_s: int = 0
    ended_by: str | None = None
    interruptions: list[tuple[str, datetime, datetime | None]] = field(default_factory=list)


class Scene:
    """The story of one device, a second at a time; commands set `limit_a`, `is_held` and `phases_limit`."""

    def __init__(self, setup: Setup, rng: random.Random, *, is_even: bool) -> None:
        self._setup = setup
        self._rng = rng
        self._is_even = is_even
        self.now = NEVER
        self.stage = Stage.IDLE
        self.stage_since = self.now
        self.register_wh = (
            rng.uniform(200_000.0, 900_000.0) if setup.register_wh is None else setup.register_wh
        )
        self.register_start_wh = self.register_wh
        self.voltages_v = (NOMINAL_V, NOMINAL_V, NOMINAL_V)
        self.currents_a = (0.0, 0.0, 0.0)
        self.powers_w = (0.0, 0.0, 0.0)
        self.power_w = 0.0
        self.frequency_hz = 50.0
        self.temperature_c = AMBIENT_C
        self.visits: list[Visit] = []
        self.reboots: list[tuple[datetime, datetime | None]] = []
        self.is_charging = False
        self.limit_a = setup.max_current_a
        self.phases_limit = setup.phases
        self.is_held = False
        self.is_paused = False
        self.is_faulted = False
        self.is_off = False
        self._until: dict[str, datetime] = {}
        self._had: set[str] = set()
        self._idle_power_since: datetime | None = None
        self._drawn_at: datetime | None = None
        self._spread = (0.0, 0.0, 0.0)
        self._appetite = 1.0

    @property
    def visit(self) -> Visit | None:
        """The car that is plugged in."""
        return self.visits[-1] if self.is_plugged else None

    @property
    def last_visit(self) -> Visit | None:
        """The car that is plugged in, or was last."""
        return self.visits[-1] if self.visits else None

    @property
    def is_plugged(self) -> bool:
        """Whether a car is connected."""
        return self.stage is not Stage.IDLE

    @property
    def is_authorised(self) -> bool:
        """Whether the driver may charge."""
        return self.stage in (Stage.AUTHORISED, Stage.ASKING, Stage.DONE)

    @property
    def has_charged(self) -> bool:
        """Whether the car that is plugged in has had current."""
        visit = self.visit
        return visit is not None and visit.charging_started_at is not None

    @property
    def is_suspended_by_station(self) -> bool:
        """Whether the station offers nothing, for whatever reason but a fault."""
        held_back = self.is_paused and not self._setup.pause_by_car
        return self.is_held or held_back or self.limit_a < LEAST_OFFER_A

    @property
    def is_paused_by_car(self) -> bool:
        """Whether the car takes nothing for the time of the pause."""
        return self.is_paused and self._setup.pause_by_car

    @property
    def offered_a(self) -> float:
        """What the pilot offers per phase; 0 when it offers nothing."""
        if self.is_off or self.is_faulted or not self.is_authorised or self.is_suspended_by_station:
            return 0.0
        return self.limit_a

    @property
    def session_wh(self) -> float:
        """Energy since the car was plugged in; 0 without a car."""
        return self.visit.energy_wh if self.visit else 0.0

    @property
    def soc_percent(self) -> float | None:
        """The car's state of charge: 40 % on arrival, 80 % when it is done. None without a car."""
        if self.visit is None:
            return None
        share = self.visit.energy_wh / self.visit.target_wh if self.visit.target_wh else 0.0
        return 40.0 + 40.0 * min(1.0, share)

    @property
    def is_over(self) -> bool:
        """Whether the last car has left and another idle time has passed."""
        ended = self._setup.cycles is not None and len(self.visits) >= self._setup.cycles
        return ended and not self.is_plugged and self._stage_s >= self._setup.idle_s and not self.is_off

    def begin(self, now: datetime) -> None:
        """The first instant."""
        self.now = self.stage_since = now
        self._settle()

    def step(self) -> None:
        """One second passes."""
        self._flow()
        self.now += SECOND
        for what, until in list(self._until.items()):
            if self.now >= until:
                self._end(what)
        self._move_on()
        self._settle()

    def stop(self, by: str) -> None:
        """The transaction ends; the car stays plugged in."""
        if self.stage in (Stage.ARRIVED, Stage.AUTHORISED, Stage.ASKING):
            assert self.visit is not None
            self.visit.ended_by = self.visit.ended_by or by
            self._end("pause")
            self._enter(Stage.DONE)
            self._settle()

    def authorise(self) -> None:
        """The driver is let in now, without waiting for `authorise_s`."""
        if self.stage is Stage.ARRIVED:
            assert self.visit is not None
            self.visit.authorised_at = self.now
            self._enter(Stage.AUTHORISED)

    def resume(self) -> None:
        """A pause of the story ends at once."""
        self._end("pause")
        self._settle()

    def settle(self) -> None:
        """Work out current and power anew, after a command changed a limit."""
        self._settle()

    def reboot(self) -> None:
        """The device is gone for `reboot_s`; its relay is open."""
        if not self.is_off:
            self.is_off = True
            self.reboots.append((self.now, None))
            self._interrupt("reboot", self._setup.reboot_s)
            self._settle()

    @property
    def _stage_s(self) -> float:
        return (self.now - self.stage_since).total_seconds()

    def _enter(self, stage: Stage) -> None:
        self.stage, self.stage_since = stage, self.now
        self._idle_power_since = None

    def _flow(self) -> None:
        energy_wh = self.power_w / SECONDS_PER_HOUR
        self.register_wh += energy_wh
        visit = self.visit
        if visit is not None and self.is_charging:
            visit.energy_wh += energy_wh
            visit.charging_s += 1
            visit.peak_power_w = max(visit.peak_power_w, self.power_w)

    def _move_on(self) -> None:
        setup, visit = self._setup, self.visit
        if self.stage is Stage.IDLE:
            more = setup.cycles is None or len(self.visits) < setup.cycles
            if more and self._stage_s >= setup.idle_s:
                self._arrive()
        elif self.stage is Stage.ARRIVED:
            if self._stage_s >= setup.authorise_s:
                self.authorise()
        elif self.stage is Stage.AUTHORISED:
            assert visit is not None
            if self._stage_s >= setup.ready_s and not self.is_off:
                wants = visit.target_wh > 0.0
                visit.ended_by = None if wants else "car"
                self._enter(Stage.ASKING if wants else Stage.DONE)
        elif self.stage is Stage.ASKING:
            assert visit is not None
            self._charge_on(visit)
        elif self._stage_s >= setup.linger_s:
            assert visit is not None
            visit.unplugged_at = self.now
            self._enter(Stage.IDLE)

    def _arrive(self) -> None:
        target_wh = self._setup.energy_wh * self._rng.uniform(0.8, 1.2)
        self.visits.append(
            Visit(
                number=len(self.visits) + 1,
                target_wh=target_wh,
                plugged_at=self.now,
                register_start_wh=self.register_wh,
            )
        )
        self._had = set()
        self._enter(Stage.ARRIVED)

    def _charge_on(self, visit: Visit) -> None:
        setup = self._setup
        is_first = visit.number == 1
        share = visit.energy_wh / visit.target_wh
        if share >= 1.0:
            visit.ended_by = visit.ended_by or "car"
            self._enter(Stage.DONE)
            return
        if setup.fault is not None and is_first and share >= FAULT_AT_SHARE and self._once("fault"):
            self.is_faulted = True
            self._interrupt("fault", setup.fault_s)
        elif setup.pause_s and share >= PAUSE_AT_SHARE and self._once("pause"):
            self.is_paused = True
            self._interrupt("pause", setup.pause_s)
        elif setup.reboot and is_first and share >= REBOOT_AT_SHARE and self._once("reboot"):
            self.reboot()
        if self.is_charging:
            self._idle_power_since = None
        elif self._idle_power_since is None:
            self._idle_power_since = self.now
        elif (self.now - self._idle_power_since).total_seconds() >= setup.patience_s:
            visit.ended_by = visit.ended_by or "driver"
            self._end("pause")
            self._enter(Stage.DONE)

    def _once(self, what: str) -> bool:
        if what in self._had:
            return False
        self._had.add(what)
        return True

    def _interrupt(self, what: str, length_s: int) -> None:
        self._until[what] = self.now + timedelta(seconds=length_s)
        if self.visit is not None:
            self.visit.interruptions.append((what, self.now, None))

    def _end(self, what: str) -> None:
        if self._until.pop(what, None) is None:
            return
        if what == "fault":
            self.is_faulted = False
        elif what == "pause":
            self.is_paused = False
        else:
            self.is_off = False
            self.reboots[-1] = (self.reboots[-1][0], self.now)
        last = self.last_visit
        for index, (kind, since, until) in enumerate(last.interruptions if last else []):
            if last is not None and kind == what and until is None:
                last.interruptions[index] = (kind, since, self.now)

    def _settle(self) -> None:
        """Voltages, currents and power from this instant on."""
        self._draw_mains()
        was_charging = self.is_charging
        visit = self.visit
        offered_a = self.offered_a
        self.is_charging = self.stage is Stage.ASKING and offered_a > 0.0 and not self.is_paused_by_car
        phases = min(self._setup.phases, self.phases_limit)
        if self.is_charging and visit is not None:
            share = visit.energy_wh / visit.target_wh
            current_a = min(offered_a, self._setup.car_current_a) * power_share(share) * self._appetite
            spread = (0.0, 0.0, 0.0) if self._is_even else self._spread
            self.currents_a = (
                current_a * (1.0 + spread[0]),
                current_a * (1.0 + spread[1]) if phases == 3 else 0.0,
                current_a * (1.0 + spread[2]) if phases == 3 else 0.0,
            )
            visit.charging_started_at = visit.charging_started_at or self.now
        else:
            self.currents_a = (0.0, 0.0, 0.0)
            if was_charging and self.last_visit is not None:
                self.last_visit.charging_ended_at = self.now
        first, second, third = (
            volts * amps for volts, amps in zip(self.voltages_v, self.currents_a, strict=True)
        )
        self.powers_w = (first, second, third)
        self.power_w = first + second + third

    def _draw_mains(self) -> None:
        """Only once a second: a command that settles anew must not use up chance."""
        if self._drawn_at == self.now:
            return
        self._drawn_at = self.now
        rng = self._rng
        drift = [rng.gauss(0.0, 0.25) for _ in range(3)]
        self._spread = (rng.gauss(0.0, 0.002), rng.gauss(0.0, 0.002), rng.gauss(0.0, 0.002))
        self._appetite = 1.0 - abs(rng.gauss(0.0, 0.006))
        self.frequency_hz = min(50.12, max(49.88, self.frequency_hz + rng.gauss(0.0, 0.006)))
        if not self._is_even:
            one, two, three = (
                min(238.0, max(223.0, volts + step - 0.02 * (volts - NOMINAL_V)))
                for volts, step in zip(self.voltages_v, drift, strict=True)
            )
            self.voltages_v = (one, two, three)
        warm_c = AMBIENT_C + WARMING_C_PER_A * sum(self.currents_a) / 2.0
        self.temperature_c += (warm_c - self.temperature_c) / WARMING_TIME_S
