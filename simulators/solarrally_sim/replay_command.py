"""`solarrally-sim replay`: real sessions on the wire, and the ground truth of what was sent."""

import contextlib
import hashlib
import json
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import typer

from solarrally_sim.broker_address import BrokerAddress
from solarrally_sim.dataset import Recording
from solarrally_sim.delivery import by_topic, connect_all, deliver
from solarrally_sim.ground_truth import ground_truth
from solarrally_sim.message import Message, offline, online, telemetry_topic
from solarrally_sim.notices import Notices
from solarrally_sim.pace import Pacer
from solarrally_sim.payload import Flavour
from solarrally_sim.progress import (
    print_never_connected,
    print_spool_at_start,
    print_summary,
    shown_progress,
)
from solarrally_sim.replay import PlannedSession, plan_replay, replay_messages
from solarrally_sim.resumption import Resumption
from solarrally_sim.spooled_fleet import SpooledFleet, SpoolOptions
from solarrally_sim.stop import StopSignals
from solarrally_sim.sunlight import Sky
from solarrally_sim.tally import Tally
from solarrally_sim.wire import Publisher


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """The command line, checked. `speed` None is as fast as possible; `rate` in messages/s.

    `spool` None: stations do not number their messages.
    """

    broker: BrokerAddress
    speed: float | None
    rate: float | None
    interval_s: float
    limit: int | None
    seed: int
    flavour: Flavour | None
    report: Path | None
    gives_up: bool
    spool: SpoolOptions | None = None


async def replay(recording: Recording, options: ReplayOptions) -> int:
    """Replay the recording; returns the process's exit code."""
    sessions = plan_replay(
        recording, interval_s=options.interval_s, limit=options.limit, flavour=options.flavour
    )
    _say_what_was_read(recording, sessions)
    tally, notices = Tally(), Notices()
    published: Counter[int] = Counter()
    stored: Counter[int] = Counter()

    def acknowledged(message: Message) -> None:
        tally.count(message)
        count_by_session(published, message)

    def stored_before(message: Message) -> None:
        count_by_session(published, message)
        count_by_session(stored, message)

    peaks_w: dict[str, float] = {}
    for each in sessions:
        peaks_w[each.evse_uid] = max(peaks_w.get(each.evse_uid, 0.0), each.pmax_w, each.peak_power_w)
    messages = replay_messages(sessions, Sky(recording.zone, options.seed))
    total = sum(each.reading_count for each in sessions)
    spooled, spool_report = None, None
    with StopSignals() as stop:
        async with contextlib.AsyncExitStack() as stack:
            if options.spool is not None:
                spool = stack.enter_context(options.spool.open(purpose=_purpose(recording, options)))
                print_spool_at_start(spool.count)
                spooled = SpooledFleet(
                    spool,
                    [peaks_w],
                    options=options.spool,
                    tally=tally,
                    notices=notices,
                    on_taken=acknowledged,
                    on_stored=partial(count_by_session, stored),
                    waits_when_full=True,  # a recording can wait; a device cannot
                )
                resumption = Resumption(spool)
                total -= resumption.stored_count
                messages = resumption.rest_of(messages, on_stored_before=stored_before)
            publisher = await stack.enter_async_context(
                Publisher(
                    options.broker,
                    f"solarrally-replay-{secrets.token_hex(4)}",
                    births=[_online(uid, peak_w, recording) for uid, peak_w in sorted(peaks_w.items())],
                    farewells=[offline(evse_uid) for evse_uid in sorted(peaks_w)],
                    spooling=spooled.spooling(0) if spooled else None,
                    gives_up=options.gives_up,
                    on_acknowledged=spooled.taken if spooled else acknowledged,
                    on_notice=notices.show,
                )
            )
            if not await connect_all([publisher], stop):
                print_never_connected(options.broker, stopped_by=stop.received)
                return stop.exit_code
            by_station = {telemetry_topic(evse_uid): publisher for evse_uid in peaks_w}
            async with shown_progress(tally, total=total, label=f"replay {recording.format}"):
                outcome = await deliver(
                    messages,
                    publishers=[publisher],
                    send=spooled.send if spooled else by_topic(by_station),
                    pacer=Pacer(speed=options.speed, rate=options.rate),
                    stop=stop,
                    tally=tally,
                    spooled=spooled,
                )
            if spooled is not None:
                spool_report = spooled.report()
    if options.report is not None:
        truth = ground_truth(
            recording,
            sessions,
            published,
            seed=options.seed,
            stored=stored if spooled else None,
            spool=spool_report,
        )
        options.report.write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
        typer.echo(f"ground truth written to {options.report}")
    print_summary(outcome, options.broker, stopped_by=stop.received)
    return outcome.exit_code


def count_by_session(counts: Counter[int], message: Message) -> None:
    """Add the message to the count of its session."""
    if message.session_number is not None:
        counts[message.session_number] += 1


def _purpose(recording: Recording, options: ReplayOptions) -> str:
    """What the numbers of a replay's spool stand for: these options give the same messages every time."""
    content = hashlib.sha256(repr(recording.sessions).encode()).hexdigest()[:12]
    return (
        f"the {recording.format} recording {content} (interval {options.interval_s:g} s, "
        f"limit {options.limit}, seed {options.seed}, flavour {options.flavour})"
    )


def _online(evse_uid: str, peak_w: float, recording: Recording) -> Message:
    return online(evse_uid, vendor=str(recording.format), model="replayed", firmware="1", max_power_w=peak_w)


def _say_what_was_read(recording: Recording, sessions: Sequence[PlannedSession]) -> None:
    stations = sorted({each.evse_uid for each in sessions})
    named = ", ".join(stations[:6]) + (", …" if len(stations) > 6 else "")
    energy_kwh = sum(each.energy_mwh for each in sessions) / 1_000_000
    typer.echo(
        f"{recording.format}: {len(sessions)} sessions, {energy_kwh:,.1f} kWh "
        f"at {len(stations)} stations ({named})"
    )
    if recording.skipped:
        reasons = Counter(each.reason for each in recording.skipped)
        typer.echo("rows skipped: " + "; ".join(f"{count} × {reason}" for reason, count in reasons.items()))
    if recording.duration_disagrees:
        count = len(recording.duration_disagrees)
        typer.echo(f"rows whose stated duration is not end − start: {count} (start and end are used)")
    exceeding = sum(each.exceeds_pmax for each in sessions)
    if exceeding:
        what = "assumed" if recording.pmax_is_assumed else "stated"
        typer.echo(f"sessions that need more than the {what} maximum power: {exceeding} (see the report)")
