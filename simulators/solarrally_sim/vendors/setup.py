"""What may be said of a simulated device: who it is, how strong, what its driver does, what goes wrong."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo


class SetupError(ValueError):
    """An option that this family cannot have; the message says which it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The options of `make_device`. Times are simulated seconds, energies Wh, currents A per phase.

    * `base_topic`: None is the family's own default; what it replaces is said in the family's module.
    * `phases`: 1 or 3. `max_current_a`: of cable and installation, 6 to 32. `car_current_a`: the car's most.
    * `cycles`: charging sessions before the device is finished; None is without end. `energy_wh`: of a
      session; each draws its own between 80 and 120 % of it. 0: the car takes nothing.
    * A session: `idle_s` without a car, plugged in, after `authorise_s` authorised, after `ready_s` the car
      asks for current; at half of its energy a pause of `pause_s` (0: none) by the station, or by the car
      with `pause_by_car`; when the car is full it stays for `linger_s`. A driver whose car gets nothing for
      `patience_s` leaves.
    * `fault`: one of the family's, once in the first session, at a quarter of its energy, for `fault_s`.
    * `reboot`: once in the first session, at three quarters, away for `reboot_s`.
    * `interval_s`: how often the device reports, where its user may choose (None: the vendor's default).
    * `timezone`: where the device's local times are. `register_wh`: the meter at the start; None: drawn.
    * `quirks`: names of what this device does unlike the others of its family.
    """

    device_id: str = ""
    base_topic: str | None = None
    client_id: str | None = None
    seed: int = 1
    phases: int = 3
    max_current_a: float = 16.0
    car_current_a: float = 16.0
    cycles: int | None = 1
    energy_wh: float = 2000.0
    idle_s: int = 60
    authorise_s: int = 20
    ready_s: int = 5
    pause_s: int = 60
    pause_by_car: bool = False
    linger_s: int = 60
    patience_s: int = 900
    fault: str | None = None
    fault_s: int = 30
    reboot: bool = False
    reboot_s: int = 15
    interval_s: float | None = None
    timezone: str = "Europe/Zurich"
    register_wh: float | None = None
    quirks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.phases not in (1, 3):
            raise SetupError("phases must be 1 or 3")
        if not 6.0 <= self.max_current_a <= 32.0 or not 6.0 <= self.car_current_a <= 32.0:
            raise SetupError("currents must be 6 to 32 A")
        lengths = (self.idle_s, self.authorise_s, self.ready_s, self.linger_s, self.patience_s)
        if min(lengths) < 1 or self.fault_s < 1 or self.reboot_s < 1 or self.pause_s < 0:
            raise SetupError("lengths are whole seconds, at least 1 (pause_s: at least 0)")
        if self.energy_wh < 0.0:
            raise SetupError("energy_wh must not be negative")
        if self.interval_s is not None and self.interval_s < 1.0:
            raise SetupError("interval_s must be at least 1")
        ZoneInfo(self.timezone)
