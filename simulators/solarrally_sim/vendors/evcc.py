"""evcc: a loadpoint's values as retained plain strings, QoS 1, refreshed every 30 s.

Source: evcc-io/evcc at b29b49e (2026-08-08): `server/mqtt.go` (encoding, phases, cleanup, `updated`),
`server/mqtt_setter.go` and `plugin/mqtt/client.go` (`/set`, emptied after it was handled), `cmd/setup.go`
(QoS 1, the will on `<root>/status`, 30 s interval), `core/loadpoint.go`, `core/loadpoint_session.go`,
`core/keys/loadpoint.go`.

* Floats have at most 3 decimals, without trailing zeros; times and durations are whole seconds; nil is an
  empty payload.
* Of three phases `<key>/l1` to `l3` and their *sum* are published, also of `chargeVoltages`.
* `sessionEnergy` is Wh and begins at 0 when a car is connected; a car that left leaves its energy behind.
  `chargeTotalImport` is kWh: on the wire the register has steps of 1 Wh.
* Without a car `vehicleSoc` is 0, which means unknown. A charger is not `enabled` without a car.
* When evcc stops it deletes its retained topics (empty payloads, QoS 0) but `status`, and exits without a
  DISCONNECT: then the broker publishes the will, `offline`. The same cleanup comes at a start.
* A fault is not told: evcc logs that it cannot reach its charger.

The id is the number of the loadpoint; `base_topic` replaces the root `evcc`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import ClassVar

from solarrally_sim.vendors.device import Device, number_in, trimmed
from solarrally_sim.vendors.outgoing import Outgoing, Subscription

INTERVAL_S = 30
MODES = ("off", "now", "minpv", "pv")
SETTABLE = (
    "mode",
    "phasesConfigured",
    "limitSoc",
    "minSoc",
    "priority",
    "minCurrent",
    "maxCurrent",
    "limitEnergy",
)

Value = str | float | int | bool | None | tuple[float, float, float]


class Evcc(Device):
    """See the module."""

    family = "evcc"
    default_id = "1"
    quirks: ClassVar[Mapping[str, str]] = {
        "no-vehicle": "no vehicle is configured: vehicleSoc stays 0 while charging",
        "no-meter": "a charger without a meter of its own: no chargeTotalImport, currents or voltages",
    }
    register_resolution_wh = 1.0
    keepalive_s = 30
    leaves_politely = False

    def default_base_topic(self) -> str:
        """The topic of evcc.yaml."""
        return "evcc"

    def default_client_id(self) -> str:
        """`evcc-` and a random number."""
        return f"evcc-{self.setup.seed}-{self.setup.device_id}"

    @property
    def _loadpoint(self) -> str:
        return f"{self.base_topic}/loadpoints/{self.setup.device_id}"

    @property
    def will(self) -> Outgoing:
        """`cmd/setup.go`: QoS 1, retained."""
        return Outgoing(topic=f"{self.base_topic}/status", payload=b"offline", qos=1, retain=True)

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """The setters of a loadpoint."""
        return tuple(Subscription(f"{self._loadpoint}/{key}/set", 1) for key in SETTABLE)

    def forget(self) -> None:
        """Settings are in its database; what was published before is deleted at the start."""
        if self.boots == 1:
            self._settings: dict[str, Value] = {
                "mode": "now",
                "phasesConfigured": self.setup.phases,
                "limitSoc": 0,
                "minSoc": 0,
                "priority": 0,
                "minCurrent": 6.0,
                "maxCurrent": self.setup.max_current_a,
                "limitEnergy": 0.0,
            }
            self._kept: dict[str, None] = {}
        self._session_start_wh = self.scene.register_wh - self.scene.session_wh
        self._session_wh = self.scene.session_wh
        self._session_number = self.scene.visit.number if self.scene.visit else None
        self._connected_at = self.scene.now
        self._connected_s = 0

    def announce(self) -> list[Outgoing]:
        """Alive, the cleanup, the counts, the settings; then the first round."""
        status = self.say(f"{self.base_topic}/status", "online", qos=1, retain=True)
        cleanup = self._deletions()
        root = self.base_topic
        counts = [self._say(f"{root}/loadpoints", self.setup.device_id), self._say(f"{root}/vehicles", "0")]
        gone = [
            self.say(f"{root}/site/{kind}/{n}", "", qos=1, retain=True)
            for n in range(10)
            for kind in ("pv", "battery", "vehicles")
        ]
        settings = self._values(
            {
                "title": "Garage",
                **self._settings,
                "enableThreshold": 0,
                "disableThreshold": 0,
                "enableDelay": 60,
                "disableDelay": 180,
                "chargerPhases1p3p": False,
                "chargerSinglePhase": self.setup.phases == 1,
                "chargerIcon": None,
                "smartCostLimit": None,
                "planTime": None,
                "planActive": False,
                "vehicleName": "",
                "vehicleDetectionActive": False,
            }
        )
        return [status, *cleanup, *counts, *gone, *settings, *self._round()]

    def each_second(self) -> list[Outgoing]:
        """A round every interval."""
        return self._round() if self.is_due(self.setup.interval_s or INTERVAL_S) else []

    def farewells(self, now: datetime) -> list[Outgoing]:
        """`Cleanup`: all but the status."""
        return self._deletions()

    def obey(self, topic: str, text: str) -> Iterable[Outgoing] | None:
        """`…/<key>/set`; the value follows on `…/<key>`, and the set topic is emptied."""
        key = topic.removeprefix(f"{self._loadpoint}/").removesuffix("/set")
        if topic != f"{self._loadpoint}/{key}/set" or key not in SETTABLE or not text:
            return None
        out = []
        if (value := self._accepted(key, text)) is not None:
            self._settings[key] = value
            self._apply()
            out = self._values({key: value})
        return [*out, self.say(topic, "", qos=1, retain=True)]

    # -- values -----------------------------------------------------------------------------------------

    def _accepted(self, key: str, text: str) -> Value:
        """The value to take over; None when the setter refuses."""
        if key == "mode":
            return text.lower() if text.lower() in MODES else None
        amount = number_in(text)
        if amount is None:
            return None
        if key in ("minCurrent", "maxCurrent", "limitEnergy"):
            return amount
        if key == "phasesConfigured" and amount not in (0, 1, 3):
            return None
        return int(amount) if amount.is_integer() else None

    def _number(self, key: str) -> float:
        value = self._settings[key]
        return float(value) if isinstance(value, int | float) else 0.0

    def _apply(self) -> None:
        scene = self.scene
        limit_wh = self._number("limitEnergy") * 1000.0
        is_reached = 0.0 < limit_wh <= scene.session_wh
        scene.is_held = self._settings["mode"] == "off" or is_reached
        scene.limit_a = max(6.0, min(self.setup.max_current_a, self._number("maxCurrent")))
        scene.phases_limit = 1 if self._settings["phasesConfigured"] == 1 else self.setup.phases
        scene.settle()

    def _follow(self) -> None:
        visit = self.scene.visit
        if visit is not None and visit.number != self._session_number:
            self._session_number = visit.number
            self._session_start_wh = visit.register_start_wh
            self._connected_at = self.scene.now
        if visit is not None:
            self._session_wh = self.scene.register_wh - self._session_start_wh
            self._connected_s = int((self.scene.now - self._connected_at).total_seconds())

    def _round(self) -> list[Outgoing]:
        self._follow()
        self._apply()
        scene, visit = self.scene, self.scene.visit
        enabled = scene.is_plugged and not scene.is_suspended_by_station and scene.is_authorised
        waits = scene.is_plugged and not scene.is_authorised
        soc = 0.0 if self.has("no-vehicle") or scene.soc_percent is None else scene.soc_percent
        measured: dict[str, Value] = {"chargePower": round(scene.power_w, 3)}
        if not self.has("no-meter"):
            measured |= {"chargeCurrents": scene.currents_a, "chargeVoltages": self._voltages()}
        measured |= {
            "offeredCurrent": scene.offered_a,
            "phasesActive": min(self.setup.phases, scene.phases_limit),
            "sessionEnergy": self._session_wh,
            "sessionSolarPercentage": 0.0,
            "sessionPricePerKWh": None,
            "sessionPrice": None,
            "sessionCo2PerKWh": None,
            "chargedEnergy": self._session_wh,
            "chargeDuration": visit.charging_s if visit else 0,
        }
        if not self.has("no-meter"):
            measured["chargeTotalImport"] = scene.register_wh / 1000.0
        measured |= {
            "effectiveMinCurrent": self._number("minCurrent"),
            "effectiveMaxCurrent": self._number("maxCurrent"),
            "connected": scene.is_plugged,
            "charging": scene.is_charging,
            "enabled": enabled,
            "connectedDuration": self._connected_s,
            "chargerStatusReason": "waitingforauthorization" if waits else "unknown",
            "vehicleSoc": round(soc, 1),
            "vehicleRange": round(soc * 4.1),
            "chargeRemainingEnergy": max(0.0, visit.target_wh - visit.energy_wh) if visit else 0.0,
            "mode": self._settings["mode"],
        }
        updated = self._say(f"{self.base_topic}/updated", str(int(scene.now.timestamp())))
        return [updated, *self._values(measured)]

    def _voltages(self) -> tuple[float, float, float]:
        first, second, third = self.scene.voltages_v
        return (first, second, third) if self.setup.phases == 3 else (first, 0.0, 0.0)

    def _values(self, values: Mapping[str, Value]) -> list[Outgoing]:
        out = []
        for key, value in values.items():
            topic = f"{self._loadpoint}/{key}"
            if isinstance(value, tuple):
                out += [self._say(f"{topic}/l{n}", _encoded(each)) for n, each in enumerate(value, start=1)]
                value = sum(value)
            out.append(self._say(topic, _encoded(value)))
        return out

    def _say(self, topic: str, text: str) -> Outgoing:
        if text:
            self._kept[topic] = None
        else:
            self._kept.pop(topic, None)
        return self.say(topic, text, qos=1, retain=True)

    def _deletions(self) -> list[Outgoing]:
        out = [self.say(topic, "", retain=True) for topic in self._kept]
        self._kept.clear()
        return out


def _encoded(value: Value) -> str:
    """`encode` of server/mqtt.go."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return trimmed(value, 3)
    return str(value)
