"""go-e Charger, HW V3/V4, API v2: one JSON value per key and topic, retained.

Sources: goecharger/go-eCharger-API-v2 at b4d7f85 (2026-08-12): `API_KEYS_FIRMWARE/apikeys-en.md` and
`apikeys_Firmware_60.4_sorted.md` for keys, types and codes, `mqtt-en.md` for `mcr` and `mtp`. Its chapter on
topics says "TODO": topics, retain flag, rates, set and result are from captures and threads of that device:
syssi/homeassistant-goecharger-mqtt `mqtt-capture.log` (fw 053.1), `docs/mqtt-traffic-060.5.log`, issues #5,
#12.

* On a connection all keys, then each second those that changed; `rbt`, `utc`, `loc`, `fhz` change each
  second.
* `wh` begins at 0 when a car is plugged in; `eto` is the lifetime register in whole Wh. During a charge the
  docs say nothing of how often it grows; assumed with each whole Wh.
* The numbers of `err` above 10 differ: 12 is Unknown in apikeys-en.md and StatusLockStuckOpen since fw 59/60.
* Set: `<key>/set` with a JSON value; answer `<key>/result`, `success` or a sentence. Not retained (assumed).
  Not documented: what comes for an unknown key (assumed the sentence for keys without setter).

Access control is on (`acs` 1): `trx` is null until a card is shown, then 1, the first card. `car` after the
first current: 4 when the car or the station stopped it (assumed; the docs say "Complete"). `acu` is null
while nothing is offered (its type is optional; assumed). No last will, no announcement. Base topic:
`go-eCharger/<serial>`, replaced whole by `base_topic` (the key `mtp`).
"""

from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import ClassVar

from solarrally_sim.vendors.device import Device, compact, object_in
from solarrally_sim.vendors.outgoing import Outgoing, Subscription
from solarrally_sim.vendors.scene import LEAST_OFFER_A

SUCCESS = "success"
IDLE, CHARGING, WAITING, COMPLETE, ERROR = 1, 2, 3, 4, 5
PV_READ_BACK_S = 10  # apikeys-en.md, `ids`: "Can be read back within 10 seconds after set"
SETTINGS: dict[str, object] = {
    "ara": True,
    "ate": 18000,
    "att": 21600,
    "awp": 3,
    "bac": 1,
    "cch": "#00FFFF",
    "cfi": "#00FF00",
    "cid": "#0000FF",
    "cwc": "#FFFF00",
    "lbp": None,
    "lbr": 255,
    "loa": None,
    "lrc": None,
    "lri": None,
    "lrr": None,
    "men": False,
    "spl3": 4200,
}
"""Keys of the captures that say how it is set up and do not change here."""
NEW_ERRORS = {"StatusLockStuckOpen": 12, "StatusLockStuckLocked": 13, "Overtemp": 16, "NoComm": 17}
OLD_ERRORS = {"Overtemp": 13, "NoComm": 14, "StatusLockStuckOpen": 15, "StatusLockStuckLocked": 16}


class GoE(Device):
    """See the module."""

    family = "goe"
    default_id = "000001"
    faults: ClassVar[Mapping[str, int | str]] = {
        "FiAc": 1,
        "FiDc": 2,
        "Phase": 3,
        "Overvolt": 4,
        "Overamp": 5,
        "Diode": 6,
        "PpInvalid": 7,
        "GndInvalid": 8,
        "ContactorStuck": 9,
        "ContactorMiss": 10,
        **NEW_ERRORS,
    }
    quirks: ClassVar[Mapping[str, str]] = {
        "leading-slash": "topics begin with a slash (the default prefix up to fw 053 and later)",
        "microsecond-time": "utc and loc as in fw 053: 2022-02-16T19:27:34.042.171",
        "old-error-codes": "err as in apikeys-en.md: Overtemp 13, NoComm 14, StatusLock… 15 and 16",
        "readonly": "mcr is set (the default since fw 051.5): /set is not obeyed",
        "no-nrg": "nrg is all zeros while charging (API-v2 issue #321, fw 60.4)",
    }
    register_resolution_wh = 1.0

    def default_base_topic(self) -> str:
        """Prefix and serial number."""
        return f"{'/' if self.has('leading-slash') else ''}go-eCharger/{self.setup.device_id}"

    def default_client_id(self) -> str:
        """Not documented; assumed."""
        return f"go-eCharger-{self.setup.device_id}"

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """Every key's `/set`; the QoS is not documented, assumed 0."""
        return (Subscription(f"{self.base_topic}/+/set", 0),)

    def forget(self) -> None:
        """Nothing of the configuration is lost in a reboot; the times since boot are."""
        if self.boots == 1:
            self._frc, self._psm, self._lmo, self._acs = 0, 0, 3, 1
            self._dwo: float | None = None
            self._amp = int(self.setup.max_current_a)
            self._fna = f"go-e_{self.setup.device_id}"
            self._card_wh = 0.0
            self._rbc = 7
        self._rbc += self.boots > 1
        self._known: dict[str, str] = {}
        self._changed: dict[str, int | None] = {"lccfc": None, "lccfi": None, "lcctc": None}
        self._last_car: int | None = None
        self._recent_w: deque[float] = deque(maxlen=30)
        self._pv: tuple[datetime, dict[str, object]] | None = None
        self._charging_since_ms: int | None = None

    def announce(self) -> list[Outgoing]:
        """All keys."""
        self._known = {}
        return self._news()

    def each_second(self) -> list[Outgoing]:
        """The keys whose values changed."""
        self._recent_w.append(self.scene.power_w)
        if self.scene.visit and self.scene.visit.energy_wh >= (self._dwo or float("inf")):
            self._apply()
        return self._news()

    def obey(self, topic: str, text: str) -> Iterable[Outgoing] | None:
        """`<base>/<key>/set`; the new value follows on `<base>/<key>`."""
        key = topic.removeprefix(f"{self.base_topic}/").removesuffix("/set")
        if topic != f"{self.base_topic}/{key}/set" or "/" in key:
            return None
        if self.has("readonly"):
            return []
        said = self._set(key, text)
        return [self.say(f"{self.base_topic}/{key}/result", said), *self._news()]

    # -- values -----------------------------------------------------------------------------------------

    @property
    def _car(self) -> int:
        scene = self.scene
        if scene.is_faulted:
            return ERROR
        if not scene.is_plugged:
            return IDLE
        if scene.is_charging:
            return CHARGING
        return COMPLETE if scene.has_charged else WAITING

    @property
    def _err(self) -> int:
        if not self.scene.is_faulted or self.setup.fault is None:
            return 0
        codes = {**self.faults, **(OLD_ERRORS if self.has("old-error-codes") else {})}
        return int(codes[self.setup.fault])

    @property
    def _model_status(self) -> int:
        scene = self.scene
        if scene.is_faulted:
            return 26
        if scene.is_plugged and not scene.is_authorised and self._acs == 1:
            return 2
        if self._frc == 1:
            return 4
        if self._dwo is not None and scene.session_wh >= self._dwo:
            return 6
        if scene.is_suspended_by_station:
            return 27
        return 3 if self._frc == 2 else 15

    @property
    def _is_allowed(self) -> bool:
        return self._model_status in (3, 15)

    def _time(self, local: bool) -> str:
        millisecond = (self.uptime_s * 7) % 90
        if self.has("microsecond-time"):
            fraction = f"{millisecond:03d}.{(self.uptime_s * 131) % 1000:03d}"
        else:
            fraction = f"{millisecond:03d}"
        ts = self.local_now if local else self.scene.now
        offset = f" {ts.strftime('%z')[:3]}:{ts.strftime('%z')[3:]}" if local else ""
        return f"{ts.strftime('%Y-%m-%dT%H:%M:%S')}.{fraction}{offset}"

    def _nrg(self) -> list[float]:
        if self.has("no-nrg"):
            return [0] * 16
        scene = self.scene
        # The supply side has what is installed: with one phase the other two read 0, as in the capture.
        volts = [round(v) if i == 0 or self.setup.phases == 3 else 0 for i, v in enumerate(scene.voltages_v)]
        amps = [_plain(round(a, 1)) for a in scene.currents_a]
        watts = [round(p) for p in scene.powers_w]
        factors = [100 if a else 0 for a in scene.currents_a]
        return [*volts, 0, *amps, *watts, 0, round(scene.power_w), *factors, 0]

    def _values(self) -> dict[str, object]:
        scene, visit = self.scene, self.scene.visit
        rbt = self.uptime_s * 1000 + 861
        car = self._car
        has_phase = [i == 0 or self.setup.phases == 3 for i in range(3)]
        pv = self._pv[1] if self._pv and scene.now - self._pv[0] <= timedelta(seconds=PV_READ_BACK_S) else {}
        elapsed_ms = 1000 * visit.charging_s if visit else 0
        energies_wh = [int(self._card_wh), *([0] * 9)]
        cards = [
            {"name": f"User {n + 1}", "energy": wh, "cardId": n == 0} for n, wh in enumerate(energies_wh)
        ]
        return {
            "acs": self._acs,
            "acu": int(scene.limit_a) if self._is_allowed else None,
            "adi": self.setup.max_current_a <= 16,
            "alw": self._is_allowed,
            "ama": int(self.setup.max_current_a),
            "amp": self._amp,
            "amt": 32,
            "car": car,
            "cards": cards,
            **{f"c{n}e": wh for n, wh in enumerate(energies_wh)},
            **{f"c{n}i": n == 0 for n in range(10)},
            **{f"c{n}n": f"User {n + 1}" for n in range(10)},
            "cbl": int(self.setup.max_current_a) if scene.is_plugged else None,
            "cdi": {"type": 0, "value": self._charging_since_ms}
            if scene.is_charging
            else {"type": 1, "value": elapsed_ms},
            "clp": [6, 10, 12, 14, 16],
            "cus": 3 if scene.is_plugged else 1,
            "dwo": self._dwo,
            "err": self._err,
            "eto": int(scene.register_wh),
            "fhz": round(scene.frequency_hz, 3),
            "fna": self._fna,
            "frc": self._frc,
            "fsp": self._psm == 1,
            "fwv": "053.1" if self.has("microsecond-time") else "60.5",
            **self._changed,
            **SETTINGS,
            "lmo": self._lmo,
            "loc": self._time(local=True),
            "mca": 6,
            "mcr": self.has("readonly"),
            "modelStatus": self._model_status,
            "nrg": self._nrg(),
            "oem": "go-e",
            "pakku": pv.get("pAkku"),
            "pgrid": pv.get("pGrid"),
            "pha": [*(has and scene.is_charging for has in has_phase), *has_phase],
            "ppv": pv.get("pPv"),
            "psm": self._psm,
            "rbc": self._rbc,
            "rbt": rbt,
            "rssi": -52 - (self.uptime_s // 7) % 4,
            "sse": self.setup.device_id,
            "tma": [
                _plain(round(scene.temperature_c * 8) / 8),
                _plain(round((scene.temperature_c + 4) * 8) / 8),
            ],
            "tpa": _plain(round(sum(self._recent_w) / 30.0, 1)),
            "trx": 1 if scene.is_plugged and scene.is_authorised else None,
            "typ": "go-eCharger",
            "ust": 0,
            "utc": self._time(local=False),
            "var": 11 if self.setup.max_current_a <= 16 else 22,
            "wh": _plain(round(scene.session_wh, 3)),
        }

    def _news(self) -> list[Outgoing]:
        rbt = self.uptime_s * 1000 + 861
        car = self._car
        if self._last_car is not None and car != self._last_car:
            if self._last_car == CHARGING:
                self._changed["lccfc"] = rbt
            if self._last_car == IDLE:
                self._changed["lccfi"] = rbt
            if car == CHARGING:
                self._changed["lcctc"] = rbt
        if car == CHARGING and (self._charging_since_ms is None or self._last_car != CHARGING):
            self._charging_since_ms = rbt
        self._last_car = car
        if not self.scene.is_plugged:  # when a card is credited is not documented; assumed at the end
            self._card_wh = self.scene.register_wh - self.scene.register_start_wh
        out = []
        for key, value in self._values().items():
            text = compact(value)
            if self._known.get(key) != text:
                self._known[key] = text
                out.append(self.say(f"{self.base_topic}/{key}", text, retain=True))
        return out

    # -- commands ---------------------------------------------------------------------------------------

    def _apply(self) -> None:
        scene = self.scene
        reached = self._dwo is not None and scene.session_wh >= self._dwo
        scene.is_held = self._frc == 1 or reached
        scene.limit_a = float(self._amp)
        scene.phases_limit = 1 if self._psm == 1 else self.setup.phases
        scene.settle()

    def _set(self, key: str, text: str) -> str:
        value = _json_value(text)
        if isinstance(value, ValueError):
            return f"invalid json InvalidInput: {text}"
        whole = value if isinstance(value, int) and not isinstance(value, bool) else None
        if key == "amp" and whole is not None and LEAST_OFFER_A <= whole <= self.setup.max_current_a:
            self._amp = whole
        elif key == "frc" and whole in (0, 1, 2):
            self._frc = whole
            self.scene.resume()
        elif key == "psm" and whole in (0, 1, 2):
            self._psm = whole
        elif key == "acs" and whole in (0, 1):
            self._acs = whole
        elif key == "lmo" and whole in (3, 4, 5):
            self._lmo = whole
        elif key == "dwo" and (
            value is None or (isinstance(value, int | float) and not isinstance(value, bool))
        ):
            self._dwo = value
        elif key == "trx" and whole is not None:
            self.scene.authorise()
        elif key == "fna" and isinstance(value, str):
            if not 4 <= len(value) <= 64:
                return f"String length  {len(value)} exceeds range 4 to 64 {text}"
            self._fna = value
        elif key == "ids" and (surplus := object_in(text)) is not None:
            self._pv = (self.scene.now, surplus)
        elif key == "rst":
            self.scene.reboot()
            return SUCCESS
        elif key in ("amp", "frc", "psm", "acs", "lmo", "dwo", "trx", "fna", "ids"):
            return f"{key}: value out of range ({text})"
        else:
            return f"tried to set api key without setter ({text})"
        self._apply()
        return SUCCESS


def _json_value(text: str) -> object:
    """The value, or the `ValueError` of what is no JSON."""
    holder = object_in('{"value":' + text + "}")
    return holder["value"] if holder is not None and set(holder) == {"value"} else ValueError(text)


def _plain(value: float) -> float:
    """Whole numbers without a point, as the firmware writes them."""
    return int(value) if float(value).is_integer() else value
