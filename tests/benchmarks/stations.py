"""What a station costs: memory, CPU and the time of a restart, from a hundred stations to a hundred thousand.

For each size the same number of messages (at least two rounds of all stations), each station's k-th in turn:

    first round    every station is new: it is registered and its session opens
    later rounds   what a message costs with so many stations alive
    restart        from the start of the process until it is connected, with all those sessions running,
                   then one more round: every station's state is fetched or folded again where it is needed

The rate limit for one station is lifted, for a hundred stations in a flood would meet it. A run that loses or
doubles anything, or opens one session too many, fails (exit code 1).

    ./run bench stations [--stations 100 1000 10000 100000] [--messages 300000]
    ./run bench stations --quick
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from tests.benchmarks import _report as report
from tests.benchmarks._flood import Flood, flood
from tests.benchmarks._processes import cpu_s, rss_bytes
from tests.benchmarks._stack import Failed, prepare, progress, query, running_stack
from tests.benchmarks._verdict import committed, verify

READY_TIMEOUT_S = 120.0
NO_LIMIT = "100000000"


def main() -> None:
    options = parsed()
    prepare()
    result: dict[str, Any] = {"machine": report.machine(), "sizes": []}
    try:
        for stations in options.stations:
            progress(f"{stations:,} stations")
            result["sizes"].append(measured(stations, options))
            print_row(result["sizes"][-1])
    except Failed as error:
        report.save({**result, "failed": str(error)}, options.json)
        raise SystemExit(f"THIS RUN DOES NOT COUNT: {error}") from None
    report.save(result, options.json)
    print(report.machine_line(result["machine"]))
    print()
    print(summary(result["sizes"]))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--stations", type=int, nargs="+", default=[100, 1_000, 10_000, 100_000], help="the sizes to measure"
    )
    parser.add_argument("--messages", type=int, default=300_000, help="for each size (300000)")
    parser.add_argument("--ahead", type=int, default=50_000, help="published and not yet committed, at most")
    parser.add_argument("--quick", action="store_true", help="100 and 2000 stations, 20000 messages")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the result for scripts")
    options = parser.parse_args()
    if options.quick:
        options.stations, options.messages = [100, 2_000], 20_000
    return options


def measured(stations: int, options: argparse.Namespace) -> dict[str, Any]:
    """One size, on a database and a broker of its own."""
    later = max(options.messages - stations, stations)
    with (
        running_stack() as stack,
        stack.listener() as listener,
        stack.ingestor(station_rate_limit_hz=NO_LIMIT) as ingestor,
        stack.publisher(stations, cadence_s=max(1.0, stations / 5_000)) as publisher,
    ):
        ingestor.wait_connected()
        empty_bytes = rss_bytes(ingestor.pid)
        done = 0

        def run(messages: int, say: str, before_restart: int = 0) -> Flood:
            nonlocal done
            ran = flood(
                publisher,
                lambda: before_restart + committed(ingestor.counters()),
                seconds=600.0,
                ahead=options.ahead,
                pids={"ingestor": ingestor.pid, **stack.pids, "listener": listener.pid},
                most=messages,
                before=done,
                say=say,
            )
            done += ran.published
            return ran

        first = run(stations, "first round")
        rest = run(later, "later rounds")
        verify(stack, ingestor, published=done, stations=stations)
        full_bytes = rss_bytes(ingestor.pid)
        ingestor.stop()
        started_s = time.monotonic()
        ingestor.start()
        while ingestor.counters().get("solarrally_broker_connected") != 1:
            if not ingestor.is_running or time.monotonic() - started_s > READY_TIMEOUT_S:
                raise Failed(f"no restart:\n{ingestor.log_file.read_text()[-2000:]}")
            time.sleep(0.01)
        restart_s, restart_cpu_s = time.monotonic() - started_s, cpu_s(ingestor.pid)
        restarted_bytes = rss_bytes(ingestor.pid)
        again = run(stations, "after the restart", before_restart=done)
        time.sleep(1.0)
        row = query(
            stack.postgres.dsn,
            "SELECT (SELECT count(*) FROM reading), (SELECT count(*) FROM charging_session)",
        )[0]
        if tuple(row) != (done, stations):
            raise Failed(f"{row[0]} readings and {row[1]} sessions of {done} messages, {stations} stations")
    return {
        "stations": stations,
        "messages": done,
        "rss_empty_mib": empty_bytes / 2**20,
        "rss_full_mib": full_bytes / 2**20,
        "first_rate": first.rate,
        "first_cpu_per_100k": first.cpu_per_100k,
        "later_rate": rest.rate,
        "others_share": rest.others_share,
        "later_cpu_per_100k": rest.cpu_per_100k,
        "restart_s": restart_s,
        "restart_cpu_s": restart_cpu_s,
        "rss_restarted_mib": restarted_bytes / 2**20,
        "again_rate": again.rate,
        "again_cpu_per_100k": again.cpu_per_100k,
    }


def print_row(found: dict[str, Any]) -> None:
    progress(
        f"{found['stations']:,}: {found['rss_full_mib']:.0f} MiB,"
        f" {found['later_cpu_per_100k']['ingestor']:.2f} CPU s/100k, restart {found['restart_s']:.2f} s"
    )


def summary(sizes: list[dict[str, Any]]) -> str:
    curve = report.table(
        ["stations", "MiB empty", "MiB", "KiB each more", "restart s", "CPU s of it", "MiB after"],
        [
            [
                f"{each['stations']:,}",
                each["rss_empty_mib"],
                each["rss_full_mib"],
                more_each_kib(sizes[0], each),
                each["restart_s"],
                each["restart_cpu_s"],
                each["rss_restarted_mib"],
            ]
            for each in sizes
        ],
    )
    costs = report.table(
        [
            "CPU s per 100k, ingestor + postgres",
            "first round",
            "later rounds",
            "after restart",
            "later msg/s",
            "others",
        ],
        [
            [
                f"{each['stations']:,}",
                *(
                    f"{each[phase]['ingestor']:.2f} + {each[phase]['postgres']:.2f}"
                    for phase in ("first_cpu_per_100k", "later_cpu_per_100k", "again_cpu_per_100k")
                ),
                each["later_rate"],
                f"{each['others_share']:.0%}",
            ]
            for each in sizes
        ],
    )
    return f"{curve}\n\n{costs}"


def more_each_kib(smallest: dict[str, Any], each: dict[str, Any]) -> float | None:
    """What each station beyond those of the smallest size takes: the process's own buffers are in both."""
    more = each["stations"] - smallest["stations"]
    return (each["rss_full_mib"] - smallest["rss_full_mib"]) * 1024 / more if more else None


if __name__ == "__main__":
    main()
