"""The command line: `solarrally-sim run · scenarios · replay · publish · device`."""

import asyncio
import random
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from solarrally_sim.broker_address import BrokerAddress, parse_broker
from solarrally_sim.by_hand import Composition, compose, publish_one
from solarrally_sim.dataset import DatasetError, Format, read_recording
from solarrally_sim.payload import Flavour
from solarrally_sim.replay import SHORTEST_INTERVAL_S
from solarrally_sim.replay_command import ReplayOptions, replay
from solarrally_sim.run_command import MOST_CONNECTIONS, RunOptions, run
from solarrally_sim.scenarios import SCENARIOS, scenario_named
from solarrally_sim.spool import LIMIT, SpoolError
from solarrally_sim.spooled_fleet import ACK_TIMEOUT_S, DRAIN_S, SpoolOptions
from solarrally_sim.vendors import FAMILIES, SetupError, make_device
from solarrally_sim.vendors.live import LiveOptions, live
from solarrally_sim.vendors.tls import client_context
from solarrally_sim.wire import BrokerUnreachableError, pass_over_closed_sockets

app = typer.Typer(
    help="Simulated EV charging stations on a real MQTT broker.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

Broker = Annotated[
    str,
    typer.Option(
        envvar="SOLARRALLY_SIM_BROKER", help="mqtt://[user:password@]host[:port]; mqtts:// for TLS."
    ),
]
DeviceBroker = Annotated[
    str,
    typer.Option(
        envvar=["SOLARRALLY_SIM_DEVICE_BROKER", "SOLARRALLY_SIM_BROKER"],
        help="mqtt://[user:password@]host[:port]; mqtts:// for TLS. The user must be one that may publish "
        "under the family's topics: of `./run up` it is `devices`.",
    ),
]
NoWait = Annotated[
    bool, typer.Option("--no-wait", help="Fail when the broker cannot be reached at the start; do not retry.")
]
Seed = Annotated[
    int | None, typer.Option(help="Makes the run repeatable; chosen and printed when not given.")
]
SpoolFolder = Annotated[
    Path | None,
    typer.Option(
        "--spool",
        file_okay=False,
        metavar="DIR",
        help="Number the messages (`seq`) and keep each in this folder until the backend says it is stored.",
    ),
]
AckTimeout = Annotated[
    float, typer.Option(min=0.1, help="With --spool: send again what is not acknowledged after this.")
]
SpoolLimit = Annotated[
    int,
    typer.Option(min=1, help="With --spool: messages kept per station; `run` drops the oldest beyond it."),
]
Drain = Annotated[
    float, typer.Option(min=0.0, help="With --spool: wait so long at the end for what is not stored yet.")
]
DEFAULT_BROKER = "mqtt://127.0.0.1:1883"


def main() -> None:
    """The console script."""
    app()


@app.command("scenarios")
def scenarios_command() -> None:
    """List the scenarios and what they do."""
    for scenario in SCENARIOS:
        typer.echo(f"{scenario.name:15} {scenario.summary}")


@app.command(
    "run",
    short_help="Run a fleet of simulated stations.",
    help=(
        "Run a fleet of simulated stations. Each station has its own connection with a real last will, up "
        f"to {MOST_CONNECTIONS} stations; above that they share {MOST_CONNECTIONS} connections, and those "
        "that share have no last will. With --speed above 1 timestamps run ahead of the clock: give --start "
        "in the past if the receiver refuses times in the future. With --spool nothing is lost, even if the "
        "broker is: what is not acknowledged as stored is sent again, also at the next start with the same "
        "folder. The exit code is 1 when at the end a message is in the spool or was dropped."
    ),
)
def run_fleet(
    scenario: Annotated[str, typer.Argument(help="One of those that `scenarios` lists.")] = "standard",
    broker: Broker = DEFAULT_BROKER,
    interval_s: Annotated[float, typer.Option(min=0.001, help="Simulated seconds between readings.")] = 5.0,
    duration_s: Annotated[float | None, typer.Option(min=0.001, help="Stop after this; else Ctrl-C.")] = None,
    stations: Annotated[
        int | None, typer.Option(min=1, help="Fleet size; the scenario's own if not given.")
    ] = None,
    seed: Seed = None,
    speed: Annotated[float, typer.Option(min=0.001, help="Simulated seconds per second.")] = 1.0,
    rate: Annotated[
        float | None,
        typer.Option(
            min=0.001, help="Messages/s over the whole fleet; sets the interval, instead of --interval-s."
        ),
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="Simulated start, ISO 8601 with offset; now if not given.")
    ] = None,
    timezone: Annotated[
        str, typer.Option(help="Where the stations are: sun and peak hours.")
    ] = "Europe/Zurich",
    no_wait: NoWait = False,
    spool: SpoolFolder = None,
    ack_timeout_s: AckTimeout = ACK_TIMEOUT_S,
    spool_limit: SpoolLimit = LIMIT,
    drain_s: Drain = DRAIN_S,
    report: Annotated[
        Path | None, typer.Option(dir_okay=False, help="With --spool: write its counts here (JSON).")
    ] = None,
    list_scenarios: Annotated[bool, typer.Option("--list", help="List the scenarios and stop.")] = False,
) -> None:
    """Run a fleet; see the help above."""
    if list_scenarios:
        scenarios_command()
        return
    try:
        chosen = scenario_named(scenario)
    except KeyError as error:
        raise typer.BadParameter(error.args[0]) from None
    if report is not None and spool is None:
        raise typer.BadParameter("there is something to report only with --spool", param_hint="--report")
    options = RunOptions(
        scenario=chosen,
        broker=_broker(broker),
        interval_s=interval_s,
        duration_s=duration_s,
        stations=stations,
        seed=_seed(seed),
        speed=speed,
        rate=rate,
        start=_start(start),
        zone=_zone(timezone),
        gives_up=no_wait,
        spool=_spool(spool, ack_timeout_s, spool_limit, drain_s),
        report=report,
    )
    _finish(run(options))


@app.command("replay")
def replay_file(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    broker: Broker = DEFAULT_BROKER,
    layout: Annotated[str, typer.Option("--format", help="epfl, trondheim or auto.")] = "auto",
    speed: Annotated[
        float, typer.Option(min=0.001, help="Simulated seconds per second: a day by default.")
    ] = 86_400,
    as_fast_as_possible: Annotated[bool, typer.Option("--as-fast-as-possible", help="No waiting.")] = False,
    interval_s: Annotated[
        float, typer.Option(min=SHORTEST_INTERVAL_S, help="Simulated seconds between readings.")
    ] = 60.0,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first sessions by arrival.")] = None,
    seed: Annotated[int, typer.Option(help="Weather, voltages and temperatures.")] = 1,
    rate: Annotated[float | None, typer.Option(min=0.001, help="At most this many messages/s.")] = None,
    flavour: Annotated[Flavour | None, typer.Option(help="Kind of device; a mix if not given.")] = None,
    report: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write the ground truth here (JSON).")
    ] = None,
    no_wait: NoWait = False,
    spool: SpoolFolder = None,
    ack_timeout_s: AckTimeout = ACK_TIMEOUT_S,
    spool_limit: SpoolLimit = LIMIT,
    drain_s: Drain = DRAIN_S,
) -> None:
    """Replay real charging sessions from the EPFL or the Trondheim file, compressed in time.

    All stations share one connection, so that the overall order is that of time; their `status` is published
    online at the start and offline at the end, without last wills. With --spool a replay that was stopped or
    killed goes on where it was when it is started again with the same options; a full spool makes it wait.
    """
    try:
        wanted = None if layout == "auto" else Format(layout)
    except ValueError:
        raise typer.BadParameter("must be epfl, trondheim or auto", param_hint="--format") from None
    try:
        recording = read_recording(file.read_text(encoding="utf-8-sig"), wanted)
    except (DatasetError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file}: {error}", param_hint="FILE") from None
    options = ReplayOptions(
        broker=_broker(broker),
        speed=None if as_fast_as_possible else speed,
        rate=rate,
        interval_s=interval_s,
        limit=limit,
        seed=seed,
        flavour=flavour,
        report=report,
        gives_up=no_wait,
        spool=_spool(spool, ack_timeout_s, spool_limit, drain_s),
    )
    _finish(replay(recording, options))


@app.command("publish")
def publish_by_hand(
    evse_uid: Annotated[str | None, typer.Argument(help="Sends to evse/EVSE_UID/telemetry.")] = None,
    json_text: Annotated[str | None, typer.Option("--json", help="The payload, checked to be JSON.")] = None,
    topic: Annotated[str | None, typer.Option(help="Another topic.")] = None,
    raw: Annotated[str | None, typer.Option(help="The payload as it is, even if it is nonsense.")] = None,
    file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="The payload from a file.")
    ] = None,
    timestamp: Annotated[str | None, typer.Option(help="Field; now if not given but others are.")] = None,
    session_id: Annotated[str | None, typer.Option(help="Field.")] = None,
    voltage_v: Annotated[float | None, typer.Option(help="Field.")] = None,
    current_a: Annotated[float | None, typer.Option(help="Field.")] = None,
    power_w: Annotated[float | None, typer.Option(help="Field.")] = None,
    session_energy_kwh_solar: Annotated[float | None, typer.Option(help="Field.")] = None,
    session_energy_kwh_grid: Annotated[float | None, typer.Option(help="Field.")] = None,
    session_total_energy_kwh: Annotated[float | None, typer.Option(help="Field.")] = None,
    energy_source: Annotated[str | None, typer.Option(help="Field.")] = None,
    temperature_c: Annotated[float | None, typer.Option(help="Field.")] = None,
    status: Annotated[str | None, typer.Option(help="Field.")] = None,
    retain: Annotated[
        bool, typer.Option("--retain", help="The broker keeps it for later subscribers.")
    ] = False,
    qos: Annotated[int, typer.Option(min=0, max=2)] = 1,
    broker: Broker = DEFAULT_BROKER,
) -> None:
    """Send one message by hand: fields given as options, --json, --raw or --file."""
    given = (
        ("timestamp", timestamp),
        ("session_id", session_id),
        ("voltage_v", voltage_v),
        ("current_a", current_a),
        ("power_w", power_w),
        ("session_energy_kwh_solar", session_energy_kwh_solar),
        ("session_energy_kwh_grid", session_energy_kwh_grid),
        ("session_total_energy_kwh", session_total_energy_kwh),
        ("energy_source", energy_source),
        ("temperature_c", temperature_c),
        ("status", status),
    )
    fields = {name: value for name, value in given if value is not None}
    try:
        composition = Composition(
            evse_uid=evse_uid,
            topic=topic,
            json_text=json_text,
            raw=raw,
            file=file,
            fields=fields,
            qos=qos,
            retain=retain,
        )
        message = compose(composition, now=datetime.now(UTC))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    _finish(publish_one(_broker(broker), message))


@app.command(
    "device",
    short_help="Run one simulated device of another vendor.",
    help=(
        "Run one simulated device of another vendor (OpenEVSE, go-e, SmartEVSE, WARP, EVerest, evcc, "
        "Tasmota). It boots, waits, charges, pauses, and obeys the vendor's commands; topics, payloads, QoS, "
        "retain flags, will and rates are from the vendor's documents (docs/simulated-devices.md). It ends "
        "when its sessions are over. With --speed above 1 its own clock runs ahead of ours."
    ),
)
def run_device(
    family: Annotated[str | None, typer.Argument(help="One of those that --list shows.")] = None,
    broker: DeviceBroker = DEFAULT_BROKER,
    device_id: Annotated[
        str | None, typer.Option("--id", help="Serial number or name; the vendor's example if not given.")
    ] = None,
    base_topic: Annotated[
        str | None, typer.Option(help="Instead of the vendor's own prefix; what it replaces: see --list.")
    ] = None,
    client_id: Annotated[str | None, typer.Option(help="Instead of the vendor's own MQTT client id.")] = None,
    speed: Annotated[float, typer.Option(min=0.001, max=1000.0, help="Simulated seconds per second.")] = 1.0,
    duration_s: Annotated[
        float | None, typer.Option(min=0.001, help="Stop after so many real seconds, whatever is going on.")
    ] = None,
    cycles: Annotated[int, typer.Option(min=0, help="Charging sessions; 0: without end.")] = 1,
    energy_wh: Annotated[float, typer.Option(min=0.0, help="Energy of a session, more or less.")] = 2000.0,
    phases: Annotated[int, typer.Option(min=1, max=3, help="1 or 3.")] = 3,
    max_current_a: Annotated[float, typer.Option(min=6.0, max=32.0)] = 16.0,
    idle_s: Annotated[int, typer.Option(min=1, help="Simulated seconds without a car.")] = 60,
    pause_s: Annotated[int, typer.Option(min=0, help="Length of the pause in a session; 0: none.")] = 60,
    pause_by_car: Annotated[bool, typer.Option("--pause-by-car", help="The car pauses, not it.")] = False,
    interval_s: Annotated[
        float | None, typer.Option(min=1.0, help="Telemetry interval, where the user may choose it.")
    ] = None,
    fault: Annotated[str | None, typer.Option(help="One of the family's, once in the first session.")] = None,
    reboot: Annotated[bool, typer.Option("--reboot", help="Reboot once in the first session.")] = False,
    quirk: Annotated[list[str] | None, typer.Option(help="One of the family's; may be repeated.")] = None,
    vanish: Annotated[
        bool, typer.Option("--vanish", help="At the end: no farewell and no DISCONNECT, so the will comes.")
    ] = False,
    seed: Annotated[int, typer.Option(help="The same seed tells the same story.")] = 1,
    start: Annotated[
        str | None, typer.Option(help="Simulated start, ISO 8601 with offset; now if not given.")
    ] = None,
    timezone: Annotated[str, typer.Option(help="Of the device's local times.")] = "Europe/Zurich",
    ca_file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="mqtts: the broker's authority (PEM).")
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="mqtts: the device's own (PEM).")
    ] = None,
    key: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="mqtts: the key to it (PEM).")
    ] = None,
    ground_truth: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write what really happened here (JSON).")
    ] = None,
    no_wait: NoWait = False,
    list_families: Annotated[
        bool, typer.Option("--list", help="List the families with their faults and quirks, and stop.")
    ] = False,
) -> None:
    """Run a device; see the help above."""
    if list_families:
        for name, kind in FAMILIES.items():
            example = make_device(name)
            typer.echo(f"{name:10} id {kind.default_id}, base topic {example.base_topic}")
            typer.echo(f"{'':10} faults: {', '.join(kind.faults) or 'none'}")
            for each, does in kind.quirks.items():
                typer.echo(f"{'':10} --quirk {each}: {does}")
        return
    if family is None:
        raise typer.BadParameter(f"which one? There are: {', '.join(FAMILIES)}", param_hint="FAMILY")
    _zone(timezone)
    try:
        device = make_device(
            family,
            device_id,
            base_topic=base_topic,
            client_id=client_id,
            cycles=cycles or None,
            energy_wh=energy_wh,
            phases=phases,
            max_current_a=max_current_a,
            idle_s=idle_s,
            pause_s=pause_s,
            pause_by_car=pause_by_car,
            interval_s=interval_s,
            fault=fault,
            reboot=reboot,
            quirks=tuple(quirk or ()),
            seed=seed,
            timezone=timezone,
        )
        address = _broker(broker)
        context = client_context(address, ca_file=ca_file, certificate=certificate, key=key)
    except SetupError as error:
        raise typer.BadParameter(str(error)) from None
    options = LiveOptions(
        device=device,
        broker=address,
        tls=context,
        speed=speed,
        duration_s=duration_s,
        start=_start(start),
        vanish=vanish,
        gives_up=no_wait,
        ground_truth=ground_truth,
    )
    _finish(live(options))


def _finish(work: Coroutine[object, object, int]) -> None:
    """Run a command to its end and leave with its exit code. Cancelled means: told to stop twice."""
    try:
        with asyncio.Runner() as runner:
            pass_over_closed_sockets(runner.get_loop())
            code = runner.run(work)
    except (BrokerUnreachableError, SpoolError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    except asyncio.CancelledError:
        typer.echo("stopped at once; what was on its way may not have been acknowledged", err=True)
        raise typer.Exit(130) from None
    raise typer.Exit(code)


def _broker(url: str) -> BrokerAddress:
    try:
        return parse_broker(url)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--broker") from None


def _spool(folder: Path | None, ack_timeout_s: float, limit: int, drain_s: float) -> SpoolOptions | None:
    if folder is None:
        return None
    return SpoolOptions(folder=folder, ack_timeout_s=ack_timeout_s, limit=limit, drain_s=drain_s)


def _seed(seed: int | None) -> int:
    return random.SystemRandom().getrandbits(31) if seed is None else seed


def _start(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        start = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no ISO 8601 time", param_hint="--start") from None
    if start.tzinfo is None:
        raise typer.BadParameter(
            "needs an offset, as in 2026-06-01T12:00:00+02:00 or …Z", param_hint="--start"
        )
    return start


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise typer.BadParameter(f"{name!r} is no time zone", param_hint="--timezone") from None
