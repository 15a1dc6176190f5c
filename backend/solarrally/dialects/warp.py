"""Tinkerforge WARP chargers (1 to 4): a JSON document a topic, published when it changes, at most once a
second.

Source: Tinkerforge/esp32-firmware, cf4f5b58c: software/src/modules/{evse_common,evse_v2}/*.cpp (topics,
fields), meters/meter_value_id.csv (ids), meters_legacy_api/meters_legacy_api.cpp (order of `all_values`),
charge_tracker/charge_tracker.cpp, mqtt/mqtt.cpp (QoS 0, retained, no last will). The prefix is `warp/<id>`,
`warp2/<id>`, `warp3/<id>` or `warp4/<id>` from the factory, and may be set.

| topic | field, unit | becomes |
|---|---|---|
| `evse/state` | `charger_state`, `error_state` | `status`, `error_code`, below |
| | `allowed_charging_current` mA | `power_offered_w`, with the phases and the voltage |
| `evse/low_level_state` | `temperature` 0.01 °C | `temperature_c` |
| | `phases_current` | phases in use |
| `evse/external_current` | `current` mA | what we asked for |
| `evse/slots` | `max_current` mA of slots 0, 1: incoming, outgoing cable | a limit beside it |
| `meter/values` | `power` W | `power_w` |
| | `energy_abs` kWh | `energy_wh`, where the meter has no `value_ids` |
| | `energy_rel` kWh | never: its owner resets it |
| `meter/all_values` | 0 to 2 V, 3 to 5 A | phases |
| `meters/<n>/value_ids`, `…/values` | ids, values | below; `n` as in `evse/meter_config`, else 0 |
| `charge_tracker/current_charge` | `user_id`, -1 no charge, 0 nobody known | `id_token` of a known user |
| `charge_tracker/last_charges` | the last 30 charges | of no use yet: could fill gaps after an outage |
| `info/name`, `info/version` | | model, firmware |

| id of a value | unit | becomes |
|---|---|---|
| 1, 2, 3 voltage L1-N to L3-N | V | `voltage_v_l1` to `l3` |
| 11, 15, 19 current import; else 13, 17, 21 import plus export | A | `current_a_l1` to `l3` |
| 74 power import less export; else 71 import | W | `power_w` |
| 209 energy import; else 213 import plus export; both since manufacturing | kWh | `energy_wh` |

| `charger_state` | becomes |
|---|---|
| 0 not connected | available |
| 1 waiting for release | preparing before the charge has begun, suspendedevse in it |
| 2 ready | suspendedev |
| 3 charging | charging |
| 4 error | faulted, by `error_state`: 2 switch InternalError, 3 DC fault GroundFailure, 4 contactor |
| | PowerSwitchFailure, 5 communication EVCommunicationError, else OtherError |

| command | becomes | shown by |
|---|---|---|
| start, stop | `evse/start_charging`, `evse/stop_charging`: `null`, never empty | `charger_state` |
| set_current_limit | `evse/external_current_update`, mA, at most 32 A | `evse/external_current`, also if |
| | | a cable carries less, which is told |
| pause, a limit of 0; resume | the same with 0; with the last limit, else 32 A | `evse/external_current` |
| reset (both kinds) | `reboot` | `info/version`, which is published at each start |
| unlock, update_firmware | not taken: no topic for it, and none that takes an address | |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from solarrally.dialects.confirming import limit_shown, shown_anew, shown_by
from solarrally.dialects.family import (
    Confirmation,
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
from solarrally.dialects.values import checked_text, document, json_number, json_object
from solarrally.domain.reading import ConnectorStatus
from solarrally.errors import CommandNotTaken, RejectedMessage

PREFIXES: Final = ("warp", "warp2", "warp3", "warp4")
UID: Final = re.compile(r"[0-9A-Za-z]{1,8}", re.ASCII)
"""src/device_module.cpp: Base58, up to 8 characters."""
NOT_CONNECTED, WAITING, READY, CHARGING, ERROR = range(5)
STATES: Final = frozenset({NOT_CONNECTED, WAITING, READY, CHARGING, ERROR})
FAULTS: Final[Mapping[float, str]] = {
    2: "InternalError",
    3: "GroundFailure",
    4: "PowerSwitchFailure",
    5: "EVCommunicationError",
}

VOLTAGES: Final = ((1,), (2,), (3,))
CURRENTS: Final = ((11, 13), (15, 17), (19, 21))
POWER: Final = (74, 71)
ENERGY: Final = (209, 213)
"""Ids of meter_value_id.csv, the better one first."""

MAX_VALUES: Final = 1000
NO_LIMIT_MA: Final = 32000
CABLE_SLOTS: Final = 2
"""evse_common.h: CHARGING_SLOT_INCOMING_CABLE, CHARGING_SLOT_OUTGOING_CABLE."""

_MODULES_WITHOUT_USE: Final = frozenset({
    "authentication", "automation", "automation_action", "batteries", "batteries_modbus_tcp",
    "battery_control", "bricklet_stress_test", "certs", "charge_authorization", "charge_limits",
    "charge_manager", "charge_tracker", "co2ampel", "coredump", "day_ahead_prices", "debug", "eco", "eebus",
    "em_phase_switcher", "energy_manager", "esp32", "ethernet", "ev", "event_log", "evse_led", "factory_data",
    "firmware_update", "front_panel", "heating", "iso15118", "meters", "meters_legacy_api", "meters_sun_spec",
    "modbus_meter_simulator", "modbus_tcp", "modbus_tcp_debug", "mqtt", "network", "nfc", "ntp", "ocpp",
    "ove_r37", "p14a_enwg", "power_manager", "proxy", "rct_power_debug", "remote_access", "require_meter",
    "rtc", "solar_forecast", "system", "temperatures", "users", "wifi", "wireguard",
})  # fmt: skip
_TOPICS_WITHOUT_USE: Final = frozenset({
    "evse/auto_start_charging", "evse/automation_current", "evse/boost_mode", "evse/button_configuration",
    "evse/button_state", "evse/charge_mode", "evse/control_pilot_disconnect", "evse/eebus_enabled",
    "evse/energy_meter_display_backlight", "evse/enumerate_value", "evse/ev_wakeup",
    "evse/external_clear_on_disconnect", "evse/external_defaults", "evse/global_current", "evse/gp_output",
    "evse/gpio_configuration", "evse/hardware_configuration", "evse/indicator_led", "evse/led_configuration",
    "evse/management_current", "evse/management_enabled", "evse/management_state", "evse/modbus_tcp_enabled",
    "evse/ocpp_enabled", "evse/p14a_enwg_enabled", "evse/phase_auto_switch", "evse/phase_switch_wait_time",
    "evse/phases_connected", "evse/supported_charge_modes", "evse/user_calibration",
    "evse/user_current", "evse/user_enabled", "info/display_name", "info/features", "info/last_boots",
    "info/modules", "meter/error_counters", "meter/last_reset", "meter/phases", "meter/state",
})  # fmt: skip
_ACTIONS: Final = frozenset({
    "bricklet_reboot", "config_reset", "evse/reset_dc_fault_current_state", "evse/start_charging",
    "evse/stop_charging", "evse/trigger_dc_fault_test", "factory_reset", "meter/reset", "nfc/inject_tag",
    "nfc/inject_tag_start", "nfc/inject_tag_stop", "reboot",
})  # fmt: skip


def place(levels: Sequence[str]) -> Place | None:
    """`warp3/<id>/…`."""
    if len(levels) < 3 or levels[0] not in PREFIXES or not UID.fullmatch(levels[1]):
        return None
    return Place("/".join(levels[:2]), f"{levels[0]}-{levels[1]}", "/".join(levels[2:]))


def is_order(key: str, payload: bytes) -> bool:
    """Actions, and settings, whose topics end in `_update`."""
    return key in _ACTIONS or key.endswith("_update")


def read(key: str, payload: bytes) -> Said | None:
    """One document."""
    if is_order(key, payload):
        return {}
    if key in READERS:
        return READERS[key](payload)
    module, _, rest = key.partition("/")
    if module == "meters" and rest.endswith(("/value_ids", "/values")):
        return {key: _numbers_as_text(payload, key)}
    return {} if module in _MODULES_WITHOUT_USE or key in _TOPICS_WITHOUT_USE else None


def _fields(payload: bytes, names: Mapping[str, tuple[str, float]]) -> Said:
    said = json_object(payload)
    told: Said = {}
    for field, (name, factor) in names.items():
        if field in said:
            value = json_number(said[field], field)
            told[name] = None if value is None else value * factor
    return told


def _state(payload: bytes) -> Said:
    said = _fields(
        payload,
        {
            "charger_state": ("charger_state", 1),
            "error_state": ("error_state", 1),
            "allowed_charging_current": ("allowed_a", 0.001),
        },
    )
    state = said.get("charger_state")
    if state is not None and state not in STATES:
        raise RejectedMessage("invalid_field", f"{state:g} is no state of it", "charger_state")
    return said


def _low_level_state(payload: bytes) -> Said:
    return _fields(payload, {"temperature": ("temperature_c", 0.01), "phases_current": ("phases", 1)})


def _external_current(payload: bytes) -> Said:
    said = _fields(payload, {"current": ("external_a", 0.001)})
    return said | ({"external_limit_a": said["external_a"]} if said.get("external_a") else {})


def _slots(payload: bytes) -> Said:
    slots = document(payload)
    if not isinstance(slots, list) or not all(isinstance(slot, dict) for slot in slots):
        raise RejectedMessage("invalid_field", "expected objects", "evse/slots")
    limits_ma = [json_number(slot.get("max_current"), "max_current") for slot in slots[:CABLE_SLOTS]]
    return {"cable_a": min((limit_ma / 1000 for limit_ma in limits_ma if limit_ma), default=None)}


def _external_enabled(payload: bytes) -> Said:
    enabled = json_object(payload).get("enabled")
    return {"takes_external": enabled} if isinstance(enabled, bool) else {}


def _meter_values(payload: bytes) -> Said:
    return _fields(payload, {"power": ("power_w", 1), "energy_abs": ("energy_abs_wh", 1000)})


def _all_values(payload: bytes) -> Said:
    values = _numbers(payload, "meter/all_values")
    names = [f"{what}_l{phase}" for what in ("voltage_v", "current_a") for phase in (1, 2, 3)]
    return dict(zip(names, values, strict=False))


def _current_charge(payload: bytes) -> Said:
    return _fields(payload, {"user_id": ("user_id", 1)})


def _meter_config(payload: bytes) -> Said:
    return _fields(payload, {"slot": ("meter_slot", 1)})


def _name(payload: bytes) -> Said:
    said = json_object(payload)
    return {"model": _word(said, "display_type") or _word(said, "type")}


def _version(payload: bytes) -> Said:
    return {"firmware": _word(json_object(payload), "firmware")}


READERS: Final[Mapping[str, Callable[[bytes], Said]]] = {
    "evse/state": _state,
    "evse/low_level_state": _low_level_state,
    "evse/external_current": _external_current,
    "evse/external_enabled": _external_enabled,
    "evse/slots": _slots,
    "evse/meter_config": _meter_config,
    "meter/values": _meter_values,
    "meter/all_values": _all_values,
    "charge_tracker/current_charge": _current_charge,
    "info/name": _name,
    "info/version": _version,
}


def _word(said: Mapping[str, Any], field: str) -> str | None:
    value = said.get(field)
    if value is not None and not isinstance(value, str):
        raise RejectedMessage("invalid_field", f"expected text, got {str(value)[:40]!r}", field)
    return checked_text(value)


def _numbers(payload: bytes, key: str) -> list[float | None]:
    values = document(payload)
    if not isinstance(values, list) or len(values) > MAX_VALUES:
        raise RejectedMessage("invalid_field", f"expected up to {MAX_VALUES} numbers", key)
    return [json_number(value, f"{key}[{index}]") for index, value in enumerate(values)]


def _numbers_as_text(payload: bytes, key: str) -> str:
    """Ids and values come on two topics, and mean something together only: `tell` takes them apart."""
    return ",".join("" if value is None else repr(value) for value in _numbers(payload, key))


def _from_text(text: Value) -> list[float | None]:
    parts = text.split(",") if isinstance(text, str) and text else []
    return [float(part) if part else None for part in parts]


def tell(said: Mapping[str, Value], known: Mapping[str, Value]) -> Said:
    """A moment. The charger's own meter is told by its `meters/<n>`, where the firmware has those."""
    told = tell_plainly(said, known)
    metered = _metered(said, known)
    if metered is None:
        told["energy_wh"] = said.get("energy_abs_wh")
        metered = {}
    phases: Said = {**said, **metered}
    voltages_v = _three(phases, "voltage_v")
    told |= metered
    told |= told_phases(voltages_v, _three(phases, "current_a"))
    told["power_offered_w"] = offered_w(said.get("allowed_a"), known.get("phases"), voltages_v)
    status, error_code = status_of(known)
    told |= {"status": status, "error_code": error_code}
    user_id = known.get("user_id")
    if isinstance(user_id, float) and user_id > 0 and known.get("charger_state") != NOT_CONNECTED:
        told["id_token"] = f"{user_id:g}"
    return told


def _metered(said: Mapping[str, Value], known: Mapping[str, Value]) -> Said | None:
    """By ids, of the charger's meter; None where the firmware tells no ids of it."""
    slot = known.get("meter_slot")
    base = f"meters/{slot if isinstance(slot, float) else 0:g}"
    ids = _from_text(known.get(f"{base}/value_ids"))
    if not ids:
        return None
    values = dict(zip(ids, _from_text(said.get(f"{base}/values")), strict=False))

    def first(wanted: Sequence[int]) -> float | None:
        return next((value for id_ in wanted if (value := values.get(id_)) is not None), None)

    energy_kwh = first(ENERGY)
    told: Said = {
        "power_w": first(POWER),
        "energy_wh": None if energy_kwh is None else energy_kwh * 1000,
    }
    for phase in range(3):
        told[f"voltage_v_l{phase + 1}"] = first(VOLTAGES[phase])
        told[f"current_a_l{phase + 1}"] = first(CURRENTS[phase])
    return {name: value for name, value in told.items() if value is not None}


def _three(said: Mapping[str, Value], what: str) -> list[float | None]:
    values = [said.get(f"{what}_l{phase}") for phase in (1, 2, 3)]
    return [value if isinstance(value, float) else None for value in values]


def status_of(known: Mapping[str, Value]) -> tuple[str | None, str | None]:
    """OCPP 1.6 status and error code."""
    match known.get("charger_state"):
        case 0.0:
            return ConnectorStatus.AVAILABLE, None
        case 1.0 if known.get("user_id") == -1:
            return ConnectorStatus.PREPARING, None
        case 1.0:
            return ConnectorStatus.SUSPENDED_EVSE, None
        case 2.0:
            return ConnectorStatus.SUSPENDED_EV, None
        case 3.0:
            return ConnectorStatus.CHARGING, None
        case 4.0:
            error = known.get("error_state")
            code = FAULTS.get(error) if isinstance(error, float) else None
            return ConnectorStatus.FAULTED, code or "OtherError"
        case _:
            return None, None


def translate(order: Order) -> Translation:
    """See the table above."""
    known = order.known
    match order.command:
        case "start":
            return _action("evse/start_charging", (READY, CHARGING), known)
        case "stop":
            return _action("evse/stop_charging", (NOT_CONNECTED, WAITING), known)
        case "pause":
            return _pause(order)
        case "resume":
            limit_a = known.get("external_limit_a")
            limit_ma = round(limit_a * 1000) if isinstance(limit_a, float) else NO_LIMIT_MA
            return _external(limit_ma, known, shown_by(lambda known: bool(known.get("external_a"))))
        case "set_current_limit" if order.params["limit_a"] == 0:
            return _pause(order)
        case "set_current_limit":
            return _limit(float(order.params["limit_a"]), known)
        case "reset":
            return Translation([Outgoing("reboot", b"null")], shown_anew(lambda said: "firmware" in said))
        case "update_firmware":
            raise CommandNotTaken("a WARP charger installs only what its maker's update server offers it")
        case _:
            raise CommandNotTaken(f"WARP chargers take no {order.command} over MQTT")


def _action(key: str, states: Sequence[int], known: Mapping[str, Value]) -> Translation:
    if known.get("charger_state") == NOT_CONNECTED:
        raise CommandNotTaken("no vehicle is connected: it would ignore that")
    confirmation = shown_by(lambda known: known.get("charger_state") in states)
    return Translation([Outgoing(key, b"null")], confirmation)


def _pause(order: Order) -> Translation:
    return _external(0, order.known, shown_by(lambda known: known.get("external_a") == 0))


def _limit(limit_a: float, known: Mapping[str, Value]) -> Translation:
    limit_ma = round(limit_a * 1000)
    if limit_ma > NO_LIMIT_MA:
        raise CommandNotTaken(f"it takes at most {NO_LIMIT_MA / 1000:g} A")
    confirmation = limit_shown(
        "external_a",
        asked_a=limit_a,
        sent_a=limit_a,
        before=known.get("external_a"),
        is_free=lambda known: bool(known.get("external_a")),
        tighter=_cable,
    )
    return _external(limit_ma, known, confirmation)


def _cable(known: Mapping[str, Value]) -> tuple[float, str] | None:
    cable_a = known.get("cable_a")
    return (cable_a, "a cable of it") if isinstance(cable_a, float) else None


def _external(limit_ma: int, known: Mapping[str, Value], confirmation: Confirmation) -> Translation:
    if known.get("takes_external") is False:
        raise CommandNotTaken("external control is switched off in its settings")
    message = Outgoing("evse/external_current_update", f'{{"current":{limit_ma}}}'.encode())
    return Translation([message], confirmation)


WARP = Family(
    name="warp",
    vendor="Tinkerforge",
    topic_filters=tuple(f"{prefix}/#" for prefix in PREFIXES),
    place=place,
    read=read,
    tell=tell,
    is_order=is_order,
    holds=True,
    translate=translate,
)
