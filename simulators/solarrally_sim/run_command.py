"""`solarrally-sim run`: a scenario's fleet on the wire until its time is over or it is stopped."""

import contextlib
import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import typer

from solarrally_sim.broker_address import BrokerAddress
from solarrally_sim.delivery import by_topic, connect_all, deliver
from solarrally_sim.fleet import build_fleet, fleet_messages, online_message
from solarrally_sim.message import Message, offline, station_of, telemetry_topic
from solarrally_sim.notices import Notices
from solarrally_sim.obedience import Obedience
from solarrally_sim.pace import Pacer
from solarrally_sim.progress import (
    print_never_connected,
    print_spool_at_start,
    print_summary,
    shown_progress,
)
from solarrally_sim.scenarios import Scenario
from solarrally_sim.spooled_fleet import SpooledFleet, SpoolOptions
from solarrally_sim.station import Station
from solarrally_sim.stop import StopSignals
from solarrally_sim.sunlight import Sky
from solarrally_sim.tally import Tally
from solarrally_sim.wire import Hearing, Publisher, Spooling

MOST_CONNECTIONS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The command line, checked. `start` None is now; `rate` (messages/s) replaces `interval_s`.

    `spool` None: stations do not number their messages.
    """

    scenario: Scenario
    broker: BrokerAddress
    interval_s: float
    duration_s: float | None
    stations: int | None
    seed: int
    speed: float
    rate: float | None
    start: datetime | None
    zone: ZoneInfo
    gives_up: bool
    spool: SpoolOptions | None = None
    report: Path | None = None


async def run(options: RunOptions) -> int:
    """Run the fleet; returns the process's exit code."""
    size = options.stations or len(options.scenario.units)
    interval_s = size * options.speed / options.rate if options.rate else options.interval_s
    duration_s = options.duration_s * options.speed if options.duration_s else None
    stations = build_fleet(
        options.scenario,
        size=size,
        seed=options.seed,
        sky=Sky(options.zone, options.seed),
        interval_s=interval_s,
    )
    groups = connection_groups(stations)
    tally, notices = Tally(), Notices()
    obedience = Obedience(stations, notices)
    with StopSignals() as stop:
        async with contextlib.AsyncExitStack() as stack:
            spooled = None
            if options.spool is not None:
                spool = stack.enter_context(options.spool.open(purpose="a running fleet"))
                print_spool_at_start(spool.count)
                spooled = SpooledFleet(
                    spool,
                    [[station.evse_uid for station in group] for group in groups],
                    options=options.spool,
                    tally=tally,
                    notices=notices,
                    on_taken=tally.count,
                )
            publishers = []
            by_station = {}
            taken = spooled.taken if spooled else tally.count

            def count(message: Message, taken: Callable[[Message], None] = taken) -> None:
                """Only readings: what a station answers to commands comes on top."""
                if message.topic == telemetry_topic(station_of(message.topic)):
                    taken(message)

            stack.push_async_callback(obedience.close)
            for index, group in enumerate(groups):
                spooling = spooled.spooling(index) if spooled else None
                publisher = await stack.enter_async_context(
                    _publisher(group, options, spooling, obedience.hearing(group), count, notices)
                )
                obedience.connect(group, publisher)
                publishers.append(publisher)
                by_station.update({telemetry_topic(station.evse_uid): publisher for station in group})
            if not await connect_all(publishers, stop):
                print_never_connected(options.broker, stopped_by=stop.received)
                return stop.exit_code
            start = options.start or datetime.now(UTC)
            typer.echo(
                f"{options.scenario.name}: {size} stations on {len(publishers)} connections to "
                f"{options.broker}, each a reading every {interval_s:g} s "
                f"({size * options.speed / interval_s:g} messages/s), "
                f"seed {options.seed}, simulated start {start.isoformat()}"
            )
            send_reading = spooled.send if spooled else by_topic(by_station)

            async def send(message: Message) -> None:
                if not obedience.is_away(message.topic):
                    await send_reading(message)

            messages = fleet_messages(stations, start=start, interval_s=interval_s, duration_s=duration_s)
            async with shown_progress(tally, total=None, label=options.scenario.name):
                outcome = await deliver(
                    messages,
                    publishers=publishers,
                    send=send,
                    pacer=Pacer(speed=options.speed),
                    stop=stop,
                    tally=tally,
                    spooled=spooled,
                )
            if options.report is not None and spooled is not None:
                options.report.write_text(json.dumps(spooled.report(), indent=1) + "\n", encoding="utf-8")
                typer.echo(f"report written to {options.report}")
    print_summary(outcome, options.broker, stopped_by=stop.received)
    return outcome.exit_code


def connection_groups(stations: Sequence[Station]) -> list[list[Station]]:
    """The stations of each connection: one each up to `MOST_CONNECTIONS`, then dealt out evenly."""
    count = min(len(stations), MOST_CONNECTIONS)
    return [list(stations[first::count]) for first in range(count)]


def _publisher(
    group: Sequence[Station],
    options: RunOptions,
    spooling: Spooling | None,
    hearing: Hearing,
    on_acknowledged: Callable[[Message], None],
    notices: Notices,
) -> Publisher:
    alone = len(group) == 1  # a connection has one last will, so only a station of its own can have one
    return Publisher(
        options.broker,
        f"{group[0].evse_uid}-sim-{secrets.token_hex(3)}",
        births=[online_message(station) for station in group],
        farewells=[offline(station.evse_uid) for station in group],
        will=offline(group[0].evse_uid) if alone else None,
        spooling=spooling,
        hearing=hearing,
        gives_up=options.gives_up,
        on_acknowledged=on_acknowledged,
        on_notice=notices.show,
    )
