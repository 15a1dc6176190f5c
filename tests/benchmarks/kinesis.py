"""What shards are worth: messages/s taken in from a Kinesis stream of 1, 2 and 4 shards, and what bounds it.

The stream is moto's, with the service's limits of a shard (tests/support/kinesis_child.py): 5 reads/s and 2
MB/s. moto is one process and gives some thousand records a second, however many shards there are. So messages
are padded with a field that nobody reads, until the shards' bytes are the limit and not moto. For each number
of shards the stream is filled first, and then

    bare     boto3 reads every shard as fast as it may and throws it away: the limit of the shards, or of moto
    ours     `solarrally ingest` with everything on, from when it takes its first shard until the last reading
             is stored

with all of it on the cores of this machine. What counts are the ratios within one run, and only where `bare`
grows with the shards. Whatever is lost or stored twice makes the run fail (exit code 1).

    ./run bench kinesis              about 3 minutes
    ./run bench kinesis --bytes 0    the messages as they are: shows what moto can do
    ./run bench kinesis --quick      to see that all of it works
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from tests.benchmarks import _report as report
from tests.benchmarks._stack import progress
from tests.support.aws_stream import AwsStream, make_stream, running_aws_streams
from tests.support.charging_fleet import fleet, rounds
from tests.support.fault_harness import _fetch, fault_server, fresh_database
from tests.support.stream_process import StreamIngestorProcess

STATIONS = 400
TIMEOUT_S = 300.0


class Failed(Exception):
    """The run does not count."""


def main() -> None:
    options = parsed()
    result: dict[str, Any] = {"machine": report.machine(), "options": {**vars(options), "json": None}}
    try:
        result["sizes"] = measured(options)
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
    parser.add_argument("--shards", type=int, nargs="+", default=[1, 2, 4], help="the numbers to measure")
    parser.add_argument("--messages", type=int, default=8_000, help="for each shard (8000)")
    parser.add_argument("--bytes", type=int, default=2_000, help="of a message, padded (2000)")
    parser.add_argument("--ingestors", type=int, default=1, help="that share the stream (1)")
    parser.add_argument("--quick", action="store_true", help="a sanity check: few messages")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the result for scripts")
    options = parser.parse_args()
    if options.quick:
        options.messages = 2_000
    return options


def measured(options: argparse.Namespace) -> list[dict[str, Any]]:
    sizes = []
    with fault_server() as server:
        for shards in options.shards:
            with running_aws_streams() as url, fresh_database(server) as database_url:
                progress(f"{shards} shards: filling the stream")
                stream = make_stream(url, shards)
                messages = rounds(fleet(STATIONS), options.messages * shards // STATIONS)
                stream.put([(message.topic, padded(message.payload, options.bytes)) for message in messages])
                progress(f"{shards} shards: bare")
                bare_s = read_all(stream, len(messages))
                time.sleep(6.0)  # the limits of a shard look back five seconds
                progress(f"{shards} shards: ours")
                started_s, took_s, throttled = take_in(stream, database_url, len(messages), options.ingestors)
            sizes.append(
                {
                    "shards": shards,
                    "messages": len(messages),
                    "bare_rate": len(messages) / bare_s,
                    "start_s": started_s,
                    "rate": len(messages) / took_s,
                    "throttled_reads": throttled,
                }
            )
    return sizes


def padded(payload: bytes, size_bytes: int) -> bytes:
    """As long as that with a field that nobody reads; never shorter than it is."""
    rest = size_bytes - len(payload) - len(', "padding": ""')
    return payload if rest < 0 else payload[:-1] + b', "padding": "%s"}' % (b"x" * rest)


def read_all(stream: AwsStream, expected: int) -> float:
    """How long boto3 alone takes."""
    began_s = time.monotonic()
    shard_ids = list(stream.open_shards())
    with ThreadPoolExecutor(len(shard_ids)) as executor:
        counts = list(executor.map(lambda shard_id: read_shard(stream, shard_id), shard_ids))
    if sum(counts) != expected:
        raise Failed(f"moto gave {sum(counts)} of {expected} records")
    return time.monotonic() - began_s


def read_shard(stream: AwsStream, shard_id: str) -> int:
    iterator = stream.kinesis.get_shard_iterator(
        StreamName=stream.name, ShardId=shard_id, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    count = 0
    while True:
        try:
            answer = stream.kinesis.get_records(ShardIterator=iterator, Limit=10_000)
        except ClientError:  # too fast
            time.sleep(0.2)
            continue
        count += len(answer["Records"])
        if not answer["MillisBehindLatest"]:
            return count
        iterator = answer["NextShardIterator"]
        time.sleep(max(0.2, sum(len(one["Data"]) for one in answer["Records"]) / 2_000_000))


def take_in(
    stream: AwsStream, database_url: str, expected: int, ingestor_count: int
) -> tuple[float, float, int]:
    """Until the first shard is taken, from there until all is stored (both in s), and refused reads."""
    with tempfile.TemporaryDirectory() as folder:
        ingestors = [
            StreamIngestorProcess(
                database_url=database_url,
                stream=stream,
                folder=Path(folder),
                log_file=Path(folder) / f"ingestor{number}.log",
            )
            for number in range(ingestor_count)
        ]
        began_s = time.monotonic()
        try:
            for ingestor in ingestors:
                ingestor.start()
            while not any(ingestor.owned() for ingestor in ingestors):
                wait(began_s, "no shard was taken")
            taken_s = time.monotonic()
            while (stored := count_of(database_url)) < expected:
                wait(began_s, f"only {stored} of {expected} were stored")
            done_s = time.monotonic()
            if stored != expected:
                raise Failed(f"{stored} are stored of {expected}")
            throttled = sum(
                int(one.counters()["solarrally_stream_reads_throttled_total"]) for one in ingestors
            )
            for ingestor in ingestors:
                if ingestor.stop() != 0:
                    raise Failed("an ingestor did not stop in good order")
        finally:
            for ingestor in ingestors:
                if ingestor.is_running:
                    ingestor.kill()
    return taken_s - began_s, done_s - taken_s, throttled


def wait(since_s: float, what: str) -> None:
    if time.monotonic() - since_s > TIMEOUT_S:
        raise Failed(f"within {TIMEOUT_S:.0f} s {what}")
    time.sleep(0.1)


def count_of(database_url: str) -> int:
    [row] = asyncio.run(_fetch(database_url, "SELECT count(*) FROM reading", ()))
    return int(row[0])


def summary(sizes: list[dict[str, Any]]) -> str:
    lines = ["| shards | messages | ours, messages/s | against the first | bare, messages/s | of bare |"]
    lines.append("|---|---|---|---|---|---|")
    for size in sizes:
        lines.append(
            f"| {size['shards']} | {size['messages']:,} | {size['rate']:,.0f} "
            f"| x{size['rate'] / sizes[0]['rate']:.2f} | {size['bare_rate']:,.0f} "
            f"| {size['rate'] / size['bare_rate']:.0%} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
