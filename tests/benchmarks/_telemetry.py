"""The messages of the benchmarks: native telemetry of about 300 bytes, as ready QoS 1 PUBLISH packets.

Every station has one running session. Its power moves a little, its energies are that power integrated at
the station's own cadence, its timestamps strictly increase: nothing in it is implausible, late or twice. All
numbers have a fixed width (JSON allows the blanks), so that a packet is one template filled in.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime

VOLTAGE_V = 230.4
STEPS = 64
POWER_W = [7200.0 + 25.0 * ((step * 37) % STEPS - STEPS // 2) / STEPS for step in range(STEPS)]
"""A station's power goes round these: +- 12.5 W around what a 32 A outlet gives."""

_ELECTRICS = [
    f'"voltage_v":{VOLTAGE_V},"current_a":{power_w / VOLTAGE_V:6.2f},"power_w":{power_w:8.2f}'.encode()
    for power_w in POWER_W
]
_PACKET_IDS = [struct.pack("!H", packet_id) for packet_id in range(65536)]
_W_US_PER_MWH = 3.6e6


class ChargingStations:
    """Stations that report in turn. They remember what they said last, so their counters only rise."""

    def __init__(
        self, count: int, *, name: str, first_at_us: int, cadence_s: float, step_us: int | None = None
    ) -> None:
        """`cadence_s` is how long before `first_at_us` the sessions began: about the time of one round.

        With `step_us` the timestamps are not the wall clock's: each message is that much after the last.
        """
        self.messages = 0
        """How many were made."""
        self.last_us = first_at_us - 1
        """The newest timestamp, in microseconds since 1970."""
        self._count = count
        self._step_us = step_us
        began_us = first_at_us - int(cadence_s * 1e6)
        self._said_at_us = [began_us] * count
        self._energy_w_us = [0.0] * count
        payloads = [self.payload_template(number) for number in range(count)]
        self.payload_bytes = len(payloads[0] % self._values(0, _second_of(0)[0], began_us, 0))
        """Of every message; the widths are fixed."""
        self._templates = [
            _packet_template(f"evse/{name}{number:06}/telemetry", payload, self.payload_bytes)
            for number, payload in enumerate(payloads)
        ]

    def payload_template(self, number: int) -> bytes:
        """What that station says, with places for what `_values` returns."""
        return (
            f'{{"timestamp":"%b.%06dZ","session_id":"sid_{number:06}",%b,'
            '"session_energy_kwh_solar":%10.6f,"session_energy_kwh_grid":%10.6f,'
            '"session_total_energy_kwh":%10.6f,"energy_source":"solar",'
            f'"temperature_c":{30 + number % 80 / 10:.1f},"status":"charging","seq":%6d}}'
        ).encode()

    def _values(self, station: int, second: bytes, ts_us: int, turn: int) -> tuple[object, ...]:
        step = (turn + station) % STEPS
        energy = self._energy_w_us[station] + POWER_W[step] * (ts_us - self._said_at_us[station])
        self._energy_w_us[station] = energy
        self._said_at_us[station] = ts_us
        total_mwh = energy // _W_US_PER_MWH
        solar_mwh = total_mwh * 3 // 5
        return (
            second,
            ts_us % 1_000_000,
            _ELECTRICS[step],
            solar_mwh / 1e6,
            (total_mwh - solar_mwh) / 1e6,
            total_mwh / 1e6,
            turn,
        )

    def packets(self, at_us: range) -> bytes:
        """The next messages, one for each of these timestamps; packet ids go round 1..65535."""
        made = []
        templates, values, stations = self._templates, self._values, self._count
        number = self.messages
        second, second_ends_us = b"", 0
        for ts_us in at_us:
            if ts_us >= second_ends_us:
                second, second_ends_us = _second_of(ts_us)
            turn, station = divmod(number, stations)
            packet_id = _PACKET_IDS[number % 65535 + 1]
            made.append(templates[station] % (packet_id, *values(station, second, ts_us, turn)))
            number += 1
        self.messages = number
        self.last_us = at_us[-1]
        return b"".join(made)

    def next_times(self, now_us: int, count: int) -> range:
        """The next `count` timestamps: a microsecond apart and ending now, or later if that was said."""
        if self._step_us is not None:
            first = self.last_us + self._step_us
            return range(first, first + count * self._step_us, self._step_us)
        first = max(self.last_us + 1, now_us - count)
        return range(first, first + count)


class IdleStations(ChargingStations):
    """Stations nobody charges at: they say so, and what they measure, without a session."""

    def payload_template(self, number: int) -> bytes:
        return (
            f'{{"timestamp":"%b.%06dZ","voltage_v":{VOLTAGE_V},"current_a":0.0,"power_w":0.0,'
            f'"energy_source":"none","temperature_c":{20 + number % 80 / 10:.1f},"status":"available",'
            '"seq":%6d}'
        ).encode()

    def _values(self, station: int, second: bytes, ts_us: int, turn: int) -> tuple[object, ...]:
        return second, ts_us % 1_000_000, turn


def packet_id_of(number: int) -> bytes:
    """The packet id of message `number`, counted from 0, as it stands in its PUBACK."""
    return _PACKET_IDS[number % 65535 + 1]


def _packet_template(topic: str, payload: bytes, payload_bytes: int) -> bytes:
    """A QoS 1 PUBLISH, with places for the packet id and for what the payload wants."""
    encoded = topic.encode()
    length = 2 + len(encoded) + 2 + payload_bytes
    if not 128 <= length < 16384:
        raise ValueError(f"a packet of {length} bytes has no length of two digits")
    head = bytes((0x32, length & 0x7F | 0x80, length >> 7)) + struct.pack("!H", len(encoded)) + encoded
    return head.replace(b"%", b"%%") + b"%b" + payload


def _second_of(ts_us: int) -> tuple[bytes, int]:
    """The timestamp's text up to its second, and when that second ends."""
    second = ts_us // 1_000_000
    text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return text.encode(), (second + 1) * 1_000_000
