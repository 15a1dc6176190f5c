"""SmartEVSE 3 (dingo35): a value a topic, the full set every 10 seconds and at once after a change.

Source: dingo35/SmartEVSE-3.5:SmartEVSE-3/src/esp32.cpp (`mqttPublishData`, `mqtt_receive_callback`, the words
of states and errors), src/main.cpp, docs/configuration.md "MQTT API"; state of June 2026. It publishes under
`SmartEVSE/<serial>`, older firmware under `SmartEVSE-<serial>`; QoS 0, most of it retained. MQTT cannot
subscribe to "all that begins with SmartEVSE-", so those stations need their base topic in the registry.

| topic | unit | becomes |
|---|---|---|
| `EVChargePower` | W | `power_w` |
| `EVCurrentL1` to `L3` | 0.1 A | `current_a_l1` to `l3`, `current_a` |
| `EVEnergyCharged` | Wh; the last vehicle's until the next charges | `session_total_energy_kwh`, not then |
| `EVImportActiveEnergy` | Wh; published only if not 0, which after boot is "not read yet" | `energy_wh` |
| `EVTotalEnergyCharged` | Wh, import less export; 0 after boot | `energy_wh` of firmware without the above |
| `EVComputedSoC` | %, -1 for none | `soc_percent` |
| `ESPTemp` | °C | `temperature_c` |
| `ChargeCurrent`, `NrOfPhases` | 0.1 A | `power_offered_w`, at 230 V |
| `State`, `Access`, `Error`, `EVPlugState` | words, below | `status`, `error_code` |
| `RFIDLastRead` | hexadecimal, zeros for none | `id_token` while it is let in |
| `connected` | `online`, `offline` (the last will) | online or not |
| `Version` | | firmware |

| `State` (`StateID`) | becomes |
|---|---|
| Ready to Charge (A) | available; as B where `EVPlugState` says Connected: without access it stays in A |
| Connected to EV (B) | preparing; suspendedev after it has charged; suspendedevse without power, in a |
| | pause, and where access was taken away after it has charged |
| Charging (C), D | charging |
| Request State B, State B OK, Request State C, State C OK, Activate | preparing |
| Modem Setup, Modem Request, Modem Done | preparing |
| Charging Stopped (B1), Stop Charging (C1), Modem Denied | suspendedevse |
| NOSTATE | not said |

| `Error` | becomes |
|---|---|
| None | |
| No Power Available | no fault: suspendedevse where a vehicle is connected |
| Communication Error (of the mains meter), EV Meter Comm Error | faulted, PowerMeterFailure |
| Temperature High | faulted, HighTemperature |
| RCM Tripped | faulted, GroundFailure |
| RCM Test, Test IO | no fault: suspendedevse where a vehicle is connected, else unavailable |
| Flash Error | faulted, InternalError |
| Multiple Errors, and what is new | faulted, OtherError |

Commands are published below `Set/`; the device has no answers, but publishes its state at once:

| command | becomes | shown by |
|---|---|---|
| start, resume | `Set/Mode` Normal, Smart or Solar, as it was before | `Mode`, one of these |
| stop | `Set/Mode` Off | `Mode` |
| pause, a limit of 0 | `Set/Mode` Pause | `Mode` |
| set_current_limit | `Set/CurrentOverride` in 0.1 A, and out of a pause | `ChargeCurrentOverride`; refused |
| | | above `MaxCurrent`, where it would be ignored |
| reset, unlock, update_firmware | not taken: its MQTT has no such topic | |
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from solarrally.dialects.confirming import is_same, shown_by
from solarrally.dialects.family import (
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
from solarrally.dialects.phases import offered_w, told_phases
from solarrally.dialects.values import Field, in_field, number, read_field, scaled, shown, text
from solarrally.domain.command import Answer
from solarrally.domain.reading import ConnectorStatus
from solarrally.errors import CommandNotTaken, RejectedMessage

_SOURCE: Final = "esp32.cpp mqttPublishData"

PLUGGED: Final = "plugged"
STATES: Final[Mapping[str, str | None]] = {
    "Ready to Charge": ConnectorStatus.AVAILABLE,
    "Connected to EV": PLUGGED,
    "Charging": ConnectorStatus.CHARGING,
    "D": ConnectorStatus.CHARGING,
    "Request State B": ConnectorStatus.PREPARING,
    "State B OK": ConnectorStatus.PREPARING,
    "Request State C": ConnectorStatus.PREPARING,
    "State C OK": ConnectorStatus.PREPARING,
    "Activate": ConnectorStatus.PREPARING,
    "Charging Stopped": ConnectorStatus.SUSPENDED_EVSE,
    "Stop Charging": ConnectorStatus.SUSPENDED_EVSE,
    "Modem Setup": ConnectorStatus.PREPARING,
    "Modem Request": ConnectorStatus.PREPARING,
    "Modem Done": ConnectorStatus.PREPARING,
    "Modem Denied": ConnectorStatus.SUSPENDED_EVSE,
    "NOSTATE": None,
}
FAULTS: Final[Mapping[str, str]] = {
    "Communication Error": "PowerMeterFailure",
    "EV Meter Comm Error": "PowerMeterFailure",
    "Temperature High": "HighTemperature",
    "RCM Tripped": "GroundFailure",
    "Flash Error": "InternalError",
}
NO_POWER: Final = "No Power Available"
TESTING: Final = frozenset({"RCM Test", "Test IO"})
NO_FAULT: Final = frozenset({"None", NO_POWER}) | TESTING

SERIAL: Final = re.compile(r"\d{1,10}", re.ASCII)
"""src/esp32.h: an uint32_t."""
CHARGING_MODES: Final = frozenset({"Normal", "Smart", "Solar"})


def _counter(payload: bytes) -> float | None:
    """0 is what the device has before it has read its meter."""
    return number(payload) or None


def _amperes(payload: bytes) -> float | None:
    value = number(payload)
    return None if value is None else value / 10


def _percent(payload: bytes) -> float | None:
    value = number(payload)
    return value if value is not None and 0 <= value <= 100 else None


def _card(payload: bytes) -> str | None:
    value = text(payload)
    return value if value is not None and value.strip("0") else None


def _online(payload: bytes) -> bool:
    if payload not in (b"online", b"offline"):
        raise RejectedMessage("invalid_field", f"expected online or offline, got {shown(payload)}")
    return payload == b"online"


FIELDS: Final[Mapping[str, Field | None]] = {
    "EVChargePower": Field("power_w", number, "W", _SOURCE),
    "EVCurrentL1": Field("current_a_l1", _amperes, "0.1 A", _SOURCE),
    "EVCurrentL2": Field("current_a_l2", _amperes, "0.1 A", _SOURCE),
    "EVCurrentL3": Field("current_a_l3", _amperes, "0.1 A", _SOURCE),
    "EVEnergyCharged": Field("session_total_energy_kwh", scaled(0.001), "Wh", _SOURCE),
    "EVImportActiveEnergy": Field("energy_wh", _counter, "Wh", _SOURCE),
    "EVTotalEnergyCharged": Field("net_wh", _counter, "Wh", _SOURCE),
    "EVComputedSoC": Field("soc_percent", _percent, "%", _SOURCE),
    "ESPTemp": Field("temperature_c", number, "°C", _SOURCE),
    "ChargeCurrent": Field("offered_a", _amperes, "0.1 A", _SOURCE),
    "NrOfPhases": Field("phases", number, "", _SOURCE),
    "ChargeCurrentOverride": Field("override_a", _amperes, "0.1 A", _SOURCE),
    "MaxCurrent": Field("max_a", _amperes, "0.1 A", _SOURCE),
    "LoadBl": Field("load_balancing", number, "0 alone, 1 master, 2 to 8 slave", _SOURCE),
    "Access": Field("access", text, "Deny, Allow, Pause", _SOURCE),
    "Error": Field("error", text, "words", _SOURCE),
    "RFID": Field("card_said", text, "words", _SOURCE),
    "RFIDLastRead": Field("card", _card, "hexadecimal", _SOURCE),
    "EVPlugState": Field("plug", text, "Connected, Disconnected", _SOURCE),
    "connected": Field("is_online", _online, "", "esp32.cpp SetupMQTTClient, network_common.cpp"),
    "Version": Field("firmware", text, "", "esp32.cpp mqttSmartEVSEPublishData"),
    **dict.fromkeys(
        (
            "CPPWM", "CPPWMOverride", "CableLock", "CircuitCurrentL1", "CircuitCurrentL2", "CircuitCurrentL3",
            "CustomButton", "CustomButtonPressTime", "ESPUptime", "EVCCID", "EVEnergyCapacity",
            "EVEnergyRequest", "EVExportActiveEnergy", "EVFullSoC", "EVInitialSoC", "EVRemainingSoC",
            "EVTimeUntilFull", "EnableC2", "HomeBatteryCurrent", "LEDColorCustom", "LEDColorNormal",
            "LEDColorOff", "LEDColorSmart", "LEDColorSolar", "MainsCurrentL1", "MainsCurrentL2",
            "MainsCurrentL3", "MainsExportActiveEnergy", "MainsImportActiveEnergy", "MaxSumMains",
            "MaxSumMainsTime", "OCPP", "OCPPConnection", "PairingPin", "RequiredEVCCID", "SolarStopTimer",
            "StateID", "WiFiBSSID", "WiFiRSSI", "WiFiSSID",
        )
    ),
}  # fmt: skip


def place(levels: Sequence[str]) -> Place | None:
    """`SmartEVSE/<serial>/…`, and `SmartEVSE-<serial>/…` where that is heard."""
    if len(levels) >= 3 and levels[0] == "SmartEVSE" and SERIAL.fullmatch(levels[1]):
        return Place("/".join(levels[:2]), f"SmartEVSE-{levels[1]}", "/".join(levels[2:]))
    if len(levels) >= 2 and re.fullmatch(rf"SmartEVSE-{SERIAL.pattern}", levels[0], re.ASCII):
        return Place(levels[0], levels[0], "/".join(levels[1:]))
    return None


def is_order(key: str, payload: bytes) -> bool:
    """Everything below `Set/` is to the device."""
    return key.startswith("Set/")


def read(key: str, payload: bytes) -> Said | None:
    """One topic."""
    if is_order(key, payload):
        return {}
    if key == "State":
        return _state(payload)
    if key == "Mode":
        mode = in_field(text, payload, key)
        return {"mode": mode} | ({"charging_mode": mode} if mode in CHARGING_MODES else {})
    return read_field(FIELDS, key, payload)


def _state(payload: bytes) -> Said:
    word = in_field(text, payload, "State")
    if not isinstance(word, str) or word not in STATES:
        raise RejectedMessage("invalid_field", f"{shown(payload)} is no state of it", "State")
    state = STATES[word]
    said: Said = {"state": state}
    if state == ConnectorStatus.AVAILABLE:
        said["has_charged"] = False
    elif state == ConnectorStatus.CHARGING:
        said["has_charged"] = True
    return said


def tell(said: Mapping[str, Value], known: Mapping[str, Value]) -> Said:
    """A moment, which is the full set most of the time; nothing of one that is gone."""
    if said.get("is_online") is False:
        return {}
    told = tell_plainly(said, known)
    if "energy_wh" not in known and said.get("net_wh") is not None:
        told["energy_wh"] = said["net_wh"]
    currents_a = [said.get(f"current_a_l{phase}") for phase in (1, 2, 3)]
    told |= told_phases((), [one for one in currents_a if isinstance(one, float)])
    told["power_offered_w"] = offered_w(said.get("offered_a"), known.get("phases"))
    status, error_code = status_of(known)
    told |= {"status": status, "error_code": error_code}
    if status == ConnectorStatus.PREPARING:
        told.pop("session_total_energy_kwh", None)
    if said.get("card") is not None and _is_let_in(known):
        told["id_token"] = said["card"]
    return told


def status_of(known: Mapping[str, Value]) -> tuple[str | None, str | None]:
    """OCPP 1.6 status and error code."""
    error, state = known.get("error"), known.get("state")
    if isinstance(error, str) and error not in NO_FAULT:
        return ConnectorStatus.FAULTED, FAULTS.get(error, "OtherError")
    is_unseen = state == ConnectorStatus.AVAILABLE and known.get("plug") == "Connected"
    if error in TESTING:
        is_empty = state in (None, ConnectorStatus.AVAILABLE) and not is_unseen
        return ConnectorStatus.UNAVAILABLE if is_empty else ConnectorStatus.SUSPENDED_EVSE, None
    if state != PLUGGED and not is_unseen:
        return (None if state is None else str(state)), None
    if error == NO_POWER or known.get("access") == "Pause":
        return ConnectorStatus.SUSPENDED_EVSE, None
    if not known.get("has_charged"):
        return ConnectorStatus.PREPARING, None
    return (
        ConnectorStatus.SUSPENDED_EVSE if known.get("access") == "Deny" else ConnectorStatus.SUSPENDED_EV
    ), None


def _is_let_in(known: Mapping[str, Value]) -> bool:
    """The card last read opened what is going on now, as far as the device tells."""
    return (
        known.get("access") == "Allow"
        and known.get("state") not in (None, ConnectorStatus.AVAILABLE)
        and known.get("card_said") != "Card not in storage"
    )


def translate(order: Order) -> Translation:
    """See the table above."""
    known = order.known
    charging_mode = known.get("charging_mode") or "Normal"
    match order.command:
        case "start" | "resume":
            is_on = shown_by(lambda known: known.get("mode") in CHARGING_MODES)
            return Translation([Outgoing("Set/Mode", str(charging_mode).encode())], is_on)
        case "stop":
            return _mode("Off")
        case "pause":
            return _mode("Pause")
        case "set_current_limit" if order.params["limit_a"] == 0:
            return _mode("Pause")
        case "set_current_limit":
            return _limit(float(order.params["limit_a"]), str(charging_mode), known)
        case _:
            raise CommandNotTaken(f"SmartEVSE takes no {order.command} over MQTT")


def _mode(mode: str) -> Translation:
    return Translation(
        [Outgoing("Set/Mode", mode.encode())], shown_by(lambda known: known.get("mode") == mode)
    )


def _limit(limit_a: float, charging_mode: str, known: Mapping[str, Value]) -> Translation:
    load_balancing = known.get("load_balancing")
    too_much = _too_much(limit_a, known)
    if too_much is not None:
        raise CommandNotTaken(too_much)
    if charging_mode == "Solar":
        raise CommandNotTaken("in Solar mode it has no limit from outside")
    if isinstance(load_balancing, float) and load_balancing >= 2:
        raise CommandNotTaken("it is a slave of another SmartEVSE: ask the master")
    messages = [Outgoing("Set/CurrentOverride", str(round(limit_a * 10)).encode())]
    if known.get("mode") == "Pause":
        messages.insert(0, Outgoing("Set/Mode", charging_mode.encode()))

    def confirmation(heard: Heard) -> Outcome | None:
        too_much = _too_much(limit_a, heard.known)  # it says its maximum every ten seconds only
        if too_much is not None:
            return Outcome(Answer.REJECTED, too_much)
        override_a = heard.known.get("override_a")
        is_set = isinstance(override_a, float) and is_same(override_a, limit_a)
        return Outcome(Answer.COMPLETED) if is_set and heard.known.get("mode") != "Pause" else None

    return Translation(messages, confirmation)


def _too_much(limit_a: float, known: Mapping[str, Value]) -> str | None:
    max_a = known.get("max_a")
    return f"its maximum is {max_a:g} A" if isinstance(max_a, float) and limit_a > max_a else None


SMARTEVSE = Family(
    name="smartevse",
    vendor="SmartEVSE",
    topic_filters=("SmartEVSE/#",),
    place=place,
    read=read,
    tell=tell,
    is_order=is_order,
    made_by="state",
    translate=translate,
)
