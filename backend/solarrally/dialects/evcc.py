"""evcc: what an energy manager says of the loadpoints (chargers) that it controls, a value a topic.

Source: evcc-io/evcc, b29b49e30: server/mqtt.go (topics, encoding, deletion at start and stop),
server/mqtt_setter.go, core/keys/loadpoint.go (keys), core/energy_metrics.go (session energy and its solar
share), cmd/setup.go (`status`), cmd/root.go (an unchanged value is said again after 30 minutes). Plain text,
retained, QoS 1; an empty payload is "no value". A station is a loadpoint, `evcc/loadpoints/<n>/…`; behind a
root of another name, one of the registry.

| key | unit | becomes |
|---|---|---|
| `chargePower` | W | `power_w` |
| `chargeCurrents/l1` to `l3`, `chargeVoltages/l1` to `l3` | A, V | phases |
| `chargeTotalImport` | kWh | `energy_wh` |
| `sessionEnergy`, older `chargedEnergy` | Wh; above 1,000 kWh garbage | `session_total_energy_kwh` |
| `sessionSolarPercentage` | % | `session_energy_kwh_solar`, the rest is `…_grid` |
| `vehicleSoc` | %; 0 is "no vehicle" | `soc_percent` |
| `vehicleIdentity` | card or vehicle, as the charger read it | `id_token` |
| `offeredCurrent`, `phasesActive` | A | `power_offered_w`, with the voltage |
| `chargeCurrent`, `activePhases` (evcc 0.64) | A | the same |
| `connected`, `charging`, `enabled`, `chargerStatusReason` | | `status` |
| `evcc/updated` | seconds since 1970 | a sign of life of all loadpoints |
| `evcc/status` | `online`, `offline` (the last will) | online or not |

| `connected` | `charging` | `enabled` | becomes |
|---|---|---|---|
| false | | | available |
| true | true | | charging |
| true | false | true | suspendedev |
| true | false | false | suspendedevse; preparing while `chargerStatusReason` is waitingforauthorization |

Solar is evcc's own "self-produced" share: of each addition to the session's energy, what photovoltaics and
the home battery's discharge could cover (`greenShare`, core/site_tariffs.go). Energy and share are published
one after the other, and unchanged ones not at all; a share is applied to an energy only if it came after it,
or is all or nothing. Applied to the energy of another instant, it would make the solar counter fall.

When evcc starts and stops it deletes its topics, all but `status`: that takes back what was said, and is no
reading.

| command | becomes | shown by |
|---|---|---|
| stop, pause, a limit of 0 | `mode/set` off | `mode` |
| start, resume | `mode/set` with the mode that was before, else now | `mode`, any but off |
| set_current_limit | `maxCurrent/set`, not below `minCurrent` | `maxCurrent` |
| reset, unlock, update_firmware | not taken: evcc cannot do that to a charger | |
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from solarrally.dialects.confirming import IsDone, shown_by
from solarrally.dialects.family import (
    Family,
    Order,
    Outgoing,
    Place,
    Said,
    Translation,
    Value,
    tell_plainly,
)
from solarrally.dialects.phases import offered_w, told_phases
from solarrally.dialects.values import Field, flag, in_field, number, read_field, scaled, shown, text
from solarrally.domain.reading import ConnectorStatus
from solarrally.errors import CommandNotTaken, RejectedMessage

ROOT: Final = "evcc"
LOADPOINT: Final = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)
"""They are counted from 1."""
MAX_SESSION_KWH: Final = 1000.0
"""core/loadpoint.go, `maxSessionEnergy`."""
CHARGING_MODES: Final = frozenset({"now", "minpv", "pv"})
_KEYS: Final = "core/keys/loadpoint.go"


def _session_kwh(payload: bytes) -> float | None:
    energy_wh = number(payload)
    return None if energy_wh is None or energy_wh > MAX_SESSION_KWH * 1000 else energy_wh / 1000


def _percent(payload: bytes) -> float | None:
    value = number(payload)
    if value is not None and not 0 <= value <= 100:
        raise RejectedMessage("invalid_field", f"{value:g} is no share in percent")
    return value


def _soc(payload: bytes) -> float | None:
    return _percent(payload) or None


def _online(payload: bytes) -> bool | None:
    if payload not in (b"online", b"offline", b""):
        raise RejectedMessage("invalid_field", f"expected online or offline, got {shown(payload)}")
    return payload == b"online" if payload else None


FIELDS: Final[Mapping[str, Field | None]] = {
    "chargePower": Field("power_w", number, "W", _KEYS),
    "chargeCurrents/l1": Field("current_a_l1", number, "A", "server/mqtt.go publish"),
    "chargeCurrents/l2": Field("current_a_l2", number, "A", "server/mqtt.go publish"),
    "chargeCurrents/l3": Field("current_a_l3", number, "A", "server/mqtt.go publish"),
    "chargeVoltages/l1": Field("voltage_v_l1", number, "V", "server/mqtt.go publish"),
    "chargeVoltages/l2": Field("voltage_v_l2", number, "V", "server/mqtt.go publish"),
    "chargeVoltages/l3": Field("voltage_v_l3", number, "V", "server/mqtt.go publish"),
    "chargeTotalImport": Field("energy_wh", scaled(1000), "kWh", _KEYS),
    "chargedEnergy": Field("charged_kwh", _session_kwh, "Wh", _KEYS),
    "vehicleSoc": Field("soc_percent", _soc, "%", _KEYS),
    "vehicleIdentity": Field("id_token", text, "", _KEYS),
    "offeredCurrent": Field("offered_a", number, "A", _KEYS),
    "phasesActive": Field("phases", number, "", _KEYS),
    "activePhases": Field("phases", number, "", "issue 1668, evcc 0.64"),
    "chargeCurrent": Field("offered_a", number, "A", "issue 1668, evcc 0.64"),
    "connected": Field("is_connected", flag, "", _KEYS),
    "charging": Field("is_charging", flag, "", _KEYS),
    "enabled": Field("is_enabled", flag, "", _KEYS),
    "chargerStatusReason": Field("reason", text, "words", "api/reason.go"),
    "minCurrent": Field("min_a", number, "A", _KEYS),
    "maxCurrent": Field("max_a", number, "A", _KEYS),
    "status": Field("is_online", _online, "", "cmd/setup.go configureMqtt"),
    "updated": None,
}
_WITHOUT_USE: Final = frozenset({
    "battery", "batteryBoost", "batteryBoostLimit", "chargeCurrents", "chargeDuration",
    "chargeRemainingDuration", "chargeRemainingEnergy", "chargeVoltages", "charger", "chargerIcon",
    "chargerPhases1p3p", "chargerSinglePhase", "circuit", "connectedDuration", "defaultMode", "dimmed",
    "disableDelay", "disableThreshold", "effectiveLimitSoc", "effectiveMaxCurrent", "effectiveMinCurrent",
    "effectiveMinSoc", "effectivePlanId", "effectivePlanSoc", "effectivePlanStrategy", "effectivePlanTime",
    "effectivePriority", "enableDelay", "enableThreshold", "guardAction", "guardRemaining", "last24hEnergy",
    "last7dEnergy", "limitEnergy", "limitSoc", "meter", "minSoc", "minSocNotReached", "name", "phaseAction",
    "phaseRemaining", "phasesConfigured", "phasesEnabled", "plan", "planActive", "planEnergy", "planOverrun",
    "planProjectedEnd", "planProjectedStart", "planSoc", "planStrategy", "planTime", "priority", "pv",
    "pvAction", "pvRemaining", "range", "remoteDisabled", "remoteDisabledSource", "repeatingPlans",
    "sessionCo2PerKWh", "sessionPrice", "sessionPricePerKWh", "smartCostActive", "smartCostLimit",
    "smartCostNextStart", "smartFeedInPriorityActive", "smartFeedInPriorityLimit",
    "smartFeedInPriorityNextStart", "soc", "socCharge", "suggestion", "targetEnergy", "targetTime",
    "thresholds", "timerActive", "timerProjectedEnd", "timerSet", "title", "todayEnergy", "ui", "vehicle",
    "vehicleClimaterActive", "vehicleDetectionActive", "vehicleLimitSoc", "vehicleName", "vehicleOdometer",
    "vehicleRange", "vehicleTitle", "vehicleWelcomeActive",
})  # fmt: skip
_SHARED: Final = frozenset({"loadpoints", "site", "status", "updated", "vehicles"})
_FEATURE: Final = "chargerFeature"
"""`chargerFeatureHeating` and the like: one key a feature."""


def place(levels: Sequence[str]) -> Place | None:
    """`evcc/loadpoints/<n>/…`, and what is of all loadpoints."""
    if len(levels) < 2 or levels[0] != ROOT:
        return None
    if len(levels) >= 4 and levels[1] == "loadpoints":
        if not LOADPOINT.fullmatch(levels[2]):
            return None
        return Place("/".join(levels[:3]), f"{ROOT}-{levels[2]}", "/".join(levels[3:]))
    if levels[1] in _SHARED:
        return Place(ROOT, "", "/".join(levels[1:]), is_shared=True)
    return None


def is_order(key: str, payload: bytes) -> bool:
    """`…/set` is to evcc; it clears it itself when it has taken it up."""
    return key.endswith("/set") and bool(payload)


def read(key: str, payload: bytes) -> Said | None:
    """One topic."""
    if key.endswith("/set"):
        return {}
    if key == "sessionEnergy":
        return {
            "session_total_energy_kwh": in_field(_session_kwh, payload, key),
            "is_share_of_energy": False,
        }
    if key == "sessionSolarPercentage":
        return {"solar_percent": in_field(_percent, payload, key), "is_share_of_energy": True}
    if key == "mode":
        mode = in_field(text, payload, key)
        return {"mode": mode} | ({"charging_mode": mode} if mode in CHARGING_MODES else {})
    if key in FIELDS:
        return read_field(FIELDS, key, payload)
    first = key.partition("/")[0]
    if first in _WITHOUT_USE or first in _SHARED or first.startswith(_FEATURE):
        return {}
    return None


def tell(said: Mapping[str, Value], known: Mapping[str, Value]) -> Said:
    """What holds now; nothing of one that is gone."""
    if said.get("is_online") is False:
        return {}
    told = tell_plainly(said, known)
    voltages_v = _three(said, "voltage_v")
    told |= told_phases(voltages_v, _three(said, "current_a"))
    total_kwh = said.get("session_total_energy_kwh", said.get("charged_kwh"))
    told["session_total_energy_kwh"] = total_kwh
    solar_percent = said.get("solar_percent")
    is_of_energy = said.get("is_share_of_energy") or solar_percent in (0, 100)
    if isinstance(total_kwh, float) and isinstance(solar_percent, float) and is_of_energy:
        told["session_energy_kwh_solar"] = total_kwh * solar_percent / 100
        told["session_energy_kwh_grid"] = total_kwh * (100 - solar_percent) / 100
    told["power_offered_w"] = offered_w(said.get("offered_a"), known.get("phases"), voltages_v)
    told["status"] = status_of(known)
    return told


def _three(said: Mapping[str, Value], what: str) -> list[float | None]:
    values = [said.get(f"{what}_l{phase}") for phase in (1, 2, 3)]
    return [value if isinstance(value, float) else None for value in values]


def status_of(known: Mapping[str, Value]) -> str | None:
    """OCPP 1.6 status. evcc tells no faults of chargers."""
    is_connected, is_charging, is_enabled = (
        known.get(name) for name in ("is_connected", "is_charging", "is_enabled")
    )
    if is_connected is False:
        return ConnectorStatus.AVAILABLE
    if not is_connected:
        return None
    if is_charging:
        return ConnectorStatus.CHARGING
    if is_charging is None or is_enabled is None:
        return None
    if is_enabled:
        return ConnectorStatus.SUSPENDED_EV
    if known.get("reason") == "waitingforauthorization":
        return ConnectorStatus.PREPARING
    return ConnectorStatus.SUSPENDED_EVSE


def translate(order: Order) -> Translation:
    """See the table above."""
    known = order.known
    match order.command:
        case "start" | "resume":
            mode = str(known.get("charging_mode") or "now")
            return _mode(mode, lambda known: known.get("mode") in CHARGING_MODES)
        case "stop" | "pause":
            return _mode("off", lambda known: known.get("mode") == "off")
        case "set_current_limit" if order.params["limit_a"] == 0:
            return _mode("off", lambda known: known.get("mode") == "off")
        case "set_current_limit":
            return _limit(float(order.params["limit_a"]), known)
        case _:
            raise CommandNotTaken(f"evcc cannot {order.command.replace('_', ' ')} a charger")


def _mode(mode: str, is_done: IsDone) -> Translation:
    return Translation([Outgoing("mode/set", mode.encode())], shown_by(is_done))


def _limit(limit_a: float, known: Mapping[str, Value]) -> Translation:
    min_a = known.get("min_a")
    if isinstance(min_a, float) and limit_a < min_a:
        raise CommandNotTaken(f"evcc's minimum for this charger is {min_a:g} A")
    confirmation = shown_by(lambda known: known.get("max_a") == limit_a)
    return Translation([Outgoing("maxCurrent/set", f"{limit_a:g}".encode())], confirmation)


EVCC = Family(
    name="evcc",
    vendor="evcc",
    topic_filters=(f"{ROOT}/loadpoints/#", f"{ROOT}/updated", f"{ROOT}/status"),
    place=place,
    read=read,
    tell=tell,
    is_order=is_order,
    holds=True,
    translate=translate,
)
