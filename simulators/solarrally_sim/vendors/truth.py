"""What really happened at a simulated device, for a test to compare a backend's sessions with.

All energies are Wh, all times simulated, UTC. `register_*_wh` is the device's meter before any rounding; on
the wire it is no finer than `register_resolution_wh`. A session is a car's stay: `started_at` plugged in,
`ended_at` unplugged (null: still there). `interruptions` are pauses, faults and reboots within it.
"""

from datetime import datetime
from typing import Any

from solarrally_sim.vendors.scene import Scene, Visit
from solarrally_sim.vendors.setup import Setup


def truth_of(
    family: str,
    setup: Setup,
    scene: Scene,
    *,
    base_topic: str,
    began_at: datetime | None,
    register_resolution_wh: float,
    commands: list[dict[str, object]],
) -> dict[str, Any]:
    """The whole story so far; JSON types only."""
    return {
        "family": family,
        "device_id": setup.device_id,
        "base_topic": base_topic,
        "seed": setup.seed,
        "phases": setup.phases,
        "quirks": list(setup.quirks),
        "began_at": _iso(began_at),
        "until": _iso(scene.now if began_at else None),
        "is_complete": scene.is_over,
        "energy_wh": round(scene.register_wh - scene.register_start_wh, 6),
        "register_start_wh": round(scene.register_start_wh, 6),
        "register_end_wh": round(scene.register_wh, 6),
        "register_resolution_wh": register_resolution_wh,
        "peak_power_w": round(max((visit.peak_power_w for visit in scene.visits), default=0.0), 3),
        "sessions": [_session(visit) for visit in scene.visits],
        "reboots": [{"from": _iso(off), "to": _iso(back)} for off, back in scene.reboots],
        "commands": list(commands),
    }


def _session(visit: Visit) -> dict[str, object]:
    return {
        "number": visit.number,
        "started_at": _iso(visit.plugged_at),
        "authorised_at": _iso(visit.authorised_at),
        "charging_started_at": _iso(visit.charging_started_at),
        "charging_ended_at": _iso(visit.charging_ended_at),
        "ended_at": _iso(visit.unplugged_at),
        "ended_by": visit.ended_by,
        "energy_wh": round(visit.energy_wh, 6),
        "register_start_wh": round(visit.register_start_wh, 6),
        "register_end_wh": round(visit.register_start_wh + visit.energy_wh, 6),
        "peak_power_w": round(visit.peak_power_w, 3),
        "charging_s": visit.charging_s,
        "interruptions": [
            {"what": what, "from": _iso(since), "to": _iso(until)}
            for what, since, until in visit.interruptions
        ],
    }


def _iso(ts: datetime | None) -> str | None:
    return ts.isoformat().replace("+00:00", "Z") if ts else None
