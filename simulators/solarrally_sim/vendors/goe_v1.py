"""go-e Charger, HW V1/V2, API v1: one JSON object every 5 s, its values strings.

Source: goecharger/go-eCharger-API-v1 at 83eb586 (2024-06-25), `go-eCharger API v1 EN.md`: parameters, units,
chapter 6 for MQTT. Order and further keys as in captures: syssi/homeassistant-goecharger-mqtt#22 (fw 041.0),
where `nrg` is an array of numbers and the load balancing keys (`loe` to `lch`) are numbers, not strings.

* `dws` is the present charge in units of 10 Ws; `eto` the register in 0.1 kWh, the document's resolution.
* Commands: `cmd/req` with `amp=16`. Nothing answers; the next `status` shows it ("an unsuccessful command can
  be recognized by the fact that the value in the status object has not changed").
* Not documented: QoS and retain (assumed 0 and not retained), a last will (assumed none), when `dws` begins
  again (assumed when a car is plugged in), and `car` after a pause (assumed 4, as in API v2).

Base topic: `go-eCharger/<serial>`, replaced whole by `base_topic`.
"""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from solarrally_sim.vendors.device import Device, compact
from solarrally_sim.vendors.outgoing import Outgoing, Subscription
from solarrally_sim.vendors.scene import LEAST_OFFER_A

STATUS_S = 5
WRAP_MS = 2**32
WS_PER_WH, DECA = 3600.0, 10.0


class GoEV1(Device):
    """See the module."""

    family = "goe_v1"
    default_id = "000002"
    faults: ClassVar[Mapping[str, int | str]] = {"RCCB": 1, "PHASE": 3, "NO_GROUND": 8, "INTERNAL": 10}
    quirks: ClassVar[Mapping[str, str]] = {
        "nrg-in-w": "nrg in A and W instead of 0.1 A, 0.1 kW and 0.01 kW (API-v1 issue #100, fw 052.2)",
        "eto-in-wh": "eto in Wh instead of 0.1 kWh (API-v1 issue #103, fw 052.2)",
        "eto-whole-kwh": "eto grows by whole kWh only (API-v1 issue #48)",
        "rbt-wraps": "rbt runs over 49 days a minute after the start: rbc grows without a reboot",
    }
    register_resolution_wh = 100.0

    def default_base_topic(self) -> str:
        """Prefix and serial number."""
        return f"go-eCharger/{self.setup.device_id}"

    def default_client_id(self) -> str:
        """Not documented; assumed."""
        return f"go-eCharger-{self.setup.device_id}"

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """Chapter 6; the QoS is not documented, assumed 0."""
        return (Subscription(f"{self.base_topic}/cmd/req", 0),)

    def forget(self) -> None:
        """`amx` is not written to flash: after a reboot `amp` counts again."""
        if self.boots == 1:
            self._settings = {"amp": int(self.setup.max_current_a), "alw": 1, "ast": 1, "stp": 0, "dwo": 0}
            self._rbc = 251
            self._rbt_offset_ms = WRAP_MS - 60_000 if self.has("rbt-wraps") else 2_208
        else:
            self._rbc += 1
            self._rbt_offset_ms = 2_208
        self._amx: int | None = None
        self._apply()

    def announce(self) -> list[Outgoing]:
        """Nothing is documented for a connection; the first status comes with the others."""
        return []

    def each_second(self) -> list[Outgoing]:
        """A status every 5 s."""
        self._watch_shutdown()
        if not self.is_due(STATUS_S):
            return []
        return [self.say(f"{self.base_topic}/status", compact(self._status()))]

    def obey(self, topic: str, text: str) -> Iterable[Outgoing] | None:
        """`[param]=[value]`."""
        if topic != f"{self.base_topic}/cmd/req":
            return None
        name, _, said = text.partition("=")
        value = int(said) if said.isascii() and said.isdigit() else None
        if (
            name in ("amp", "amx")
            and value is not None
            and LEAST_OFFER_A <= value <= self.setup.max_current_a
        ):
            if name == "amp":
                self._settings["amp"] = value
            self._amx = value
        elif name in ("alw", "ast", "stp", "dwo") and value is not None:
            self._settings[name] = value
            if name == "alw" and value:
                self.scene.authorise()
                self.scene.resume()
        self._apply()
        return []

    def _apply(self) -> None:
        self.scene.limit_a = float(self._amx or self._settings["amp"])
        self.scene.is_held = self._settings["alw"] == 0
        self.scene.settle()

    def _watch_shutdown(self) -> None:
        """The document's logic: if(dwo!=0 && dws/36000>=dwo)alw=0."""
        limit = self._settings["dwo"]
        if self._settings["stp"] == 2 and limit and self._dws / 36_000 >= limit and self._settings["alw"]:
            self._settings["alw"] = 0
            self._apply()

    @property
    def _dws(self) -> int:
        return int(self.scene.session_wh * WS_PER_WH / DECA)

    @property
    def _car(self) -> int:
        scene = self.scene
        if not scene.is_plugged:
            return 1
        if scene.is_charging:
            return 2
        return 4 if scene.has_charged else 3

    @property
    def _is_allowed(self) -> bool:
        scene = self.scene
        locked = scene.is_plugged and not scene.is_authorised and self._settings["ast"] == 1
        return not (locked or scene.is_suspended_by_station or scene.is_faulted)

    def _eto(self) -> int:
        if self.has("eto-in-wh"):
            return int(self.scene.register_wh)
        if self.has("eto-whole-kwh"):
            return int(self.scene.register_wh / 1000.0) * 10
        return int(self.scene.register_wh / 100.0)

    def _nrg(self) -> list[float]:
        scene = self.scene
        volts: list[float] = [
            round(v) if i == 0 or self.setup.phases == 3 else 0 for i, v in enumerate(scene.voltages_v)
        ]
        factors: list[float] = [100 if a else 0 for a in scene.currents_a]
        if self.has("nrg-in-w"):
            amps: list[float] = [_plain(round(a, 1)) for a in scene.currents_a]
            # The reported array has hundreds: 3300,3400,3400,0,10300.
            watts: list[float] = [round(p, -2) for p in scene.powers_w]
            return [*volts, 1, *amps, *map(_plain, watts), 0, _plain(round(scene.power_w, -2)), *factors, 0]
        return [
            *volts,
            1,
            *(round(a * 10.0) for a in scene.currents_a),
            *(round(p / 100.0) for p in scene.powers_w),
            0,
            round(scene.power_w / 10.0),
            *factors,
            0,
        ]

    def _status(self) -> dict[str, object]:
        scene = self.scene
        since_boot_ms = self.uptime_s * 1000 + self._rbt_offset_ms
        wraps, rbt = divmod(since_boot_ms, WRAP_MS)
        phases = 0b001000 if self.setup.phases == 1 else 0b111000
        closed = (0b000001 if self.setup.phases == 1 else 0b000111) if scene.is_charging else 0
        is_new = self.has("nrg-in-w") or self.has("eto-in-wh")
        code = self.fault_code
        strings: dict[str, object] = {
            "version": "B",
            "tme": self.local_now.strftime("%d%m%y%H%M"),
            "rbc": self._rbc + wraps,
            "rbt": rbt,
            "car": self._car,
            **({"amx": self._amx} if self._amx is not None else {}),
            "amp": self._settings["amp"],
            "err": code if code is not None else 0,
            "ast": self._settings["ast"],
            "alw": int(self._is_allowed),
            "stp": self._settings["stp"],
            "cbl": int(self.setup.max_current_a) if scene.is_plugged else 0,
            "pha": phases | closed,
            "tmp": round(scene.temperature_c),
            "dws": self._dws,
            "dwo": self._settings["dwo"],
            "adi": int(self.setup.max_current_a <= 16),
            "uby": 1 if scene.is_plugged and scene.is_authorised else 0,
            "eto": self._eto(),
            "wst": 3,
            "txi": 2,
        }
        after: dict[str, object] = {
            "fwv": "052.2" if is_new else "041.0",
            "sse": self.setup.device_id,
            "wss": "home",
            "wke": "********",
            "wen": 1,
            "cdi": 0,
            "tof": 101,
            "tds": 1,
            "lbr": 255,
            "ama": int(self.setup.max_current_a),
            "al1": 6,
            "al2": 10,
            "al3": 12,
            "al4": 14,
            "al5": 16,
            "lse": 0,
            "ust": 0,
            "wak": "",
            "r1x": 2,
            "dto": 0,
            "nmo": 0,
            "eca": int((scene.register_wh - scene.register_start_wh) / 100.0),
            "rca": "96D4A2D3",
            "rna": "User 1",
        }
        return {
            **{name: str(value) for name, value in strings.items()},
            "nrg": self._nrg(),
            **{name: str(value) for name, value in after.items()},
            **{"loe": 0, "lot": 32, "lom": 6, "lop": 50, "log": "", "lon": 0, "lof": 0, "loa": 0, "lch": 0},
        }


def _plain(value: float) -> float:
    return int(value) if float(value).is_integer() else value
