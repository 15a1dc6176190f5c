"""EVerest's API module: JSON documents each second, nothing retained, QoS 0.

Source: EVerest/everest-core at 23c9dac (2026-05-06), `modules/API/API/`: `README.md` for topics, fields and
commands, `API.cpp` for states (`update_state`), rates and integers, `limit_decimal_places.cpp` for what is
rounded to 2 decimals, `errors/*.yaml` for the errors; QoS 0 from the framework's `mqtt_abstraction_impl.cpp`.

* README and code differ: today `powermeter.timestamp` is RFC 3339 and `telemetry` has `phase_seq_error`
  (filled with the relay) instead of `relais_on` and `rcd_current`. The README's form is the quirk
  `epoch-timestamp`.
* `charged_energy_wh` is the difference of two registers cut to whole Wh, set at the start of a *transaction*:
  it keeps the last session's value until the next one is authorised. `charging_duration_s` likewise.
* A car that is full is ChargingPausedEV until it leaves; then FinishedEV and Finished pass within a second.
* An error of the hardware raises `evse_manager/Inoperative`, which is `permanent_fault`; the state stays what
  it was last set to, here ChargingPausedEVSE (assumed: the module stops charging and says no more).
* Commands are not answered. No last will, no uptime.

The id is the name of the EvseManager module; `base_topic` replaces `everest_api`.
"""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from solarrally_sim.vendors.device import Device, compact, number_in, object_in
from solarrally_sim.vendors.outgoing import Outgoing, Subscription
from solarrally_sim.vendors.scene import NOMINAL_V, Stage

COMMANDS = (
    "enable_disable",
    "enable",
    "disable",
    "pause_charging",
    "resume_charging",
    "stop_charging",
    "force_unlock",
    "set_limit_amps",
    "set_limit_watts",
    "set_limit_amps_phases",
)
ERRORS = {
    "MREC2GroundFailure": "Ground fault circuit interrupter has been activated.",
    "MREC3HighTemperature": "High temperature inside the EVSE is derating power delivery.",
    "MREC4OverCurrentFailure": "Over current protection device has tripped.",
    "MREC5OverVoltage": "Input voltage to the vehicle has risen above an acceptable level.",
    "MREC14PilotFault": "The control pilot voltage is out of range.",
    "MREC17EVSEContactorFault": (
        "Contactors fail to open or close on EVSE's side. May also include welding related errors."
    ),
    "DiodeFault": "The CP diode in the EV is shorted.",
    "PermanentFault": "The EVSE is permanently broken and requires repair.",
}


class Everest(Device):
    """See the module."""

    family = "everest"
    default_id = "evse_manager"
    faults: ClassVar[Mapping[str, int | str]] = {name: f"evse_board_support/{name}" for name in ERRORS}
    quirks: ClassVar[Mapping[str, str]] = {
        "epoch-timestamp": "the form of README.md: powermeter.timestamp in epoch seconds, relais_on",
        "no-phases": "a meter with totals only",
    }
    register_resolution_wh = 0.01

    def default_base_topic(self) -> str:
        """`api_base` of API.hpp."""
        return "everest_api"

    def default_client_id(self) -> str:
        """Not documented; assumed."""
        return f"everest-{self.setup.device_id}"

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """One for each command, QoS 0."""
        return tuple(Subscription(f"{self._evse}/cmd/{command}", 0) for command in COMMANDS)

    @property
    def _evse(self) -> str:
        return f"{self.base_topic}/{self.setup.device_id}"

    def forget(self) -> None:
        """The session, when the module starts again."""
        self._state = "Unplugged" if not self.scene.is_plugged else "Preparing"
        self._start_wh = self._end_wh = int(self.scene.register_wh)
        self._duration_s = 0
        self._in_transaction = False
        self._enabled = True
        self._stopped = False
        self._passing: list[str] = []
        self._source: dict[str, object] = {"source": "Unspecified", "state": "Enable", "priority": 5000}
        self._errors_since: str = ""

    def announce(self) -> list[Outgoing]:
        """Nothing beyond what comes each second."""
        return []

    def each_second(self) -> list[Outgoing]:
        """The threads of API.cpp, and the meter's second."""
        self._follow()
        var, base = f"{self._evse}/var", self.base_topic
        return [
            self.say(f"{base}/connectors", compact([self.setup.device_id])),
            self.say(f"{var}/datetime", self._rfc3339()),
            self.say(f"{var}/session_info", compact(self._session_info())),
            self.say(f"{var}/hardware_capabilities", compact(self._capabilities())),
            self.say(f"{var}/selected_protocol", "IEC61851-1" if self.scene.is_charging else "Unknown"),
            self.say(f"{var}/limits", compact(self._limits())),
            self.say(f"{var}/telemetry", compact(self._telemetry())),
            self.say(f"{var}/powermeter", compact(self._powermeter())),
            self.say(f"{base}/ocpp/var/connection_status", "unknown"),
            self.say(f"{base}/errors/var/active_errors", compact(self._active_errors())),
        ]

    def obey(self, topic: str, text: str) -> Iterable[Outgoing] | None:
        """`everest_api/<manager>/cmd/…`; what cannot be read is ignored."""
        command = topic.removeprefix(f"{self._evse}/cmd/")
        if command == topic or command not in COMMANDS:
            return None
        scene, amount = self.scene, number_in(text)
        if command == "pause_charging":
            scene.is_held = True
        elif command == "resume_charging":
            scene.is_held = False
            scene.resume()
        elif command in ("stop_charging", "force_unlock"):
            self._stopped = True
            scene.stop("remote")
        elif command in ("enable", "disable") and amount is not None:
            self._enable(command == "enable", "LocalAPI", 100)
        elif command == "enable_disable" and (said := object_in(text)) is not None:
            wanted = str(said.get("state", "Enable")).lower()
            priority = said.get("priority", 100)
            source = str(said.get("source", "LocalAPI"))
            self._enable(wanted != "disable", source, priority if isinstance(priority, int) else 100)
        elif command == "set_limit_amps" and amount is not None:
            scene.limit_a = min(self.setup.max_current_a, abs(amount))
        elif command == "set_limit_watts" and amount is not None:
            scene.limit_a = min(self.setup.max_current_a, abs(amount) / NOMINAL_V / self.setup.phases)
        elif command == "set_limit_amps_phases" and (said := object_in(text)) is not None:
            amps, phases = said.get("amps"), said.get("phases")
            if isinstance(amps, int | float) and isinstance(phases, int) and phases in (1, 3):
                scene.limit_a = min(self.setup.max_current_a, abs(float(amps)))
                scene.phases_limit = phases
        scene.settle()
        return []

    def _enable(self, is_enabled: bool, source: str, priority: int) -> None:
        self._enabled = is_enabled
        self._source = {
            "source": source,
            "state": "Enable" if is_enabled else "Disable",
            "priority": priority,
        }
        self.scene.is_held = not is_enabled

    # -- the session ------------------------------------------------------------------------------------

    def _follow(self) -> None:
        scene = self.scene
        register_wh = int(scene.register_wh)
        if (
            scene.is_plugged
            and scene.is_authorised
            and not self._in_transaction
            and scene.stage is not Stage.DONE
        ):
            self._in_transaction = True
            self._start_wh = self._end_wh = register_wh
            self._duration_s = 0
        if self._state in ("AuthRequired", "Charging", "ChargingPausedEV", "ChargingPausedEVSE"):
            self._end_wh = register_wh
            self._duration_s += self._in_transaction
        if not scene.is_plugged:
            if self._in_transaction:
                self._passing = ["FinishedEV", "Finished"]
                self._in_transaction = self._stopped = False
            self._state = self._passing.pop(0) if self._passing else self._resting
        else:
            self._state = self._plugged_state

    @property
    def _resting(self) -> str:
        return "Unplugged" if self._enabled else "Disabled"

    @property
    def _plugged_state(self) -> str:
        scene = self.scene
        if self._stopped:
            return "FinishedEVSE"
        if not scene.is_authorised:
            return "AuthRequired" if self._state in ("Preparing", "AuthRequired") else "Preparing"
        if scene.is_charging:
            return "Charging"
        if scene.is_faulted or scene.is_suspended_by_station:
            return "ChargingPausedEVSE"
        return "ChargingPausedEV" if scene.has_charged else "Preparing"

    # -- documents --------------------------------------------------------------------------------------

    def _rfc3339(self) -> str:
        return f"{self.scene.now.strftime('%Y-%m-%dT%H:%M:%S')}.{self.scene.now.microsecond // 1000:03d}Z"

    def _session_info(self) -> dict[str, object]:
        return {
            "active_enable_disable_source": self._source,
            "charged_energy_wh": self._end_wh - self._start_wh,
            "charging_duration_s": self._duration_s,
            "datetime": self._rfc3339(),
            "discharged_energy_wh": 0,
            "latest_total_w": round(self.scene.power_w, 6),
            "permanent_fault": self.scene.is_faulted,
            "state": self._state,
        }

    def _capabilities(self) -> dict[str, object]:
        phases, most_a = self.setup.phases, round(self.setup.max_current_a, 2)
        return {
            "max_phase_count_import": phases,
            "min_phase_count_import": 1,
            "max_phase_count_export": phases,
            "min_phase_count_export": 1,
            "supports_changing_phases_during_charging": phases == 3,
            "max_current_A_import": most_a,
            "min_current_A_import": 6.0,
            "max_current_A_export": 0.0,
            "min_current_A_export": 0.0,
            "connector_type": "IEC62196Type2Cable",
        }

    def _limits(self) -> dict[str, object]:
        return {
            "uuid": self.setup.device_id,
            "nr_of_phases_available": min(self.setup.phases, self.scene.phases_limit),
            "max_current": round(self.scene.limit_a, 2),
        }

    def _telemetry(self) -> dict[str, object]:
        relay = self.scene.is_charging
        if self.has("epoch-timestamp"):
            named: dict[str, object] = {"relais_on": relay, "rcd_current": 0.0991784930229187}
        else:
            named = {"phase_seq_error": relay}
        return {
            **named,
            "temperature": round(self.scene.temperature_c, 2),
            "fan_rpm": 0.0,
            "supply_voltage_12V": 11.95,
            "supply_voltage_minus_12V": -11.94,
        }

    def _powermeter(self) -> dict[str, object]:
        scene = self.scene
        names = ("L1", "L2", "L3")[: self.setup.phases]
        old = self.has("epoch-timestamp")

        def phases(values: Iterable[float]) -> dict[str, float]:
            if self.has("no-phases"):
                return {}
            return {name: round(value, 2) for name, value in zip(names, values, strict=False)}

        imported = {"total": round(scene.register_wh, 2)}
        current_a = {name: round(a, 2) for name, a in zip(names, scene.currents_a, strict=False)}
        return {
            "timestamp": float(int(scene.now.timestamp())) if old else self._rfc3339(),
            "meter_id": "YETI_POWERMETER",
            "phase_seq_error": False,
            "energy_Wh_import": imported,
            "power_W": {"total": round(scene.power_w, 2), **phases(scene.powers_w)},
            "voltage_V": {name: round(v, 2) for name, v in zip(names, scene.voltages_v, strict=False)},
            "current_A": current_a if self.has("no-phases") else {**current_a, "N": 0.0},
            "frequency_Hz": {"L1": round(scene.frequency_hz, 2)},
        }

    def _active_errors(self) -> list[dict[str, object]]:
        code = self.fault_code
        if not isinstance(code, str) or self.setup.fault is None:
            self._errors_since = ""
            return []
        self._errors_since = self._errors_since or self._rfc3339()

        def error(kind: str, text: str, module: str, uuid_end: str) -> dict[str, object]:
            return {
                "type": kind,
                "description": text,
                "message": text,
                "severity": "High",
                "origin": {"module_id": module, "implementation_id": "board_support"},
                "timestamp": self._errors_since,
                "uuid": f"00000000-0000-4000-8000-0000000000{uuid_end}",
                "state": "Active",
            }

        inoperative = (
            "Charging is not possible. Usually caused by another error from one of the requirements."
        )
        return [
            error(code, ERRORS[self.setup.fault], "yeti_driver", "01"),
            error("evse_manager/Inoperative", inoperative, self.setup.device_id, "02"),
        ]
