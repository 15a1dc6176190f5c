"""SmartEVSE v3: some forty values, one per topic, every 11 s and at once when something changes.

Source: dingo35/SmartEVSE-3.5 at 2d95cf0 (2026-06-30): `SmartEVSE-3/src/esp32.cpp` (`mqttPublishData`,
`SetupMQTTClient`, `mqtt_receive_callback`) for topics, retain flags and commands, `network_common.cpp` for
the will, keepalive and discovery, `main.cpp` for the states and the rate. There is no document of the topics.

* The timer publishes when `lastMqttUpdate++ >= 10`, and publishing sets it to 0: that is every 11 s, although
  the comment says 10. A change of state or a command makes it the next second.
* A car that is plugged in while `Access` is Deny leaves the state at A: "Ready to Charge", with `EVPlugState`
  Connected. When charging is stopped by the station it is C1 for up to 6 s, then B1.
* `EVEnergyCharged` begins at 0 with the first *charging* of a car: before that it still has the last car's
  energy, also when that car is gone. After a reboot it is 0.
* `EVImportActiveEnergy` is only published when it is not 0; after a boot the meter has not been read for a
  moment.
* `No Power Available` is what the solar mode says when it pauses: that is this device's pause by the station.

Prefix: `SmartEVSE/<serial>`, replaced whole by `base_topic`; also the client id. Topics of Home Assistant's
discovery are made from the prefix too, outside of it.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import ClassVar

from solarrally_sim.vendors.device import Device, compact, number_in
from solarrally_sim.vendors.outgoing import Outgoing, Subscription

PERIOD_S = 11
C1_MOST_S = 6
METER_READ_S = 2
NAMES = {
    "A": "Ready to Charge",
    "B": "Connected to EV",
    "C": "Charging",
    "B1": "Charging Stopped",
    "C1": "Stop Charging",
}
MODES = ("Normal", "Smart", "Solar")
C2 = ("Not present", "Always Off", "Solar Off", "Always On", "Auto")
CURRENT = {"device_class": "current", "state_class": "measurement", "unit_of_measurement": "A"}
ENERGY = {"device_class": "energy", "unit_of_measurement": "Wh", "state_class": "total_increasing"}
POWER = {"device_class": "power", "unit_of_measurement": "W", "state_class": "measurement"}
DISCOVERED: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("Charge Current", "sensor", {**CURRENT, "value_template": "{{ value | int / 10 }}"}),
    ("Max Current", "sensor", {**CURRENT, "value_template": "{{ value | int / 10 }}"}),
    ("EV Current L1", "sensor", {**CURRENT, "value_template": "{{ value | int / 10 }}"}),
    ("EV Current L2", "sensor", {**CURRENT, "value_template": "{{ value | int / 10 }}"}),
    ("EV Current L3", "sensor", {**CURRENT, "value_template": "{{ value | int / 10 }}"}),
    ("EV Import Active Energy", "sensor", ENERGY),
    ("EV Charge Power", "sensor", POWER),
    ("EV Energy Charged", "sensor", ENERGY),
    ("EV Total Energy Charged", "sensor", ENERGY),
    ("EV Plug State", "sensor", {}),
    ("Access", "sensor", {}),
    ("State", "sensor", {}),
    ("StateID", "sensor", {}),
    ("Error", "sensor", {"entity_category": "diagnostic"}),
)


class SmartEvse(Device):
    """See the module."""

    family = "smartevse"
    default_id = "6360"
    faults: ClassVar[Mapping[str, int | str]] = {
        "Communication Error": "Communication Error",
        "Temperature High": "Temperature High",
        "EV Meter Comm Error": "EV Meter Comm Error",
        "RCM Tripped": "RCM Tripped",
        "RCM Test": "RCM Test",
        "Test IO": "Test IO",
        "Flash Error": "Flash Error",
    }
    quirks: ClassVar[Mapping[str, str]] = {
        "old-prefix": "the prefix of older firmware: SmartEVSE-<serial>",
        "no-ev-meter": "no meter behind the contactor: no currents, power or energies of the car",
    }
    register_resolution_wh = 1.0
    keepalive_s = 15

    def default_base_topic(self) -> str:
        """`preferences.getString("MQTTprefix", "SmartEVSE/" + serialnr)`."""
        return f"SmartEVSE{'-' if self.has('old-prefix') else '/'}{self.setup.device_id}"

    def default_client_id(self) -> str:
        """The prefix."""
        return self.base_topic

    @property
    def will(self) -> Outgoing:
        """`network_common.cpp`: QoS 0, retained."""
        return Outgoing(topic=f"{self.base_topic}/connected", payload=b"offline", retain=True)

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """With QoS 1."""
        return (Subscription(f"{self.base_topic}/Set/#", 1),)

    def forget(self) -> None:
        """Access and mode are kept in flash; the start of the charge is not."""
        if self.boots == 1:
            self._mode = "Smart"
            self._access = "Allow"
            self._override_da = 0
            self._max_sum_mains_a = 0
            self._c2 = "Always On"
            self._cable_lock = 0
        self._charge_start_wh = self.scene.register_wh
        self._resets_at_charge = True
        self._last: tuple[object, ...] = ()
        self._stopped_at_s: int | None = None
        self._since_publish_s = PERIOD_S

    def announce(self) -> list[Outgoing]:
        """`SetupMQTTClient`: online, then what Home Assistant wants to know."""
        out = [self.say(f"{self.base_topic}/connected", "online", retain=True)]
        for name, domain, extra in DISCOVERED:
            if not (name.startswith("EV ") and name != "EV Plug State" and self.has("no-ev-meter")):
                out.append(self._discovery(name, domain, extra))
        return out

    def each_second(self) -> list[Outgoing]:
        """`Timer1S`."""
        self._follow()
        self._since_publish_s += 1
        news = (self._state, self._access_now, self._error, self._plug, self._override_da, self._mode)
        if news != self._last:
            self._last = news
            self._since_publish_s = PERIOD_S
        if self._since_publish_s < PERIOD_S:
            return []
        self._since_publish_s = 0
        return self._publish()

    def farewells(self, now: datetime) -> list[Outgoing]:
        """`disconnect()` says offline itself: QoS 0, retained."""
        return [self.say(f"{self.base_topic}/connected", "offline", retain=True)]

    def obey(self, topic: str, text: str) -> Iterable[Outgoing] | None:
        """`mqtt_receive_callback`: values are echoed with the next publish, a second later."""
        prefix = f"{self.base_topic}/Set/"
        if not topic.startswith(prefix):
            return None
        name, scene = topic[len(prefix) :], self.scene
        amount = number_in(text)
        # String.toInt(): what is no number is 0.
        value = int(amount) if amount is not None else 0
        if name == "Mode":
            if text == "Off":
                self._access = "Deny"
            elif text == "Pause":
                self._access = "Pause"
            elif text in MODES:
                self._mode, self._access = text, "Allow"
                self._override_da = 0 if text == "Solar" else self._override_da
                scene.authorise()
                scene.resume()
        elif name == "CurrentOverride" and (value == 0 or self._mode != "Solar"):
            if value == 0 or 60 <= value <= self.setup.max_current_a * 10:
                self._override_da = value
        elif name == "CurrentMaxSumMains" and (value == 0 or 10 <= value <= 600):
            self._max_sum_mains_a = value
        elif name == "EnableC2" and (text in C2 or text in "01234"):
            self._c2 = C2[int(text)] if text.isdigit() else text
        elif name == "CableLock":
            self._cable_lock = int(text == "1")
        scene.is_held = self._access != "Allow"
        scene.limit_a = self._override_da / 10.0 if self._override_da else self.setup.max_current_a
        scene.settle()
        self._since_publish_s = PERIOD_S
        return []

    # -- values -----------------------------------------------------------------------------------------

    def _follow(self) -> None:
        """What the meter and the state machine remember."""
        scene = self.scene
        if not scene.is_plugged:
            self._resets_at_charge = True
        elif scene.is_charging and self._resets_at_charge:
            self._charge_start_wh = scene.register_wh
            self._resets_at_charge = False
        if scene.is_charging or not scene.is_plugged:
            self._stopped_at_s = None
        elif self._is_stopped and scene.has_charged and self._stopped_at_s is None:
            self._stopped_at_s = self.uptime_s

    @property
    def _is_stopped(self) -> bool:
        """Whether it is the station that does not charge."""
        return self.scene.is_suspended_by_station or self.scene.is_faulted

    @property
    def _state(self) -> str:
        scene = self.scene
        if not scene.is_plugged or (not scene.is_authorised and not scene.has_charged):
            return "A"
        if scene.is_charging:
            return "C"
        if not self._is_stopped:
            return "B"
        just_stopped = self._stopped_at_s is not None and self.uptime_s - self._stopped_at_s < C1_MOST_S
        return "C1" if just_stopped else "B1"

    @property
    def _access_now(self) -> str:
        if self._access != "Allow":
            return self._access
        return "Allow" if self.scene.is_authorised else "Deny"

    @property
    def _error(self) -> str:
        if isinstance(self.fault_code, str):
            return self.fault_code
        paused = self.scene.is_paused and not self.setup.pause_by_car
        return "No Power Available" if paused else "None"

    @property
    def _plug(self) -> str:
        return "Connected" if self.scene.is_plugged else "Disconnected"

    def _publish(self) -> list[Outgoing]:
        """In the order of `mqttPublishData`; True: retained."""
        scene = self.scene
        access = self._access_now
        charge_da = round(scene.offered_a * 10) if scene.is_plugged and scene.is_authorised else 0
        register_wh = int(scene.register_wh) if self.uptime_s >= METER_READ_S else 0
        values: list[tuple[str, object, bool]] = []
        if not self.has("no-ev-meter"):
            values += [
                (f"EVCurrentL{n}", round(a * 10.0), False) for n, a in enumerate(scene.currents_a, start=1)
            ]
            if register_wh:
                values.append(("EVImportActiveEnergy", register_wh, False))
        values += [
            ("ESPTemp", round(scene.temperature_c), False),
            ("Mode", {"Deny": "Off", "Pause": "Pause"}.get(access, self._mode), True),
            ("MaxCurrent", int(self.setup.max_current_a * 10), True),
            ("MaxSumMains", self._max_sum_mains_a, True),
            ("MaxSumMainsTime", 0, True),
            ("CustomButton", "Off", False),
            ("ChargeCurrent", charge_da, True),
            ("ChargeCurrentOverride", self._override_da, True),
            ("NrOfPhases", self.setup.phases, True),
            ("Access", access, True),
            ("RFID", "Present" if scene.is_authorised else "Ready to read card", True),
            ("EnableC2", self._c2, True),
            ("RFIDLastRead", "04A2B9C2D34E80" if scene.visits else "00000000000000", True),
            ("State", NAMES[self._state], True),
            ("StateID", self._state, True),
            ("Error", self._error, True),
            ("EVPlugState", self._plug, True),
            ("WiFiSSID", "home", True),
            ("WiFiBSSID", "02:00:00:00:00:01", True),
        ]
        if not self.has("no-ev-meter"):
            charged_wh = int(scene.register_wh - self._charge_start_wh)
            values += [
                ("EVChargePower", round(scene.power_w), False),
                ("EVEnergyCharged", charged_wh, True),
                ("EVTotalEnergyCharged", register_wh, False),
            ]
        values += [
            ("OCPP", "Disabled", True),
            ("OCPPConnection", "Disconnected", False),
            ("LEDColorOff", "0,0,0", True),
            ("LEDColorNormal", "0,255,0", True),
            ("LEDColorSmart", "0,255,0", True),
            ("LEDColorSolar", "255,170,0", True),
            ("LEDColorCustom", "0,0,255", True),
            ("CableLock", self._cable_lock, True),
            ("ESPUptime", self.uptime_s, False),
            ("WiFiRSSI", -58 - (self.uptime_s // 11) % 4, False),
            ("LoadBl", 0, True),
            ("PairingPin", "", True),
            ("SolarStopTimer", 0, False),
        ]
        return [
            self.say(f"{self.base_topic}/{name}", str(value), retain=kept) for name, value, kept in values
        ]

    def _discovery(self, name: str, domain: str, extra: Mapping[str, str]) -> Outgoing:
        prefix, suffix = self.base_topic, name.replace(" ", "")
        said = {
            "name": name,
            "object_id": f"{prefix}-{suffix}",
            "default_entity_id": f"{domain}.{prefix}_{suffix}".lower().replace("-", "_"),
            "unique_id": f"{prefix}-{suffix}",
            "state_topic": f"{prefix}/{suffix}",
            "availability_topic": f"{prefix}/connected",
            "device": {
                "model": "SmartEVSE v3",
                "identifiers": prefix,
                "name": prefix,
                "manufacturer": "Stegen",
                "configuration_url": "http://192.0.2.44",
                "sw_version": "v3.11.0",
            },
            **extra,
        }
        return self.say(f"homeassistant/{domain}/{prefix}-{suffix}/config", compact(said), retain=True)
