"""EVerest, by its API module: JSON documents of each EVSE manager, every second.

Source: EVerest/everest-core, 23c9dac16: modules/API/API/README.md and API.cpp,
types/{powermeter,evse_manager, evse_board_support,error_history}.yaml, errors/*.yaml. QoS 0, not retained, no
last will. A station is an EVSE manager: `everest_api/<manager>/var/…`; several of one host are several
stations. Hosts that share a broker set `mqtt_external_prefix`, and their stations have their base topics in
the registry.

| topic below `var/` | field, unit | becomes |
|---|---|---|
| `powermeter` | `energy_Wh_import.total` Wh | `energy_wh` |
| | `power_W.total` W, `voltage_V.L1` to `L3` and `DC`, `current_A.L1` to `L3` and `DC` | the same |
| | `timestamp`: seconds since 1970, or RFC 3339 in newer versions | `timestamp` |
| `session_info` | `state`, `permanent_fault` | `status`, below |
| | `charged_energy_wh` Wh; of the last session until the next begins | `session_total_energy_kwh`, not then |
| | `datetime` RFC 3339 | `timestamp`, where the meter says none |
| | `latest_total_w` | of no use: the meter's power, or 0 without a meter |
| `limits` | `max_current` A, `nr_of_phases_available` | `power_offered_w`, with the voltage |
| | `uuid` | which errors are this manager's |
| `telemetry` | `evse_temperature_C`, older `temperature` °C | `temperature_c` |
| `ev_info` | `soc` % | `soc_percent` |
| `hardware_capabilities` | | of no use: of direct current its amperes say nothing of power |
| `datetime`, `selected_protocol`, `logging_path` | | of no use |

| topic of all managers | becomes |
|---|---|
| `everest_api/connectors` | how many managers there are |
| `everest_api/errors/var/active_errors` | `error_code` of a faulted manager |
| `everest_api/info/var/info` | model, firmware |
| `everest_api/ocpp/var/…` | of no use |

| `state` | becomes |
|---|---|
| Unplugged | available |
| Disabled | unavailable |
| Reserved | reserved |
| Preparing, AuthRequired, AuthTimeout | preparing |
| Charging | charging |
| ChargingPausedEV, ChargingPausedEVSE | suspendedev, suspendedevse |
| Finished, FinishedEV, FinishedEVSE | finishing |
| Unknown | not said |
| any, with `permanent_fault` | faulted |

An error is a manager's own when its `origin.module_id` is the manager, or when there is one manager only.
With several, an error of a board says nothing of whose it is: then OtherError. The most severe one counts.

| command | becomes | shown by |
|---|---|---|
| stop | `cmd/stop_charging` | `state` Finished… or Unplugged |
| pause | `cmd/pause_charging` | `state` ChargingPausedEVSE |
| resume | `cmd/resume_charging` | `state` Charging, ChargingPausedEV |
| set_current_limit | `cmd/set_limit_amps`; needs an `evse_energy_sink` in its configuration | `max_current` |
| unlock | `cmd/force_unlock`, which also ends the transaction | `state` Unplugged |
| start, reset, update_firmware | not taken: the API has nothing for them | |
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

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
from solarrally.dialects.values import checked_text, document, json_number, json_object
from solarrally.domain.command import Answer
from solarrally.domain.reading import ConnectorStatus
from solarrally.errors import CommandNotTaken, RejectedMessage

ROOT: Final = "everest_api"
STATES: Final[Mapping[str, str | None]] = {
    "Unknown": None,
    "Unplugged": ConnectorStatus.AVAILABLE,
    "Disabled": ConnectorStatus.UNAVAILABLE,
    "Preparing": ConnectorStatus.PREPARING,
    "Reserved": ConnectorStatus.RESERVED,
    "AuthRequired": ConnectorStatus.PREPARING,
    "AuthTimeout": ConnectorStatus.PREPARING,
    "Charging": ConnectorStatus.CHARGING,
    "ChargingPausedEV": ConnectorStatus.SUSPENDED_EV,
    "ChargingPausedEVSE": ConnectorStatus.SUSPENDED_EVSE,
    "Finished": ConnectorStatus.FINISHING,
    "FinishedEV": ConnectorStatus.FINISHING,
    "FinishedEVSE": ConnectorStatus.FINISHING,
}
ERRORS: Final[Mapping[str, str]] = {
    "AC": "GroundFailure",
    "DC": "GroundFailure",
    "Selftest": "InternalError",
    "MREC1ConnectorLockFailure": "ConnectorLockFailure",
    "ConnectorLockCapNotCharged": "ConnectorLockFailure",
    "ConnectorLockUnexpectedOpen": "ConnectorLockFailure",
    "ConnectorLockUnexpectedClose": "ConnectorLockFailure",
    "ConnectorLockFailedLock": "ConnectorLockFailure",
    "ConnectorLockFailedUnlock": "ConnectorLockFailure",
    "MREC2GroundFailure": "GroundFailure",
    "MREC3HighTemperature": "HighTemperature",
    "OverTemperature": "HighTemperature",
    "MREC18CableOverTempDerate": "HighTemperature",
    "MREC19CableOverTempStop": "HighTemperature",
    "MREC4OverCurrentFailure": "OverCurrentFailure",
    "OverCurrentAC": "OverCurrentFailure",
    "OverCurrentDC": "OverCurrentFailure",
    "MREC5OverVoltage": "OverVoltage",
    "MREC24ConnectorVoltageHigh": "OverVoltage",
    "OverVoltageAC": "OverVoltage",
    "OverVoltageDC": "OverVoltage",
    "MREC6UnderVoltage": "UnderVoltage",
    "MREC15PowerLoss": "UnderVoltage",
    "UnderVoltageAC": "UnderVoltage",
    "UnderVoltageDC": "UnderVoltage",
    "MREC17EVSEContactorFault": "PowerSwitchFailure",
    "DiodeFault": "EVCommunicationError",
    "MREC10InvalidVehicleMode": "EVCommunicationError",
    "MREC14PilotFault": "EVCommunicationError",
    "MREC20PartialInsertion": "EVCommunicationError",
    "MREC23ProximityFault": "EVCommunicationError",
    "PowermeterTransactionStartFailed": "PowerMeterFailure",
    "BrownOut": "InternalError",
    "CommunicationFault": "InternalError",
    "DeviceFault": "InternalError",
    "HardwareFault": "InternalError",
    "Internal": "InternalError",
    "PermanentFault": "InternalError",
}
"""By the part of `type` behind the slash (errors/*.yaml); what is not here is OtherError."""
INOPERATIVE: Final = "Inoperative"
"""Says that there is another error."""
SEVERITIES: Final = ("High", "Medium", "Low")
FINISHED: Final = frozenset({"Finished", "FinishedEV", "FinishedEVSE", "Unplugged"})

_WITHOUT_USE: Final = frozenset(
    {"var/datetime", "var/hardware_capabilities", "var/selected_protocol", "var/logging_path"}
)
_SHARED: Final = frozenset({"connectors", "errors", "info", "ocpp"})


def place(levels: Sequence[str]) -> Place | None:
    """`everest_api/<manager>/…`, and what is of all managers."""
    if len(levels) < 2 or levels[0] != ROOT:
        return None
    if levels[1] in _SHARED:
        return Place(ROOT, "", "/".join(levels[1:]), is_shared=True)
    if len(levels) == 2:
        return None
    return Place("/".join(levels[:2]), f"everest-{levels[1]}", "/".join(levels[2:]))


def is_order(key: str, payload: bytes) -> bool:
    """Everything below `cmd/` is to the device."""
    return key.startswith("cmd/")


def read(key: str, payload: bytes) -> Said | None:
    """One document."""
    if key in READERS:
        return READERS[key](payload)
    if key in _WITHOUT_USE or is_order(key, payload) or key.partition("/")[0] in _SHARED:
        return {}
    return None


def _powermeter(payload: bytes) -> Said:
    said = json_object(payload)
    told: Said = {"measured_at": _instant(said.get("timestamp"), "timestamp")}
    told["energy_wh"] = _part(said, "energy_Wh_import", "total")
    told["power_w"] = _part(said, "power_W", "total")
    for field, name in (("voltage_V", "voltage_v"), ("current_A", "current_a")):
        for phase in (1, 2, 3):
            told[f"{name}_l{phase}"] = _part(said, field, f"L{phase}")
        told[f"{name}_dc"] = _part(said, field, "DC")
    return {name: value for name, value in told.items() if value is not None}


def _session_info(payload: bytes) -> Said:
    said = json_object(payload)
    state = said.get("state")
    if not isinstance(state, str) or state not in STATES:
        raise RejectedMessage("invalid_field", f"{str(state)[:40]!r} is no state of it", "state")
    told: Said = {"state": state, "said_at": _instant(said.get("datetime"), "datetime")}
    charged_wh = json_number(said.get("charged_energy_wh"), "charged_energy_wh")
    if charged_wh is not None:
        told["session_total_energy_kwh"] = charged_wh / 1000
    is_faulted = said.get("permanent_fault")
    if isinstance(is_faulted, bool):
        told["is_faulted"] = is_faulted
    return told


def _limits(payload: bytes) -> Said:
    said = json_object(payload)
    return {
        "offered_a": json_number(said.get("max_current"), "max_current"),
        "phases": json_number(said.get("nr_of_phases_available"), "nr_of_phases_available"),
        "manager": _word(said, "uuid"),
    }


def _telemetry(payload: bytes) -> Said:
    said = json_object(payload)
    field = "evse_temperature_C" if "evse_temperature_C" in said else "temperature"
    return {"temperature_c": json_number(said.get(field), field)}


def _ev_info(payload: bytes) -> Said:
    soc_percent = json_number(json_object(payload).get("soc"), "soc")
    if soc_percent is not None and not 0 <= soc_percent <= 100:
        raise RejectedMessage("invalid_field", f"{soc_percent:g} is no share in percent", "soc")
    return {"soc_percent": soc_percent}


def _connectors(payload: bytes) -> Said:
    managers = document(payload)
    if not isinstance(managers, list):
        raise RejectedMessage("invalid_field", "expected a list", "connectors")
    return {"managers": float(len(managers))}


def _active_errors(payload: bytes) -> Said:
    """`<module>=<code>`, the most severe one first: whose they are is known to `tell`."""
    errors = document(payload)
    if not isinstance(errors, list) or not all(isinstance(error, dict) for error in errors):
        raise RejectedMessage("invalid_field", "expected a list of objects", "active_errors")
    ranked = sorted((error for error in errors if _kind(error) != INOPERATIVE), key=_severity)
    return {
        "errors": ";".join(f"{_origin(error)}={ERRORS.get(_kind(error), 'OtherError')}" for error in ranked)
    }


def _info(payload: bytes) -> Said:
    said = json_object(payload)
    return {"model": _word(said, "model_name"), "firmware": _word(said, "firmware_version")}


READERS: Final[Mapping[str, Callable[[bytes], Said]]] = {
    "var/powermeter": _powermeter,
    "var/session_info": _session_info,
    "var/limits": _limits,
    "var/telemetry": _telemetry,
    "var/ev_info": _ev_info,
    "connectors": _connectors,
    "errors/var/active_errors": _active_errors,
    "info/var/info": _info,
}


def _part(said: Mapping[str, Any], field: str, part: str) -> float | None:
    values = said.get(field)
    if values is None:
        return None
    if not isinstance(values, dict):
        raise RejectedMessage("invalid_field", f"expected an object, got {str(values)[:40]!r}", field)
    return json_number(values.get(part), f"{field}.{part}")


def _word(said: Mapping[str, Any], field: str) -> str | None:
    value = said.get(field)
    if value is not None and not isinstance(value, str):
        raise RejectedMessage("invalid_field", f"expected text, got {str(value)[:40]!r}", field)
    return checked_text(value)


def _instant(value: object, field: str) -> str | None:
    """RFC 3339, of text or of seconds since 1970."""
    if value is None:
        return None
    try:
        if isinstance(value, str):
            instant = datetime.fromisoformat(value)
            if instant.tzinfo is None:
                raise RejectedMessage("invalid_field", f"{value[:40]!r} has no zone", field)
            return instant.astimezone(UTC).isoformat()
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC).isoformat()
    except (ValueError, OverflowError, OSError) as error:
        raise RejectedMessage("invalid_field", f"{str(value)[:40]!r} is no instant", field) from error
    raise RejectedMessage("invalid_field", f"expected an instant, got {str(value)[:40]!r}", field)


def _kind(error: Mapping[str, Any]) -> str:
    return str(error.get("type", "")).rpartition("/")[2]


def _severity(error: Mapping[str, Any]) -> int:
    severity = error.get("severity")
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def _origin(error: Mapping[str, Any]) -> str:
    origin = error.get("origin")
    module = origin.get("module_id") if isinstance(origin, dict) else None
    return module.translate(_NO_SIGNS) if isinstance(module, str) else ""


_NO_SIGNS: Final = str.maketrans("", "", ";=")


def tell(said: Mapping[str, Value], known: Mapping[str, Value]) -> Said:
    """A second of a manager's life."""
    told = tell_plainly(said, known)
    voltages_v, currents_a = _phases(said, "voltage_v"), _phases(said, "current_a")
    told |= told_phases(voltages_v, currents_a)
    told["power_offered_w"] = offered_w(said.get("offered_a"), said.get("phases"), voltages_v)
    told["timestamp"] = said.get("measured_at") or said.get("said_at")
    status, error_code = status_of(known)
    if "state" in said:
        told |= {"status": status, "error_code": error_code}
    if status == ConnectorStatus.PREPARING:
        told.pop("session_total_energy_kwh", None)
    return told


def _phases(said: Mapping[str, Value], what: str) -> list[float | None]:
    """As many as are measured; of direct current, one."""
    values = [said.get(f"{what}_l{phase}") for phase in (1, 2, 3)]
    if not any(isinstance(value, float) for value in values):
        values = [said.get(f"{what}_dc")]
    return [value if isinstance(value, float) else None for value in values]


def status_of(known: Mapping[str, Value]) -> tuple[str | None, str | None]:
    """OCPP 1.6 status and error code."""
    if known.get("is_faulted"):
        return ConnectorStatus.FAULTED, _error_code(known)
    return STATES.get(str(known.get("state"))), None


def _error_code(known: Mapping[str, Value]) -> str:
    errors = known.get("errors")
    for error in errors.split(";") if isinstance(errors, str) and errors else ():
        module, _, code = error.partition("=")
        if known.get("managers") == 1 or (module and module == known.get("manager")):
            return code
    return "OtherError"


def translate(order: Order) -> Translation:
    """See the table above."""
    known = order.known
    match order.command:
        case "stop":
            return _until("cmd/stop_charging", b"{}", FINISHED)
        case "pause":
            return _until("cmd/pause_charging", b"{}", {"ChargingPausedEVSE"})
        case "resume":
            return _until("cmd/resume_charging", b"{}", {"Charging", "ChargingPausedEV"})
        case "unlock":
            return _until("cmd/force_unlock", b"1", {"Unplugged"})
        case "set_current_limit":
            return _limit(float(order.params["limit_a"]), known)
        case "start":
            raise CommandNotTaken("EVerest's API starts nothing: authorise at the station, or over OCPP")
        case _:
            raise CommandNotTaken(f"EVerest's API has no {order.command}")


def _until(key: str, payload: bytes, states: Collection[str]) -> Translation:
    return Translation([Outgoing(key, payload)], shown_by(lambda known: known.get("state") in states))


def _limit(limit_a: float, known: Mapping[str, Value]) -> Translation:
    """It may offer less than it was told to, for other reasons: offering less than before, it has
    understood.
    """
    before_a = known.get("offered_a")

    def confirmation(heard: Heard) -> Outcome | None:
        nonlocal before_a
        if heard.obeyed_a is not None:
            before_a = heard.obeyed_a
        offered_a = heard.said.get("offered_a")
        if not isinstance(offered_a, float):
            return None
        if is_same(offered_a, limit_a):
            return Outcome(Answer.COMPLETED, obeyed_a=offered_a)
        fell = isinstance(before_a, float) and before_a > limit_a > offered_a
        return Outcome(Answer.COMPLETED, f"it offers {offered_a:g} A of {limit_a:g} A") if fell else None

    message = Outgoing("cmd/set_limit_amps", f"{limit_a:g}".encode())
    return Translation([message], confirmation)


EVEREST = Family(
    name="everest",
    vendor="EVerest",
    topic_filters=(f"{ROOT}/#",),
    place=place,
    read=read,
    tell=tell,
    is_order=is_order,
    translate=translate,
)
