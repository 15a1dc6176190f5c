"""A scenario's stations and the messages they send, in order of time: a pure generator."""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from solarrally_sim.message import Message, online, telemetry_topic
from solarrally_sim.payload import Flavour, encode
from solarrally_sim.scenarios import Scenario
from solarrally_sim.station import Station
from solarrally_sim.sunlight import Sky

BASIC_SHORTEST_INTERVAL_S = 1.0  # the basic device's timestamps have whole seconds


def build_fleet(scenario: Scenario, *, size: int, seed: int, sky: Sky, interval_s: float) -> list[Station]:
    """`size` stations of a scenario, its units repeated.

    Each has its own random numbers, drawn from `seed` and its name, so that a larger fleet does not change
    what a smaller one sends. Below one reading per second all stations are of the enhanced flavour: two
    readings of a basic one would carry the same timestamp.
    """
    stations = []
    for index in range(size):
        model, flavour = scenario.units[index % len(scenario.units)]
        if interval_s < BASIC_SHORTEST_INTERVAL_S:
            flavour = Flavour.ENHANCED
        evse_uid = f"{scenario.uid_prefix}_{index + 1:02d}"
        station = Station(
            evse_uid=evse_uid,
            number=index + 1,
            model=model,
            flavour=flavour,
            scenario=scenario,
            sky=sky,
            rng=random.Random(f"{seed}:{evse_uid}"),
        )
        if index == 0 and scenario.first_unit_starts_faulted:
            station.start_faulted()
        station.expects_car = index == 0 and scenario.first_unit_expects_car
        stations.append(station)
    return stations


def fleet_messages(
    stations: Sequence[Station], *, start: datetime, interval_s: float, duration_s: float | None
) -> Iterator[Message]:
    """Every station's reading every `interval_s`, spread evenly over it, until `duration_s` (simulated)."""
    tick = 0
    while True:
        for index, station in enumerate(stations):
            if station.is_away:
                continue
            offset_s = interval_s * (tick + index / len(stations))
            if duration_s is not None and offset_s >= duration_s:
                return
            ts = start + timedelta(microseconds=round(offset_s * 1_000_000))
            yield Message(
                topic=telemetry_topic(station.evse_uid),
                payload=encode(station.step(ts), station.flavour),
                ts=ts,
            )
        tick += 1


def online_message(station: Station) -> Message:
    """What the station says of itself when it connects."""
    model = station.model
    return online(
        station.evse_uid,
        vendor=model.vendor,
        model=model.model,
        firmware=station.firmware,
        max_power_w=model.max_power_w,
    )
