"""A backlog after an outage: how fast it drains, and whether the live picture of the others stays current.

Some stations have hours of readings to deliver; others report live all the time, once a second each. Two ways
for the backlog to come:

    queue     the ingestor was away, and all of it waits in the broker's queue; the ingestor starts. The
              broker delivers in order: what is said live meanwhile waits behind the backlog.
    upload    the stations were away, and send all of it as fast as the broker takes it, beside the others.

For the live stations: the time from the device's timestamp to the commit, before, during and after. All that
was published must be stored once, with one session a station, or the run fails (exit code 1).

    ./run bench backlog [--messages 1000000] [--variants queue upload]
    ./run bench backlog --quick
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks import _report as report
from tests.benchmarks._processes import CpuMeter, rss_bytes
from tests.benchmarks._stack import Companion, Failed, Stack, prepare, progress, query, running_stack
from tests.benchmarks._verdict import committed, verify
from tests.support.ingestor import IngestorProcess

CADENCE_S = 1.0
"""Between two readings of a station with a backlog."""
LONGEST_S = 900.0
STALL_S = 60.0
UPLOAD_AHEAD = 400_000
"""Of the stations that upload: published and not yet stored or parked. It bounds the broker's memory."""

_DELAYS = """
SELECT extract(epoch FROM pg_xact_commit_timestamp(r.xmin) - r.ts)::float8
FROM reading r JOIN evse e ON e.id = r.evse_id
WHERE e.evse_uid LIKE 'live%' AND r.ts >= to_timestamp($1::float8) AND r.ts < to_timestamp($2::float8)
"""


def main() -> None:
    options = parsed()
    prepare()
    result: dict[str, Any] = {"machine": report.machine(), "variants": {}}
    try:
        for variant in options.variants:
            progress(f"variant: {variant}")
            with running_stack() as stack:
                result["variants"][variant] = measured(stack, options, is_queued=variant == "queue")
    except Failed as error:
        report.save({**result, "failed": str(error)}, options.json)
        raise SystemExit(f"THIS RUN DOES NOT COUNT: {error}") from None
    report.save(result, options.json)
    print(report.machine_line(result["machine"]))
    for variant, found in result["variants"].items():
        print(f"\n{summary(variant, found)}")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--messages", type=int, default=990_000, help="the backlog; the broker queues 1,000,000 (990000)"
    )
    parser.add_argument("--stations", type=int, default=100, help="with a backlog (100)")
    parser.add_argument("--live", type=int, default=200, help="stations that report live, 1/s each (200)")
    parser.add_argument("--calm", type=float, default=10.0, help="seconds before and after it (10)")
    parser.add_argument("--variants", nargs="+", choices=("queue", "upload"), default=["queue", "upload"])
    parser.add_argument("--quick", action="store_true", help="40000 messages, 3 s before and after")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the result for scripts")
    options = parser.parse_args()
    if options.quick:
        options.messages, options.calm = 40_000, 3.0
    return options


def measured(stack: Stack, options: argparse.Namespace, *, is_queued: bool) -> dict[str, Any]:
    """One variant, on a database and a broker of its own."""
    step_us = round(CADENCE_S * 1e6 / options.stations)
    first_at_us = time.time_ns() // 1000 - options.messages * step_us
    with (
        stack.ingestor() as ingestor,
        stack.listener() as listener,
        stack.publisher(options.live, name="live") as live,
        stack.publisher(
            options.stations, name="late", cadence_s=CADENCE_S, first_at_us=first_at_us, step_us=step_us
        ) as late,
    ):
        ingestor.wait_connected()
        live.tell(f"rate {options.live} {LONGEST_S}")
        calm_from_s = time.time()
        time.sleep(options.calm)
        outage_at_s = time.time()
        queued_s = 0.0
        if is_queued:
            ingestor.stop()
            committed_before = query(stack.postgres.dsn, "SELECT count(*) FROM reading")[0][0]
            queued_s = fill_queue(late, options.messages)
            progress(f"{options.messages:,} messages wait in the broker ({queued_s:.1f} s to publish them)")
            ingestor.start()
            drain_from_s = time.time()
        else:
            committed_before = 0
            late.tell(f"grant {UPLOAD_AHEAD}")
            late.tell(f"send {options.messages}")
            drain_from_s = time.time()
        pids = {"ingestor": ingestor.pid, **stack.pids, "listener": listener.pid}
        meter = CpuMeter({**pids, "publishers": late.pid, "live": live.pid})
        drain = drained(stack, ingestor, late, options, is_queued=is_queued)
        drained_at_s = time.time()
        used, others_share = meter.read(), meter.others_share()
        time.sleep(options.calm)
        live.tell("halt")
        sent_live = live.answer()["sent"]
        published = sent_live + options.messages
        settle(stack, published)
        time.sleep(1.5)
        delays = {
            name: live_delays(stack, from_s, to_s)
            for name, from_s, to_s in (
                ("before", calm_from_s + 1.0, outage_at_s - 0.5),
                *([("said while away", outage_at_s, drain_from_s)] if is_queued else []),
                ("while the broker's queue empties", drain_from_s, drain.taken_at_s),
                ("while the parking table empties", drain.taken_at_s, drained_at_s),
                ("after", drained_at_s, time.time()),
            )
        }
        if is_queued:
            check_stored(stack, published, options)
        else:
            verify(stack, ingestor, published=published, stations=options.live + options.stations)
        counters = ingestor.counters()
    took_s = drained_at_s - drain_from_s
    return {
        "messages": options.messages,
        "live_messages": sent_live,
        "stored_before": committed_before,
        "queued_s": queued_s,
        "drain_s": took_s,
        "drain_rate": options.messages / took_s,
        "parked": counters.get("solarrally_messages_parked_total", 0.0),
        "taken_s": drain.taken_at_s - drain_from_s,
        "rss_peak_mib": drain.rss_peak_bytes / 2**20,
        "cpu_per_100k": {name: seconds / options.messages * 1e5 for name, seconds in used.items()},
        "others_share": others_share,
        "live_delays": delays,
        "stored_over_time": drain.stored,
    }


def fill_queue(late: Companion, messages: int) -> float:
    """Publish all of it to a broker nobody listens to; how long that took."""
    started_s = time.monotonic()
    late.tell(f"send {messages}")
    late.answer(LONGEST_S)
    return time.monotonic() - started_s


@dataclass(slots=True)
class Drain:
    """How it went."""

    taken_at_s: float = 0.0
    """When nothing of the backlog was left in the broker: all of it was stored, or parked."""
    stored: list[tuple[float, int]] = field(default_factory=list)
    """(seconds since the start, readings)"""
    rss_peak_bytes: int = 0


def drained(
    stack: Stack, ingestor: IngestorProcess, late: Companion, options: argparse.Namespace, *, is_queued: bool
) -> Drain:
    """Return when every late reading is stored."""
    started_s = time.monotonic()
    drain = Drain()
    newest, moved_at_s = -1, started_s
    next_say_s = started_s
    while True:
        stored = late_stored(stack)
        now_s = time.monotonic()
        drain.stored.append((round(now_s - started_s, 2), stored))
        if stored > newest:
            newest, moved_at_s = stored, now_s
        if not ingestor.is_running or now_s - moved_at_s > STALL_S or now_s - started_s > LONGEST_S:
            raise Failed(f"the drain stands still at {stored} of {options.messages}")
        drain.rss_peak_bytes = max(drain.rss_peak_bytes, rss_bytes(ingestor.pid))
        counters = ingestor.counters()
        parked = int(counters.get("solarrally_parked_messages", 0))
        if not drain.taken_at_s and stored + parked >= options.messages:
            drain.taken_at_s = time.time()
        if stored >= options.messages:
            break
        if not is_queued:
            late.tell(f"grant {committed(counters) + parked + UPLOAD_AHEAD}")
        if now_s >= next_say_s:
            next_say_s = now_s + 5.0
            progress(f"{stored:,} of {options.messages:,} stored, {parked:,} parked")
        time.sleep(0.5)
    if not is_queued:
        late.answer()
    return drain


def late_stored(stack: Stack) -> int:
    """Readings of the stations with a backlog, by the statistics of their sessions: cheap to ask often."""
    return int(
        query(
            stack.postgres.dsn,
            "SELECT coalesce(sum(s.reading_count), 0)::bigint FROM charging_session s"
            " JOIN evse e ON e.id = s.evse_id WHERE e.evse_uid LIKE 'late%'",
        )[0][0]
    )


def settle(stack: Stack, published: int) -> None:
    """Return when that many readings are stored."""
    deadline_s = time.monotonic() + STALL_S
    while (stored := query(stack.postgres.dsn, "SELECT count(*) FROM reading")[0][0]) < published:
        if time.monotonic() > deadline_s:
            raise Failed(f"{published} were published, {stored} are stored")
        time.sleep(0.2)


def check_stored(stack: Stack, published: int, options: argparse.Namespace) -> None:
    """Of two processes the counters do not add up, the database's contents do."""
    row = query(
        stack.postgres.dsn, "SELECT (SELECT count(*) FROM reading), (SELECT count(*) FROM charging_session)"
    )[0]
    if tuple(row) != (published, options.live + options.stations):
        raise Failed(f"{row[0]} readings and {row[1]} sessions of {published} messages")


def live_delays(stack: Stack, from_s: float, to_s: float) -> dict[str, float]:
    delays = [row[0] for row in query(stack.postgres.dsn, _DELAYS, from_s, to_s)]
    return {"messages": len(delays), **(report.quantiles_ms(delays) if delays else {})}


def summary(variant: str, found: dict[str, Any]) -> str:
    lines = [
        f"{variant}: {found['messages']:,} messages in {found['drain_s']:.1f} s:"
        f" {found['drain_rate']:,.0f}/s; out of the broker after {found['taken_s']:.1f} s,"
        f" {found['parked']:,.0f} of them by way of the parking table;"
        f" ingestor at most {found['rss_peak_mib']:.0f} MiB",
        "CPU s per 100k of them: "
        + ", ".join(f"{name} {seconds:.2f}" for name, seconds in found["cpu_per_100k"].items())
        + f"; others kept {found['others_share']:.0%} of the machine busy",
        "",
        report.table(
            ["live stations, device to commit", "messages", "p50 ms", "p90 ms", "p99 ms", "max ms"],
            [
                [name, *(delays.get(key) for key in ("messages", "p50_ms", "p90_ms", "p99_ms", "max_ms"))]
                for name, delays in found["live_delays"].items()
            ],
        ),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
