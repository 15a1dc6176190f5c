"""How fast messages are taken in, against what bounds it and against what most projects do.

In one run, on the same messages (native JSON of about 300 bytes, hundreds of stations in turn, each in a
charging session), every contender with publisher, Mosquitto and PostgreSQL on the cores of this machine:

    ours        `solarrally ingest` with everything on, and a listener on the live channel
    bare        mosquitto_sub, a C subscriber that stores nothing: the broker's own limit
    copy        COPY of the very rows that ours stored, into the same table: PostgreSQL's own limit
    baseline    aiomqtt, pydantic, one SQLAlchemy ORM insert and commit for each message

and the latency from the device's timestamp to PostgreSQL's commit timestamp at steady rates. The publisher
never is more than --ahead messages in front, so what is measured is throughput and not the broker's queue.
Whatever is lost, stored twice, or not accounted for makes the run fail (exit code 1).

    ./run bench ingest              about 4 minutes
    ./run bench ingest --quick      under a minute, to see that all of it works
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks import _contenders as contenders
from tests.benchmarks import _report as report
from tests.benchmarks._contenders import LatencyAtRate, Load, Sustained
from tests.benchmarks._flood import Flood
from tests.benchmarks._stack import Failed, prepare, progress, running_stack

PARTS = ("latency", "ours", "bare", "copy", "baseline")
SLICE_S = 5.0
COPY_ROWS = 300_000
OTHERS_SHARE_MAX = 0.05
FLAT_MIB_PER_MIN = 2.0
LONG_ENOUGH_S = 50.0
COPY_BATCHES = (1_000, 5_000)


def main() -> None:
    options = parsed()
    prepare()
    load = Load(stations=options.stations, ahead=options.ahead, window=options.window)
    result: dict[str, Any] = {"machine": report.machine(), "options": {**vars(options), "json": None}}
    try:
        measure(options, load, result)
    except Failed as error:
        report.save({**result, "failed": str(error)}, options.json)
        raise SystemExit(f"THIS RUN DOES NOT COUNT: {error}") from None
    report.save(result, options.json)
    print(summary(result))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="of the sustained run (60)")
    parser.add_argument("--rate", type=float, help="offer so many messages/s; default: a flood, kept bounded")
    parser.add_argument("--stations", type=int, default=500, help="that report in turn (500)")
    parser.add_argument(
        "--ahead", type=int, default=50_000, help="messages published and not yet committed, at most (50000)"
    )
    parser.add_argument(
        "--window", type=int, default=4_000, help="messages the broker may not have acknowledged yet (4000)"
    )
    parser.add_argument(
        "--bare-seconds", type=float, default=20.0, help="of the flood into mosquitto_sub (20)"
    )
    parser.add_argument(
        "--baseline-messages", type=int, default=10_000, help="it is slow: so many are enough (10000)"
    )
    parser.add_argument(
        "--latency-rates", type=int, nargs="*", default=[1_000, 5_000, 10_000, 20_000], metavar="RATE"
    )
    parser.add_argument("--latency-seconds", type=float, default=10.0, help="at each rate, after 2 s (10)")
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=list(PARTS), help="parts to run; `copy` needs `ours`"
    )
    parser.add_argument("--quick", action="store_true", help="a sanity check: short, two rates, few messages")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the result for scripts")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.bare_seconds, options.baseline_messages = 8.0, 5.0, 2_000
        options.latency_rates, options.latency_seconds = [1_000, 10_000], 3.0
    if "copy" in options.only and "ours" not in options.only:
        parser.error("--only copy needs ours: its rows are what ours stored")
    return options


def measure(options: argparse.Namespace, load: Load, result: dict[str, Any]) -> None:
    """Each contender on a database and a broker of its own."""
    if "latency" in options.only:
        with running_stack() as stack:
            result["broker"], result["postgres"] = stack.broker.title, stack.postgres.version
            found = contenders.latencies(
                stack, load, options.latency_rates, seconds=options.latency_seconds, told=tell_latency
            )
        result["latency"] = [asdict(each) for each in found]
    if "ours" in options.only:
        with running_stack() as stack:
            result["broker"], result["postgres"] = stack.broker.title, stack.postgres.version
            ours = contenders.through_ingestor(stack, load, seconds=options.seconds, rate=options.rate)
            result["ours"] = described(ours)
            if "copy" in options.only:
                result["copy"] = {}
                for batch in COPY_BATCHES:
                    progress(f"COPY in batches of {batch}")
                    result["copy"][batch] = contenders.copy_limit(stack, batch, limit=COPY_ROWS)
    if "bare" in options.only:
        with running_stack() as stack:
            bare = contenders.through_mosquitto_sub(stack, load, seconds=options.bare_seconds)
            result["bare"] = None if bare is None else flood_figures(bare)
    if "baseline" in options.only:
        with running_stack() as stack:
            progress(f"baseline: {options.baseline_messages} messages")
            result["baseline"] = contenders.through_baseline(stack, load, count=options.baseline_messages)


def tell_latency(found: LatencyAtRate) -> None:
    progress(f"latency at {found.rate}/s: " + ", ".join(f"{k} {v:.2f}" for k, v in found.delays_ms.items()))


def flood_figures(ran: Flood) -> dict[str, Any]:
    slices = ran.slices(SLICE_S)
    return {
        "rate": ran.rate,
        "messages": ran.published,
        "publishing_s": ran.publishing_s,
        "slice_min": min(slices, default=None),
        "slice_median": median(slices) if slices else None,
        "slices": slices,
        "cpu_per_100k": ran.cpu_per_100k,
        "others_share": ran.others_share,
    }


def described(ours: Sustained) -> dict[str, Any]:
    series = ours.flood.rss
    return {
        **flood_figures(ours.flood),
        "payload_bytes": ours.payload_bytes,
        "messages_per_batch": ours.batch_mean,
        "notices": ours.notices,
        "rss_start_mib": ours.rss_start_bytes / 2**20,
        "rss_after_mib": ours.rss_after_bytes / 2**20,
        "rss_peak_mib": max(size for _, size in series) / 2**20,
        "rss_slope_mib_per_min": ours.flood.rss_slope_bytes_per_s() * 60 / 2**20,
        "rss_mib": [[round(at_s, 1), round(size / 2**20, 1)] for at_s, size in series],
    }


def summary(result: dict[str, Any]) -> str:
    parts = [
        report.machine_line(result["machine"]),
        f"broker: {result.get('broker')}; PostgreSQL {result.get('postgres')}, fsync on",
    ]
    if any(result.get(name) for name in ("ours", "bare", "copy", "baseline")):
        parts += ["", throughput_table(result), "", cpu_table(result)]
    if result.get("ours"):
        parts += ["", memory_lines(result["ours"])]
    if "latency" in result:
        parts += ["", latency_table(result["latency"])]
    if result.get("ours"):
        parts += ["", bounds_line(result["ours"])]
    parts += ["", targets_table(result)]
    noisy = noise(result)
    if noisy:
        parts += [
            "",
            f"NOT ALONE: others kept up to {max(noisy):.0%} of the machine busy. Rates and latencies",
        ]
        parts += ["are no measurements then; CPU seconds per message and memory nearly are. Run it again."]
    return "\n".join(parts)


def throughput_table(result: dict[str, Any]) -> str:
    contestants = [
        ("ours: everything on", result.get("ours")),
        ("bare: mosquitto_sub stores nothing", result.get("bare")),
        *((f"copy: PostgreSQL alone, {n} a commit", found) for n, found in result.get("copy", {}).items()),
        ("baseline: ORM commit per message", result.get("baseline")),
    ]
    return report.table(
        ["contender", "messages", "messages/s", f"min of {SLICE_S:g} s", "median", "ours / it", "others"],
        [
            [
                name,
                found["messages"],
                found["rate"],
                found.get("slice_min"),
                found.get("slice_median"),
                ratio(result.get("ours"), found),
                f"{found['others_share']:.0%}",
            ]
            for name, found in contestants
            if found
        ],
    )


def cpu_table(result: dict[str, Any]) -> str:
    """Of every contender, which processes used how much."""
    rows: list[list[object]] = []
    for name in ("ours", "bare", "baseline"):
        for process, seconds in ((result.get(name) or {}).get("cpu_per_100k", {})).items():
            rows.append([f"{name}: {process}", seconds])
    for batch, found in result.get("copy", {}).items():
        rows.append([f"copy {batch}: postgres", found["postgres_cpu_s_per_100k"]])
        rows.append([f"copy {batch}: client", found["client_cpu_s_per_100k"]])
    return report.table(["process", "CPU s per 100k messages"], rows)


def bounds_line(ours: dict[str, Any]) -> str:
    """Arithmetic, not a measurement: where the CPU time says that the limit is."""
    used = {name: seconds for name, seconds in ours["cpu_per_100k"].items() if name != "(others)"}
    busiest = max(used, key=lambda name: used[name])
    return (
        f"by CPU time alone: {busiest} on one core {1e5 / used[busiest]:,.0f}/s,"
        f" everything on {os.cpu_count()} cores {1e5 / sum(used.values()) * (os.cpu_count() or 1):,.0f}/s"
    )


def noise(result: dict[str, Any]) -> list[float]:
    """The shares of others that are too large."""
    found = [
        *(result[name] for name in ("ours", "bare", "baseline") if result.get(name)),
        *result.get("copy", {}).values(),
        *result.get("latency", ()),
    ]
    return [each["others_share"] for each in found if each["others_share"] > OTHERS_SHARE_MAX]


def targets_table(result: dict[str, Any]) -> str:
    """What the project has promised itself, and how far this run is from it."""
    ours, bare, baseline = (result.get(name) for name in ("ours", "bare", "baseline"))
    p99_ms = {each["rate"]: each["delays_ms"]["p99_ms"] for each in result.get("latency", ())}
    rows: list[tuple[str, str, float | None, bool | None]] = []

    def add(what: str, target: str, value: float | None, holds: Callable[[float], bool]) -> None:
        rows.append((what, target, value, None if value is None else holds(value)))

    add(
        "messages/s, the slowest 5 s", ">= 30,000", (ours or {}).get("slice_min"), lambda rate: rate >= 30_000
    )
    add("of the broker's own limit", ">= 0.55", ratio(ours, bare), lambda part: part >= 0.55)
    add("times the baseline", ">= 20", ratio(ours, baseline), lambda times: times >= 20)
    add("p99 ms at 10,000/s", "< 10", p99_ms.get(10_000), lambda delay_ms: delay_ms < 10)
    is_long = ours and ours["publishing_s"] >= LONG_ENOUGH_S  # a slope over seconds says nothing
    slope = ours["rss_slope_mib_per_min"] if ours and is_long else None
    add(
        "MiB/min of memory, second half", f"< {FLAT_MIB_PER_MIN:g}", slope, lambda mib: mib < FLAT_MIB_PER_MIN
    )
    words = {True: "yes", False: "NO", None: "-"}
    return report.table(
        ["target", "wanted", "measured", "holds"],
        [[what, target, value, words[holds]] for what, target, value, holds in rows],
    )


def ratio(one: dict[str, Any] | None, other: dict[str, Any] | None) -> float | None:
    return one["rate"] / other["rate"] if one and other else None


def memory_lines(ours: dict[str, Any]) -> str:
    return (
        f"ingestor's memory: {ours['rss_start_mib']:.0f} MiB at the start, {ours['rss_after_mib']:.0f} after,"
        f" {ours['rss_peak_mib']:.0f} at most,"
        f" {ours['rss_slope_mib_per_min']:+.2f} MiB/min in the second half\n"
        f"{ours['payload_bytes']} bytes a payload, {ours['messages_per_batch']:.0f} messages a commit,"
        f" {ours['notices']:,} notices heard"
    )


def latency_table(found: list[dict[str, Any]]) -> str:
    rows = [
        [
            f"{each['rate']:,}/s",
            each["achieved"],
            *each["delays_ms"].values(),
            each["publisher_lag_ms"]["p99_ms"],
            sum(seconds for name, seconds in each["cpu_per_100k"].items() if name == "ingestor"),
            f"{each['others_share']:.0%}",
        ]
        for each in found
    ]
    return report.table(
        [
            "device to commit",
            "achieved/s",
            "p50 ms",
            "p90 ms",
            "p99 ms",
            "max ms",
            "publisher's lag p99 ms",
            "ingestor CPU s/100k",
            "others",
        ],
        rows,
    )


if __name__ == "__main__":
    main()
