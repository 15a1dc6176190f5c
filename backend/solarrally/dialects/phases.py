"""Voltages and currents of up to three phases, in the fields of our own format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from solarrally.dialects.family import Said, Value

DEAD_V: Final = 50.0
"""Below it no conductor is connected: what is measured there is induced."""
NOMINAL_V: Final = 230.0
"""Phase to neutral, IEC 60038."""
MOST_W: Final = 10_000_000.0
"""Ten times what the largest charger for lorries delivers."""


def told_phases(voltages_v: Sequence[float | None], currents_a: Sequence[float | None]) -> Said:
    """Of each phase, where there is more than one; and for the whole the mean voltage of the connected phases
    with the largest current.
    """
    said: Said = {}
    for name, values in (("voltage_v", voltages_v), ("current_a", currents_a)):
        if len(values) > 1:
            said |= {
                f"{name}_l{number}": value for number, value in enumerate(values, 1) if value is not None
            }
    live_v = [value for value in voltages_v if value is not None and value >= DEAD_V]
    if live_v:
        said["voltage_v"] = sum(live_v) / len(live_v)
    flowing_a = [value for value in currents_a if value is not None]
    if flowing_a:
        said["current_a"] = max(flowing_a)
    return said


def offered_w(current_a: Value, phases: Value, voltages_v: Sequence[float | None] = ()) -> float | None:
    """What a station offers that says it in amperes a phase; at 230 V where it measures no voltage. None of
    what no station can offer.
    """
    if not isinstance(current_a, float) or not isinstance(phases, float):
        return None
    live_v = [value for value in voltages_v if value is not None and value >= DEAD_V]
    power_w = current_a * phases * (sum(live_v) / len(live_v) if live_v else NOMINAL_V)
    return power_w if 0 <= power_w <= MOST_W else None
