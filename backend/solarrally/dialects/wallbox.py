"""Wallbox chargers with the MQTT bridge of jagheterfredrik: a value a topic, when it changes.

Source: jagheterfredrik/wallbox-mqtt-bridge, 1fdbcad: app/sensors.go (entities, units, setters), app/bridge.go
(topics, last will), app/wallbox/wallbox_const.go (words of the status), README.md. Topics are
`wallbox_<serial>/<entity>/state`, retained, QoS 1, plain text. MQTT cannot subscribe to "all that begins with
wallbox_": such a station needs its base topic in the registry.

| entity | unit | becomes |
|---|---|---|
| `charging_power` | W | `power_w` |
| `charging_current_l1` to `l3`, `voltage_l1` to `l3` | A, V; 0 V is "not measured" | phases |
| `cumulative_added_energy` | Wh | `energy_wh` |
| `added_energy` | Wh | `session_total_energy_kwh` |
| `temp_l1` to `l3` | °C; three zeros are "not measured" | `temperature_c`, the highest |
| `status`, `cable_connected` | | `status`, below |
| `max_charging_current`, `charging_enable` | A; 0, 1 | what we asked for |
| `wallbox_<serial>/availability` | `online`, `offline` (the last will) | online or not |

| `status` | becomes |
|---|---|
| Ready | available |
| Charging, Discharging | charging |
| Connected waiting car | suspendedev |
| Connected waiting schedule, Paused, Schedule end, Connected waiting current assignation, | |
| Queue by power boost, Connected waiting admin auth for mid, Queue by eco smart | suspendedevse |
| Locked | preparing with a cable, else unavailable |
| Unconfigured power sharing, OCPP unavailable, Updating | unavailable |
| OCPP charge finishing | finishing |
| OCPP reserved | reserved |
| Error | faulted, OtherError |
| Connected mid safety margin exceeded | faulted, PowerMeterFailure |
| Unknown (…) | not said |

| command | becomes | shown by |
|---|---|---|
| start, resume; stop, pause, a limit of 0 | `charging_enable/set` 1; 0 | `charging_enable` |
| set_current_limit | `max_charging_current/set`, whole amperes: 10.5 is 0 to it | `max_charging_current` |
| reset, unlock, update_firmware | not taken: its `lock` is a lock against users, not the plug's | |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor
from typing import Final

from solarrally.dialects.confirming import limit_shown, shown_by
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
from solarrally.dialects.phases import told_phases
from solarrally.dialects.values import Field, flag, number, read_field, scaled, shown, text
from solarrally.domain.reading import ConnectorStatus
from solarrally.errors import CommandNotTaken, RejectedMessage

_PREFIX: Final = "wallbox_"
_SOURCE: Final = "app/sensors.go"

STATES: Final[Mapping[str, str]] = {
    "Ready": ConnectorStatus.AVAILABLE,
    "Charging": ConnectorStatus.CHARGING,
    "Connected waiting car": ConnectorStatus.SUSPENDED_EV,
    "Connected waiting schedule": ConnectorStatus.SUSPENDED_EVSE,
    "Paused": ConnectorStatus.SUSPENDED_EVSE,
    "Schedule end": ConnectorStatus.SUSPENDED_EVSE,
    "Locked": ConnectorStatus.UNAVAILABLE,
    "Error": ConnectorStatus.FAULTED,
    "Connected waiting current assignation": ConnectorStatus.SUSPENDED_EVSE,
    "Unconfigured power sharing": ConnectorStatus.UNAVAILABLE,
    "Queue by power boost": ConnectorStatus.SUSPENDED_EVSE,
    "Discharging": ConnectorStatus.CHARGING,
    "Connected waiting admin auth for mid": ConnectorStatus.SUSPENDED_EVSE,
    "Connected mid safety margin exceeded": ConnectorStatus.FAULTED,
    "OCPP unavailable": ConnectorStatus.UNAVAILABLE,
    "OCPP charge finishing": ConnectorStatus.FINISHING,
    "OCPP reserved": ConnectorStatus.RESERVED,
    "Updating": ConnectorStatus.UNAVAILABLE,
    "Queue by eco smart": ConnectorStatus.SUSPENDED_EVSE,
}
FAULTS: Final[Mapping[str, str]] = {
    "Error": "OtherError",
    "Connected mid safety margin exceeded": "PowerMeterFailure",
}


def _volts(payload: bytes) -> float | None:
    return number(payload) or None


def _status(payload: bytes) -> str | None:
    word = text(payload)
    if word is None or word.startswith("Unknown"):
        return None
    if word not in STATES:
        raise RejectedMessage("invalid_field", f"{shown(payload)} is no status of it")
    return word


def _online(payload: bytes) -> bool:
    if payload not in (b"online", b"offline"):
        raise RejectedMessage("invalid_field", f"expected online or offline, got {shown(payload)}")
    return payload == b"online"


FIELDS: Final[Mapping[str, Field | None]] = {
    "availability": Field("is_online", _online, "", "app/bridge.go"),
    "charging_power/state": Field("power_w", number, "W", _SOURCE),
    "charging_current_l1/state": Field("current_a_l1", number, "A", _SOURCE),
    "charging_current_l2/state": Field("current_a_l2", number, "A", _SOURCE),
    "charging_current_l3/state": Field("current_a_l3", number, "A", _SOURCE),
    "voltage_l1/state": Field("voltage_v_l1", _volts, "V", _SOURCE),
    "voltage_l2/state": Field("voltage_v_l2", _volts, "V", _SOURCE),
    "voltage_l3/state": Field("voltage_v_l3", _volts, "V", _SOURCE),
    "cumulative_added_energy/state": Field("energy_wh", number, "Wh", _SOURCE),
    "added_energy/state": Field("session_total_energy_kwh", scaled(0.001), "Wh", _SOURCE),
    "temp_l1/state": Field("temp_l1_c", number, "°C", _SOURCE),
    "temp_l2/state": Field("temp_l2_c", number, "°C", _SOURCE),
    "temp_l3/state": Field("temp_l3_c", number, "°C", _SOURCE),
    "status/state": Field("said_status", _status, "words", "app/wallbox/wallbox_const.go"),
    "cable_connected/state": Field("has_cable", flag, "", _SOURCE),
    "charging_enable/state": Field("is_enabled", flag, "", _SOURCE),
    "max_charging_current/state": Field("max_a", number, "A", _SOURCE),
    **dict.fromkeys(
        f"{entity}/state"
        for entity in (
            "added_range", "charging_power_l1", "charging_power_l2", "charging_power_l3", "control_pilot",
            "halo_brightness", "lock", "m2w_status", "power_boost_cumulative_added_energy",
            "power_boost_current_l1", "power_boost_current_l2", "power_boost_current_l3",
            "power_boost_meter_status", "power_boost_power_l1", "power_boost_power_l2",
            "power_boost_power_l3", "power_boost_voltage_l1", "power_boost_voltage_l2",
            "power_boost_voltage_l3", "s2_open", "state_machine_state",
        )
    ),
}  # fmt: skip


def place(levels: Sequence[str]) -> Place | None:
    """`wallbox_<serial>/…`, where that is heard."""
    if len(levels) < 2 or not levels[0].startswith(_PREFIX):
        return None
    return Place(levels[0], levels[0], "/".join(levels[1:]))


def is_order(key: str, payload: bytes) -> bool:
    """`<entity>/set` is to the bridge."""
    return key.endswith("/set")


def read(key: str, payload: bytes) -> Said | None:
    """One topic."""
    return {} if is_order(key, payload) else read_field(FIELDS, key, payload)


def tell(said: Mapping[str, Value], known: Mapping[str, Value]) -> Said:
    """What holds now; nothing of one that is gone."""
    if said.get("is_online") is False:
        return {}
    told = tell_plainly(said, known)
    told |= told_phases(_three(said, "voltage_v_l{}"), _three(said, "current_a_l{}"))
    temperatures_c = [value for value in _three(said, "temp_l{}_c") if value is not None]
    if any(temperatures_c):
        told["temperature_c"] = max(temperatures_c)
    status, error_code = status_of(known)
    return told | {"status": status, "error_code": error_code}


def _three(said: Mapping[str, Value], name: str) -> list[float | None]:
    values = [said.get(name.format(phase)) for phase in (1, 2, 3)]
    return [value if isinstance(value, float) else None for value in values]


def status_of(known: Mapping[str, Value]) -> tuple[str | None, str | None]:
    """OCPP 1.6 status and error code."""
    word = str(known.get("said_status"))
    if word == "Locked" and known.get("has_cable"):
        return ConnectorStatus.PREPARING, None
    return STATES.get(word), FAULTS.get(word)


def translate(order: Order) -> Translation:
    """See the table above."""
    match order.command:
        case "start" | "resume":
            return _enable(True)
        case "stop" | "pause":
            return _enable(False)
        case "set_current_limit" if order.params["limit_a"] == 0:
            return _enable(False)
        case "set_current_limit":
            return _limit(order)
        case _:
            raise CommandNotTaken(f"the Wallbox bridge takes no {order.command}")


def _enable(is_wanted: bool) -> Translation:
    confirmation = shown_by(lambda known: known.get("is_enabled") is is_wanted)
    return Translation([Outgoing("charging_enable/set", b"1" if is_wanted else b"0")], confirmation)


def _limit(order: Order) -> Translation:
    asked_a = float(order.params["limit_a"])
    sent_a = floor(asked_a)
    confirmation = limit_shown("max_a", asked_a=asked_a, sent_a=sent_a, before=order.known.get("max_a"))
    return Translation([Outgoing("max_charging_current/set", str(sent_a).encode())], confirmation)


WALLBOX = Family(
    name="wallbox",
    vendor="Wallbox",
    place=place,
    read=read,
    tell=tell,
    is_order=is_order,
    holds=True,
    translate=translate,
)
