"""Tasmota with an energy sensor: a meter or a plug, telemetry every 300 s, local time without a zone.

Sources: tasmota/docs `docs/MQTT.md`, `docs/Commands.md` (TelePeriod, SetOption52, Power, Status),
`docs/JSON-Status-Responses.md`; arendst/Tasmota `tasmota_xdrv_driver/xdrv_02_9_mqtt.ino` (what is said on a
connection, the will: QoS 1, retained) and `xdrv_03_energy.ino` (the fields of ENERGY and their order).

* `Total`, `Yesterday`, `Today` are kWh with 3 decimals; `Period` Wh since the last telemetry; power W and
  volts whole, current A with 3 decimals. With three phases `Power`, `Voltage`, `Current` and the like are
  arrays; the energies are sums.
* STATE and SENSOR come 5 s after the connection, then every `TelePeriod` (10 to 3600 s; `interval_s` here).
* It knows nothing of cars: no plug, no session, no faults. Switching it off cuts the power.
* What it says before a polite disconnect is not documented: assumed nothing.

The id is `%topic%`; `base_topic` is the FullTopic, with `%prefix%` and `%topic%` in it.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import ClassVar

from solarrally_sim.vendors.device import Device, compact, number_in
from solarrally_sim.vendors.outgoing import Outgoing, Subscription

TELE_PERIOD_S = 300
FIRST_TELE_S = 5
FULL_TOPIC = "%prefix%/%topic%/"
LEAST_TELE_S, MOST_TELE_S = 10, 3600


class Tasmota(Device):
    """See the module."""

    family = "tasmota"
    default_id = "tasmota_3D5E26"
    quirks: ClassVar[Mapping[str, str]] = {
        "utc-offset": "SetOption52 1: times carry their offset from UTC",
        "retained": "SensorRetain 1: SENSOR is retained",
        "old-power": "firmware of 2018: no TotalStartTime, ApparentPower or ReactivePower",
    }
    register_resolution_wh = 1.0
    keepalive_s = 30

    def default_base_topic(self) -> str:
        """The default FullTopic."""
        return FULL_TOPIC

    def default_client_id(self) -> str:
        """`DVES_%06X`, the end of the MAC address."""
        return f"DVES_{self._mac_end}"

    @property
    def _mac_end(self) -> str:
        return self.setup.device_id[-6:].upper()

    def topic(self, prefix: str, name: str) -> str:
        """A topic by FullTopic."""
        full = self.base_topic.replace("%prefix%", prefix).replace("%topic%", self.setup.device_id)
        return f"{full.rstrip('/')}/{name}"

    @property
    def will(self) -> Outgoing:
        """`MqttClient.connect(…, Will QoS 1, retained)`."""
        return Outgoing(topic=self.topic("tele", "LWT"), payload=b"Offline", qos=1, retain=True)

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """Its own, its group's and the fallback topic."""
        group = self.topic("cmnd", "#").replace(self.setup.device_id, "tasmotas")
        fallback = f"cmnd/DVES_{self._mac_end}_fb/#"
        return tuple(Subscription(each, 0) for each in (self.topic("cmnd", "#"), group, fallback))

    def forget(self) -> None:
        """Settings and totals are in flash."""
        if self.boots == 1:
            self._tele_period_s = round(self.setup.interval_s or TELE_PERIOD_S)
            self._is_on = True
            self._total_since = datetime(2026, 1, 1, 12, 0)  # noqa: DTZ001 - a local time, as the device says it
            self._today: date = self.local_now.date()
            self._midnight_wh = self.scene.register_wh
            self._yesterday_wh = 3058.0
            self._boot_count = 41
        self._boot_count += 1
        self._period_from_wh = self.scene.register_wh

    def announce(self) -> list[Outgoing]:
        """`MqttConnected`."""
        mac = self._mac_end
        first = {
            "Module": "Sonoff Pow R2",
            "Version": "14.2.0(release-sensors)",
            "FallbackTopic": f"cmnd/DVES_{mac}_fb/",
            "GroupTopic": "cmnd/tasmotas/",
        }
        second = {"WebServerMode": "Admin", "Hostname": f"tasmota-{mac}", "IPAddress": "192.0.2.45"}
        third = {"RestartReason": "Software/System restart", "BootCount": self._boot_count}
        return [
            self.say(self.topic("tele", "LWT"), "Online", retain=True),
            self.say(self.topic("cmnd", "POWER"), ""),
            self.say(self.topic("tele", "INFO1"), compact({"Info1": first})),
            self.say(self.topic("tele", "INFO2"), compact({"Info2": second})),
            self.say(self.topic("tele", "INFO3"), compact({"Info3": third})),
            *self._power_state(),
        ]

    def each_second(self) -> list[Outgoing]:
        """Telemetry."""
        self._turn_day()
        is_first = self.uptime_s == FIRST_TELE_S
        late_s = self.uptime_s - FIRST_TELE_S
        is_due = self._tele_period_s and late_s > 0 and late_s % self._tele_period_s == 0
        return self._telemetry() if is_first or is_due else []

    def obey(self, topic: str, text: str) -> Iterable[Outgoing] | None:
        """`cmnd/<topic>/<command>`; names and words in any case; an empty payload asks."""
        prefix = self.topic("cmnd", "")
        own = topic.startswith(prefix)
        if not own and not topic.startswith(("cmnd/tasmotas/", f"cmnd/DVES_{self._mac_end}_fb/")):
            return None
        command = topic.rsplit("/", 1)[-1].lower()
        if command in ("power", "power1"):
            return self._switch(text.strip().lower())
        if command == "teleperiod":
            return self._set_tele_period(text)
        if command == "status" and text.strip() in ("8", "10"):
            number = text.strip()
            return [self.say(self.topic("stat", f"STATUS{number}"), compact({"StatusSNS": self._sensor()}))]
        if command == "restart" and text.strip() == "1":
            said = self.say(self.topic("stat", "RESULT"), compact({"Restart": "Restarting"}))
            self.scene.reboot()
            return [said]
        return [self.say(self.topic("stat", "RESULT"), compact({"Command": "Unknown"}))]

    # -- documents --------------------------------------------------------------------------------------

    def _time(self, ts: datetime) -> str:
        text = ts.strftime("%Y-%m-%dT%H:%M:%S")
        offset = self.local_now.strftime("%z")
        return f"{text}{offset[:3]}:{offset[3:]}" if self.has("utc-offset") else text

    def _turn_day(self) -> None:
        today = self.local_now.date()
        if today != self._today:
            self._today = today
            self._yesterday_wh = self.scene.register_wh - self._midnight_wh
            self._midnight_wh = self.scene.register_wh

    def _telemetry(self) -> list[Outgoing]:
        uptime = timedelta(seconds=self.uptime_s)
        clock = str(timedelta(seconds=uptime.seconds)).rjust(8, "0")
        state = {
            "Time": self._time(self.local_now),
            "Uptime": f"{uptime.days}T{clock}",
            "UptimeSec": self.uptime_s,
            "Heap": 26,
            "SleepMode": "Dynamic",
            "Sleep": 50,
            "LoadAvg": 19,
            "MqttCount": 1,
            "POWER": "ON" if self._is_on else "OFF",
            "Wifi": {
                "AP": 1,
                "SSId": "home",
                "BSSId": "02:00:00:00:00:01",
                "Channel": 6,
                "Mode": "11n",
                "RSSI": 86,
                "Signal": -57,
                "LinkCount": 1,
                "Downtime": "0T00:00:03",
            },
        }
        period_wh = round(self.scene.register_wh - self._period_from_wh)
        self._period_from_wh = self.scene.register_wh
        return [
            self.say(self.topic("tele", "STATE"), compact(state)),
            self.say(
                self.topic("tele", "SENSOR"), compact(self._sensor(period_wh)), retain=self.has("retained")
            ),
        ]

    def _sensor(self, period_wh: int | None = None) -> dict[str, object]:
        scene = self.scene
        watts = [round(p) for p in scene.powers_w]
        amps = [round(a, 3) for a in scene.currents_a]
        factors = [1.0 if a else 0.0 for a in scene.currents_a]
        energy: dict[str, object] = {}
        if not self.has("old-power"):
            energy["TotalStartTime"] = self._time(self._total_since)
        energy |= {
            "Total": round(scene.register_wh / 1000.0, 3),
            "Yesterday": round(self._yesterday_wh / 1000.0, 3),
            "Today": round((scene.register_wh - self._midnight_wh) / 1000.0, 3),
        }
        if period_wh is not None:
            energy["Period"] = period_wh
        energy["Power"] = self._by_phase(watts)
        if not self.has("old-power"):
            energy |= {"ApparentPower": self._by_phase(watts), "ReactivePower": self._by_phase([0, 0, 0])}
        energy |= {
            "Factor": self._by_phase(factors),
            "Voltage": self._by_phase([round(v) for v in scene.voltages_v]),
            "Current": self._by_phase(amps),
        }
        return {"Time": self._time(self.local_now), "ENERGY": energy}

    def _by_phase(self, values: Iterable[float]) -> object:
        each = list(values)
        return each if self.setup.phases == 3 else each[0]

    # -- commands ---------------------------------------------------------------------------------------

    def _power_state(self) -> list[Outgoing]:
        word = "ON" if self._is_on else "OFF"
        return [
            self.say(self.topic("stat", "RESULT"), compact({"POWER": word})),
            self.say(self.topic("stat", "POWER"), word),
        ]

    def _switch(self, word: str) -> list[Outgoing]:
        if word in ("on", "1", "true"):
            self._is_on = True
        elif word in ("off", "0", "false"):
            self._is_on = False
        elif word in ("toggle", "2"):
            self._is_on = not self._is_on
        self.scene.is_held = not self._is_on
        self.scene.settle()
        return self._power_state()

    def _set_tele_period(self, text: str) -> list[Outgoing]:
        amount = number_in(text)
        if amount is not None and amount.is_integer():
            if amount == 1:
                self._tele_period_s = TELE_PERIOD_S
            elif amount == 0 or LEAST_TELE_S <= amount <= MOST_TELE_S:
                self._tele_period_s = int(amount)
        said = self.say(self.topic("stat", "RESULT"), compact({"TelePeriod": self._tele_period_s}))
        return [said, *self._telemetry()]
