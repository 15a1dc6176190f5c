"""OpenEVSE with its WiFi gateway: a value per topic, and some retained JSON documents.

Source: OpenEVSE/openevse_esp32_firmware (July 2026): docs/Developers_Guide_MQTT.md and docs/mqtt.md for
topics, units and commands, src/input.cpp, src/energy_meter.cpp, src/evse_monitor.cpp, src/manual.cpp for
what they mean; OpenEVSE/OpenEVSE_Lib:src/openevse.h for the states.

It publishes under `openevse-<last 4 of its id>`, or a base topic of the owner's that may end in a slash
(#829); QoS 0, not retained unless so configured: all values every 30 s, current, voltage and power each
second while charging. `openevse/announce/<last 4>` is retained, says which base topic it is, and is its
last will.

| topic | unit | becomes |
|---|---|---|
| `amp` | mA; A in some older firmware | `current_a` |
| `voltage` | V, measured, or what is configured or fed in | `voltage_v` |
| `power` | W | `power_w`; of firmware without it `voltage` times `amp`, which is how others compute it |
| `temp` | 0.1 °C or false | `temperature_c`; of firmware without it the highest of `temp1` to `temp4` |
| `total_energy` | kWh, of firmware since 4.1.9 (which has `total_day` too) | `energy_wh` (lifetime) |
| `session_energy` | Wh | `session_total_energy_kwh` |
| `wattsec` | Ws, of firmware without `session_energy` | `session_total_energy_kwh` |
| `pilot` | A | `power_offered_w` |
| `battery_level` | %, of the vehicle | `soc_percent` |
| `rfid_auth` | the card that let it charge, empty without | `id_token` |
| `state`, `vehicle`, `flags` | code, 0 or 1, bits | `status`, `error_code` |
| `config` | JSON: `version`, `buildenv`, `is_threephase` | firmware, model |
| | `max_current_soft` A | a limit of its own settings |

Up to 4.1.7 `wh`, `watthour` and `total_energy` stand still while it charges, and take the whole charge at
its end (#79, #321, #399): they measure no session, and are not told. From 4.1.9 on `watthour` is
`total_energy` again. Whether `amp` is in mA or A shows where `power` is known: U times I is near it, with
one or three phases. There is no unit in a topic: what they say in kWh and what in Wh is told only by the
table (#703).

| `state` | becomes |
|---|---|
| 0 starting | unavailable |
| 1 not connected | available |
| 2 connected | preparing; suspendedev once it has charged |
| 3 charging | charging |
| 4 vent required | faulted, OtherError |
| 5 diode check failed | faulted, EVCommunicationError |
| 6 GFCI fault, 7 no ground | faulted, GroundFailure |
| 8 stuck relay, 14 relay did not close | faulted, PowerSwitchFailure |
| 9 GFCI self-test failed, 17 EEPROM | faulted, InternalError |
| 10 over temperature | faulted, HighTemperature |
| 11 over current | faulted, OverCurrentFailure |
| 12, 13 reserved for pilot and temperature sensor; 15, 16 proximity pin | faulted, OtherError |
| 254 sleeping | suspendedevse with a vehicle, else available; not said where nobody knows |
| 255 disabled | unavailable: it cannot see a vehicle then |

While the gateway has lost its controller (`evse_connected` 0) no status is told.

Commands go through the claims of the gateway; it publishes the document again that changed ("serves as the
acknowledgement"). `override` outranks schedule, solar divert and claims, and ends when the car leaves.

| command | becomes | shown by |
|---|---|---|
| start | `override/set` active | `override` |
| stop, pause | `override/set` disabled | `override` |
| resume | `override/set` clear | `override` |
| set_current_limit 0 | as pause | `override` |
| set_current_limit | `claim/set` with `max_current`, rounded down to 1 A; takes a pause back | `claim`; if |
| | | its settings allow less (src/evse_man.cpp), that is told |
| reset | `restart` of the gateway, `hard`: of the controller too | `uptime` begins anew |
| unlock, update_firmware | not taken: its MQTT has neither | |
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from solarrally.dialects.confirming import limit_shown, shown_by
from solarrally.dialects.family import (
    BASE_TOPIC,
    FACTS,
    Confirmation,
    Family,
    Heard,
    Order,
    Outcome,
    Outgoing,
    Place,
    Said,
    Translation,
    Value,
    tell_plainly,
)
from solarrally.dialects.phases import MOST_W, offered_w
from solarrally.dialects.values import (
    Field,
    checked_text,
    flag,
    json_number,
    json_object,
    number,
    read_field,
    scaled,
    text,
)
from solarrally.domain.command import Answer
from solarrally.domain.reading import ConnectorStatus
from solarrally.errors import CommandNotTaken, RejectedMessage

STARTING, NOT_CONNECTED, CONNECTED, CHARGING, SLEEPING, DISABLED = 0, 1, 2, 3, 254, 255
FAULTS: Final[Mapping[int, str]] = {
    4: "OtherError",
    5: "EVCommunicationError",
    6: "GroundFailure",
    7: "GroundFailure",
    8: "PowerSwitchFailure",
    9: "InternalError",
    10: "HighTemperature",
    11: "OverCurrentFailure",
    12: "OtherError",
    13: "OtherError",
    14: "PowerSwitchFailure",
    15: "OtherError",
    16: "OtherError",
    17: "InternalError",
}
STATES: Final = frozenset({STARTING, NOT_CONNECTED, CONNECTED, CHARGING, SLEEPING, DISABLED}) | FAULTS.keys()
EV_CONNECTED: Final = 0x0100
"""Of `flags`: OPENEVSE_VFLAG_EV_CONNECTED."""

FROM_FACTORY: Final = re.compile(r"openevse-[0-9a-f]{4}")
"""Its base topic: the end of the chip's id, in hexadecimal."""
ANNOUNCEMENT: Final = "//announce"
"""As a key: no topic below a base topic can be called so."""
JUST_STARTED_S: Final = 120.0
LEAST_A: Final = 1.0
"""Below it U times I tells nothing of the unit."""
CLEAR: Final = Outgoing("override/set", b"clear")
_encode = msgspec.json.Encoder().encode

_GUIDE: Final = "Developers_Guide_MQTT.md"


def _state(payload: bytes) -> float:
    state = number(payload)
    if state not in STATES:
        raise RejectedMessage("invalid_field", f"{payload[:20]!r} is no state of it")
    assert state is not None
    return state


def _percent(payload: bytes) -> float | None:
    percent = number(payload)
    return percent if percent is not None and 0 <= percent <= 100 else None


def _card(payload: bytes) -> str | None:
    return text(payload.strip(b"\0"))


DECIDEGREE: Final = scaled(0.1)
FIELDS: Final[Mapping[str, Field | None]] = {
    "amp": Field("amp", number, "mA", _GUIDE),
    "battery_level": Field("soc_percent", _percent, "%", _GUIDE),
    "evse_connected": Field("has_controller", flag, "", _GUIDE),
    "flags": Field("flags", number, "bits", "OpenEVSE_Lib:src/openevse.h"),
    "pilot": Field("pilot_a", number, "A", _GUIDE),
    "power": Field("power_w", number, "W", _GUIDE),
    "rfid_auth": Field("id_token", _card, "", _GUIDE),
    "session_energy": Field("session_wh", number, "Wh", _GUIDE),
    "state": Field("state", _state, "code", _GUIDE),
    "temp": Field("temperature_c", DECIDEGREE, "0.1 °C", _GUIDE),
    "temp1": Field("temp1_c", DECIDEGREE, "0.1 °C", _GUIDE),
    "temp2": Field("temp2_c", DECIDEGREE, "0.1 °C", _GUIDE),
    "temp3": Field("temp3_c", DECIDEGREE, "0.1 °C", _GUIDE),
    "temp4": Field("temp4_c", DECIDEGREE, "0.1 °C", "src/input.cpp"),
    "total_day": Field("day_kwh", number, "kWh", _GUIDE),
    "total_energy": Field("total_wh", scaled(1000), "kWh", _GUIDE),
    "uptime": Field("uptime_s", number, "s", _GUIDE),
    "vehicle": Field("has_vehicle", flag, "", _GUIDE),
    "voltage": Field("voltage_v", number, "V", _GUIDE),
    "wattsec": Field("session_ws", number, "Ws", _GUIDE),
    **dict.fromkeys(
        """
        available_current battery_range buildenv charge_rate claims_version colour config_version
        divert_active divert_type divert_update divertmode elapsed emoncms_connected emoncms_message
        eth_connected free_heap freeram frequency home_battery_power home_battery_soc ipaddress
        ipv6address limit limit_version local_time macaddress manual_override max_current min_charge_end
        mqtt_broker_ip mqtt_broker_version mqtt_close_code mqtt_close_reason mqtt_connected
        mqtt_connected_since mqtt_error mqtt_error_detail mqtt_status net_connected offset ota
        ota_progress ota_update override_version packets_sent packets_success rapi/out rfid_input
        rfid_waiting schedule schedule_plan_version schedule_version session_elapsed shaper shaper_cur
        shaper_live_pwr shaper_max_pwr shaper_smoothed_live_pwr shaper_updated
        smoothed_available_current solar grid_ie srssi status temp_max time time_to_full_charge
        total_month total_switches total_week total_year trigger_current vehicle_charge_limit watthour
        wh wifi_client_connected
        """.split()  # noqa: SIM905 (as a list it would be 90 lines)
    ),
}
DOCUMENTS: Final = frozenset({ANNOUNCEMENT, "config", "claim", "override"})
_ORDERS: Final = frozenset({"restart", "schedule/clear"})


def place(levels: Sequence[str]) -> Place | None:
    """`openevse/announce/<short id>`, and `openevse-<short id>/…` where that is heard."""
    if len(levels) == 3 and levels[:2] == ["openevse", "announce"]:
        name = f"openevse-{levels[2]}"
        return Place(name, name, ANNOUNCEMENT, is_shared=True)
    if len(levels) >= 2 and FROM_FACTORY.fullmatch(levels[0]):
        return Place(levels[0], levels[0], "/".join(levels[1:]))
    return None


def is_order(key: str, payload: bytes) -> bool:
    """`…/set`, `restart` and RAPI are to the device."""
    return key.endswith("/set") or key in _ORDERS or key.startswith("rapi/in/")


def read(key: str, payload: bytes) -> Said | None:
    """One topic."""
    if is_order(key, payload):
        return {}
    if not payload.strip() and key != "rfid_auth":
        return {} if key in FIELDS or key in DOCUMENTS else None
    match key:
        case "//announce":
            return _announcement(json_object(payload))
        case "config":
            return _config(json_object(payload))
        case "claim" | "override":
            return _claim(key, json_object(payload))
        case _:
            return read_field(FIELDS, key, payload)


def _announcement(document: Mapping[str, Any]) -> Said:
    state = document.get("state")
    if state not in ("connected", "disconnected"):
        raise RejectedMessage("invalid_field", "expected connected or disconnected", "state")
    said: Said = {"is_online": state == "connected"}
    base_topic = document.get("mqtt")
    return said | ({BASE_TOPIC: base_topic} if isinstance(base_topic, str) else {})


def _config(document: Mapping[str, Any]) -> Said:
    said: Said = {"is_three_phase": document.get("is_threephase") is True}
    for name, key in (("firmware", "version"), ("model", "buildenv")):
        value = document.get(key)
        if isinstance(value, str):
            said[name] = checked_text(value)
    soft_a = json_number(document.get("max_current_soft"), "max_current_soft")
    if soft_a:  # 0 until it has asked its controller
        said["max_soft_a"] = soft_a
    return said


def _claim(key: str, document: Mapping[str, Any]) -> Said:
    """The gateway's own: `{"state": "null"}` when there is none."""
    state = document.get("state")
    return {
        f"{key}_state": state if state in ("active", "disabled", "null") else None,
        f"{key}_max_a": json_number(document.get("max_current"), "max_current"),
    }


def tell(said: Mapping[str, Value], known: Mapping[str, Value]) -> Said:
    """What it said within a second, with its status."""
    if said.keys() <= FACTS:
        return {}
    told = tell_plainly(said, known)
    status, error_code = status_of(known)
    told |= {"status": status, "error_code": error_code}
    told["current_a"] = current_a = _current_a(said, known)
    voltage_v = said.get("voltage_v")
    if "power_w" not in known and current_a is not None and isinstance(voltage_v, float):
        power_w = voltage_v * current_a
        told["power_w"] = power_w if abs(power_w) <= MOST_W else None
    if "temperature_c" not in known:
        sensors_c = [said.get(f"temp{number}_c") for number in (1, 2, 3, 4)]
        told["temperature_c"] = max((one for one in sensors_c if isinstance(one, float)), default=None)
    if "day_kwh" in known:
        told["energy_wh"] = said.get("total_wh")
    told["session_total_energy_kwh"] = _session_kwh(said)
    told["power_offered_w"] = _offered_w(said, known, status)
    return told


def _current_a(said: Mapping[str, Value], known: Mapping[str, Value]) -> float | None:
    """In A, by the unit that U times I shows; without anything to compare with as documented, in mA."""
    amp, voltage_v, power_w = said.get("amp"), known.get("voltage_v"), known.get("power_w")
    if not isinstance(amp, float):
        return None
    if isinstance(voltage_v, float) and isinstance(power_w, float) and amp >= LEAST_A:
        apparent_va = voltage_v * amp  # if it were in A
        if 0.4 * apparent_va <= power_w <= 3.75 * apparent_va:
            return amp
    return amp / 1000


def _session_kwh(said: Mapping[str, Value]) -> float | None:
    session_wh, session_ws = said.get("session_wh"), said.get("session_ws")
    if isinstance(session_wh, float):
        return session_wh / 1000
    return session_ws / 3_600_000 if isinstance(session_ws, float) else None


def _offered_w(said: Mapping[str, Value], known: Mapping[str, Value], status: str | None) -> float | None:
    pilot_a, voltage_v = said.get("pilot_a"), known.get("voltage_v")
    if pilot_a is None or status is None:
        return None
    if known.get("state") not in (NOT_CONNECTED, CONNECTED, CHARGING):
        return 0.0
    phases = 3.0 if known.get("is_three_phase") is True else 1.0
    return offered_w(pilot_a, phases, [voltage_v] if isinstance(voltage_v, float) else [])


def status_of(known: Mapping[str, Value]) -> tuple[str | None, str | None]:
    """OCPP 1.6 status and error code."""
    state = known.get("state")
    if not isinstance(state, float) or known.get("has_controller") is False:
        return None, None
    if state in FAULTS:
        return ConnectorStatus.FAULTED, FAULTS[int(state)]
    match int(state):
        case 1:
            return ConnectorStatus.AVAILABLE, None
        case 2:
            has_charged = bool(known.get("session_wh") or known.get("session_ws"))
            return (ConnectorStatus.SUSPENDED_EV if has_charged else ConnectorStatus.PREPARING), None
        case 3:
            return ConnectorStatus.CHARGING, None
        case 254:
            has_vehicle = _has_vehicle(known)
            if has_vehicle is None:
                return None, None
            return (ConnectorStatus.SUSPENDED_EVSE if has_vehicle else ConnectorStatus.AVAILABLE), None
        case _:
            return ConnectorStatus.UNAVAILABLE, None


def _has_vehicle(known: Mapping[str, Value]) -> bool | None:
    has_vehicle, flags = known.get("has_vehicle"), known.get("flags")
    if isinstance(has_vehicle, bool):
        return has_vehicle
    return bool(int(flags) & EV_CONNECTED) if isinstance(flags, float) else None


def translate(order: Order) -> Translation:
    """See the table above."""
    match order.command:
        case "start":
            return _override("active")
        case "stop" | "pause":
            return _override("disabled")
        case "resume":
            return _override("null")
        case "set_current_limit" if order.params["limit_a"] == 0:
            return _override("disabled")
        case "set_current_limit":
            return _limit(order)
        case "reset":
            devices = ["evse", "gateway"] if order.params.get("kind") == "hard" else ["gateway"]
            messages = [Outgoing("restart", _encode({"device": device})) for device in devices]
            return Translation(messages, _restarted(order))
        case _:
            raise CommandNotTaken(f"OpenEVSE takes no {order.command} over MQTT")


def _override(state: str) -> Translation:
    message = CLEAR if state == "null" else Outgoing("override/set", _encode({"state": state}))
    return Translation([message], shown_by(lambda known: known.get("override_state") == state))


def _limit(order: Order) -> Translation:
    asked_a = float(order.params["limit_a"])
    messages = [Outgoing("claim/set", _encode({"max_current": int(asked_a)}))]
    if order.known.get("override_state") == "disabled":
        messages.append(CLEAR)
    confirmation = limit_shown(
        "claim_max_a",
        asked_a=asked_a,
        sent_a=int(asked_a),
        before=order.known.get("claim_max_a"),
        is_free=lambda known: known.get("override_state") != "disabled",
        tighter=_own_limit,
    )
    return Translation(messages, confirmation)


def _own_limit(known: Mapping[str, Value]) -> tuple[float, str] | None:
    soft_a = known.get("max_soft_a")
    return (soft_a, "max_current_soft of its settings") if isinstance(soft_a, float) else None


def _restarted(order: Order) -> Confirmation:
    uptime_s, sent_at = order.known.get("uptime_s"), order.sent_at
    before_s = uptime_s if isinstance(uptime_s, float) else JUST_STARTED_S

    def confirmation(heard: Heard) -> Outcome | None:
        now_s = heard.said.get("uptime_s")
        if not isinstance(now_s, float):
            return None
        is_new = now_s < (before_s if sent_at is None else (heard.at - sent_at).total_seconds())
        return Outcome(Answer.COMPLETED) if is_new else None

    return confirmation


OPENEVSE: Final = Family(
    name="openevse",
    vendor="OpenEVSE",
    topic_filters=("openevse/announce/+",),
    place=place,
    read=read,
    tell=tell,
    is_order=is_order,
    translate=translate,
)
