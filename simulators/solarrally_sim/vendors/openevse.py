"""OpenEVSE, ESP32 WiFi firmware: one value per topic, and the whole state every 30 s.

Sources: OpenEVSE/openevse_esp32_firmware at 1797b7a (2026-07-21): `docs/Developers_Guide_MQTT.md` for topics,
units, retain flags and commands; `src/mqtt.cpp` for the order on a connection and the empty
`mqtt_broker_version`; `src/input.cpp` for the documents; `src/evse_monitor.cpp` for the rates;
`src/energy_meter.cpp`.

* The whole document goes out when temperature *and* current have been read: every 30 s, charging or not.
  While charging `amp`, `voltage`, `power` come each second and the energy topics every 5 s. `docs/mqtt.md`
  says 30 s.
* Voltage is not measured (`updateEffectiveVoltage`): it is what is configured. Energy is that times one
  measured current, times 3 when three phases are configured. So this device has even, steady mains.
* `session_energy` and `session_elapsed` go to 0 when the car *leaves*; elapsed counts charging time only.
* Without an RFID reader nobody is authorised: the state is 2 until the car asks.
* Flash is written every 5 minutes of charging; what is younger is lost in a reboot (quirk `stale-flash`).

Base topic: `openevse-<last 4 of the id>` (the hostname), replaced by `base_topic`. A base that ends in a
slash makes topics with an empty level, as in issue #829. The announce topic stays `openevse/announce/<last
4>`. Not documented: the wire's QoS (the client library's 0), RAPI's answers beyond `$OK`/`$NK` with an XOR
checksum, and the flag bits of `flags` (open_evse's `J1772EvseController.h`: 0x100 connected, 0x40 charging).
"""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from solarrally_sim.vendors.device import Device, compact, number_in, object_in, trimmed
from solarrally_sim.vendors.openevse_claims import Claims
from solarrally_sim.vendors.outgoing import Outgoing, Subscription
from solarrally_sim.vendors.scene import NOMINAL_V

FULL_DOCUMENT_S, ENERGY_EVENT_S, FLASH_S = 30, 5, 300
STATE_WAITING, STATE_CONNECTED, STATE_CHARGING, STATE_SLEEPING = 1, 2, 3, 254
GREEN, YELLOW, TEAL, VIOLET, RED = 2, 3, 6, 5, 1
CONNECTED_FLAG, CHARGING_FLAG = 0x0100, 0x0040
HEARD = (
    "rapi/in/#",
    "divertmode/set",
    "shaper/set",
    "override/set",
    "claim/set",
    "schedule/set",
    "schedule/clear",
    "limit/set",
    "config/set",
    "restart",
)


class OpenEvse(Device):
    """See the module."""

    family = "openevse"
    default_id = "c44f330d7b2c"
    faults: ClassVar[Mapping[str, int | str]] = {
        "vent-required": 4,
        "diode-check-failed": 5,
        "gfci-fault": 6,
        "no-earth-ground": 7,
        "stuck-relay": 8,
        "gfci-self-test-failed": 9,
        "over-temperature": 10,
        "over-current": 11,
    }
    quirks: ClassVar[Mapping[str, str]] = {
        "trailing-slash": "the base topic ends in a slash: an empty level before each name (issue #829)",
        "retained": "status values are retained (config mqtt_retained)",
        "old-names": "the ESP8266's topics every 30 s: wh, elapsed, wattsec, temp1 to temp4",
        "no-temperature": "no sensor: all temperatures are `false`",
        "stale-flash": "a reboot takes the energy meter back to what was saved up to 5 minutes ago",
    }
    is_even = True
    register_resolution_wh = 0.001
    keepalive_s = 60

    def default_base_topic(self) -> str:
        """The hostname."""
        return self._hostname + ("/" if self.has("trailing-slash") else "")

    def default_client_id(self) -> str:
        """The hostname."""
        return self._hostname

    @property
    def _hostname(self) -> str:
        return f"openevse-{self.setup.device_id[-4:]}"

    @property
    def _announce_topic(self) -> str:
        return f"openevse/announce/{self.setup.device_id[-4:]}"

    @property
    def will(self) -> Outgoing:
        """The same topic as the announcement, retained."""
        said = {"state": "disconnected", "id": self.setup.device_id, "name": self._hostname}
        return Outgoing(topic=self._announce_topic, payload=compact(said).encode(), retain=True)

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """The settable topics of `subscribeTopics`."""
        return tuple(Subscription(f"{self.base_topic}/{name}", 0) for name in HEARD)

    def forget(self) -> None:
        """Claims, limits and divert modes are volatile; the meter is in flash."""
        self._claims = Claims()
        self._schedule: list[object] = []
        self._divertmode = 1
        self._is_asleep = False
        if self.boots == 1:
            self._charging_s = 0
            self._lost_wh = 0.0
            self._session_start_wh = self.scene.register_wh
            self._saved_wh = self.scene.register_wh
            self._switches = 211
        elif self.has("stale-flash"):
            self._lost_wh = self.scene.register_wh - self._saved_wh
        self._was_charging = False
        self._was_plugged = self.scene.is_plugged
        self._last_state: tuple[object, ...] = ()
        self._apply()

    def announce(self) -> list[Outgoing]:
        """`onMqttConnect`: announcement, connection status, then all retained documents."""
        said = {
            "state": "connected",
            "id": self.setup.device_id,
            "name": self._hostname,
            "mqtt": self.base_topic,
            "http": "http://192.0.2.43/",
        }
        connection = {
            "mqtt_connected": "1",
            "mqtt_status": "connected",
            "mqtt_connected_since": str(int(self.scene.now.timestamp())),
            "mqtt_broker_version": "",
        }
        return [
            self.say(self._announce_topic, compact(said), retain=True),
            *self._values(connection),
            self._kept("claim", self._claims.claim_document),
            self._kept("override", self._claims.override_document),
            self._kept("schedule", self._schedule),
            self._kept("limit", self._claims.limit),
            self._kept("config", self._config_document()),
            self._kept("config_version", 0),
        ]

    def each_second(self) -> list[Outgoing]:
        """What `evse_monitor`, `input` and `energy_meter` publish in one poll."""
        scene = self.scene
        out: list[Outgoing] = []
        if self._was_plugged and not scene.is_plugged:
            out += self._session_complete()
        self._was_plugged = scene.is_plugged
        if self._limit_reached and not scene.is_held:
            self._apply()
        if scene.is_charging:
            self._charging_s += 1
            if self._charging_s % FLASH_S == 0:
                self._saved_wh = scene.register_wh - self._lost_wh
        if scene.is_charging != self._was_charging:
            self._was_charging = scene.is_charging
            self._switches += 1
            out += self._values({"total_switches": str(self._switches)})
        state = (self._state, self._flags, self._pilot_a)
        is_full = self.uptime_s == 1 or self.is_due(FULL_DOCUMENT_S)
        if self.has("old-names"):
            return out + (self._old_document() if is_full else [])
        if state != self._last_state:
            self._last_state = state
            out += self._values(self._state_event())
        if scene.is_charging:
            out += self._values(self._amps_event())
            if self.is_due(ENERGY_EVENT_S):
                out += self._values(self._energy_event())
        if is_full:
            out += self._full_document()
            if not scene.is_charging:
                out += self._values(self._energy_event())
        return out

    def obey(self, topic: str, text: str) -> Iterable[Outgoing] | None:
        """The command topics; the acknowledgement is the retained state published again."""
        prefix = f"{self.base_topic}/"
        if not topic.startswith(prefix):
            return None
        name = topic[len(prefix) :]
        if name == "override/set":
            return self._set_override(text)
        if name == "claim/set":
            return self._set_claim(text)
        if name == "limit/set":
            return self._set_limit(text)
        if name == "divertmode/set":
            return self._set_divertmode(text)
        if name == "config/set":
            return self._set_config(text)
        if name in ("schedule/set", "schedule/clear", "shaper/set"):
            return [self._kept("schedule", self._schedule)] if name == "schedule/clear" else []
        if name == "restart":
            said = object_in(text) or {}
            if said.get("device") == "gateway":
                self.scene.reboot()
            return []
        if name.startswith("rapi/in/") and "$" in name:
            return [self.say(f"{prefix}rapi/out", self._rapi(name[name.index("$") :], text))]
        return None

    # -- documents --------------------------------------------------------------------------------------

    def _values(self, document: Mapping[str, str]) -> list[Outgoing]:
        kept = self.has("retained")
        return [self.say(f"{self.base_topic}/{name}", text, retain=kept) for name, text in document.items()]

    def _kept(self, name: str, document: object) -> Outgoing:
        text = document if isinstance(document, str) else compact(document)
        return self.say(f"{self.base_topic}/{name}", text, retain=True)

    @property
    def _amp_a(self) -> float:
        return self.scene.currents_a[0]

    @property
    def _register_wh(self) -> float:
        return self.scene.register_wh - self._lost_wh

    @property
    def _session_wh(self) -> float:
        return max(0.0, self._register_wh - self._session_start_wh) if self.scene.is_plugged else 0.0

    @property
    def _is_disabled(self) -> bool:
        return self._claims.wanted_state == "disabled" or self._limit_reached or self._paused_by_timer

    @property
    def _paused_by_timer(self) -> bool:
        return self.scene.is_paused and not self.setup.pause_by_car

    @property
    def _state(self) -> int:
        scene = self.scene
        if isinstance(self.fault_code, int):
            return self.fault_code
        if self._is_disabled or self._is_asleep:
            return STATE_SLEEPING
        if not scene.is_plugged:
            return STATE_WAITING
        return STATE_CHARGING if scene.is_charging else STATE_CONNECTED

    @property
    def _flags(self) -> int:
        return (CONNECTED_FLAG if self.scene.is_plugged else 0) | (
            CHARGING_FLAG if self.scene.is_charging else 0
        )

    @property
    def _colour(self) -> int:
        state = self._state
        if self.scene.is_faulted:
            return RED
        if state == STATE_SLEEPING:
            return TEAL if self.scene.is_plugged else VIOLET
        return {STATE_WAITING: GREEN, STATE_CONNECTED: YELLOW}.get(state, TEAL)

    @property
    def _pilot_a(self) -> int:
        return int(self.scene.limit_a)

    def _amps_event(self) -> dict[str, str]:
        return {
            "amp": trimmed(self._amp_a * 1000.0, 3),
            "voltage": trimmed(NOMINAL_V, 1),
            "power": trimmed(self.scene.power_w, 3),
        }

    def _state_event(self) -> dict[str, str]:
        return {
            "state": str(self._state),
            "flags": str(self._flags),
            "vehicle": str(int(self.scene.is_plugged)),
            "colour": str(self._colour),
            "pilot": str(self._pilot_a),
            "max_current": trimmed(self.setup.max_current_a, 0),
            "manual_override": str(int(bool(self._claims.override))),
            "status": "disabled" if self._is_disabled else "active",
            "elapsed": str(self._session_s),
            **self._amps_event(),
        }

    @property
    def _session_s(self) -> int:
        return self.scene.visit.charging_s if self.scene.visit else 0

    def _energy_event(self) -> dict[str, str]:
        kwh = self._register_wh / 1000.0
        today_kwh = (self._register_wh - self.scene.register_start_wh) / 1000.0
        return {
            "session_elapsed": str(self._session_s),
            "session_energy": trimmed(self._session_wh, 6),
            "total_energy": trimmed(kwh, 6),
            "total_day": trimmed(today_kwh, 6),
            "total_week": trimmed(today_kwh, 6),
            "total_month": trimmed(today_kwh, 6),
            "total_year": trimmed(kwh, 6),
            "total_switches": str(self._switches),
        }

    def _temperatures(self) -> dict[str, str]:
        tenths = (
            "false" if self.has("no-temperature") else trimmed(round(self.scene.temperature_c * 4) * 2.5, 1)
        )
        return {"temp": tenths, "temp_max": tenths, "temp1": tenths, "temp2": "false", "temp3": "false"}

    def _full_document(self) -> list[Outgoing]:
        if self.has("old-names"):
            return self._old_document()
        now, local = self.scene.now, self.local_now
        document = {
            "evse_connected": "1",
            **self._amps_event(),
            "frequency": str(round(self.scene.frequency_hz * 100.0)),
            "pilot": str(self._pilot_a),
            "max_current": trimmed(self.setup.max_current_a, 0),
            **self._temperatures(),
            "state": str(self._state),
            "status": "disabled" if self._is_disabled else "active",
            "flags": str(self._flags),
            "vehicle": str(int(self.scene.is_plugged)),
            "colour": str(self._colour),
            "manual_override": str(int(bool(self._claims.override))),
            "freeram": str(142_000 + self.rng.randrange(-2000, 2000)),
            "divertmode": str(self._divertmode),
            "srssi": str(-61 + self.rng.randrange(-3, 4)),
            "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "local_time": local.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "offset": local.strftime("%z"),
            "uptime": str(self.uptime_s),
            **self._energy_event(),
            "elapsed": str(self._session_s),
            "wattsec": trimmed(self._session_wh * 3600.0, 3),
            "watthour": trimmed(self._register_wh, 3),
        }
        return self._values(document)

    def _old_document(self) -> list[Outgoing]:
        """OpenEVSE/ESP8266_WiFi_v2.x#275: what a station of that time published."""
        celsius = self._temperatures()
        return self._values(
            {
                "amp": trimmed(self._amp_a * 1000.0, 0),
                "voltage": trimmed(NOMINAL_V, 0),
                "pilot": str(self._pilot_a),
                "wh": str(int(self._register_wh)),
                "temp": celsius["temp"],
                "temp1": celsius["temp1"],
                "temp2": "false",
                "temp3": "false",
                "temp4": "false"
                if self.has("no-temperature")
                else trimmed(self.scene.temperature_c * 10.0, 1),
                "state": str(self._state),
                "vehicle": str(int(self.scene.is_plugged)),
                "elapsed": str(self._session_s),
                "wattsec": str(int(self._session_wh * 3600.0)),
                "freeram": "214780",
                "divertmode": str(self._divertmode),
                "srssi": str(-64 + self.rng.randrange(-3, 4)),
            }
        )

    def _config_document(self) -> dict[str, object]:
        return {
            "firmware": "8.2.3",
            "protocol": "5.1.0",
            "hostname": self._hostname,
            "mqtt_enabled": True,
            "mqtt_topic": self.base_topic,
            "mqtt_announce_topic": self._announce_topic,
            "mqtt_retained": self.has("retained"),
            "mqtt_pass": "_DUMMY_PASSWORD",
            "is_threephase": self.setup.phases == 3,
            "max_current_soft": int(self.setup.max_current_a),
        }

    # -- commands ---------------------------------------------------------------------------------------

    @property
    def _limit_reached(self) -> bool:
        return self._claims.is_limit_reached(
            session_wh=self._session_wh,
            session_s=self._session_s,
            soc_percent=self.scene.soc_percent or 0.0,
        )

    def _apply(self) -> None:
        scene, wanted = self.scene, self._claims.wanted_state
        scene.is_held = wanted == "disabled" or self._is_asleep or self._limit_reached
        scene.limit_a = self._claims.most_a(self.setup.max_current_a)
        if wanted == "active":  # goes before the timer, which is this device's pause
            scene.resume()
        scene.settle()

    def _set_override(self, text: str) -> list[Outgoing]:
        claims = self._claims
        if not claims.set_override(text, is_disabled=self._is_disabled):
            return []
        self._apply()
        event = {
            "manual_override": str(int(bool(claims.override))),
            "claims_version": str(claims.versions["claims"]),
            "override_version": str(claims.versions["override"]),
        }
        return [self._kept("override", claims.override_document), *self._values(event)]

    def _set_claim(self, text: str) -> list[Outgoing]:
        claims = self._claims
        if not claims.set_claim(text):
            return []
        self._apply()
        event = {"claims_version": str(claims.versions["claims"])}
        return [self._kept("claim", claims.claim_document), *self._values(event)]

    def _set_limit(self, text: str) -> list[Outgoing]:
        claims = self._claims
        if not claims.set_limit(text):
            return []
        self._apply()
        event = {
            "limit": "true" if claims.has_limit else "false",
            "limit_version": str(claims.versions["limit"]),
        }
        return [*self._values(event), self._kept("limit", claims.limit)]

    def _set_divertmode(self, text: str) -> list[Outgoing]:
        if text not in ("1", "2") or int(text) == self._divertmode:
            return []
        self._divertmode = int(text)
        return self._values({"divertmode": text, "divert_active": "false"})

    def _set_config(self, text: str) -> list[Outgoing]:
        if object_in(text) is None:
            return []
        self._claims.versions["config"] += 1
        return [
            *self._values({"config_version": str(self._claims.versions["config"])}),
            self._kept("config", self._config_document()),
        ]

    def _rapi(self, command: str, parameters: str) -> str:
        amps = number_in(parameters)
        if command == "$SC" and amps is not None and 6 <= amps <= self.setup.max_current_a:
            self.scene.limit_a = amps
            self.scene.settle()
            return _checked(f"$OK {int(amps)}")
        if command in ("$FE", "$FS"):
            self._is_asleep = command == "$FS"
            self._apply()
            return _checked("$OK")
        if command == "$GG":
            return _checked(f"$OK {round(self._amp_a * 1000)} {round(NOMINAL_V * 1000)}")
        if command == "$GC":
            most_a = int(self.setup.max_current_a)
            return _checked(f"$OK 6 {most_a} {self._pilot_a} {most_a}")
        return _checked("$NK")

    def _session_complete(self) -> list[Outgoing]:
        """The car left: the counters go to 0, and claims with `auto_release` end."""
        self._session_start_wh = self._register_wh
        out = []
        if self._claims.override.get("auto_release"):
            out += self._set_override("clear")
        if self._claims.claim.get("auto_release"):
            out += self._set_claim("release")
        if self._claims.has_limit and self._claims.limit["auto_release"]:
            out += self._set_limit("clear")
        self._apply()
        return out + ([] if self.has("old-names") else self._values(self._energy_event()))


def _checked(text: str) -> str:
    """With RAPI's checksum: all characters, XOR."""
    total = 0
    for character in text:
        total ^= ord(character)
    return f"{text}^{total:02X}"
