"""Tasmota: a smart plug or meter reader in front of a charger that is not smart itself.

Source: tasmota/docs:docs/MQTT.md and docs/Commands.md (SENSOR, LWT, STATE, Power, Restart; what `ENERGY`
holds). Since plugs measure all kinds of things, only the registry can say that one is a station. Its base
topic is `tele/<topic>`, as from the factory, or `<topic>` where the full topic was set to
`%topic%/%prefix%/`: only then commands are below it (`<topic>/cmnd/…`), and taken.

| field of `ENERGY` | unit | becomes |
|---|---|---|
| `Total` | kWh, one number or one per phase | `energy_wh` (lifetime register; the owner can reset it) |
| `Power` | W, one number or one per phase | `power_w` |
| `Voltage` | V, one number or one per phase | `voltage_v`, `voltage_v_l1` to `l3` |
| `Current` | A, one number or one per phase | `current_a`, `current_a_l1` to `l3` |
| `Yesterday`, `Today`, `Period`, `Factor`, `TotalStartTime`, apparent and reactive power | | of no use |

`Time` is local time without a zone and therefore not believed: a reading gets its receipt. A plug does not
see a vehicle. Without a word on it a session would never end: up to 100 W nobody charges, and the connector
is told as available, with the relay off (`POWER` of `STATE` and below `stat/`) as unavailable. So a vehicle
that pauses begins another session.

| command | becomes | shown by |
|---|---|---|
| start, resume | `cmnd/POWER` ON | `stat/POWER` |
| stop, pause, a limit of 0 | `cmnd/POWER` OFF | `stat/POWER` |
| reset | `cmnd/Restart` 1 | `tele/INFO1`, said at a start |
| another limit, unlock, update_firmware | not taken: it only switches | |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from solarrally.dialects.confirming import shown_anew
from solarrally.dialects.family import (
    FACTS,
    Family,
    Heard,
    Order,
    Outcome,
    Outgoing,
    Said,
    Translation,
    Value,
    tell_plainly,
)
from solarrally.dialects.phases import told_phases
from solarrally.dialects.values import json_number, json_object, shown
from solarrally.domain.command import Answer
from solarrally.domain.reading import ConnectorStatus
from solarrally.errors import CommandNotTaken, RejectedMessage

IDLE_W: Final = 100.0
"""What a charger's own electronics draw stays below it; a vehicle takes 1.4 kW and more."""
WITHOUT_USE: Final = frozenset({"INFO1", "INFO2", "INFO3", "UPTIME", "RESULT", "MARGINS", "HASS_STATE"})
"""Of `tele/`. What else comes below `stat/` answers somebody's console."""
TELEMETRY: Final = frozenset({"LWT", "SENSOR", "STATE", "STATUS8"})
RELAYS: Final = ("POWER", "POWER1")


def is_order(key: str, payload: bytes) -> bool:
    """`cmnd/…` is to the device."""
    return key.startswith("cmnd/")


def read(key: str, payload: bytes) -> Said | None:
    """`SENSOR`, the answer to `Status 8` (the same below `StatusSNS`), `STATE`, `LWT`, and the relay."""
    if is_order(key, payload):
        return {}
    prefix, _, name = key.rpartition("/")
    match prefix:
        case "stat" if name in RELAYS:
            return {"is_switched_on": _relay(payload)}
        case "stat":
            return _sensor(payload) if name == "STATUS8" else {}
        case "":
            return _telemetry(name, payload)
        case "tele":
            said = _telemetry(name, payload)
            return said and {**said, "takes_commands": True}
        case _:
            return None


def _telemetry(name: str, payload: bytes) -> Said | None:
    if name in WITHOUT_USE or (name in TELEMETRY and not payload):
        return {}
    match name:
        case "LWT" if payload in (b"Online", b"Offline"):
            return {"is_online": payload == b"Online"}
        case "LWT":
            raise RejectedMessage("invalid_field", f"expected Online or Offline, got {shown(payload)}", name)
        case "SENSOR" | "STATUS8":
            return _sensor(payload)
        case "STATE":
            return _state(payload)
        case _:
            return None


def _relay(payload: bytes) -> bool:
    if payload not in (b"ON", b"OFF"):
        raise RejectedMessage("invalid_field", f"expected ON or OFF, got {shown(payload)}", "POWER")
    return payload == b"ON"


def _state(payload: bytes) -> Said:
    state = json_object(payload)
    relay = next((state[name] for name in RELAYS if state.get(name) in ("ON", "OFF")), None)
    return {} if relay is None else {"is_switched_on": relay == "ON"}


def _sensor(payload: bytes) -> Said:
    said = json_object(payload)
    energy = said.get("StatusSNS", said)
    energy = energy.get("ENERGY") if isinstance(energy, dict) else None
    if energy is None:
        return {}  # of other sensors on the same board
    if not isinstance(energy, dict):
        raise RejectedMessage("invalid_field", "expected an object", "ENERGY")
    return _energy(energy)


def _energy(energy: dict[str, Any]) -> Said:
    said: Said = {}
    total_kwh = _sum(energy.get("Total"), "Total")
    if total_kwh is not None:
        said["energy_wh"] = total_kwh * 1000
    power_w = _sum(energy.get("Power"), "Power")
    if power_w is not None:
        said["power_w"] = power_w
    return said | told_phases(
        _each(energy.get("Voltage"), "Voltage"), _each(energy.get("Current"), "Current")
    )


def _each(value: object, field: str) -> list[float | None]:
    values = value if isinstance(value, list) else [value]
    if len(values) > 3:
        raise RejectedMessage("invalid_field", f"{len(values)} phases", field)
    return [json_number(one, field) for one in values]


def _sum(value: object, field: str) -> float | None:
    values = [one for one in _each(value, field) if one is not None]
    return json_number(sum(values), field) if values else None


def tell(said: Mapping[str, Value], known: Mapping[str, Value]) -> Said:
    """What it measured, and what that says of the connector."""
    if said.keys() <= FACTS | {"takes_commands"}:
        return {}
    return tell_plainly(said, known) | {"status": _status(said, known)}


def _status(said: Mapping[str, Value], known: Mapping[str, Value]) -> str | None:
    if known.get("is_switched_on") is False:
        return ConnectorStatus.UNAVAILABLE
    power_w = said.get("power_w")
    if not isinstance(power_w, float):
        return None
    return ConnectorStatus.AVAILABLE if power_w <= IDLE_W else ConnectorStatus.CHARGING


def translate(order: Order) -> Translation:
    """See the table above."""
    if order.known.get("takes_commands") is not True and order.sent_at is None:
        raise CommandNotTaken(
            "its commands are not below its base topic: set its FullTopic to %topic%/%prefix%/, "
            "and register <topic> as its base topic"
        )
    match order.command:
        case "start" | "resume":
            return _switch(on=True)
        case "stop" | "pause":
            return _switch(on=False)
        case "set_current_limit" if order.params["limit_a"] == 0:
            return _switch(on=False)
        case "reset":
            return Translation([Outgoing("cmnd/Restart", b"1")], _started)
        case _:
            raise CommandNotTaken(f"a plug only switches: it takes no {order.command}")


def _switch(*, on: bool) -> Translation:
    confirmation = shown_anew(lambda said: said.get("is_switched_on") is on)
    return Translation([Outgoing("cmnd/POWER", b"ON" if on else b"OFF")], confirmation)


def _started(heard: Heard) -> Outcome | None:
    return Outcome(Answer.COMPLETED) if heard.key == "tele/INFO1" else None


TASMOTA: Final = Family(
    name="tasmota", vendor="Tasmota", read=read, tell=tell, is_order=is_order, translate=translate
)
