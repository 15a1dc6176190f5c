"""Tinkerforge WARP Charger: one retained JSON document per topic, sent again when it changed.

Source: Tinkerforge/esp32-firmware at cf4f5b5 (2026-08-22), `software/src/modules/`: `evse_v2`, `evse_common`,
`charge_tracker`, `users`, `meters`, `meters_legacy_api`, `mqtt`, `api` (documents, commands, QoS 0 and
retain, the interval), and `meters/meter_value_id.csv` for the ids.

* A state that changed is sent at most once per `interval` (1 s by default; `interval_s` here).
  `evse/low_level_state` has the uptime, so it changes always.
* All states are sent on a connection. No last will.
* The EVSE is in IEC state B from plugging in; `charger_state` tells waiting for release (1) from ready (2).
* A charge is tracked from the release to the unplugging: `charge_tracker/current_charge` has the meter at its
  start in kWh, `last_charges` at most 30 of the past. `timestamp_minutes` is 0 without a clock (quirk).
* Values of meters are 32 bit floats, with up to 7 decimals: near 500 kWh a step is 0.03 Wh.
* Commands are acknowledged by the state they change. Actions (`start_charging`, `stop_charging`) ignore empty
  and retained messages.

Prefix: `warp2/<uid>`, replaced whole by `base_topic` (the setting `global_topic_prefix`).
"""

import struct
from collections.abc import Iterable, Mapping
from typing import ClassVar

from solarrally_sim.vendors.device import Device, compact, object_in
from solarrally_sim.vendors.outgoing import Outgoing, Subscription

INTERVAL_S = 1
MOST_CHARGES = 30
SLOTS, SLOT_BUTTON, SLOT_GLOBAL, SLOT_USER, SLOT_EXTERNAL = 18, 4, 5, 6, 8
ACTIONS = ("evse/start_charging", "evse/stop_charging")
MOST_MA, LEAST_MA = 32_000, 6_000
LEGACY_LENGTH = 85  # `meter/all_values`: the values of an SDM630, plus three that can be reset
VALUE_IDS: tuple[tuple[int, str], ...] = (
    (1, "voltage L1"),
    (2, "voltage L2"),
    (3, "voltage L3"),
    (13, "current L1"),
    (17, "current L2"),
    (21, "current L3"),
    (39, "power L1"),
    (48, "power L2"),
    (57, "power L3"),
    (74, "power"),
    (364, "frequency"),
    (209, "energy"),
    (213, "energy both ways"),
)
"""meter_value_id.csv: what a meter of this device has. Currents are "import plus export" (13, 17, 21)."""

Document = dict[str, object]


class Warp(Device):
    """See the module."""

    family = "warp"
    default_id = "ABC"
    faults: ClassVar[Mapping[str, int | str]] = {
        "switch": 2,
        "dc-fault": 3,
        "contactor": 4,
        "communication": 5,
    }
    quirks: ClassVar[Mapping[str, str]] = {
        "legacy-meter": "only meter/values and meter/all_values, as before firmware 2.1",
        "meters-only": "only meters/0/value_ids and values (the legacy API is linked to no slot)",
        "no-clock": "no time yet: timestamp_minutes is 0",
        "no-meter": "a WARP Basic: no meter at all, energies are null",
    }
    register_resolution_wh = 0.07
    keepalive_s = 120

    def default_base_topic(self) -> str:
        """Hostname prefix and UID."""
        return f"warp2/{self.setup.device_id}"

    def default_client_id(self) -> str:
        """The setting `client_name`."""
        return f"warp2-{self.setup.device_id}"

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """All below its prefix, its own states included."""
        return (Subscription(f"{self.base_topic}/#", 0),)

    def forget(self) -> None:
        """Slots that are not persistent; past charges are in flash."""
        if self.boots == 1:
            self._charges: list[Document] = []
            self._global_ma = MOST_MA
            self._reset_at_wh = self.scene.register_wh - 123_456.0
            self._auto_start = True
        self._external_ma = MOST_MA
        self._button_ma = MOST_MA
        self._current = self._no_charge()
        self._known: dict[str, str] = {}
        self._sent_at_s: dict[str, int] = {}
        self._state_since_s = 0
        self._last_iec = -1
        self._charge_started_s = 0

    def announce(self) -> list[Outgoing]:
        """All states (`onMqttConnect` marks each as updated)."""
        self._known, self._sent_at_s = {}, {}
        return self._news()

    def each_second(self) -> list[Outgoing]:
        """What changed, no topic more often than the interval."""
        self._track()
        if self._iec != self._last_iec:
            self._last_iec, self._state_since_s = self._iec, self.uptime_s
        return self._news()

    def ignores_retained(self, topic: str) -> bool:
        """`is_action`."""
        return topic.endswith(ACTIONS)

    def obey(self, topic: str, text: str) -> Iterable[Outgoing] | None:
        """Commands of `evse_common`; a malformed one changes nothing."""
        path = topic.removeprefix(f"{self.base_topic}/")
        if topic == path:
            return None
        scene = self.scene
        if path in ACTIONS:
            if not text:
                return None
            if scene.is_plugged:
                self._button_ma = MOST_MA if path == "evse/start_charging" else 0
            if self._button_ma:
                scene.authorise()
                scene.resume()
        elif path in ("evse/external_current_update", "evse/global_current_update"):
            current_ma = (object_in(text) or {}).get("current")
            if (
                not isinstance(current_ma, int)
                or isinstance(current_ma, bool)
                or not 0 <= current_ma <= MOST_MA
            ):
                return []
            if path.startswith("evse/external"):
                self._external_ma = current_ma
            else:
                self._global_ma = current_ma
        elif path == "evse/auto_start_charging_update":
            self._auto_start = bool((object_in(text) or {}).get("auto_start_charging", True))
        else:
            return None
        self._apply()
        return self._news()

    # -- states -----------------------------------------------------------------------------------------

    def _apply(self) -> None:
        scene = self.scene
        least_ma = min(self._external_ma, self._button_ma, self._global_ma)
        scene.is_held = least_ma < LEAST_MA
        scene.limit_a = max(6.0, min(self.setup.max_current_a, least_ma / 1000.0))
        scene.settle()

    @property
    def _iec(self) -> int:
        scene = self.scene
        if scene.is_faulted:
            return 4
        if not scene.is_plugged:
            return 0
        return 2 if scene.is_charging else 1

    @property
    def _charger_state(self) -> int:
        scene = self.scene
        if scene.is_faulted:
            return 4
        if not scene.is_plugged:
            return 0
        if scene.is_charging:
            return 3
        return 2 if scene.offered_a > 0.0 else 1

    def _track(self) -> None:
        """`users.cpp`: the charge starts with the release and ends when the car is unplugged."""
        scene = self.scene
        tracking = self._current["user_id"] != -1
        if scene.is_plugged and scene.is_authorised and not tracking:
            self._charge_started_s = self.uptime_s
            self._current = {
                "user_id": 1,
                "meter_start": self._meter_kwh(scene.register_wh),
                "evse_uptime_start": self._uptime_ms,
                "timestamp_minutes": self._minutes,
                "authorization_type": 2,
                "authorization_info": {"tag_type": 2, "tag_id": "04:A2:B9:C2:D3:4E:80"},
                "charger_name": "",
            }
        elif tracking and not scene.is_plugged:
            start_kwh, end_kwh = self._current["meter_start"], self._meter_kwh(scene.register_wh)
            charged_kwh = None
            if isinstance(start_kwh, int | float) and end_kwh is not None:
                charged_kwh = _float32(end_kwh - start_kwh)
            self._charges.append(
                {
                    "timestamp_minutes": self._current["timestamp_minutes"],
                    "charge_duration": self.uptime_s - self._charge_started_s,
                    "user_id": 1,
                    "energy_charged": charged_kwh,
                    "charger_name": "",
                }
            )
            self._charges = self._charges[-MOST_CHARGES:]
            self._current = self._no_charge()

    def _no_charge(self) -> Document:
        return {
            "user_id": -1,
            "meter_start": 0,
            "evse_uptime_start": 0,
            "timestamp_minutes": 0,
            "authorization_type": 0,
            "authorization_info": None,
            "charger_name": "",
        }

    @property
    def _minutes(self) -> int:
        return 0 if self.has("no-clock") else int(self.scene.now.timestamp() // 60)

    @property
    def _uptime_ms(self) -> int:
        return self.uptime_s * 1000 + 457

    def _meter_kwh(self, register_wh: float) -> float | None:
        return None if self.has("no-meter") else _float32(register_wh / 1000.0)

    def _documents(self) -> dict[str, object]:
        scene, visit = self.scene, self.scene.visit
        code = self.fault_code
        slots: list[Document] = [
            {"max_current": MOST_MA, "active": False, "clear_on_disconnect": False} for _ in range(SLOTS)
        ]
        cable_ma = round(self.setup.max_current_a * 1000)
        for slot, current_ma in (
            (0, cable_ma),
            (1, cable_ma),
            (SLOT_BUTTON, self._button_ma),
            (SLOT_GLOBAL, self._global_ma),
            (SLOT_USER, MOST_MA if scene.is_authorised else 0),
            (SLOT_EXTERNAL, self._external_ma),
        ):
            slots[slot] = {
                "max_current": current_ma,
                "active": True,
                "clear_on_disconnect": slot == SLOT_USER,
            }
        return {
            "info/name": {
                "name": f"warp2-{self.setup.device_id}",
                "type": "warp2",
                "display_type": "WARP2 Charger",
                "uid": self.setup.device_id,
            },
            "info/version": {"firmware": "2.9.1+68a0b1c2", "config": "2.9.0", "config_type": "warp2"},
            "evse/state": {
                "iec61851_state": self._iec,
                "charger_state": self._charger_state,
                "contactor_state": 3 if scene.is_charging else 1,
                "contactor_error": 1 if code == 4 else 0,
                "allowed_charging_current": round(scene.offered_a * 1000),
                "error_state": code if code is not None else 0,
                "lock_state": 3 if scene.is_plugged else 1,
                "dc_fault_current_state": 1 if code == 3 else 0,
            },
            "evse/low_level_state": {
                "led_state": 4 if scene.is_charging else 1,
                "cp_pwm_duty_cycle": round(scene.offered_a / 0.06) if scene.offered_a else 1000,
                "charging_time": 1000 * visit.charging_s if visit else 0,
                "time_since_state_change": 1000 * (self.uptime_s - self._state_since_s),
                "uptime": self._uptime_ms,
                "time_since_dc_fault_check": self._uptime_ms,
                "temperature": round(scene.temperature_c * 100),
                "phases_current": min(self.setup.phases, scene.phases_limit),
                "phases_requested": self.setup.phases,
            },
            "evse/hardware_configuration": {
                "jumper_configuration": 3,
                "has_lock_switch": True,
                "evse_version": 20,
                "energy_meter_type": 2,
            },
            "evse/slots": slots,
            "evse/external_current": {"current": self._external_ma},
            "evse/global_current": {"current": self._global_ma},
            "evse/user_current": {"current": slots[SLOT_USER]["max_current"]},
            "evse/auto_start_charging": {"auto_start_charging": self._auto_start},
            **({} if self.has("no-meter") else self._meters()),
            "charge_tracker/current_charge": self._current,
            "charge_tracker/last_charges": self._charges,
            "charge_tracker/state": {
                "tracked_charges": len(self._charges),
                "first_charge_timestamp": self._charges[0]["timestamp_minutes"] if self._charges else 0,
                "generator_state": 0,
            },
        }

    def _meters(self) -> dict[str, object]:
        scene = self.scene
        kwh = _float32(scene.register_wh / 1000.0)
        measured = [
            *scene.voltages_v,
            *scene.currents_a,
            *scene.powers_w,
            scene.power_w,
            scene.frequency_hz,
            kwh,
            kwh,
        ]
        documents: dict[str, object] = {}
        if not self.has("legacy-meter"):
            documents |= {
                "meters/0/value_ids": [number for number, _ in VALUE_IDS],
                "meters/0/values": [_float32(value) for value in measured],
            }
        if not self.has("meters-only"):
            relative_kwh = _float32((scene.register_wh - self._reset_at_wh) / 1000.0)
            every: list[float | None] = [None] * LEGACY_LENGTH
            every[:9] = [_float32(value) for value in measured[:9]]
            every[24], every[29], every[30] = _float32(scene.power_w), _float32(scene.frequency_hz), kwh
            documents |= {
                "meter/state": {"state": 2, "type": 2},
                "meter/values": {
                    "power": _float32(scene.power_w),
                    "energy_rel": relative_kwh,
                    "energy_abs": kwh,
                },
                "meter/phases": {
                    "phases_connected": [n < self.setup.phases for n in range(3)],
                    "phases_active": [current > 0.0 for current in scene.currents_a],
                },
                "meter/all_values": every,
            }
        return documents

    def _news(self) -> list[Outgoing]:
        interval_s = round(self.setup.interval_s or INTERVAL_S)
        out = []
        for path, document in self._documents().items():
            text = compact(document)
            if self._known.get(path) == text:
                continue
            if path in self._sent_at_s and self.uptime_s - self._sent_at_s[path] < interval_s:
                continue
            self._known[path], self._sent_at_s[path] = text, self.uptime_s
            out.append(self.say(f"{self.base_topic}/{path}", text, retain=True))
        return out


def _float32(value: float) -> float:
    """As the firmware stores it, and as ArduinoJson writes it: at most 7 decimals, no bare `.0`."""
    stored: float = struct.unpack("<f", struct.pack("<f", value))[0]
    written = round(stored, 7)
    return int(written) if written.is_integer() else written
