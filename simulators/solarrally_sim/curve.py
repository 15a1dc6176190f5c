"""The power a recorded car draws over its stay: the curve whose integral is exactly the energy in the file.

A plateau at the maximum power, then a taper to zero. Fast chargers (EPFL) stretch it over the whole stay;
home chargers (Trondheim) charge at once and stay plugged in. The curve is closed-form, so counters read from
it at any instants are exact and every increment lies between the powers stated at its two ends.

With r = mean power / maximum power over the charging time:
r >= 1 a constant at the mean (the only case above the stated maximum: minutes are rounded);
r >= 0.5 a plateau for 2r - 1 of the time and a straight taper; below that (1 - x)^(1/r - 1) from the start.
"""

from dataclasses import dataclass
from enum import StrEnum

SECONDS_PER_HOUR = 3600.0
HOME_MEAN_SHARE = 0.8  # mean over maximum power of a home charge: plateau for 60 % of the time


class Pace(StrEnum):
    """Whether a car charges until it leaves, or is done early and stays."""

    UNTIL_DEPARTURE = "until departure"
    AT_ONCE = "at once"


@dataclass(frozen=True, slots=True)
class PowerCurve:
    """Power and delivered share by seconds since arrival. `window_s` is how long power flows."""

    peak_w: float
    window_s: float
    plateau_share: float
    exponent: float

    def power_w(self, elapsed_s: float) -> float:
        """Power at that instant, in W; 0 from the end of the window on."""
        x = elapsed_s / self.window_s
        if x >= 1.0:
            return 0.0
        if x <= self.plateau_share:
            return self.peak_w
        return self.peak_w * float((1.0 - self._taper_progress(x)) ** self.exponent)

    def delivered_share(self, elapsed_s: float) -> float:
        """Share of the session's energy delivered since arrival, 0 to 1."""
        x = elapsed_s / self.window_s
        if x >= 1.0:
            return 1.0
        taper = (1.0 - self.plateau_share) / (self.exponent + 1.0)
        area = min(x, self.plateau_share)
        if x > self.plateau_share:
            area += taper * (1.0 - float((1.0 - self._taper_progress(x)) ** (self.exponent + 1.0)))
        return area / (self.plateau_share + taper)

    def _taper_progress(self, x: float) -> float:
        return (x - self.plateau_share) / (1.0 - self.plateau_share)


def power_curve(*, energy_wh: float, pmax_w: float, stay_s: float, pace: Pace) -> PowerCurve:
    """The curve that delivers `energy_wh` in `stay_s` at or below `pmax_w` (above only where it must be)."""
    if energy_wh <= 0.0 or pmax_w <= 0.0:
        mean_w = energy_wh * SECONDS_PER_HOUR / stay_s
        return PowerCurve(peak_w=mean_w, window_s=stay_s, plateau_share=1.0, exponent=1.0)
    window_s = stay_s
    if pace is Pace.AT_ONCE:
        window_s = min(stay_s, energy_wh * SECONDS_PER_HOUR / (HOME_MEAN_SHARE * pmax_w))
    mean_w = energy_wh * SECONDS_PER_HOUR / window_s
    ratio = mean_w / pmax_w
    if ratio >= 1.0:
        return PowerCurve(peak_w=mean_w, window_s=window_s, plateau_share=1.0, exponent=1.0)
    if ratio >= 0.5:
        return PowerCurve(peak_w=pmax_w, window_s=window_s, plateau_share=2.0 * ratio - 1.0, exponent=1.0)
    return PowerCurve(peak_w=pmax_w, window_s=window_s, plateau_share=0.0, exponent=1.0 / ratio - 1.0)
