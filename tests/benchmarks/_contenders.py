"""The contenders of the ingest benchmark, each on the same messages and with the same two cores."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from shutil import which
from typing import Any

import asyncpg

from solarrally.brokers.address import parse_address
from tests.benchmarks._flood import Flood, flood
from tests.benchmarks._processes import CpuMeter, rss_bytes, written_bytes
from tests.benchmarks._report import quantiles_ms
from tests.benchmarks._stack import Companion, Failed, Stack, progress, query
from tests.benchmarks._verdict import committed, verify, wait_committed

PUBACK_BYTES = 4
WARM_UP_S = 2.0


@dataclass(slots=True, kw_only=True)
class Load:
    """What is published."""

    stations: int
    ahead: int
    """Messages that may be published and not yet consumed."""
    window: int
    """Messages that the broker may not have acknowledged yet."""


@dataclass(slots=True, frozen=True)
class Sustained:
    """A long flood through the ingestor."""

    flood: Flood
    rss_start_bytes: int
    rss_after_bytes: int
    notices: int
    batch_mean: float
    payload_bytes: int


def through_ingestor(stack: Stack, load: Load, *, seconds: float, rate: float | None) -> Sustained:
    """Everything on: sessions, rollups, live notification with somebody listening. Verified."""
    with (
        stack.ingestor() as ingestor,
        stack.listener() as listener,
        stack.publisher(load.stations, window=load.window) as publisher,
    ):
        ingestor.wait_connected()
        rss_start = rss_bytes(ingestor.pid)
        ran = flood(
            publisher,
            lambda: committed(ingestor.counters()),
            seconds=seconds,
            rate=rate,
            ahead=load.ahead,
            pids={"ingestor": ingestor.pid, **stack.pids, "listener": listener.pid},
            memory_of=ingestor.pid,
            say="ingestor",
        )
        verify(stack, ingestor, published=ran.published, stations=load.stations)
        counters = ingestor.counters()
        rss_after = rss_bytes(ingestor.pid)
        listener.close()
        heard = listener.answer()
        if not heard["notices"]:
            raise Failed("the listener heard nothing: live notification was not paid for")
        return Sustained(
            ran,
            rss_start,
            rss_after,
            heard["notices"],
            ran.published / counters["solarrally_batches_total"],
            publisher.greeting["payload_bytes"],
        )


# -- what nobody can beat --------------------------------------------------------------------------


def through_mosquitto_sub(stack: Stack, load: Load, *, seconds: float) -> Flood | None:
    """A subscriber in C that stores nothing: the broker's own limit. None without the program."""
    program = which("mosquitto_sub")
    if program is None:
        progress(
            "NO mosquitto_sub: the broker's own limit is NOT measured. Debian: apt install mosquitto-clients"
        )
        return None
    address = parse_address(stack.broker.url_for("ingestor"))
    subscribe = [
        program, "-h", address.host, "-p", str(address.port), "-u", address.username or "", "-P",
        address.password or "", "-i", "bare", "-c", "-q", "1", "-t", "evse/+/telemetry",
    ]  # fmt: skip
    # The session first, so that it misses nothing of what is published while it starts.
    subprocess.run([*subscribe, "-E"], check=True, timeout=20)
    with (
        subprocess.Popen(subscribe, stdout=subprocess.DEVNULL) as subscriber,
        stack.publisher(load.stations, window=load.window) as publisher,
    ):
        try:
            # It prints each payload with a line feed and sends a PUBACK; it begins with a few dozen bytes.
            each_bytes = publisher.greeting["payload_bytes"] + 1 + PUBACK_BYTES
            time.sleep(0.5)
            before = written_bytes(subscriber.pid)
            return flood(
                publisher,
                lambda: (written_bytes(subscriber.pid) - before) // each_bytes,
                seconds=seconds,
                ahead=load.ahead,
                pids={"mosquitto_sub": subscriber.pid, "mosquitto": stack.broker.pid},
                say="mosquitto_sub",
            )
        finally:
            subscriber.terminate()


def copy_limit(stack: Stack, batch: int, *, limit: int) -> dict[str, Any]:
    """PostgreSQL's own limit: the rows that the ingestor stored, taken out and put back by COPY, a commit for
    each `batch`, into the same table, in the order of arrival.
    """

    async def run() -> dict[str, Any]:
        connection = await asyncpg.connect(stack.postgres.superuser_dsn)  # for CHECKPOINT
        try:
            found = await connection.fetch("SELECT * FROM reading ORDER BY ts LIMIT $1", limit)
            columns = list(found[0].keys())
            rows = [tuple(row) for row in found]
            # TRUNCATE, after a copy of what the next batch size needs too.
            await connection.execute("CREATE TABLE IF NOT EXISTS bench_kept AS SELECT * FROM reading")
            await connection.execute("TRUNCATE reading")
            await connection.execute("CHECKPOINT")
            meter = CpuMeter({"postgres": stack.postgres.pid})
            started_s, client_s = time.monotonic(), time.process_time()
            for start in range(0, len(rows), batch):
                await connection.copy_records_to_table(
                    "reading", records=rows[start : start + batch], columns=columns
                )
            took_s = time.monotonic() - started_s
            used = {**meter.read(), "client": time.process_time() - client_s}
            others_share = meter.others_share() - used["client"] / took_s / (os.cpu_count() or 1)
            stored = await connection.fetchval("SELECT count(*) FROM reading")
            if stored != len(rows):
                raise Failed(f"COPY of {len(rows)} rows left {stored}")
            await connection.execute("TRUNCATE reading")
            await connection.execute("INSERT INTO reading SELECT * FROM bench_kept")
        finally:
            await connection.close()
        return {
            "rate": len(rows) / took_s,
            "messages": len(rows),
            "others_share": max(0.0, others_share),
            **{f"{name}_cpu_s_per_100k": used[name] / len(rows) * 1e5 for name in ("postgres", "client")},
        }

    return asyncio.run(run())


# -- what most do ----------------------------------------------------------------------------------


def through_baseline(stack: Stack, load: Load, *, count: int) -> dict[str, Any]:
    """One ORM insert and commit for each message; see `_baseline`."""
    arguments = (stack.postgres.dsn, stack.broker.url_for("ingestor"), str(count))
    with Companion("_baseline", *arguments) as baseline, stack.publisher(load.stations) as publisher:
        meter = CpuMeter({"baseline": baseline.pid, **stack.pids, "publisher": publisher.pid})
        publisher.tell(f"send {count}")
        deadline_s = time.monotonic() + count / 50 + 30
        done = None
        while done is None:
            if time.monotonic() > deadline_s:
                raise Failed("the baseline is slower than 50 messages/s")
            done = baseline.heard(5.0)
            if done is None:
                progress("baseline: at work")
        used, others_share = meter.read(), meter.others_share()
    stored = query(stack.postgres.dsn, "SELECT count(*) FROM naive_reading")[0][0]
    if stored != count or done["stored"] != count:
        raise Failed(f"the baseline stored {stored} of {count}")
    return {
        "rate": count / done["took_s"],
        "messages": count,
        "cpu_per_100k": {name: seconds / count * 1e5 for name, seconds in used.items()},
        "others_share": others_share,
    }


# -- how long a message takes ----------------------------------------------------------------------


@dataclass(slots=True, frozen=True)
class LatencyAtRate:
    """From the device's timestamp to the commit's, at a steady rate."""

    rate: int
    achieved: float
    """Messages/s by the stored timestamps."""
    delays_ms: dict[str, float]
    publisher_lag_ms: dict[str, float]
    cpu_per_100k: dict[str, float]
    measured: int
    others_share: float


def latencies(
    stack: Stack, load: Load, rates: list[int], *, seconds: float, told: Callable[[LatencyAtRate], None]
) -> list[LatencyAtRate]:
    """One ingestor, rate after rate; the first seconds of each are left out. Verified at the end."""
    found = []
    with (
        stack.ingestor() as ingestor,
        stack.listener() as listener,
        stack.publisher(load.stations, window=load.window) as publisher,
    ):
        ingestor.wait_connected()
        pids = {"ingestor": ingestor.pid, **stack.pids, "publisher": publisher.pid, "listener": listener.pid}
        published = 0
        for rate in rates:
            meter = CpuMeter(pids)
            before = published
            publisher.tell(f"rate {rate} {seconds + WARM_UP_S}")
            report = publisher.answer(seconds + WARM_UP_S + 60)
            published = report["sent"]
            wait_committed(ingestor, published)
            used, others_share = meter.read(), meter.others_share()
            from_us = report["first_us"] + int(WARM_UP_S * 1e6)
            delays_s = [row[0] for row in query(stack.postgres.dsn, _DELAYS, from_us, report["last_us"])]
            at_rate = LatencyAtRate(
                rate,
                len(delays_s) / ((report["last_us"] - from_us) / 1e6),
                quantiles_ms(delays_s),
                {"p99_ms": report["lag_p99_s"] * 1e3, "max_ms": report["lag_max_s"] * 1e3},
                {name: seconds_used / (published - before) * 1e5 for name, seconds_used in used.items()},
                len(delays_s),
                others_share,
            )
            told(at_rate)
            found.append(at_rate)
        verify(stack, ingestor, published=published, stations=load.stations)
    return found


_DELAYS = """
SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin) - ts)::float8
FROM reading
WHERE ts BETWEEN to_timestamp($1::bigint / 1e6) AND to_timestamp($2::bigint / 1e6)
"""
