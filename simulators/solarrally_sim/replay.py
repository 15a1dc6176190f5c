"""Recorded sessions turned into the readings that a station would have sent: a pure generator, in time order.

Per session: a reading at arrival and every interval after it, `finishing` with the final counters at
departure, and `available` one second later. The counters are the integral of the power curve; solar + grid =
total to the mWh. Each interval is wholly solar or wholly grid, drawn by the height of the sun, and stated by
the reading that ends it.
"""

import heapq
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from solarrally_sim.allotment import IDLE_AFTER_DEPARTURE, AllottedSession, allot
from solarrally_sim.curve import Pace, PowerCurve, power_curve
from solarrally_sim.dataset import Format, Recording
from solarrally_sim.message import Message, telemetry_topic
from solarrally_sim.payload import MWH_PER_WH, Flavour, Source, Status, Telemetry, encode
from solarrally_sim.sunlight import Sky

SHORTEST_INTERVAL_S = 2.0  # leaves room for the `available` reading one second after departure
_SESSION_TAG = {Format.EPFL: "e", Format.TRONDHEIM: "d"}  # hexadecimal, so that ids look like the devices'
_VOLTAGE_V = {Format.EPFL: 400.0, Format.TRONDHEIM: 230.0}
_PACE = {Format.EPFL: Pace.UNTIL_DEPARTURE, Format.TRONDHEIM: Pace.AT_ONCE}
_AMBIENT_C = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSession:
    """A session ready to be replayed; all of it follows from the file, the flavour and the interval."""

    number: int
    evse_uid: str
    device_session_id: str
    flavour: Flavour
    started_at: datetime
    ended_at: datetime
    energy_mwh: int
    pmax_w: float
    curve: PowerCurve
    interval_s: float
    nominal_voltage_v: float
    notes: tuple[str, ...]

    @property
    def stay_s(self) -> float:
        """Seconds from arrival to departure."""
        return (self.ended_at - self.started_at).total_seconds()

    @property
    def peak_power_w(self) -> float:
        """The highest power that is published, in W: that of the first reading."""
        return _stated_w(self.curve.peak_w)

    @property
    def exceeds_pmax(self) -> bool:
        """Whether the mean power needed is above the maximum of the file."""
        return self.curve.peak_w > self.pmax_w

    @property
    def reading_count(self) -> int:
        """How many readings are published for it, with `finishing` and the `available` that follows."""
        return math.ceil(self.stay_s / self.interval_s) + 2


def plan_replay(
    recording: Recording, *, interval_s: float, limit: int | None = None, flavour: Flavour | None = None
) -> list[PlannedSession]:
    """The first `limit` sessions by arrival, each with its station, session id and power curve.

    `flavour` None mixes the two by station, the same way on every run.
    """
    if interval_s < SHORTEST_INTERVAL_S:
        raise ValueError(f"the interval must be at least {SHORTEST_INTERVAL_S:g} s, not {interval_s:g} s")
    return [
        _plan(each, recording, interval_s, flavour or _flavour_of(each.evse_uid))
        for each in allot(recording.sessions[:limit])
    ]


def _plan(each: AllottedSession, recording: Recording, interval_s: float, flavour: Flavour) -> PlannedSession:
    session = each.session
    curve = power_curve(
        energy_wh=session.energy_mwh / MWH_PER_WH,
        pmax_w=session.pmax_w,
        stay_s=(session.departure - session.arrival).total_seconds(),
        pace=_PACE[recording.format],
    )
    notes = session.notes
    if curve.peak_w > session.pmax_w:
        maximum = f"{'assumed' if recording.pmax_is_assumed else 'stated'} maximum of {session.pmax_w:.0f} W"
        notes += (f"needs {curve.peak_w:.0f} W on average, above the {maximum}",)
    return PlannedSession(
        number=session.number,
        evse_uid=each.evse_uid,
        device_session_id=_device_session_id(session.number, recording.format, flavour),
        flavour=flavour,
        started_at=session.arrival,
        ended_at=session.departure,
        energy_mwh=session.energy_mwh,
        pmax_w=session.pmax_w,
        curve=curve,
        interval_s=interval_s,
        nominal_voltage_v=_VOLTAGE_V[recording.format],
        notes=notes,
    )


def replay_messages(sessions: Sequence[PlannedSession], sky: Sky) -> Iterator[Message]:
    """All messages of all sessions in order of time; `sessions` must be in order of `started_at`."""
    running: list[tuple[datetime, int, Message, Iterator[Message]]] = []
    for index, session in enumerate(sessions):
        while running and running[0][0] <= session.started_at:
            yield _take_next(running)
        messages = session_messages(session, sky)
        first = next(messages)
        heapq.heappush(running, (session.started_at, index, first, messages))
    while running:
        yield _take_next(running)


def _take_next(running: list[tuple[datetime, int, Message, Iterator[Message]]]) -> Message:
    _, index, message, messages = running[0]
    following = next(messages, None)
    if following is None or following.ts is None:
        heapq.heappop(running)
    else:
        heapq.heapreplace(running, (following.ts, index, following, messages))
    return message


def session_messages(session: PlannedSession, sky: Sky) -> Iterator[Message]:
    """The messages of one session, in order."""
    for reading in session_readings(session, sky):
        yield Message(
            topic=telemetry_topic(session.evse_uid),
            payload=encode(reading, session.flavour),
            ts=reading.ts,
            session_number=session.number,
        )


def session_readings(session: PlannedSession, sky: Sky) -> Iterator[Telemetry]:
    """The readings of one session: arrival, every interval, `finishing` at departure, then `available`."""
    rng = random.Random(f"{sky.seed}:{session.evse_uid}:{session.number}")
    solar_mwh = delivered_mwh = 0
    for step in range(session.reading_count - 2):
        elapsed_s = step * session.interval_s
        ts = session.started_at + timedelta(seconds=elapsed_s)
        source = _source(sky.solar_share(ts), rng)
        now_mwh = round(session.energy_mwh * session.curve.delivered_share(elapsed_s))
        if source is Source.SOLAR:
            solar_mwh += now_mwh - delivered_mwh
        power_w = _stated_w(session.curve.power_w(elapsed_s))
        if not power_w and now_mwh == delivered_mwh:
            source = Source.NONE
        delivered_mwh = now_mwh
        voltage_v = round(session.nominal_voltage_v * rng.uniform(0.99, 1.02), 1) if power_w else 0.0
        yield Telemetry(
            ts=ts,
            status=Status.CHARGING if power_w else Status.SUSPENDED_EV,
            session_id=session.device_session_id,
            voltage_v=voltage_v,
            current_a=round(power_w / voltage_v, 2) if power_w else 0.0,
            power_w=power_w,
            solar_mwh=solar_mwh,
            grid_mwh=delivered_mwh - solar_mwh,
            source=source,
            temperature_c=_temperature_c(power_w / session.peak_power_w if power_w else 0.0, rng),
        )
    if _source(sky.solar_share(session.ended_at), rng) is Source.SOLAR:
        solar_mwh += session.energy_mwh - delivered_mwh
    departure, session_id = session.ended_at, session.device_session_id
    yield _idle(departure, Status.FINISHING, session_id, solar_mwh, session.energy_mwh, rng)
    yield _idle(departure + IDLE_AFTER_DEPARTURE, Status.AVAILABLE, None, 0, 0, rng)


def _idle(
    ts: datetime, status: Status, session_id: str | None, solar_mwh: int, total_mwh: int, rng: random.Random
) -> Telemetry:
    return Telemetry(
        ts=ts,
        status=status,
        session_id=session_id,
        voltage_v=0.0,
        current_a=0.0,
        power_w=0.0,
        solar_mwh=solar_mwh,
        grid_mwh=total_mwh - solar_mwh,
        source=Source.NONE,
        temperature_c=_temperature_c(0.0, rng),
    )


def _source(solar_share: float, rng: random.Random) -> Source:
    return Source.SOLAR if rng.random() < solar_share else Source.GRID


def _temperature_c(load_share: float, rng: random.Random) -> float:
    return round(_AMBIENT_C + 25.0 * load_share + rng.uniform(0.0, 3.0), 1)


def _stated_w(power_w: float) -> float:
    """As a station states its power: to 0.01 W."""
    return round(power_w, 2)


def _device_session_id(number: int, layout: Format, flavour: Flavour) -> str:
    """The file's session number behind a letter for the file, in the shape of the device's ids."""
    if flavour is Flavour.BASIC:
        return f"sid_{_SESSION_TAG[layout]}{number:011d}"
    return f"sess_{_SESSION_TAG[layout]}{number:07d}"


def _flavour_of(evse_uid: str) -> Flavour:
    """Half of the stations each; `epfl-ccs1` is basic, `epfl-ccs2` enhanced."""
    return (Flavour.BASIC, Flavour.ENHANCED)[sum(evse_uid.encode()) % 2]
