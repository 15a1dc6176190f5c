"""go-e Charger with API v2 (hardware V3 and later: HOME, Gemini, PRO): one JSON value per topic.

Source: goecharger/go-eCharger-API-v2 (August 2026): API_KEYS_FIRMWARE/apikeys-en.md and the lists of
firmware 59.4, 60.2, 60.3 and 60.4 beside it for the keys, mqtt-de.md for topics and commands; what a
charger really sends: syssi/homeassistant-goecharger-mqtt:mqtt-capture.log (firmware 053.1).

It publishes under `go-eCharger/<serial>`, up to firmware 053 with a slash in front, or under a prefix of
the owner's (key `mtp`); QoS 0, retained; all keys at a connection, then each second those that changed. The
topic `go-eCharger/<serial>/status` is of the older hardware (`goe_v1`).

| key | unit | becomes |
|---|---|---|
| `eto` | Wh | `energy_wh` (lifetime) |
| `wh` | Wh since the car is connected | `session_total_energy_kwh` |
| `whs`, `whg` | Wh of it from the sun, from the grid | `session_energy_kwh_solar`, `…_grid` |
| `nrg` 0 to 3 | U of L1, L2, L3, N in V | `voltage_v_l1` to `l3`, `voltage_v` |
| `nrg` 4 to 6 | I of L1, L2, L3 in A | `current_a_l1` to `l3`, `current_a` |
| `nrg` 11 | total P in W; 7 to 10 are of L1, L2, L3, N | `power_w` |
| `tma` | °C, of each sensor | `temperature_c`, the highest |
| `acu`, `alw` | A a phase or null; may it charge | `power_offered_w`, with the measured voltages |
| `car`, `err`, `alw`, `modelStatus`, `wh` | codes, below | `status`, `error_code` |
| `trx`, `tsi` | 1 to 10: a card, 0: none, null; its id, where that is sent | `id_token`: id or `card-<n>` |
| `fwv`, `typ`, `var` | `var` in kW | firmware, model, maximum power |

Energy from a battery and from elsewhere (`whb`, `who`) stays unattributed. `nrg` is all zeros on some
(API-v2 #321, firmware 60.4): without any voltage nothing was measured. Is N above L1 where L2 and L3 are
dead, then L1 and N are swapped in the socket, and N is shown as L1 (the app's own rule,
goecharger/go-eCharger-API-v1:go-eCharger API v1 EN.md, `nrg`). `utc` and `rbt` come as messages of their
own and do not date the others: readings get their receipt. `lccfc`, `lccfi`, `lcctc` would date the last
changes of state, which are heard within a second anyway. `tpa` is an average of 30 s and no sample;
`ocppcs` is of an OCPP connection that may not exist.

| `car` | becomes |
|---|---|
| 1 idle | available; not said while it only acts unplugged (`modelStatus` 22, 23; API-v2 #248) |
| 2 charging | charging |
| 3 wait for car, before any energy | preparing; suspendedevse where it may not charge but for a card |
| 3 wait for car, after some | suspendedevse where it may not charge (`alw`, `modelStatus`); suspendedev |
| 4 complete | finishing; suspendedevse where it may not charge (API-v2 #156) |
| 6 initializing | unavailable |
| 0 unknown, 5 error, null (no connection to its own charge controller), or `err` not 0 | faulted |

| `err` | becomes |
|---|---|
| 1, 2 RCD AC, DC; 8 ground | GroundFailure |
| 4, 5 over voltage, current | OverVoltage, OverCurrentFailure |
| 6 diode | EVCommunicationError |
| 9, 10 contactor stuck, missing | PowerSwitchFailure |
| 3 phase; 7 cable coding; what is new | OtherError |

From 11 on the numbers moved between apikeys-en.md and the list of firmware 59.4; `ERRORS_TO_58`,
`ERRORS_FROM_59`.

Commands (mqtt, "Werte setzen"): `<key>/set` with a JSON value. It answers on `<key>/result` with `success`
or a sentence, which is a refusal (before firmware 051.5 not at all), and then publishes the key if it
changed.

| command | becomes | |
|---|---|---|
| start | `frc` 2, and `trx` where it waits for a card | charges at once, whatever its schedule says |
| stop, pause, a limit of 0 | `frc` 1 | stays for the next car too, until taken back (evcc-io/evcc#5595) |
| resume | `frc` 0 | by its own rules |
| set_current_limit | `amp`, in whole ampere, rounded down | at most `ama`, to which it cuts without a word; |
| | | takes a pause back. Done with what `amp` then is |
| reset | `rst` | done when the reboot counter `rbc` has another value, or `rbt` began anew |
| unlock, update_firmware | not taken | no such key; firmware comes from go-e only |

All are refused while `mcr` says that MQTT is read-only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from solarrally.dialects.confirming import is_same, limit_shown, told_limit
from solarrally.dialects.family import (
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
from solarrally.dialects.phases import DEAD_V, offered_w, told_phases
from solarrally.dialects.values import checked_text, document, json_number, number
from solarrally.domain.command import Answer
from solarrally.domain.reading import ConnectorStatus
from solarrally.errors import CommandNotTaken, RejectedMessage

NRG: Final = (
    "voltage_v", "voltage_v_l1", "voltage_v_l2", "voltage_v_l3",
    "current_a", "current_a_l1", "current_a_l2", "current_a_l3", "power_w",
)  # fmt: skip
"""What `nrg` becomes."""

IDLE, CHARGING, WAITING, COMPLETE, ERROR, INITIALIZING = 1, 2, 3, 4, 5, 6
NO_STATE: Final = 0
CAR_STATES: Final = frozenset({NO_STATE, IDLE, CHARGING, WAITING, COMPLETE, ERROR, INITIALIZING})

WAITS_FOR_ACCESS: Final = 2
ACTS_UNPLUGGED: Final = frozenset({22, 23})
"""To make a vehicle start anew, or to switch phases, it breaks the pilot for seconds: nobody left."""
NOT_CHARGING: Final = frozenset(
    {1, 2, 4, 5, 6, 16, 17, 18, 22, 23, 24, 26, 27, 28, 29, 30, 31, 32, 34, 35, 36, 37, 38, 39, 40, 41}
)
"""Values of `modelStatus` that say why it does not charge; others say why it does. 0 is named both ways."""

_ERRORS: Final = {
    1: "GroundFailure",
    2: "GroundFailure",
    3: "OtherError",
    4: "OverVoltage",
    5: "OverCurrentFailure",
    6: "EVCommunicationError",
    7: "OtherError",
    8: "GroundFailure",
    9: "PowerSwitchFailure",
    10: "PowerSwitchFailure",
}
ERRORS_TO_58: Final[Mapping[int, str]] = {
    **_ERRORS,
    11: "GroundFailure",
    12: "InternalError",
    13: "HighTemperature",
    14: "InternalError",
    15: "ConnectorLockFailure",
    16: "ConnectorLockFailure",
}
ERRORS_FROM_59: Final[Mapping[int, str]] = {
    **_ERRORS,
    12: "ConnectorLockFailure",
    13: "ConnectorLockFailure",
    14: "GroundFailure",
    15: "InternalError",
    16: "HighTemperature",
    17: "InternalError",
    18: "EVCommunicationError",
    23: "InternalError",
}

LARGEST_LIMIT_A: Final = 32
SUCCESS: Final = frozenset({"success", "true"})
SETTLED: Final = timedelta(seconds=2)
"""It publishes what changed each second: so long after its answer nothing more will change."""
SERIAL: Final = re.compile(r"\d{1,12}", re.ASCII)
_VERSION: Final = re.compile(r"0*(\d{1,4})\b")


def _number(value: Any) -> Value:
    return json_number(value, "")


def _flag(value: Any) -> Value:
    if value is None or isinstance(value, bool):
        return value
    raise RejectedMessage("invalid_field", f"expected true or false, got {str(value)[:40]!r}")


def _text(value: Any) -> Value:
    if value is None or isinstance(value, str):
        return checked_text(value)
    raise RejectedMessage("invalid_field", f"expected text, got {str(value)[:40]!r}")


def _kwh(value: Any) -> Value:
    energy_wh = json_number(value, "")
    return None if energy_wh is None else energy_wh / 1000


def _kilowatt(value: Any) -> Value:
    power_kw = json_number(value, "")
    return None if power_kw is None or not 0 < power_kw < 1000 else power_kw * 1000


def _hottest(value: Any) -> Value:
    sensors = value if isinstance(value, list) else [value]
    measured_c = [one for one in (json_number(sensor, "") for sensor in sensors) if one is not None]
    return max(measured_c, default=None)


def _car(value: Any) -> Value:
    state = float(NO_STATE) if value is None else json_number(value, "")
    if state not in CAR_STATES:
        raise RejectedMessage("invalid_field", f"{str(value)[:40]} is no state of it")
    return state


VALUES: Final[Mapping[str, tuple[str, Callable[[Any], Value]]]] = {
    "acs": ("access_control", _number),
    "acu": ("offered_a", _number),
    "alw": ("may_charge", _flag),
    "ama": ("max_a", _number),
    "amp": ("limit_a", _number),
    "car": ("car", _car),
    "cbl": ("cable_a", _number),
    "err": ("err", _number),
    "eto": ("energy_wh", _number),
    "frc": ("force_state", _number),
    "fsp": ("is_single_phase", _flag),
    "fwv": ("firmware", _text),
    "mcr": ("is_read_only", _flag),
    "modelStatus": ("model_status", _number),
    "psm": ("phase_switch_mode", _number),
    "rbc": ("reboots", _number),
    "tma": ("temperature_c", _hottest),
    "trx": ("transaction", _number),
    "tsi": ("card_id", _text),
    "typ": ("model", _text),
    "var": ("max_power_w", _kilowatt),
    "wh": ("session_total_energy_kwh", _kwh),
    "whg": ("session_energy_kwh_grid", _kwh),
    "whs": ("session_energy_kwh_solar", _kwh),
}
"""Beside `nrg`: under which name a key is kept, and how it is read. Units: the table above."""

WITHOUT_USE: Final = frozenset(
    """
    acp adi alwt amt ara ate atp att aus avgfhz awc awcp awe awp awpl bac bar cards ccd cce cch cco
    ccrv ccu ccw cdi cert cfi cid cle clea cll clp cmmr cmp cms cmse csa csd ct ctrls cus cwc cwe data
    del deltaa deltap delw dfam di1 die dii din dll dns dsrc dwo emx esk eto_mid evt facacs ferm ffb fhz
    fmt fna frm fsc fse fsi fsptws fst fup fwc fzf gmtr gsa hai hla host hsa ido ids inva isgo iso2en
    la1 la3 lbl lbp lbr lccfc lccfi lcctc lck lcs led lfspt lmo lmsc loa loc loe lof log lop lopr lot
    loty lpc lpsc lrc lri lrn lrr lse lto lwf map mca mcc mcca mce mci mck mcpd mcpea mcs mcu men mhe
    mht mia mlr mlra mmp mptwt mpwst mqcc mqcn mqg mqss msb msc msp msr mstr mstw mtp nif nld nmo ocppa
    ocppaa ocppai ocppao ocppc ocppca ocppcc ocppck ocppcm ocppcn ocppcs ocppd ocppdp ocppe ocppf
    ocppfai ocppff ocppg ocpph ocppi ocppla ocpple ocpplea ocpplo ocppmp ocppr ocpprl ocpps ocppsc
    ocppss ocppte ocppti ocpptp ocpptt ocppu oct ocu oem orsch osr pakku pco pdi pgr pgrid pgt pha pnp
    po ppv psh psmd pvopt_averagePAkku pvopt_averagePGrid pvopt_averagePPv pwm rbt rdbf rdbfe rdbs rdbse
    rde rdef rdefe rdes rdese rdpl rdple rdre rdree rev rfb rmaf rmav rmif rmiv rsa rsre rsrr rssi rst
    scaa scan sch_satur sch_sund sch_week sdp sh shut simo smd sock spl3 sse styp su sua sumd t0h t0l
    t1h t1l tab tcl tds ten tlf tls tof tpa tse tsss txt tzt ufa ufe ufm ufs upo ust utc uve uvs uvt wb
    wbw wcb wda wfb wg wh_mid whb who wifis wo wpb ws wsc wsl wsm wsms wst zfo
    """.split()  # noqa: SIM905 (as a list it would be 300 lines)
) | {f"c{card}{what}" for card in range(10) for what in "ein"}
"""The other keys of the vendor's documents and of recorded traffic."""


def place(levels: Sequence[str]) -> Place | None:
    """`go-eCharger/<serial>/<key>`, `…/<key>/set`, `…/<key>/result`."""
    if len(levels) < 3 or not is_charger(levels) or levels[2] in ("status", "cmd"):
        return None
    return Place("/".join(levels[:2]), f"go-eCharger-{levels[1]}", "/".join(levels[2:]))


def is_charger(levels: Sequence[str]) -> bool:
    """Whether they begin with the prefix from the factory and a serial number, which is of digits only
    (`sse`: %06d).
    """
    return levels[0] == "go-eCharger" and SERIAL.fullmatch(levels[1]) is not None


def is_order(key: str, payload: bytes) -> bool:
    """`<key>/set` is to the charger."""
    return key.endswith("/set")


def read(key: str, payload: bytes) -> Said | None:
    """One key. An empty payload deletes what the broker kept, and says nothing."""
    if is_order(key, payload) or key.endswith("/result") or key in WITHOUT_USE:
        return {}
    if key != "nrg" and key not in VALUES:
        return None
    if not payload.strip():
        return {}
    try:
        value = document(payload)
        if key == "nrg":
            return _measured(value)
        name, convert = VALUES[key]
        return {name: convert(value)}
    except RejectedMessage as error:
        raise RejectedMessage(error.reason, error.detail, key) from None


def _measured(value: Any) -> Said:
    if value is None:
        return dict.fromkeys(NRG)
    if not isinstance(value, list) or len(value) < 12:
        raise RejectedMessage("invalid_field", "expected an array of 16 numbers")
    numbers = [json_number(one, "") for one in value[:12]]
    return told_nrg(numbers[0:4], numbers[4:7], numbers[11])


def told_nrg(
    voltages_v: Sequence[float | None], currents_a: Sequence[float | None], power_w: float | None
) -> Said:
    """Voltages of L1, L2, L3 and N, currents of the phases and the total power, as told. Without any voltage
    nothing was measured: all of it is taken back.
    """
    said: Said = dict.fromkeys(NRG)
    if not any(voltages_v):
        return said
    phases_v = list(voltages_v[:3])
    neutral_v = voltages_v[3]
    is_only_l1 = all((one or 0.0) < DEAD_V for one in phases_v[1:])
    if is_only_l1 and neutral_v is not None and neutral_v > (phases_v[0] or 0.0):
        phases_v[0] = neutral_v
    return said | told_phases(phases_v, currents_a) | {"power_w": power_w}


def tell(said: Mapping[str, Value], known: Mapping[str, Value]) -> Said:
    """All that it said and still holds, with its status."""
    told = tell_plainly(said, known)
    told |= {"power_offered_w": _offered_w(said, known)}
    status, error_code = status_of(known)
    return told | {"status": status, "error_code": error_code, "id_token": _token(known)}


def _offered_w(said: Mapping[str, Value], known: Mapping[str, Value]) -> float | None:
    if said.get("may_charge") is False:
        return 0.0
    voltages_v = [known.get(f"voltage_v_l{phase}") for phase in (1, 2, 3)]
    live_v = [one for one in voltages_v if isinstance(one, float) and one >= DEAD_V]
    if not live_v:
        return None
    is_single_phase = known.get("is_single_phase") is True or known.get("phase_switch_mode") == 1
    return offered_w(said.get("offered_a"), 1.0 if is_single_phase else float(len(live_v)), live_v)


def _token(known: Mapping[str, Value]) -> str | None:
    transaction, card_id = known.get("transaction"), known.get("card_id")
    if not isinstance(transaction, float):
        return None
    if isinstance(card_id, str):
        return card_id
    return f"card-{transaction:.0f}" if transaction > 0 else None


def status_of(known: Mapping[str, Value]) -> tuple[str | None, str | None]:
    """OCPP 1.6 status and error code."""
    car, err = known.get("car"), known.get("err")
    if isinstance(err, float) and err != 0:
        return ConnectorStatus.FAULTED, _errors_of(known.get("firmware")).get(int(err), "OtherError")
    may_not = known.get("may_charge") is False or known.get("model_status") in NOT_CHARGING
    match car:
        case None:
            return None, None
        case 1:
            acts_unplugged = known.get("model_status") in ACTS_UNPLUGGED
            return (None if acts_unplugged else ConnectorStatus.AVAILABLE), None
        case 2:
            return ConnectorStatus.CHARGING, None
        case 3:
            return waiting_status(
                has_energy=bool(known.get("session_total_energy_kwh")),
                waits_for_access=known.get("model_status") == WAITS_FOR_ACCESS,
                may_charge=not may_not,
            ), None
        case 4:
            return (ConnectorStatus.SUSPENDED_EVSE if may_not else ConnectorStatus.FINISHING), None
        case 6:
            return ConnectorStatus.UNAVAILABLE, None
        case _:
            return ConnectorStatus.FAULTED, "InternalError" if car == NO_STATE else "OtherError"


def waiting_status(*, has_energy: bool, waits_for_access: bool, may_charge: bool) -> ConnectorStatus:
    """Of a vehicle that is plugged in and does not charge."""
    if waits_for_access and not has_energy:
        return ConnectorStatus.PREPARING
    if not may_charge:
        return ConnectorStatus.SUSPENDED_EVSE
    return ConnectorStatus.SUSPENDED_EV if has_energy else ConnectorStatus.PREPARING


def _errors_of(firmware: Value) -> Mapping[int, str]:
    version = _VERSION.match(firmware) if isinstance(firmware, str) else None
    return ERRORS_TO_58 if version is not None and int(version[1]) < 59 else ERRORS_FROM_59


def translate(order: Order) -> Translation:
    """See the table above."""
    known = order.known
    if known.get("is_read_only") is True:
        raise CommandNotTaken("its MQTT is read-only: allow writing over MQTT in the go-e app (key mcr)")
    match order.command:
        case "start":
            return _forced("2", *_admission(order))
        case "stop" | "pause":
            return _forced("1")
        case "resume":
            return _forced("0")
        case "set_current_limit" if order.params["limit_a"] == 0:
            return _forced("1")
        case "set_current_limit":
            return _limit(order)
        case "reset":
            return Translation([Outgoing("rst/set", b"true")], _reboot(order))
        case "update_firmware":
            raise CommandNotTaken(
                "a go-e charger loads its firmware from go-e only: update it in the go-e app"
            )
        case _:
            raise CommandNotTaken(f"a go-e charger takes no {order.command} over MQTT")


def _admission(order: Order) -> list[tuple[str, str]]:
    """Where it asks for a card and none was shown: the one of the order, if it is its own, else none."""
    if order.known.get("access_control") != 1 or order.known.get("transaction") is not None:
        return []
    card = re.fullmatch(r"card-(\d{1,2})", str(order.params.get("id_token")))
    return [("trx", card[1] if card else "0")]


def _forced(force_state: str, *before: tuple[str, str]) -> Translation:
    def outcome(heard: Heard, taken_at: datetime | None) -> Outcome | None:
        is_admitted = not before or heard.known.get("transaction") is not None
        is_so = heard.known.get("force_state") == float(force_state) and is_admitted
        return Outcome(Answer.COMPLETED) if is_so or taken_at is not None else None

    return _settings([*before, ("frc", force_state)], outcome)


def _limit(order: Order) -> Translation:
    """Its answer says nothing of a cut: what it set shows only when it has published what changed."""
    asked_a = float(order.params["limit_a"])
    sent_a = min(int(asked_a), largest_limit_a(order.known))
    release = [("frc", "0")] if order.known.get("force_state") == 1 else []
    is_shown = limit_shown(
        "limit_a",
        asked_a=asked_a,
        sent_a=sent_a,
        before=order.known.get("limit_a"),
        is_free=lambda known: known.get("force_state") != 1,
        tighter=_cable,
    )

    def outcome(heard: Heard, taken_at: datetime | None) -> Outcome | None:
        shown = is_shown(heard)
        if shown is not None:
            return shown
        limit_a = heard.known.get("limit_a")
        set_a = limit_a if isinstance(limit_a, float) else float(sent_a)
        is_at_most = is_same(set_a, largest_limit_a(heard.known)) and heard.known.get("force_state") != 1
        is_settled = taken_at is not None and heard.at - taken_at >= SETTLED
        if is_settled or (is_at_most and set_a < sent_a):
            return Outcome(Answer.COMPLETED, told_limit(asked_a, set_a, _cable(heard.known)))
        return None

    return _settings([("amp", f"{sent_a}"), *release], outcome)


def largest_limit_a(known: Mapping[str, Value]) -> int:
    """What its settings allow (`ama`), as far as it was heard."""
    max_a = known.get("max_a")
    return int(max_a) if isinstance(max_a, float) and max_a >= 6 else LARGEST_LIMIT_A


def _cable(known: Mapping[str, Value]) -> tuple[float, str] | None:
    cable_a = known.get("cable_a")
    return (cable_a, "its cable") if isinstance(cable_a, float) and cable_a > 0 else None


def _settings(
    values: Sequence[tuple[str, str]], outcome: Callable[[Heard, datetime | None], Outcome | None]
) -> Translation:
    """Rejected with the first refusal. `outcome` is told when the last of them was accepted, if it was."""
    keys = [key for key, _ in values]
    taken_at: datetime | None = None

    def confirmation(heard: Heard) -> Outcome | None:
        nonlocal taken_at
        key, is_result, rest = heard.key.partition("/result")
        if is_result and not rest and key in keys:
            refusal = _refusal(heard.payload)
            if refusal is not None:
                return Outcome(Answer.REJECTED, refusal)
            if key == keys[-1]:
                taken_at = heard.at
        if taken_at is not None and heard.obeyed_a is not None:
            taken_at = heard.at  # the answer was another command's, or what it changes is still to come
        return outcome(heard, taken_at)

    return Translation([Outgoing(f"{key}/set", value.encode()) for key, value in values], confirmation)


def _refusal(payload: bytes) -> str | None:
    said = payload.decode(errors="replace").strip(' "')
    return None if said in SUCCESS else f"it says: {said[:200]}"


def _reboot(order: Order) -> Confirmation:
    reboots, sent_at = order.known.get("reboots"), order.sent_at

    def confirmation(heard: Heard) -> Outcome | None:
        if heard.key == "rst/result":
            refusal = _refusal(heard.payload)
            return Outcome(Answer.ACCEPTED) if refusal is None else Outcome(Answer.REJECTED, refusal)
        if sent_at is not None:
            up_s = _uptime_s(heard)
            is_new = up_s is not None and up_s < (heard.at - sent_at).total_seconds()
        else:
            is_new = heard.said.get("reboots", reboots) != reboots
        return Outcome(Answer.COMPLETED) if is_new else None

    return confirmation


def _uptime_s(heard: Heard) -> float | None:
    """`rbt`, said each second: kept as a value it would make a reading each second."""
    if heard.key != "rbt":
        return None
    uptime_ms = number(heard.payload)
    return None if uptime_ms is None else uptime_ms / 1000


GOE: Final = Family(
    name="goe",
    vendor="go-e",
    topic_filters=("go-eCharger/#", "/go-eCharger/#"),
    place=place,
    read=read,
    tell=tell,
    is_order=is_order,
    holds=True,
    translate=translate,
)
