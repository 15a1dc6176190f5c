"""The five fleets, as data: which stations there are and how they behave.

Numbers from wire-formats.md 3(a), "Behaviour". Probabilities are per `TICK_S` and are converted to the
interval in use, so that a fleet behaves the same at any message rate.
"""

from dataclasses import dataclass
from enum import StrEnum

from solarrally_sim.payload import Flavour

TICK_S = 5.0


class SolarRule(StrEnum):
    """Where a fleet's energy comes from."""

    BY_HOUR = "by hour"  # each interval is all solar or all grid, drawn by the height of the sun
    GRID_ONLY = "grid only"
    FORCED = "forced"  # 85-100 % of each interval is solar, whatever the hour


@dataclass(frozen=True, slots=True, kw_only=True)
class StationModel:
    """A type of station. Power is U x I, single-phase, as the original devices calculate it."""

    vendor: str
    model: str
    firmware: str
    voltage_v: float
    current_a: float
    target_kwh: tuple[float, float]  # what its customers ask for: least and most

    @property
    def max_power_w(self) -> float:
        """Rated power in W."""
        return self.voltage_v * self.current_a


LEVEL_2 = StationModel(
    vendor="SolarRally",
    model="L2-32",
    firmware="1.4.2",
    voltage_v=230.0,
    current_a=32.0,
    target_kwh=(1.0, 12.0),
)
LEVEL_3 = StationModel(
    vendor="SolarRally",
    model="L3-63",
    firmware="2.1.0",
    voltage_v=400.0,
    current_a=63.0,
    target_kwh=(5.0, 40.0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A fleet. `units` are repeated in this order when more stations are asked for."""

    name: str
    summary: str
    uid_prefix: str
    units: tuple[tuple[StationModel, Flavour], ...]
    start_probability: float = 0.05  # per tick, that a car plugs in at an idle station
    fault_probability: float = 0.005  # per tick
    fault_lasts_s: float = 30.0
    solar: SolarRule = SolarRule.BY_HOUR
    first_unit_starts_faulted: bool = False
    first_unit_expects_car: bool = False  # at its second reading, so that there is a charge to see at once


_E, _B = Flavour.ENHANCED, Flavour.BASIC

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        name="standard",
        summary="Two level 2 stations (7.36 kW) and one level 3 (25.2 kW) on an ordinary day.",
        uid_prefix="evse_unit",
        units=((LEVEL_2, _E), (LEVEL_2, _B), (LEVEL_3, _E)),
        first_unit_expects_car=True,
    ),
    Scenario(
        name="rush-hour",
        summary="Six stations; at each tick a car plugs in at an idle one with a probability of 15 %.",
        uid_prefix="evse_rush",
        units=((LEVEL_2, _E), (LEVEL_2, _B), (LEVEL_3, _E)) * 2,
        start_probability=0.15,
    ),
    Scenario(
        name="solar-peak",
        summary="Four stations at noon: 85-100 % of the energy is solar, whatever the hour.",
        uid_prefix="evse_solar",
        units=((LEVEL_2, _E), (LEVEL_2, _B)) * 2,
        solar=SolarRule.FORCED,
    ),
    Scenario(
        name="night",
        summary="Four level 2 stations, grid energy only.",
        uid_prefix="evse_night",
        units=((LEVEL_2, _E), (LEVEL_2, _B)) * 2,
        solar=SolarRule.GRID_ONLY,
    ),
    Scenario(
        name="fault-recovery",
        summary="Three stations; the first starts faulted in mid-session and recovers after 30 s.",
        uid_prefix="evse_fault",
        units=((LEVEL_2, _E), (LEVEL_2, _B), (LEVEL_3, _E)),
        first_unit_starts_faulted=True,
    ),
)


def scenario_named(name: str) -> Scenario:
    """The scenario of that name; raises `KeyError` with the known names."""
    for scenario in SCENARIOS:
        if scenario.name == name:
            return scenario
    known = ", ".join(scenario.name for scenario in SCENARIOS)
    raise KeyError(f"no scenario is called {name!r}; there are: {known}")
