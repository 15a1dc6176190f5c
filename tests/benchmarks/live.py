"""What it costs to tell many watchers at once: the API process alone, from the commit to the WebSocket.

A process commits notices as the ingestor does: 1,000 connectors in a charging session, each once a second,
two in a commit. `solarrally serve` tells all of it to each of the watchers, who only count frames. CPU is
that of the API process, in percent of one core. What it is compared with, in the same run and with the same
watchers: a bare `websockets.broadcast` of a frame of the same size, which reads no database, keeps no
picture, and knows no rates, audiences or slow clients.

    idle       the same updates, no watcher: what following the database costs
    plain      --watchers at 10 Hz that do not take compression
    deflated   the same who do, as browsers do
    held       --held watchers at 1 Hz: do all stay, and what memory does one take
    latency    100 watchers at 100 Hz: from just before the commit to the last watcher's socket
    stalled    --watchers, and 20 who read nothing at 100 Hz: memory, and what the others notice

    ./run bench live [--watchers 500] [--seconds 20] [--held 2000] [--only latency …] [--quick] [--json FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from solarrally.embedded.postgres import EmbeddedPostgres
from solarrally.embedded.temporary import temporary_dir
from solarrally.live_client import log_in
from solarrally.storage.connections import connect
from tests.benchmarks import _report as report
from tests.benchmarks._processes import CpuMeter, rss_bytes
from tests.benchmarks._stack import Companion, Failed, progress
from tests.benchmarks._watchers import masked
from tests.support.backend import until_ready

SCENES = ("idle", "plain", "deflated", "held", "latency", "stalled")
STATIONS = 1000
UPDATES_HZ = 1000.0
SETTLE_S = 2.0
STALLED = 20


@dataclass(slots=True, frozen=True)
class Api:
    """The measured process."""

    address: str
    token: str
    pid: int


def main() -> None:
    options = parsed()
    result: dict[str, Any] = {"machine": report.machine(), "watchers": options.watchers}
    with temporary_dir() as folder:
        postgres = EmbeddedPostgres(folder / "database")
        postgres.start()
        try:
            for scene in options.only:
                progress(scene)
                with running_api(postgres.dsn, folder) as api:
                    result[scene] = measured(scene, api, postgres.dsn, options)
        except Failed as error:
            raise SystemExit(f"THIS RUN DOES NOT COUNT: {error}") from None
        finally:
            postgres.stop()
    report.save(result, options.json)
    print(report.machine_line(result["machine"]))
    print()
    print(summary(result))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--watchers", type=int, default=500)
    parser.add_argument("--held", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=20.0, help="for each scene (20)")
    parser.add_argument("--only", nargs="+", choices=SCENES, default=SCENES)
    parser.add_argument("--quick", action="store_true", help="to see that it works; no figures for quoting")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.quick:
        options.watchers, options.held, options.seconds = 50, 200, 3.0
    return options


@contextmanager
def running_api(dsn: str, folder: Path) -> Iterator[Api]:
    """`solarrally serve` on a database with the fleet, started anew."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    password = secrets.token_urlsafe(16)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SOLARRALLY_")},
        "SOLARRALLY_DATABASE_URL": dsn,
        "SOLARRALLY_JWT_SECRET": secrets.token_hex(32),
        "SOLARRALLY_API_PORT": str(port),
        "SOLARRALLY_ADMIN_PASSWORD": password,
        "SOLARRALLY_LIVE_MAX_WATCHERS": "5000",
        "SOLARRALLY_LIVE_MAX_WATCHERS_PER_ACCOUNT": "5000",
    }
    program = [sys.executable, "-m", "solarrally"]
    asyncio.run(emptied(dsn))
    migrated = subprocess.run(
        [*program, "migrate"], env=environment, check=False, capture_output=True, text=True
    )
    if migrated.returncode:
        raise Failed(f"migrate: {migrated.stderr[-2000:]}")
    asyncio.run(populated(dsn))
    with (folder / "api.log").open("ab") as log:
        api = subprocess.Popen([*program, "serve"], env=environment, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            until_ready(url)
            yield Api(f"127.0.0.1:{port}", log_in(url, "admin", password), api.pid)
        finally:
            api.terminate()
            try:
                api.wait(timeout=15)
            except subprocess.TimeoutExpired:
                api.kill()
                api.wait()


async def emptied(dsn: str) -> None:
    """A database of its own for each scene: nothing is left of the one before."""
    connection = await connect(dsn)
    try:
        await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    finally:
        await connection.close()


async def populated(dsn: str) -> None:
    """The stations, so that the snapshot is as large as it will be."""
    connection = await connect(dsn)
    try:
        site_id = await connection.fetchval("SELECT min(id) FROM site")
        if site_id is None:
            site_id = await connection.fetchval(
                "INSERT INTO site (name, timezone, currency) VALUES ('Bench', 'America/Jamaica', 'JMD')"
                " RETURNING id"
            )
        await connection.execute(
            "INSERT INTO evse (evse_uid, site_id, is_online)"
            " SELECT 'bench-' || to_char(n, 'FM0000'), $1, true FROM generate_series(0, $2 - 1) n",
            site_id,
            STATIONS,
        )
        await connection.execute(
            "INSERT INTO connector (evse_id, connector_id, ts, received_at, status)"
            " SELECT id, 1, now() - interval '1 day', now() - interval '1 day', 'charging' FROM evse"
        )
    finally:
        await connection.close()


def measured(scene: str, api: Api, dsn: str, options: argparse.Namespace) -> dict[str, Any]:
    """One scene's figures."""
    count, rate_hz, probes = {
        "idle": (0, 10.0, 0),
        "plain": (options.watchers, 10.0, 0),
        "deflated": (options.watchers, 10.0, 0),
        "held": (options.held, 1.0, 0),
        "latency": (min(100, options.watchers), 100.0, 5),
        "stalled": (options.watchers, 10.0, 0),
    }[scene]
    arguments = ["--watchers", str(count), "--probes", str(probes), "--rate-hz", str(rate_hz)]
    if scene != "plain":
        arguments.append("--deflate")
    with ExitStack() as stack:
        os.environ["BENCH_DSN"] = dsn
        memory_before = rss_bytes(api.pid)
        ticker = stack.enter_context(Companion("_ticker"))
        watchers = None
        if count:
            os.environ["BENCH_TOKEN"] = api.token
            url = f"ws://{api.address}/api/v1/live"
            watchers = stack.enter_context(Companion("_watchers", url, *arguments))
        time.sleep(SETTLE_S)
        if watchers is not None:
            told(watchers)
        stalled = [
            stack.enter_context(closing(stalled_socket(api))) for _ in range(STALLED * (scene == "stalled"))
        ]
        figures = during(api.pid, watchers, options.seconds, stalled)
        figures |= {
            "watchers": count,
            "rate_hz": rate_hz,
            "memory_mib": rss_bytes(api.pid) / 2**20,
            "memory_before_mib": memory_before / 2**20,
        }
        if watchers is not None:
            check(scene, figures, count, options)
        ticker.close()
        figures["ticker"] = ticker.answer()
    if figures["ticker"]["per_s"] < 0.95 * UPDATES_HZ:
        raise Failed(f"only {figures['ticker']['per_s']:.0f} updates/s were committed")
    if scene in ("plain", "deflated"):
        figures["bare"] = bare(count, rate_hz, round(figures["bytes"] / figures["frames"]), options.seconds)
    return figures


def during(
    pid: int, watchers: Companion | None, seconds: float, stalled: Sequence[socket.socket] = ()
) -> dict[str, Any]:
    """CPU, and what the watchers got, over so many seconds; longer, if it takes longer to cut the stalled."""
    meter, began_s, memory = CpuMeter({"server": pid}), time.monotonic(), rss_bytes(pid)
    extra = until_cut(stalled, pid, memory) if stalled else {}
    time.sleep(max(0.0, seconds - (time.monotonic() - began_s)))
    used_s, took_s = meter.read(), time.monotonic() - began_s
    got = extra | (told(watchers) if watchers is not None else {})
    ages_s = got.pop("ages_s", [])
    figures = {**got, "seconds": took_s, "cpu_percent": used_s["server"] / took_s * 100}
    figures["others_percent"] = used_s["(others)"] / took_s * 100
    if ages_s:
        figures["age"] = report.quantiles_ms(ages_s) | {"samples": len(ages_s)}
    return figures


def told(watchers: Companion) -> dict[str, Any]:
    watchers.tell("read")
    return watchers.answer()


def check(scene: str, figures: dict[str, Any], count: int, options: argparse.Namespace) -> None:
    """Everybody is still there, and got what was asked for."""
    if figures["open"] != count:
        raise Failed(f"{scene}: {count - figures['open']} of {count} watchers were closed")
    expected = figures["rate_hz"] * figures["seconds"]
    if figures["least_frames"] < 0.85 * expected and scene != "latency":
        raise Failed(f"{scene}: a watcher got {figures['least_frames']} frames instead of {expected:.0f}")


def stalled_socket(api: Api) -> socket.socket:
    """A watcher at 100 Hz that reads nothing after the handshake."""
    host, _, port = api.address.partition(":")
    opened = socket.socket()
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    opened.connect((host, int(port)))
    opened.sendall(
        f"GET /api/v1/live HTTP/1.1\r\nHost: {api.address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\nSec-WebSocket-Version: 13\r\n"
        f"Authorization: Bearer {api.token}\r\n\r\n".encode()
    )
    opened.recv(12)
    opened.sendall(masked(b'{"type":"subscribe","all":true,"max_rate_hz":100}'))
    return opened


def until_cut(stalled: Sequence[socket.socket], pid: int, memory_before: int) -> dict[str, Any]:
    """Wait until the last of them is cut, by the kernel's word: how long, and what memory was taken."""
    began_s = time.monotonic()
    waiting, most = list(stalled), memory_before
    for one in stalled:
        one.setblocking(False)
    while waiting:
        if time.monotonic() - began_s > 60:
            raise Failed(f"{len(waiting)} watchers who read nothing were not cut within a minute")
        time.sleep(0.1)
        waiting = [one for one in waiting if not is_cut(one)]
        most = max(most, rss_bytes(pid))
    return {
        "stalled_cut_after_s": time.monotonic() - began_s,
        "stalled_took_mib": (most - memory_before) / 2**20,
    }


def is_cut(one: socket.socket) -> bool:
    with contextlib.suppress(BlockingIOError):
        try:
            one.send(b"\x8a\x80\0\0\0\0")  # a pong
        except OSError as error:
            if isinstance(error, BlockingIOError):
                raise
            return True
    return False


def bare(count: int, rate_hz: float, size_bytes: int, seconds: float) -> dict[str, Any]:
    """The same number of frames of the same size by `websockets.broadcast`."""
    os.environ.pop("BENCH_TOKEN", None)
    arguments = ("--size-bytes", str(size_bytes), "--rate-hz", str(rate_hz))
    with Companion("_broadcast", *arguments) as server:
        url = f"ws://127.0.0.1:{server.greeting['port']}/"
        with Companion("_watchers", url, "--watchers", str(count)) as watchers:
            time.sleep(SETTLE_S)
            told(watchers)
            figures = during(server.pid, watchers, seconds)
    return {**figures, "size_bytes": size_bytes}


def summary(result: dict[str, Any]) -> str:
    headings = ("", "watchers", "Hz", "kB a frame", "CPU %", "bare %", "ours / bare", "MiB", "others %")
    rows = []
    for scene in SCENES:
        figures = result.get(scene)
        if figures is None:
            continue
        frames, base = figures.get("frames"), figures.get("bare", {}).get("cpu_percent")
        rows.append(
            (
                scene,
                figures["watchers"],
                figures["rate_hz"],
                figures["bytes"] / frames / 1e3 if frames else None,
                figures["cpu_percent"],
                base,
                figures["cpu_percent"] / base if base else None,
                figures["memory_mib"],
                figures["others_percent"],
            )
        )
    lines = [report.table(headings, rows)]
    if "held" in result:
        held = result["held"]
        kib = (held["memory_mib"] - held["memory_before_mib"]) * 1024 / held["watchers"]
        lines.append(f"held: {held['open']:,} of {held['watchers']:,} stayed; {kib:.0f} KiB a watcher")
    if "latency" in result:
        age = result["latency"]["age"]
        lines.append(
            f"latency, commit to socket, {age['samples']:,} updates: p50 {age['p50_ms']:.1f} ms,"
            f" p90 {age['p90_ms']:.1f}, p99 {age['p99_ms']:.1f}, max {age['max_ms']:.1f}"
        )
    if "stalled" in result:
        stalled = result["stalled"]
        lines.append(
            f"stalled: the last of {STALLED} was cut after {stalled['stalled_cut_after_s']:.1f} s; they took"
            f" {stalled['stalled_took_mib']:.1f} MiB at most"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
