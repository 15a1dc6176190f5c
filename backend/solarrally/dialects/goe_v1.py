"""go-e Charger with API v1 (hardware V1 and V2): one JSON document every 5 s, all numbers as text.

Source: goecharger/go-eCharger-API-v1:go-eCharger API v1 EN.md (parameters; chapter 6 for the topics); what
chargers really send: syssi/homeassistant-goecharger-mqtt#22 (firmware 041.0), evcc-io/evcc#1609 (051.4).

It publishes `go-eCharger/<serial>/status`, QoS 0, not retained, and takes commands on `…/cmd/req`. Newer
hardware publishes other topics below the same prefix (`goe`).

| parameter | unit | becomes |
|---|---|---|
| `dws` | 10 Ws of this charge; 0.01 kWh in firmware 050 (API-v1 #56) | `session_total_energy_kwh` |
| `nrg` 0 to 3 | U of L1, L2, L3, N in V | `voltage_v_l1` to `l3`, `voltage_v` |
| `nrg` 4 to 6 | I of L1, L2, L3 in 0.1 A, or A | `current_a_l1` to `l3`, `current_a` |
| `nrg` 11 | total P in 0.01 kW, or W | `power_w` |
| `tmp`; `tma` where it is given | °C; of each sensor | `temperature_c`, the highest |
| `amp`, `alw` | A a phase | `power_offered_w`, with the measured voltages |
| `car`, `err`, `alw`, `ast`, `dws` | codes, as of `goe` | `status`, `error_code` |
| `uby`, `rca` to `rc1` | the card that let it charge, 0 none; the cards' ids | `id_token`: id or `card-<n>` |
| `fwv` | | firmware |

Firmware 050 and 052.2 changed the units of `nrg` to A and W (API-v1 #56, #100). Since I and P change
together by 10 each, U times I tells which of the two it is; where neither fits, the documented units are
kept, and the reading is marked as implausible behind this. `tme` is local time to the minute and does not
date anything: readings get their receipt. Voltages with L1 and N swapped: as of `goe`.

The lifetime register `eto` is not told. It is in 0.1 kWh, on some in whole kWh that lose the rest of each
charge (API-v1 #48), since firmware 052.2 in Wh (#103): it measures no session, and would be billed before
the session's own counter, which goes on counting while nobody listens.

`err`: 1 RCCB and 8 no ground GroundFailure, 3 phase OtherError, all others InternalError ("10, default").

Commands are `<parameter>=<value>`. There is no answer; the next document shows the value (chapter 4).

| command | becomes |
|---|---|
| start, resume | `alw=1` |
| stop, pause, a limit of 0 | `alw=0` |
| set_current_limit | `amx`, in whole ampere, rounded down, at most `ama`: as `amp`, sparing the flash |
| reset, unlock, update_firmware | not taken: no such parameter |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from solarrally.dialects.confirming import IsDone, is_same, shown_anew, told_limit
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
from solarrally.dialects.goe import (
    CAR_STATES,
    INITIALIZING,
    is_charger,
    largest_limit_a,
    told_nrg,
    waiting_status,
)
from solarrally.dialects.phases import DEAD_V, offered_w
from solarrally.dialects.values import checked_text, document, json_number, json_object, number
from solarrally.domain.command import Answer
from solarrally.domain.reading import ConnectorStatus
from solarrally.errors import CommandNotTaken, RejectedMessage

STATES: Final = CAR_STATES - {INITIALIZING}
ERRORS: Final[Mapping[int, str]] = {1: "GroundFailure", 3: "OtherError", 8: "GroundFailure"}
CARDS: Final = ("rca", "rcr", "rcd", "rc4", "rc5", "rc6", "rc7", "rc8", "rc9", "rc1")
SHORTEST_CARD_ID: Final = 4
"""Newer firmware puts 0 or 1 in the place of an id."""
PLAUSIBLE_SHARE: Final = (0.5, 1.3)
"""Of U times I, the stated power: from a poor power factor to rounding."""


def place(levels: Sequence[str]) -> Place | None:
    """`go-eCharger/<serial>/status` and `…/cmd/…`."""
    if len(levels) < 3 or not is_charger(levels) or levels[2] not in ("status", "cmd"):
        return None
    return Place("/".join(levels[:2]), f"go-eCharger-{levels[1]}", "/".join(levels[2:]))


def is_order(key: str, payload: bytes) -> bool:
    """What is below `cmd/` is to the charger."""
    return key.startswith("cmd/")


def read(key: str, payload: bytes) -> Said | None:
    """The status document."""
    if is_order(key, payload):
        return {}
    if key != "status":
        return None
    if not payload.strip() or document(payload) is None:
        return {}
    status = json_object(payload)
    dws = _number(status, "dws")
    firmware = _text(status, "fwv")
    said: Said = {
        "session_total_energy_kwh": None if dws is None else _session_kwh(dws, firmware),
        "temperature_c": _hottest(status),
        "firmware": firmware,
        "model": "go-eCharger",
        "car": _car(status),
        "err": _number(status, "err"),
        "limit_a": _number(status, "amp"),
        "volatile_limit_a": _number(status, "amx"),
        "max_a": _number(status, "ama"),
        "may_charge": _flag(status, "alw"),
        "access": _number(status, "ast"),
        "id_token": _token(status),
    }
    nrg = status.get("nrg")
    return said if nrg is None else said | _measured(nrg)


def _number(status: Mapping[str, Any], name: str) -> float | None:
    value = status.get(name)
    try:
        if isinstance(value, str):
            return number(value.encode())
        return json_number(value, name)
    except RejectedMessage as error:
        raise RejectedMessage(error.reason, error.detail, name) from None


def _car(status: Mapping[str, Any]) -> float | None:
    state = _number(status, "car")
    if state is not None and state not in STATES:
        raise RejectedMessage("invalid_field", f"{state:g} is no state of it", "car")
    return state


def _flag(status: Mapping[str, Any], name: str) -> bool | None:
    value = _number(status, name)
    return None if value is None else value != 0


def _text(status: Mapping[str, Any], name: str) -> str | None:
    value = status.get(name)
    if value is not None and not isinstance(value, str):
        raise RejectedMessage("invalid_field", f"expected text, got {str(value)[:40]!r}", name)
    return checked_text(value)


def _session_kwh(dws: float, firmware: str | None) -> float:
    is_centi_kwh = firmware is not None and firmware.split(".")[0] == "050"
    return dws / 100 if is_centi_kwh else dws * 10 / 3_600_000


def _hottest(status: Mapping[str, Any]) -> float | None:
    sensors = status.get("tma")
    if not isinstance(sensors, list):
        return _number(status, "tmp")
    measured_c = [one for one in (json_number(sensor, "tma") for sensor in sensors) if one is not None]
    return max(measured_c, default=None)


def _token(status: Mapping[str, Any]) -> str | None:
    card = _number(status, "uby")
    if not card or not 1 <= card <= len(CARDS):
        return None
    card_id = _text(status, CARDS[int(card) - 1])
    if card_id is not None and len(card_id) >= SHORTEST_CARD_ID:
        return card_id
    return f"card-{card:.0f}"


def _measured(nrg: Any) -> Said:
    if not isinstance(nrg, list) or len(nrg) < 12:
        raise RejectedMessage("invalid_field", "expected an array of 16 numbers", "nrg")
    values = [json_number(one, "nrg") for one in nrg[:12]]
    current_factor, power_factor = _units(values)
    currents_a = [None if one is None else one * current_factor for one in values[4:7]]
    power = values[11]
    power_w = None if power is None else json_number(power * power_factor, "nrg")
    return told_nrg(values[0:4], currents_a, power_w)


def _units(values: Sequence[float | None]) -> tuple[float, float]:
    """The factors to A and to W: those of the document, unless only the later ones fit."""
    apparent = _apparent(values)
    power = values[11]
    if not apparent or power is None:
        return 0.1, 10.0
    for current_factor, power_factor in ((0.1, 10.0), (1.0, 1.0)):
        share = power * power_factor / (apparent * current_factor)
        if PLAUSIBLE_SHARE[0] <= share <= PLAUSIBLE_SHARE[1]:
            return current_factor, power_factor
    return 0.1, 10.0


def _apparent(values: Sequence[float | None]) -> float:
    """The sum of U times I, in volts times the unit of the currents."""
    said = told_nrg(values[0:4], values[4:7], None)
    pairs = [(said.get(f"voltage_v_l{phase}"), said.get(f"current_a_l{phase}")) for phase in (1, 2, 3)]
    return sum(
        volts * current for volts, current in pairs if isinstance(volts, float) and isinstance(current, float)
    )


def tell(said: Mapping[str, Value], known: Mapping[str, Value]) -> Said:
    """The document, with its status."""
    status, error_code = status_of(known)
    return tell_plainly(said, known) | {
        "status": status,
        "error_code": error_code,
        "power_offered_w": _offered_w(said),
    }


def _offered_w(said: Mapping[str, Value]) -> float | None:
    if said.get("may_charge") is False:
        return 0.0
    voltages_v = [said.get(f"voltage_v_l{phase}") for phase in (1, 2, 3)]
    live_v = [one for one in voltages_v if isinstance(one, float) and one >= DEAD_V]
    return offered_w(said.get("limit_a"), float(len(live_v)), live_v) if live_v else None


def status_of(known: Mapping[str, Value]) -> tuple[str | None, str | None]:
    """OCPP 1.6 status and error code."""
    err, may_charge = known.get("err"), known.get("may_charge") is not False
    if isinstance(err, float) and err != 0:
        return ConnectorStatus.FAULTED, ERRORS.get(int(err), "InternalError")
    match known.get("car"):
        case None:
            return None, None
        case 1:
            return ConnectorStatus.AVAILABLE, None
        case 2:
            return ConnectorStatus.CHARGING, None
        case 3:
            return waiting_status(
                has_energy=bool(known.get("session_total_energy_kwh")),
                waits_for_access=not may_charge and known.get("access") == 1,
                may_charge=may_charge,
            ), None
        case 4:
            return (ConnectorStatus.FINISHING if may_charge else ConnectorStatus.SUSPENDED_EVSE), None
        case _:
            return ConnectorStatus.FAULTED, "InternalError"


def translate(order: Order) -> Translation:
    """See the table above."""
    match order.command:
        case "start" | "resume":
            return _asked("alw=1", lambda seen: seen.get("may_charge") is True)
        case "stop" | "pause":
            return _asked("alw=0", lambda seen: seen.get("may_charge") is False)
        case "set_current_limit" if order.params["limit_a"] == 0:
            return _asked("alw=0", lambda seen: seen.get("may_charge") is False)
        case "set_current_limit":
            return _limit(order)
        case _:
            raise CommandNotTaken(f"a go-e charger of this age takes no {order.command} over MQTT")


def _asked(payload: str, is_done: IsDone) -> Translation:
    return Translation([Outgoing("cmd/req", payload.encode())], shown_anew(is_done))


def _limit(order: Order) -> Translation:
    asked_a = float(order.params["limit_a"])
    sent_a = min(int(asked_a), largest_limit_a(order.known))

    def confirmation(heard: Heard) -> Outcome | None:
        expected_a = min(sent_a, largest_limit_a(heard.known))
        limits_a = [heard.said.get("limit_a"), heard.said.get("volatile_limit_a")]
        if not any(isinstance(limit_a, float) and is_same(limit_a, expected_a) for limit_a in limits_a):
            return None
        return Outcome(Answer.COMPLETED, told_limit(asked_a, expected_a))

    return Translation([Outgoing("cmd/req", f"amx={sent_a}".encode())], confirmation)


GOE_V1: Final = Family(
    name="goe_v1",
    vendor="go-e",
    topic_filters=("go-eCharger/#", "/go-eCharger/#"),
    place=place,
    read=read,
    tell=tell,
    is_order=is_order,
    translate=translate,
)
